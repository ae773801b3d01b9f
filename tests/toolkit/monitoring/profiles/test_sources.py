"""Rows in batches, files and tables give the profile of them all, in the memory of a part of them."""

from __future__ import annotations

import math
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from roadworthy.errors import MonitoringError, TableError
from roadworthy.monitoring.profiles import Profile
from roadworthy.monitoring.profiles.sources import FilePart, file_parts, parts, spread
from roadworthy.tables import Tables

Same = Callable[[Profile, Profile], None]


def rows(n: int = 1500, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "x": pd.Series(rng.normal(size=n)).mask(rng.random(n) < 0.1),
            "c": pd.Series(rng.choice(["a", "b", "c"], n), dtype="str"),
            "i": rng.integers(0, 9, n),
            "t": pd.Timestamp("2013-01-01", tz="UTC") + pd.to_timedelta(np.arange(n), unit="min"),
        }
    )


def test_batches_of_any_kind_give_the_profile_of_all_rows(same: Same) -> None:
    frame = rows()
    table = pa.Table.from_pandas(frame, preserve_index=False)
    whole = Profile.of(frame)
    same(Profile.of_batches(table.to_reader(100)), whole)
    same(Profile.of_batches([frame[:7], frame[7:]]), whole)
    same(Profile.of_batches([table.slice(0, 10), frame[10:600], *table.slice(600).to_batches(300)]), whole)
    assert Profile.of_batches([]).rows == 0


def test_small_batches_are_put_together_and_none_is_lost() -> None:
    small = [pa.record_batch({"x": np.arange(1000.0)}) for _ in range(600)]
    found = list(parts(small))
    assert [part.num_rows for part in found] == [250_000, 250_000, 100_000]
    wide = [pa.record_batch({"x": ["x" * 2**20] * 8}) for _ in range(9)]
    assert [part.num_rows for part in parts(wide)] == [32, 32, 8]
    other = pa.record_batch({"y": [1]})
    assert [part.column_names for part in parts([small[0], small[0], other])] == [["x"], ["y"]]


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / "one.parquet", tmp_path / "two.parquet", tmp_path / "none.parquet"]
    for path, frame in zip(paths, (rows()[:1000], rows()[1000:], rows()[:0]), strict=True):
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path, row_group_size=300)
    return paths


def test_files_give_the_profile_of_all_rows(files: list[Path], same: Same) -> None:
    whole = Profile.of(rows())
    same(Profile.of_files(files), whole)
    same(Profile.of_files([files[0].as_uri(), *files[1:]]), whole)
    same(Profile.of_files(files, columns=["c", "t"]), Profile.of(rows()[["c", "t"]]))


@pytest.mark.slow
def test_processes_give_the_same(files: list[Path], same: Same) -> None:
    same(Profile.of_files(files, workers=2), Profile.of(rows()))


def test_a_file_is_divided_by_its_row_groups(files: list[Path]) -> None:
    assert [part.groups for part in file_parts(files, None, 1)] == [(0, 1, 2, 3), (0, 1), (0,)]
    assert [part.groups for part in file_parts(files[:1], None, 3)] == [(0, 1), (2, 3)]
    taken = [batch.num_rows for part in file_parts(files, None, 4) for batch in part.batches()]
    assert sum(taken) == 1500


def test_a_wide_file_is_read_in_batches_of_few_rows(tmp_path: Path) -> None:
    texts = [f"{i:04}" * 12_500 for i in range(1000)]
    pq.write_table(pa.table({"x": texts}), tmp_path / "wide.parquet")
    largest = max(batch.nbytes for batch in FilePart(str(tmp_path / "wide.parquet"), (0,), None).batches())
    assert largest < 40_000_000 < sum(map(len, texts))


def test_a_file_that_cannot_be_read_says_so(files: list[Path], tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("origin,dest\n")
    (tmp_path / "half.parquet").write_bytes(files[0].read_bytes()[:500])
    for name in ("text.parquet", "half.parquet", "absent.parquet", ""):
        with pytest.raises(MonitoringError, match="cannot be read as Parquet"):
            Profile.of_files([tmp_path / name])
    with pytest.raises(MonitoringError, match="has no column 'y'"):
        Profile.of_files(files, columns=["x", "y"])


def test_a_table_gives_the_profile_of_the_version_asked_for(tmp_path: Path, same: Same) -> None:
    tables = Tables(str(tmp_path))
    first = tables.append("flights", rows()[:1000])
    tables.append("flights", rows()[1000:])
    same(Profile.of_table(tables, "flights"), Profile.of(rows()))
    same(Profile.of_table(tables, "flights", version=first), Profile.of(rows()[:1000]))
    hour = (datetime(2013, 1, 1, 1, tzinfo=UTC), datetime(2013, 1, 1, 2, tzinfo=UTC))
    same(Profile.of_table(tables, "flights", columns=["x"], between=("t", *hour)), Profile.of(rows()[["x"]][60:120]))
    with pytest.raises(TableError, match="There is no table 'none'"):
        Profile.of_table(tables, "none")


@pytest.mark.slow
def test_tasks_are_taken_as_there_is_room_and_come_back_in_order() -> None:
    taken = []

    def tasks() -> Iterator[int]:
        for number in count():
            taken.append(number)
            yield number

    results = spread(math.sqrt, tasks(), 2)
    assert [next(results) for _ in range(4)] == [0, 1, math.sqrt(2), math.sqrt(3)]
    assert len(taken) <= 4 + 3
    results.close()  # type: ignore[attr-defined]


@pytest.mark.slow
def test_a_process_that_is_ended_from_outside_is_told() -> None:
    with pytest.raises(MonitoringError, match="ended from outside"):
        list(spread(os._exit, [1, 1], 2))


GROWTH = """
import sys
from pathlib import Path
from roadworthy.monitoring.profiles import Profile
def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024
for path in sys.argv[1:]:
    print(Profile.of_files([path]).rows, peak())
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="Peak memory is read from Linux's /proc.")
def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, groups in (("small", 2), ("large", 8)):
        with pq.ParquetWriter(tmp_path / name, pa.schema({f"x{i}": pa.float64() for i in range(8)})) as writer:
            for _ in range(groups):
                writer.write_table(pa.table({f"x{i}": rng.normal(size=250_000) for i in range(8)}))
    command = [sys.executable, "-c", GROWTH, str(tmp_path / "small"), str(tmp_path / "large")]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
    assert (said[0], said[2]) == ("500000", "2000000")
    assert float(said[3]) - float(said[1]) < 40  # megabytes; the rows that came on top have 96
