"""What a measure is, and what it finds."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy import special

from roadworthy.contract import Column
from roadworthy.monitoring.profiles import ColumnSummary
from roadworthy.monitoring.slices import SlicedColumn
from roadworthy.records import Bar, ReadingKind

Floats = NDArray[np.float64]

POWER = 0.8  # with which an effect is called detectable: four times out of five
CONFIDENCE = 0.95  # of an effect's interval
NORMAL_95 = -float(special.ndtri((1 - CONFIDENCE) / 2))
NORMAL_POWER = -float(special.ndtri(1 - POWER))


def _always(level: float) -> float:
    return 0.0


@dataclass(frozen=True)
class Precedent:
    """How far the reference's own runs, as long as the window, differ from it.

    Attributes
    ----------
    own
        Probability by chance of the window's difference, as seen at the points where runs are looked at.
    runs
        The same of each run, of shape (runs,).
    careful
        Makes of such a probability the p-value that the measure tells (`DesignEffect.careful`).
    """

    own: float
    runs: Floats
    careful: Callable[[float], float]


def chance_among_runs(as_far: NDArray[np.bool_]) -> Floats:
    """Return the chance that a window which is like the reference's own runs is as far from it as seen.

    Window and runs being alike, each is the furthest as often as another: ``(k + 1) / (runs + 1)`` where k runs are as
    far (Phipson and Smyth, Permutation p-values should never be zero, 2010). Where none is, 0: the runs say nothing
    against it, and with few runs a chance that is never below ``1 / (runs + 1)`` would find nothing ever.

    Parameters
    ----------
    as_far
        Whether each run is, of shape (..., runs), at least one.

    Examples
    --------
    >>> chance_among_runs(np.array([[False] * 63, [True] + [False] * 62])).round(3).tolist()
    [0.0, 0.031]
    """
    found = as_far.sum(axis=-1)
    chances: Floats = np.where(found > 0, (found + 1) / (as_far.shape[-1] + 1), 0.0)
    return chances


@dataclass(frozen=True)
class Evidence:
    """What a measure found.

    In words: ``headline`` for a change that counts, ``subject`` for what was looked at, ``fact`` for the figures.

    Attributes
    ----------
    effect, effect_low, effect_high
        Size of the change, with its 95 % interval.
    effective_n_reference, effective_n
        Independent rows that the rows of each side are worth, after their likeness within slices and the sketches'
        own error.
    detectable
        Given the chance of a false alarm that the test may take, the least effect that such a test finds four times
        out of five.
    precedent
        What the reference's own runs show, where it is sliced.
    """

    statistic: float
    effect: float
    effect_low: float
    effect_high: float
    p_value: float
    n_reference: int
    n_window: int
    effective_n_reference: float
    effective_n: float
    subject: str
    headline: str
    fact: str
    detectable: Callable[[float], float] = _always
    precedent: Precedent | None = None
    bars: tuple[Bar, ...] = ()


class Measure(ABC):
    """Weighs one kind of change.

    Attributes
    ----------
    name
        The test's standard name.
    kind
        ``feature`` for the values' distribution, ``missing`` for missing values, ``unseen`` for unseen categories,
        ``type`` for values of another kind.
    """

    name: ClassVar[str]
    kind: ClassVar[ReadingKind] = "feature"

    @abstractmethod
    def applies(self, reference: ColumnSummary, window: ColumnSummary) -> bool:
        """Return whether this measure has something to say about such a column."""

    @abstractmethod
    def weigh(self, reference: SlicedColumn, window: SlicedColumn, column: Column) -> Evidence:
        """Weigh the change of a column that the measure applies to."""


def harmonic(first: float, second: float) -> float:
    """Return the rows of one sample that say as much as two samples held against each other, at least 1.

    Examples
    --------
    >>> harmonic(2000, 2000)
    1000.0
    """
    return max(first * second / (first + second), 1.0) if first + second > 0 else 1.0
