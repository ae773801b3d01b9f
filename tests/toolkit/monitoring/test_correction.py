"""How a window's level is shared: by Holm where runs are few, by the rank among the reference's own runs else."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from roadworthy.monitoring.correction import Corrected, holm
from roadworthy.monitoring.precedent import Precedent, Precedents

THRESHOLD = 0.03


@pytest.mark.parametrize("weighted", [False, True])
def test_holms_correction_is_the_closed_test_of_weighted_bonferroni(weighted: bool) -> None:
    rng = np.random.default_rng(17)
    for _ in range(20):
        p_values = rng.uniform(size=6) ** 4
        weights = rng.choice([1.0, 0.1, 0.5], 6) if weighted else np.ones(6)
        closed = np.zeros(6)
        for together in (np.array(bits, bool) for bits in itertools.product([0, 1], repeat=6) if any(bits)):
            of_all = np.min(p_values[together] * weights[together].sum() / weights[together])
            closed[together] = np.maximum(closed[together], min(of_all, 1.0))
        np.testing.assert_allclose(holm(p_values, weights if weighted else None), closed)


def precedents(own: list[float], runs: np.ndarray, step: int = 1) -> Precedents:
    """Columns with the distances of their runs, shape (runs, columns), and one fact that has none."""
    known = [Precedent(one, each, step, 0.01) for one, each in zip(own, runs.T, strict=True)]
    return Precedents.of([*known, None], [THRESHOLD] * (len(own) + 1))


def corrected(known: Precedents, level: float = 0.02, p_values: tuple[float, ...] = (1e-9, 0.5, 1.0)) -> Corrected:
    return Corrected.of(np.array(p_values), np.array([1.0, 1.0, 0.1]), known, level)


RUNS = np.random.default_rng(0).exponential(size=(80, 2)) + 0.5
FURTHEST = float(RUNS.max())


def test_where_there_are_enough_runs_their_ranks_decide() -> None:
    beyond = corrected(precedents([3 * FURTHEST, 1.0], RUNS), p_values=(0.9, 0.9, 1.0))
    assert beyond.adjusted[0] <= 0.02 < beyond.adjusted[1]  # whatever its p-value
    second = float(np.sort(RUNS.max(axis=1))[-2])
    within = corrected(precedents([second * 0.99, 1.0], RUNS), p_values=(1e-12, 1e-12, 1.0))
    assert within.adjusted[0] > 0.02
    assert beyond.ways[0].alone.tolist()[:2] == [1.0, 1.0]
    assert beyond.ranked_among.tolist() == [80, 80, 0]


def test_what_has_no_runs_has_its_part_of_the_level_as_by_holm() -> None:
    known, own = precedents([1.0, 1.0], RUNS), 0.02 * 0.1 / 2.1
    for p_value in (own * 0.99, own * 1.01):
        found = corrected(known, p_values=(1.0, 1.0, p_value))
        assert (found.adjusted[2] <= 0.02) == (p_value < own)
    assert [way.alone[2] for way in found.ways] == pytest.approx([own, own])


def test_what_ranks_leave_of_the_level_goes_to_what_only_one_run_more_is_further_than() -> None:
    order = np.sort(RUNS.max(axis=1))
    over = 0.02 * 2 / 2.1 - 1 / 81
    for place, p_value, is_found in ((-1, over / 2 * 0.99, True), (-1, over / 2 * 1.01, False), (-2, 1e-12, False)):
        runs = RUNS.copy()
        runs[:, 1] = 0.0
        runs[np.argsort(RUNS.max(axis=1)), 0] = order
        known = precedents([float(order[place]) * 0.999999, 0.0], runs)
        assert (corrected(known, p_values=(p_value, 1.0, 1.0)).adjusted[0] <= 0.02) == is_found


def test_both_ways_together_alarm_no_more_than_allowed() -> None:
    rng, windows, level = np.random.default_rng(6), 6000, 0.02
    found = 0
    for _ in range(windows):
        drawn = np.abs(rng.normal(size=(71, 5)))  # one run alone is rarer than allowed, two are not
        known = Precedents.of([Precedent(float(one[0]), one[1:], 1, 0.01) for one in drawn.T], [THRESHOLD] * 5)
        p_values = 2 * stats.norm.sf(drawn[0])
        found += bool((Corrected.of(p_values, np.ones(5), known, level).adjusted <= level).any())
    assert found < windows * level + 3 * (windows * level) ** 0.5
    assert found > windows * (1 / 71)


@pytest.mark.parametrize(("runs", "step"), [(RUNS[:40], 1), (RUNS, 7)])
def test_with_too_few_runs_holms_correction_decides_and_they_hold_back(runs: np.ndarray, step: int) -> None:
    p_values = np.array([1e-9, 0.5, 1.0])
    weights = np.array([1.0, 1.0, 0.1])
    beyond = corrected(precedents([3 * FURTHEST, 1.0], runs, step))
    np.testing.assert_allclose(beyond.adjusted[0], holm(p_values, weights)[0])
    within = corrected(precedents([0.5 * FURTHEST, 1.0], runs, step))
    assert within.adjusted[0] > 0.02
    (way,) = beyond.ways
    np.testing.assert_allclose(way.alone, 0.02 * weights / weights.sum())
    assert beyond.ranked_among.tolist() == [0, 0, 0]


def test_without_runs_it_is_holms() -> None:
    p_values = np.array([0.004, 0.01, 0.03])
    found = Corrected.of(p_values, np.ones(3), Precedents.of([None] * 3, [THRESHOLD] * 3), 0.02)
    np.testing.assert_allclose(found.adjusted, holm(p_values))
    assert found.ways[0].asked.tolist() == [0.0, 0.0, 0.0]
    nothing = Corrected.of(np.zeros(0), np.zeros(0), Precedents.of([], []), 0.02)
    assert len(nothing.adjusted) == len(nothing.ways[0].alone) == 0
