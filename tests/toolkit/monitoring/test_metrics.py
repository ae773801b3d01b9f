"""The metrics' derivatives against small changes, and expected metrics against labels that are drawn."""

from __future__ import annotations

import numpy as np
import pytest

from roadworthy.config import BusinessValue
from roadworthy.monitoring.metrics import METRICS, Rows, measured, reading
from roadworthy.monitoring.performance import measure

VALUE = BusinessValue(caught=30, false_alarm=-6)
STEP = 1e-6


def rows_of(n: int, seed: int) -> Rows:
    rng = np.random.default_rng(seed)
    scores = np.round(rng.beta(2, 5, n), 2)
    return Rows.of(scores, rng.uniform(size=n), VALUE, rng.uniform(0.5, 2, n))


def value_of(metric: str, rows: Rows) -> float:
    found = measured(metric, rows)
    assert found is not None
    return found.value


@pytest.mark.parametrize("metric", METRICS)
def test_derivatives_are_what_small_changes_make(metric: str) -> None:
    rows = rows_of(60, 1)
    found = measured(metric, rows)
    assert found is not None
    for row in range(0, 60, 7):
        up = rows.labels.copy()
        up[row] += STEP
        moved = value_of(metric, Rows(rows.scores, up, rows.acted, rows.weights, VALUE))
        assert (moved - found.value) / STEP == pytest.approx(rows.weights[row] * found.by_label[row], abs=1e-4)
        heavier = rows.weights.copy()
        heavier[row] += STEP
        moved = value_of(metric, Rows(rows.scores, rows.labels, rows.acted, heavier / heavier.sum(), VALUE))
        assert (moved - found.value) / STEP == pytest.approx(found.by_row[row], rel=1e-3, abs=1e-3)
    assert np.sum(rows.weights * found.by_row) == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("metric", METRICS)
def test_expected_labels_give_the_mean_over_drawn_ones(metric: str) -> None:
    rng = np.random.default_rng(2)
    p = rng.beta(2, 5, 4000)
    drawn = [measure(rng.random(4000) < p, p, VALUE)[metric].value for _ in range(60)]
    error = np.std(drawn) / np.sqrt(60)
    assert value_of(metric, Rows.of(p, p, VALUE)) == pytest.approx(np.mean(drawn), abs=4 * error)


def test_what_is_not_defined_is_none() -> None:
    nobody = Rows.of(np.array([0.01, 0.02]), np.array([0.0, 0.0]), VALUE)
    assert [measured(name, nobody) for name in ("roc_auc", "precision", "recall", "f1")] == [None] * 4


def test_shares_keep_within_0_and_1() -> None:
    assert reading("recall", 0.98, 0.01, 100, 10).high < 1
    assert reading("recall", 1.0, 0.0, 100, 10).low == pytest.approx(0.025 ** (1 / 10))
    assert reading("recall", 0.0, 0.0, 100, 10).high == pytest.approx(1 - 0.025 ** (1 / 10))
