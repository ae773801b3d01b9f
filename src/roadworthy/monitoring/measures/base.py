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
from roadworthy.monitoring.precedent import Precedent
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
        What the reference's own runs show; None where that is not looked at.
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


def detectable_beyond(precedent: Precedent, asked: float) -> float:
    """Return the least effect that strays from precedent four times out of five.

    Parameters
    ----------
    precedent
        Of one column.
    asked
        How many standard errors it must stray, from `Precedents.asked`.

    Notes
    -----
    The difference of two shares has a standard error of at most half of what is counted as one.
    """
    return min((asked + NORMAL_POWER / 2) * precedent.error, 1.0)


def harmonic(first: float, second: float) -> float:
    """Return the rows of one sample that say as much as two samples held against each other, at least 1.

    Examples
    --------
    >>> harmonic(2000, 2000)
    1000.0
    """
    return max(first * second / (first + second), 1.0) if first + second > 0 else 1.0
