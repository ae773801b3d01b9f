"""How a window's level is shared: by Holm where runs are few, by the rank among the reference's own runs else."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

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
    within = corrected(precedents([0.9 * FURTHEST, 1.0], RUNS), p_values=(1e-12, 1e-12, 1.0))
    assert within.adjusted[0] > 0.02
    assert beyond.alone.tolist()[:2] == [1.0, 1.0]
    assert beyond.ranked_among.tolist() == [80, 80, 0]


def test_what_has_no_runs_shares_the_level_that_they_leave() -> None:
    known = precedents([1.0, 1.0], RUNS)
    left = 0.02 - known.granted(0.02 * 2 / 2.1)
    assert known.granted(0.02 * 2 / 2.1) == pytest.approx(1 / 81)
    for p_value in (left * 0.99, left * 1.01):
        found = corrected(known, p_values=(1.0, 1.0, p_value))
        assert (found.adjusted[2] <= 0.02) == (p_value < left)
    assert found.alone[2] == pytest.approx(left)


@pytest.mark.parametrize(("runs", "step"), [(RUNS[:40], 1), (RUNS, 7)])
def test_with_too_few_runs_holms_correction_decides_and_they_hold_back(runs: np.ndarray, step: int) -> None:
    p_values = np.array([1e-9, 0.5, 1.0])
    weights = np.array([1.0, 1.0, 0.1])
    beyond = corrected(precedents([3 * FURTHEST, 1.0], runs, step))
    np.testing.assert_allclose(beyond.adjusted[0], holm(p_values, weights)[0])
    within = corrected(precedents([0.5 * FURTHEST, 1.0], runs, step))
    assert within.adjusted[0] > 0.02
    np.testing.assert_allclose(beyond.alone, 0.02 * weights / weights.sum())
    assert beyond.ranked_among.tolist() == [0, 0, 0]


def test_without_runs_it_is_holms() -> None:
    p_values = np.array([0.004, 0.01, 0.03])
    found = Corrected.of(p_values, np.ones(3), Precedents.of([None] * 3, [THRESHOLD] * 3), 0.02)
    np.testing.assert_allclose(found.adjusted, holm(p_values))
    assert found.asked.tolist() == [0.0, 0.0, 0.0]
    nothing = Corrected.of(np.zeros(0), np.zeros(0), Precedents.of([], []), 0.02)
    assert len(nothing.adjusted) == len(nothing.alone) == 0
