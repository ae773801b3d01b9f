"""A profile's columns, as a page shows them."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Literal

from roadworthy.contract import Column
from roadworthy.errors import MonitoringError
from roadworthy.monitoring import bars
from roadworthy.monitoring.profiles import ColumnSummary, Profile
from roadworthy.records import Bar
from roadworthy.records.lab import ProfileBar, ProfileColumn

_QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
_FREQUENT = 10


def read(path: Path, *, times: Collection[str]) -> tuple[tuple[ProfileColumn, ...], int]:
    """Return what a profile says of each column, and its number of rows.

    Parameters
    ----------
    path
        A profile of whylogs', ours or another writer's.
    times
        Names of columns that hold moments: in a profile these are numbers, seconds since 1970.

    Raises
    ------
    MonitoringError
        When it is none, or cannot be read.
    """
    profile = Profile.read(path)
    return tuple(_column(profile.column(name), name in times) for name in profile.columns), profile.rows


def _column(summary: ColumnSummary, is_time: bool) -> ProfileColumn:
    kind = _kind(summary, is_time)
    found = ProfileColumn(name=summary.name, kind=kind, rows=summary.n, missing=summary.missing)
    if summary.kind == "unreadable" or not summary.values:
        return found
    told: dict[str, object] = {"distinct": summary.cardinality.estimate}
    if summary.kind == "numeric":
        values = summary.quantiles(_QUANTILES).tolist()
        column = Column(name=summary.name, type="timestamp" if is_time else "number", role="feature")
        told |= {
            "mean": summary.mean,
            "sd": summary.standard_deviation,
            "quantiles": {f"{share:g}": value for share, value in zip(_QUANTILES, values, strict=True)},
            "bars": _shares(bars.numeric(summary, summary, column)),
        }
    else:
        told["bars"] = _shares(bars.categories(summary, summary))
    return found.model_copy(update=told | {"frequent": _frequent(summary)})


def _shares(pairs: tuple[Bar, ...]) -> tuple[ProfileBar, ...]:
    return tuple(
        ProfileBar(label=bar.label, stands_for=bar.stands_for, low=bar.low, high=bar.high, share=bar.window)
        for bar in pairs
    )


def _frequent(summary: ColumnSummary) -> dict[str, int]:
    try:
        counts = summary.counts()
    except MonitoringError:  # numbers with fractions have none
        return {}
    return {name: count.lower for name, count in list(counts.items())[:_FREQUENT]}


def _kind(summary: ColumnSummary, is_time: bool) -> Literal["number", "text", "time", "boolean", "mixed", "empty"]:
    types = summary.types
    numbers, texts = types["integral"] + types["fractional"], types["string"]
    if summary.kind == "unreadable" or sum(map(bool, (numbers, texts, types["boolean"]))) > 1:
        return "mixed"
    if summary.kind == "empty" or not summary.values:
        return "empty"
    if summary.kind == "numeric":
        return "time" if is_time else "number"
    return "boolean" if types["boolean"] else "text"
