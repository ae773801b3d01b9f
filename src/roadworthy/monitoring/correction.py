"""How all that was found in a window shares the one chance of a false alarm that the window may take.

Where the reference has so many runs as long as the window that their ranks can decide (`precedent`), they do, for every
column that they have. Ranks come in steps, so they seldom take the whole of what columns have of the level: what is
over goes to columns that stray further than all but one run more, if their p-value tells so too. Where runs are too
few, Holm's correction of the p-values decides, and the runs hold back what is no news.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roadworthy.monitoring.precedent import Precedents

_Floats = NDArray[np.float64]
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Way:
    """One way for a test to be found where nothing else stands out.

    Attributes
    ----------
    alone
        The p-value that each must reach, shape (tests,); 1 where none is asked.
    asked
        How many standard errors each must stray, as `Precedents` counts them, shape (tests,).
    """

    alone: _Floats
    asked: _Floats


@dataclass(frozen=True)
class Corrected:
    """What became of the p-values, and what it takes to be found.

    Attributes
    ----------
    adjusted
        To be held against the window's level, shape (tests,).
    ways
        Each of which is enough.
    ranked_among
        By its rank among how many runs each was decided, 0 where its p-value decided; shape (tests,).
    """

    adjusted: _Floats
    ways: tuple[Way, ...]
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
        ranked, among = known.apart(), known.among
        parts = level * weights / weights.sum()
        share = float(parts[among].sum())
        granted = ranked.granted(share)
        if not granted:
            adjusted = np.maximum(holm(p_values, weights), known.chances())
            return cls(adjusted, (Way(parts, known.asked(level)),), np.zeros(len(weights), dtype=np.intp))
        parts[among] *= over(granted, share) / share
        by_rank = np.maximum(ranked.chances(), ranked.least)
        by_evidence = holm(p_values, parts) * level / parts.sum()
        close = by_rank <= (granted + ranked.least) * (1 + _ROUNDING)
        either = np.minimum(by_rank * level / granted, np.where(close, by_evidence, 1.0))
        return cls(
            np.minimum(np.where(among, either, by_evidence), 1.0),
            (
                Way(np.where(among, 1.0, parts), ranked.asked(granted)),
                Way(parts, ranked.asked(granted + ranked.least)),
            ),
            np.where(among, len(ranked.distances) - 1, 0),
        )


def over(granted: float, share: float) -> float:
    """Return what ranks that have a share of the level, and take what is ``granted``, leave of it; never quite 0."""
    return max(share - granted, _ROUNDING * share)


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
