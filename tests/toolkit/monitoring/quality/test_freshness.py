"""How late rows come, and how old the newest is, against what the contract promises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from roadworthy.config import QualityPolicy
from roadworthy.contract import Column
from roadworthy.monitoring import quality
from roadworthy.monitoring.drift import judge
from roadworthy.monitoring.profiles import Profile
from roadworthy.monitoring.slices import Sliced

AT = Column(name="at", type="timestamp", role="time")
POLICY = QualityPolicy(late=0.05)
HOUR = 3600.0


def _delays(late: int, rows: int) -> Profile:
    delays = np.full(rows, 60.0)
    delays[:late] = 2 * HOUR
    return Profile.of(pd.DataFrame({quality.DELAY: delays}))


def test_late_rows_are_tested_like_scipy() -> None:
    fact = quality.lateness(Sliced(_delays(90, 1000)), HOUR, AT, POLICY, minimum_rows=500)
    assert fact is not None
    assert fact.evidence.effect == 0.09
    expected = stats.binomtest(90, 1000, 0.05, alternative="greater").pvalue
    assert fact.evidence.p_value == pytest.approx(expected)
    (reading,) = judge([fact], 0.001)
    assert (reading.column, reading.kind, reading.verdict) == ("at", "freshness", "drift")
    assert reading.words == (
        "rows come later than the contract promises: 9.0 % of them more than 1 hours after at, half of them within "
        "1 minutes"
    )


def test_rows_in_time_are_no_finding_and_few_late_days_may_be_chance() -> None:
    fact = quality.lateness(Sliced(_delays(0, 1000)), HOUR, AT, POLICY, minimum_rows=500)
    assert fact is not None
    assert judge([fact], 0.05)[0].verdict == "no drift"
    days = [_delays(300 if day in (3, 9) else 0, 300) for day in range(20)]
    clustered = quality.lateness(Sliced.merged(days), HOUR, AT, POLICY, minimum_rows=500)
    assert clustered is not None
    assert clustered.evidence.effect == pytest.approx(0.1)
    assert clustered.evidence.p_value > 0.01  # two days of twenty, not 600 rows of 6,000
    assert clustered.evidence.effective_n < 100


def test_without_delays_nothing_is_said() -> None:
    empty = Sliced(Profile.of(pd.DataFrame({"x": [1.0]})))
    assert quality.lateness(empty, HOUR, AT, POLICY, minimum_rows=1) is None


@pytest.mark.parametrize(("hours", "verdict"), [(0.5, "no drift"), (1.0, "no drift"), (1.5, "drift")])
def test_the_newest_event_may_be_as_old_as_is_promised(hours: float, verdict: str) -> None:
    latest = datetime(2013, 5, 1, tzinfo=UTC)
    (reading,) = quality.age(latest, latest + timedelta(hours=hours), HOUR, AT, 10)
    assert (reading.verdict, reading.effect, reading.threshold, reading.level) == (verdict, hours * HOUR, HOUR, 0.0)


def test_an_event_that_is_still_to_come_is_fresh() -> None:
    latest = datetime(2013, 5, 1, tzinfo=UTC)
    (reading,) = quality.age(latest, latest - timedelta(hours=1), HOUR, AT, 10)
    assert (reading.verdict, reading.effect) == ("no drift", 0.0)
