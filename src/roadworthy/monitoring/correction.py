"""How all that was found in a window shares the one chance of a false alarm that the window may take.

Where the reference has so many runs as long as the window that their ranks can decide (`precedent`), they do, for every
column that they have: all that is left of the level is shared by the rest. Where they are too few, Holm's correction of
the p-values decides, and the runs hold back what is no news.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roadworthy.monitoring.precedent import Precedents

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Corrected:
    """What became of the p-values, and what it takes to be found.

    Attributes
    ----------
    adjusted
        To be held against the window's level, shape (tests,).
    alone
        The p-value that each must reach where nothing else stands out, shape (tests,); 1 where runs decide.
    asked
        How many standard errors each must stray, as `Precedents` counts them, shape (tests,).
    ranked_among
        By its rank among how many runs each was decided, 0 where its p-value decided; shape (tests,).
    """

    adjusted: _Floats
    alone: _Floats
    asked: _Floats
    ranked_among: NDArray[np.intp]

    @classmethod
    def of(cls, p_values: _Floats, weights: _Floats, known: Precedents, level: float) -> Corrected:
        """Correct the p-values of one window.

        Parameters
        ----------
        p_values
            Shape (tests,).
        weights
            Each test's part of the level, above 0, shape (tests,).
        known
            What the reference's own runs show of each test.
        level
            The chance of a false alarm that the window may take.
        """
        ranked, rest = known.apart(), ~known.among
        granted = ranked.granted(level * float(weights[~rest].sum() / weights.sum())) if len(weights) else 0.0
        if not granted:
            adjusted = np.maximum(holm(p_values, weights), known.chances())
            none = np.zeros(len(weights), dtype=np.intp)
            return cls(adjusted, level * weights / weights.sum(), known.asked(level), none)
        left = level - granted
        adjusted = np.maximum(ranked.chances(), ranked.least) * level / granted
        adjusted[rest] = holm(p_values[rest], weights[rest]) * level / left
        alone = np.ones(len(weights))
        alone[rest] = left * weights[rest] / weights[rest].sum()
        among = np.where(rest, 0, len(ranked.distances) - 1)
        return cls(np.minimum(adjusted, 1.0), alone, ranked.asked(granted), among)


def holm(p_values: _Floats, weights: _Floats | None = None) -> _Floats:
    """Return p-values corrected for their number by Holm's step-down procedure, shape (tests,).

    Parameters
    ----------
    p_values
        Shape (tests,).
    weights
        Each test's part of the level, above 0, shape (tests,); all alike when None (the weighted procedure of
        Holm, A simple sequentially rejective multiple test procedure, 1979).

    Examples
    --------
    >>> [round(p, 3) for p in holm(np.array([0.01, 0.04, 0.03])).tolist()]
    [0.03, 0.06, 0.06]
    >>> [round(p, 3) for p in holm(np.array([0.01, 0.04, 0.03]), np.array([1, 1, 0.1])).tolist()]
    [0.021, 0.044, 0.044]
    """
    parts = np.ones_like(p_values) if weights is None else weights
    order = np.argsort(p_values / parts, kind="stable")
    left = np.cumsum(parts[order][::-1])[::-1]  # the weight of a test and of all that come after it
    steps = p_values[order] / parts[order] * left
    adjusted = np.empty_like(p_values)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0) if len(steps) else steps
    return adjusted
