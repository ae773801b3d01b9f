"""Metrics and their intervals against scikit-learn, scipy, the bootstrap and simulation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from sklearn import metrics as scikit
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

from roadworthy.config import BusinessValue
from roadworthy.errors import MonitoringError, TooFewRows
from roadworthy.monitoring.performance import METRICS, compare, fell, improves, measure
from roadworthy.records import MetricReading

VALUE = BusinessValue(caught=30, false_alarm=-6)
Rows = tuple[NDArray[np.bool_], NDArray[np.float64]]
Groups = NDArray[np.int64]


def rows_of(n: int, seed: int, noise: float = 1.0, ties: bool = False) -> Rows:
    """Rows with calibrated probabilities; more noise makes the scores worse."""
    rng = np.random.default_rng(seed)
    truth = rng.normal(size=n)
    labels = rng.random(n) < 1 / (1 + np.exp(1.5 - truth))
    scores = 1 / (1 + np.exp(1.5 - truth + noise * rng.normal(size=n)))
    return labels, np.round(scores, 1) if ties else scores


@pytest.mark.parametrize("ties", [False, True])
def test_values_equal_those_of_scikit_learn(ties: bool) -> None:
    labels, p = rows_of(3000, 1, ties=ties)
    readings = measure(labels, p, VALUE)
    assert readings["roc_auc"].value == pytest.approx(roc_auc_score(labels, p), abs=1e-12)
    assert readings["log_loss"].value == pytest.approx(log_loss(labels, p), abs=1e-12)
    assert readings["brier"].value == pytest.approx(brier_score_loss(labels, p), abs=1e-12)
    acted = p >= VALUE.threshold
    expected = 30 * np.sum(acted & labels) - 6 * np.sum(acted & ~labels)
    assert readings["value_per_1000"].value == pytest.approx(expected / len(p) * 1000)
    for name in ("accuracy", "precision", "recall", "f1"):
        assert readings[name].value == pytest.approx(getattr(scikit, f"{name}_score")(labels, acted), abs=1e-12)
    assert {reading.n for reading in readings.values()} == {3000}


def test_weighted_values_equal_those_of_scikit_learn() -> None:
    labels, p = rows_of(2000, 10, ties=True)
    weights = np.random.default_rng(0).uniform(0.5, 3, 2000)
    readings = measure(labels, p, VALUE, weights)
    clipped, acted = np.clip(p, 2.2e-16, 1 - 2.2e-16), p >= VALUE.threshold
    expected = {
        "roc_auc": roc_auc_score(labels, p, sample_weight=weights),
        "brier": brier_score_loss(labels, p, sample_weight=weights),
        "log_loss": log_loss(labels, clipped, sample_weight=weights),
        "precision": scikit.precision_score(labels, acted, sample_weight=weights),
        "f1": scikit.f1_score(labels, acted, sample_weight=weights),
    }
    assert {name: readings[name].value for name in expected} == pytest.approx(expected, abs=1e-9)


def test_equal_weights_change_nothing() -> None:
    labels, p = rows_of(2000, 11)
    plain, weighted = measure(labels, p, VALUE), measure(labels, p, VALUE, np.full(2000, 3.0))
    for name in METRICS:
        assert weighted[name].value == pytest.approx(plain[name].value)
        assert (weighted[name].low, weighted[name].high) == pytest.approx((plain[name].low, plain[name].high), abs=1e-4)


def test_accuracy_has_the_interval_of_a_logit() -> None:
    labels, p = rows_of(700, 12)
    found = measure(labels, p, VALUE)["accuracy"]
    share, n = found.value, 700
    error = 1.959963984540054 / np.sqrt(n * share * (1 - share)) * np.sqrt(n / (n - 1))
    assert np.log(found.high / (1 - found.high)) - np.log(share / (1 - share)) == pytest.approx(error)


@pytest.mark.parametrize("metric", ["log_loss", "brier"])
def test_intervals_of_means_are_those_of_scipy(metric: str) -> None:
    labels, p = rows_of(400, 2)
    figures = -np.log(np.where(labels, p, 1 - p)) if metric == "log_loss" else (p - labels) ** 2
    low, high = stats.norm.interval(0.95, figures.mean(), stats.sem(figures))
    reading = measure(labels, p, VALUE)[metric]
    assert (reading.low, reading.high) == pytest.approx((low, high))


def test_delong_variance_equals_the_sum_over_all_pairs() -> None:
    labels, p = rows_of(250, 3, ties=True)
    pairs = (p[labels][:, None] > p[~labels]) + 0.5 * (p[labels][:, None] == p[~labels])
    variance = pairs.mean(axis=1).var(ddof=1) / labels.sum() + pairs.mean(axis=0).var(ddof=1) / (~labels).sum()
    reading = measure(labels, p, VALUE)["roc_auc"]
    logit = lambda x: np.log(x / (1 - x))  # noqa: E731
    half = 1.959963984540054 * np.sqrt(variance) / (reading.value * (1 - reading.value))
    assert logit(reading.high) - logit(reading.value) == pytest.approx(half)
    assert logit(reading.value) - logit(reading.low) == pytest.approx(half)


def test_roc_auc_interval_agrees_with_the_bootstrap() -> None:
    labels, p = rows_of(1500, 4)
    rng = np.random.default_rng(0)
    picks = (rng.integers(0, 1500, 1500) for _ in range(600))
    areas = [roc_auc_score(labels[i], p[i]) for i in picks]
    reading = measure(labels, p, VALUE)["roc_auc"]
    assert (reading.low, reading.high) == pytest.approx(tuple(np.quantile(areas, [0.025, 0.975])), abs=0.006)


def test_intervals_cover_the_truth() -> None:
    labels, p = rows_of(400_000, 5)
    truth = {name: reading.value for name, reading in measure(labels, p, VALUE).items()}
    covered = dict.fromkeys(METRICS, 0)
    for seed in range(600):
        for name, reading in measure(*rows_of(400, 1000 + seed), VALUE).items():
            covered[name] += reading.low <= truth[name] <= reading.high
    assert {name: 0.92 <= count / 600 <= 0.975 for name, count in covered.items()} == dict.fromkeys(METRICS, True)


def test_perfect_order_still_has_doubt() -> None:
    reading = measure([0] * 5 + [1] * 5, np.linspace(0, 1, 10), VALUE)["roc_auc"]
    assert (reading.value, reading.high) == (1.0, 1.0)
    assert reading.low == pytest.approx(stats.binomtest(5, 5).proportion_ci(method="exact").low)
    worst = measure([1] * 5 + [0] * 5, np.linspace(0, 1, 10), VALUE)["roc_auc"]
    assert (worst.value, worst.low, worst.high) == pytest.approx((0.0, 0.0, 1 - reading.low))


def test_what_cannot_have_an_interval_is_absent() -> None:
    assert measure([], [], VALUE) == {}
    assert measure([True], [0.4], VALUE) == {}
    assert set(METRICS) - set(measure([False, False, False], [0.1, 0.2, 0.3], VALUE)) == {"roc_auc", "recall"}
    assert "precision" not in measure([True, False, False], [0.1, 0.05, 0.1], VALUE)
    assert "roc_auc" not in measure([True, False, False], [0.1, 0.2, 0.3], VALUE)


def test_certain_and_wrong_is_finite() -> None:
    labels, p = [1, 0, 1, 0], [0.0, 1.0, 1.0, 0.0]
    assert measure(labels, p, VALUE)["log_loss"].value == pytest.approx(log_loss(labels, p))


@pytest.mark.parametrize(
    ("labels", "p", "fact"),
    [
        ([0, 1], [0.5], "shape"),
        ([[0, 1]], [[0.5, 0.5]], "shape"),
        ([0, 2], [0.5, 0.5], "Row 1 has the label 2.0"),
        ([0, 1], [0.5, 1.5], "Row 1 has the probability 1.5"),
        ([0, 1], [np.nan, 0.5], "Row 0 has the probability nan"),
        (pd.Series([True, None], dtype="boolean"), [0.5, 0.5], "Row 1 has the label nan"),
        (["yes", "no"], [0.5, 0.5], "not a number"),
    ],
)
def test_wrong_input_names_its_place(labels: object, p: object, fact: str) -> None:
    with pytest.raises(MonitoringError, match=fact):
        measure(labels, p, VALUE)  # type: ignore[arg-type]


@given(st.integers(0, 10_000), st.sampled_from(METRICS))
def test_the_same_probabilities_gain_nothing(seed: int, metric: str) -> None:
    labels, p = rows_of(60, seed)
    if min(labels.sum(), (~labels).sum()) >= 2:
        result = compare(metric, labels, p, p, champion="a", challenger="b", value=VALUE)
        assert (result.gain, result.better) == (0.0, False)


@pytest.mark.parametrize("metric", METRICS)
def test_a_better_challenger_gains_whatever_the_metrics_direction(metric: str) -> None:
    labels, good = rows_of(4000, 6, noise=0.0)
    bad = np.clip(np.random.default_rng(0).permutation(good), 0, 1)
    up = compare(metric, labels, bad, good, champion="old", challenger="new", value=VALUE)
    down = compare(metric, labels, good, bad, champion="old", challenger="new", value=VALUE)
    assert (up.better, down.better) == (True, False)
    assert down.gain == pytest.approx(-up.gain)
    assert up.high - up.low == pytest.approx(down.high - down.low)


@pytest.mark.parametrize("metric", ["log_loss", "brier"])
def test_paired_interval_is_that_of_scipy(metric: str) -> None:
    labels, old = rows_of(300, 7)
    new = rows_of(300, 7, noise=0.3)[1]
    loss = {"log_loss": lambda p: -np.log(np.where(labels, p, 1 - p)), "brier": lambda p: (p - labels) ** 2}[metric]
    expected = stats.ttest_rel(loss(old), loss(new)).confidence_interval(0.95)
    found = compare(metric, labels, old, new, champion="a", challenger="b")
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_paired_roc_auc_interval_covers_and_is_narrower_than_unpaired() -> None:
    def pair(n: int, seed: int) -> tuple[NDArray[np.bool_], NDArray[np.float64], NDArray[np.float64]]:
        labels, p = rows_of(n, seed, noise=0.5)
        rng = np.random.default_rng(seed + 1)
        return labels, p, 1 / (1 + np.exp(-np.log(p / (1 - p)) - 0.5 * rng.normal(size=n)))

    labels, old, new = pair(400_000, 8)
    truth = roc_auc_score(labels, new) - roc_auc_score(labels, old)
    covered = 0
    for seed in range(400):
        found = compare("roc_auc", *pair(400, 5000 + 2 * seed), champion="a", challenger="b")
        covered += found.low <= truth <= found.high
    assert 0.92 <= covered / 400 <= 0.98
    one = measure(*rows_of(400, 5000), VALUE)["roc_auc"]
    assert found.high - found.low < one.high - one.low


def in_moods(seed: int, sizes: NDArray[np.int64]) -> tuple[NDArray[np.bool_], list[NDArray[np.float64]], Groups]:
    """Labels, what two versions answered that are as good as one another but for each day's mood, and the days."""
    rng = np.random.default_rng(seed)
    days = np.repeat(np.arange(len(sizes)), sizes)
    truth = rng.normal(size=len(days))
    labels = rng.random(len(days)) < 1 / (1 + np.exp(1 - truth))
    moods = 0.5 * rng.normal(size=(2, len(sizes)))[:, days]
    scores = [1 / (1 + np.exp(1 - (1 + mood) * truth - 0.7 * rng.normal(size=len(days)))) for mood in moods]
    return labels, scores, days


def test_paired_interval_of_days_is_that_of_their_means() -> None:
    labels, (old, new), days = in_moods(1, np.full(10, 200))
    gains = ((old - labels) ** 2 - (new - labels) ** 2).reshape(10, 200).mean(axis=1)
    expected = stats.ttest_1samp(gains, 0).confidence_interval(0.95)
    found = compare("brier", labels, old, new, champion="a", challenger="b", groups=days)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))
    each = compare("brier", labels, old, new, champion="a", challenger="b", groups=np.arange(len(days)))
    plain = compare("brier", labels, old, new, champion="a", challenger="b")
    assert (each.low, each.high) == pytest.approx((plain.low, plain.high))


@pytest.mark.parametrize("metric", ["roc_auc", "brier"])
@pytest.mark.parametrize("sizes", [(300, 300, 300, 300, 50), (100,) * 30], ids=["uneven", "even"])
def test_paired_interval_holds_where_rows_of_a_day_are_alike(metric: str, sizes: tuple[int, ...]) -> None:
    covered = np.zeros(2)
    for seed in range(300):
        labels, (old, new), days = in_moods(seed, np.array(sizes))
        for number, groups in enumerate((None, days)):
            found = compare(metric, labels, old, new, champion="a", challenger="b", groups=groups)
            covered[number] += found.low <= 0 <= found.high
    as_independent, by_days = covered / 300
    assert as_independent < 0.93
    assert by_days >= 0.93  # of so few days, and uneven ones, it is on the wide side
    assert by_days <= 0.98 or len(sizes) < 10


def test_comparing_too_few_days_says_so() -> None:
    labels, (old, new), days = in_moods(1, np.array([600, 55]))
    with pytest.raises(TooFewRows, match=r"655 labelled rows are worth 1\.2 days"):
        compare("roc_auc", labels, old, new, champion="a", challenger="b", groups=days)


def test_comparing_too_few_labels_says_so() -> None:
    with pytest.raises(MonitoringError, match="2 labelled rows, 0 of them positive"):
        compare("roc_auc", [0, 0], [0.1, 0.2], [0.1, 0.2], champion="a", challenger="b")
    with pytest.raises(MonitoringError, match="0 labelled rows"):
        compare("brier", [], [], [], champion="a", challenger="b")


def reading(metric: str, value: float, margin: float) -> MetricReading:
    return MetricReading(metric=metric, value=value, low=value - margin, high=value + margin, n=1000)


def test_a_fall_counts_only_beyond_doubt_and_tolerance() -> None:
    release = reading("roc_auc", 0.80, 0.01)
    assert fell(reading("roc_auc", 0.70, 0.02), release, 0.03)[1]
    assert not fell(reading("roc_auc", 0.78, 0.005), release, 0.03)[1]
    assert not fell(reading("roc_auc", 0.70, 0.08), release, 0.03)[1]
    better = fell(reading("roc_auc", 0.90, 0.001), release, 0.0)
    assert better[0] == pytest.approx(-0.1)
    assert not better[1]
    loss = fell(reading("log_loss", 0.5, 0.01), reading("log_loss", 0.3, 0.01), 0.1)
    assert loss == (pytest.approx(0.2), True)


def test_no_fall_is_seen_by_chance_more_often_than_stated() -> None:
    seen = 0
    for seed in range(400):
        readings = [measure(*rows_of(500, 9000 + 2 * seed + i), VALUE)["roc_auc"] for i in (0, 1)]
        seen += fell(readings[0], readings[1], 0.0)[1]
    assert seen / 400 <= 0.05


def test_unknown_metric_lists_the_known() -> None:
    with pytest.raises(MonitoringError, match=r"hinge(.|\n)*accuracy"):
        improves("hinge")
