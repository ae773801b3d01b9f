"""Versioned tables: real Delta tables on disk, written by real processes."""

from __future__ import annotations

import itertools
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roadworthy.errors import TableError
from roadworthy.tables import Tables

APPENDER = """
import sys
import pandas as pd
from roadworthy.tables import Tables
tables, me, writer = Tables(sys.argv[1]), sys.argv[2], sys.argv[3] or None
sys.stdin.readline()
for step in range(10):
    rows = pd.DataFrame({"who": [me] * 5, "step": [step] * 5, "only_" + me: [1.0] * 5})
    print(tables.append("race", rows, writer=writer, position=step if writer else None))
"""
READER = """
import sys
from roadworthy.tables import Tables
frame = Tables(sys.argv[1]).read("flights")
print(len(frame))
"""


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(str(tmp_path / "deep er" / "tables"))


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": pd.Series(["a", None, "ü"], dtype="str"),
            "at": pd.to_datetime(["2013-01-01", "2013-02-01", None], utc=True).astype("datetime64[us, UTC]"),
            "x": [1.5, np.nan, -2.0],
            "n": [1, 2, 3],
            "sure": [True, False, True],
            "late": pd.Series([True, None, False], dtype="boolean"),
            "a name": [0.0, 0.0, 0.0],
        }
    )


def same_rows(left: pd.DataFrame, right: pd.DataFrame, by: str) -> None:
    pd.testing.assert_frame_equal(
        left.sort_values(by, ignore_index=True), right.sort_values(by, ignore_index=True), check_freq=False
    )


def test_rows_come_back_as_they_were(tables: Tables, frame: pd.DataFrame) -> None:
    assert tables.append("flights", frame) == tables.version("flights")
    same_rows(tables.read("flights"), frame, "n")
    assert tables.count("flights") == 3


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


def test_a_new_column_widens_the_table(tables: Tables, frame: pd.DataFrame) -> None:
    tables.append("flights", frame)
    tables.append("flights", frame.assign(gate=pd.Series(["A1", "A2", None], dtype="str"), late=True))
    read = tables.read("flights")
    assert read["gate"].dtype == "str"
    assert read["gate"].notna().sum() == 2
    assert read["late"].dtype == "boolean"


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


def test_a_position_is_appended_once(tables: Tables, frame: pd.DataFrame) -> None:
    assert tables.position("flights", "spool") is None
    first = tables.append("flights", frame, writer="spool", position=0)
    assert tables.append("flights", frame, writer="spool", position=0) == first
    tables.append("flights", frame, writer="spool", position=7)
    tables.append("flights", frame, writer="other", position=0)
    assert tables.append("flights", frame, writer="spool", position=6) == tables.version("flights")
    assert tables.count("flights") == 9
    assert (tables.position("flights", "spool"), tables.position("flights", "nobody")) == (7, None)


@pytest.mark.slow
@pytest.mark.parametrize("writer", ["", "spool"])
def test_processes_that_append_at_once_lose_and_double_nothing(tmp_path: Path, writer: str) -> None:
    crowd = [
        subprocess.Popen(
            [sys.executable, "-c", APPENDER, str(tmp_path), name, writer],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("ann", "bob", "cid")
    ]
    for process in crowd:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    versions = [int(line) for process in crowd for line in process.communicate(timeout=60)[0].split()]
    assert [process.returncode for process in crowd] == [0, 0, 0]
    read = Tables(str(tmp_path)).read("race")
    groups = read.groupby("step" if writer else ["who", "step"]).size()
    assert groups.tolist() == [5] * (10 if writer else 30)
    assert len(versions) == 30
    if not writer:
        assert len(set(versions)) == 30


@pytest.mark.slow
def test_a_reader_leaves_quietly(tables: Tables, frame: pd.DataFrame) -> None:
    """The own pyarrow reader of deltalake aborts the process at its exit, in most runs."""
    tables.append("flights", pd.concat([frame] * 50_000, ignore_index=True))
    for _ in range(4):
        done = subprocess.run(
            [sys.executable, "-c", READER, tables.address], capture_output=True, text=True, check=False, timeout=60
        )
        assert (done.returncode, done.stdout.strip(), done.stderr) == (0, "150000", "")


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


def test_values_that_do_not_fit_are_refused(tables: Tables, frame: pd.DataFrame) -> None:
    version = tables.append("flights", frame)
    with pytest.raises(TableError, match="Cannot cast"):
        tables.append("flights", frame.assign(sure="perhaps"))
    with pytest.raises(TableError, match="cannot be stored"):
        tables.append("flights", frame.assign(x=["one", 2, 3]))
    assert tables.version("flights") == version


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


def test_a_percent_sign_in_the_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="percent"):
        Tables(str(tmp_path / "a%20b"))
