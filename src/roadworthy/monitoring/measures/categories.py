"""Change of how often each category comes."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special

from roadworthy.contract import Column
from roadworthy.monitoring import bars as histograms
from roadworthy.monitoring.design_effect import DesignEffect, Slices, by_rounds
from roadworthy.monitoring.measures.base import (
    CONFIDENCE,
    NORMAL_95,
    POWER,
    Evidence,
    Floats,
    Measure,
    harmonic,
)
from roadworthy.monitoring.precedent import Precedent
from roadworthy.monitoring.profiles import ColumnSummary, Count
from roadworthy.monitoring.slices import SlicedColumn
from roadworthy.monitoring.wording import percent

_LEAST_EXPECTED = 5  # in a cell of a chi-square test
_LEAST_COUNT_TO_DOUBT = 5  # a category's certain count over its doubt, from which on it is a cell of its own
_NAMED = 3  # categories named in words
_OTHERS = "all others"
Groups = NDArray[np.intp]


class ChiSquareHomogeneity(Measure):
    """Whether categories come as often as they did; the effect is the total variation distance of their shares.

    Cells that expect fewer than 5 rows are pooled (Cochran, Some methods for strengthening the common chi-square
    tests, 1954). Chance alone moves every share a little, and the distances of many cells add up: of each squared
    difference, its variance by chance is taken off, so that the effect does not grow with the number of categories.
    Where traffic is sliced, the rarest categories are pooled until there are half as many cells as slices, for the
    slices tell how the cells vary; the statistic is divided by the mean design effect, and its degrees of freedom are
    those of Satterthwaite (Rao and Scott, On chi-squared tests for multiway contingency tables with cell proportions
    estimated from survey data, 1984). The interval's upper end is the smaller of two bounds: the distance as seen with
    the normal margin, and half the root of the largest noncentrality that the statistic allows (by Cauchy and Schwarz);
    its lower end takes off all that chance is expected to add.

    Above 3,072 categories a sketch knows counts within bounds only: then the reference's categories with a tight count
    are cells and all others one more, and each count is taken, within its bounds, as near as can be to what no change
    would bring. What is doubtful is never counted as drift.
    """

    name = "chi-square homogeneity"

    def applies(self, reference: ColumnSummary, window: ColumnSummary) -> bool:
        """Whether both hold categories."""
        return reference.kind == window.kind == "categorical"

    def weigh(self, reference: SlicedColumn, window: SlicedColumn, column: Column) -> Evidence:
        """Weigh the change of a categorical column."""
        before, after = reference.whole, window.whole
        names, counts = _counts(before, after)
        groups = _groups(counts, _most_cells(reference, window))
        cells = _grouped(counts, groups)
        scaled, design, rows, precedent = _design(reference, window, names, groups, cells)
        low, effect, high = _distance(cells, harmonic(*rows), scaled) if names != [_OTHERS] else (0.0, 0.0, 1.0)
        return Evidence(
            statistic=scaled.statistic,
            effect=effect,
            effect_low=low,
            effect_high=high,
            p_value=design.careful(scaled.p_value),
            n_reference=before.values,
            n_window=after.values,
            effective_n_reference=rows[0],
            effective_n=rows[1],
            subject=column.name,
            headline=f"{column.name} is made up differently",
            fact=_movers(names, counts / counts.sum(axis=1, keepdims=True)),
            detectable=partial(detectable_distance, harmonic(*rows) / scaled.unevenness, scaled.freedom, design=design),
            precedent=precedent,
            bars=histograms.categories(before, after),
        )


class Scaled(NamedTuple):
    """A chi-square statistic and its degrees of freedom, after the design effect's ``unevenness`` (1 without one)."""

    statistic: float
    freedom: float
    unevenness: float = 1.0

    @property
    def p_value(self) -> float:
        """Probability of so large a statistic, or a larger one, by chance."""
        return float(special.chdtrc(self.freedom, self.statistic)) if self.freedom > 0 else 1.0


def detectable_distance(rows: float, freedom: float, level: float, design: DesignEffect) -> float:
    """Return the total variation distance that a chi-square test finds four times out of five, however it is spread.

    Parameters
    ----------
    rows
        The two sides' rows: their product over their sum.
    freedom
        The test's degrees of freedom.
    level
        Chance of a false alarm that the test may take.
    design
        The design effect.

    Notes
    -----
    By Cauchy and Schwarz a distance ``d`` gives a noncentrality of at least ``4 d**2 rows``.

    Examples
    --------
    >>> nothing = Slices(np.zeros((0, 1)), np.zeros(0))
    >>> round(detectable_distance(2500, 4, 0.05, DesignEffect(nothing, nothing)), 3)
    0.035
    """
    if freedom <= 0:
        return 1.0
    needed = float(special.chdtri(freedom, design.careless(level)))
    if np.isinf(needed):
        return 1.0
    noncentrality = float(special.chndtrinc(needed, freedom, 1 - POWER)) if needed > 0 else 0.0
    return min(float(np.sqrt(noncentrality / rows)) / 2, 1.0)


def distance_beyond_chance(change: Floats, variance: Floats) -> Floats:
    """Return the total variation distance, what chance adds to it taken off; see `ChiSquareHomogeneity`.

    Parameters
    ----------
    change
        Of each cell's share, shape (..., cells).
    variance
        Of that by chance, of the same shape.

    Examples
    --------
    >>> float(distance_beyond_chance(np.array([0.05, -0.03, -0.02]), np.array([0.0009, 0.0, 0.0])))
    0.05
    """
    sure = np.sqrt(np.maximum(np.square(change) - variance, 0))
    rose, fell = (np.where(sign * change > 0, sure, 0.0).sum(axis=-1) for sign in (1, -1))
    distance: Floats = np.maximum(rose, fell)
    return distance


def _distance(cells: Floats, rows: float, scaled: Scaled) -> tuple[float, float, float]:
    """Return lower bound, estimate and upper bound of the total variation distance; see `ChiSquareHomogeneity`."""
    shares = cells / np.maximum(cells.sum(axis=1, keepdims=True), 1)
    pooled = cells.sum(axis=0) / cells.sum()
    change, variance = shares[1] - shares[0], pooled * (1 - pooled) / rows
    seen, margin = float(np.abs(change).sum() / 2), NORMAL_95 * 0.5 / rows**0.5
    estimate = float(distance_beyond_chance(change, variance))
    low = max(seen - float(np.sqrt(2 / np.pi * variance).sum()) / 2 - margin, 0.0)
    # a statistic below its mean is taken for the mean: luck makes no window certain
    most = float(special.chndtrinc(max(scaled.statistic, scaled.freedom), max(scaled.freedom, 1), (1 - CONFIDENCE) / 2))
    allowed = (most * scaled.unevenness / rows) ** 0.5 / 2 if scaled.freedom > 0 else 1.0
    high = min(seen + margin, allowed, 1.0)
    return min(low, high), float(np.clip(estimate, min(low, high), high)), high


def _design(
    reference: SlicedColumn, window: SlicedColumn, names: list[str], groups: Groups, cells: Floats
) -> tuple[Scaled, DesignEffect, tuple[float, float], Precedent | None]:
    sizes, pooled = cells.sum(axis=1), cells.sum(axis=0) / cells.sum()
    change = cells[1] / max(sizes[1], 1) - cells[0] / max(sizes[0], 1)
    sides = _slices(reference, names, groups), _slices(window, names, groups)
    design = DesignEffect.of(*sides, pooled, pooled)
    rows = design.rows(sizes[0], design.reference), design.rows(sizes[1], design.window)
    freedom, together = len(pooled) - 1, harmonic(*rows)
    if freedom < 1 or sizes.min() == 0:
        return Scaled(0.0, 0.0), design, rows, None
    statistic = float((np.square(change) / pooled).sum() * together)
    spread = design.evenness(harmonic(*sizes) / together, freedom)
    scaled = Scaled(statistic / spread, freedom / spread, spread)
    return scaled, design, rows, design.precedent(change, rows, total_variation)


def total_variation(differences: Floats) -> Floats:
    """Return the total variation distance of each of some differences of shares: shape (runs, cells) to (runs,)."""
    distances: Floats = np.abs(differences).sum(axis=1) / 2
    return distances


def _slices(side: SlicedColumn, names: list[str], groups: Groups) -> Slices:
    """Return each slice's shares of the grouped cells."""
    positions, table, rows = side.counts
    counted = np.zeros((len(side.slices), len(names)))
    known = [place for place, name in enumerate(names) if name in positions]
    counted[:, known] = table[:, [positions[names[place]] for place in known]]
    if names[-1] == _OTHERS:
        counted[:, -1] = np.maximum(rows - counted[:, :-1].sum(axis=1), 0)
    cells = _grouped(counted, groups)
    rows = cells.sum(axis=1)
    return Slices(cells / np.maximum(rows[:, None], 1), rows, side.season)


def _counts(before: ColumnSummary, after: ColumnSummary) -> tuple[list[str], Floats]:
    """Names of the cells and their counts, shape (2, cells); the last cell is what has no name, when there is such."""
    known, found = before.counts(), after.counts()
    if before.exact and after.exact:
        names = sorted({*known, *found})
        rows = [[float(side[name].lower) if name in side else 0.0 for name in names] for side in (known, found)]
        return names, np.array(rows)
    names = sorted(name for name, count in known.items() if _tight(count))
    forgotten = Count(0, after.most_of_a_forgotten_category)
    bounds = [[known[name] for name in names], [found.get(name, forgotten) for name in names]]
    sizes = np.array([[before.values], [after.values]], dtype=np.float64)
    cells = _nearest_to_no_change(bounds, sizes)
    rest = np.maximum(sizes - cells.sum(axis=1, keepdims=True), 0.0)
    return [*names, _OTHERS], np.hstack([cells, rest])


def _tight(count: Count) -> bool:
    return count.lower >= _LEAST_COUNT_TO_DOUBT * max(count.upper - count.lower, 1)


def _nearest_to_no_change(bounds: list[list[Count]], sizes: Floats) -> Floats:
    lower = np.array([[count.lower for count in row] for row in bounds], dtype=np.float64).reshape(2, -1)
    upper = np.array([[count.upper for count in row] for row in bounds], dtype=np.float64).reshape(2, -1)
    pooled = (lower + upper).sum(axis=0) / 2 / sizes.sum()
    nearest: Floats = np.clip(pooled * sizes, lower, upper)
    return nearest


def _most_cells(reference: SlicedColumn, window: SlicedColumn) -> int | None:
    """Return how many cells can be looked at: half as many as there are slices to tell how they vary; None for all."""
    sides = [
        Slices(np.zeros((len(side.slices), 0)), np.ones(len(side.slices)), side.season) for side in (reference, window)
    ]
    slices = sum(len(side.rows) for side in by_rounds(*sides))
    return max(slices // 2, 2) if slices > 1 else None


def _groups(counts: Floats, most: int | None = None) -> Groups:
    """Return the group of each cell: its own, or 0 for those that expect too few rows or are beyond the most cells.

    Should the pool expect too few, it takes the smallest other cell in.
    """
    least_expected = counts.sum(axis=0) * (np.min(counts.sum(axis=1)) / counts.sum())
    order = np.argsort(least_expected, kind="stable")
    few = int((least_expected < _LEAST_EXPECTED).sum())
    if most is not None and len(order) - few + (few > 0) > most:
        few = len(order) - most + 1
    while 0 < few < len(order) and least_expected[order[:few]].sum() < _LEAST_EXPECTED:
        few += 1
    groups = np.zeros(len(order), dtype=np.intp)
    groups[order[few:]] = np.arange(len(order) - few) + (few > 0)
    return groups


def _grouped(counts: Floats, groups: Groups) -> Floats:
    """Add up the cells of each group, shape (sides, groups)."""
    number = int(groups.max()) + 1
    cells = [np.bincount(groups, weights=row, minlength=number) for row in counts]
    return np.array(cells, dtype=np.float64).reshape(len(counts), number)


def _movers(names: list[str], shares: Floats) -> str:
    change = shares[1] - shares[0]
    largest = [i for i in np.argsort(-np.abs(change), kind="stable")[:_NAMED] if change[i] != 0]
    told = [
        f"{names[i] or '(empty text)'} {'rose' if change[i] > 0 else 'fell'} "
        f"from {percent(float(shares[0, i]))} to {percent(float(shares[1, i]))}"
        for i in largest
    ]
    return ", ".join(told) or "every category has the share that it had"
