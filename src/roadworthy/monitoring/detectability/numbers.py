"""How small a shift of a number the Kolmogorov-Smirnov test finds, on the reference's own distribution."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from roadworthy.monitoring.detectability.ranked import Own
from roadworthy.monitoring.profiles import ColumnSummary

_Floats = NDArray[np.float64]
_POINTS = 512  # quantiles that stand for a distribution, as many as the measure looks at
_FINE = 1024  # places on a bridge
_BRIDGES = 800  # pairs of them: a chance of 0.8 is off by 0.014
_LARGEST = 4.0  # standard deviations; what is not found then is not found


class Sampled(NamedTuple):
    """The rows of window and reference: how many are ``drawn``, and how many independent ones they are ``worth``."""

    drawn: tuple[float, float]
    worth: tuple[float, float]


@dataclass(frozen=True)
class Shift:
    """A distribution of numbers and what it becomes when its values move up or down.

    Every value's frequency changes by the factor ``exp(size * z)``, ``z`` being the normal score of its rank. For a
    normal distribution that is a shift of the mean by ``size`` standard deviations, for any other the same seen
    through its own scale; no value appears that was not there, so that hours stay hours. Either way the largest
    distance lies near the median, where chance is largest: of all changes with the same distance it is among the
    hardest to find.

    Attributes
    ----------
    values
        Increasing, of shape (values,).
    before
        Their shares, of shape (values,).
    """

    values: _Floats
    before: _Floats

    @classmethod
    def of(cls, column: ColumnSummary) -> Shift:
        """Take the distribution from a profile's numeric column; extreme values count as the tail that they are in."""
        quantiles = column.quantiles((np.arange(_POINTS) + 0.5) / _POINTS)
        values, counts = np.unique(quantiles, return_counts=True)
        return cls(values, counts / _POINTS)

    def after(self, size: float) -> _Floats:
        """Return the shares after a shift by ``size`` standard deviations of the normal scores, shape (values,)."""
        below = np.cumsum(self.before)
        scores = scipy.special.ndtri(np.clip(below - self.before / 2, 1e-6, 1 - 1e-6))
        weights = self.before * np.exp(size * scores - size**2 / 2)
        shares: _Floats = weights / weights.sum()
        return shares

    def distance(self, size: float) -> float:
        """Return the Kolmogorov-Smirnov distance between before and after."""
        return float(np.abs(np.cumsum(self.after(size) - self.before)).max())

    def change(self, size: float, points: _Floats) -> _Floats:
        """Return by how much the shares at or below some points change, shape (points,)."""
        changes = np.append(0.0, np.cumsum(self.after(size) - self.before))
        found: _Floats = changes[np.searchsorted(self.values, points, side="right")]
        return found

    def means(self, size: float) -> tuple[float, float]:
        """Return the mean before and after."""
        return float(self.values @ self.before), float(self.values @ self.after(size))

    @property
    def deviation(self) -> float:
        """The standard deviation before."""
        mean = float(self.values @ self.before)
        return float(np.sqrt(np.square(self.values - mean) @ self.before))

    def chance(self, size: float, noise: Sampled, critical: float) -> float:
        """Return the probability that a test finds the shift.

        Parameters
        ----------
        size
            Of the shift, as for `after`.
        noise
            What chance does to both sides.
        critical
            The least distance that counts as found.

        Notes
        -----
        An empirical distribution function of n independent rows is off by a Brownian bridge over ``sqrt(n)`` (Donsker
        1952). What rows of one day have in common moves the whole distribution up or down at once. Both are simulated,
        800 times, with the same draws at each call: the chance is a smooth function of the size.
        """
        return self._chance(size, noise, critical, self._off(self.before, 1, noise))

    def _chance(self, size: float, noise: Sampled, critical: float, reference_off: _Floats) -> float:
        after = self.after(size)
        differences = np.cumsum(after - self.before) + self._off(after, 0, noise) - reference_off
        return float((np.abs(differences).max(axis=1) >= critical).mean())

    def _off(self, shares: _Floats, side: int, noise: Sampled) -> _Floats:
        """Return by how much one side's distribution function is off, shape (draws, values)."""
        bridges, moves = _draws()
        below, drawn, worth = np.cumsum(shares), noise.drawn[side], noise.worth[side]
        common = np.sqrt(max(1 / worth - 1 / drawn, 0.0) * np.clip(below * (1 - below), 0, 1))
        off: _Floats = bridges[side][:, _place(below)] / np.sqrt(drawn) + moves[side][:, None] * common
        return off

    def smallest(self, power: float, noise: Sampled, critical: float) -> float | None:
        """Return the least size that is found with probability ``power``; None when none is, up or down.

        A shift up is above 0. Down is asked only when up there is no room, as where nearly all values are the highest.
        """
        reference_off = self._off(self.before, 1, noise)
        return _least(power, lambda size: self._chance(size, noise, critical, reference_off))

    def smallest_among(self, own: Own, points: _Floats, power: float, distance: float) -> float | None:
        """Return the same where the reference's own runs, looked at in some points, stand for windows to come."""
        return _least(power, lambda size: own.beyond(lambda shares: shares + self.change(size, points), distance))


def _least(power: float, chance: Callable[[float], float]) -> float | None:
    def missing(size: float, sign: int) -> float:
        return chance(sign * size) - power

    for sign in (1, -1):
        if missing(_LARGEST, sign) >= 0:
            if missing(0.0, sign) >= 0:
                return 0.0
            return sign * float(scipy.optimize.brentq(missing, 0.0, _LARGEST, args=(sign,), xtol=1e-3))
    return None


def _place(shares: _Floats) -> NDArray[np.intp]:
    places: NDArray[np.intp] = np.clip(np.rint(shares * _FINE), 0, _FINE).astype(np.intp)
    return places


@cache
def _draws() -> tuple[_Floats, _Floats]:
    """Brownian bridges over [0, 1] for two sides, shape (2, draws, places), and normal draws, shape (2, draws)."""
    rng = np.random.default_rng(0)
    walks = np.cumsum(rng.normal(0, np.sqrt(1 / _FINE), (2, _BRIDGES, _FINE)), axis=2)
    walks = np.concatenate([np.zeros((2, _BRIDGES, 1)), walks], axis=2)
    return walks - np.linspace(0, 1, _FINE + 1) * walks[:, :, -1:], rng.normal(size=(2, _BRIDGES))
