"""What is found of a change where a window is ranked among the reference's own runs: each is changed, and asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roadworthy.monitoring.precedent import Precedent

_Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Own:
    """How the reference's own runs, as long as a window to come, differ from it.

    Attributes
    ----------
    differences
        Of each run's shares, as large as a window's would be, shape (runs, points).
    shares
        Those of the whole reference, shape (points,).
    size
        Takes differences of shape (runs, points), gives the distance of each: (runs,).
    error, step
        As of a `Precedent`.
    """

    differences: _Floats
    shares: _Floats
    size: Callable[[_Floats], _Floats]
    error: float = 1.0
    step: int = 1

    @property
    def precedent(self) -> Precedent:
        """How far the runs are from the reference, for a window that is not there yet."""
        return Precedent(0.0, self.size(self.differences) / self.error, self.step, self.error)

    def beyond(self, change: Callable[[_Floats], _Floats], distance: float) -> float:
        """Return how many of the runs, were they changed so, would be at least so far from the reference: a share.

        Parameters
        ----------
        change
            Takes runs' shares, gives what they become, both of shape (runs, points).
        distance
            As `size` measures it.

        Examples
        --------
        >>> own = Own(np.array([[0.01], [-0.02]]), np.array([0.5]), lambda differences: np.abs(differences).max(axis=1))
        >>> own.beyond(lambda shares: shares + 0.1, 0.09)
        0.5
        """
        changed = change(self.shares + self.differences) - self.shares
        return float((self.size(changed) >= distance).mean())
