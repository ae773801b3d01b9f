"""What a profile knows of one column: counts, quantiles, categories, distinct values, each with its bounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import whylogs_sketching
from numpy.typing import NDArray
from whylogs.core.metrics.column_metrics import TypeCountersMetric
from whylogs.core.view.column_profile_view import ColumnProfileView

from roadworthy.errors import MonitoringError
from roadworthy.monitoring.profiles.sketches import HLL_LG_K, Ranked, ranked

Kind = Literal["numeric", "categorical", "empty", "unreadable"]
_Floats = NDArray[np.float64]

_NORMAL_99 = 2.576
_BOUND_DEVIATIONS = 2
_TYPES = ("integral", "fractional", "boolean", "string", "object")


@dataclass(frozen=True)
class Count:
    """How often a category came: between ``lower`` and ``upper`` times; equal where the sketch is exact."""

    lower: int
    upper: int


@dataclass(frozen=True)
class Cardinality:
    """Number of distinct values: an estimate and bounds of two standard deviations."""

    estimate: float
    low: float
    high: float


class ColumnSummary:
    """What a profile knows of one column.

    Attributes
    ----------
    name
        The column's name.
    n
        Rows, those with a missing value included.
    missing
        Rows without a usable value: missing, not a number, or infinite.
    infinite, not_a_number
        How many of the missing are infinite, and how many not a number.
    types
        Rows by the type of their value: ``integral``, ``fractional``, ``boolean``, ``string``, and ``object`` for what
        could not be profiled; infinities included, missing values not. Times are fractional.
    kind
        ``numeric`` (numbers and times), ``categorical`` (text and booleans), ``empty`` (every value is missing) or
        ``unreadable`` (values that could not be profiled).
    """

    def __init__(self, name: str, view: ColumnProfileView) -> None:
        self.name = name
        counts, types = view.get_metric("counts"), view.get_metric("types")
        self.n = int(counts.n.value)
        self.infinite = int(counts.inf.value)
        self.missing = int(counts.null.value) + self.infinite
        self.not_a_number = int(counts.nan.value)
        self.types = {name: int(getattr(types, name).value) for name in _TYPES}
        self.kind = _kind_of(types, view)
        self._distribution = view.get_metric("distribution") if self.kind == "numeric" else None
        items = view.get_metric("frequent_items")
        self._items = items.frequent_strings.value if items else None
        cardinality = view.get_metric("cardinality")
        self._hll = cardinality.hll.value if cardinality else whylogs_sketching.hll_sketch(HLL_LG_K)

    @property
    def values(self) -> int:
        """Rows that have a usable value."""
        return self.n - self.missing

    @property
    def mean(self) -> float:
        """Mean of a numeric column."""
        return float(self._numeric().mean.value)

    @property
    def standard_deviation(self) -> float:
        """Standard deviation of a numeric column, of n - 1 degrees of freedom; 0 for a single value."""
        return float(self._numeric().stddev)

    @property
    def minimum(self) -> float:
        """Smallest value of a numeric column."""
        return float(self._sketch().get_min_value())

    @property
    def maximum(self) -> float:
        """Largest value of a numeric column."""
        return float(self._sketch().get_max_value())

    @property
    def rank_error(self) -> float:
        """Standard deviation of ``cdf``'s error from sketching, 0 while the sketch still holds every value.

        The sketch states the error that 99 of 100 stay below (Karnin, Lang and Liberty, Optimal quantile
        approximation in streams, 2016); measured errors are about half as large.
        """
        kll = self._sketch()
        return float(kll.normalized_rank_error(False)) / _NORMAL_99 if kll.is_estimation_mode() else 0.0

    def quantiles(self, shares: Sequence[float] | _Floats) -> _Floats:
        """Return the values below which the given shares of a numeric column lie, shape (shares,)."""
        return self._ranked.quantiles(np.asarray(shares, dtype=np.float64))

    def cdf(self, points: _Floats, *, inclusive: bool = True) -> _Floats:
        """Return the share of values at or below (``inclusive``), else below, each of the increasing points."""
        return self._ranked.cdf(points, inclusive=inclusive)

    def counts(self) -> dict[str, Count]:
        """Return the categories the profile remembers, the most frequent first; text beyond 128 characters is cut.

        A column of integers has them too.
        """
        items, doubt = self._categories(), self._doubt()
        found = items.get_frequent_items(whylogs_sketching.frequent_items_error_type.NO_FALSE_NEGATIVES)
        return {item: Count(lower, lower + doubt) for item, _, lower, _ in found}

    @property
    def most_of_a_forgotten_category(self) -> int:
        """How often a category that `counts` does not name can have come; 0 when it names every category."""
        self._categories()
        return self._doubt()

    @property
    def exact(self) -> bool:
        """Whether `counts` names every category with its exact count."""
        return self.most_of_a_forgotten_category == 0

    @property
    def cardinality(self) -> Cardinality:
        """Number of distinct values."""
        return _cardinality(self._hll)

    def joint_cardinality(self, other: ColumnSummary) -> Cardinality:
        """Return the number of distinct values of both columns together."""
        union = whylogs_sketching.hll_union(HLL_LG_K)
        union.update(self._hll)
        union.update(other._hll)
        return _cardinality(union.get_result(whylogs_sketching.HLL_8))

    @cached_property
    def _ranked(self) -> Ranked:
        return ranked(self._sketch())

    def _numeric(self) -> Any:  # noqa: ANN401  (whylogs is not followed by mypy)
        if self._distribution is None or self._distribution.kll.value.is_empty():
            raise MonitoringError(f"{self.name} holds no numbers.", "Ask only numeric columns for quantiles.")
        return self._distribution

    def _sketch(self) -> Any:  # noqa: ANN401  (whylogs-sketching has no types)
        return self._numeric().kll.value  # never an empty one: asked for quantiles, it ends the process

    def _categories(self) -> Any:  # noqa: ANN401
        if self._items is None or (self.kind == "numeric" and self._items.is_empty()):
            raise MonitoringError(f"{self.name} holds no categories.", "Ask only categorical columns for counts.")
        return self._items

    def _doubt(self) -> int:
        """Return the sketch's error, the same for every item, and the rows that the sketch does not know of."""
        items = self._categories()
        error = items.get_upper_bound("") - items.get_lower_bound("")
        return int(error + max(self.values - items.get_total_weight(), 0))


def _kind_of(types: TypeCountersMetric, view: ColumnProfileView) -> Kind:
    if types.object.value:
        return "unreadable"
    if types.string.value + types.boolean.value and view.get_metric("frequent_items"):
        return "categorical"
    return "numeric" if view.get_metric("distribution") and view.get_metric("distribution").n else "empty"


def _cardinality(hll: Any) -> Cardinality:  # noqa: ANN401  (whylogs-sketching has no types)
    low, high = hll.get_lower_bound(_BOUND_DEVIATIONS), hll.get_upper_bound(_BOUND_DEVIATIONS)
    return Cardinality(float(hll.get_estimate()), float(low), float(high))
