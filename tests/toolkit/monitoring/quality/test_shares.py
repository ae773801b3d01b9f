"""Values beyond the contract's limits, rows that repeat others, and answers captured twice."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from roadworthy.config import QualityPolicy
from roadworthy.contract import Column
from roadworthy.monitoring import quality
from roadworthy.monitoring.drift import Fact, judge
from roadworthy.monitoring.profiles import Profile
from roadworthy.monitoring.slices import Sliced

POLICY = QualityPolicy()
TEMP = Column(name="temp", type="number", role="feature", minimum=-60, maximum=130)
START = pd.Timestamp("2013-05-01", tz="UTC")


def _rows(count: int, outside: int = 0, *, repeated: int = 0, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    temp = rng.uniform(-60, 130, count)
    temp[:outside] = np.where(np.arange(outside) % 2, -61.0, 131.0)
    at = START + pd.to_timedelta(np.arange(count), unit="s")
    frame = pd.DataFrame({"at": at, "temp": temp, "probability": rng.random(count)})
    return pd.concat([frame, frame[:repeated].assign(probability=0.5)], ignore_index=True)


def _sliced(rows: pd.DataFrame) -> Sliced:
    return Sliced(Profile.of(quality.with_facts(rows, ["temp", "probability"], "at")))


def _facts(before: pd.DataFrame, after: pd.DataFrame) -> dict[str, Fact]:
    found = quality.facts(_sliced(before), _sliced(after), [TEMP], POLICY, minimum_rows=500)
    return {fact.kind: fact for fact in found}


def test_values_beyond_the_limits_are_counted_exactly_and_tested_like_scipy() -> None:
    found = _facts(_rows(1000, 10), _rows(800, 40, seed=1))["range"].evidence
    table = np.array([[10, 990], [40, 760]])
    assert found.effect == pytest.approx(40 / 800 - 10 / 1000)
    assert found.p_value == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)
    assert (found.n_reference, found.n_window) == (1000, 800)
    assert found.fact == "5.0 % are outside of -60 to 130, it was 1.0 %"
    assert found.effect_low < found.effect < found.effect_high


def test_the_limits_themselves_are_within() -> None:
    rows = _rows(600)
    rows["temp"] = [-60.0, 130.0] * 300
    assert "range" not in _facts(rows, rows)


def test_fewer_values_beyond_the_limits_are_no_change_that_matters() -> None:
    found = _facts(_rows(2000, 200), _rows(2000))["range"]
    (reading,) = judge([found], 0.05)
    assert (reading.effect, reading.verdict) == (0.0, "no drift")


def test_more_of_them_are() -> None:
    (reading,) = judge([_facts(_rows(2000), _rows(2000, 60))["range"]], 0.01)
    assert (reading.column, reading.kind, reading.verdict) == ("temp", "range", "drift")
    assert reading.words == (
        "more values of temp beyond the contract's limits: 3.0 % are outside of -60 to 130, it was 0 %"
    )


def test_a_row_repeats_another_by_its_moment_and_values_whatever_was_answered() -> None:
    told = quality.with_facts(_rows(1000, repeated=30), ["temp", "probability"], "at")
    assert told[quality.REPEATS].sum() == 30
    assert list(told.columns) == ["temp", "probability", quality.REPEATS]
    (reading,) = judge([_facts(_rows(1000), _rows(1000, repeated=30))["duplicates"]], 0.01)
    assert (reading.column, reading.kind, reading.verdict) == ("rows", "duplicates", "drift")
    assert reading.effect == pytest.approx(30 / 1030)
    assert "duplicates" not in _facts(_rows(1000), _rows(1000, seed=1))


def test_captured_rows_have_a_delay() -> None:
    rows = _rows(3).assign(received=lambda frame: frame["at"] + pd.Timedelta(hours=1))
    assert quality.with_facts(rows, ["temp"], "at")[quality.DELAY].tolist() == [3600.0] * 3


def test_answers_captured_twice_are_a_fact() -> None:
    assert quality.repeated_ids(0, 100, POLICY) is None
    twice = quality.repeated_ids(5, 95, POLICY)
    assert twice is not None
    (reading,) = judge([twice], 0.001)
    assert (reading.column, reading.kind, reading.verdict, reading.effect) == (
        "request ids",
        "duplicates",
        "drift",
        0.05,
    )


def test_few_rows_say_nothing() -> None:
    (reading,) = judge([_facts(_rows(1000), _rows(100, 50))["range"]], 0.05)
    assert reading.verdict == "too little data"
