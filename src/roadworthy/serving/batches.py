"""Rows of a DataFrame as requests: in the order of their event time, those of one hour or day together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np
import pandas as pd

from roadworthy.contract import Column, Dataset
from roadworthy.errors import ReplayError

Per = Literal["hour", "day"]

_FREQUENCY: dict[Per, str] = {"hour": "h", "day": "D"}
_CONVERTED_AT_ONCE = 100
_ZONE = re.compile(r"(?:[Zz]|[+-]\d\d:?\d\d)$")


@dataclass(frozen=True)
class Batch:
    """Rows of one request, in the order of their time."""

    names: list[Any]
    """The rows' index in the caller's DataFrame."""
    moments: list[int]
    """Event times, microseconds since 1970."""
    rows: list[dict[str, Any]]
    labels: list[bool | None]

    def part(self, start: int, end: int) -> Batch:
        """Return some of the rows."""
        return Batch(self.names[start:end], self.moments[start:end], self.rows[start:end], self.labels[start:end])


def batches_of(rows: pd.DataFrame, dataset: Dataset, label: str, *, per: Per, most_rows: int) -> Iterator[Batch]:
    """Yield requests of at most ``most_rows`` rows each.

    Only some are converted at a time: rows as objects need many times the memory of a DataFrame.

    Raises
    ------
    ReplayError
        At the first request, when a column is missing or a moment cannot be read.
    """
    rows = _in_order(rows, dataset, label)
    cuts = _cuts(rows[dataset.time].dt.floor(_FREQUENCY[per]), most_rows)
    for first in range(0, len(cuts), _CONVERTED_AT_ONCE):
        some = cuts[first : first + _CONVERTED_AT_ONCE]
        begin = some[0][0]
        block = _block(rows.iloc[begin : some[-1][1]], dataset, label)
        yield from (block.part(start - begin, end - begin) for start, end in some)


def _block(rows: pd.DataFrame, dataset: Dataset, label: str) -> Batch:
    labels = rows[label]
    return Batch(
        names=rows.index.tolist(),
        moments=rows[dataset.time].astype("int64").tolist(),
        rows=_records(rows, dataset),
        labels=[None if unknown else bool(value) for value, unknown in zip(labels, labels.isna(), strict=True)],
    )


def _in_order(rows: pd.DataFrame, dataset: Dataset, label: str) -> pd.DataFrame:
    needed = [column.name for column in dataset.request_columns] + [label]
    missing = [name for name in needed if name not in rows.columns]
    if missing:
        raise ReplayError(
            f"The rows have no column {', '.join(missing)}.",
            "Replay a file with the contract's columns and the label; unknown values may be empty.",
        )
    moments = {c.name: _moments(rows[c.name]) for c in dataset.request_columns if c.type == "timestamp"}
    rows = rows[needed].assign(**moments)
    unknown = rows[dataset.time].isna()
    if unknown.any():
        raise ReplayError(
            f"Row {rows.index[unknown][0]} has no {dataset.time}: there is no moment at which to send it.",
            "Leave such rows out.",
        )
    return rows.sort_values(dataset.time, kind="stable")


def _moments(values: pd.Series[Any]) -> pd.Series[Any]:
    try:
        text = not pd.api.types.is_datetime64_any_dtype(values)
        zoned = values.dropna().astype("str").str.contains(_ZONE).all() if text else values.dt.tz is not None
        if not zoned:
            raise ValueError("a moment without a zone")
        return pd.to_datetime(values, utc=True, format="ISO8601" if text else None).astype("datetime64[us, UTC]")
    except ValueError as error:
        raise ReplayError(
            f"Column {values.name} cannot be read as moments: {error}.",
            "Write them as ISO 8601 with a zone, such as 2013-01-31T09:00:00Z.",
        ) from error


def _cuts(groups: pd.Series[Any], most_rows: int) -> list[tuple[int, int]]:
    """Return start and end of each request: rows of one group, at most so many."""
    values = groups.to_numpy()
    changes = np.flatnonzero(values[1:] != values[:-1]) + 1
    bounds = [0, *changes.tolist(), len(values)]
    return [
        (first, min(first + most_rows, end))
        for start, end in pairwise(bounds)
        for first in range(start, end, most_rows)
    ]


def _records(rows: pd.DataFrame, dataset: Dataset) -> list[dict[str, Any]]:
    names = [column.name for column in dataset.request_columns]
    columns = [_values(rows[column.name], column) for column in dataset.request_columns]
    return [dict(zip(names, values, strict=True)) for values in zip(*columns, strict=True)]


def _values(values: pd.Series[Any], column: Column) -> list[Any]:
    """Return a column's values as JSON has them; a missing number stays NaN, which is written as null."""
    if column.type == "timestamp":
        texts = np.datetime_as_string(values.dt.tz_localize(None).to_numpy(), unit="us").tolist()
        return [None if text == "NaT" else text + "Z" for text in texts]
    found: list[Any] = values.astype("object").where(values.notna(), None).tolist()
    if column.type == "integer":  # with gaps, whole numbers are floats in a DataFrame
        return [int(value) if isinstance(value, float) and value.is_integer() else value for value in found]
    return found
