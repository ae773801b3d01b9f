"""Expected performance against rows, against drawn labels, and by how often its interval holds what came."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from roadworthy.config import BusinessValue
from roadworthy.monitoring.estimation.calibration import Calibration, fit
from roadworthy.monitoring.estimation.confidence import Expectation, expect, score_columns
from roadworthy.monitoring.metrics import METRICS, Rows, measured
from roadworthy.monitoring.profiles import Profile

VALUE = BusinessValue(caught=30, false_alarm=-10)
RIGHT = Calibration(
    centre=-1, spread=1, coefficients=(0, 0), covariance=((0, 0), (0, 0)), rows=1, positives=1, lowest=0, highest=1
)
REPEATS = 120


def scores_of(n: int, rng: np.random.Generator, shift: float = 0.0) -> NDArray[np.float64]:
    return 1 / (1 + np.exp(-rng.normal(shift - 1.2, 1, n)))


def labels_of(p: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.bool_]:
    """The scores are not right: they promise more than they hold."""
    return rng.random(len(p)) < p**1.3


def realised(p: NDArray[np.float64], labels: NDArray[np.bool_]) -> dict[str, float]:
    found = {name: measured(name, Rows.of(p, labels.astype(float), VALUE)) for name in METRICS}
    return {name: one.value for name, one in found.items() if one is not None}


def profile_of(p: NDArray[np.float64]) -> Profile:
    return Profile.of(score_columns(p, VALUE))


@pytest.mark.parametrize("metric", METRICS)
def test_a_few_rows_are_expected_exactly(metric: str) -> None:
    p = scores_of(1500, np.random.default_rng(1))
    by_rows = measured(metric, Rows.of(p, p, VALUE))
    assert by_rows is not None
    found = expect(profile_of(p), RIGHT, VALUE)[metric]
    assert found.value == pytest.approx(by_rows.value, rel=1e-6)
    assert (found.of_sketch, found.of_curve, found.n) == (0, 0, 1500)


def test_sketches_of_parts_tell_what_all_rows_tell() -> None:
    p = scores_of(200_000, np.random.default_rng(2))
    found = expect(Profile.merged([profile_of(part) for part in np.array_split(p, 8)]), RIGHT, VALUE)
    for metric in METRICS:
        by_rows = measured(metric, Rows.of(p, p, VALUE))
        assert by_rows is not None
        assert abs(found[metric].value - by_rows.value) <= 3 * found[metric].of_sketch + 1e-6 * abs(by_rows.value)
        assert found[metric].of_sketch < found[metric].of_labels


@pytest.fixture(scope="module")
def simulated() -> list[tuple[dict[str, Expectation], dict[str, float]]]:
    """Versions calibrated on rows of their own, and a window each, whose scores lie elsewhere."""
    rng = np.random.default_rng(3)
    found = []
    for _ in range(REPEATS):
        held_out = scores_of(4000, rng)
        curve = fit(held_out, labels_of(held_out, rng))
        p = scores_of(3000, rng, shift=0.4)
        found.append((expect(profile_of(p), curve, VALUE), realised(p, labels_of(p, rng))))
    return found


def test_the_interval_holds_what_came_as_often_as_it_says(
    simulated: list[tuple[dict[str, Expectation], dict[str, float]]],
) -> None:
    def holds(metric: str) -> float:
        ends = [(e[metric].of_these_rows, came[metric]) for e, came in simulated]
        return float(np.mean([one.low <= value <= one.high for one, value in ends]))

    covered = {metric: holds(metric) for metric in METRICS}
    assert all(share >= 0.90 for share in covered.values()), covered  # chance alone: 0.95 give or take 0.02
    assert 0.93 <= np.mean(list(covered.values())) <= 0.97


def test_the_interval_for_traffic_holds_the_truth_as_often_as_it_says(
    simulated: list[tuple[dict[str, Expectation], dict[str, float]]],
) -> None:
    rng = np.random.default_rng(4)
    many = scores_of(1_000_000, rng, shift=0.4)
    truth = realised(many, labels_of(many, rng))
    ends = {metric: [e[metric].of_such_traffic for e, _ in simulated] for metric in METRICS}
    covered = {m: float(np.mean([one.low <= truth[m] <= one.high for one in ends[m]])) for m in METRICS}
    assert 0.92 <= np.mean(list(covered.values())) <= 0.98, covered


def test_days_that_share_their_fate_leave_more_doubt() -> None:
    p = scores_of(3000, np.random.default_rng(5))
    shared = RIGHT.model_copy(update={"shock": 0.2})
    alone, few, many = (expect(profile_of(p), shared, VALUE, days=days) for days in (None, 5, 500))
    for metric in ("log_loss", "value_per_1000", "recall"):
        assert few[metric].of_labels > many[metric].of_labels > alone[metric].of_labels


def test_the_doubt_of_shared_days_is_what_simulation_shows() -> None:
    rng = np.random.default_rng(6)
    logits = rng.normal(-1, 1, 2000)
    p = 1 / (1 + np.exp(-logits))
    found = expect(profile_of(p), RIGHT.model_copy(update={"shock": 0.09}), VALUE, days=20)
    came = []
    for _ in range(300):
        shocks = np.repeat(rng.normal(0, 0.3, 20), 100)
        came.append(realised(p, rng.random(2000) < 1 / (1 + np.exp(-logits - shocks))))
    for metric in ("brier", "value_per_1000", "accuracy", "roc_auc"):
        assert found[metric].of_labels == pytest.approx(np.std([one[metric] for one in came]), rel=0.2)


def test_what_is_not_defined_is_absent() -> None:
    assert expect(Profile.of(score_columns([], VALUE)), RIGHT, VALUE) == {}
    assert expect(Profile.of(score_columns([0.2], VALUE)), RIGHT, VALUE) == {}
    assert "precision" not in expect(profile_of(np.array([0.1, 0.12, 0.2])), RIGHT, VALUE)
