"""Appending: widening, at most once a position, and many processes at once."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from deltalake import write_deltalake
from pyarrow import parquet

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


def test_a_new_column_widens_the_table(tables: Tables, frame: pd.DataFrame) -> None:
    tables.append("flights", frame)
    tables.append("flights", frame.assign(gate=pd.Series(["A1", "A2", None], dtype="str"), late=True))
    read = tables.read("flights")
    assert read["gate"].dtype == "str"
    assert read["gate"].notna().sum() == 2
    assert read["late"].dtype == "boolean"


def test_values_take_no_more_room_than_by_default_whether_they_repeat_or_not(tmp_path: Path) -> None:
    drawn = np.random.default_rng(0).normal(size=20_000)
    sizes = {}
    for name, values in {"once": drawn.round(4), "often": drawn.round(1)}.items():
        rows = pd.DataFrame({"x": values, "version": "m:1"})
        Tables(str(tmp_path)).append(name, rows)
        write_deltalake(tmp_path / f"{name} by default", rows)
        ours, default = (_only_file(tmp_path / folder) for folder in (name, f"{name} by default"))
        sizes[name] = ours.stat().st_size
        assert sizes[name] <= default.stat().st_size
        limits = parquet.read_metadata(ours).row_group(0).column(0).statistics
        assert (limits.min, limits.max, limits.null_count) == (values.min(), values.max(), 0)
    assert sizes["often"] < sizes["once"] / 3


def _only_file(folder: Path) -> Path:
    (found,) = folder.glob("*.parquet")
    return found


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


def test_values_that_do_not_fit_are_refused(tables: Tables, frame: pd.DataFrame) -> None:
    version = tables.append("flights", frame)
    with pytest.raises(TableError, match="Cannot cast"):
        tables.append("flights", frame.assign(sure="perhaps"))
    with pytest.raises(TableError, match="cannot be stored"):
        tables.append("flights", frame.assign(x=["one", 2, 3]))
    assert tables.version("flights") == version


def test_rows_that_do_not_begin_where_the_writer_is_are_not_added(tables: Tables) -> None:
    rows = pd.DataFrame({"a": [1]})
    tables.append("t", rows, writer="w", position=10, after=0)
    with pytest.raises(TableError, match="holds another part of w"):
        tables.append("t", rows, writer="w", position=20, after=0)  # as one that asked while the table was away
    tables.append("t", rows, writer="w", position=20, after=10)
    assert tables.count("t") == 2
