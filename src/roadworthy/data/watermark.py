"""A query followed by a column that rises: rows at or above its last value are asked for, those taken left out."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa

from roadworthy.data import quality
from roadworthy.data.casting import Cells, cast, cells_of
from roadworthy.data.ingest import Intake, Mark, OnProblem
from roadworthy.data.inspection import lines_of
from roadworthy.data.queries import Query, quoted
from roadworthy.data.readers import Chunk, chunk_of
from roadworthy.data.sources import Batch
from roadworthy.errors import DataError
from roadworthy.records import Ingestion

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_COUNT_BITS = 10
_MOST_AT_ONE = 2**_COUNT_BITS - 1
_MOST = 2**53 - 1  # what is left of a position's 63 bits: moments in microseconds until the year 2255


@dataclass
class _Reading:
    """What one look at the query has found so far."""

    last: int | None
    until: int | None
    left_out: Counter[str]
    """Rows at the last value that were taken already, as JSON, and how often."""
    highest: int = -1
    at_highest: Counter[str] = field(default_factory=Counter)


class WatermarkedQuery:
    """A query whose new rows are known by their watermark: whole numbers, or moments.

    The position that is committed with the rows holds the highest watermark of a batch and how many batches ended at
    it: ``watermark * 1024 + count``. Rows that come later with that same watermark are still found: they are asked for
    again, and those that were taken are left out, by their content. A row that comes with a lower one is never seen, as
    with any watermark.
    """

    def __init__(self, address: str, query: str, watermark: str, intake: Intake, on_problem: OnProblem) -> None:
        self._query = Query(address, query.strip().rstrip(";"))
        self._name, self._watermark, self._intake = self._query.name, watermark, intake
        column = intake.dataset.column(watermark)
        if column.type not in ("integer", "timestamp"):
            raise DataError(
                f"Column {watermark!r} is of type {column.type}, and cannot be a watermark.",
                "Name a column of whole numbers, or of moments, that rises with each new row.",
            )
        self._type = column.type
        known = hashlib.sha256(f"{self._query.sql}\n{watermark}".encode()).hexdigest()[:16]
        self._writer = f"follow {self._name} {known}"
        self._taken: tuple[int, Counter[str]] | None = None
        self._delivered: pa.DataType | None = None
        self._name_unknown(on_problem)

    def poll(self) -> Iterator[Ingestion]:
        """Take the rows that are new, as one batch; before them the rows of a batch whose commits a death parted."""
        aside = self._intake.tables.position(self._intake.quarantine, self._writer)
        position = self._position()
        if aside is not None and (position is None or aside > position):
            completed = self._take(position, aside)
            self._taken = None  # a bad row that came since then is not in quarantine: what is there, is in the tables
            if completed is not None:
                yield completed
        account = self._take(self._position(), None)
        if account is not None:
            yield account

    def _position(self) -> int | None:
        return self._intake.tables.position(self._intake.dataset.name, self._writer)

    def _take(self, position: int | None, until: int | None) -> Ingestion | None:
        last = None if position is None else position >> _COUNT_BITS
        reading = _Reading(last, None if until is None else until >> _COUNT_BITS, Counter())
        with closing(self._chunks(reading)) as chunks:
            first = next(chunks, None)
            if first is None:
                return None
            batch = Batch(self._name, partial(_after, first, chunks))
            account = self._intake.take(batch, mark=partial(self._mark, reading, position))
        taken = reading.at_highest
        if self._taken is not None and self._taken[0] == reading.highest:
            taken += self._taken[1]
        self._taken = (reading.highest, taken)
        return account

    def _mark(self, reading: _Reading, position: int | None, content: str) -> Mark:
        count = 0
        if position is not None and reading.highest == position >> _COUNT_BITS:
            count = (position & _MOST_AT_ONE) + 1
        if count > _MOST_AT_ONE:
            raise DataError(
                f"{self._name}: {self._watermark} stayed the same over {_MOST_AT_ONE:,} batches.",
                "Look at it less often, or name a finer watermark; the rows wait for the next value.",
            )
        reached = (reading.highest << _COUNT_BITS) + count
        name = hashlib.sha256(f"{self._writer} {reached} {content}".encode()).hexdigest()
        return Mark(name, self._writer, reached)

    # --- asking ---

    def _chunks(self, reading: _Reading) -> Generator[Chunk, None, None]:
        column = quoted(self._query.address, self._watermark)
        where, parameters = f"{column} IS NOT NULL", {}
        if reading.last is not None:
            where, parameters = f"{column} >= :last", {"last": self._bound(reading.last)}
            reading.left_out = self._taken_at(reading.last)
        sql = f"SELECT * FROM ({self._query.sql}) followed WHERE {where} ORDER BY {column}"  # noqa: S608 - the user's
        with closing(Query(self._query.address, sql, parameters).chunks()) as chunks:
            for chunk in chunks:
                new = self._new(chunk, reading)
                if new is not None:
                    yield new

    def _new(self, chunk: Chunk, reading: _Reading) -> Chunk | None:
        """Return the rows of a chunk that were not taken yet."""
        marks = self._marks(chunk)
        keep = np.ones(len(marks), dtype=bool)
        if reading.last is not None:
            keep &= marks >= reading.last
            self._leave_out(chunk, np.flatnonzero(marks == reading.last), keep, reading)
        if reading.until is not None:
            keep &= marks <= reading.until
        if not keep.any():
            return None
        kept: Chunk = {name: _filtered(cells, keep) for name, cells in chunk.items()}
        marks = marks[keep]
        if marks.max() > reading.highest:
            reading.highest, reading.at_highest = int(marks.max()), Counter()
        reading.at_highest.update(lines_of(kept, np.flatnonzero(marks == reading.highest)))
        return kept

    def _leave_out(self, chunk: Chunk, at: np.ndarray[Any, Any], keep: np.ndarray[Any, Any], reading: _Reading) -> None:
        for place, *names in zip(at, lines_of(chunk, at), self._typed_lines(chunk, at), strict=True):
            name = next((name for name in names if reading.left_out[name] > 0), None)
            if name is not None:
                reading.left_out[name] -= 1
                keep[place] = False

    def _marks(self, chunk: Chunk) -> np.ndarray[Any, Any]:
        if self._watermark not in chunk:
            raise DataError(f"{self._name}: the query has no column {self._watermark!r}.", "Add it to the query.")
        found = cast(chunk[self._watermark], self._type)
        if found.failed.any() or found.values.null_count:
            raise DataError(
                f"{self._name}: {self._watermark} is not a watermark: not all its values are of type {self._type}.",
                "Name another column, or correct its type in the contract.",
            )
        marks = np.asarray(found.values.cast(pa.int64()))
        if len(marks) and not (marks.min() >= 0 and marks.max() <= _MOST):
            raise DataError(
                f"{self._name}: {self._watermark} has values below 0 or above {_MOST:,}.",
                "Name another column as the watermark.",
            )
        return marks

    def _bound(self, last: int) -> object:
        """Return a watermark as the database holds it."""
        delivered = self._kind()
        if self._type == "integer":
            return last
        moment = _EPOCH + timedelta(microseconds=last)
        if delivered is None or not pa.types.is_temporal(delivered):
            return moment.replace(tzinfo=None).isoformat(sep=" ")  # text, as in SQLite; what is too much is left out
        if pa.types.is_date(delivered):
            return moment.date()
        return moment if delivered.tz else moment.replace(tzinfo=None)

    def _kind(self) -> pa.DataType | None:
        if self._delivered is None:
            with closing(self._query.chunks(1)) as chunks:
                cells = next(chunks, {}).get(self._watermark)
            self._delivered = cells.type if isinstance(cells, pa.Array) else None
        return self._delivered

    def _name_unknown(self, on_problem: OnProblem) -> None:
        """Say how many rows have no watermark, as they will never be taken."""
        column = quoted(self._query.address, self._watermark)
        sql = f"SELECT COUNT(*) AS n FROM ({self._query.sql}) followed WHERE {column} IS NULL"  # noqa: S608
        with closing(Query(self._query.address, sql).chunks()) as chunks:
            count = next(chunks)["n"][0].as_py()
        if count:
            problem = f"{self._name}: {count:,} rows have no {self._watermark}; they are never taken."
            on_problem(self._name, DataError(problem, f"Fill in {self._watermark}, or follow another column."))

    # --- what was taken ---

    def _taken_at(self, last: int) -> Counter[str]:
        """Return the rows with that watermark that were taken, as JSON: from memory, or after a restart from tables."""
        if self._taken is None or self._taken[0] != last:
            self._taken = (last, self._good_at(last) + self._bad())
        return self._taken[1].copy()

    def _good_at(self, last: int) -> Counter[str]:
        tables, dataset = self._intake.tables, self._intake.dataset
        newest = tables.newest(dataset.name)
        if self._type == "timestamp":
            moment = _EPOCH + timedelta(microseconds=last)
            between = (self._watermark, moment, moment + timedelta(microseconds=1))
            rows = tables.read(dataset.name, version=newest, between=between)
        else:
            rows = tables.read(dataset.name, version=newest)
            rows = rows[rows[self._watermark] == last]
        chunk = {name: cells_of(rows[name].reset_index(drop=True)) for name in dataset.dtypes}
        return Counter(self._typed_lines(chunk, np.arange(len(rows))))

    def _bad(self) -> Counter[str]:
        tables, name = self._intake.tables, self._intake.quarantine
        if not tables.exists(name):
            return Counter()
        columns = ["batch", "source", "row", "content"]
        lines = tables.read(name, version=tables.newest(name), columns=columns)
        lines = lines[lines["source"] == self._name].drop_duplicates(["batch", "row"])
        return Counter(lines["content"].tolist())

    def _typed_lines(self, chunk: Mapping[str, Cells], at: np.ndarray[Any, Any]) -> list[str]:
        """Return rows in the contract's types, as JSON that is never the JSON of a delivered row."""
        some = {name: cells for name, cells in chunk.items() if name in self._intake.dataset.dtypes}
        values = quality.typed(some, self._intake.dataset.columns).values
        return ["typed " + line for line in lines_of(chunk_of(values), at)]


def _after(first: Chunk, others: Iterator[Chunk]) -> Generator[Chunk, None, None]:
    yield first
    yield from others


def _filtered(cells: Cells, keep: np.ndarray[Any, Any]) -> Cells:
    if isinstance(cells, pa.Array):
        return cells.filter(pa.array(keep))
    return cells[keep].reset_index(drop=True)
