"""The log is the truth of serving: one line a request in a local spool, collected into tables exactly once.

The service appends to a spool file of its own and waits for nothing else. A collector, in any process, reads whole
lines and appends their rows to the tables ``predictions`` and ``labels``. In the same commit the table notes how far
the collector had read, so that whatever is killed, and when, every line arrives once. Why it is done so:
docs/decisions/0002-tables-and-capture.md.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import orjson
import pandas as pd
from filelock import FileLock, Timeout

from roadworthy.config import Config
from roadworthy.contract import Dataset
from roadworthy.errors import ContractError, ServingError
from roadworthy.records import Record, now
from roadworthy.serving.schema import frame
from roadworthy.tables import Tables

Kind = Literal["predictions", "labels"]
Line = tuple[int, bytes]

KINDS: tuple[Kind, ...] = ("predictions", "labels")
PREDICTION_COLUMNS = ("request_id", "row", "received", "version", "probability", "prediction")
BAD = "bad.jsonl"
_LOCK = ".collect.lock"
_MOMENT = "datetime64[us, UTC]"
_SPOOL_BYTES = 64 * 2**20
_BATCH_ROWS = 20_000
_BATCH_BYTES = 16 * 2**20
# What reading a line can raise when it is not one of ours.
_BROKEN = (ValueError, TypeError, KeyError, AttributeError, OverflowError)
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_UTC_Z


class Collected(Record):
    """Rows that a collector brought into the tables, and lines that it had to set aside."""

    predictions: int = 0
    labels: int = 0
    bad: int = 0


# --- writing -------------------------------------------------------------------------------------------------------


class Spool:
    """An append-only file of this process; a new one when it is full. Safe to use from several threads.

    The file is locked for as long as its writer lives, and has its name only once it is locked: a collector can
    tell the file of a dead process from one that may still grow, and process numbers may be used again.
    """

    def __init__(self, folder: Path, kind: Kind, *, file_bytes: int = _SPOOL_BYTES) -> None:
        self._folder = folder
        self._kind = kind
        self._file_bytes = file_bytes
        self._guard = threading.Lock()
        self._descriptor = -1
        self._end = 0

    def append(self, entry: Mapping[str, Any], *, durable: bool = False) -> None:
        """Append one line by one write; a line is there whole or not at all.

        Parameters
        ----------
        entry
            What `prediction_entry` or `label_entry` made.
        durable
            Return only when it is on the disk, not merely with the operating system.

        Raises
        ------
        ServingError
            When it could not be written, as on a full disk. What was written of it is cut off again.
        """
        line = orjson.dumps(entry, option=_OPTIONS) + b"\n"
        with self._guard:
            try:
                self._write(line)
                if durable:
                    os.fsync(self._descriptor)
            except OSError as error:
                self._cut_off()
                raise ServingError(
                    f"The spool {self._folder} cannot be written: {error.strerror}.",
                    "Make room on its disk, or give this user write access to it.",
                ) from error

    def close(self) -> None:
        """Give the file up; a collector may then remove it."""
        with self._guard:
            if self._descriptor >= 0:
                os.close(self._descriptor)
                self._descriptor = -1

    def _write(self, line: bytes) -> None:
        if self._descriptor < 0 or self._end >= self._file_bytes or os.fstat(self._descriptor).st_nlink == 0:
            self._open()
        written = os.write(self._descriptor, line)
        if written < len(line):
            raise OSError(0, "only a part of a line could be written")
        self._end += written

    def _open(self) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = f"{self._kind}-{os.getpid()}-{secrets.token_hex(8)}"
        draft = self._folder / f".{name}.new"
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        draft.rename(self._folder / f"{name}.jsonl")
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor, self._end = descriptor, 0

    def _cut_off(self) -> None:
        if self._descriptor < 0:
            return
        try:
            os.ftruncate(self._descriptor, self._end)
        except OSError:  # then the next line must not be joined to this half one: leave the file
            os.close(self._descriptor)
            self._descriptor = -1


def prediction_entry(
    request_id: str,
    version: str,
    rows: Sequence[Mapping[str, Any]],
    probabilities: Sequence[float],
    predictions: Sequence[bool],
) -> dict[str, Any]:
    """Return a request and its answer as a line of the spool."""
    return {
        "request_id": request_id,
        "received": now(),
        "version": version,
        "probability": probabilities,
        "prediction": predictions,
        "rows": rows,
    }


def label_entry(labels: Sequence[tuple[str, int, bool]]) -> dict[str, Any]:
    """Return labels, each as request id, row and label, as a line of the spool."""
    return {"received": now(), "labels": labels}


# --- collecting ----------------------------------------------------------------------------------------------------


def collect(config: Config, dataset: Dataset, tables: Tables, *, wait: float = 10.0) -> Collected:
    """Bring what the spools hold into the tables ``predictions`` and ``labels``, each line exactly once.

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
        self._folder = config.path(config.settings.spool)
        self._dataset = dataset
        self._tables = tables
        self._batch_rows = batch_rows
        self._positions: dict[str, int] = {}
        self._bad = 0

    def collect(self, *, wait: float = 0.0) -> Collected:
        """Collect all that is there, unless another collector is at work; raises TableError as `collect` does."""
        if not self._folder.is_dir():
            return Collected()
        try:
            with FileLock(self._folder / _LOCK, timeout=wait):
                self._bad = 0
                rows = {kind: sum(map(self._collect, sorted(self._folder.glob(f"{kind}-*.jsonl")))) for kind in KINDS}
                return Collected(**rows, bad=self._bad)
        except Timeout:
            return Collected()

    def _collect(self, path: Path) -> int:
        kind = KINDS[0] if path.name.startswith(KINDS[0]) else KINDS[1]
        rows = 0
        if path.stat().st_size > self._positions.get(path.name, 0):
            position = self._tables.position(kind, path.name) or 0
            for batch in _batches(path, position, self._batch_rows):
                rows += self._commit(kind, path, batch)
                position = batch.end
            self._positions[path.name] = position
        _remove_if_done(path, self._positions.get(path.name, 0))
        return rows

    def _commit(self, kind: Kind, path: Path, batch: _Batch) -> int:
        found = self._frame(kind, path, batch.lines)
        self._tables.append(kind, found, writer=path.name, position=batch.end)
        return len(found)

    def _frame(self, kind: Kind, path: Path, lines: Sequence[Line]) -> pd.DataFrame:
        make = {"predictions": self._predictions, "labels": _labels}[kind]
        try:
            return make([line for _, line in lines])
        except _BROKEN:  # some line is: find out which
            good = [line for offset, line in lines if self._usable(kind, path, offset, line)]
            return make(good)

    def _usable(self, kind: Kind, path: Path, offset: int, line: bytes) -> bool:
        make = {"predictions": self._predictions, "labels": _labels}[kind]
        try:
            make([line])
        except _BROKEN as error:
            _set_aside(path, offset, line, str(error))
            self._bad += 1
            return False
        return True

    def _predictions(self, lines: Sequence[bytes]) -> pd.DataFrame:
        entries = [orjson.loads(line) for line in lines]
        answers = [
            (entry["request_id"], row, entry["received"], entry["version"], probability, prediction)
            for entry in entries
            for row, (probability, prediction, _) in enumerate(
                zip(entry["probability"], entry["prediction"], entry["rows"], strict=True)
            )
        ]
        requests = frame(self._dataset, [row for entry in entries for row in entry["rows"]])
        columns = dict(zip(PREDICTION_COLUMNS, zip(*answers, strict=True), strict=True)) if answers else {}
        return pd.concat([_typed(columns, _ANSWER_DTYPES), requests], axis="columns")


_ANSWER_DTYPES = dict(zip(PREDICTION_COLUMNS, ("str", "int64", _MOMENT, "str", "float64", "bool"), strict=True))
_LABEL_DTYPES = {"request_id": "str", "row": "int64", "label": "bool", "received": _MOMENT}


def _labels(lines: Sequence[bytes]) -> pd.DataFrame:
    entries = [orjson.loads(line) for line in lines]
    labels = [(*label, entry["received"]) for entry in entries for label in entry["labels"]]
    columns = dict(zip(_LABEL_DTYPES, zip(*labels, strict=True), strict=True)) if labels else {}
    return _typed(columns, _LABEL_DTYPES)


def _typed(columns: Mapping[str, Sequence[Any]], dtypes: Mapping[str, str]) -> pd.DataFrame:
    return pd.DataFrame({name: _series(columns.get(name, ()), dtype) for name, dtype in dtypes.items()})


def _series(values: Sequence[Any], dtype: str) -> pd.Series[Any]:
    if dtype == _MOMENT:
        return pd.Series(pd.to_datetime(list(values), utc=True, format="ISO8601").as_unit("us"))
    if dtype == "bool" and not all(isinstance(value, bool) for value in values):
        raise ValueError("a value that must be true or false is neither")
    return pd.Series(list(values), dtype=dtype)


# --- spool files ---------------------------------------------------------------------------------------------------


@dataclass
class _Batch:
    """Whole lines with their offsets, and the offset after the last one."""

    lines: list[Line] = field(default_factory=list)
    rows: int = 0
    end: int = 0


def _batches(path: Path, position: int, most_rows: int) -> Iterator[_Batch]:
    batch, begin = _Batch(), position
    with path.open("rb") as file:
        file.seek(position)
        for line in file:
            if not line.endswith(b"\n"):
                break
            batch.lines.append((position, line))
            position += len(line)
            # Every row and every label ends in a bracket: an upper bound that costs no parsing.
            batch.rows += max(line.count(b"}"), line.count(b"]"))
            batch.end = position
            if batch.rows >= most_rows or position - begin >= _BATCH_BYTES:
                yield batch
                batch, begin = _Batch(), position
    if batch.lines:
        yield batch


def _remove_if_done(path: Path, position: int) -> None:
    """Remove the file when its writer is gone and every whole line of it is in the table."""
    descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        tail = os.pread(descriptor, max(os.fstat(descriptor).st_size - position, 0), position)
        if b"\n" in tail:
            return
        if tail:
            _set_aside(path, position, tail, "the process died while writing it, before it was acknowledged")
        os.sync()  # the table's files were not; then at last the spool is no longer needed
        path.unlink()
    except BlockingIOError:  # its writer lives
        return
    finally:
        os.close(descriptor)


def _set_aside(path: Path, offset: int, line: bytes, problem: str) -> None:
    entry = {
        "file": path.name,
        "offset": offset,
        "problem": problem,
        "found": datetime.now(UTC),
        "line": line.decode(errors="replace").rstrip("\n"),
    }
    with (path.parent / BAD).open("ab") as file:
        file.write(orjson.dumps(entry) + b"\n")


def _check_names(dataset: Dataset) -> None:
    for column in dataset.request_columns:
        if column.name in PREDICTION_COLUMNS:
            raise ContractError(
                f"Column {column.name!r} of dataset {dataset.name!r} has the name of a column of the table of "
                "predictions.",
                f"Rename it in the contract; taken are {', '.join(PREDICTION_COLUMNS)}.",
            )
