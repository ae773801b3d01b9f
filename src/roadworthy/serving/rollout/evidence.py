"""What the tables know of a rollout's present step: a value a request, ready for the rule.

Only the columns that are needed are read, only from the step's beginning on, and what belongs to others is dropped
batch by batch, so that a million rows are a matter of seconds.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from roadworthy.records import Rollout
from roadworthy.serving.rollout.rule import Measured
from roadworthy.tables import Tables

_Floats = NDArray[np.float64]
_Belongs = Callable[[pa.Table], pa.ChunkedArray]
_Keeps = Callable[[str], bool]

_KEY = ["request_id", "row"]
_MOMENT = pa.timestamp("us", tz="UTC")
_TYPES = {
    "request_id": pa.large_string(),
    "row": pa.int64(),
    "received": _MOMENT,
    "at": _MOMENT,
    "version": pa.large_string(),
    "role": pa.large_string(),
    "rollout": pa.large_string(),
    "probability": pa.float64(),
    "prediction": pa.bool_(),
    "seconds": pa.float64(),
    "label": pa.bool_(),
}


def measure(tables: Tables, rollout: Rollout, until: datetime, *, keeps: _Keeps | None = None) -> Measured:
    """Read what happened since the rollout's present step began and before ``until``.

    Parameters
    ----------
    tables
        ``predictions``, ``shadow``, ``failures`` and ``labels``, whichever are there.
    rollout
        The running rollout.
    until
        First moment that no longer belongs.
    keeps
        Whether capture keeps a request, by its id. Failures are all recorded, answers are sampled: only failures of
        requests that would have been kept may count beside them. Without it all are kept.

    Raises
    ------
    TableError
        When a table cannot be read.
    """
    step = _Step(tables, rollout, until)
    answered = step.challenger()
    failed = step.failures()
    if keeps is not None:
        failed = failed.filter(pa.array([keeps(name) for name in failed["request_id"].to_pylist()], pa.bool_()))
    labels = step.labels()
    champion = step.champion() if rollout.mode == "shadow" or len(labels) else _empty()
    if rollout.mode == "shadow":
        paired = answered.join(champion, keys=_KEY, join_type="inner", right_suffix="_champion")
        squares = _by_label(_squared(_labelled(paired, labels), paired=True))
    else:
        paired = _empty()
        squares = _by_label(_squared(_labelled(answered, labels)))
    requests = _requests(answered, failed)
    return Measured(
        failed=requests["failed_max"].to_numpy().astype(bool),
        seconds=requests["seconds_max"].to_numpy().astype(np.float64),
        differences=_differences(paired),
        squares=squares,
        champion_squares=_by_label(_squared(_labelled(champion, labels))) if rollout.mode == "canary" else np.zeros(0),
    )


class _Step:
    """The tables, as far as they concern the present step."""

    def __init__(self, tables: Tables, rollout: Rollout, until: datetime) -> None:
        self._tables = tables
        self._rollout = rollout
        self._until = until

    def challenger(self) -> pa.Table:
        """Return the rows that the challenger answered."""
        columns = [*_KEY, "received", "rollout", "probability", "prediction", "seconds"]
        if self._rollout.mode == "shadow":
            return self._read("shadow", columns, self._of_this_rollout)
        return self._read("predictions", [*columns, "role"], self._of_the_canary)

    def champion(self) -> pa.Table:
        """Return the rows that the champion answered; those of older services do not say as what."""
        columns = [*_KEY, "received", "version", "role", "probability", "prediction"]
        return self._read("predictions", columns, self._of_the_champion)

    def failures(self) -> pa.Table:
        """Return the requests that the challenger failed at."""
        role = self._rollout.mode
        return self._read(
            "failures",
            ["request_id", "received", "role", "rollout", "seconds"],
            lambda rows: pc.and_(self._of_this_rollout(rows), pc.equal(rows["role"], role)),
        )

    def labels(self) -> pa.Table:
        """Return the label that counts of each row: columns request_id, row, label, and when it was received."""
        every = self._read("labels", [*_KEY, "label", "received", "at"], lambda rows: pc.is_valid(rows["label"]))
        known = pc.coalesce(every["at"], every["received"])
        order = [("known", "ascending"), ("received", "ascending")]
        ordered = every.append_column("known", known).sort_by(order)
        counting = ordered.group_by(_KEY, use_threads=False).aggregate([("label", "last"), ("received", "last")])
        return counting.rename_columns([*_KEY, "label", "labelled"])

    def _of_this_rollout(self, rows: pa.Table) -> pa.ChunkedArray:
        return pc.equal(rows["rollout"], self._rollout.id)

    def _of_the_canary(self, rows: pa.Table) -> pa.ChunkedArray:
        return pc.and_(self._of_this_rollout(rows), pc.equal(rows["role"], "canary"))

    def _of_the_champion(self, rows: pa.Table) -> pa.ChunkedArray:
        role = pc.fill_null(rows["role"], "champion")
        return pc.and_(pc.equal(rows["version"], self._rollout.champion), pc.equal(role, "champion"))

    def _read(self, name: str, columns: Sequence[str], belongs: _Belongs) -> pa.Table:
        """Read the rows that belong, with the columns that there are; what an older table lacks is missing."""
        schema = pa.schema([(column, _TYPES[column]) for column in columns])
        known = self._tables.columns(name)
        there = [column for column in columns if column in known]
        found = [schema.empty_table()]
        if there:
            between = ("received", self._rollout.since, self._until)
            for batch in self._tables.stream(name, columns=there, between=between):
                rows = _as(pa.Table.from_batches([batch]), schema)
                found.append(rows.filter(belongs(rows)))
        return pa.concat_tables(found)


def _as(rows: pa.Table, schema: pa.Schema) -> pa.Table:
    columns = [
        rows[field.name].cast(field.type, safe=False)
        if field.name in rows.column_names
        else pa.nulls(len(rows), field.type)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def _requests(answered: pa.Table, failed: pa.Table) -> pa.Table:
    """Return one row a request: whether it failed, and its seconds."""
    parts = [
        rows.select(["request_id", "seconds"]).append_column("failed", pa.array([which] * len(rows), pa.int8()))
        for rows, which in ((answered, 0), (failed, 1))
    ]
    every = pa.concat_tables(parts)
    seconds = pc.fill_null(every["seconds"], 0.0)
    every = every.set_column(1, "seconds", seconds)
    return every.group_by("request_id").aggregate([("failed", "max"), ("seconds", "max")])


def _differences(paired: pa.Table) -> _Floats:
    """Return, a request, the share of its rows that were decided differently; in the order of time."""
    if not len(paired):
        return np.zeros(0)
    other = pc.not_equal(paired["prediction"], paired["prediction_champion"]).cast(pa.float64())
    return _by_request(paired.append_column("value", other), "received")


def _labelled(rows: pa.Table, labels: pa.Table) -> pa.Table:
    return rows.join(labels, keys=_KEY, join_type="inner") if len(rows) and len(labels) else _empty()


def _squared(labelled: pa.Table, *, paired: bool = False) -> pa.Table:
    """Add the squared error of each row, less the champion's where they are paired."""
    if not len(labelled):
        return labelled
    label = labelled["label"].cast(pa.float64())
    value = pc.power(pc.subtract(labelled["probability"], label), 2)
    if paired:
        value = pc.subtract(value, pc.power(pc.subtract(labelled["probability_champion"], label), 2))
    return labelled.append_column("value", value)


def _by_label(labelled: pa.Table) -> _Floats:
    """Return the mean value of each request in the order in which its labels came.

    What a look has seen is then the beginning of what the next one sees, as the rule's intervals ask.
    """
    return _by_request(labelled, "labelled") if len(labelled) else np.zeros(0)


def _by_request(rows: pa.Table, order: str) -> _Floats:
    found = rows.group_by("request_id").aggregate([("value", "mean"), (order, "max")])
    ordered = found.sort_by([(f"{order}_max", "ascending"), ("request_id", "ascending")])
    values: _Floats = ordered["value_mean"].to_numpy().astype(np.float64)
    return values


def _empty() -> pa.Table:
    return pa.table({"request_id": pa.array([], pa.large_string())})
