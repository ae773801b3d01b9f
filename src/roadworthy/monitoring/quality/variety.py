"""How many distinct values a column has, against as many rows of before."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import scipy

from roadworthy.config import QualityPolicy
from roadworthy.monitoring.design_effect import DesignEffect, Slices
from roadworthy.monitoring.drift import Fact
from roadworthy.monitoring.measures import Evidence
from roadworthy.monitoring.measures.base import NORMAL_95, NORMAL_POWER
from roadworthy.monitoring.profiles import ColumnSummary
from roadworthy.monitoring.slices import SlicedColumn
from roadworthy.monitoring.wording import figure


def variety(before: SlicedColumn, after: SlicedColumn, policy: QualityPolicy, minimum_rows: int) -> Fact | None:
    """Return whether a categorical column has fewer or more distinct values than as many rows had before.

    Where both sides name all their values, the larger is rarefied to the rows of the smaller. Rows that come together
    are alike and have fewer values between them: so many as the rows are worth is still no change. Otherwise the
    sketches' numbers are held against what a curve of distinct values over rows can do, which only flattens.
    """
    if not before.whole.kind == after.whole.kind == "categorical":
        return None
    exact = before.whole.exact and after.whole.exact
    found, least, most, variance = (_by_name if exact else _by_number)(before, after)
    expected = min(max(found, least), most)
    error = max(variance, 1e-12) ** 0.5
    away = found - expected
    effects = [_apart(found + shift * error, expected) for shift in (0.0, -NORMAL_95, NORMAL_95)]
    name = before.whole.name
    return Fact(
        name,
        "cardinality",
        "rarefaction" if exact else "distinct values",
        policy.cardinality,
        Evidence(
            statistic=away / error,
            effect=effects[0],
            effect_low=0.0 if abs(away) < NORMAL_95 * error else min(effects),
            effect_high=max(effects),
            p_value=float(2 * scipy.stats.norm.sf(abs(away) / error)) if away else 1.0,
            n_reference=before.whole.values,
            n_window=after.whole.values,
            effective_n_reference=before.whole.values,
            effective_n=after.whole.values,
            subject=f"distinct values of {name}",
            headline=f"{name} has {'more' if away > 0 else 'fewer'} distinct values",
            fact=f"{figure(round(found))}, about {figure(round(expected))} were to be expected",
            detectable=lambda level: _apart(
                expected + (float(scipy.stats.norm.isf(level / 2)) + NORMAL_POWER) * error, expected
            ),
        ),
        minimum_rows,
    )


def rarefied(counts: Sequence[float], rows: float) -> tuple[float, float]:
    """Return how many distinct values so many rows of a sample have, drawn at random, and the variance at most.

    Parameters
    ----------
    counts
        How often each value is in the sample.
    rows
        At most the sample's.

    Notes
    -----
    A value that comes ``c`` times among ``n`` is missed with probability ``C(n - c, m) / C(n, m)`` (Hurlbert, The
    nonconcept of species diversity, 1971). Values being there exclude one another a little, so that the variance is
    below the sum of their own (Heck, van Belle and Simberloff, Explicit calculation of the rarefaction diversity
    measurement, 1975).

    Examples
    --------
    >>> rarefied([2.0, 1.0, 1.0], 4.0), round(rarefied([2.0, 2.0], 2.0)[0], 3)
    ((3.0, 0.0), 1.667)
    """
    c = np.asarray(counts, dtype=np.float64)
    n = c.sum()
    left = np.maximum(n - c - rows, -1.0)  # rows beyond what the others fill: the value is surely there
    logs = scipy.special.gammaln(n - c + 1) - scipy.special.gammaln(np.maximum(left, 0) + 1)
    logs -= scipy.special.gammaln(n + 1) - scipy.special.gammaln(n - rows + 1)
    missed = np.where(left < 0, 0.0, np.exp(np.minimum(logs, 0.0)))
    return float((1 - missed).sum()), float((missed * (1 - missed)).sum())


def _by_name(before: SlicedColumn, after: SlicedColumn) -> tuple[float, float, float, float]:
    """Return the window's distinct values, the least and the most that no change brings, and the variance."""
    counts = [[float(count.lower) for count in side.whole.counts().values()] for side in (before, after)]
    rows = [float(sum(side)) for side in counts]
    smaller, larger = (0, 1) if rows[0] < rows[1] else (1, 0)
    worth = _worth(before, after)[smaller]
    most, _ = rarefied(counts[larger], rows[smaller])
    least, _ = rarefied(counts[larger], worth)
    pooled = _pooled(before.whole, after.whole)
    variance = rarefied(pooled, rows[smaller])[1] * max(rows[smaller] / worth, 1.0)
    here = float(len(counts[smaller]))
    if smaller == 1:
        return here, least, most, variance
    # told the other way round: the window is the larger, and would have so many among the reference's rows
    return most, here, here * most / least, variance


def _pooled(before: ColumnSummary, after: ColumnSummary) -> list[float]:
    first, second = before.counts(), after.counts()
    return [float(sum(side[name].lower for side in (first, second) if name in side)) for name in {*first, *second}]


def _worth(before: SlicedColumn, after: SlicedColumn) -> tuple[float, float]:
    """Return how many independent rows each side's rows are worth."""
    names = sorted({*before.whole.counts(), *after.whole.counts()})
    sides = _slices(before, names), _slices(after, names)
    expected = np.array(_pooled_in_order(before.whole, after.whole, names))
    design = DesignEffect.of(*sides, expected, expected)
    first = design.rows(before.whole.values, design.reference)
    return max(first, 1.0), max(design.rows(after.whole.values, design.window), 1.0)


def _pooled_in_order(before: ColumnSummary, after: ColumnSummary, names: Sequence[str]) -> list[float]:
    first, second = before.counts(), after.counts()
    rows = before.values + after.values
    return [sum(side[name].lower for side in (first, second) if name in side) / rows for name in names]


def _slices(side: SlicedColumn, names: Sequence[str]) -> Slices:
    found = [one.counts() if one.kind == "categorical" else {} for one in side.slices]
    counts = np.array([[float(one[n].lower) if n in one else 0.0 for n in names] for one in found])
    counts = counts.reshape(len(found), len(names))
    rows = counts.sum(axis=1)
    return Slices(counts / np.maximum(rows, 1)[:, None], rows, side.season)


def _by_number(before: SlicedColumn, after: SlicedColumn) -> tuple[float, float, float, float]:
    """Return the same as `_by_name`, from the numbers of distinct values alone."""
    known, found = before.whole.cardinality, after.whole.cardinality
    times = after.whole.values / before.whole.values
    ends = sorted((known.estimate, min(known.estimate * times, float(after.whole.values))))
    sketches = sum(((one.high - one.low) / 4) ** 2 for one in (known, found))
    return found.estimate, ends[0], max(ends[0], ends[1]), sketches + found.estimate


def _apart(one: float, other: float) -> float:
    """Return the share by which the smaller of two counts is less than the larger."""
    low, high = sorted((max(one, 0.0), other))
    return 1 - low / high if high > 0 else 0.0
