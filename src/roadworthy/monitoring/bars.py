"""Histograms of a column's reference and window side by side, from their sketches."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from roadworthy.contract import Column
from roadworthy.monitoring.profiles import ColumnSummary
from roadworthy.monitoring.wording import figure, moment
from roadworthy.records import Bar

_Floats = NDArray[np.float64]

_MOST_BARS = 12
_TOP_CATEGORIES = 10
_LONGEST_LABEL = 40
_GRID = np.linspace(0, 1, 257)
_OUTER = 0.01  # share at each end that goes into an open bar, so that an outlier does not flatten the others
_DIGITS = (6, 9, 12, 17)  # the last tells any two numbers apart
_DAY = 86_400.0  # seconds
_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


def numeric(reference: ColumnSummary, window: ColumnSummary, column: Column) -> tuple[Bar, ...]:
    """Return one bar a value when there are at most 12 of them, else bars of equal width with rounded ends.

    Shares are of the values that are not missing.
    """
    points = np.unique(np.concatenate([reference.quantiles(_GRID), window.quantiles(_GRID)]))
    if len(points) <= _MOST_BARS:
        return _one_a_value(reference, window, points, column)
    low = min(reference.quantiles([_OUTER])[0], window.quantiles([_OUTER])[0])
    high = max(reference.quantiles([1 - _OUTER])[0], window.quantiles([1 - _OUTER])[0])
    if low == high:
        return _one_a_value(reference, window, np.array([low]), column)
    edges = _edges(low, high, _DAY if column.type == "timestamp" else 0.0)
    return _ranges(reference, window, edges, column)


def categories(reference: ColumnSummary, window: ColumnSummary) -> tuple[Bar, ...]:
    """Return the ten categories that are most frequent in the two together, and what remains as one bar.

    A category that a sketch only knows within bounds is shown by its lower bound, the doubt goes into the rest.
    """
    before = {name: count.lower / reference.values for name, count in reference.counts().items()}
    after = {name: count.lower / window.values for name, count in window.counts().items()}
    names = sorted({*before, *after}, key=lambda name: (-before.get(name, 0.0) - after.get(name, 0.0), name))
    top = [(name, before.get(name, 0.0), after.get(name, 0.0)) for name in names[:_TOP_CATEGORIES]]
    rest = (1 - sum(share for _, share, _ in top), 1 - sum(share for _, _, share in top))
    bars = [_of_category(name, old, new) for name, old, new in top]
    if len(names) > _TOP_CATEGORIES or max(rest) > 1e-9:  # more than the sum's rounding
        others = Bar(label="all others", stands_for="rest", reference=max(rest[0], 0.0), window=max(rest[1], 0.0))
        bars.append(others)
    return tuple(bars)


def _of_category(name: str, reference: float, window: float) -> Bar:
    if not name:
        return Bar(label="(empty text)", stands_for="empty", reference=reference, window=window)
    return Bar(label=_short(name), reference=reference, window=window)


def _one_a_value(reference: ColumnSummary, window: ColumnSummary, values: _Floats, column: Column) -> tuple[Bar, ...]:
    shares = [side.cdf(values) - side.cdf(values, inclusive=False) for side in (reference, window)]
    labels = _value_labels(values.tolist(), column)
    ends = [_end(value, column) for value in values.tolist()]
    return tuple(
        Bar(label=label, low=end, high=end, reference=max(old, 0.0), window=max(new, 0.0))
        for label, end, old, new in zip(labels, ends, *(side.tolist() for side in shares), strict=True)
    )


def _end(value: float, column: Column) -> float | datetime | None:
    """Return a value as a reader's own language can write it; None for a moment that no calendar has."""
    if column.type != "timestamp":
        return value
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def _value_labels(values: list[float], column: Column) -> list[str]:
    """Write the values with as many digits as tell them apart."""
    write = moment if column.type == "timestamp" else figure
    for digits in _DIGITS:
        labels = [write(value, digits) for value in values]
        if len(set(labels)) == len(labels):
            break
    return labels


def _ranges(reference: ColumnSummary, window: ColumnSummary, edges: _Floats, column: Column) -> tuple[Bar, ...]:
    """One bar between each two edges (the upper belongs to the next), and an open one at each end that has values."""
    shares = []
    for side in (reference, window):
        below = np.concatenate([[0.0], side.cdf(edges, inclusive=False), [1.0]])
        shares.append(np.maximum(np.diff(below), 0.0).tolist())
    at = [_end(float(f"{edge:.15g}"), column) for edge in edges.tolist()]  # as written, not as added up
    told = zip(_edge_labels(edges, column), [None, *at], [*at, None], *shares, strict=True)
    bars = [Bar(label=label, low=low, high=high, reference=old, window=new) for label, low, high, old, new in told]
    ends = {0, len(bars) - 1}
    return tuple(bar for i, bar in enumerate(bars) if i not in ends or bar.reference + bar.window > 0)


def _edges(low: float, high: float, whole: float) -> _Floats:
    """Return about ten rounded edges from at or below ``low`` to above ``high``; long steps a multiple of ``whole``."""
    raw = (high - low) / (_MOST_BARS - 2)
    scale = 10.0 ** math.floor(math.log10(raw))
    step = scale * next(factor for factor in _STEPS if factor * scale >= raw * (1 - 1e-9))
    if 0 < whole < step:
        step = math.ceil(step / whole) * whole
    first, last = math.floor(low / step), math.floor(high / step) + 1
    return np.arange(first, last + 1, dtype=np.float64) * step


def _edge_labels(edges: _Floats, column: Column) -> list[str]:
    if column.type == "timestamp":
        texts = [moment(edge) for edge in edges]
        if len(set(texts)) < len(texts):
            texts = [moment(edge, digits=5) for edge in edges]
    else:
        finest = float(edges[1] - edges[0])
        texts = [figure(edge, _digits(edge, finest)) for edge in edges.tolist()]
    between = [f"{lower} to {upper}" for lower, upper in pairwise(texts)]
    return [f"below {texts[0]}", *between, f"{texts[-1]} and more"]


def _digits(value: float, finest: float) -> int:
    """Significant digits that tell a value from its neighbours at a distance of ``finest``."""
    if value == 0:
        return 3
    return max(3, math.floor(math.log10(abs(value))) - math.floor(math.log10(finest)) + 2)


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_LABEL else name[: _LONGEST_LABEL - 1] + "…"
