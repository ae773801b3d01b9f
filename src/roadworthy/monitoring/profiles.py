"""Profiles of tables: what each column holds, small and mergeable, without the rows. The only place that knows whylogs.

A profile is a genuine whylogs profile and its bytes are whylogs' own, but our columns are built here: a whole
column at a time, and right where whylogs' logging is not (missing strings, categories, booleans and numbers that
may be missing, times, infinities, unusual text). A time is profiled as a number, seconds since 1970. Frequent
items hold raw strings: leave identifiers and whatever must not be stored out of the frame.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import whylogs_sketching as sketches
from numpy.typing import NDArray
from pandas.api import types as dtypes

from roadworthy.errors import MonitoringError
from roadworthy.records import now

np.unicode_ = np.str_  # type: ignore[attr-defined]  # numpy 2 dropped the name; whylogs' own `why.log` still uses it

from whylogs.core.metrics.column_metrics import ColumnCountsMetric, TypeCountersMetric  # noqa: E402  (after the mend)
from whylogs.core.metrics.metrics import (  # noqa: E402
    CardinalityMetric,
    DistributionMetric,
    FrequentItemsMetric,
    MetricConfig,
)
from whylogs.core.view.column_profile_view import ColumnProfileView  # noqa: E402
from whylogs.core.view.dataset_profile_view import DatasetProfileView  # noqa: E402

logging.getLogger("whylogs").setLevel(logging.ERROR)  # its warnings speak of its own internals

Kind = Literal["numeric", "categorical", "empty", "unreadable"]
_Series = pd.Series  # of anything
_Floats = NDArray[np.float64]

_LONGEST_ITEM = 128  # characters; whylogs' own limit
_CONFIG = MetricConfig(
    kll_k_large=2048,  # the sketch is random: at 1,024 a distance comes out differently by 0.001 from the same rows
    fi_lg_max_k=12,  # up to 3,072 categories exactly
    max_frequent_item_size=_LONGEST_ITEM,
)
_NORMAL_99 = 2.576
_BOUND_DEVIATIONS = 2


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
    kind
        ``numeric`` (numbers and times), ``categorical`` (text and booleans), ``empty`` (every value is missing) or
        ``unreadable`` (values that could not be profiled).
    """

    def __init__(self, name: str, view: ColumnProfileView) -> None:
        self.name = name
        counts, types = view.get_metric("counts"), view.get_metric("types")
        self.n = int(counts.n.value)
        self.missing = int(counts.null.value + counts.inf.value)
        self.kind = _kind_of(types, view)
        self._kll = view.get_metric("distribution").kll.value if self.kind == "numeric" else None
        self._items = view.get_metric("frequent_items").frequent_strings.value if self.kind == "categorical" else None
        cardinality = view.get_metric("cardinality")
        self._hll = cardinality.hll.value if cardinality else sketches.hll_sketch(_CONFIG.hll_lg_k)

    @property
    def values(self) -> int:
        """Rows that have a usable value."""
        return self.n - self.missing

    @property
    def rank_error(self) -> float:
        """Standard deviation of ``cdf``'s error from sketching, 0 while the sketch still holds every value.

        The sketch states the error that 99 of 100 stay below (Karnin, Lang and Liberty, Optimal quantile
        approximation in streams, 2016); measured errors are about half as large.
        """
        kll = self._numeric()
        return float(kll.normalized_rank_error(False)) / _NORMAL_99 if kll.is_estimation_mode() else 0.0

    def quantiles(self, shares: Sequence[float] | _Floats) -> _Floats:
        """Return the values below which the given shares of a numeric column lie, shape (shares,)."""
        return np.asarray(self._numeric().get_quantiles([float(share) for share in shares]), dtype=np.float64)

    def cdf(self, points: _Floats, *, inclusive: bool = True) -> _Floats:
        """Return the share of values at or below (``inclusive``), else below, each of the increasing points."""
        if len(points) == 0:
            return np.array([], dtype=np.float64)
        return np.asarray(self._numeric().get_cdf(points.tolist(), inclusive)[:-1], dtype=np.float64)

    def counts(self) -> dict[str, Count]:
        """Return the categories the profile remembers, the most frequent first; text beyond 128 characters is cut."""
        found = self._categories().get_frequent_items(sketches.frequent_items_error_type.NO_FALSE_NEGATIVES)
        return {item: Count(lower, upper) for item, _, lower, upper in found}

    @property
    def most_of_a_forgotten_category(self) -> int:
        """How often a category that `counts` does not name can have come; 0 when it names every category."""
        first = next(iter(self.counts().values()), Count(0, 0))
        return first.upper - first.lower  # the sketch's error is the same for every category

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
        union = sketches.hll_union(_CONFIG.hll_lg_k)
        union.update(self._hll)
        union.update(other._hll)
        return _cardinality(union.get_result(sketches.HLL_8))

    def _numeric(self) -> Any:  # noqa: ANN401  (whylogs-sketching has no types)
        if self._kll is None or self._kll.is_empty():  # an empty sketch asked for quantiles ends the process
            raise MonitoringError(f"{self.name} holds no numbers.", "Ask only numeric columns for quantiles.")
        return self._kll

    def _categories(self) -> Any:  # noqa: ANN401
        if self._items is None:
            raise MonitoringError(f"{self.name} holds no categories.", "Ask only categorical columns for counts.")
        return self._items


class Profile:
    """A profile of a table; see the module.

    Examples
    --------
    >>> morning = Profile.of(pd.DataFrame({"temp": [39.0, 41.5, None], "origin": ["JFK", "EWR", "JFK"]}))
    >>> evening = Profile.of(pd.DataFrame({"temp": [55.0], "origin": ["LGA"]}))
    >>> day = morning.merge(evening)
    >>> day.rows, day.column("temp").missing, sorted(day.column("origin").counts())
    (4, 1, ['EWR', 'JFK', 'LGA'])
    """

    def __init__(self, view: DatasetProfileView) -> None:
        self.view = view

    @classmethod
    def of(cls, frame: pd.DataFrame) -> Profile:
        """Profile the rows of a frame.

        Raises
        ------
        MonitoringError
            When two columns have the same name.
        """
        names = [str(name) for name in frame.columns]
        for name in names:
            if names.count(name) > 1:
                raise MonitoringError(f"Two columns are called {name!r}.", "Rename one of them.")
        columns = {name: _column(frame.iloc[:, position]) for position, name in enumerate(names)}
        at = now()
        return cls(DatasetProfileView(columns=columns, dataset_timestamp=at, creation_timestamp=at))

    @classmethod
    def merged(cls, profiles: Sequence[Profile]) -> Profile:
        """Return the profile of all the rows of several profiles."""
        return reduce(Profile.merge, profiles, cls.of(pd.DataFrame()))

    @classmethod
    def from_bytes(cls, content: bytes) -> Profile:
        """Read a profile from its bytes, ours or another writer's.

        Raises
        ------
        MonitoringError
            When the bytes are not a whylogs profile.
        """
        try:
            return cls(DatasetProfileView.deserialize(content))
        except Exception as error:  # whylogs, protobuf and the sketches each raise kinds of their own on bad bytes
            raise MonitoringError(
                f"This is not a readable whylogs profile: {error}.", "Make the profile again from its rows."
            ) from error

    @classmethod
    def read(cls, path: Path) -> Profile:
        """Read a profile from a file; raise MonitoringError when it is missing or not a profile."""
        try:
            return cls.from_bytes(path.read_bytes())
        except OSError as error:
            raise MonitoringError(
                f"The profile {path} cannot be read: {error.strerror}.", "Make the profile again from its rows."
            ) from error

    def to_bytes(self) -> bytes:
        """Return the profile as whylogs writes it."""
        content: bytes = self.view.serialize()
        return content

    def write(self, path: Path) -> None:
        """Write the profile to a file that ``whylogs.DatasetProfileView.read`` reads too."""
        path.write_bytes(self.to_bytes())

    def merge(self, other: Profile) -> Profile:
        """Return the profile of the rows of both; neither is changed."""
        return Profile(self.view.merge(other.view))

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns, sorted."""
        return tuple(sorted(self.view.get_columns()))

    @property
    def rows(self) -> int:
        """Number of rows."""
        return max((int(c.get_metric("counts").n.value) for c in self.view.get_columns().values()), default=0)

    def column(self, name: str) -> ColumnSummary:
        """Return what is known of a column; one that the profile does not have is empty, with 0 rows."""
        return ColumnSummary(name, self.view.get_column(name) or _unreadable(0, 0))


def _kind_of(types: TypeCountersMetric, view: ColumnProfileView) -> Kind:
    if types.object.value:
        return "unreadable"
    if types.string.value + types.boolean.value and view.get_metric("frequent_items"):
        return "categorical"
    return "numeric" if view.get_metric("distribution") and view.get_metric("distribution").n else "empty"


def _cardinality(hll: Any) -> Cardinality:  # noqa: ANN401  (whylogs-sketching has no types)
    low, high = hll.get_lower_bound(_BOUND_DEVIATIONS), hll.get_upper_bound(_BOUND_DEVIATIONS)
    return Cardinality(float(hll.get_estimate()), float(low), float(high))


# --- building columns ----------------------------------------------------------------------------------------------


def _column(series: _Series) -> ColumnProfileView:
    try:
        if isinstance(series.dtype, pd.CategoricalDtype):
            series = series.astype(object)
        return _builder(series)(series)
    except Exception:  # a column may hold anything, and must not spoil the others
        return _unreadable(len(series), int(series.isna().sum()))


def _builder(series: _Series) -> Callable[[_Series], ColumnProfileView]:
    """Return the function that profiles such a column, by its dtype or, when that says nothing, by its content."""
    if dtypes.is_object_dtype(series.dtype):
        return _BY_CONTENT.get(dtypes.infer_dtype(series, skipna=True), _texts)
    return next((build for fits, build in _BY_DTYPE if fits(series.dtype)), _texts)


def _integers(series: _Series) -> ColumnProfileView:
    return _distribution(_as_floats(series), "integral")


def _numbers(series: _Series) -> ColumnProfileView:
    return _distribution(_as_floats(series), "fractional")


def _times(series: _Series) -> ColumnProfileView:
    """A time counts as a number: seconds since 1970."""
    moments = pd.to_datetime(series, utc=True).dt.tz_localize(None).astype("datetime64[us]").to_numpy()
    seconds = np.where(np.isnat(moments), np.nan, moments.astype(np.int64) / 1e6)
    return _distribution(seconds, "fractional")


def _durations(series: _Series) -> ColumnProfileView:
    return _distribution(_as_floats(series.dt.total_seconds()), "fractional")


def _as_floats(series: _Series) -> _Floats:
    if dtypes.is_object_dtype(series.dtype):
        series = series.mask(series.isna(), np.nan)
        return np.asarray(series.to_numpy(), dtype=np.float64)
    return np.asarray(series.to_numpy(dtype=np.float64, na_value=np.nan))


def _distribution(values: _Floats, type_name: str) -> ColumnProfileView:
    """Profile numbers; a missing one is not a number (NaN) in ``values``, shape (rows,)."""
    missing, infinite = np.isnan(values), np.isinf(values)
    finite = np.ascontiguousarray(values[~(missing | infinite)])
    distribution, cardinality = DistributionMetric.zero(_CONFIG), CardinalityMetric.zero(_CONFIG)
    if len(finite):
        distribution.kll.value.update(array=finite)
        distribution.mean.set(float(finite.mean()))
        distribution.m2.set(float(np.square(finite - finite.mean()).sum()))
        cardinality.hll.value.update_np(finite)
    counts = _counts(len(values), int(missing.sum()))
    counts.nan.set(int(missing.sum()))
    counts.inf.set(int(infinite.sum()))
    return _view(counts, type_name, len(values) - int(missing.sum()), distribution, cardinality)


def _booleans(series: _Series) -> ColumnProfileView:
    missing = int(series.isna().sum())
    true = int(series.dropna().astype(bool).sum())
    present = len(series) - missing
    found = {"True": true, "False": present - true}
    cardinality, items = _categories({name: count for name, count in found.items() if count})
    counts = _counts(len(series), missing)
    counts.true.set(true)
    return _view(counts, "boolean", present, cardinality, items)


def _texts(series: _Series) -> ColumnProfileView:
    present = series[series.notna()]
    if dtypes.is_object_dtype(present.dtype):
        present = present.map(_text)
    found = {str(text): int(count) for text, count in present.value_counts().items()}
    cardinality, items = _categories(found)
    return _view(_counts(len(series), len(series) - len(present)), "string", len(present), cardinality, items)


_BY_DTYPE: tuple[tuple[Callable[[Any], bool], Callable[[_Series], ColumnProfileView]], ...] = (
    (dtypes.is_bool_dtype, _booleans),
    (dtypes.is_integer_dtype, _integers),
    (dtypes.is_numeric_dtype, _numbers),
    (dtypes.is_datetime64_any_dtype, _times),
    (dtypes.is_timedelta64_dtype, _durations),
)
_BY_CONTENT = {
    "boolean": _booleans,
    "integer": _integers,
    "floating": _numbers,
    "mixed-integer-float": _numbers,
    "decimal": _numbers,
    "datetime": _times,
    "datetime64": _times,
    "date": _times,
}


def _text(value: object) -> str:
    """Return any value as text that fits a file: lone surrogates do not."""
    return str(value).encode("utf-8", "backslashreplace").decode()


def _categories(found: dict[str, int]) -> tuple[CardinalityMetric, FrequentItemsMetric]:
    cardinality, items = CardinalityMetric.zero(_CONFIG), FrequentItemsMetric.zero(_CONFIG)
    cardinality.hll.value.update_str_list(list(found))
    update = items.frequent_strings.value.update
    for text, count in found.items():
        update(text[:_LONGEST_ITEM], count)
    return cardinality, items


def _unreadable(rows: int, missing: int) -> ColumnProfileView:
    return _view(_counts(rows, missing), "object", rows - missing)


def _counts(rows: int, missing: int) -> ColumnCountsMetric:
    counts = ColumnCountsMetric.zero(_CONFIG)
    counts.n.set(rows)
    counts.null.set(missing)
    return counts


def _view(counts: ColumnCountsMetric, type_name: str, present: int, *others: Any) -> ColumnProfileView:  # noqa: ANN401
    types = TypeCountersMetric.zero(_CONFIG)
    getattr(types, type_name).set(present)
    return ColumnProfileView({metric.namespace: metric for metric in (counts, types, *others)})
