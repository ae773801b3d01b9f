"""How many rows are usual, and how many are not."""

from __future__ import annotations

import numpy as np
import pytest

from roadworthy.config import QualityPolicy
from roadworthy.monitoring.drift import Fact
from roadworthy.monitoring.quality import FEWEST_WINDOWS, volume

POLICY = QualityPolicy()


def _volume(rows: int, earlier: list[tuple[int, float]], days: float = 1.0) -> Fact:
    found = volume(rows, days, earlier, POLICY)
    assert found is not None
    return found


def test_too_few_windows_say_nothing() -> None:
    assert volume(100, 1.0, [(100, 1.0)] * (FEWEST_WINDOWS - 1), POLICY) is None
    assert volume(100, 1.0, [(100, 1.0)] * FEWEST_WINDOWS, POLICY) is not None


@pytest.mark.parametrize("dispersion", [0.0, 0.05, 0.3])
def test_chance_is_taken_for_a_change_as_often_as_stated(dispersion: float) -> None:
    """Counts vary as independent rows do, or more: by a gamma's factor of some variance, from day to day."""
    rng = np.random.default_rng(1)
    alarms = 0
    for _ in range(500):
        rates = 1000 * (rng.gamma(1 / dispersion, dispersion, 15) if dispersion else np.ones(15))
        counts = rng.poisson(rates)
        alarms += _volume(int(counts[-1]), [(int(count), 1.0) for count in counts[:-1]]).evidence.p_value <= 0.02
    assert alarms / 500 <= 0.035


@pytest.mark.parametrize("factor", [0.4, 2.5])
def test_a_change_that_matters_is_found(factor: float) -> None:
    rng = np.random.default_rng(2)
    found = 0
    for _ in range(300):
        counts = rng.poisson(1000 * rng.gamma(50, 1 / 50, 15))
        evidence = _volume(int(counts[-1] * factor), [(int(count), 1.0) for count in counts[:-1]]).evidence
        found += evidence.p_value <= 0.01 and evidence.effect >= POLICY.volume * 0.9
    assert found / 300 >= 0.95


def test_half_as_many_and_twice_as_many_are_the_same_size() -> None:
    usual = [(1000, 1.0)] * 8
    assert _volume(500, usual).evidence.effect == pytest.approx(_volume(2000, usual).evidence.effect) == 0.5
    assert _volume(500, usual).evidence.headline == "fewer rows came than usual"


def test_months_of_unequal_length_are_compared_by_the_day() -> None:
    months = [(2800, 28.0), (3100, 31.0), (3000, 30.0), (3100, 31.0)]
    assert _volume(2800, months, days=28.0).evidence.effect == pytest.approx(0, abs=1e-9)


def test_only_the_newest_windows_count() -> None:
    grown = [(100, 1.0)] * 200 + [(5000, 1.0)] * 26
    assert _volume(5000, grown).evidence.effect == pytest.approx(0)


def test_the_interval_holds_the_change_and_what_is_detectable_is_found() -> None:
    rng = np.random.default_rng(3)
    counts = [(int(count), 1.0) for count in rng.poisson(1000 * rng.gamma(30, 1 / 30, 20))]
    evidence = _volume(600, counts).evidence
    assert evidence.effect_low < evidence.effect < evidence.effect_high
    least = evidence.detectable(0.01)
    usual = float(np.exp(np.mean(np.log([rows for rows, _ in counts]))))
    found = [
        _volume(int(count), counts).evidence.p_value <= 0.01
        for count in rng.poisson(usual * (1 - least) * rng.gamma(30, 1 / 30, 1000))
    ]
    assert 0.65 < np.mean(found) < 0.95


def test_that_no_row_came_is_said_in_words() -> None:
    evidence = _volume(0, [(count, 1.0) for count in (980, 1040, 1010, 950, 1020)]).evidence
    assert (evidence.headline, evidence.fact) == ("fewer rows came than usual", "no row came, usually 999")


@pytest.mark.parametrize(("before", "told"), [(0, True), (1, True), (2, False)])
def test_who_is_silent_at_the_same_hour_twice_is_told_of_no_third_time(before: int, told: bool) -> None:
    """As docs/monitoring.md has it; at the level of a window an hour, against 26 days."""
    rng = np.random.default_rng(3)
    counts = [*[0] * before, *rng.poisson(1000 * rng.gamma(25, 1 / 25, 26 - before))]
    assert (_volume(0, [(int(count), 1 / 24) for count in counts], 1 / 24).evidence.p_value < 0.5 / 730.5) == told


def test_where_none_is_usual_none_is_no_change() -> None:
    evidence = _volume(0, [(0, 1.0)] * 4).evidence
    assert (evidence.effect, evidence.p_value) == (0.0, 1.0)
