"""Commits keep their numbers, whatever is committed meanwhile and whatever other tools removed."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from deltalake import DeltaTable

from roadworthy.errors import TableError
from roadworthy.tables import Tables


def test_a_commit_made_since_does_not_shift_the_numbers(tables: Tables, numbers: Callable[..., int]) -> None:
    """The engine's own history does; when the last line fails, it no longer has to be counted from the oldest."""
    numbers(1, writer="a")
    table = DeltaTable(f"{tables.address}/numbers")
    numbers(2, writer="b")
    told = tables._commits("numbers", table)
    assert [(commit["version"], commit.get("writer")) for commit in told] == [(1, "a"), (0, None)]
    assert next((commit["version"], commit.get("writer")) for commit in table.history()) == (1, "b")


def test_the_past_of_a_table_whose_old_commits_were_removed(tables: Tables, numbers: Callable[..., int]) -> None:
    for value in range(6):
        numbers(value, writer=f"w{value}")
    DeltaTable(f"{tables.address}/numbers").create_checkpoint()
    for version in range(4):
        (Path(tables.address) / "numbers" / "_delta_log" / f"{version:020d}.json").unlink()
    last = numbers(6, writer="w6")
    assert [(entry.version, entry.writer, entry.rows) for entry in tables.log("numbers")][:2] == [
        (last, "w6", 7),
        (last - 1, "w5", 6),
    ]
    tables.compact("numbers")
    tables.vacuum("numbers", keep=[], older_than=timedelta(0), dry_run=False)
    assert sorted(tables.read("numbers")["n"]) == list(range(7))


def test_commits_that_say_nothing_are_named(tables: Tables, numbers: Callable[..., int]) -> None:
    last = numbers(1)
    commit = Path(tables.address) / "numbers" / "_delta_log" / f"{last:020d}.json"
    lines = [line for line in commit.read_text().splitlines() if "commitInfo" not in json.loads(line)]
    commit.write_text("\n".join(lines))
    assert tables.read("numbers")["n"].tolist() == [1]
    with pytest.raises(TableError, match="'numbers' has 1 commits that say what they did, up to version 1"):
        tables.log("numbers")
