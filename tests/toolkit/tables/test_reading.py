"""Reading a version: what comes back, in which order, and that the process ends well."""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roadworthy.errors import TableError
from roadworthy.tables import Tables

READER = """
import sys
from roadworthy.tables import Tables
frame = Tables(sys.argv[1]).read("flights")
print(len(frame))
"""


def same_rows(left: pd.DataFrame, right: pd.DataFrame, by: str) -> None:
    pd.testing.assert_frame_equal(
        left.sort_values(by, ignore_index=True), right.sort_values(by, ignore_index=True), check_freq=False
    )


def many(frame: pd.DataFrame, times: int) -> pd.DataFrame:
    return frame.iloc[[*range(len(frame))] * times].reset_index(drop=True)


def test_rows_come_back_as_they_were(tables: Tables, frame: pd.DataFrame) -> None:
    assert tables.append("flights", frame) == tables.version("flights")
    same_rows(tables.read("flights"), frame, "n")
    assert tables.count("flights") == 3


def test_the_columns_of_a_version_are_known(tables: Tables, frame: pd.DataFrame) -> None:
    assert tables.columns("flights") == ()
    first = tables.append("flights", frame)
    tables.append("flights", frame.assign(more=1))
    assert tables.columns("flights", version=first) == tuple(frame.columns)
    assert tables.columns("flights") == (*frame.columns, "more")


def test_a_nullable_truth_value_without_gaps_stays_nullable(tables: Tables, frame: pd.DataFrame) -> None:
    tables.append("flights", frame.iloc[[0, 2]])
    assert tables.read("flights").dtypes.astype(str).to_dict() == frame.dtypes.astype(str).to_dict()


def test_no_rows_keep_their_dtypes(tables: Tables, frame: pd.DataFrame) -> None:
    tables.append("flights", frame.iloc[:0])
    assert tables.read("flights").dtypes.astype(str).to_dict() == frame.dtypes.astype(str).to_dict()


def test_each_version_can_be_read_again(tables: Tables, frame: pd.DataFrame) -> None:
    first = tables.append("flights", frame)
    second = tables.append("flights", frame.assign(n=[4, 5, 6]))
    assert second == first + 1
    same_rows(tables.read("flights", version=first), frame, "n")
    assert sorted(tables.read("flights")["n"]) == [1, 2, 3, 4, 5, 6]


def test_a_version_reads_in_the_same_order_every_time(tables: Tables) -> None:
    for start in range(0, 60, 10):
        tables.append("flights", pd.DataFrame({"n": range(start, start + 10)}))
    version, order = tables.version("flights"), tables.read("flights")["n"].tolist()
    tables.append("flights", pd.DataFrame({"n": [99]}))
    assert all(tables.read("flights", version=version)["n"].tolist() == order for _ in range(5))


def test_between_takes_the_start_and_leaves_the_end(tables: Tables, frame: pd.DataFrame) -> None:
    tables.append("flights", frame)
    start, end = datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 2, 1, tzinfo=UTC)
    read = tables.read("flights", columns=["a name", "id"], between=("at", start, end))
    assert read.to_dict("list") == {"a name": [0.0], "id": ["a"]}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cuts=st.lists(st.integers(0, 10**6), min_size=1, max_size=4), seconds=st.lists(st.integers(0, 10**6), min_size=1)
)
def test_adjoining_stretches_partition_the_rows(cuts: list[int], seconds: list[int]) -> None:
    epoch = pd.Timestamp("2013-01-01", tz="UTC")
    rows = pd.DataFrame({"at": (epoch + pd.to_timedelta(seconds, unit="s")).astype("datetime64[us, UTC]")})
    edges = [epoch + pd.Timedelta(seconds=cut) for cut in sorted({0, *cuts, 10**6 + 1})]
    with tempfile.TemporaryDirectory() as folder:
        tables = Tables(folder)
        tables.append("rows", rows)
        parts = [
            tables.read("rows", between=("at", start.to_pydatetime(), end.to_pydatetime()))
            for start, end in itertools.pairwise(edges)
        ]
    same_rows(pd.concat(parts, ignore_index=True), rows, "at")


@pytest.mark.slow
def test_a_reader_leaves_quietly(tables: Tables, frame: pd.DataFrame) -> None:
    """The own pyarrow reader of deltalake aborts the process at its exit, in most runs."""
    tables.append("flights", many(frame, 50_000))
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", READER, tables.address], capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "150000", "")


def test_a_broken_table_says_so(tables: Tables, frame: pd.DataFrame) -> None:
    tables.append("flights", frame)
    folder = Path(tables.address) / "flights"
    for file in folder.glob("*.parquet"):
        file.unlink()
    with pytest.raises(TableError, match="cannot be read"):
        tables.read("flights")
    (folder / "_delta_log" / f"{0:020d}.json").write_text("not a log")
    with pytest.raises(TableError, match="cannot be opened"):
        tables.read("flights")


def test_a_stream_gives_what_a_read_gives(tables: Tables, frame: pd.DataFrame) -> None:
    tables.append("flights", many(frame, 10_000))
    batches = list(tables.stream("flights", columns=["n", "id"]))
    assert len(batches) > 1
    whole = tables.read("flights", columns=["n", "id"])
    pd.testing.assert_frame_equal(pa.Table.from_batches(batches).to_pandas(), whole)
    day = datetime(2013, 1, 1, tzinfo=UTC), datetime(2013, 1, 2, tzinfo=UTC)
    assert sum(batch.num_rows for batch in tables.stream("flights", between=("at", *day))) == 10_000
    with pytest.raises(TableError, match="no column 'gate'"):
        tables.stream("flights", columns=["gate"])


def test_a_stream_of_missing_files_says_so(tables: Tables, frame: pd.DataFrame) -> None:
    tables.append("flights", frame)
    for file in (Path(tables.address) / "flights").glob("*.parquet"):
        file.unlink()
    with pytest.raises(TableError, match="1 of its files are missing"):
        list(tables.stream("flights"))
