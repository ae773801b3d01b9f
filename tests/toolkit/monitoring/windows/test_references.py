"""Which earlier windows a window is held against."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from roadworthy.config import WindowPolicy
from roadworthy.errors import MonitoringError
from roadworthy.monitoring.windows import referred, same_season, unit_of, window_of, windows_a_month, words
from roadworthy.monitoring.windows.stretches import Length
from roadworthy.records import Window, WindowReport

MAY = datetime(2013, 5, 1, tzinfo=UTC)


def _report(window: Window, *, still_open: bool = False, rows: int = 9) -> WindowReport:
    facts = {"project": "p", "labelled": 0, "versions": {}, "reference": "v", "verdict": "no drift"}
    return WindowReport.model_validate(facts | {"window": window, "open": still_open, "rows": rows})


def _days(count: int, length: Length = "day") -> list[WindowReport]:
    step = timedelta(hours=1) if length == "hour" else timedelta(days=1)
    return [_report(window_of(MAY + number * step, length)) for number in range(count)]


def _names(policy: WindowPolicy, day: int, reports: list[WindowReport]) -> list[str]:
    window = window_of(MAY + timedelta(days=day), "day")
    return [report.window.name[-2:] for report in referred(policy, window, reports)]


def test_the_training_data_is_no_window() -> None:
    assert _names(WindowPolicy(length="day"), 20, _days(20)) == []


def test_the_newest_windows_before_that_have_closed() -> None:
    policy = WindowPolicy(length="day", reference="before", earlier=3)
    days = _days(20)
    assert _names(policy, 10, days) == ["08", "09", "10"]
    assert _names(policy, 1, days) == ["01"]
    assert _names(policy, 0, days) == []
    days[9] = _report(days[9].window, still_open=True)
    assert _names(policy, 10, days[::-1]) == ["07", "08", "09"]


@pytest.mark.parametrize(("reference", "names"), [("before", ["07", "08", "10"]), ("season", ["04", "11", "25"])])
def test_windows_without_rows_do_not_count(reference: str, names: list[str]) -> None:
    policy = WindowPolicy.model_validate({"length": "day", "reference": reference, "earlier": 3})
    days = _days(31)
    for silent in (8, 17):  # the 9th, and the 18th, which is of the season of the last day
        days[silent] = _report(days[silent].window, rows=0)
    assert _names(policy, 10 if reference == "before" else 31, days) == names
    frozen = WindowPolicy(length="day", reference="frozen", frozen="2013-05-09")
    with pytest.raises(MonitoringError, match="no window '2013-05-09'"):
        referred(frozen, days[20].window, days)


def test_the_same_season() -> None:
    policy = WindowPolicy(length="day", reference="season", earlier=2)
    assert _names(policy, 22, _days(28)) == ["09", "16"]
    hourly = WindowPolicy(length="hour", reference="season", earlier=2)
    seventh = window_of(MAY + timedelta(days=3, hours=7), "hour")
    assert [r.window.name for r in referred(hourly, seventh, _days(90, "hour"))] == [
        "2013-05-02T070000Z",
        "2013-05-03T070000Z",
    ]
    years: list[tuple[Length, datetime, datetime]] = [
        ("month", MAY, datetime(2014, 5, 9, tzinfo=UTC)),
        ("week", MAY, datetime(2014, 4, 30, tzinfo=UTC)),
    ]
    assert all(same_season(window_of(one, length), window_of(other, length), length) for length, one, other in years)
    assert not same_season(window_of(MAY, "week"), window_of(MAY, "day"), "day")


def test_a_frozen_window_is_held_against_the_training_data_itself() -> None:
    policy = WindowPolicy(length="day", reference="frozen", frozen="2013-05-03")
    days = _days(20)
    assert [_names(policy, day, days) for day in (1, 2, 3, 19)] == [[], [], ["03"], ["03"]]
    assert _names(policy, 3, []) == []


def test_a_frozen_window_that_is_not_there_is_named_with_those_that_are() -> None:
    policy = WindowPolicy(length="day", reference="frozen", frozen="2013-05-03T00")
    with pytest.raises(MonitoringError, match="no window '2013-05-03T00'") as raised:
        _names(policy, 19, _days(20))
    assert "2013-05-01" in raised.value.next_step


def test_what_was_taken_is_told() -> None:
    window, days = window_of(MAY + timedelta(days=8), "day"), _days(8)
    before = WindowPolicy(length="day", reference="before", earlier=2)
    season = WindowPolicy(length="day", reference="season")
    frozen = WindowPolicy(length="day", reference="frozen", frozen="2013-05-03")
    told = [words(policy, window, referred(policy, window, days), "v:1") for policy in (before, season, frozen)]
    assert told == [
        "the 2 windows before",
        "the earlier window of the same day of the week",
        "the window of 2013-05-03, which is frozen",
    ]
    assert words(WindowPolicy(), window, (), "v:1") == "what v:1 was trained on"
    assert words(season, window, (), "v:1") == (
        "what v:1 was trained on, as no earlier window of its season has closed"
    )


def test_windows_a_month() -> None:
    lengths: list[Length] = ["hour", "day", "week", "month"]
    assert [round(windows_a_month(WindowPolicy(length=length), [])) for length in lengths] == [730, 30, 4, 1]
    half_days = [Window(start=MAY, end=MAY + timedelta(hours=12))] * 3
    assert windows_a_month(WindowPolicy(length=None, rows=9), half_days) == pytest.approx(60.87, abs=0.01)
    assert windows_a_month(WindowPolicy(length=None, rows=9), []) == 1
    assert windows_a_month(WindowPolicy(length="hour", rows=9), half_days) == pytest.approx(730.5, abs=0.1)


def test_windows_of_a_day_or_more_are_compared_by_days() -> None:
    assert unit_of(window_of(MAY, "day")) == unit_of(window_of(MAY, "month")) == timedelta(days=1)
    assert unit_of(window_of(MAY, "hour")) == timedelta(hours=1)
