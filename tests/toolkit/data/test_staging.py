"""Rows set aside: in memory, in a file, and on a disk that is full."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pytest

from roadworthy.data import staging
from roadworthy.data.staging import Stage

FULL = """
import resource, sys
import pyarrow as pa
from pathlib import Path
from roadworthy.data import staging
from roadworthy.errors import DataError
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
staging.MOST_IN_MEMORY = 1000
try:
    with staging.Stage(Path(sys.argv[1])) as stage:
        stage.add(pa.table({"x": list(range(100_000))}))
except DataError as error:
    print(error)
"""


def read(stage: Stage) -> list[int]:
    schema = pa.schema([("x", pa.float64())])
    found: list[int] = stage.reader(lambda table: table, schema).read_all()["x"].to_pylist()
    return found


@pytest.mark.parametrize("most", [10, 10_000])
def test_rows_come_back_in_their_order_as_often_as_needed(
    tmp_path: Path, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "MOST_IN_MEMORY", most)
    with Stage(tmp_path / "not" / "there yet") as stage:
        for start in range(0, 100, 10):
            stage.add(pa.table({"x": list(range(start, start + 10))}))
        assert stage.rows == 100
        assert read(stage) == read(stage) == list(range(100))
        assert list(tmp_path.iterdir()) == []  # its file has no name
    assert not (tmp_path / "not").exists()


def test_nothing_set_aside_is_nothing_read() -> None:
    with Stage() as stage:
        assert read(stage) == []


@pytest.mark.skipif(sys.platform == "win32", reason="There are no limits of this kind on Windows.")
def test_a_file_that_may_not_grow_is_named(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True)
    assert f"Rows cannot be set aside in {tmp_path}: File too large. Nothing was added." in done.stdout
    assert "Make room there" in done.stdout
    assert list(tmp_path.iterdir()) == []
