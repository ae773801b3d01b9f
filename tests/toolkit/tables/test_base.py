"""What all parts share: names, addresses, the past that is read, and the note of reads and appends."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from roadworthy.errors import TableError
from roadworthy.tables import Tables


@pytest.mark.parametrize("name", ["../flights", "a/b", "", ".hidden", "a b", "_delta_log", "x" * 101])
def test_a_name_cannot_leave_the_folder(tables: Tables, frame: pd.DataFrame, name: str) -> None:
    with pytest.raises(TableError, match="cannot be a table's name"):
        tables.append(name, frame)


def test_what_is_missing_is_named(tables: Tables, frame: pd.DataFrame) -> None:
    assert not tables.exists("flights")
    assert tables.count("flights") == 0
    with pytest.raises(TableError, match="There is no table 'flights'"):
        tables.read("flights")
    tables.append("flights", frame)
    with pytest.raises(TableError, match="no version 99"):
        tables.read("flights", version=99)
    with pytest.raises(TableError, match="no version -1"):
        tables.read("flights", version=-1)
    with pytest.raises(TableError, match="no column 'gate'"):
        tables.read("flights", columns=["gate"])


def test_a_percent_sign_in_the_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="percent"):
        Tables(str(tmp_path / "a%20b"))


def test_the_past_is_read_where_no_version_is_named(tables: Tables, numbers: Callable[..., int]) -> None:
    first = numbers(1)
    second = numbers(2, 3)
    past = Tables(tables.address, as_of={"numbers": first})
    assert (past.version("numbers"), past.newest("numbers"), past.count("numbers")) == (first, second, 1)
    assert past.read("numbers")["n"].tolist() == [1]
    assert sum(batch.num_rows for batch in past.stream("numbers")) == 1
    assert sorted(past.read("numbers", version=second)["n"]) == [1, 2, 3]
    assert past.count("numbers", version=second) == 3
    assert past.append("numbers", pd.DataFrame({"n": [4]}), writer="w", position=0) == second + 1
    assert (past.version("numbers"), past.position("numbers", "w")) == (first, 0)
    with pytest.raises(TableError, match="no version 99"):
        Tables(tables.address, as_of={"numbers": 99}).version("numbers")


def test_reads_and_appends_are_noted(tmp_path: Path, numbers: Callable[..., int], tables: Tables) -> None:
    first = numbers(1)
    second = numbers(2)
    note = tmp_path / "note.jsonl"
    noting = Tables(tables.address, as_of={"numbers": first}, log=note)
    noting.read("numbers")
    noting.read("numbers", version=second)
    list(noting.stream("numbers"))
    noting.append("numbers", pd.DataFrame({"n": [3]}))
    noting.count("numbers")
    noting.diff("numbers", first, second)
    lines = [json.loads(line) for line in note.read_text().splitlines()]
    assert lines == [
        {"table": "numbers", "version": first, "act": "read", "explicit": False},
        {"table": "numbers", "version": second, "act": "read", "explicit": True},
        {"table": "numbers", "version": first, "act": "read", "explicit": False},
        {"table": "numbers", "version": second + 1, "act": "append", "explicit": False},
    ]
