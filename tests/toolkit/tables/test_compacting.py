"""Compaction keeps every row once, whoever else is at work."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

import pandas as pd
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import CommitFailedError

from roadworthy.errors import TableError
from roadworthy.tables import Tables

COMPACTOR = """
import sys
from roadworthy.tables import Tables
tables = Tables(sys.argv[1])
sys.stdin.readline()
print(sum(tables.compact("numbers").replaced for _ in range(5)))
"""


def test_few_files_stand_in_for_many(tables: Tables, numbers: Callable[..., int]) -> None:
    for value in range(12):
        last = numbers(value)
    done = tables.compact("numbers")
    assert (done.version, done.replaced, done.written) == (last + 1, 12, 1)
    assert tables.read("numbers").equals(tables.read("numbers", version=last))
    again = tables.compact("numbers")
    assert (again.version, again.replaced, again.written) == (last + 1, 0, 0)


def test_two_compactions_by_the_engine_itself_double_the_rows(tables: Tables, numbers: Callable[..., int]) -> None:
    """Why there is a lock, and a bar where no lock can be. When this fails, both can go."""
    for value in range(4):
        numbers(value)
    stale = DeltaTable(f"{tables.address}/numbers")
    tables.compact("numbers")
    stale.optimize.compact()
    assert tables.count("numbers") == 8
    with pytest.raises(TableError, match=r"Another tool compacted .* version 6 has 8 rows, version 5 has 4"):
        tables._expect_same_rows("numbers", 6)


def test_where_no_lock_can_be_a_compaction_stops_those_that_have_begun(
    tables: Tables, numbers: Callable[..., int]
) -> None:
    for value in range(4):
        numbers(value)
    stale = DeltaTable(f"{tables.address}/numbers")
    done = Tables(f"file://{tables.address}").compact("numbers")
    assert done.replaced == 4
    with pytest.raises(CommitFailedError, match="Metadata changed"):
        stale.optimize.compact()
    assert tables.count("numbers") == 4
    assert [entry.operation for entry in tables.log("numbers", limit=3)] == ["compacted", "prepared", "appended"]


def test_one_file_is_left_alone(tables: Tables, numbers: Callable[..., int]) -> None:
    numbers(1, 2)
    assert tables.compact("numbers").replaced == 0
    assert tables.count("numbers") == 2


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["", "file://"])
def test_compactions_and_appends_at_once_keep_every_row_once(
    tables: Tables, numbers: Callable[..., int], scheme: str
) -> None:
    """By an address no file is locked, as on an object store."""
    for value in range(-20, 0):
        numbers(value)
    crowd = [
        subprocess.Popen(
            [sys.executable, "-c", COMPACTOR, scheme + tables.address],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(3)
    ]
    for process in crowd:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for value in range(30):
        numbers(value, writer=f"w{value}")
        numbers(value, writer=f"w{value}")
    replaced = [int(process.communicate(timeout=60)[0]) for process in crowd]
    assert [process.returncode for process in crowd] == [0, 0, 0]
    assert sum(replaced) > 0
    assert sorted(tables.read("numbers")["n"]) == list(range(-20, 30))
    assert all(tables.position("numbers", f"w{value}") == 0 for value in range(30))


def test_a_widened_table_is_compacted(tables: Tables) -> None:
    tables.append("t", pd.DataFrame({"n": [1]}))
    tables.append("t", pd.DataFrame({"n": [2], "gate": ["A"]}))
    tables.compact("t")
    assert tables.read("t").sort_values("n").to_dict("list")["n"] == [1, 2]
