"""Where rows come from, by one address: files, folders, globs, standard input, SQL queries, object stores.

A source yields named batches, each of which is taken or refused as a whole; a batch yields chunks of so many rows, so
that it may be larger than memory.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

import fsspec
import pandas as pd
import pyarrow as pa
from fsspec.core import url_to_fs

from roadworthy.data import readers
from roadworthy.data.queries import BACKENDS, Query
from roadworthy.data.readers import CHUNK_ROWS, ENDINGS, Chunk, File, Format
from roadworthy.errors import DataError

_STANDARD_INPUT = "-"
_WILDCARDS = re.compile(r"[*?\[]")
_PACKAGES = {"smbclient": "smbprotocol"}  # others go by their module's name
_WHOLE = 2**62
_CHANGED = ("mtime", "LastModified", "last_modified", "created", "ETag")  # what systems call it when a file changed


@dataclass(frozen=True)
class Batch:
    """Rows that belong together."""

    name: str
    chunks: Callable[[], Generator[Chunk, None, None]]
    rows: int | None = None
    """How many there are, where that is known before they are read."""
    gaps: bool = False
    """Whether a chunk may lack a column of which it has no value, as in JSON lines."""


@dataclass(frozen=True)
class Source:
    """Something that yields batches. Its name holds no password."""

    name: str
    batches: Callable[[], Iterator[Batch]]


def open_source(
    address: str, *, query: str | None = None, format: Format | None = None, rows: int = CHUNK_ROWS
) -> Source:
    """Return the source at an address.

    Parameters
    ----------
    address
        A file (.csv, .csv.gz, .parquet, .jsonl, .jsonl.gz), a folder of such files, a glob such as ``in/*.csv``; ``-``
        for standard input; a database's SQLAlchemy address, together with ``query``; or any of the former on what
        fsspec knows, such as ``s3://bucket/folder``. A folder and a glob give one batch a file, in the order of names.
    query
        A SELECT statement; its result is one batch.
    format
        What the files are, where their names do not say.
    rows
        Rows of one chunk.

    Raises
    ------
    DataError
        When there is nothing at the address, its kind is unknown, or a driver for it is not installed.
    """
    if query is not None:
        asked = Query(address, query)
        return Source(asked.name, lambda: iter([Batch(asked.name, lambda: asked.chunks(rows))]))
    if address == _STANDARD_INPUT:
        return _standard_input(format, rows)
    if address.split(":", 1)[0].split("+", 1)[0] in BACKENDS:
        raise DataError(f"{shown(address)} is a database.", "Say which rows to take: give a query.")
    return _files(address, format, rows)


def read_file(path: Path) -> pd.DataFrame:
    """Read a file of rows whole: .csv, .csv.gz, .parquet, .jsonl or .jsonl.gz.

    A CSV file's values stay text, as nothing in it says their types; `ingest` and `quality.cast` turn them into what
    the contract names. Only an empty field is missing.

    Raises
    ------
    DataError
        When the file is missing, of another kind, unreadable or without rows.
    """
    file = file_at(str(path), None)
    columns = next(readers.read(file, _WHOLE), None)
    if columns is None:
        raise DataError(f"{path} has no rows.", "Give a file with rows.")
    return pd.DataFrame(
        {name: cells.to_pandas() if isinstance(cells, pa.Array) else cells for name, cells in columns.items()}
    )


def shown(address: str) -> str:
    """Return an address without what may be secret in it: user, password and options.

    Examples
    --------
    >>> shown("sftp://me:word@host/in?key=1")
    'sftp://host/in'
    """
    if "://" not in address:
        return address
    return re.sub(r"//[^/]*@", "//", address.split("?", 1)[0])


# --- files -----------------------------------------------------------------------------------------------------------


def file_at(address: str, format: Format | None) -> File:
    """Return the file at an address, local or not; it is not opened yet.

    Raises
    ------
    DataError
        When its name does not say what it is.
    """
    system, path = _system(address)
    return _file(system, path, shown(address), format)


def files_at(address: str, format: Format | None) -> dict[str, tuple[File, tuple[object, ...]]]:
    """Return the files of a folder or glob by name, each with what changes when it does: its size and its time.

    Raises
    ------
    DataError
        When the address cannot be listed.
    """
    system, path = _system(address)
    with _failures_named(address):
        system.invalidate_cache()
        found = system.glob(path, detail=True) if _is_glob(system, path) else system.find(path, detail=True)
    base = "" if _is_glob(system, path) else path
    files: dict[str, tuple[File, tuple[object, ...]]] = {}
    for place, about in sorted(found.items()):
        hidden = Path(place.removeprefix(base)).name.startswith((".", "_"))
        if about["type"] != "file" or hidden or (format is None and _ending(place) is None):
            continue
        name = shown(address).rstrip("/") + place.removeprefix(base) if base else _named(address, place)
        changed = next((about[key] for key in _CHANGED if key in about), None)
        files[name] = _file(system, place, name, format), (about["size"], changed)
    return files


def is_many(address: str) -> bool:
    """Return whether an address is that of a folder or a glob; raises DataError when it cannot be looked at."""
    system, path = _system(address)
    with _failures_named(address):
        return _is_glob(system, path) or bool(system.isdir(path))


def batch_of(file: File, rows: int = CHUNK_ROWS) -> Batch:
    """Return a file's rows as a batch; raises DataError when it cannot be opened."""
    return Batch(file.name, lambda: readers.read(file, rows), readers.rows_of(file), gaps=file.format == "jsonl")


def _files(address: str, format: Format | None, rows: int) -> Source:
    name = shown(address)
    if not is_many(address):
        file = file_at(address, format)
        return Source(name, lambda: iter([batch_of(file, rows)]))
    files = [file for file, _ in files_at(address, format).values()]
    if not files:
        raise DataError(f"{name} has no file that can be read.", f"Give files of one of: {', '.join(ENDINGS)}.")
    return Source(name, lambda: (_opened_late(file, rows) for file in files))


def _opened_late(file: File, rows: int) -> Batch:
    """Return the batch of one file among several, which is opened only when its turn comes."""
    return Batch(file.name, lambda: readers.read(file, rows), gaps=file.format == "jsonl")


def _file(system: Any, path: str, name: str, format: Format | None) -> File:  # noqa: ANN401 - fsspec is not typed
    ending = _ending(path)
    if ending is None and format is None:
        raise DataError(f"{name}: files of this kind are not read.", f"Give one of: {', '.join(ENDINGS)}.")
    return File(
        name,
        partial(system.open, path, "rb"),
        format or ENDINGS[cast("str", ending)],
        zipped=path.lower().endswith(".gz"),
    )


def _ending(path: str) -> str | None:
    fitting = [ending for ending in ENDINGS if path.lower().endswith(ending)]
    return max(fitting, key=len, default=None)


def _is_glob(system: Any, path: str) -> bool:  # noqa: ANN401
    return _WILDCARDS.search(path) is not None and not system.exists(path)


def _named(address: str, place: str) -> str:
    """Return the name of a file that a glob found: local ones as seen from here."""
    if "://" in address:
        return f"{address.split('://', 1)[0]}://{place}"
    here = Path.cwd()
    return str(Path(place).relative_to(here)) if Path(place).is_relative_to(here) else place


def _system(address: str) -> tuple[Any, str]:
    name = shown(address)
    try:
        system, path = url_to_fs(address)
    except ImportError as error:
        module = getattr(error.__cause__, "name", None) or address.split("://", 1)[0]
        raise DataError(
            f"{name}: the driver of its kind of address is not installed.",
            f"Run `pip install {_PACKAGES.get(module, module)}`.",
        ) from None
    except Exception as error:  # each driver raises its own, for options and logins among others
        raise _unreachable(address, error) from None
    return system, path


@contextmanager
def _failures_named(address: str) -> Iterator[None]:
    """Turn a driver's failure into one that names the address."""
    try:
        yield
    except Exception as error:  # each driver raises its own
        raise _unreachable(address, error) from None


def _unreachable(address: str, error: Exception) -> DataError:
    known = ", ".join(sorted({"file", "memory", "s3", "gs", "az", "sftp"} & set(fsspec.available_protocols())))
    reason = (str(error).splitlines() or [type(error).__name__])[0].rstrip(".").replace(address, shown(address))
    return DataError(f"{shown(address)} cannot be looked at: {reason}.", f"Correct the address: a path, {known}://...")


# --- standard input --------------------------------------------------------------------------------------------------


def _standard_input(format: Format | None, rows: int) -> Source:
    name = "standard input"
    if format == "parquet":
        raise DataError("Parquet cannot be read from standard input: it is read from its end.", "Give it as a file.")

    def batches() -> Iterator[Batch]:
        stream = sys.stdin.buffer
        start = stream.read(1)
        while start.isspace() or start in (b"\xef", b"\xbb", b"\xbf"):  # a byte order mark
            start = stream.read(1)
        kind = format or ("jsonl" if start == b"{" else "csv")
        if start == b"[":
            raise DataError(f"{name} is a JSON array.", "Write one object a line.")
        file = File(name, lambda: io.BufferedReader(_After(start, stream)), kind)
        yield Batch(name, lambda: readers.read(file, rows), gaps=kind == "jsonl")

    return Source(name, batches)


class _After(io.RawIOBase):
    """A stream of which the first byte was taken already."""

    def __init__(self, start: bytes, stream: IO[bytes]) -> None:
        self._start, self._stream = start, stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - whatever can be written to
        content = self._start or self._stream.read1(len(buffer))  # type: ignore[attr-defined]
        self._start = b""
        buffer[: len(content)] = content
        return len(content)
