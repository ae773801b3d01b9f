"""Sources of every kind, by their addresses."""

from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import fsspec
import pandas as pd
import pytest

from roadworthy.data.sources import Source, files_at, open_source, read_file
from roadworthy.errors import DataError

PIPED = """
from roadworthy.data.sources import open_source
from roadworthy.errors import DataError
try:
    source = open_source("-", rows=2)
    for batch in source.batches():
        print(batch.name, [{name: cells.to_pylist() for name, cells in chunk.items()} for chunk in batch.chunks()])
except DataError as error:
    print(error)
"""
FRAME = pd.DataFrame({"id": ["a", "b", "c"], "x": [1, 2, 3]})


def ids(source: Source) -> dict[str, list[str]]:
    return {
        batch.name: [name for chunk in batch.chunks() for name in chunk["id"].to_pylist()] for batch in source.batches()
    }


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    place = tmp_path / "in"
    (place / "deeper").mkdir(parents=True)
    FRAME.to_csv(place / "b.csv", index=False)
    FRAME[:2].to_csv(place / "a.csv.gz", index=False)
    FRAME[1:].to_parquet(place / "deeper" / "c.parquet")
    FRAME[2:].to_json(place / "d.jsonl", orient="records", lines=True)
    (place / ".hidden.csv").write_text("id\nz\n")
    (place / "readme.txt").write_text("not rows")
    return place


def test_a_file_is_one_batch(folder: Path) -> None:
    assert ids(open_source("in/b.csv")) == {"in/b.csv": ["a", "b", "c"]}
    assert ids(open_source(str(folder / "a.csv.gz"), rows=1)) == {str(folder / "a.csv.gz"): ["a", "b"]}
    (batch,) = open_source("in/deeper/c.parquet").batches()
    assert batch.rows == 2
    (batch,) = open_source("in/d.jsonl").batches()
    assert batch.gaps


def test_a_folder_and_a_glob_give_one_batch_a_file(folder: Path) -> None:
    everything = {
        "in/a.csv.gz": ["a", "b"],
        "in/b.csv": ["a", "b", "c"],
        "in/d.jsonl": ["c"],
        "in/deeper/c.parquet": ["b", "c"],
    }
    assert ids(open_source("in")) == ids(open_source("in/")) == everything
    assert ids(open_source("in/*.csv*")) == {name: everything[name] for name in ("in/a.csv.gz", "in/b.csv")}
    assert list(ids(open_source(f"{folder}/**/*.parquet"))) == ["in/deeper/c.parquet"]
    assert list(ids(open_source(f"file://{folder}/b.csv"))) == [f"file://{folder}/b.csv"]


def test_a_name_with_a_wildcard_in_it_is_a_file_all_the_same(folder: Path) -> None:
    FRAME.to_csv(folder / "x[1].csv", index=False)
    assert ids(open_source("in/x[1].csv")) == {"in/x[1].csv": ["a", "b", "c"]}


def test_a_change_of_a_file_can_be_seen(folder: Path) -> None:
    before = {name: state for name, (_, state) in files_at("in", None).items()}
    (folder / "b.csv").write_text("id\na\n")
    after = {name: state for name, (_, state) in files_at("in", None).items()}
    assert [name for name in before if before[name] != after[name]] == ["in/b.csv"]


def test_fsspec_addresses_are_read(folder: Path) -> None:
    with fsspec.open("memory://in/a.csv", "wb") as stream:
        stream.write((folder / "b.csv").read_bytes())
    assert ids(open_source("memory://in/a.csv")) == {"memory://in/a.csv": ["a", "b", "c"]}
    assert list(ids(open_source("memory://in"))) == ["memory://in/a.csv"]
    assert list(ids(open_source("memory://in/*.csv"))) == ["memory:///in/a.csv"]


def test_a_query_is_one_batch(tmp_path: Path) -> None:
    address = f"sqlite:///{tmp_path}/a.db"
    source = open_source(address, query="SELECT 'a' AS id UNION SELECT 'b'")
    assert ids(source) == {source.name: ["a", "b"]}
    with pytest.raises(DataError, match=r"a\.db is a database"):
        open_source(address)


@pytest.mark.parametrize(
    ("address", "fact", "next_step"),
    [
        ("s3://key:geheim@bucket/a.csv", "driver of its kind of address is not installed", "pip install s3fs"),
        ("nowhere://geheim@bucket/a.csv", "cannot be looked at: Protocol not known", "memory"),
        ("in/readme.txt", "files of this kind are not read", ".csv.gz"),
        ("in/none*", "has no file that can be read", ".parquet"),
        ("postgresql://me:geheim@host/db", "is a database", "query"),
    ],
)
def test_what_cannot_be_opened_is_named(folder: Path, address: str, fact: str, next_step: str) -> None:
    with pytest.raises(DataError, match=fact) as caught:
        open_source(address)
    assert next_step in caught.value.next_step
    assert "geheim" not in str(caught.value)


def test_a_format_may_be_named_where_no_ending_says_it(folder: Path) -> None:
    (folder / "readme.txt").write_text("id\nz\n")
    assert ids(open_source("in/readme.txt", format="csv")) == {"in/readme.txt": ["z"]}
    with pytest.raises(DataError, match="Parquet cannot be read from standard input"):
        open_source("-", format="parquet")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "printed"),
    [
        ("id,x\na,1\nb,2\nc,3\n", "standard input [{'id': ['a', 'b'], 'x': ['1', '2']}, {'id': ['c'], 'x': ['3']}]"),
        ("\ufeffid\na\n", "standard input [{'id': ['a']}]"),
        (' \n{"id": "a"}\n{"id": "b"}\n', "standard input [{'id': ['a', 'b']}]"),
        ('[{"id": "a"}]', "standard input is a JSON array."),
        ("", "standard input is empty."),
    ],
)
def test_standard_input_is_csv_or_json_lines(content: str, printed: str) -> None:
    done = subprocess.run([sys.executable, "-c", PIPED], input=content.encode(), capture_output=True, check=True)
    assert done.stdout.decode().splitlines()[0] == printed


def test_a_file_is_read_whole(folder: Path) -> None:
    pd.testing.assert_frame_equal(read_file(folder / "b.csv"), FRAME.astype("str"))
    pd.testing.assert_frame_equal(read_file(folder / "deeper" / "c.parquet"), FRAME[1:].reset_index(drop=True))
    assert read_file(folder / "d.jsonl").to_dict("list") == {"id": ["c"], "x": [3]}


def test_a_csv_files_text_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("\ufeffid,zip\n9E,01234\nNA,\n", encoding="utf-8")
    read = read_file(tmp_path / "a.csv")
    assert read["id"].tolist() == ["9E", "NA"]
    assert read["zip"].iloc[0] == "01234"
    assert read["zip"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("name", "content", "fact"),
    [
        ("a.csv", b"", "is empty"),
        ("a.csv", b"id,x\n", "has no rows"),
        ("a.csv", b'id,x\n"never closed', "cannot be read"),
        ("a.csv", b"id,x\n\xff\xfe,1\n", "cannot be read"),
        ("a.csv.gz", b"not zipped", "cannot be read"),
        ("a.csv.gz", gzip.compress(b"id,x\n1,2\n" * 99, mtime=0)[:-9], "cannot be read"),
        ("a.parquet", b"PAR1 but no more", "cannot be read"),
        ("a.jsonl", b'{"id": 1}\n{"id": ', "cannot be read"),
        ("a.jsonl", b'{"id": 1}\n[1]\n', "line 2 is not an object"),
        ("a.jsonl", b"", "has no rows"),
        ("a.xlsx", b"", "of this kind are not read"),
    ],
)
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str, content: bytes, fact: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match=fact) as caught:
        read_file(path)
    assert str(path) in caught.value.fact


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for name in ("gone.csv", "gone.parquet", "gone.jsonl"):
        with pytest.raises(DataError, match="does not exist"):
            read_file(tmp_path / name)
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(DataError, match="cannot be read"):
        read_file(tmp_path / "folder.csv")
