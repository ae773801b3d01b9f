"""Where answers go: a file that is there whole or not at all, or a table of the project.

A file's rows wait as one part a chunk in the run's folder; at the end they are put together there and get the output's
name by one rename. To a table each chunk is one commit, made once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any, Protocol

import orjson
import pyarrow as pa
import pyarrow.csv as arrow_csv
from pyarrow import parquet

from roadworthy.errors import DataError
from roadworthy.scoring.answering import REFUSED, Answered
from roadworthy.scoring.inputs import TABLE
from roadworthy.scoring.work import settle
from roadworthy.tables import Tables

ENDINGS = (".parquet", ".csv", ".jsonl")


class Output(Protocol):
    """Takes chunks in, each as often as it is given, and has it once."""

    folder: Path
    """Where the run keeps its parts."""
    refused_to: str

    def take(self, chunk: int, answered: Answered, writer: str) -> None:
        """Take in a chunk; it is on the disk then."""

    def finish(self, chunks: int, schema: pa.Schema, *, refused: bool) -> None:
        """Make of the chunks what was asked for."""

    def there(self) -> bool:
        """Whether the output is there."""


def open_output(address: str, tables: Tables, root: Path) -> Output:
    """Return the output at an address: a file (.parquet, .csv, .jsonl), or ``table:NAME``.

    Raises
    ------
    DataError
        When it is neither.
    """
    if address.startswith(TABLE):
        return TableOutput(address.removeprefix(TABLE), tables, root)
    path = Path(address)
    if "://" in address or path.suffix not in ENDINGS:
        raise DataError(
            f"Nothing can be written to {address!r}.", f"Give a file of one of: {', '.join(ENDINGS)}; or table:NAME."
        )
    if not path.absolute().parent.is_dir():
        raise DataError(f"The folder {path.absolute().parent} does not exist.", "Make it, or correct OUTPUT.")
    if path.is_dir():
        raise DataError(f"{path} is a folder.", "Give a file.")
    return FileOutput(path.absolute())


class FileOutput:
    """A file, and beside it one with the rows that were refused."""

    def __init__(self, path: Path) -> None:
        self.folder = path.parent / f".{path.name}.scoring"
        self.path, self.refused = path, path.with_name(f"{path.stem}.refused.jsonl")
        self.refused_to = str(self.refused)

    def take(self, chunk: int, answered: Answered, writer: str) -> None:
        """Keep the chunk as a part."""
        lines = b"".join(orjson.dumps(line) + b"\n" for line in answered.refused)
        _written(self._part(chunk, "refused"), lambda file: file.write(lines))
        _written(self._part(chunk, "parquet"), lambda file: parquet.write_table(answered.rows, file))

    def finish(self, chunks: int, schema: pa.Schema, *, refused: bool) -> None:
        """Put the parts together; the refused rows first, so that who sees the output has them too."""
        if refused:
            self._put(self.refused, lambda file: file.writelines(self._refused(chunks)))
        else:
            self.refused.unlink(missing_ok=True)  # of an earlier run
        self._put(self.path, lambda file: _WRITERS[self.path.suffix](file, self._answers(chunks), schema))

    def there(self) -> bool:
        """Whether the file is there."""
        return self.path.exists()

    def _put(self, path: Path, fill: Callable[[IO[bytes]], object]) -> None:
        draft = self.folder / f"whole{path.suffix}"
        _written(draft, fill)
        settle(draft, path)

    def _answers(self, chunks: int) -> Iterator[pa.Table]:
        return (parquet.read_table(self._part(chunk, "parquet"), partitioning=None) for chunk in range(chunks))

    def _refused(self, chunks: int) -> Iterator[bytes]:
        return (self._part(chunk, "refused").read_bytes() for chunk in range(chunks))

    def _part(self, chunk: int, kind: str) -> Path:
        return self.folder / f"{chunk:08}.{kind}"


class TableOutput:
    """A table of the project, and ``<name>_refused`` with the rows that were refused."""

    def __init__(self, name: str, tables: Tables, root: Path) -> None:
        self.folder = root / ".roadworthy" / "scoring" / name
        self.name, self._tables = name, tables
        self.refused_to = f"{TABLE}{name}_refused"
        tables.exists(name)  # says so when it cannot be a table's name

    def take(self, chunk: int, answered: Answered, writer: str) -> None:
        """Add the chunk, unless it was added."""
        if answered.refused:
            refused = pa.Table.from_pylist(answered.refused, REFUSED)
            self._tables.append(f"{self.name}_refused", refused, writer=writer, position=chunk)
        self._tables.append(self.name, answered.rows, writer=writer, position=chunk)

    def finish(self, chunks: int, schema: pa.Schema, *, refused: bool) -> None:
        """Have the table there even when there were no rows."""
        if not chunks:
            self._tables.append(self.name, schema.empty_table())

    def there(self) -> bool:
        """Whether there is such a table."""
        return self._tables.exists(self.name)


# --- files -----------------------------------------------------------------------------------------------------------


def _written(path: Path, fill: Callable[[IO[bytes]], object]) -> None:
    """Fill a file, and have it on the disk."""
    try:
        with path.open("wb") as file:
            fill(file)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise DataError(
            f"{path} cannot be written: {error.strerror or error}.", "Make room, and run the command again to go on."
        ) from error


def _parquet(file: IO[bytes], tables: Iterator[pa.Table], schema: pa.Schema) -> None:
    with parquet.ParquetWriter(file, schema) as writer:
        for table in tables:
            writer.write_table(table)


def _csv(file: IO[bytes], tables: Iterator[pa.Table], schema: pa.Schema) -> None:
    with arrow_csv.CSVWriter(file, schema) as writer:
        for table in tables:
            writer.write_table(table)


def _json_lines(file: IO[bytes], tables: Iterator[pa.Table], schema: pa.Schema) -> None:
    for table in tables:
        for batch in table.to_batches(max_chunksize=1000):
            file.writelines(_line(row) for row in batch.to_pylist())


def _line(row: dict[str, Any]) -> bytes:
    return orjson.dumps(row, option=orjson.OPT_UTC_Z) + b"\n"


_WRITERS: dict[str, Callable[[IO[bytes], Iterator[pa.Table], pa.Schema], None]] = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".jsonl": _json_lines,
}
