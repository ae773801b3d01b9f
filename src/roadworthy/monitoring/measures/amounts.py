"""Change of how many there are: rows of a window, and distinct values of a column.

These are facts for whoever knows the windows: `drift.compare` judges them with the rest.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from roadworthy.monitoring.measures.base import CONFIDENCE, NORMAL_95, NORMAL_POWER, Evidence
from roadworthy.monitoring.profiles import Cardinality, ColumnSummary

_FEWEST_WINDOWS = 4  # from which on their spread says something
_DEVIATIONS = 2  # that a sketch's bounds of a number of distinct values lie from it


def relative(before: float, after: float) -> float:
    """Return the size of a change as a share of the larger of two amounts, from 0 to 1.

    Examples
    --------
    >>> relative(1500, 900), relative(900, 1500), relative(0, 0)
    (0.4, 0.4, 0.0)
    """
    return abs(after - before) / max(before, after) if max(before, after) > 0 else 0.0


def volume(earlier: Sequence[int], now: int) -> Evidence:
    """Hold a window's rows against those of earlier windows alike.

    Traffic varies by a factor, and more than independent requests would: the logarithms of the counts are taken as
    normal, with the spread that the earlier windows show and never less than a Poisson count has. The test is that
    of one more observation (Student's t on ``k - 1`` degrees of freedom; Geisser, Predictive Inference, 1993).

    Parameters
    ----------
    earlier
        Rows of ``k`` earlier windows, of the same length, best of the same season.
    now
        Rows of this window.

    Examples
    --------
    >>> found = volume([1000, 1100, 950, 1050, 980, 1020], 300)
    >>> round(found.effect, 2), found.p_value < 1e-4
    (0.7, True)
    """
    logs = np.log(np.asarray(earlier, dtype=np.float64) + 0.5)
    usual = float(np.exp(logs.mean())) - 0.5 if len(logs) else 0.0
    told = f"{now:,} rows came, usually {usual:,.0f}"
    effect = relative(usual, now)
    if len(logs) < _FEWEST_WINDOWS:
        low, high, p_value, freedom, spread, t = 0.0, 1.0, 1.0, 0, np.inf, 0.0
    else:
        freedom = len(logs) - 1
        spread = float(np.sqrt(max(logs.var(ddof=1), 1 / max(usual, 1)) * (1 + 1 / len(logs))))
        ratio = float(np.log(now + 0.5) - logs.mean())
        t = ratio / spread
        p_value = float(2 * special.stdtr(freedom, -abs(t)))
        margin = -float(special.stdtrit(freedom, (1 - CONFIDENCE) / 2)) * spread
        low, high = 1 - float(np.exp(-max(abs(ratio) - margin, 0))), 1 - float(np.exp(-abs(ratio) - margin))

    def detectable(level: float) -> float:
        if freedom == 0:
            return 1.0
        return 1 - float(np.exp(-(-float(special.stdtrit(freedom, level / 2)) + NORMAL_POWER) * spread))

    return Evidence(
        statistic=t,
        effect=effect,
        effect_low=min(low, effect),
        effect_high=max(high, effect),
        p_value=p_value,
        n_reference=len(logs),
        n_window=1,
        effective_n_reference=len(logs),
        effective_n=1,
        subject="the number of rows",
        headline=f"{'fewer' if now < usual else 'more'} rows came than usual",
        fact=told,
        detectable=detectable,
    )


def cardinality(reference: ColumnSummary, window: ColumnSummary) -> Evidence:
    """Hold a column's number of distinct values against what as many rows would have without any change.

    Where the reference names all its categories, so many rows of it have ``sum (1 - (1 - p)^n)`` of them on average
    (rarefaction: Hurlbert, The nonconcept of species diversity, 1971). Otherwise only bounds are known: the curve of
    distinct values over rows rises and flattens, and what lies between the bounds has not changed. The sketches' own
    errors are part of the margin.
    """
    found = window.cardinality
    low, high, variance = _usual(reference, window.values)
    nearest = float(np.clip(found.estimate, low, high))
    sketch = sum((_deviation(one) * nearest / max(one.estimate, 1)) ** 2 for one in (found, reference.cardinality))
    deviation = float(np.sqrt(variance + sketch + 0.25))  # and a half for counting by ones
    z = (found.estimate - nearest) / deviation
    effect = relative(nearest, found.estimate)
    ends = [relative(nearest, max(found.estimate + sign * NORMAL_95 * deviation, 0.0)) for sign in (-1, 1)]

    def detectable(level: float) -> float:
        change = (-float(special.ndtri(level / 2)) + NORMAL_POWER) * deviation
        return min((high - low + change) / max(nearest, 1.0), 1.0)

    usual = f"{nearest:,.0f}" if high - low < 1 else f"{low:,.0f} to {high:,.0f}"
    return Evidence(
        statistic=z,
        effect=effect,
        effect_low=0.0 if abs(z) <= NORMAL_95 else min(ends),
        effect_high=max(*ends, effect),
        p_value=float(2 * special.ndtr(-abs(z))),
        n_reference=reference.values,
        n_window=window.values,
        effective_n_reference=reference.values,
        effective_n=window.values,
        subject=f"distinct values of {reference.name}",
        headline=f"{reference.name} has {'fewer' if z < 0 else 'more'} distinct values",
        fact=f"{found.estimate:,.0f} in the window, as many rows had {usual}",
        detectable=detectable,
    )


def _usual(reference: ColumnSummary, rows: int) -> tuple[float, float, float]:
    """Return between what bounds the distinct values of so many rows lie on average, and their variance."""
    distinct = reference.cardinality.estimate
    if not reference.values:
        return 0.0, float(rows), 0.0
    if reference.kind == "categorical" and reference.exact:
        shares = np.array([count.lower for count in reference.counts().values()]) / reference.values
        seen = 1 - (1 - shares) ** rows
        # the reference's own unseen categories: as many rows bring one as the reference has that came once
        once = sum(count.lower == 1 for count in reference.counts().values())
        new = once * rows / reference.values
        return float(seen.sum()), float(seen.sum() + new), float((seen * (1 - seen)).sum() + new)
    steady = distinct * rows / reference.values
    return min(steady, distinct, rows), min(max(steady, distinct), rows), 0.0


def _deviation(known: Cardinality) -> float:
    return (known.high - known.low) / 2 / _DEVIATIONS
