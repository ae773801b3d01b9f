"""A file that grows: whole new lines are taken, and the byte up to which is committed together with them."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO

from roadworthy.data.ingest import Intake, Mark, OnProblem
from roadworthy.data.readers import Chunk, Format, csv_header, csv_rows, json_rows, whole_rows
from roadworthy.data.sources import Batch, file_at
from roadworthy.errors import DataError
from roadworthy.records import Ingestion

PART_BYTES = 64 * 2**20
"""The most that one batch takes; what a killed feed left behind is caught up part by part."""


class Broken(DataError):
    """A feed cannot go on: nobody can tell any more which of its rows are new."""


@dataclass(frozen=True)
class _Head:
    """The start of a file, by which it is known again."""

    names: tuple[str, ...]
    start: int
    """Where its rows begin."""
    writer: str


class GrowingFile:
    """A local .csv or .jsonl file to which lines are added.

    It is known by its path and its first row. Another first row means another file in its place, which is then read
    from its start.
    """

    def __init__(self, address: str, intake: Intake, on_problem: OnProblem, format: Format | None) -> None:
        file = file_at(address, format)
        if file.format == "parquet" or file.zipped or "://" in address:
            raise DataError(
                f"{file.name} cannot be followed: only local .csv and .jsonl files grow line by line.",
                "Follow the folder that such files come into.",
            )
        self._path, self._name, self._format = Path(address).absolute(), file.name, file.format
        self._intake, self._on_problem = intake, on_problem
        self._former: tuple[str, int] | None = None

    def poll(self) -> Iterator[Ingestion]:
        """Take the whole lines that were added, in parts of bounded size."""
        with self._opened() as stream:
            head = self._head(stream)
            while head is not None:
                position = self._position(stream, head)
                part = self._part(stream, head, position)
                if not part:
                    return
                yield self._take(head, position, part)

    def _take(self, head: _Head, position: int, part: bytes) -> Ingestion:
        end = position + len(part)
        batch = Batch(
            f"{self._name}, bytes {position:,} to {end:,}",
            partial(self._rows, head, position, part),
            gaps=self._format == "jsonl",
        )
        account = self._intake.take(batch, mark=partial(_mark, head.writer, position, end))
        self._former = (head.writer, end)
        return account

    def _rows(self, head: _Head, position: int, part: bytes) -> Generator[Chunk, None, None]:
        place = f"{self._name} after byte {position:,}"
        if self._format == "csv":
            return csv_rows(io.BytesIO(part), head.names, place, line=1)
        return json_rows(part.splitlines(keepends=True), place)

    def _head(self, stream: IO[bytes]) -> _Head | None:
        """Return the file's head, None as long as it has no whole row."""
        names: list[str] = []
        if self._format == "csv":
            header = _first_row(stream, self._format)
            if not header:
                return None
            names, _ = csv_header(io.BytesIO(header), self._name)
        start = stream.tell()
        first = _first_row(stream, self._format)
        if not first:
            return None
        known = hashlib.sha256(repr(names).encode() + first).hexdigest()[:16]
        head = _Head(tuple(names), start, f"follow {self._path} {known}")
        if self._former is not None and self._former[0] != head.writer:
            self._on_problem(
                self._name,
                DataError(
                    f"{self._name} was replaced: its first row is another. It is read from its start; what the former "
                    f"file had after byte {self._former[1]:,}, if anything, was not read.",
                    "Ingest the former file once more if it had more rows: what was taken of it is not added again "
                    "where the contract has an identifier.",
                ),
            )
        if self._former is None or self._former[0] != head.writer:
            self._former = (head.writer, start)
        return head

    def _position(self, stream: IO[bytes], head: _Head) -> int:
        """Return where the rows begin that were not taken yet.

        Raises
        ------
        Broken
            When the file is shorter than what was taken of it, or no line ends there any more.
        """
        reached = self._intake.tables.position(self._intake.dataset.name, head.writer)
        position = head.start if reached is None else reached
        size = stream.seek(0, io.SEEK_END)
        stream.seek(max(position - 1, 0))
        if size < position or (reached is not None and stream.read(1) != b"\n"):
            raise Broken(
                f"{self._name} was cut or rewritten: {position:,} bytes of it were taken, it has {size:,} now and "
                "begins as before. Which of its lines are new cannot be told.",
                "Give it another name, leave out the lines that were taken, and follow it anew.",
            )
        return position

    def _part(self, stream: IO[bytes], head: _Head, position: int) -> bytes:
        """Return the next whole lines.

        When the process died between the two commits of a batch, that batch is taken again as it was: no line more.
        """
        aside = self._intake.tables.position(self._intake.quarantine, head.writer)
        stream.seek(position)
        if aside is not None and aside > position:
            return stream.read(aside - position)
        content = stream.read(PART_BYTES)
        lines = _whole_lines(content, self._format)
        if not lines and len(content) == PART_BYTES:
            raise DataError(
                f"{self._name}: the row at byte {position:,} is longer than {PART_BYTES:,} bytes.",
                "See that its quotes are closed.",
            )
        return lines

    @contextmanager
    def _opened(self) -> Iterator[IO[bytes]]:
        try:
            with self._path.open("rb") as stream:
                yield stream
        except FileNotFoundError as error:
            raise DataError(f"{self._name} does not exist.", "It is taken up when it does.") from error
        except OSError as error:
            raise DataError(f"{self._name} cannot be read: {error.strerror}.", "See that it can be.") from error


def _mark(writer: str, start: int, end: int, content: str) -> Mark:
    # Two parts of the same lines are two batches, as both were written: the place belongs to the name.
    name = hashlib.sha256(f"{writer} {start} {end} {content}".encode()).hexdigest()
    return Mark(name, writer, end)


def _first_row(stream: IO[bytes], format: Format) -> bytes:
    """Return the first row once it has ended; of CSV a line break within quotes ends none."""
    row = b""
    while line := stream.readline():
        row += line
        if line.endswith(b"\n") and (format == "jsonl" or row.count(b'"') % 2 == 0):
            return row
    return b""


def _whole_lines(content: bytes, format: Format) -> bytes:
    """Return the rows that have ended."""
    return content[: whole_rows(content) if format == "csv" else content.rfind(b"\n") + 1]
