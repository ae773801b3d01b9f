"""Figures read well, and differ on paper when they differ."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.contract import Column
from roadworthy.monitoring.wording import figure, moment, pair, percent

NUMBER = Column(name="x", type="number", role="feature")
TIME = Column(name="t", type="timestamp", role="feature")


@given(st.floats(-1e12, 1e12))
def test_a_figure_is_the_number_to_three_digits(value: float) -> None:
    assert float(figure(value).replace(",", "")) == pytest.approx(value, rel=0.006, abs=1e-300)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "0"),
        (39.9, "39.9"),
        (100.0, "100"),
        (-12.04, "-12"),
        (9999.6, "10000"),
        (float("inf"), "inf"),
    ],
)
def test_figures_are_plain(value: float, text: str) -> None:
    assert figure(value) == text


def test_a_pair_shows_the_difference() -> None:
    assert pair(36.12, 36.08, NUMBER) == ("36.12", "36.08")
    assert pair(2.0, 2.0, NUMBER) == ("2", "2")
    assert pair(1357034400, 1357038000, TIME) == ("2013-01-01 10:00", "2013-01-01 11:00")


def test_times_beyond_the_calendar_stay_numbers() -> None:
    assert moment(1e18) == "1,000,000,000,000,000,000 s"


@pytest.mark.parametrize(
    ("share", "text"), [(0, "0 %"), (1, "100.0 %"), (0.0004, "under 0.1 %"), (0.0005, "0.1 %"), (0.9999, "100.0 %")]
)
def test_shares_are_percent(share: float, text: str) -> None:
    assert percent(share) == text
