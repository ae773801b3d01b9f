"""Ingestion: a batch goes through the contract into the dataset's table, its bad rows into quarantine.

The table is the truth: who wrote a batch, and how far in its input that one had come, is committed together with the
batch's rows, so that it is added once even when the process dies between the table and the state database.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator
from contextlib import closing
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from roadworthy.config import QuarantinePolicy
from roadworthy.contract import Dataset
from roadworthy.data.ahead import ahead
from roadworthy.data.casting import cells_of
from roadworthy.data.inspection import Inspection, reasons_of
from roadworthy.data.readers import CHUNK_ROWS, Chunk, once
from roadworthy.data.sources import Batch, Source, read_file
from roadworthy.errors import DataError, DataRefused, RoadworthyError
from roadworthy.records import Ingestion, now
from roadworthy.state import State
from roadworthy.tables import Tables

__all__ = ["Intake", "Mark", "ingest", "ingest_source", "read_file"]

OnProgress = Callable[[int, int | None], object]
"""Called with the rows read so far, and with how many there are in all where that is known."""
OnProblem = Callable[[str, RoadworthyError], object]
"""Called with the name of a batch that was not taken, and why."""

_TOP_PROBLEMS = 3
_QUARANTINE = pa.schema(
    [
        ("batch", pa.string()),
        ("source", pa.string()),
        ("row", pa.int64()),
        ("column", pa.string()),
        ("rule", pa.string()),
        ("value", pa.string()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("content", pa.string()),
    ]
)
_ADDED = 0  # the only position that a batch, as a writer of its own, ever reaches


def ingest(
    rows: pd.DataFrame, *, dataset: Dataset, tables: Tables, state: State, policy: QuarantinePolicy, source: str
) -> Ingestion:
    """Add a batch to the dataset's table; rows that break the contract go to the table ``<dataset>_quarantine``.

    The quarantine has one line a broken rule: batch, source, row (position in the batch, from 0), column, rule, value,
    at, and content (the row as JSON). Of rows with the same identifier the first is taken, and none whose identifier
    is in the table already.

    Parameters
    ----------
    rows
        Exactly the contract's columns, in any order.
    policy
        The share of bad rows above which the batch is refused whole.
    source
        Where the rows come from, for the record and for messages.

    Returns
    -------
    Ingestion
        The account; with ``repeated`` when the same content had been ingested before, and nothing was added.

    Raises
    ------
    DataError
        When there are no rows, or the columns are not those of the contract: all differences are named at once.
    DataRefused
        When more rows are bad than the policy tolerates, there are too few or too many, or they are too old. Nothing
        is written then.
    TableError
        When a table cannot be written.
    """
    once([str(name) for name in rows.columns], source)
    batch = Batch(source, lambda: _cut(rows), len(rows))
    return Intake(dataset, tables, state, policy).take(batch)


def ingest_source(
    source: Source,
    *,
    dataset: Dataset,
    tables: Tables,
    state: State,
    policy: QuarantinePolicy,
    on_progress: OnProgress | None = None,
    on_problem: OnProblem | None = None,
) -> list[Ingestion]:
    """Add every batch of a source, as `ingest` does; rows are read, checked and set aside chunk by chunk.

    Each batch stands by itself: one that is refused hides no other. All are tried first.

    Parameters
    ----------
    on_problem
        Called for each batch that was not taken; nothing is raised for it then.

    Returns
    -------
    list of Ingestion
        One for each batch that was taken, in their order.

    Raises
    ------
    DataError, DataRefused
        Without ``on_problem``: for the batches that were not taken, after all the others were added.
    """
    intake = Intake(dataset, tables, state, policy)
    taken: list[Ingestion] = []
    problems: list[tuple[str, RoadworthyError]] = []
    for batch in source.batches():
        before = sum(account.rows for account in taken)
        try:
            taken.append(intake.take(batch, on_progress=_from(before, on_progress)))
        except (DataError, DataRefused) as error:
            problems.append((batch.name, error))
            if on_problem:
                on_problem(batch.name, error)
    if problems and not on_problem:
        raise _together(source, taken, problems)
    return taken


@dataclass(frozen=True)
class Mark:
    """What is committed together with a batch, so that it is added once."""

    batch: str
    """The batch's name in the record and in quarantine: a hash."""
    writer: str
    position: int

    @staticmethod
    def of_content(content: str) -> Mark:
        """Return the mark of a batch that is known by its content alone."""
        return Mark(content, f"batch {content}", _ADDED)


class Intake:
    """Where the batches of one dataset go through."""

    def __init__(self, dataset: Dataset, tables: Tables, state: State, policy: QuarantinePolicy) -> None:
        self.dataset, self.tables, self.state, self._policy = dataset, tables, state, policy
        self.quarantine = f"{dataset.name}_quarantine"
        # A frame without rows says how pandas would store them: the table is the same whatever the rows came as.
        empty = pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in dataset.dtypes.items()})
        stored = pa.Schema.from_pandas(empty, preserve_index=False)
        self._stored = pa.schema(map(_plain, stored), metadata=stored.metadata)

    def take(
        self,
        batch: Batch,
        *,
        mark: Callable[[str], Mark] = Mark.of_content,
        on_progress: OnProgress | None = None,
    ) -> Ingestion:
        """Add one batch, with the errors of `ingest`.

        Parameters
        ----------
        mark
            Called with the content's hash once all rows were read: who writes, and at which position.
        """
        with Inspection(batch, self.dataset, self.tables) as found, closing(ahead(batch.chunks())) as chunks:
            for chunk in chunks:
                found.add(chunk)
                if on_progress:
                    on_progress(found.rows, batch.rows)
            found.finish()
            marked = mark(found.content)
            reached = self.tables.position(self.dataset.name, marked.writer)
            if reached is not None and reached >= marked.position:
                return self._repeated(found, marked)
            found.refuse_if_worse(self._policy)
            self._set_aside(found, marked)
            version = self._append(found, marked)
            return self.state.record_ingestion(self._account(found, marked, found.reasons, found.bad_rows, version))

    def _set_aside(self, found: Inspection, mark: Mark) -> None:
        """Put the bad rows into quarantine before the good ones are added: none is ever lost."""
        if not found.bad.rows:
            return
        known = {"batch": mark.batch, "source": found.batch.name, "at": now()}

        def completed(lines: pa.Table) -> pa.Table:
            constants = {
                name: pa.repeat(pa.scalar(value, _QUARANTINE.field(name).type), len(lines))
                for name, value in known.items()
            }
            return pa.table([constants.get(name) or lines[name] for name in _QUARANTINE.names], _QUARANTINE.names)

        self._write(self.quarantine, lambda: found.bad.reader(completed, _QUARANTINE), mark)

    def _append(self, found: Inspection, mark: Mark) -> int:
        return self._write(self.dataset.name, lambda: found.good.reader(lambda rows: rows, self._stored), mark)

    def _write(self, name: str, rows: Callable[[], pa.RecordBatchReader], mark: Mark) -> int:
        return self.tables.append(name, rows, writer=mark.writer, position=mark.position)

    def _repeated(self, found: Inspection, mark: Mark) -> Ingestion:
        """Return the first account of a batch; write it anew when the process died before it could."""
        first = self.state.ingestion(self.dataset.name, mark.batch)
        if first is None:
            reasons, bad = self._aside(mark)
            version = self.tables.newest(self.dataset.name)
            first = self.state.record_ingestion(self._account(found, mark, reasons, bad, version))
        return first.model_copy(update={"repeated": True})

    def _aside(self, mark: Mark) -> tuple[Counter[str], int]:
        """Return why rows of a batch were set aside, and how many were."""
        if not self.tables.exists(self.quarantine):
            return Counter(), 0
        newest = self.tables.newest(self.quarantine)
        lines = self.tables.read(self.quarantine, version=newest, columns=["batch", "row", "rule"])
        lines = lines[lines["batch"] == mark.batch]
        return reasons_of(lines), int(lines["row"].nunique())

    def _account(self, found: Inspection, mark: Mark, reasons: Counter[str], bad: int, version: int) -> Ingestion:
        return Ingestion(
            dataset=self.dataset.name,
            batch=mark.batch,
            source=found.batch.name,
            rows=found.rows,
            accepted=found.rows - bad,
            quarantined=bad,
            reasons=dict(reasons.most_common()),
            absent=found.absent,
            table_version=version,
        )


def _cut(rows: pd.DataFrame) -> Generator[Chunk, None, None]:
    for start in range(0, len(rows), CHUNK_ROWS):
        part = rows.iloc[start : start + CHUNK_ROWS].reset_index(drop=True)
        yield {str(name): cells_of(part[name]) for name in part.columns}


def _plain(field: pa.Field) -> pa.Field:
    """Return a field of text as it is cast, so that no text is copied once more; Delta stores both alike."""
    return field.with_type(pa.string()) if pa.types.is_large_string(field.type) else field


def _from(before: int, on_progress: OnProgress | None) -> OnProgress | None:
    if on_progress is None or not before:
        return on_progress
    return lambda rows, _: on_progress(before + rows, None)


def _together(source: Source, taken: list[Ingestion], problems: list[tuple[str, RoadworthyError]]) -> RoadworthyError:
    """Return one error for all batches that were not taken."""
    first = problems[0][1]
    if len(problems) == 1 and not taken:
        return first
    kind = DataRefused if all(isinstance(error, DataRefused) for _, error in problems) else DataError
    facts = " ".join(error.fact for _, error in problems[:_TOP_PROBLEMS])
    more = f" And {len(problems) - _TOP_PROBLEMS} more." if len(problems) > _TOP_PROBLEMS else ""
    return kind(
        f"{source.name}: {len(problems)} of {len(problems) + len(taken)} batches were not taken, the others were. "
        f"{facts}{more}",
        first.next_step,
    )
