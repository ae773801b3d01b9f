"""Collecting: what stands in the spools is brought into the tables, each line exactly once."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pyarrow as pa
from filelock import FileLock, Timeout
from pydantic import Field

from roadworthy.config import Config
from roadworthy.contract import Dataset
from roadworthy.errors import ContractError, RoadworthyError
from roadworthy.records import Record
from roadworthy.serving.capture.columns import table_of
from roadworthy.serving.capture.files import Batch, Line, batches, removed_if_done, set_aside
from roadworthy.serving.capture.lines import BROKEN, PREDICTION_COLUMNS, rows_of
from roadworthy.serving.capture.privacy import kept_dataset, treatment
from roadworthy.serving.capture.room import backlog, note_collected, noted
from roadworthy.serving.capture.spool import KINDS, Kind
from roadworthy.tables import Tables

_LOCK = ".collect.lock"
_BATCH_ROWS = 60_000


class Collected(Record):
    """Rows that a collector brought into the tables, lines that it had to set aside, and what still waits."""

    predictions: int = 0
    shadow: int = 0
    failures: int = 0
    labels: int = 0
    unmatched: int = 0
    bad: int = 0
    waiting: int = Field(default=0, description="bytes that stand in the spool and in no table yet")
    lag: float = Field(default=0.0, description="seconds since the oldest waiting line was written")


def collect(config: Config, dataset: Dataset, tables: Tables, *, wait: float = 10.0) -> Collected:
    """Bring what the spools hold into the tables of their kinds, each line exactly once.

    Parameters
    ----------
    wait
        Seconds to wait while another collector is at work; after that, or at once with 0, nothing is collected.

    Returns
    -------
    Collected
        What this call brought in.

    Raises
    ------
    TableError
        When a table cannot be written. Nothing is lost: the spool is kept until its rows are in the table.
    """
    return Collector(config, dataset, tables).collect(wait=wait)


class Collector:
    """A collector that remembers how far it has read, so that an idle spool costs next to nothing."""

    def __init__(self, config: Config, dataset: Dataset, tables: Tables, *, batch_rows: int = _BATCH_ROWS) -> None:
        _check_names(dataset)
        policy = config.policy.capture
        self._folder = config.path(config.settings.spool)
        self._dataset = kept_dataset(dataset, policy)
        self._hashed = [column.name for column in dataset.request_columns if treatment(column, policy) == "hash"]
        self._tables = tables
        self._batch_rows = batch_rows
        self._positions: dict[str, int] = {}
        self._bad = 0

    def collect(self, *, wait: float = 0.0) -> Collected:
        """Collect all that is there, unless another collector is at work; raises TableError as `collect` does."""
        if not self._folder.is_dir():
            return Collected()
        rows: dict[str, int] = {}
        self._bad = 0
        try:
            with FileLock(self._folder / _LOCK, timeout=wait):
                rows = self._collect_all()
        except Timeout:
            pass
        left = backlog(self._folder)
        return Collected(**rows, bad=self._bad, waiting=left.waiting, lag=left.lag)

    def _collect_all(self) -> dict[str, int]:
        """Collect every kind, also when the table of another cannot be written."""
        rows: dict[str, int] = {}
        failures = []
        self._forget_what_others_collected()
        for kind in KINDS:
            try:
                rows[kind] = sum(self._collect(kind, path) for path in sorted(self._folder.glob(f"{kind}-*.jsonl")))
            except (RoadworthyError, OSError) as error:
                failures.append(error)
        self._note()
        if failures:
            raise failures[0]
        return rows

    def _forget_what_others_collected(self) -> None:
        """Keep the positions that all processes have noted alike; the tables are asked for any other."""
        hints = noted(self._folder)
        self._positions = {name: position for name, position in self._positions.items() if hints.get(name) == position}

    def _note(self) -> None:
        """Let all processes know how far the files have been collected that are still there."""
        there = {path.name for path in self._folder.glob("*.jsonl")}
        self._positions = {name: position for name, position in self._positions.items() if name in there}
        before = noted(self._folder)
        # what is noted of a file stands where its table could not be asked
        known = {name: position for name, position in before.items() if name in there} | self._positions
        if known != before:
            note_collected(self._folder, known)

    def _collect(self, kind: Kind, path: Path) -> int:
        rows = 0
        if path.stat().st_size > self._positions.get(path.name, 0):
            position = self._positions.pop(path.name, None)  # not known while a commit may fail
            if position is None:
                position = self._tables.position(kind, path.name) or 0
            for batch in batches(path, kind, position, self._batch_rows):
                rows += self._commit(kind, path, batch, position)
                position = batch.end
            self._positions[path.name] = position
        if removed_if_done(path, self._positions.get(path.name, 0)):
            self._positions.pop(path.name, None)
        return rows

    def _commit(self, kind: Kind, path: Path, batch: Batch, begin: int) -> int:
        found = self._frame(kind, path, batch.lines)
        self._tables.append(kind, found, writer=path.name, position=batch.end, after=begin)
        return len(found)

    def _frame(self, kind: Kind, path: Path, lines: Sequence[Line]) -> pd.DataFrame | pa.Table:
        plain = table_of(kind, [line for _, line in lines], self._dataset, self._hashed)
        if plain is not None:
            return plain
        try:
            return self._rows(kind, [line for _, line in lines])
        except BROKEN:  # some line is: find out which
            return self._rows(kind, [line for offset, line in lines if self._usable(kind, path, offset, line)])

    def _usable(self, kind: Kind, path: Path, offset: int, line: bytes) -> bool:
        try:
            self._rows(kind, [line])
        except BROKEN as error:
            set_aside(path, offset, line, str(error))
            self._bad += 1
            return False
        return True

    def _rows(self, kind: Kind, lines: Sequence[bytes]) -> pd.DataFrame:
        return rows_of(kind, lines, self._dataset, self._hashed)


def _check_names(dataset: Dataset) -> None:
    for column in dataset.request_columns:
        if column.name in PREDICTION_COLUMNS:
            raise ContractError(
                f"Column {column.name!r} of dataset {dataset.name!r} has the name of a column of the table of "
                "predictions.",
                f"Rename it in the contract; taken are {', '.join(PREDICTION_COLUMNS)}.",
            )
