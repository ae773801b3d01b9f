"""Labels that come late, and later for one outcome: what is judged tells the truth, and what is found is said."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from sklearn.metrics import brier_score_loss

from roadworthy.config import BusinessValue, PerformancePolicy
from roadworthy.monitoring.label_delay import Judged, complete_after, judged
from roadworthy.monitoring.performance import measure

POLICY = PerformancePolicy()
Floats = NDArray[np.float64]


def traffic(seed: int, late: float, n: int = 6000) -> tuple[Floats, NDArray[np.bool_], Floats, Floats]:
    """Thirty days of rows: scores, outcomes, ages, and delays, of positives ``late`` times as long."""
    rng = np.random.default_rng(seed)
    scores = rng.beta(2, 5, n)
    truth = rng.random(n) < scores
    return scores, truth, rng.uniform(0, 30, n), rng.exponential(np.where(truth, 2 * late, 2.0))


def seen(scores: Floats, truth: NDArray[np.bool_], ages: Floats, delays: Floats, **policy: float) -> Judged:
    came = delays <= ages
    labels = pd.Series(truth).astype("boolean").mask(~came)
    return judged(scores, labels, ages, np.where(came, delays, np.nan), POLICY.model_copy(update=policy))


@pytest.mark.parametrize("late", [1.0, 3.0])
def test_the_age_at_which_labels_are_complete_is_found_although_young_rows_show_short_delays_only(late: float) -> None:
    _, _, ages, delays = traffic(1, late, n=40_000)
    shown = delays <= ages
    truth = 2.0 * late * np.log(100)
    some = np.random.default_rng(0).exponential(2.0 * late, 40_000)
    shown = some <= ages
    assert complete_after(some[shown], ages[shown]) == pytest.approx(truth, rel=0.15)


def test_positives_that_come_later_are_waited_for() -> None:
    scores, truth, ages, delays = traffic(2, late=3.0)
    found = seen(scores, truth, ages, delays)
    assert ages[found.rows].min() > 15
    assert "positive labels come later (after" in found.words
    came = delays <= ages
    naive = truth[came].mean() - truth.mean()
    assert naive < -0.02
    errors = [truth[found.rows].mean() - scores[found.rows].mean()]
    for seed in range(3, 23):
        again = traffic(seed, late=3.0)
        one = seen(*again)
        errors.append(again[1][one.rows].mean() - again[0][one.rows].mean())
    assert abs(np.mean(errors)) < 0.01


def test_labels_that_come_as_soon_either_way_are_all_judged() -> None:
    waited = 0
    for seed in range(40):
        scores, truth, ages, delays = traffic(100 + seed, late=1.0, n=2000)
        found = seen(scores, truth, ages, delays)
        waited += int(found.rows.sum() < (delays <= ages).sum())
    assert waited <= 2


def test_the_policy_can_say_how_long_labels_take() -> None:
    scores, truth, ages, delays = traffic(3, late=1.0)
    found = seen(scores, truth, ages, delays, label_delay_days=10.0)
    assert ages[found.rows].min() >= 10
    assert "younger than 10 days are not judged, as the policy says" in found.words


def test_times_that_are_not_those_of_the_events_are_left_alone() -> None:
    scores, truth, ages, delays = traffic(4, late=3.0)
    labels = pd.Series(truth).astype("boolean")
    found = judged(scores, labels, ages, delays + 5000, POLICY)
    assert found.rows.all()
    assert judged(scores, labels, None, None, POLICY).rows.all()


def test_labels_of_high_scores_alone_are_weighted_back() -> None:
    rng = np.random.default_rng(5)
    values = []
    for _ in range(20):
        scores = rng.beta(2, 5, 6000)
        truth = rng.random(6000) < scores
        labels = pd.Series(truth).astype("boolean").mask(rng.random(6000) > 0.1 + 0.8 * scores)
        found = judged(scores, labels, None, None, POLICY)
        assert found.weights is not None
        assert "have higher scores than all" in found.words
        weighted = measure(truth[found.rows], scores[found.rows], BusinessValue(), found.weights)["brier"].value
        plain = brier_score_loss(truth[found.rows], scores[found.rows])
        values.append([weighted - brier_score_loss(truth, scores), plain - brier_score_loss(truth, scores)])
    weighted_off, plain_off = np.abs(np.mean(values, axis=0))
    assert weighted_off < 0.2 * plain_off


def test_labels_that_come_by_chance_are_seldom_called_biased() -> None:
    rng = np.random.default_rng(6)
    called = 0
    for _ in range(60):
        scores = rng.beta(2, 5, 3000)
        labels = pd.Series(rng.random(3000) < scores).astype("boolean").mask(rng.random(3000) < 0.6)
        called += judged(scores, labels, None, None, POLICY).weights is not None
    assert called <= 3


def test_no_rows_and_no_labels_are_said() -> None:
    none = judged(np.array([]), pd.Series([], dtype="boolean"), None, None, POLICY)
    assert none.words == "0 % of 0 rows have a label"
    empty = judged(np.array([0.2, 0.3]), pd.Series([None, None], dtype="boolean"), None, None, POLICY)
    assert (empty.rows.sum(), empty.weights) == (0, None)
