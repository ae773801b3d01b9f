"""The sketches that are laid out say what the values say, as DataSketches' own do, and merge as they do."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import whylogs_sketching
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from roadworthy.monitoring.profiles import sketches
from roadworthy.monitoring.profiles.sketches import Tally

Floats = NDArray[np.float64]


def rank(ordered: Floats, points: Floats) -> Floats:
    return np.searchsorted(ordered, points, side="right") / len(ordered)  # type: ignore[no-any-return, call-overload]


def sketched(kll: Any, points: Floats) -> Floats:  # noqa: ANN401
    return np.array(kll.get_cdf(points.tolist(), True)[:-1])


@settings(deadline=None, max_examples=60)
@given(st.integers(2049, 200_000), st.integers(0, 99), st.sampled_from(["different", "tied", "few"]))
def test_quantiles_are_off_by_half_a_block_at_most(n: int, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    draw = {"different": rng.normal(size=n), "tied": rng.normal(size=n).round(2), "few": rng.integers(0, 3, n) / 2}
    ordered = np.sort(draw[kind])
    kll = sketches.distribution(Tally(ordered)).kll.value
    block = 1 << ((n - 1) // 2048).bit_length()
    points = np.unique(ordered[:: max(n // 500, 1)])
    assert np.abs(sketched(kll, points) - rank(ordered, points)).max() <= block / 2 / n + 1e-12
    assert (kll.get_n(), kll.get_min_value(), kll.get_max_value()) == (n, ordered[0], ordered[-1])
    assert 1024 <= kll.get_num_retained() <= 2048 + block.bit_length()
    again = whylogs_sketching.kll_doubles_sketch.deserialize(kll.serialize())
    assert list(sketched(again, points)) == list(sketched(kll, points))


@pytest.mark.parametrize("n", [3, 2048, 2049, 70_001])
def test_counted_values_give_the_sketch_of_the_values(n: int) -> None:
    ordered = np.sort(np.random.default_rng(0).integers(-3, 40, n).astype(np.float64))
    counted, all_ = (
        sketches.distribution(tally) for tally in (Tally(*np.unique(ordered, return_counts=True)), Tally(ordered))
    )
    assert counted.kll.value.serialize() == all_.kll.value.serialize()
    assert counted.mean.value == pytest.approx(ordered.mean())
    assert (counted.m2.value, all_.m2.value) == pytest.approx((n * ordered.var(),) * 2)


@pytest.mark.parametrize("n", [2049, 5000, 40_000, 3_000_000])
def test_levels_have_the_room_that_datasketches_gives_them(n: int) -> None:
    fed = whylogs_sketching.kll_doubles_sketch(2048)
    fed.update(array=np.arange(float(n)))
    levels, room = (int(re.search(rf"{name}\s+: (\d+)", fed.to_string())[1]) for name in ("Levels", "Capacity items"))  # type: ignore[index]
    assert sum(sketches._room(depth) for depth in range(levels)) == room


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 30_000), min_size=2, max_size=8), st.integers(0, 99))
def test_merged_sketches_stay_within_the_stated_error(sizes: list[int], seed: int) -> None:
    rng = np.random.default_rng(seed)
    drawn = [rng.normal(place, 1, size) for place, size in enumerate(sizes)]
    merged = sketches.distribution(Tally(np.sort(drawn[0])))
    for more in drawn[1:]:
        merged = merged.merge(sketches.distribution(Tally(np.sort(more))))
    ordered = np.sort(np.concatenate(drawn))
    points = np.unique(np.quantile(ordered, np.linspace(0, 1, 99)))
    stated = merged.kll.value.normalized_rank_error(False) if merged.kll.value.is_estimation_mode() else 0.0
    assert np.abs(sketched(merged.kll.value, points) - rank(ordered, points)).max() <= 1.5 * stated + 1e-12
    assert merged.n == len(ordered)
    assert merged.avg == pytest.approx(ordered.mean(), rel=1e-9, abs=1e-9)
    assert merged.stddev == pytest.approx(ordered.std(ddof=1), rel=1e-9)


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.integers(1, 30_000), min_size=1, max_size=4),
    st.sampled_from([1, 10**6]),
    st.sampled_from([128, 1024, 2048]),
    st.booleans(),
)
def test_a_sketch_is_read_as_datasketches_reads_it(sizes: list[int], different: int, k: int, fed: bool) -> None:
    rng = np.random.default_rng(sizes)
    union = whylogs_sketching.kll_doubles_sketch(k)
    for size in sizes:
        values = np.sort(rng.integers(-different, different, size).astype(np.float64))
        part = sketches.distribution(Tally(values)).kll.value
        if fed:
            part = whylogs_sketching.kll_doubles_sketch(k)
            part.update(array=values)
        union.merge(part)
    read = sketches.ranked(union)
    points = np.unique([*read.values[::97], read.smallest - 1, read.smallest, read.largest, read.largest + 1, 0.5])
    shares = np.unique([*np.linspace(0, 1, 99), *(read.before / read.before[-1])[::97]])
    assert (read.smallest, read.largest) == (union.get_min_value(), union.get_max_value())
    assert read.before[-1] == union.get_n()
    assert list(read.quantiles(shares)) == union.get_quantiles(shares.tolist())
    for inclusive in (True, False):
        shares_below = union.get_cdf(points.tolist(), inclusive)[:-1]
        assert list(read.cdf(points, inclusive=inclusive)) == shares_below


def test_moments_of_numbers_as_large_as_there_are() -> None:
    values = np.array([1.0, 1.5, 1.7]) * 1e308
    metric = sketches.distribution(Tally(values))
    assert metric.avg == pytest.approx(1.4e308)
    assert metric.stddev == np.inf
    assert sketches.distribution(Tally(np.array([5.0]))).stddev == 0


def test_distinct_integers_are_counted_whatever_their_size() -> None:
    near = np.arange(3000) + 2**62
    for values in (np.arange(3000), near, -near, near.astype(np.uint64) + np.uint64(2**63)):
        assert sketches.cardinality_of_integers(values).estimate == pytest.approx(3000, rel=0.05)
    union = sketches.cardinality_of_integers(np.arange(3000)).merge(sketches.cardinality_of_numbers(np.arange(3000.0)))
    assert union.estimate == pytest.approx(3000, rel=0.05)  # a column with a gap holds floats


def found(metric: Any) -> dict[str, tuple[int, int]]:  # noqa: ANN401
    items = metric.frequent_strings.value.get_frequent_items(
        whylogs_sketching.frequent_items_error_type.NO_FALSE_NEGATIVES
    )
    return {item: (lower, upper) for item, _, lower, upper in items}


def test_few_texts_are_those_that_datasketches_finds() -> None:
    counts = {f"é{i}": 1 + i % 7 for i in range(3072)}
    fed = whylogs_sketching.frequent_strings_sketch(12)
    for text, count in counts.items():
        fed.update(text, count)
    metric = sketches.frequent_texts(pa.array(counts), np.array(list(counts.values())))
    assert found(metric) == {text: (count, count) for text, count in counts.items()}
    assert metric.frequent_strings.value.get_total_weight() == fed.get_total_weight()
    assert found(metric.merge(metric)) == {text: (2 * count, 2 * count) for text, count in counts.items()}


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 99), st.sampled_from([1.1, 1.4, 2.0]), st.sampled_from([3_000, 12_000]))
def test_counts_of_many_texts_lie_within_their_bounds_and_so_when_merged(seed: int, a: float, different: int) -> None:
    rng = np.random.default_rng(seed)
    parts = [np.unique(rng.zipf(a, 20_000) % different, return_counts=True) for _ in range(2)]
    metrics = [sketches.frequent_integers(*part) for part in parts]
    truth = np.zeros(different, dtype=np.int64)
    for (values, counts), metric in zip(
        [*parts, (np.arange(0), 0)], [*metrics, metrics[0].merge(metrics[1])], strict=True
    ):
        here = np.zeros(different, dtype=np.int64)
        here[values] = counts
        truth += here
        known, sketch = found(metric), metric.frequent_strings.value
        real = here if len(values) else truth
        for value, (lower, upper) in known.items():
            assert lower <= real[int(value)] <= upper
        named = [int(value) for value in known]
        assert np.delete(real, named).max(initial=0) <= sketch.get_upper_bound("") - sketch.get_lower_bound("")
        assert sketch.get_total_weight() == real.sum()


def test_identifiers_leave_next_to_none_of_them() -> None:
    metric = sketches.frequent_texts(pa.array([f"id-{i}" for i in range(5000)]), np.ones(5000, dtype=np.int64))
    assert len(found(metric)) == 1
    assert metric.frequent_strings.value.get_total_weight() == 5000
    again = whylogs_sketching.frequent_strings_sketch.deserialize(metric.frequent_strings.value.serialize())
    assert again.get_upper_bound("another") == 1


def test_texts_that_are_the_same_when_cut_count_together() -> None:
    long = "x" * 128
    metric = sketches.frequent_texts(pa.array([long + "a", long + "b", long, "y"]), np.array([1, 2, 4, 8]))
    assert found(metric) == {long: (7, 7), "y": (8, 8)}


def test_integers_beyond_whylogs_format_are_held_within_it() -> None:
    metric = sketches.integers(0, 2**64 - 1)
    assert (metric.minimum, metric.maximum) == (0, 2**63 - 1)
