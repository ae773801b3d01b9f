"""Windows in which no row came: named, but not for ever, and not where rows make the windows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.config import WindowPolicy
from roadworthy.monitoring.windows import Length, silent, window_of
from roadworthy.monitoring.windows.silence import LONGEST

MAY = datetime(2013, 5, 1, tzinfo=UTC)


@pytest.mark.parametrize(("length", "names"), [("month", ["2013-06-01"]), ("week", ["2013-06-03", "2013-06-10"])])
def test_windows_that_have_passed_without_rows_are_those_of_the_calendar(length: Length, names: list[str]) -> None:
    known = [window_of(MAY + timedelta(days=day), length) for day in range(30)]
    until = datetime(2013, 7, 1, tzinfo=UTC) if length == "month" else datetime(2013, 6, 20, tzinfo=UTC)
    assert [window.name for window in silent(known, WindowPolicy(length=length), until)] == names


@given(
    hours=st.sets(st.integers(0, 400), min_size=1),
    until=st.integers(0, 500),
    rows=st.one_of(st.none(), st.integers(1, 9)),
)
def test_known_and_silent_windows_divide_the_time_up_to_the_first_that_is_left_out(
    hours: set[int], until: int, rows: int | None
) -> None:
    known = [window_of(MAY + timedelta(hours=hour), "hour") for hour in hours]
    passed = MAY + timedelta(hours=until, minutes=30)
    found = list(silent(known, WindowPolicy(length="hour", rows=rows), passed))
    places = sorted(hours)
    for place, following in zip(places, [*places[1:], 10**6], strict=True):
        gap = [MAY + timedelta(hours=hour) for hour in range(place + 1, min(following, until, place + 1 + LONGEST))]
        own = [window.start for window in found if place <= (window.start - MAY) / timedelta(hours=1) < following]
        assert own == gap
    assert all(window.end <= passed for window in found)


def test_of_a_year_without_rows_so_much_is_named_as_says_something() -> None:
    known = [window_of(MAY, "hour"), window_of(MAY + timedelta(days=365), "hour")]
    found = list(silent(known, WindowPolicy(length="hour"), MAY + timedelta(days=366)))
    assert len(found) == LONGEST + 23
    assert found[LONGEST - 1].end == MAY + timedelta(hours=LONGEST + 1)


def test_before_the_first_row_there_is_no_silence() -> None:
    assert list(silent([], WindowPolicy(length="day"), MAY)) == []


def test_windows_by_number_of_rows_are_never_silent() -> None:
    known = [window_of(MAY, "hour")]
    assert list(silent(known, WindowPolicy(length=None, rows=100), MAY + timedelta(days=9))) == []
