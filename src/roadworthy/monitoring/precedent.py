"""How far a window is from the reference, beside how far the reference's own runs of slices are from it.

What comes again and again is no news, whatever its distribution. Where the reference has enough runs as long as the
window, that alone decides: a permutation test, in which window and runs are ranked by the column that stands out most
(the single-step maximum of Westfall and Young, Resampling-based multiple testing, 1993). It takes nothing for granted
but that days could have come in another order. With fewer runs no rank is rare enough, and it can only hold back.

Columns are made comparable by what is usual for each: the distance less its mean, over its standard deviation and a
part of the least effect that matters, so that columns in which hardly anything ever moves do not set the bar for all
(as Tusher, Tibshirani and Chu do, Significance analysis of microarrays, 2001). Mean and deviation are taken over the
runs and the window together: only so does every one of them have the same chance to be the furthest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

_Floats = NDArray[np.float64]
_PART_OF_EFFECT = 0.2  # of the least effect that matters, added to what a column usually strays


@dataclass(frozen=True)
class Precedent:
    """How far the window, and the reference's own runs that are as long, are from the reference in one column.

    Attributes
    ----------
    own
        The window's distance, in its standard errors.
    runs
        Each run's distance in standard errors of its own, shape (runs,): none where the reference is not sliced, or
        is shorter than two windows.
    step
        From how many runs on the next has no slice in common with one.
    error
        One standard error of the window's, as an effect.
    """

    own: float
    runs: _Floats
    step: int
    error: float


@dataclass(frozen=True)
class Precedents:
    """What is known of all columns of a window together.

    Attributes
    ----------
    among
        Which of the facts have been seen in the reference's runs, shape (facts,).
    distances
        Of the facts that are among, in standard errors, the window's first, shape (1 + runs, among).
    floor
        What is added to each one's standard deviation, shape (among,).
    step
        As each has it.
    """

    among: NDArray[np.bool_]
    distances: _Floats
    floor: _Floats
    step: int = 1

    @classmethod
    def of(cls, known: Sequence[Precedent | None], thresholds: Sequence[float]) -> Precedents:
        """Put those together that have as many runs as most; a column without values on some days has fewer.

        Parameters
        ----------
        known
            Of each fact, None where it has none.
        thresholds
            The least effect that matters, of each fact.
        """
        found = Counter(len(one.runs) for one in known if one and len(one.runs))
        runs = max(found, key=lambda number: (found[number], number), default=0)
        chosen = [one if one and 0 < len(one.runs) == runs else None for one in known]
        among = [(one, threshold) for one, threshold in zip(chosen, thresholds, strict=True) if one]
        return cls(
            np.array([one is not None for one in chosen], dtype=np.bool_),
            np.array([[one.own, *one.runs] for one, _ in among]).reshape(-1, runs + 1).T,
            np.array([_PART_OF_EFFECT * threshold / one.error for one, threshold in among]),
            max((one.step for one, _ in among), default=1),
        )

    def apart(self) -> Precedents:
        """Return the same by those runs alone that have no slice in common: only these can be ranked."""
        return replace(self, distances=np.vstack([self.distances[:1], self.distances[1 :: self.step]]), step=1)

    @property
    def least(self) -> float:
        """The least chance that a rank can have."""
        return 1 / len(self.distances)

    def granted(self, level: float) -> float:
        """Return the largest chance of a false alarm that ranks can have, up to ``level``; 0 with too few runs.

        Window and runs being alike, each is the furthest as often as another: where k of n runs are as far, that has
        a chance of ``(k + 1) / (n + 1)`` (Phipson and Smyth, Permutation p-values should never be zero, 2010).

        Examples
        --------
        >>> nothing = Precedent(0.0, np.zeros(130), 1, 0.01)
        >>> [round(Precedents.of([nothing], [0.03]).granted(level), 4) for level in (0.02, 0.01, 0.001)]
        [0.0153, 0.0076, 0.0]
        """
        return self._allowed(level) / len(self.distances) if self.among.any() else 0.0

    def chances(self) -> _Floats:
        """Return the chance that a window like the runs strays in any column as far as this one in each: (facts,).

        As in `granted`, but 0 where no run strays as far, and where a fact is not among them.
        """
        chances = np.zeros(len(self.among))
        if self.among.any():
            strayed = self._strayed(self.distances)
            as_far = (strayed[1:].max(axis=1)[:, None] >= strayed[0]).sum(axis=0)
            chances[self.among] = np.where(as_far > 0, (as_far + 1) / len(strayed), 0.0)
        return chances

    def asked(self, level: float) -> _Floats:
        """Return how many standard errors a window must stray in each column for its chance to be at most ``level``.

        Returns
        -------
        ndarray
            Shape (facts,); 0 for a fact that is not among those seen.

        Notes
        -----
        A window that strays in one column adds to what is usual there. To stray further than a run that strays by
        ``b`` in another one it must be off its column's mean by ``d``, where ``a d = b (sqrt(a s**2 + a d**2 / (n + 1))
        + floor)``, ``s`` is the deviation of the column's n runs, and ``a = n / (n + 1)``.
        """
        asked = np.zeros(len(self.among))
        if self.among.any():
            asked[self.among] = self._beyond_runs[max(self._allowed(level) - 1, 0)]
        return asked

    @cached_property
    def _beyond_runs(self) -> _Floats:
        """The distances that stray further than so many of the runs, the greatest first: (runs, among)."""
        runs, n = self.distances[1:], len(self.distances) - 1
        mean, variance, a = runs.mean(axis=0), runs.var(axis=0), n / (n + 1)
        elsewhere = _largest_elsewhere(self._strayed(np.vstack([mean, runs]))[1:])
        floor, steep = elsewhere * self.floor, a**2 - np.square(elsewhere) * a / (n + 1)
        root = elsewhere * np.sqrt(a * (np.square(floor) / (n + 1) + np.maximum(steep, 0) * variance))
        with np.errstate(divide="ignore"):
            beyond = np.where(steep > 0, mean + (a * floor + root) / np.maximum(steep, 0), np.inf)
        return np.sort(np.maximum(runs, beyond), axis=0)[::-1]

    def _allowed(self, level: float) -> int:
        """Return how many of window and runs may be as far as the window, itself among them."""
        return int(level * len(self.distances) * (1 + 1e-12))

    def _strayed(self, distances: _Floats) -> _Floats:
        strayed: _Floats = (distances - distances.mean(axis=0)) / (distances.std(axis=0) + self.floor)
        return strayed


def _largest_elsewhere(strayed: _Floats) -> _Floats:
    """Return by how much each run strays at most in any column but this one, at least 0: shape (runs, columns)."""
    if strayed.shape[1] < 2:
        return np.zeros_like(strayed)
    largest = np.partition(strayed, -2, axis=1)[:, -2:]
    elsewhere: _Floats = np.where(strayed == largest[:, 1:], largest[:, :1], largest[:, 1:])
    return np.maximum(elsewhere, 0.0)
