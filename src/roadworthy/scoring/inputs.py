"""What is scored: the rows of files or of a table, in chunks, and what tells its content from any other."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Protocol

from blake3 import blake3

from roadworthy.data import readers, sources
from roadworthy.data.readers import Chunk, File
from roadworthy.errors import DataError
from roadworthy.tables import Tables

TABLE = "table:"
_TABLE = re.compile(r"table:(?P<name>[^@]+)(@(?P<version>\d+))?")
_BLOCK_BYTES = 4 * 2**20


@dataclass(frozen=True)
class Part:
    """Some rows, and where they come from."""

    place: str
    cells: Chunk
    gaps: bool = False
    """Whether a column may be left out, as in JSON lines."""


class Input(Protocol):
    """Rows that can be read again, the same in the same order."""

    name: str

    @property
    def content(self) -> str:
        """What tells these rows from any others."""

    @property
    def rows(self) -> int | None:
        """How many there are, where that is known before they are read."""

    def parts(self, rows: int) -> Iterator[Part]:
        """Yield the rows, at most so many at a time."""

    def expect_unchanged(self) -> None:
        """Raise DataError when they are no longer those that ``content`` told."""


def open_input(address: str, tables: Tables) -> Input:
    """Return the rows at an address.

    Parameters
    ----------
    address
        A file, folder or glob as for `roadworthy.data.sources.open_source`; or ``table:NAME``, a table of the project
        as it is now, or ``table:NAME@VERSION``.

    Raises
    ------
    DataError
        When there is nothing, or nothing that can be read twice.
    TableError
        When there is no such table or version.
    """
    if address == "-":
        raise DataError("Standard input cannot be read again after a kill.", "Write it to a file, and give that.")
    if address.startswith(TABLE):
        return TableInput(address, tables)
    return FileInput(address)


class FileInput:
    """A file, or the files of a folder or glob in the order of their names."""

    def __init__(self, address: str) -> None:
        self.name = sources.shown(address)
        self._address = address
        if not sources.is_many(address):
            sources.file_at(address, None)  # says what is wrong with its kind
        self._found = sources.files_at(address, None)
        if not self._found:
            raise DataError(f"{self.name} does not exist, or has no file that can be read.", "Correct the path.")

    @property
    def content(self) -> str:
        """The hash of the files' bytes."""
        digests = [_digest(file) for file, _ in self._found.values()]
        return blake3("\n".join(digests).encode()).hexdigest()

    @property
    def rows(self) -> int | None:
        """How many there are, when all files say so."""
        counts = [readers.rows_of(file) for file, _ in self._found.values()]
        return None if None in counts else sum(filter(None, counts))

    def parts(self, rows: int) -> Iterator[Part]:
        """Yield the rows of one file after the other."""
        for name, (file, _) in self._found.items():
            for cells in readers.read(file, rows):
                yield Part(name, cells, gaps=file.format == "jsonl")

    def expect_unchanged(self) -> None:
        """Look at the files' sizes and times again."""
        present = {name: about for name, (_, about) in sources.files_at(self._address, None).items()}
        changed = [name for name, (_, about) in self._found.items() if present.get(name) != about]
        if changed:
            raise DataError(
                f"{changed[0]} was changed while it was scored.", "Run the command again when it no longer changes."
            )

    def reads(self, path: Path) -> bool:
        """Return whether a local file is one of these, or would be once it is there."""
        if "://" in self._address:
            return False
        own, wanted = Path(self._address).absolute(), str(path.absolute())
        return wanted == str(own) or own in path.absolute().parents or fnmatch(wanted, str(own))


class TableInput:
    """A version of a table."""

    def __init__(self, address: str, tables: Tables) -> None:
        found = _TABLE.fullmatch(address)
        if found is None:
            raise DataError(f"{address!r} names no table.", "Write table:NAME, or table:NAME@VERSION.")
        self._tables, self.table = tables, found["name"]
        self.version = tables.version(self.table) if found["version"] is None else int(found["version"])
        self.name = f"{TABLE}{self.table}@{self.version}"

    @property
    def content(self) -> str:
        """Table and version: what a version holds never changes."""
        return self.name

    @property
    def rows(self) -> int | None:
        """How many the version has."""
        return self._tables.count(self.table, version=self.version)

    def parts(self, rows: int) -> Iterator[Part]:
        """Yield the version's rows."""
        for cells in readers.chunks_of(self._tables.stream(self.table, version=self.version), rows):
            yield Part(self.name, cells)

    def expect_unchanged(self) -> None:
        """A version cannot change."""


def _digest(file: File) -> str:
    found = blake3()
    try:
        with file.open() as stream:
            while block := stream.read(_BLOCK_BYTES):
                found.update(block)
    except OSError as error:
        raise DataError(f"{file.name} cannot be read: {error.strerror or error}.", "Correct the path.") from error
    return found.hexdigest()
