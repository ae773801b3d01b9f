"""How small a change of categories the chi-square test finds, on the reference's own shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from roadworthy.monitoring.detectability.ranked import Own
from roadworthy.monitoring.measures.categories import distance_beyond_chance, total_variation
from roadworthy.monitoring.profiles import ColumnSummary

_Floats = NDArray[np.float64]
_LEAST_EXPECTED = 5  # in a cell of a chi-square test, as in the measure
_LARGEST_ODDS = 1e3
_DRAWS = (400, 4000)  # with the fewest, a chance of 0.8 is off by 0.02
_MOST_DRAWN = 200_000
_LEAST_SHARE = 1e-12


class Bar(NamedTuple):
    """What a change of categories must pass to be called drift.

    Attributes
    ----------
    level
        The p-value that it must reach.
    distance
        The least total variation distance, what chance adds to it taken off.
    strayed
        The least as it is seen, in the categories that are not pooled and all others together.
    """

    level: float
    distance: float
    strayed: float = 0.0


@dataclass(frozen=True)
class Favour:
    """Categories' shares, and what they become when the odds of the most frequent one change.

    The others keep their proportions among themselves. Where the most frequent has more than half of the rows its
    odds fall: there is more room below.

    Attributes
    ----------
    name
        The category whose odds change.
    before
        Shares, the changing category's first, shape (categories,).
    """

    name: str
    before: _Floats

    @classmethod
    def of(cls, column: ColumnSummary) -> Favour:
        """Take the shares from a profile's categorical column; what it does not name is one more category."""
        counts = column.counts()
        found = np.array([count.lower for count in counts.values()], dtype=np.float64)
        shares = np.append(found, max(column.values - found.sum(), 0.0)) / max(column.values, found.sum())
        return cls(next(iter(counts)), shares[shares > 0])

    def after(self, odds: float) -> _Floats:
        """Return the shares after the category's odds became ``odds`` times as large, shape (categories,)."""
        return _favoured(self.before, odds)

    def distance(self, odds: float) -> float:
        """Return the total variation distance between before and after."""
        return float(np.abs(self.after(odds) - self.before).sum() / 2)

    def chance(self, odds: float, *, rows: float, rows_reference: float, bar: Bar) -> float:
        """Return the probability that a test finds the change.

        Parameters
        ----------
        odds
            By what the category's odds are multiplied.
        rows, rows_reference
            Independent rows of the window and of the reference.
        bar
            What it must pass to count as found.

        Notes
        -----
        Size and evidence come of the same counts, so both are asked of drawn ones. The counts of many rows are
        normal, of the multinomial's covariance; the same draws are taken at each call, so that the chance hardly ever
        falls as the change grows.
        """
        before, after = self._cells(odds, rows, rows_reference)
        together = rows * rows_reference / (rows + rows_reference)
        freedom = len(before) - 1
        if freedom < 1:
            return 0.0
        needed = float(scipy.stats.chi2.isf(bar.level, freedom))
        now, then = (
            _drawn(shares, count, draws)
            for shares, count, draws in zip((after, before), (rows, rows_reference), _draws(len(before)), strict=True)
        )
        pooled, change = (rows * now + rows_reference * then) / (rows + rows_reference), now - then
        sure = together * (np.square(change) / np.maximum(pooled, _LEAST_SHARE)).sum(axis=1) >= needed
        large = distance_beyond_chance(change, pooled * (1 - pooled) / together) >= bar.distance
        far = total_variation(change) >= bar.strayed
        return float((sure & large & far).mean())

    def smallest(self, power: float, *, rows: float, rows_reference: float, bar: Bar) -> float | None:
        """Return the factor on the odds nearest to 1 that is found with probability ``power``; None when none is."""
        return self._least(power, partial(self.chance, rows=rows, rows_reference=rows_reference, bar=bar))

    def smallest_among(self, own: Own, power: float, distance: float) -> float | None:
        """Return the same where the reference's own runs, the most frequent category's share first, stand for others.

        Parameters
        ----------
        own
            The runs.
        power
            Chance with which it is found.
        distance
            The least total variation distance.
        """
        return self._least(power, lambda odds: own.beyond(lambda shares: _favoured(shares, odds), distance))

    def _least(self, power: float, chance: Callable[[float], float]) -> float | None:
        if len(self.before) < 2:
            return None
        sign = 1 if self.before[0] <= 0.5 else -1

        def missing(log_odds: float) -> float:
            return chance(float(np.exp(sign * log_odds))) - power

        most = float(np.log(_LARGEST_ODDS))
        if missing(most) < 0:
            return None
        if missing(0.0) >= 0:
            return 1.0
        return float(np.exp(sign * scipy.optimize.brentq(missing, 0.0, most, xtol=1e-4)))

    def _cells(self, odds: float, rows: float, rows_reference: float) -> tuple[_Floats, _Floats]:
        """Pool the categories that expect too few rows, as the measure does."""
        after = self.after(odds)
        total = rows * after + rows_reference * self.before
        few = total * min(rows, rows_reference) / (rows + rows_reference) < _LEAST_EXPECTED
        few[0] = False
        return tuple(np.append(side[~few], side[few].sum()) if few.any() else side for side in (self.before, after))  # type: ignore[return-value]


def _favoured(shares: _Floats, odds: float) -> _Floats:
    """Return what shares become when the odds of the first are multiplied, shape (..., categories)."""
    before = np.clip(shares[..., :1], 0, 1 - _LEAST_SHARE)
    now = before * odds / (before * odds + 1 - before)
    return np.concatenate([now, shares[..., 1:] * (1 - now) / (1 - before)], axis=-1)


def _drawn(shares: _Floats, rows: float, draws: _Floats) -> _Floats:
    """Return the shares that so many rows would show, shape (draws, categories)."""
    off = np.sqrt(shares) * draws
    found: _Floats = np.maximum(shares + (off - shares * off.sum(axis=1, keepdims=True)) / np.sqrt(rows), 0.0)
    return found


@cache
def _draws(categories: int) -> _Floats:
    """Normal draws for two sides, each category's of mean 0 and deviation 1, shape (2, draws, categories)."""
    count = int(np.clip(_MOST_DRAWN // categories, *_DRAWS))
    draws = np.random.default_rng(0).normal(size=(2, count, categories))
    standard: _Floats = (draws - draws.mean(axis=1, keepdims=True)) / draws.std(axis=1, keepdims=True)
    return standard
