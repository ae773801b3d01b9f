"""Going back, and what a writer may append again after it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from roadworthy.errors import TableError
from roadworthy.tables import Tables


def test_an_old_version_comes_back_and_none_is_lost(tables: Tables, frame: pd.DataFrame) -> None:
    first = tables.append("flights", frame)
    second = tables.append("flights", frame.assign(gate="A1"))
    third = tables.restore("flights", first)
    assert third == second + 1
    pd.testing.assert_frame_equal(tables.read("flights"), tables.read("flights", version=first))
    assert "gate" not in tables.read("flights")
    assert tables.restore("flights", second) == third + 1
    assert tables.read("flights")["gate"].notna().sum() == 3
    assert tables.count("flights", version=third) == 3


def test_the_newest_version_needs_no_restoring(tables: Tables, numbers: Callable[..., int]) -> None:
    newest = numbers(1)
    assert tables.restore("numbers", newest) == newest == tables.version("numbers")


def test_a_batch_that_was_taken_away_can_be_appended_again(tables: Tables, numbers: Callable[..., int]) -> None:
    first = numbers(1, writer="a")
    second = numbers(2, writer="b")
    tables.restore("numbers", first)
    assert (tables.position("numbers", "a"), tables.position("numbers", "b")) == (0, None)
    numbers(1, writer="a")
    numbers(2, writer="b")
    numbers(2, writer="b")
    assert sorted(tables.read("numbers")["n"]) == [1, 2]
    tables.restore("numbers", 0)
    tables.restore("numbers", second)
    numbers(1, writer="a")
    numbers(2, writer="b")
    assert sorted(tables.read("numbers")["n"]) == [1, 2], "rows that came back are not added again"


def test_a_position_goes_back_to_where_it_was(tables: Tables, numbers: Callable[..., int]) -> None:
    numbers(0)
    rows = pd.DataFrame({"n": [1]})
    first = tables.append("numbers", rows, writer="spool", position=10)
    tables.append("numbers", rows, writer="spool", position=20)
    tables.compact("numbers")
    assert tables.position("numbers", "spool") == 20
    tables.restore("numbers", first)
    assert tables.position("numbers", "spool") == 10
    before = tables.count("numbers")
    tables.append("numbers", rows, writer="spool", position=10)
    assert tables.count("numbers") == before
    tables.append("numbers", rows, writer="spool", position=20)
    assert tables.count("numbers") == before + 1


def test_what_is_gone_or_never_was_cannot_be_restored(tables: Tables, numbers: Callable[..., int]) -> None:
    first = numbers(1)
    numbers(2)
    tables.compact("numbers")
    for path in (Path(tables.address) / "numbers").glob("*.snappy.parquet"):
        path.unlink()
    with pytest.raises(TableError, match=r"Version 1 of table 'numbers' is gone: 1 of its files"):
        tables.restore("numbers", first)
    with pytest.raises(TableError, match="is gone: 1 of its files"):
        tables.read("numbers", version=first)
    with pytest.raises(TableError, match="no version 77"):
        tables.restore("numbers", 77)
    assert sorted(tables.read("numbers")["n"]) == [1, 2]


def test_rows_appended_meanwhile_are_all_in_or_all_out(tables: Tables, numbers: Callable[..., int]) -> None:
    target = numbers(-1)
    stop = threading.Event()

    def append() -> None:
        for value in range(50):
            if stop.is_set():
                return
            numbers(value, writer=f"w{value}")
            time.sleep(0.02)

    thread = threading.Thread(target=append)
    thread.start()
    try:
        made = [tables.restore("numbers", target, reason=str(number)) for number in range(5)]
    finally:
        stop.set()
        thread.join()
    assert all(tables.read("numbers", version=version)["n"].tolist() == [-1] for version in made)
    left = set(tables.read("numbers")["n"]) - {-1}
    for value in range(50):
        assert (tables.position("numbers", f"w{value}") == 0) == (value in left)
