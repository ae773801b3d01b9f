"""Rows in Arrow, whole or as a stream, on their way into a table."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from roadworthy.errors import DataRefused, TableError
from roadworthy.tables import Tables

STREAMER = """
import sys
from pathlib import Path
import numpy as np
import pyarrow as pa
from roadworthy.tables import Tables

schema = pa.schema([(f"x{column}", pa.int64()) for column in range(20)])

def batches():
    for number in range(100):
        yield pa.record_batch([
            pa.array(np.full(100_000, number)) for _ in range(20)
        ], schema=schema)

tables = Tables(sys.argv[1])
tables.append("wide", lambda: pa.RecordBatchReader.from_batches(schema, batches()))
rows = sum(batch.num_rows for batch in tables.stream("wide"))
lines = Path("/proc/self/status").read_text().splitlines()  # getrusage counts in what the parent ever had
print(rows, next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) // 1024)
"""


def reader(frame: pd.DataFrame, times: int = 1) -> pa.RecordBatchReader:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    return pa.RecordBatchReader.from_batches(table.schema, table.to_batches() * times)


@pytest.mark.parametrize("way", ["table", "reader", "function"])
def test_arrow_rows_come_back_as_the_frame_would(tables: Tables, frame: pd.DataFrame, way: str) -> None:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    rows = {"table": table, "reader": table.to_reader(), "function": table.to_reader}[way]
    tables.append("flights", rows)
    tables.append("frame", frame)
    pd.testing.assert_frame_equal(tables.read("flights"), tables.read("frame"))
    assert tables.read("flights").dtypes.astype(str).to_dict() == frame.dtypes.astype(str).to_dict()


def test_types_that_delta_does_not_keep_are_turned_into_its_own(tables: Tables) -> None:
    rows = pa.table(
        {
            "at": pa.array([1_000], pa.timestamp("ns", tz="America/New_York")),
            "local": pa.array([1_000], pa.timestamp("ns")),
            "nothing": pa.nulls(1),
        }
    )
    tables.append("odd", rows)
    read = tables.read("odd")
    assert read["at"].dtype == "datetime64[us, UTC]"
    assert read["local"].dtype == "datetime64[us]"
    assert read["nothing"].isna().all()


def test_a_reader_gives_its_rows_to_one_append(tables: Tables, frame: pd.DataFrame) -> None:
    rows = reader(frame, times=3)
    tables.append("flights", rows)
    assert tables.count("flights") == 9
    assert tables.append("flights", rows) > 1
    assert tables.count("flights") == 9, "an exhausted reader has no rows"


def test_an_error_of_the_source_is_told_as_it_is(tables: Tables, frame: pd.DataFrame) -> None:
    schema = pa.Table.from_pandas(frame, preserve_index=False).schema

    def refusing() -> Iterator[pa.RecordBatch]:
        yield from reader(frame)
        raise DataRefused("Too many rows are bad.", "Mend them.")

    def failing() -> Iterator[pa.RecordBatch]:
        yield from reader(frame)
        raise ValueError("the line is cut")

    version = tables.append("flights", frame)
    with pytest.raises(DataRefused, match="Too many rows are bad"):
        tables.append("flights", lambda: pa.RecordBatchReader.from_batches(schema, refusing()))
    with pytest.raises(TableError, match="the line is cut"):
        tables.append("flights", pa.RecordBatchReader.from_batches(schema, failing()))
    assert (tables.version("flights"), tables.count("flights")) == (version, 3)


@pytest.mark.slow
def test_rows_that_do_not_fit_into_memory_pass_through(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", STREAMER, str(tmp_path)], capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    rows, peak = map(int, done.stdout.split())
    assert rows == 10_000_000
    assert peak < 1_300, "1,600 MB of rows went through, and were never all there"
