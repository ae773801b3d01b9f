"""What chance does to a column in a window that is yet to come, as the rule will see it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roadworthy.monitoring.design_effect import DesignEffect, Slices, by_rounds
from roadworthy.monitoring.detectability.ranked import Own
from roadworthy.monitoring.measures.categories import total_variation
from roadworthy.monitoring.measures.numbers import largest
from roadworthy.monitoring.profiles import ColumnSummary
from roadworthy.monitoring.slices import SlicedColumn
from roadworthy.records import Horizon

_Floats = NDArray[np.float64]
_GRID = np.linspace(0, 1, 33)[1:-1]  # of the points at which slices are looked at, as in the measure
_LEAST_SHARE = 0.01  # of a category that is looked at by itself


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
    every
        Shares in each slice by which the reference's own runs are looked at: of so many categories, the most frequent
        first, as there are slices to every two, the last being all others; for numbers those of ``slices``.
    points
        Of numbers, at or below which the shares are; for categories as many zeros.
    """

    column: SlicedColumn
    slices: Slices
    expected: _Floats
    scale: _Floats
    every: Slices
    points: _Floats

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
        slices = Slices(found, rows, column.season)
        return cls(column, slices, expected, scale, slices if numeric else _every(column), points)

    def window(self, horizon: Horizon) -> Seen:
        """Return what a window looks like to the rule by then: of its rows, those in which the column has a value."""
        whole, slices = self.column.whole, horizon.slices
        rows = horizon.rows * whole.values / max(whole.n, 1)
        yet_to_come = Slices(np.zeros((slices, len(self.expected))), np.full(slices, rows / slices), self.slices.season)
        reference, window = by_rounds(self.slices, yet_to_come)
        nothing = Slices(np.zeros((0, len(self.expected))), np.zeros(0))
        drawn = rows, float(self.column.whole.values)
        if len(reference.rows) < 2:
            known = self._known_rows(drawn[0]), self._known_rows(drawn[1])
            return Seen(*known, known, DesignEffect(nothing, nothing))
        design = DesignEffect.of(reference, nothing, self.expected, self.scale).seen_in(reference, window)
        worth = design.rows(drawn[0], window), design.rows(drawn[1], reference)
        known = self._known_rows(worth[0]), self._known_rows(worth[1])
        return Seen(*known, drawn, design, self._own(design, yet_to_come, worth))

    def _own(self, design: DesignEffect, yet_to_come: Slices, worth: tuple[float, float]) -> Own:
        every = by_rounds(self.every.present(), yet_to_come)[0]
        error = float(np.sqrt(1 / worth[0] + 1 / worth[1]))
        differences = design.seen_in(every, design.window).own_runs(worth[1]) * error
        size = largest if self.column.whole.kind == "numeric" else total_variation
        return Own(differences, every.mean, size, error, len(design.window.rows))

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
    own
        How the reference's own runs, as long as such a window, differ from it; None where it is not sliced.
    """

    rows: float
    rows_reference: float
    drawn: tuple[float, float]
    design: DesignEffect
    own: Own | None = None


def _every(column: SlicedColumn) -> Slices:
    _, table, rows = column.counts
    order = np.argsort(-table.sum(axis=0), kind="stable")
    named = table[:, order[: max((len(rows) + 1) // 2, 2) - 1]]
    counts = np.column_stack([named, np.maximum(rows - named.sum(axis=1), 0)])
    return Slices(counts / np.maximum(rows[:, None], 1), rows, column.season)


def _names(column: ColumnSummary) -> list[str]:
    if column.kind != "categorical":
        return []
    return [name for name, count in column.counts().items() if count.lower >= _LEAST_SHARE * column.values]


def _shares(part: ColumnSummary, names: list[str]) -> _Floats:
    """Return the shares of named categories, and of all others together last."""
    counts = part.counts()
    found = np.array([counts[name].upper if name in counts else 0.0 for name in names], dtype=np.float64)
    return np.append(found, max(part.values - found.sum(), 0.0)) / max(part.values, 1)
