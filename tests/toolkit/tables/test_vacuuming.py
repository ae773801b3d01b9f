"""A vacuum removes what nothing needs, and never a file of a version to be kept."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest
from deltalake import DeltaTable

from roadworthy.errors import TableError
from roadworthy.tables import Tables

NOW = timedelta(0)


def content(tables: Tables, name: str, version: int) -> str:
    rows = tables.read(name, version=version)
    return hashlib.sha256(pd.util.hash_pandas_object(rows, index=False).to_numpy().tobytes()).hexdigest()


def test_kept_versions_outlive_appends_checkpoints_compaction_and_a_vacuum_at_once(
    tables: Tables, numbers: Callable[..., int]
) -> None:
    for value in range(200):
        numbers(value)
    keep = [3, 99, 100, 101, 150]
    before = {version: content(tables, "numbers", version) for version in keep}
    tables.compact("numbers")
    table = DeltaTable(f"{tables.address}/numbers")
    table.create_checkpoint()
    table.cleanup_metadata()
    done = tables.vacuum("numbers", keep=keep, older_than=NOW, dry_run=False)
    assert (done.files, done.kept) == (50, (*keep, 201))
    for value in range(200, 320):  # over the next checkpoint
        numbers(value)
    tables.compact("numbers")
    tables.vacuum("numbers", keep=keep, older_than=NOW, dry_run=False)
    assert {version: content(tables, "numbers", version) for version in keep} == before
    assert sorted(tables.read("numbers")["n"]) == list(range(320))
    assert tables.readable("numbers", [*keep, 151, 200, 201, 322]) == {*keep, 322}


def test_a_dry_run_says_what_goes_and_removes_nothing(tables: Tables, numbers: Callable[..., int]) -> None:
    first, second = numbers(1), numbers(2)
    tables.compact("numbers")
    plan = tables.vacuum("numbers", keep=[first], older_than=NOW)
    assert (plan.files, plan.dry_run, plan.bytes > 0) == (1, True, True)
    assert tables.readable("numbers", [first, second]) == {first, second}
    done = tables.vacuum("numbers", keep=[first], older_than=NOW, dry_run=False)
    assert (done.files, done.bytes) == (plan.files, plan.bytes)
    assert tables.readable("numbers", [first, second]) == {first}
    assert tables.vacuum("numbers", keep=[first], older_than=NOW).files == 0


def test_what_was_the_newest_lately_is_kept(tables: Tables, numbers: Callable[..., int]) -> None:
    numbers(1)
    second = numbers(2)
    tables.compact("numbers")
    assert tables.vacuum("numbers", keep=[], older_than=timedelta(days=30)).files == 0
    time.sleep(1.1)
    assert tables.vacuum("numbers", keep=[], older_than=timedelta(seconds=1)).files == 2
    assert tables.readable("numbers", [second]) == {second}


def test_what_a_dead_writer_left_goes_after_a_day(tables: Tables, numbers: Callable[..., int]) -> None:
    numbers(1)
    folder = Path(tables.address) / "numbers"
    data = next(folder.glob("*.parquet"))
    left = folder / f"part-00000-{'0' * 8}-0000-0000-0000-{'0' * 12}-c000.snappy.parquet"
    left.write_bytes(data.read_bytes())
    mine = folder / "notes of mine.parquet"
    mine.write_bytes(b"mine")
    assert tables.vacuum("numbers", keep=[], older_than=NOW, dry_run=False).files == 0
    for file in (left, mine):
        os.utime(file, (1, 1))
    assert tables.vacuum("numbers", keep=[], older_than=NOW, dry_run=False).files == 1
    assert (left.exists(), mine.exists(), data.exists()) == (False, True, True)


def test_a_version_to_keep_that_never_was_is_an_error(tables: Tables, numbers: Callable[..., int]) -> None:
    numbers(1)
    with pytest.raises(TableError, match="no version 12"):
        tables.vacuum("numbers", keep=[12], older_than=NOW, dry_run=False)
    with pytest.raises(TableError, match="There is no table 'nothing'"):
        tables.vacuum("nothing", keep=[], older_than=NOW)


def test_restored_rows_are_kept_as_the_newest(tables: Tables, numbers: Callable[..., int]) -> None:
    first = numbers(1)
    numbers(2)
    tables.compact("numbers")
    tables.restore("numbers", first)
    tables.vacuum("numbers", keep=[], older_than=NOW, dry_run=False)
    assert tables.read("numbers")["n"].tolist() == [1]
