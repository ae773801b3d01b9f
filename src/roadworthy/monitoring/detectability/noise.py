"""What chance does to a column in a window that is yet to come, as the rule will see it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy
from numpy.typing import NDArray

from roadworthy.monitoring.design_effect import DesignEffect, Slices
from roadworthy.monitoring.measures.base import chance_among_runs
from roadworthy.monitoring.profiles import ColumnSummary
from roadworthy.monitoring.slices import SlicedColumn
from roadworthy.records import Horizon

_Floats = NDArray[np.float64]
_GRID = np.linspace(0, 1, 33)[1:-1]  # of the points at which slices are looked at, as in the measure
_LEAST_SHARE = 0.01  # of a category that is looked at by itself
_LEAST_SEASONS = 8  # as the design effect asks for
_HALVINGS = 20


@dataclass(frozen=True)
class Noise:
    """How much the slices of the reference differ, and so what a window's rows are worth.

    Attributes
    ----------
    column
        Of the reference, in all and slice by slice.
    slices
        Shares at some points, or of categories, in each slice.
    expected, scale
        As for `DesignEffect.of`.
    """

    column: SlicedColumn
    slices: Slices
    expected: _Floats
    scale: _Floats

    @classmethod
    def of(cls, column: SlicedColumn) -> Noise:
        """Take it from a numeric or categorical column of the reference."""
        numeric = column.whole.kind == "numeric"
        parts = [part for part in column.slices if part.kind == column.whole.kind]
        names = _names(column.whole)
        points = np.unique(column.whole.quantiles(_GRID)) if numeric else np.zeros(len(names) + 1)

        def shares(part: ColumnSummary) -> _Floats:
            return part.cdf(points) if numeric else _shares(part, names)

        found = np.array([shares(part) for part in parts]).reshape(len(parts), len(points))
        rows = np.array([part.values for part in parts], dtype=np.float64)
        expected = shares(column.whole)
        scale = np.ones(len(points)) if numeric else np.maximum(expected, 1e-9)
        return cls(column, Slices(found, rows, column.season), expected, scale)

    def window(self, horizon: Horizon) -> Seen:
        """Return what a window looks like to the rule by then: of its rows, those in which the column has a value."""
        whole, slices = self.column.whole, horizon.slices
        rows = horizon.rows * whole.values / max(whole.n, 1)
        nothing = Slices(np.zeros((0, len(self.expected))), np.zeros(0))
        reference, size = self.slices, self.slices.season
        by_rounds = slices % size == 0 and len(reference.rows) // size >= _LEAST_SEASONS
        if size > 1 and by_rounds:  # a rhythm that window and reference hold whole is no noise
            reference, slices = reference.rounds(), slices // size
        if len(reference.rows) < 2:
            drawn = self._known_rows(rows), self._known_rows(float(self.column.whole.values))
            return Seen(*drawn, drawn, DesignEffect(nothing, nothing), self)
        window = Slices(np.zeros((slices, len(self.expected))), np.full(slices, rows / slices))
        design = DesignEffect.of(reference, nothing, self.expected, self.scale)
        design = DesignEffect(
            reference, window, design.correlation, design.neighbours, design.unevenness, design.freedom
        )
        known = design.rows(self.column.whole.values, reference)
        drawn = rows, float(self.column.whole.values)
        return Seen(self._known_rows(design.rows(rows, window)), self._known_rows(known), drawn, design, self)

    def _known_rows(self, rows: float) -> float:
        """Take the sketch's own error into account, as the measure does."""
        if self.column.whole.kind != "numeric":
            return rows
        return float(rows / (1 + 4 * rows * self.column.whole.rank_error**2))


@dataclass(frozen=True)
class Seen:
    """A window as the rule will see it.

    Attributes
    ----------
    rows, rows_reference
        Independent rows that window and reference are worth.
    drawn
        The rows themselves.
    design
        Their design effect.
    """

    rows: float
    rows_reference: float
    drawn: tuple[float, float]
    design: DesignEffect
    noise: Noise

    def surest(self, level: float) -> float:
        """Return the p-value that a window's difference must fall below, for the reference's own runs not to have it.

        Of runs of all columns the smallest counts (see `drift.judge`). 1 where the reference is not sliced.
        """
        usual = self._usual(level)
        if usual == 0:
            return 1.0
        if self._numeric:
            return float(scipy.special.kolmogorov(usual))
        return float(scipy.stats.chi2.sf(usual**2, max(len(self.noise.expected) - 1, 1)))

    def size(self, p_value: float) -> float:
        """Return the difference, in standard errors, whose p-value this is; 0 for 1."""
        if p_value >= 1:
            return 0.0
        if self._numeric:
            return float(scipy.special.kolmogi(p_value))
        return float(np.sqrt(scipy.stats.chi2.isf(p_value, max(len(self.noise.expected) - 1, 1))))

    @property
    def _numeric(self) -> bool:
        return self.noise.column.whole.kind == "numeric"

    def _usual(self, level: float) -> float:
        """Return the largest difference that the reference's own runs of slices have, in standard errors.

        What comes again and again in the reference is never called drift. The difference is the Kolmogorov-Smirnov
        distance, or for categories the root of the chi-square. 0 where the reference is not sliced.
        """
        largest = np.abs if self._numeric else self._root
        unit = np.zeros(len(self.noise.expected))
        unit[0] = 1.0 if self._numeric else np.sqrt(self.noise.scale[0])
        error = np.sqrt(1 / self.rows + 1 / self.rows_reference)

        def seen(size: float) -> float:
            difference, rows = unit * size * error, (self.rows_reference, self.rows)
            own, runs = self.design.runs(difference, rows, lambda differences: largest(differences).max(axis=1))
            return float(chance_among_runs(runs >= own)) if len(runs) else 0.0

        if not len(self.noise.slices.rows) or not len(self.noise.expected) or seen(0.0) <= level:
            return 0.0
        low, high = 0.0, 1.0
        while seen(high) > level:
            low, high = high, 2 * high
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (middle, high) if seen(middle) > level else (low, middle)
        return high

    def _root(self, differences: _Floats) -> _Floats:
        summed: _Floats = np.sqrt((np.square(differences) / self.noise.scale).sum(axis=1, keepdims=True))
        return summed


def _names(column: ColumnSummary) -> list[str]:
    if column.kind != "categorical":
        return []
    return [name for name, count in column.counts().items() if count.lower >= _LEAST_SHARE * column.values]


def _shares(part: ColumnSummary, names: list[str]) -> _Floats:
    """Return the shares of named categories, and of all others together last."""
    counts = part.counts()
    found = np.array([counts[name].upper if name in counts else 0.0 for name in names], dtype=np.float64)
    return np.append(found, max(part.values - found.sum(), 0.0)) / max(part.values, 1)
