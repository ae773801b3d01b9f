"""The daily test for a changed relation: how often it alarms where nothing changed, how soon where something did."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from roadworthy.config import PerformancePolicy
from roadworthy.monitoring.concept import detect, residuals
from roadworthy.monitoring.estimation.calibration import Calibration, fit
from roadworthy.records import ResidualDay

POLICY = PerformancePolicy()
FIRST = pd.Timestamp("2013-01-01", tz="UTC")
A_DAY = 100
World = tuple[NDArray[np.float64], NDArray[np.bool_], "pd.Series[pd.Timestamp]"]


def world(
    rng: np.random.Generator, days: int, shock: float = 0.05, level: float = 0.0, slope: float = 1.0, since: int = 0
) -> World:
    """A hundred rows a day whose days share a shock; from a day on labels follow from the scores otherwise."""
    day = np.repeat(np.arange(days), A_DAY)
    logits = rng.normal(-1.2, 1, len(day))
    truth = np.where(day >= since, slope * (logits + 1.2) - 1.2 + level, logits)
    truth += rng.normal(0, np.sqrt(shock), days)[day]
    labels = rng.random(len(day)) < 1 / (1 + np.exp(-truth))
    return 1 / (1 + np.exp(-logits)), labels, pd.Series(FIRST + pd.to_timedelta(day, "D"))


def curve(rng: np.random.Generator) -> Calibration:
    return fit(*world(rng, 120))


def test_no_alarm_within_half_a_year_where_nothing_changed() -> None:
    """One alarm in two years is allowed for: of 10 half years, two or three."""
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(10):
        found = detect(residuals(*world(rng, 180), curve(rng)), POLICY)
        assert found is not None
        alarms += found.drifted
    assert alarms <= 3


def test_without_tolerance_chance_is_still_kept_to_its_budget() -> None:
    """At the edge of what is tolerated the bound itself is tested: an alarm in 20 days on average, at the soonest."""
    policy = POLICY.model_copy(update={"false_alarms_a_year": 365 / 40, "tolerated_miscalibration": 1e-6})
    rng = np.random.default_rng(2)
    right = Calibration(
        centre=-1.2, spread=1, coefficients=(0,), covariance=((0,),), rows=1, positives=1, lowest=0, highest=1
    )
    waits = []
    for _ in range(30):
        found = detect(residuals(*world(rng, 120, shock=0), right), policy)
        assert found is not None
        waits.append(120 if found.found is None else (found.found - FIRST).days + 1)
    assert np.mean(waits) >= 40


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"level": 0.7}, "positive labels come .* more often than the scores foretell"),
        ({"level": -0.9}, "positive labels come .* less often"),
        ({"slope": 0.0}, "high scores hold less than they did"),
    ],
)
def test_a_change_is_found_soon_and_dated(change: dict[str, float], words: str) -> None:
    rng = np.random.default_rng(3)
    delays, dates = [], []
    for _ in range(6):
        found = detect(residuals(*world(rng, 110, since=60, **change), curve(rng)), POLICY)
        assert found is not None
        assert found.drifted
        assert found.found is not None
        assert found.since is not None
        delays.append((found.found - FIRST).days - 60)
        dates.append((found.since - FIRST).days - 60)
        assert pd.Series([found.words]).str.contains(words).all(), found.words
    assert 0 <= np.median(delays) <= 25
    assert abs(np.median(dates)) <= 10


def test_other_inputs_alone_are_no_change() -> None:
    rng = np.random.default_rng(4)
    scores, _, times = world(rng, 60)
    hard = np.where(np.arange(len(scores)) < 3000, scores, np.sqrt(scores))
    found = detect(residuals(hard, rng.random(len(hard)) < hard, times, curve(rng)), POLICY)
    assert found is not None
    assert not found.drifted
    assert found.words == "labels follow from the scores as they did at release, over 60 days of labels"


def test_days_add_up_whatever_windows_they_come_in() -> None:
    rng = np.random.default_rng(5)
    scores, labels, times = world(rng, 30)
    calibration = curve(rng)
    whole = residuals(scores, labels, times, calibration)
    half = np.arange(len(scores)) % 2 == 0
    parts = [
        day
        for of in (half, ~half)
        for day in residuals(scores[of], labels[of], times[of], calibration.model_copy(update={"shock": 0.0}))
    ]
    assert [day.rows for day in whole] == [A_DAY] * 30
    assert sum(day.level for day in parts) == pytest.approx(sum(day.level for day in whole))
    once, twice = detect(reversed(whole), POLICY), detect(parts, POLICY)
    assert once is not None
    assert twice is not None
    assert (once.days, once.level) == (twice.days, pytest.approx(twice.level)) == (30, once.level)


def test_a_days_variance_is_what_simulation_shows() -> None:
    rng = np.random.default_rng(6)
    calibration = Calibration(
        centre=-1.2,
        spread=1,
        coefficients=(0,),
        covariance=((0,),),
        rows=1,
        positives=1,
        lowest=0,
        highest=1,
        shock=0.05,
    )
    days = residuals(*world(rng, 1500), calibration)
    for name in ("level", "slope"):
        expected = np.mean([getattr(day, f"{name}_variance") for day in days])
        assert np.var([getattr(day, name) for day in days]) == pytest.approx(expected, rel=0.15)


def test_without_labels_nothing_is_said() -> None:
    no_days: list[ResidualDay] = []
    assert detect(no_days, POLICY) is None
