"""Where answers go: whole or not at all, and once."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest

from roadworthy.errors import DataError, TableError
from roadworthy.scoring.answering import Answered
from roadworthy.scoring.outputs import Output, open_output
from roadworthy.tables import Tables

SCHEMA = pa.schema([("x", pa.int64()), ("said", pa.string())])


def _answered(*values: int, refused: int = 0) -> Answered:
    rows = pa.table({"x": values, "said": [f'"{value}", ü' for value in values]}, schema=SCHEMA)
    lines = [{"source": "in", "row": row, "field": "f", "value": "1", "rule": "r"} for row in range(refused)]
    return Answered(rows=rows, refused=lines, captured=pd.DataFrame(), read=len(values), refused_rows=refused)


def _open(address: str, folder: Path) -> Output:
    output = open_output(address, Tables(str(folder / "tables")), folder)
    output.folder.mkdir(parents=True, exist_ok=True)
    return output


@pytest.mark.parametrize("kind", ["csv", "parquet", "jsonl"])
def test_parts_are_put_together(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"out.{kind}"
    output = _open(str(path), tmp_path)
    output.take(0, _answered(1, 2, refused=2), "w")
    output.take(1, _answered(), "w")
    output.take(2, _answered(9), "w")
    output.take(2, _answered(3), "w")
    assert not output.there()
    output.finish(3, SCHEMA, refused=True)
    read = {"csv": pd.read_csv, "parquet": pd.read_parquet, "jsonl": lambda file: pd.read_json(file, lines=True)}[kind]
    found = read(path)
    assert found["x"].tolist() == [1, 2, 3]
    assert found["said"].tolist() == ['"1", ü', '"2", ü', '"3", ü']
    assert [json.loads(line)["row"] for line in (tmp_path / "out.refused.jsonl").read_text().splitlines()] == [0, 1]
    content = path.read_bytes()
    output.finish(3, SCHEMA, refused=False)
    assert path.read_bytes() == content
    assert not (tmp_path / "out.refused.jsonl").exists()


def test_no_rows_are_a_file_with_columns(tmp_path: Path) -> None:
    output = _open(str(tmp_path / "out.csv"), tmp_path)
    output.finish(0, SCHEMA, refused=False)
    assert pd.read_csv(tmp_path / "out.csv").columns.tolist() == ["x", "said"]


def test_a_table_takes_a_chunk_once(tmp_path: Path) -> None:
    output = _open("table:out", tmp_path)
    tables = Tables(str(tmp_path / "tables"))
    for _ in range(2):
        output.take(0, _answered(1, 2, refused=1), "w")
    output.take(1, _answered(3), "w")
    output.finish(2, SCHEMA, refused=True)
    assert sorted(tables.read("out")["x"]) == [1, 2, 3]
    assert tables.read("out_refused")[["source", "row", "field"]].values.tolist() == [["in", 0, "f"]]
    _open("table:empty", tmp_path).finish(0, SCHEMA, refused=False)
    assert tables.count("empty") == 0


@pytest.mark.parametrize(
    ("address", "told"),
    [("out.xlsx", "Nothing can be written"), ("s3://b/out.csv", "Nothing can be"), ("none/out.csv", "does not exist")],
)
def test_what_cannot_be_written_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str, told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=told):
        _open(address, tmp_path)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match="is a folder"):
        _open("folder.csv", tmp_path)
    with pytest.raises(TableError, match="cannot be a table's name"):
        _open("table:a/b", tmp_path)
