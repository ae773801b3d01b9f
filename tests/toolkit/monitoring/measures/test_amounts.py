"""How many rows and distinct values are usual: false alarms and power by simulation, expectations by exact counts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from roadworthy.monitoring.measures import cardinality, volume
from roadworthy.monitoring.profiles import ColumnSummary, Profile


def summary(values: object) -> ColumnSummary:
    return Profile.of(pd.DataFrame({"x": values})).column("x")


def ids(codes: object) -> ColumnSummary:
    return summary(pd.Series(codes).map("id-{}".format))


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


def test_distinct_values_of_fewer_rows_are_fewer() -> None:
    rng = np.random.default_rng(3)
    codes = rng.zipf(1.5, 30_000) % 2000
    shares = np.unique(codes, return_counts=True)[1] / 30_000
    reference = ids(codes)
    assert reference.exact
    found = cardinality(reference, ids(rng.choice(codes, 1000)))
    assert found.p_value > 0.01
    expected = (1 - (1 - shares) ** 1000).sum()
    assert f"as many rows had {expected:,.0f}"[:-1] in found.fact
    fewer = cardinality(reference, ids(rng.choice(codes[codes < 20], 1000)))
    assert fewer.p_value < 1e-6
    assert fewer.headline == "x has fewer distinct values"
    assert fewer.effect > 0.5


def test_usual_numbers_of_distinct_values_seldom_alarm() -> None:
    rng = np.random.default_rng(4)
    p_values = []
    for _ in range(30):
        draw = lambda n: ids(rng.zipf(1.6, n) % 3000)  # noqa: E731
        p_values.append(cardinality(draw(8000), draw(900)).p_value)
    assert sum(p <= 0.01 for p in p_values) <= 3  # 99.9 % of binomial(30, 0.01) lie at or below


def test_ever_new_ids_have_the_usual_number_and_repeated_ones_have_not() -> None:
    reference = ids(range(30_000))
    assert cardinality(reference, ids(range(30_000, 33_000))).p_value > 0.05
    repeated = cardinality(reference, ids(np.arange(3000) % 40))
    assert repeated.p_value < 1e-12
    assert repeated.effect > 0.9
