"""Files of rows, read chunk by chunk: CSV, JSON lines and Parquet, each refused with its line where it is broken.

A chunk is a mapping of column names to cells, all of one length. CSV files say nothing about types: their cells stay
text, and only an empty field is missing.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
import zlib
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import IO, Any, Literal, TypeAlias, cast

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.csv as arrow_csv
from pyarrow import parquet

from roadworthy.data.casting import Cells, cells_of, whole
from roadworthy.errors import DataError

Chunk: TypeAlias = dict[str, Cells]
Format = Literal["csv", "parquet", "jsonl"]

CHUNK_ROWS = 131_072
ENDINGS: dict[str, Format] = {
    ".csv": "csv",
    ".csv.gz": "csv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".jsonl.gz": "jsonl",
}
_BLOCK_BYTES = 2 * 2**20
_PARSED_AT_ONCE = 2**20  # by one of Arrow's threads
_MOST_BYTES = 64 * 2**20
_QUOTED = re.compile(rb'(?<![^,\r\n])"[^"]*(?:""[^"]*)*(?P<closed>"?)')  # a quote opens at a field's start alone
_SEPARATORS = ";\t|"
_BROKEN = (OSError, ValueError, EOFError, zlib.error, pa.ArrowException)
_AGAIN = "Have it delivered again, or correct that place."


@dataclass(frozen=True)
class File:
    """Something to read rows from."""

    name: str
    open: Callable[[], IO[bytes]]
    format: Format
    zipped: bool = False

    @contextmanager
    def stream(self) -> Iterator[IO[bytes]]:
        """Open it, unzipped."""
        with self.open() as opened:
            if not self.zipped:
                yield opened
                return
            with gzip.GzipFile(fileobj=opened) as unzipped:
                yield cast("IO[bytes]", unzipped)


def read(file: File, rows: int = CHUNK_ROWS) -> Generator[Chunk, None, None]:
    """Yield the file's rows, so many at a time.

    Raises
    ------
    DataError
        When the file is missing or empty, is not what its kind says, or has nested values.
    """
    with _failures_named(file):
        yield from _READERS[file.format](file, rows)


def rows_of(file: File) -> int | None:
    """Return how many rows the file says it has, None when it does not say; raises as `read` does."""
    if file.format != "parquet":
        return None
    with _failures_named(file), file.stream() as stream:
        count: int = parquet.ParquetFile(stream).metadata.num_rows
        return count


def csv_header(stream: IO[bytes], name: str) -> tuple[list[str], int]:
    """Return a CSV file's column names and how many lines they take, the stream left behind them; raises DataError."""
    text = b""
    while line := stream.readline():
        text += line
        if text.strip() and text.count(b'"') % 2 == 0:
            break
    if not text.strip():
        raise DataError(f"{name} is empty.", "Give a file with rows.")
    try:
        names = next(csv.reader([text.decode("utf-8-sig").strip("\r\n")]))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{name}, line 1 is not UTF-8 text.", "Have it delivered as UTF-8.") from error
    found = next((sign for sign in _SEPARATORS if len(names) == 1 and sign in names[0]), None)
    if found:
        raise DataError(f"{name}: its columns seem to be separated by {found!r}.", "Have it delivered with commas.")
    if "" in names:
        raise DataError(
            f"{name}: column {names.index('') + 1} of the header has no name.", "Have it named or left out."
        )
    return once(names, name), text.count(b"\n")


def once(names: Sequence[str], place: str) -> list[str]:
    """Return column names, of which none may be there twice.

    Raises
    ------
    DataError
        When one is.
    """
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise DataError(f"{place}: column {', '.join(map(repr, twice))} is there twice.", "Have it delivered once.")
    return list(names)


def csv_rows(
    stream: IO[bytes], names: Sequence[str], place: str, rows: int = CHUNK_ROWS, *, line: int = 2
) -> Generator[Chunk, None, None]:
    """Yield the rows of CSV text that stands after its header; raises DataError for what is broken.

    Blocks of whole rows are given to Arrow from memory: its own stream would read a Python file in threads that may
    still be at it when the process ends, which aborts it.

    Parameters
    ----------
    line
        The number of the first line, for messages.
    """
    batches = _csv_batches(stream, names, place, line)
    yield from chunks_of(batches, rows)


def whole_rows(block: bytes) -> int:
    """Return where the last whole row of CSV text ends; a line break within quotes ends none."""
    end = block.rfind(b"\n") + 1
    if b'"' not in block or block.count(b'"', 0, end) % 2 == 0:
        return end
    end = position = 0  # quotes are open there, or there are some that are no quotes: now exactly
    for field in _QUOTED.finditer(block):
        end = max(end, block.rfind(b"\n", position, field.start()) + 1)
        position = field.end()
        if not field["closed"]:
            return end
    return max(end, block.rfind(b"\n", position) + 1)


def json_rows(lines: Iterable[bytes], place: str, rows: int = CHUNK_ROWS) -> Generator[Chunk, None, None]:
    """Yield JSON lines as rows; a key that an object lacks is a missing value; raises DataError."""
    found = ((number, line) for number, line in enumerate(lines, start=1) if not line.isspace())
    while some := list(islice(found, rows)):
        objects = [_object(line, f"{place}, line {number}") for number, line in some]
        names = dict.fromkeys(name for row in objects for name in row)
        yield {name: cells_of([row.get(name) for row in objects]) for name in names}


def chunks_of(batches: Iterable[pa.RecordBatch], rows: int) -> Iterator[Chunk]:
    """Yield record batches of any sizes as chunks of so many rows, the last one of what is left."""
    waiting: list[pa.RecordBatch] = []
    count = 0
    for batch in batches:
        waiting.append(batch)
        count += len(batch)
        while count >= rows:
            table = pa.Table.from_batches(waiting)
            yield chunk_of(table.slice(0, rows))
            waiting, count = table.slice(rows).to_batches(), count - rows
    if count:
        yield chunk_of(pa.Table.from_batches(waiting))


def chunk_of(table: pa.Table) -> Chunk:
    """Return an Arrow table's rows."""
    return {name: whole(column) for name, column in zip(table.column_names, table.columns, strict=True)}


# --- kinds -----------------------------------------------------------------------------------------------------------


def _csv(file: File, rows: int) -> Iterator[Chunk]:
    with file.stream() as stream:
        names, lines = csv_header(stream, file.name)
        yield from csv_rows(stream, names, file.name, rows, line=lines + 1)


def _csv_batches(stream: IO[bytes], names: Sequence[str], place: str, line: int) -> Iterator[pa.RecordBatch]:
    rest = b""
    while read := stream.read(_BLOCK_BYTES):
        block = rest + read
        end = whole_rows(block)
        if not end and len(block) > _MOST_BYTES:
            raise DataError(
                f"{place}: the row at line {line:,} is longer than {_MOST_BYTES:,} bytes.", "See that its quotes close."
            )
        yield from _parsed(block[:end], names, place, line)
        line, rest = line + _lines_in(block, end), block[end:]
    yield from _parsed(rest, names, place, line)


def _lines_in(block: bytes, end: int) -> int:
    return int(np.count_nonzero(np.frombuffer(block, "uint8", end) == ord("\n")))  # 6 times as fast as bytes.count


def _parsed(block: bytes, names: Sequence[str], place: str, line: int) -> list[pa.RecordBatch]:
    if not block.strip():
        return []
    convert = arrow_csv.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=True, null_values=[""]
    )
    parse = arrow_csv.ParseOptions(newlines_in_values=True)
    try:
        for size in (_PARSED_AT_ONCE, len(block) + 1):  # the second time for rows that are longer than the first
            read = arrow_csv.ReadOptions(block_size=size, column_names=list(names))
            try:
                return list(arrow_csv.read_csv(_for_arrow(block), read, parse, convert).to_batches())
            except pa.ArrowInvalid as error:
                if "straddling" not in str(error) or size > len(block):
                    raise
    except pa.ArrowInvalid as error:
        reason = _culprit(block, names, line) or f"after line {line - 1:,}: {str(error).splitlines()[0].rstrip('.')}"
        raise DataError(f"{place} cannot be read as CSV: {reason}.", _AGAIN) from error
    return []


def _for_arrow(block: bytes) -> pa.BufferReader:
    """Copy a block to memory of Arrow's: a thread that lets go of Python's as the process ends would abort it."""
    held = pa.allocate_buffer(len(block))
    pa.FixedSizeBufferWriter(held).write(block)
    return pa.BufferReader(held)


def _json_lines(file: File, rows: int) -> Iterator[Chunk]:
    with file.stream() as stream:
        yield from json_rows(stream, file.name, rows)


def _parquet(file: File, rows: int) -> Iterator[Chunk]:
    with file.stream() as stream:
        content = parquet.ParquetFile(stream)  # no threads: see `csv_rows`
        schema = content.schema_arrow
        index = [name for name in (schema.pandas_metadata or {}).get("index_columns", []) if _unnamed(name)]
        names = [name for name in once(schema.names, file.name) if name not in index]
        nested = [name for name in names if pa.types.is_nested(schema.field(name).type)]
        if nested:
            raise DataError(
                f"{file.name}: column {nested[0]!r} holds nested values ({schema.field(nested[0]).type}).",
                "Have it delivered flat: one plain value a cell.",
            )
        yield from chunks_of(content.iter_batches(rows, columns=names, use_threads=False), rows)


def _unnamed(index: object) -> bool:
    """Whether pandas stored an index that nobody named: it counts rows and is no data."""
    return isinstance(index, str) and index.startswith("__index_level_")


_READERS: dict[Format, Callable[[File, int], Iterator[Chunk]]] = {
    "csv": _csv,
    "jsonl": _json_lines,
    "parquet": _parquet,
}


# --- what is broken --------------------------------------------------------------------------------------------------


def _object(line: bytes, place: str) -> dict[str, Any]:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise DataError(f"{place} cannot be read as JSON: {error}.", _AGAIN) from error
    if not isinstance(row, dict):
        raise DataError(f"{place} is not an object.", "Write one object of column names and values a line.")
    for name, value in row.items():
        if isinstance(value, dict | list):
            raise DataError(
                f"{place}: {name!r} holds nested values.", "Have it delivered flat: one plain value a column."
            )
    return row


def _culprit(block: bytes, names: Sequence[str], line: int) -> str:
    """Return which line of a CSV file is broken; blank when that cannot be told."""
    records, start = csv.reader(io.StringIO(block.decode("utf-8", "surrogateescape"), newline="")), line
    try:
        for record in records:
            if any("\udc80" <= sign <= "\udcff" for cell in record for sign in cell):
                return f"line {line:,} is not UTF-8 text"
            if record and len(record) != len(names):
                return f"line {line:,} has {len(record)} values, where the header names {len(names)} columns"
            line = start + records.line_num
    except csv.Error:
        return f"line {line:,} holds a value that is never closed, or is too long"
    return ""


@contextmanager
def _failures_named(file: File) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise DataError(f"{file.name} does not exist.", "Correct the path.") from error
    except _BROKEN as error:
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise DataError(f"{file.name} cannot be read as {file.format}: {reason}.", _AGAIN) from error
