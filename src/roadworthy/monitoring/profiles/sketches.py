"""The sketches of a column, built from all of its values at once, in the form that whylogs reads and merges.

Values that are sorted, or counted, already say what a sketch would find out one value at a time. So a sketch is laid
out from them as DataSketches itself stores it, and handed to DataSketches. That is several times as fast as feeding
it, more exact, and the same at every run.
"""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import whylogs_sketching as sketches
from numpy.typing import NDArray
from whylogs.core.metrics.column_metrics import ColumnCountsMetric, TypeCountersMetric
from whylogs.core.metrics.metric_components import (
    FractionalComponent,
    FrequentStringsComponent,
    HllComponent,
    IntegralComponent,
    KllComponent,
    MaxIntegralComponent,
    MinIntegralComponent,
)
from whylogs.core.metrics.metrics import (
    CardinalityMetric,
    DistributionMetric,
    FrequentItemsMetric,
    IntsMetric,
)
from whylogs.core.view.column_profile_view import ColumnProfileView
from whylogs.core.view.dataset_profile_view import DatasetProfileView

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

HLL_LG_K = 12  # as whylogs; an estimate of distinct values is off by 1.6 % as a standard deviation
_KLL_K = 2048  # the sketch is random when merged: at 1,024 a distance comes out differently by 0.001 from the same rows
_KLL_HEAD = 24  # bytes before the levels
_KLL_SINGLE = 4  # flag of a sketch of one value, which has none
_KLL_LEAST = 8  # the fewest values that a level of the sketch has room for
_TEXT_LG_MAP = 12  # up to 3,072 categories exactly
_INTEGER_LG_MAP = 10  # up to 768 integers exactly, as whylogs
_LONGEST_ITEM = 128  # characters; whylogs' own limit
_LARGEST_INTEGER = 2**63 - 1
_EXACT_AS_FLOAT = 2**53


class Tally(NamedTuple):
    """Distinct numbers, increasing, and how often each came (once when None); both of shape (distinct,)."""

    values: Floats
    counts: Integers | None = None


# --- distribution --------------------------------------------------------------------------------------------------


def distribution(numbers: Tally) -> DistributionMetric:
    """Return the metric of finite numbers' quantiles, mean and sum of squared deviations."""
    mean, squares = _moments(numbers)
    return DistributionMetric(
        kll=KllComponent(_kll(numbers)), mean=FractionalComponent(mean), m2=FractionalComponent(squares)
    )


def _moments(numbers: Tally) -> tuple[float, float]:
    """Return the mean and the sum of squared deviations from it; a sum beyond what a float holds is infinite."""
    values, counts = numbers
    if not len(values):
        return 0.0, 0.0
    with np.errstate(over="ignore"):
        n = len(values) if counts is None else counts.sum()
        mean = float((values if counts is None else values * counts).sum() / n)
        if not np.isfinite(mean):
            mean = float((values / n if counts is None else values * (counts / n)).sum())
        deviations = values - mean
        return mean, float((deviations**2).sum() if counts is None else (deviations**2 * counts).sum())


def let_moments_overflow(profile: DatasetProfileView) -> None:
    """Make the columns' means such that a square too large becomes infinite and ends nothing."""
    for column in profile.get_columns().values():
        if metric := column.get_metric("distribution"):
            metric.mean.set(np.float64(metric.mean.value))


def _kll(numbers: Tally) -> Any:  # noqa: ANN401  (whylogs-sketching has no types)
    """Return a quantiles sketch (Karnin, Lang and Liberty, Optimal quantile approximation in streams, 2016).

    From its height on, such a sketch keeps every 2**height-th value in order, each with that weight. Here the sorted
    values are cut into blocks of that length and the one in the middle of each is kept, so that a rank is off by at
    most half a block; what remains behind the last whole block goes to the levels below by its binary digits.
    """
    values, counts = numbers
    ends = None if counts is None else np.cumsum(counts)
    n = len(values) if ends is None else int(ends[-1]) if len(ends) else 0
    if n <= _KLL_K:
        sketch = sketches.kll_doubles_sketch(_KLL_K)
        if n:
            sketch.update(array=values if counts is None else np.repeat(values, counts))
        return sketch
    height = ((n - 1) // _KLL_K).bit_length()
    places, sizes = _kept(n, height)
    kept = values[places] if ends is None else values[np.searchsorted(ends, places, side="right")]
    capacity = sum(_room(height - level) for level in range(height + 1))
    starts = capacity - len(places) + np.concatenate([[0], np.cumsum(sizes)[:-1]])
    head = struct.pack("<BBBBHBBQHBBxxxx", 6, 1, 15, 0, _KLL_K, _KLL_LEAST, 0, n, _KLL_K, height + 1, 0)
    ends_of_range = np.array([values[0], values[-1]])
    return sketches.kll_doubles_sketch.deserialize(
        head + starts.astype("<u4").tobytes() + ends_of_range.astype("<f8").tobytes() + kept.astype("<f8").tobytes()
    )


def _kept(n: int, height: int) -> tuple[Integers, list[int]]:
    """Return the places, among n sorted values, of those to keep, lowest level first, and how many each level has."""
    block = 1 << height
    start = n >> height << height
    top = np.arange(block // 2, start, block, dtype=np.int64)
    levels: list[list[int]] = []
    for level in reversed(range(height)):
        size = n & (1 << level)
        levels.append([start + size // 2] if size else [])
        start += size
    lower = [place for places in reversed(levels) for place in places]
    sizes = [len(places) for places in reversed(levels)]
    return np.concatenate([np.array(lower, dtype=np.int64), top]), [*sizes, len(top)]


def _room(depth: int) -> int:
    """Return how many values a level has room for, ``depth`` levels below the top: two thirds of the one above."""
    return max(_KLL_LEAST, ((_KLL_K << depth + 1) // int(3**depth) + 1) >> 1)


class Ranked(NamedTuple):
    """The values that a quantiles sketch keeps, increasing, and how many rows come before each; then all rows.

    ``values`` has the shape (kept,), ``before`` (kept + 1,); the smallest and the largest of all values need not be
    among those kept.
    """

    values: Floats
    before: Integers
    smallest: float
    largest: float

    def quantiles(self, shares: Floats) -> Floats:
        """Return the values below which the shares lie, as DataSketches does; shape (shares,)."""
        places = np.searchsorted(self.before[:-1], np.floor(shares * self.before[-1]))
        found: Floats = self.values[np.minimum(places, len(self.values) - 1)]
        found[shares <= 0], found[shares >= 1] = self.smallest, self.largest
        return found

    def cdf(self, points: Floats, *, inclusive: bool) -> Floats:
        """Return the share of rows at or below (``inclusive``), else below, each point; shape (points,)."""
        places = np.searchsorted(self.values, points, side="right" if inclusive else "left")
        shares: Floats = self.before[places] / self.before[-1]
        return shares


def ranked(kll: Any) -> Ranked:  # noqa: ANN401  (whylogs-sketching has no types)
    """Read a quantiles sketch that is not empty; asked for a thousand quantiles at once it is several times as fast."""
    raw = kll.serialize()
    if raw[3] & _KLL_SINGLE:
        only = np.frombuffer(raw, "<f8", 1, 8)
        return Ranked(only, np.array([0, 1]), only[0], only[0])
    levels = raw[18]
    starts = np.frombuffer(raw, "<u4", levels, _KLL_HEAD)
    numbers = np.frombuffer(raw, "<f8", -1, _KLL_HEAD + 4 * levels)
    smallest, largest, kept = numbers[0], numbers[1], numbers[2:]
    weights = np.repeat(np.int64(1) << np.arange(levels), np.diff(starts, append=starts[:1] + len(kept)))
    order = np.argsort(kept, kind="stable")
    return Ranked(kept[order], np.concatenate([[0], np.cumsum(weights[order])]), smallest, largest)


# --- distinct values -----------------------------------------------------------------------------------------------


def cardinality_of_numbers(values: Floats) -> CardinalityMetric:
    """Return the metric of how many distinct numbers there are; each may come several times."""
    hll = sketches.hll_sketch(HLL_LG_K)
    hll.update_np(values)
    return CardinalityMetric(HllComponent(hll))


def cardinality_of_integers(values: NDArray[Any]) -> CardinalityMetric:
    """Return the metric of how many distinct integers there are.

    An integer counts as the same value as the equal float, since a column of integers becomes one of floats when a
    value is missing; one too large to be told from its neighbours as a float counts as itself.
    """
    metric = CardinalityMetric(HllComponent(sketches.hll_sketch(HLL_LG_K)))
    large = (values > _EXACT_AS_FLOAT) | (values < -_EXACT_AS_FLOAT)
    metric.hll.value.update_np(values[~large].astype(np.float64))
    metric.hll.value.update_np(values[large].astype(np.int64))  # an unsigned one by its bits, as one is like no other
    return metric


def cardinality_of_texts(texts: pa.Array) -> CardinalityMetric:
    """Return the metric of how many distinct texts there are."""
    hll = sketches.hll_sketch(HLL_LG_K)
    hll.update_str_list(texts.to_pylist())
    return CardinalityMetric(HllComponent(hll))


def cardinality_of_truths(counts: dict[bool, int]) -> CardinalityMetric:
    """Return the metric of a column of truth values, which whylogs counts as 1 and 0."""
    hll = sketches.hll_sketch(HLL_LG_K)
    hll.update_int_list([int(truth) for truth, count in counts.items() if count])
    return CardinalityMetric(HllComponent(hll))


# --- frequent items ------------------------------------------------------------------------------------------------


def frequent_texts(texts: pa.Array, counts: Integers) -> FrequentItemsMetric:
    """Return the metric of distinct texts and their counts; a text beyond 128 characters is cut."""
    if len(texts) and pc.max(pc.utf8_length(texts)).as_py() > _LONGEST_ITEM:
        cut: dict[str, int] = {}
        for text, count in zip(texts.to_pylist(), counts.tolist(), strict=True):
            cut[text[:_LONGEST_ITEM]] = cut.get(text[:_LONGEST_ITEM], 0) + count
        texts, counts = pa.array(cut, pa.large_string()), np.fromiter(cut.values(), np.int64, len(cut))
    places, forgotten = _most_frequent(counts, _TEXT_LG_MAP)
    return _frequent(
        texts.take(pa.array(places)).to_pylist(), counts[places], int(counts.sum()), forgotten, _TEXT_LG_MAP
    )


def frequent_integers(values: NDArray[Any], counts: Integers) -> FrequentItemsMetric:
    """Return the metric of distinct integers and their counts."""
    places, forgotten = _most_frequent(counts, _INTEGER_LG_MAP)
    texts = [str(value) for value in values[places].tolist()]
    return _frequent(texts, counts[places], int(counts.sum()), forgotten, _INTEGER_LG_MAP)


def _most_frequent(counts: Integers, lg_map: int) -> tuple[Integers, int]:
    """Return the places of the items to remember, and the largest count among those to forget.

    When there are more than fit, half as many are remembered, as DataSketches does, so that a merge finds room. An
    item no more frequent than a forgotten one is forgotten too: a column of identifiers leaves next to none of them
    in its profile. One has to stay, as DataSketches writes a sketch without items as one of no rows.
    """
    most = 3 << lg_map - 2  # of a map of that size three quarters are used
    if len(counts) <= most:
        return np.arange(len(counts)), 0
    forgotten = int(np.partition(counts, -most // 2 - 1)[-most // 2 - 1])
    places = np.flatnonzero(counts > forgotten)
    return (places if len(places) else np.array([int(np.argmax(counts))])), forgotten


def _frequent(texts: list[str], counts: Integers, total: int, forgotten: int, lg_map: int) -> FrequentItemsMetric:
    """Return a sketch of items (Anderson et al., A high-performance algorithm for identifying frequent items, 2017).

    As where DataSketches had seen the items one by one and forgotten some, what is known of a count is that it is
    at most the one given and at least that less ``forgotten``; an item not named came ``forgotten`` times at most.
    """
    if not texts:
        return FrequentItemsMetric(FrequentStringsComponent(sketches.frequent_strings_sketch(lg_map)), _LONGEST_ITEM)
    lg_current = max(3, (len(texts) * 4 // 3).bit_length())
    head = struct.pack("<8BQQQ", 4, 1, 10, lg_map, min(lg_current, lg_map), 0, 0, 0, len(texts), total, forgotten)
    weights = np.maximum(counts - forgotten, 1)
    encoded = [text.encode() for text in texts]
    items = b"".join(struct.pack("<I", len(text)) + text for text in encoded)
    sketch = sketches.frequent_strings_sketch.deserialize(head + weights.astype("<u8").tobytes() + items)
    return FrequentItemsMetric(FrequentStringsComponent(sketch), _LONGEST_ITEM)


# --- a column ------------------------------------------------------------------------------------------------------


def integers(smallest: int, largest: int) -> IntsMetric:
    """Return the metric of the smallest and the largest integer, held within what whylogs' format holds."""
    low, high = (max(-_LARGEST_INTEGER, min(bound, _LARGEST_INTEGER)) for bound in (smallest, largest))
    return IntsMetric(max=MaxIntegralComponent(high), min=MinIntegralComponent(low))


def view(
    n: int,
    null: int,
    types: dict[str, int],
    *metrics: Any,  # noqa: ANN401  (whylogs is not followed by mypy)
    nan: int = 0,
    inf: int = 0,
    true: int = 0,
) -> ColumnProfileView:
    """Return a column of n rows, ``null`` of them missing (those not a number included)."""
    counts = (IntegralComponent(count) for count in (n, null, nan, inf, true))
    kinds = {kind: IntegralComponent(types.get(kind, 0)) for kind in _TYPES}
    every = (ColumnCountsMetric(**dict(zip(_COUNTS, counts, strict=True))), TypeCountersMetric(**kinds), *metrics)
    return ColumnProfileView({metric.namespace: metric for metric in every})


def unreadable(n: int, null: int) -> ColumnProfileView:
    """Return a column of values that could not be profiled."""
    return view(n, null, {"object": n - null})


_TYPES = ("integral", "fractional", "boolean", "string", "object")
_COUNTS = ("n", "null", "nan", "inf", "true")
