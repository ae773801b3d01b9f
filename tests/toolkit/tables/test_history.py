"""The log of a table, and the past by time."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from deltalake import DeltaTable, write_deltalake

from roadworthy.errors import TableError
from roadworthy.tables import Tables


def test_the_log_tells_what_happened_newest_first(tables: Tables, numbers: Callable[..., int]) -> None:
    first = numbers(1, 2, writer="batch a")
    tables.append("numbers", pd.DataFrame({"n": [3], "gate": ["A1"]}))
    tables.compact("numbers", who="cron")
    tables.restore("numbers", first, who="ann", reason="gate was wrong")
    log = tables.log("numbers")
    assert [entry.version for entry in log] == [4, 3, 2, 1, 0]
    assert [entry.operation for entry in log] == ["restored", "compacted", "widened", "appended", "created"]
    assert [(entry.added, entry.removed, entry.rows) for entry in log] == [
        (0, 1, 2),
        (0, 0, 3),
        (1, 0, 3),
        (2, 0, 2),
        (0, 0, 0),
    ]
    assert (log[0].restored, log[0].who, log[0].reason) == (first, "ann", "gate was wrong")
    assert log[1].who == "cron"
    assert log[2].columns == ("gate",)
    assert (log[3].writer, log[3].position) == ("batch a", 0)
    assert tables.log("numbers", limit=2) == log[:2]


def test_what_other_tools_wrote_is_told_too(tables: Tables, numbers: Callable[..., int]) -> None:
    numbers(1, 2, 3)
    place = f"{tables.address}/numbers"
    write_deltalake(place, pd.DataFrame({"n": [9]}), mode="append")
    DeltaTable(place).delete("n = 2")
    write_deltalake(place, pd.DataFrame({"n": [5, 6]}), mode="overwrite")
    log = tables.log("numbers")[:3]
    assert [entry.operation for entry in log] == ["overwritten", "delete", "appended"]
    assert [(entry.added, entry.removed, entry.rows) for entry in log] == [(0, 1, 2), (0, 1, 3), (1, 0, 4)]


def test_a_moment_has_the_version_that_was_newest_then(tables: Tables, numbers: Callable[..., int]) -> None:
    start = datetime.now(UTC)
    time.sleep(0.01)
    first = numbers(1)
    time.sleep(0.01)
    between = datetime.now(UTC)
    time.sleep(0.01)
    second = numbers(2)
    assert tables.version_at("numbers", between) == first
    assert tables.version_at("numbers", datetime.now(UTC) + timedelta(days=1)) == second
    for entry in tables.log("numbers"):
        assert tables.version_at("numbers", entry.at) >= entry.version
    with pytest.raises(TableError, match=r"was not there yet at .*: its first version, 0, is of"):
        tables.version_at("numbers", start)


def test_a_clock_that_was_set_back_does_not_turn_the_order(tables: Tables, numbers: Callable[..., int]) -> None:
    first, second = numbers(1), numbers(2)
    at = {entry.version: entry.at for entry in tables.log("numbers")}
    commit = Path(tables.address) / "numbers" / "_delta_log" / f"{second:020d}.json"
    later = str(int(at[second].timestamp() * 1000))
    commit.write_text(commit.read_text().replace(later, str(int(later) - 3_600_000)))
    log = tables.log("numbers")
    assert log[0].at == log[1].at == at[first]
    assert tables.version_at("numbers", at[first]) == second
