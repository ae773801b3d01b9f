"""How many rows are usual: false alarms and power by simulation, the test beside scipy's."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from roadworthy.monitoring.measures import volume


@pytest.mark.parametrize("spread", [0.0, 0.3])
def test_usual_volumes_seldom_alarm(spread: float) -> None:
    rng = np.random.default_rng(1)
    p_values = []
    for _ in range(1000):
        rows = rng.poisson(2000 * np.exp(spread * rng.normal(size=13)))
        p_values.append(volume(rows[:12].tolist(), int(rows[12])).p_value)
    assert np.mean(np.array(p_values) <= 0.01) <= 0.02


def test_volume_is_one_more_observation_on_the_logarithms() -> None:
    earlier, now = [900, 1300, 1100, 700, 1000, 1250], 260
    logs = np.log(np.array(earlier) + 0.5)
    t = (np.log(260.5) - logs.mean()) / (logs.std(ddof=1) * np.sqrt(1 + 1 / 6))
    found = volume(earlier, now)
    assert (found.statistic, found.p_value) == pytest.approx((t, 2 * stats.t.sf(-t, 5)))
    assert found.effect_low < found.effect < found.effect_high
    assert found.headline == "fewer rows came than usual"
    assert found.fact == "260 rows came, usually 1,020"


def test_a_detectable_volume_is_found_four_times_out_of_five() -> None:
    rng = np.random.default_rng(2)
    found = []
    for _ in range(600):
        rows = rng.poisson(3000 * np.exp(0.1 * rng.normal(size=31)))
        fall = 1 - volume(rows[:30].tolist(), 3000).detectable(0.01)
        found.append(volume(rows[:30].tolist(), int(rows[30] * fall)).p_value <= 0.01)
    assert np.mean(found) == pytest.approx(0.8, abs=0.07)


def test_with_few_earlier_windows_nothing_is_said_of_volume() -> None:
    for earlier in ([], [1000], [1000, 1100, 900]):
        found = volume(earlier, 10)
        assert (found.p_value, found.effect_high, found.detectable(0.05)) == (1.0, 1.0, 1.0)


def test_no_rows_at_all_are_seen() -> None:
    found = volume([1000, 1100, 900, 1000, 1050], 0)
    assert found.effect == 1
    assert found.p_value < 1e-3
