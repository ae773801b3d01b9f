"""Files of rows, whole and broken."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from roadworthy.data import readers
from roadworthy.data.readers import File, Format
from roadworthy.errors import DataError

GOOD = b"id,x\n" + b"a,1\n" * 99
OBJECT = b'{"id": "a", "x": 1}\n'


def file(content: bytes, format: Format = "csv", *, zipped: bool = False) -> File:
    return File("in/a", lambda: io.BytesIO(content), format, zipped=zipped)


def rows_in(one: File, rows: int = 10) -> list[dict[str, object]]:
    found = []
    for chunk in readers.read(one, rows):
        assert len({len(cells) for cells in chunk.values()}) == 1
        columns = [cells.to_pylist() if isinstance(cells, pa.Array) else cells.tolist() for cells in chunk.values()]
        found += [dict(zip(chunk, row, strict=True)) for row in zip(*columns, strict=True)]
    return found


def parquet_of(table: pa.Table | pd.DataFrame) -> bytes:
    stream = io.BytesIO()
    if isinstance(table, pd.DataFrame):
        table.to_parquet(stream)
    else:
        parquet.write_table(table, stream)
    return stream.getvalue()


def test_csv_cells_are_text_and_only_an_empty_one_is_missing() -> None:
    content = '\ufeffid,"the x"\r\n9E,01234\r\n"NA",\r\n\r\n"a\nb",""\r\n'.encode()
    assert rows_in(file(content)) == [
        {"id": "9E", "the x": "01234"},
        {"id": "NA", "the x": None},
        {"id": "a\nb", "the x": None},
    ]


def test_no_chunk_is_larger_than_asked_for() -> None:
    for one in (
        file(GOOD),
        file(gzip.compress(GOOD), zipped=True),
        file(OBJECT * 99, "jsonl"),
        file(parquet_of(pd.DataFrame({"id": ["a"] * 99, "x": 1})), "parquet"),
    ):
        sizes = [len(chunk["id"]) for chunk in readers.read(one, 10)]
        assert sum(sizes) == 99
        assert max(sizes) <= 10
    assert readers.rows_of(file(GOOD)) is None
    assert readers.rows_of(file(parquet_of(pd.DataFrame({"x": [1, 2]})), "parquet")) == 2


def test_batches_are_joined_and_cut() -> None:
    small = [pa.record_batch({"x": [n]}) for n in range(25)]
    large = [pa.record_batch({"x": list(range(25))})]
    assert [len(chunk["x"]) for chunk in readers.chunks_of(small, 10)] == [10, 10, 5]
    assert [len(chunk["x"]) for chunk in readers.chunks_of(large, 10)] == [10, 10, 5]


def test_json_objects_may_leave_out_what_is_missing() -> None:
    content = b'{"id": "a"}\n\n{"x": 1.5, "id": "b"}\n{"x": "many"}'
    assert rows_in(file(content, "jsonl")) == [
        {"id": "a", "x": None},
        {"id": "b", "x": 1.5},
        {"id": None, "x": "many"},
    ]


def test_an_index_that_nobody_named_is_no_column() -> None:
    frame = pd.DataFrame({"x": [1, 2]}, index=[7, 9])
    assert rows_in(file(parquet_of(frame), "parquet")) == [{"x": 1}, {"x": 2}]
    named = frame.rename_axis("id")
    assert rows_in(file(parquet_of(named), "parquet"))[0] == {"x": 1, "id": 7}


@pytest.mark.parametrize(
    ("one", "fact"),
    [
        (file(b""), "in/a is empty"),
        (file(b"\n\n"), "in/a is empty"),
        (file(b"id,id\na,b\n"), "column 'id' is there twice"),
        (file(b"id,\na,b\n"), "column 2 of the header has no name"),
        (file(b"id;x\na;b\n"), "separated by ';'"),
        (file(b"\xffid,x\na,b\n"), "line 1 is not UTF-8"),
        (file("id,x\na,ü\n".encode("utf-16")), "line 1 is not UTF-8"),
        (file(GOOD + b"a,b,c\n"), "line 101 has 3 values, where the header names 2 columns"),
        (file(GOOD + b"a\n" + GOOD), "line 101 has 1 values"),
        (file(GOOD + b"\xff,1\n"), "line 101 is not UTF-8"),
        (file(gzip.compress(GOOD + b"\xff,1\n"), zipped=True), "line 101 is not UTF-8"),
        (file(GOOD + b'"never closed,1\na,1\n'), "line 101 has 1 values"),
        (file(gzip.compress(GOOD * 99)[:-9], zipped=True), "cannot be read as csv"),
        (file(b"no gzip", zipped=True), "cannot be read as csv: Not a gzipped file"),
        (file(b"PAR1 but no more", "parquet"), "cannot be read as parquet"),
        (file(parquet_of(pd.DataFrame({"x": [1.5] * 999}))[:-20], "parquet"), "cannot be read as parquet"),
        (file(parquet_of(pa.table({"x": [[1]]})), "parquet"), r"column 'x' holds nested values \(list"),
        (file(parquet_of(pa.table([[1], [2]], names=["x", "x"])), "parquet"), "column 'x' is there twice"),
        (file(OBJECT + b'{"id": ', "jsonl"), "in/a, line 2 cannot be read as JSON"),
        (file(OBJECT + b"[1]\n", "jsonl"), "in/a, line 2 is not an object"),
        (file(OBJECT + b'\n{"id": {"a": 1}}\n', "jsonl"), "in/a, line 3: 'id' holds nested values"),
        (file(OBJECT + b'{"id": "\xff"}\n', "jsonl"), "in/a, line 2 cannot be read as JSON"),
    ],
)
def test_what_is_broken_is_named_with_its_line(one: File, fact: str) -> None:
    with pytest.raises(DataError, match=fact):
        rows_in(one)


def test_a_header_alone_gives_no_rows() -> None:
    assert rows_in(file(b"id,x\n")) == []
    assert rows_in(file(b"id,x")) == []
    assert rows_in(file(b"", "jsonl")) == []


def test_long_rows_are_read_and_endless_ones_named() -> None:
    long = "a\n" * 5_000_000
    read = rows_in(file(b"id,x\n" + b"a,1\n" * 9 + f'"{long}",1\nb,2\n'.encode()))
    assert [len(str(row["id"])) for row in read] == [1] * 9 + [len(long), 1]
    with pytest.raises(DataError, match="the row at line 2 is longer than 67,108,864 bytes"):
        rows_in(file(b'id,x\n"' + b"a" * 80_000_000))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.text('a",\n', max_size=4), st.text('a",\n', max_size=4)), max_size=6),
    st.integers(0, 60),
)
def test_whole_rows_end_where_the_csv_module_ends_them(rows: list[tuple[str, str]], cut: int) -> None:
    text, ends = io.StringIO(), [0]
    for row in rows:
        csv.writer(text, lineterminator="\n").writerow(row)
        ends.append(len(text.getvalue()))
    block = text.getvalue()[:cut].encode()
    assert readers.whole_rows(block) == max(end for end in ends if end <= len(block))


def test_a_quote_within_a_field_is_none() -> None:
    block = b'5" pipe,1\n6" pipe,2\n"a\nb'
    assert readers.whole_rows(block) == block.index(b'"a')
    assert rows_in(file(b"id,x\n" + b'5" pipe,1\n' * 3))[2] == {"id": '5" pipe', "x": "1"}


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="gone does not exist"):
        list(readers.read(File("gone", lambda: (tmp_path / "gone").open("rb"), "csv")))
