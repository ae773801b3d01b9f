"""What is scored, read again and again the same."""

from __future__ import annotations

import gzip
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from roadworthy.errors import DataError, TableError
from roadworthy.scoring.inputs import FileInput, open_input
from roadworthy.tables import Tables


def _values(source: object, rows: int) -> list[list[object]]:
    found = []
    for part in source.parts(rows):  # type: ignore[attr-defined]
        assert isinstance(part.cells["x"], pa.Array)
        found.append(part.cells["x"].to_pylist())
    return found


def test_the_files_of_a_folder_come_one_after_the_other(tmp_path: Path) -> None:
    tables = Tables(str(tmp_path / "tables"))
    folder = tmp_path / "in"
    folder.mkdir()
    pd.DataFrame({"x": [4, 5]}).to_parquet(folder / "b.parquet")
    (folder / "a.csv.gz").write_bytes(gzip.compress(b"x\n1\n2\n3\n"))
    (folder / ".hidden.csv").write_text("x\n9\n")
    found = open_input(str(folder), tables)
    assert _values(found, 2) == [["1", "2"], ["3"], [4, 5]]
    assert [part.place.removeprefix(str(folder)) for part in found.parts(9)] == ["/a.csv.gz", "/b.parquet"]
    assert found.rows is None
    assert open_input(str(folder / "*.parquet"), tables).rows == 2


def test_content_is_known_by_its_bytes(tmp_path: Path) -> None:
    tables = Tables(str(tmp_path / "tables"))
    for name in ("a.csv", "b.csv"):
        (tmp_path / name).write_text("x\n1\n")
    found = open_input(str(tmp_path / "a.csv"), tables)
    assert found.content == open_input(str(tmp_path / "b.csv"), tables).content
    found.expect_unchanged()
    (tmp_path / "a.csv").write_text("x\n1\n2\n")
    assert found.content != open_input(str(tmp_path / "b.csv"), tables).content
    with pytest.raises(DataError, match=r"a\.csv was changed while"):
        found.expect_unchanged()


def test_an_output_among_the_inputs_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("x\n1\n")
    for address in (tmp_path, tmp_path / "*.csv", tmp_path / "a.csv"):
        assert FileInput(str(address)).reads(tmp_path / "a.csv")
    assert not FileInput(str(tmp_path / "a.csv")).reads(tmp_path / "b.csv")


def test_a_table_is_read_at_one_version(tmp_path: Path) -> None:
    tables = Tables(str(tmp_path / "tables"))
    for value in (1, 2):
        tables.append("todo", pd.DataFrame({"x": [value]}))
    newest = open_input("table:todo", tables)
    tables.append("todo", pd.DataFrame({"x": [3]}))
    assert newest.rows == 2
    assert sorted(value for some in _values(newest, 1) for value in some) == [1, 2]
    before = open_input(newest.content.replace("@2", "@1"), tables)
    assert (before.rows, before.name) == (1, "table:todo@1")
    assert before.content != newest.content


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("-", "cannot be read again"),
        ("nothing.csv", "does not exist"),
        ("in.xlsx", "are not read"),
        ("table:", "names no table"),
        ("table:todo@x", "names no table"),
    ],
)
def test_what_cannot_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, told: str) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=told):
        open_input(address, Tables(str(tmp_path / "tables")))


def test_a_table_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(TableError, match="no table 'todo'"):
        open_input("table:todo", Tables(str(tmp_path / "tables")))
