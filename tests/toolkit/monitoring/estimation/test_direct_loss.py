"""Estimated loss of a regressor against what came, and by how often its interval holds it."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.metrics import mean_absolute_error, mean_squared_error

from roadworthy.errors import MonitoringError
from roadworthy.monitoring.estimation.direct_loss import Loss, learn

SCIKIT = {"mae": mean_absolute_error, "mse": mean_squared_error}
Drawn = tuple[pd.DataFrame, NDArray[np.float64], NDArray[np.float64]]


def draw(n: int, rng: np.random.Generator, shift: float = 0.0) -> Drawn:
    """Inputs, a regressor's answers and what came: it is wrong by more where x is large, and for b."""
    x, z, u = rng.normal(shift, 1, n), rng.choice(["a", "b", "c"], n), rng.uniform(-1, 1, n)
    spread = 0.3 + 0.5 / (1 + np.exp(-x)) + 0.4 * (z == "b")
    labels = 2 * x + np.sin(2 * u) + spread * rng.normal(size=n)
    return pd.DataFrame({"x": x, "z": z, "u": u}), 2 * x + 0.6 * u, labels


@pytest.mark.parametrize("loss", ["mae", "mse"])
def test_the_loss_on_other_inputs_is_foretold(loss: Loss) -> None:
    rng = np.random.default_rng(1)
    learned = learn(*draw(1500, rng), loss=loss)
    inputs, answers, labels = draw(3000, rng, shift=0.8)
    found = learned.estimate(inputs, answers)
    came, before = SCIKIT[loss](labels, answers), SCIKIT[loss](*draw(50_000, rng)[:0:-1])
    assert found.low <= came <= found.high
    assert found.value > before
    assert (found.metric, found.n) == (loss, 3000)


@pytest.mark.full
@pytest.mark.parametrize("loss", ["mae", "mse"])
@pytest.mark.parametrize("shift", [0.0, 0.7])
def test_the_interval_holds_what_came_as_often_as_it_says(shift: float, loss: Loss) -> None:
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(150):
        learned = learn(*draw(2000, rng), loss=loss)
        inputs, answers, labels = draw(2000, rng, shift)
        found = learned.estimate(inputs, answers)
        held += found.low <= SCIKIT[loss](labels, answers) <= found.high
    assert 0.90 <= held / 150 <= 0.99  # 0.95 give or take two standard errors of so many


def test_categories_it_does_not_know_count_as_missing() -> None:
    rng = np.random.default_rng(3)
    learned = learn(*draw(400, rng))
    inputs, answers, _ = draw(50, rng)
    assert np.isfinite(learned.estimate(inputs.assign(z="new"), answers).value)


def test_too_few_rows_and_missing_labels_are_refused() -> None:
    rng = np.random.default_rng(4)
    with pytest.raises(MonitoringError, match="from 100 rows"):
        learn(*draw(100, rng))
    inputs, answers, labels = draw(300, rng)
    with pytest.raises(MonitoringError, match="from 300 rows, 1 of them without"):
        learn(inputs, answers, np.where(np.arange(300) == 0, np.nan, labels))
    with pytest.raises(MonitoringError, match="no rows"):
        learn(inputs, answers, labels).estimate(inputs.iloc[:0], [])
