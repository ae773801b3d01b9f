"""How many independent rows a window's rows are worth, from what varies between its slices.

Rows that come together are alike. With a correlation ``rho`` between rows of one slice, a share estimated from slices
of ``m`` rows varies ``1 + (m - 1) rho`` times as much as one from independent rows: the design effect (Kish, Survey
Sampling, 1965). ``rho`` is estimated by the analysis of variance between slices, of the reference and of the window
together, at all points of a distribution at once. Where neighbouring slices are alike as well, the effect is larger by
``1 + 2 sum (1 - l / S) r^l`` over the lags ``l`` of ``S`` slices, ``r`` being the correlation of neighbours (Bartlett,
On the theoretical specification and sampling properties of autocorrelated time-series, 1946).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import special

from roadworthy.monitoring.precedent import Precedent

_Floats = NDArray[np.float64]
_LEAST_SEASONS = 8  # whole rounds of a rhythm that the reference needs, for the rhythm to be taken out
_MOST_ALIKE = 0.95  # correlation of neighbours; beyond, no number of slices says anything


@dataclass(frozen=True)
class Slices:
    """Shares seen in each slice of one side, such as a distribution function at some points.

    Attributes
    ----------
    shares
        Of shape (slices, points).
    rows
        Rows of each slice, of shape (slices,).
    season
        Slices in one round of a rhythm.
    """

    shares: _Floats
    rows: _Floats
    season: int = 1

    @property
    def mean(self) -> _Floats:
        """Shares in all slices together, of shape (points,)."""
        mean: _Floats = self.rows @ self.shares / self.rows.sum()
        return mean

    @property
    def size(self) -> float:
        """Rows of a slice, as a row finds itself in: the sum of squares over the sum."""
        return float(np.square(self.rows).sum() / self.rows.sum())

    def runs(self, length: int) -> Slices:
        """Return every run of so many slices that follow one another, runs overlapping."""
        rows = _moving_sum(self.rows, length)
        return Slices(_moving_sum(self.shares * self.rows[:, None], length) / rows[:, None], rows)

    def rounds(self) -> Slices:
        """Return the slices put together by whole rounds of the rhythm; an unfinished last round is left out."""
        runs = self.runs(self.season)
        return Slices(runs.shares[:: self.season], runs.rows[:: self.season])

    def present(self) -> Slices:
        """Return the slices that have rows."""
        kept = self.rows > 0
        return Slices(self.shares[kept], self.rows[kept], self.season)


@dataclass(frozen=True)
class DesignEffect:
    """What is known of the likeness of rows that come together.

    Attributes
    ----------
    reference, window
        The slices that it was estimated from; without slices their shape is (0, points).
    correlation
        Of two rows of one slice (``rho``), from 0 to 1.
    neighbours
        Of the deviations of slices that follow one another (``r``), from 0 on.
    unevenness
        Sum of the squared eigenvalues of the correlation's matrix over points (for a chi-square test).
    freedom
        Degrees of freedom of the estimate; infinite where nothing is sliced.
    """

    reference: Slices
    window: Slices
    correlation: float = 0.0
    neighbours: float = 0.0
    unevenness: float = 0.0
    freedom: float = np.inf

    @classmethod
    def of(cls, reference: Slices, window: Slices, expected: _Floats, scale: _Floats) -> DesignEffect:
        """Estimate it.

        Parameters
        ----------
        reference, window
            The slices of each side; their own differences from their side's mean count, never the sides' difference.
        expected
            Shares of both sides together, of shape (points,).
        scale
            What a squared deviation is divided by, of shape (points,): ones, or ``expected`` for a chi-square.
        """
        reference, window = by_rounds(reference.present(), window.present())
        sides = [side for side in (reference, window) if len(side.rows) > 0]
        freedom = sum(len(side.rows) - 1 for side in sides)
        by_chance = float((expected * (1 - expected) / scale).sum())
        if freedom < 1 or by_chance <= 0:
            return cls(reference, window)
        deviations = [(side.shares - side.mean) * np.sqrt(side.rows[:, None] / scale) for side in sides]
        # rows by which the estimate of rho is divided: the mean slice's, corrected for unequal ones
        rows = (sum(side.rows.sum() - side.size for side in sides) - freedom) / freedom
        squares = sum(float(np.square(one).sum()) for one in deviations) / freedom / by_chance
        correlation = float(np.clip((squares - 1) / rows, 0, 1)) if rows > 0 else 0.0
        products = [float((one[1:] * one[:-1]).sum()) for one in deviations]
        alike = sum(products) / freedom / by_chance / squares if squares > 0 else 0.0
        return cls(
            reference,
            window,
            correlation,
            float(np.clip(alike, 0, _MOST_ALIKE)),
            _unevenness(np.vstack(deviations), freedom, by_chance, rows),
            float(freedom),
        )

    def rows(self, n: float, side: Slices) -> float:
        """Return how many independent rows ``n`` rows of a side are worth.

        A side that is not sliced is taken to come in slices of the other's size.
        """
        other = self.window if side is self.reference else self.reference
        if n <= 1 or (not len(side.rows) and not len(other.rows)):
            return float(n)
        size = min(side.size if len(side.rows) else other.size, n)
        slices = max(len(side.rows) or round(n / size), 1)
        return float(n / self._times(size, slices))

    def careful(self, p_value: float) -> float:
        """Return a p-value that bears in mind that the noise itself is estimated: Student's t for the normal's tails.

        Examples
        --------
        >>> nothing = Slices(np.zeros((0, 1)), np.zeros(0))
        >>> estimated = DesignEffect(nothing, nothing, freedom=10)
        >>> round(DesignEffect(nothing, nothing).careful(0.001), 4), round(estimated.careful(0.001), 4)
        (0.001, 0.0081)
        """
        if np.isinf(self.freedom):
            return p_value
        return float(2 * special.stdtr(self.freedom, special.ndtri(p_value / 2)))

    def careless(self, p_value: float) -> float:
        """Return the p-value that `careful` makes this one of."""
        if np.isinf(self.freedom) or p_value <= 0:
            return p_value
        return float(2 * special.ndtr(special.stdtrit(self.freedom, p_value / 2)))

    def evenness(self, mean_effect: float, freedom: int) -> float:
        """Return by what a chi-square and its degrees of freedom are divided, as its cells vary unequally: 1 or more.

        Satterthwaite's ``1 + a**2``, ``a`` being the coefficient of variation of the design effects' eigenvalues (Rao
        and Scott 1984).

        Parameters
        ----------
        mean_effect
            The mean design effect of both sides together.
        freedom
            Degrees of freedom of the test.
        """
        if self.correlation <= 0 or mean_effect <= 1:
            return 1.0
        times = (mean_effect - 1) / self.correlation
        squares = freedom + 2 * times * self.correlation * freedom + times**2 * self.unevenness
        return float(np.clip(squares / (freedom * mean_effect**2), 1, freedom))

    def precedent(
        self, difference: _Floats, rows: tuple[float, float], size: Callable[[_Floats], _Floats]
    ) -> Precedent:
        """Return the window's distance from the reference, and that of each of the reference's own runs as long.

        Each is in its own standard errors, so that runs of few rows count rightly.

        Parameters
        ----------
        difference
            The window's shares minus the reference's, of shape (points,).
        rows
            Independent rows of the reference and the window, as `rows` gives them.
        size
            Takes differences of shape (runs, points), gives the size of each as an effect: (runs,).
        """
        error = float(np.sqrt(1 / rows[0] + 1 / rows[1]))
        own = float(size(difference[None, :])[0] / error)
        return Precedent(own, size(self.own_runs(rows[0])), max(len(self.window.rows), 1), error)

    def own_runs(self, rows: float) -> _Floats:
        """Return by how much each of the reference's own runs, as long as the window, differs from it: (runs, points).

        In standard errors of each; none where the reference is not sliced, or is shorter than two windows.

        Parameters
        ----------
        rows
            Independent rows of the reference.
        """
        length = max(len(self.window.rows), 1)
        if len(self.reference.rows) < 2 * length:
            return np.zeros((0, self.reference.shares.shape[1]))
        runs = self.reference.runs(length)
        worth = runs.rows / self._times(_moving_sum(np.square(self.reference.rows), length) / runs.rows, length)
        spread = np.maximum(1 / worth - 1 / rows, 1e-12)  # a run is itself a part of the reference
        differences: _Floats = (runs.shares - self.reference.mean) / np.sqrt(spread)[:, None]
        return differences

    def seen_in(self, reference: Slices, window: Slices) -> DesignEffect:
        """Return the same likeness of rows, to be looked at by other shares of the same slices."""
        return replace(self, reference=reference, window=window)

    def _times(self, size: _Floats | float, slices: int) -> _Floats:
        lags = np.arange(1, slices)
        neighbours = 1 + 2 * float(((1 - lags / slices) * self.neighbours**lags).sum())
        return np.asarray((1 + (np.maximum(size, 1) - 1) * self.correlation) * neighbours, dtype=np.float64)


def by_rounds(reference: Slices, window: Slices) -> tuple[Slices, Slices]:
    """Return both by whole rounds of the rhythm, where the window holds it whole and the reference often enough."""
    season = max(reference.season, window.season)
    whole = len(window.rows) > 0 and len(window.rows) % season == 0
    if season == 1 or not whole or len(reference.rows) // season < _LEAST_SEASONS:
        return reference, window
    return reference.rounds(), window.rounds()


def _unevenness(deviations: _Floats, freedom: int, by_chance: float, rows: float) -> float:
    """Return the squared norm of rho's matrix over points: that of the deviations', less what chance adds to it.

    For Wishart matrices the norm is too large by the squared trace over the degrees of freedom (Srivastava, Some tests
    concerning the covariance matrix in high dimensional data, 2005).
    """
    if rows <= 0:
        return 0.0
    trace = float(np.square(deviations).sum()) / freedom
    gram = deviations @ deviations.T if len(deviations) < deviations.shape[1] else deviations.T @ deviations
    norm = (float(np.square(gram).sum()) / freedom**2 - trace**2 / freedom) * freedom / (freedom + 1)
    # the matrix is 1 + rows * rho's; of by_chance eigenvalues
    excess = norm - 2 * (trace - by_chance) - by_chance
    return max(excess / rows**2, 0.0)


def _moving_sum(values: _Floats, length: int) -> _Floats:
    total = np.concatenate([np.zeros((1, *values.shape[1:])), np.cumsum(values, axis=0)])
    summed: _Floats = total[length:] - total[:-length]
    return summed
