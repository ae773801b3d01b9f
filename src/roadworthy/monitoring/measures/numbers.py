"""Change of a distribution of numbers."""

from __future__ import annotations

from functools import partial

import numpy as np
from scipy import special

from roadworthy.contract import Column
from roadworthy.monitoring import bars as histograms
from roadworthy.monitoring.design_effect import DesignEffect, Slices
from roadworthy.monitoring.measures.base import CONFIDENCE, NORMAL_POWER, Evidence, Floats, Measure, harmonic
from roadworthy.monitoring.precedent import Precedent
from roadworthy.monitoring.profiles import ColumnSummary
from roadworthy.monitoring.slices import SlicedColumn
from roadworthy.monitoring.wording import pair, percent

_GRID = np.linspace(0, 1, 513)


class KolmogorovSmirnov(Measure):
    """Largest distance between two distributions of numbers.

    The distance is taken at 513 quantiles of each sketch, from both sides of each. A sketch's ranks are off by a
    standard error ``s`` (`ColumnSummary.rank_error`); a share near one half of n rows is off by ``sqrt(0.25 / n)``
    from sampling. Both together are what ``n / (1 + 4 n s**2)`` rows would have, n itself being what the rows are
    worth after the design effect. These enter the asymptotic two-sample test (Hodges, The significance probability
    of the Smirnov two-sample test, 1958) with Stephens' correction for few rows (Use of the Kolmogorov-Smirnov
    statistics without extensive tables, 1970). The interval is the band that holds at all points at once (Massart,
    The tight constant in the Dvoretzky-Kiefer-Wolfowitz inequality, 1990).
    """

    name = "Kolmogorov-Smirnov"

    def applies(self, reference: ColumnSummary, window: ColumnSummary) -> bool:
        """Whether both hold numbers."""
        return reference.kind == window.kind == "numeric"

    def weigh(self, reference: SlicedColumn, window: SlicedColumn, column: Column) -> Evidence:
        """Weigh the change of a numeric column."""
        before, after = reference.whole, window.whole
        points = np.unique(np.concatenate([before.quantiles(_GRID), after.quantiles(_GRID)]))
        higher = before.cdf(points) - after.cdf(points)
        just_below = before.cdf(points, inclusive=False) - after.cdf(points, inclusive=False)
        distance = float(max(np.abs(higher).max(), np.abs(just_below).max()))
        place = int(np.argmax(np.abs(higher)))
        design, rows, precedent = _design(reference, window)
        rows = _with_sketch_error(rows[0], before), _with_sketch_error(rows[1], after)
        together = harmonic(*rows)
        band = distance_found(together, 1 - CONFIDENCE, design)
        headline, fact = _words(before, after, column, points[place], float(higher[place]))
        return Evidence(
            statistic=distance,
            effect=distance,
            effect_low=max(distance - band, 0.0),
            effect_high=min(distance + band, 1.0),
            p_value=design.careful(chance_of_distance(distance, together)),
            n_reference=before.values,
            n_window=after.values,
            effective_n_reference=rows[0],
            effective_n=rows[1],
            subject=column.name,
            headline=headline,
            fact=fact,
            detectable=partial(detectable_distance, together, design=design),
            precedent=precedent,
            bars=histograms.numeric(before, after, column),
        )


def chance_of_distance(distance: float, rows: float) -> float:
    """Return the probability that so large a distance, or a larger one, comes by chance.

    Parameters
    ----------
    distance
        The Kolmogorov-Smirnov distance, from 0 to 1.
    rows
        The two samples' rows: their product over their sum.

    Examples
    --------
    >>> round(chance_of_distance(0.0608, 500), 4)
    0.0476
    """
    return float(special.kolmogorov(_stephens(rows) * distance))


def distance_found(rows: float, level: float, design: DesignEffect) -> float:
    """Return the least distance whose p-value is at most ``level``; parameters as for `chance_of_distance`."""
    return min(float(special.kolmogi(design.careless(level))) / _stephens(rows), 1.0)


def detectable_distance(rows: float, level: float, design: DesignEffect) -> float:
    """Return the least true distance that is found four times out of five at a level.

    Where the distributions are furthest apart, the difference of two shares has a standard error of at most
    ``0.5 / sqrt(rows)``.
    """
    return min(distance_found(rows, level, design) + NORMAL_POWER * 0.5 / float(np.sqrt(rows)), 1.0)


def _stephens(rows: float) -> float:
    root = float(np.sqrt(rows))
    return root + 0.12 + 0.11 / root


def _design(reference: SlicedColumn, window: SlicedColumn) -> tuple[DesignEffect, tuple[float, float], Precedent]:
    """Return the design effect, the rows that each side's are worth, and what the reference's own runs show."""
    before, after = reference.whole, window.whole
    points = reference.points
    at_points = before.cdf(points), after.cdf(points)
    sides = Slices(*reference.at_points, reference.season), Slices(*window.below(points), window.season)
    expected = (before.values * at_points[0] + after.values * at_points[1]) / (before.values + after.values)
    design = DesignEffect.of(*sides, expected, np.ones(len(points)))
    rows = design.rows(before.values, design.reference), design.rows(after.values, design.window)
    return design, rows, design.precedent(at_points[1] - at_points[0], rows, largest)


def largest(differences: Floats) -> Floats:
    """Return the Kolmogorov-Smirnov distance of each of some differences of shares: shape (runs, points) to (runs,)."""
    distances: Floats = np.abs(differences).max(axis=1)
    return distances


def _with_sketch_error(rows: float, column: ColumnSummary) -> float:
    return rows / (1 + 4 * rows * column.rank_error**2)


def _words(
    reference: ColumnSummary, window: ColumnSummary, column: Column, place: float, higher: float
) -> tuple[str, str]:
    """Tell it by the medians where they moved the way the distribution did, else by the place of the largest gap."""
    unit = f" {column.unit}" if column.unit and column.unit not in column.name else ""
    before, after = float(reference.quantiles([0.5])[0]), float(window.quantiles([0.5])[0])
    if (after - before) * higher > 0:
        now, was = pair(after, before, column)
        return (
            f"{column.name} is {'higher' if higher > 0 else 'lower'}",
            f"half of the values are now {'at least' if higher > 0 else 'at most'} {now}{unit}, it was {was}",
        )
    at = np.array([place])
    now, was = percent(float(window.cdf(at)[0])), percent(float(reference.cdf(at)[0]))
    where = pair(place, place, column)[0]
    return f"{column.name} is spread differently", f"{now} of the values are now at most {where}{unit}, it was {was}"
