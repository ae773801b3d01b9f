"""Change of a share of the rows: of those without a value, outside a range, or seen twice."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import special

from roadworthy.contract import Column
from roadworthy.monitoring.design_effect import DesignEffect, Slices
from roadworthy.monitoring.measures.base import CONFIDENCE, NORMAL_POWER, Evidence, Floats, Measure, harmonic
from roadworthy.monitoring.precedent import Precedent
from roadworthy.monitoring.profiles import ColumnSummary
from roadworthy.monitoring.slices import SlicedColumn
from roadworthy.monitoring.wording import percent


@dataclass(frozen=True)
class Share:
    """Rows of one side that have some property.

    Attributes
    ----------
    hits, n
        Rows with the property, and all.
    slices
        The same of each slice, where the side is sliced.
    season
        Slices in one round of a rhythm, as in `Sliced`.
    """

    hits: float
    n: float
    slices: tuple[tuple[float, float], ...] = ()
    season: int = 1

    @property
    def value(self) -> float:
        """The share, 0 without rows."""
        return self.hits / self.n if self.n else 0.0

    @property
    def by_slice(self) -> Slices:
        """The share in each slice."""
        pairs = np.array(self.slices, dtype=np.float64).reshape(len(self.slices), 2)
        return Slices(pairs[:, :1] / np.maximum(pairs[:, 1:], 1), pairs[:, 1], self.season)


@dataclass(frozen=True)
class Difference:
    """How a share differs between two sides; ``low`` and ``high`` are the 95 % interval of its size."""

    z: float
    p_value: float
    size: float
    low: float
    high: float
    rows_reference: float
    rows: float
    detectable: Callable[[float], float]
    precedent: Precedent | None = None


def difference(reference: Share, window: Share) -> Difference:
    """Hold two shares against each other by the two-proportion test, on the rows that the sides' rows are worth.

    The interval is Newcombe's, from Wilson's of each side (Interval estimation for the difference between independent
    proportions, 1998, method 10).

    Examples
    --------
    >>> found = difference(Share(40, 10_000), Share(120, 1000))
    >>> round(found.size, 3), round(found.low, 3), round(found.high, 3)
    (0.116, 0.097, 0.138)
    """
    if not reference.n or not window.n:
        return Difference(0.0, 1.0, 0.0, 0.0, 1.0, reference.n, window.n, lambda level: 1.0)
    pooled = (reference.hits + window.hits) / (reference.n + window.n)
    design = DesignEffect.of(reference.by_slice, window.by_slice, np.array([pooled]), np.ones(1))
    rows = design.rows(reference.n, design.reference), design.rows(window.n, design.window)
    together = harmonic(*rows)
    change = window.value - reference.value
    variance = pooled * (1 - pooled) / together
    z = change / variance**0.5 if variance > 0 else 0.0
    low, high = _newcombe(reference.value, window.value, rows, design)
    return Difference(
        z=z,
        p_value=design.careful(float(2 * special.ndtr(-abs(z)))),
        size=abs(change),
        low=0.0 if low <= 0 <= high else min(abs(low), abs(high)),
        high=max(abs(low), abs(high)),
        rows_reference=rows[0],
        rows=rows[1],
        detectable=partial(detectable_share, reference.value, rows, design=design),
        precedent=design.precedent(np.array([change]), rows, _only),
    )


def wilson(share: float, rows: float, z: float) -> tuple[float, float]:
    """Return the interval of a share (Wilson, Probable inference, 1927).

    Examples
    --------
    >>> low, high = wilson(0.0, 100, 1.96)
    >>> round(low, 3), round(high, 3)
    (0.0, 0.037)
    """
    middle = (share + z**2 / (2 * rows)) / (1 + z**2 / rows)
    half = z / (1 + z**2 / rows) * (share * (1 - share) / rows + z**2 / (4 * rows**2)) ** 0.5
    return max(middle - half, 0.0), min(middle + half, 1.0)


def quantile(level: float, design: DesignEffect) -> float:
    """Return how many standard errors a two-sided test needs at a level, where the noise itself is estimated."""
    return float(-special.ndtri(design.careless(level) / 2))


def detectable_share(before: float, rows: tuple[float, float], level: float, design: DesignEffect) -> float:
    """Return the least rise of a share that is found four times out of five.

    Parameters
    ----------
    before
        The share in the reference.
    rows
        Independent rows of the reference and the window.
    level
        Chance of a false alarm that the test may take.
    design
        The design effect.
    """
    if min(rows) <= 0:
        return 1.0
    weight, together, needed = rows[1] / (rows[0] + rows[1]), harmonic(*rows), quantile(level, design)
    rise = 0.0
    for _ in range(30):  # the noise grows with the share that is looked for; this settles soon
        after = min(before + rise, 1.0)
        pooled = before + weight * (after - before)
        by_chance = max(pooled * (1 - pooled), 1 / (rows[0] + rows[1])) / together
        spread = before * (1 - before) / rows[0] + after * (1 - after) / rows[1]
        rise = needed * by_chance**0.5 + NORMAL_POWER * spread**0.5
    return min(rise, 1.0)


class MissingValues(Measure):
    """Change of the share of missing values, by the two-proportion test."""

    name = "two-proportion z"
    kind = "missing"

    def applies(self, reference: ColumnSummary, window: ColumnSummary) -> bool:
        """Whether a value is missing in either."""
        return reference.missing + window.missing > 0 and window.n > 0

    def weigh(self, reference: SlicedColumn, window: SlicedColumn, column: Column) -> Evidence:
        """Weigh the change of the share of missing values."""
        before, after = _missing(reference), _missing(window)
        verb = "rose" if after.value > before.value else "fell"
        subject = f"missing values of {column.name}"
        fact = f"{percent(after.value)} of the rows have none, it was {percent(before.value)}"
        return changed_share(before, after, subject, f"{subject} {verb}", fact)


def changed_share(reference: Share, window: Share, subject: str, headline: str, fact: str) -> Evidence:
    """Return the evidence that a share of the rows has changed, told in the given words; see `difference`."""
    found = difference(reference, window)
    return Evidence(
        statistic=found.z,
        effect=found.size,
        effect_low=found.low,
        effect_high=found.high,
        p_value=found.p_value,
        n_reference=int(reference.n),
        n_window=int(window.n),
        effective_n_reference=found.rows_reference,
        effective_n=found.rows,
        subject=subject,
        headline=headline,
        fact=fact,
        detectable=found.detectable,
        precedent=found.precedent,
    )


def _missing(side: SlicedColumn) -> Share:
    parts = tuple((float(one.missing), float(one.n)) for one in side.slices)
    return Share(side.whole.missing, side.whole.n, parts, side.season)


def _only(differences: Floats) -> Floats:
    return np.abs(differences[:, 0])


def _newcombe(before: float, after: float, rows: tuple[float, float], design: DesignEffect) -> tuple[float, float]:
    z = quantile(1 - CONFIDENCE, design)
    (low_0, high_0), (low_1, high_1) = wilson(before, rows[0], z), wilson(after, rows[1], z)
    change = after - before
    low = change - ((after - low_1) ** 2 + (high_0 - before) ** 2) ** 0.5
    high = change + ((high_1 - after) ** 2 + (before - low_0) ** 2) ** 0.5
    return max(low, -1.0), min(high, 1.0)
