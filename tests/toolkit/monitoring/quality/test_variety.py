"""Distinct values against as many rows of before: exactly by rarefaction, and by simulation."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd
import pytest

from roadworthy.config import QualityPolicy
from roadworthy.monitoring.drift import Fact
from roadworthy.monitoring.profiles import Profile
from roadworthy.monitoring.quality.variety import rarefied, variety
from roadworthy.monitoring.slices import Sliced

POLICY = QualityPolicy()


def _weighed(before: Sliced, after: Sliced) -> Fact | None:
    return variety(before.column("x"), after.column("x"), POLICY, 1)


def _profile(values: np.ndarray) -> Profile:
    return Profile.of(pd.DataFrame({"x": values.astype(str)}))


def _drawn(rng: np.random.Generator, rows: int, values: int = 50) -> np.ndarray:
    """Draw from a long tail."""
    shares = 1 / np.arange(1, values + 1)
    return rng.choice(values, rows, p=shares / shares.sum())


@pytest.mark.parametrize("rows", [1, 2, 4, 6, 7])
def test_rarefaction_is_the_mean_over_all_samples(rows: int) -> None:
    population = [0, 0, 0, 1, 1, 2, 3]
    counts = np.bincount(population).astype(float).tolist()
    distinct = [len({population[place] for place in sample}) for sample in combinations(range(7), rows)]
    mean, variance = rarefied(counts, rows)
    assert mean == pytest.approx(np.mean(distinct))
    assert variance >= np.var(distinct) - 1e-12


@pytest.mark.parametrize(("reference", "window"), [(5000, 500), (800, 4000)])
def test_chance_is_rarely_taken_for_a_change_and_a_change_is_found(reference: int, window: int) -> None:
    rng = np.random.default_rng(4)
    alarms = found = 0
    for _ in range(40):
        before = Sliced(_profile(_drawn(rng, reference)))
        same = _weighed(before, Sliced(_profile(_drawn(rng, window))))
        fewer = _weighed(before, Sliced(_profile(_drawn(rng, window, values=30))))
        assert same is not None
        assert fewer is not None
        alarms += same.evidence.p_value <= 0.01
        found += fewer.evidence.p_value <= 0.01 and fewer.evidence.effect >= POLICY.cardinality
    assert alarms <= 2
    assert found >= 38


def test_bursts_of_one_value_are_no_loss_of_variety() -> None:
    """Days of few customers each: a day has fewer distinct values than as many rows of the month."""
    rng = np.random.default_rng(5)

    def day() -> Profile:
        return _profile(rng.choice(rng.choice(200, 12), 400))

    before = Sliced.merged([day() for _ in range(60)])
    p_values = []
    for _ in range(20):
        one = day()
        fact = _weighed(before, Sliced(one, (one,)))
        assert fact is not None
        p_values.append(fact.evidence.p_value)
    assert min(p_values) > 0.01
    independent = _weighed(Sliced(before.whole), Sliced(day()))
    assert independent is not None
    assert independent.evidence.p_value < 1e-6  # what a rule for independent rows makes of it


def test_what_is_too_much_to_name_is_held_against_what_a_curve_can_do() -> None:
    ids = np.arange(20_000)
    before = Sliced(_profile(ids))
    anew = _weighed(before, Sliced(_profile(ids[:5000] + 20_000)))
    assert anew is not None
    assert anew.evidence.effect < 0.05  # ids are ever new, and are so again
    few = _weighed(before, Sliced(_profile(ids[:5000] % 40)))
    assert few is not None
    assert (few.measure, few.kind) == ("distinct values", "cardinality")
    assert few.evidence.effect > 0.9
    assert few.evidence.p_value < 1e-9
    assert few.evidence.headline == "x has fewer distinct values"


def test_of_more_values_than_a_sketch_names_chance_is_rarely_taken_for_a_change() -> None:
    rng = np.random.default_rng(6)
    alarms = found = 0
    for _ in range(30):
        values = 8000 if rng.random() < 0.5 else 4000
        before, same = (Sliced(_profile(rng.integers(0, values, 40_000))) for _ in range(2))
        fewer = Sliced(_profile(rng.integers(0, values // 2, 40_000)))
        unchanged, changed = _weighed(before, same), _weighed(before, fewer)
        assert unchanged is not None
        assert changed is not None
        assert unchanged.measure == "distinct values"
        alarms += unchanged.evidence.p_value <= 0.01
        found += changed.evidence.p_value <= 0.01 and changed.evidence.effect >= POLICY.cardinality
    assert alarms <= 1
    assert found == 30


def test_numbers_have_no_variety() -> None:
    numbers = Sliced(Profile.of(pd.DataFrame({"x": [1.0, 2.0]})))
    assert _weighed(numbers, numbers) is None
