"""Windows in which no row came: judged by that alone, and no part of what others are judged by."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from roadworthy import lifecycle
from roadworthy.monitoring.report import files, to_html
from roadworthy.monitoring.report.trends import trends
from roadworthy.observation import observe
from roadworthy.records import WindowReport, now

if TYPE_CHECKING:
    from conftest import Airport

MAY = pd.Timestamp("2013-05-01", tz="UTC")


def _day(reports: list[WindowReport], day: int) -> WindowReport:
    return next(report for report in reports if report.window.name == f"2013-05-{day:02}")


def _days(airport: Airport, counts: list[int], first: pd.Timestamp = MAY) -> None:
    """Answer so many flights on each of some days."""
    for day, count in enumerate(counts):
        if count:
            airport.answer(airport.flights(count, first + pd.Timedelta(days=day), 1))


def _volumes(reports: list[WindowReport]) -> dict[str, list[str]]:
    """Return what is said of how many rows came in each window that has none."""
    return {
        report.window.name[-2:]: [reading.verdict for reading in report.readings if reading.kind == "volume"]
        for report in reports
        if not report.rows
    }


def test_a_window_without_rows_is_judged_by_that_alone(airport: Airport) -> None:
    airport.judge_by("{length: day, segments: [origin]}")
    _days(airport, [600, 640, 590, 610, 620, 600, 0, 640])
    reports = observe(airport.project)
    assert [report.window.name[-2:] for report in reports] == ["01", "02", "03", "04", "05", "06", "07", "08"]
    silent = _day(reports, 7)
    reading, *features = silent.readings
    assert [one.column for one in features] == ["origin", "temp", "probability"]
    assert {one.verdict for one in features} == {"too little data"}
    assert reading.words == "fewer rows came than usual: no row came, usually 612"
    assert (silent.verdict, silent.drifted, silent.open) == ("drift", ("rows",), False)
    assert (silent.performance, silent.segments, silent.served, silent.versions) == ((), (), (), {})
    assert silent.reference == reports[0].reference
    assert silent.baseline is not None
    assert silent.baseline.words == "how many rows came in 5 earlier windows"
    # nothing else is judged in it: its part of the budget is whole, and no more than any window's
    assert silent.expected_false_alarms == pytest.approx(0.5 / 30.436875)
    assert airport.project.state.windows() == reports
    assert observe(airport.project) == []


def test_its_report_tells_so_and_keeps_the_trends(airport: Airport) -> None:
    _days(airport, [600, 640, 590, 610, 620, 600, 0])
    observe(airport.project, clock=(MAY + pd.Timedelta(days=7)).to_pydatetime())
    path = airport.project.config.reports / "2013-05-07.drift.json"
    found = files.read(path, path.name)
    assert found.report is not None
    assert (found.rows, found.report.verdict, len(found.former)) == (0, "drift", 6)
    page = files.document(path)
    assert "No traffic came." in to_html(page)
    columns = {trend.column: (trend.verdict, trend.words) for trend in trends(page.windows, page.windows[-1])}
    assert list(columns) == ["rows", "origin", "probability", "temp"]
    assert columns["rows"] == ("drift", "in 1 of 2 windows, new in 2013-05-07")
    assert columns["temp"] == ("too little data", "no drift in 7 windows")


def test_before_others_are_known_nothing_is_said_of_a_silence(airport: Airport) -> None:
    _days(airport, [600, 0, 640])
    silent = _day(observe(airport.project), 2)
    assert (silent.rows, silent.verdict, silent.expected_false_alarms) == (0, "too little data", 0)
    assert {reading.kind for reading in silent.readings} == {"feature", "prediction"}


def test_a_silence_goes_on_being_told_and_what_is_usual_stays(airport: Airport) -> None:
    _days(airport, [600, 640, 590, 610, 620, 600])
    end = MAY + pd.Timedelta(days=12)
    observe(airport.project, clock=end.to_pydatetime())
    reports = airport.project.state.windows()
    assert _volumes(reports) == {f"{day:02}": ["drift"] for day in range(7, 13)}
    _days(airport, [90, 600], first=end)  # half as many are missing: held against windows that have rows
    back = _day(observe(airport.project, clock=(end + pd.Timedelta(days=2)).to_pydatetime()), 13)
    (reading,) = (reading for reading in back.readings if reading.kind == "volume")
    assert (reading.verdict, reading.n_reference) == ("drift", 5)


def test_where_it_is_usual_that_none_come_a_silence_is_no_drift(airport: Airport) -> None:
    week = [600, 640, 590, 610, 620, 0, 0]  # from a Monday on
    _days(airport, [*week * 5, 600], first=MAY + pd.Timedelta(days=5))
    silent = [report for report in observe(airport.project) if not report.rows]
    # the first weekend is news; from then on days without rows are known
    assert [report.verdict for report in silent] == ["drift", "drift", *["too little data"] * 8]


def test_a_late_row_reopens_a_window_without_rows(airport: Airport) -> None:
    _days(airport, [600, 640, 590, 610, 620, 600, 0, 640])
    observe(airport.project)
    airport.answer(airport.flights(550, MAY + pd.Timedelta(days=6), 1))
    (report,) = observe(airport.project)
    assert (report.window.name, report.rows) == ("2013-05-07", 550)
    assert "rows" not in report.drifted
    assert len(airport.project.state.windows()) == 8


def test_late_rows_divide_a_window_without_rows_where_they_are_many(airport: Airport) -> None:
    airport.judge_by("{length: day, rows: 500}")
    _days(airport, [400, 0, 400])
    silent = _day(observe(airport.project), 2)
    assert silent.rows == 0
    airport.answer(airport.flights(1200, MAY + pd.Timedelta(days=1), 1))
    observe(airport.project)
    kept = airport.project.state.windows()
    assert [report.rows for report in kept] == [400, 500, 500, 200, 400]
    assert all(one.window.end <= other.window.start for one, other in itertools.pairwise(kept))


def test_a_window_without_rows_is_no_reference(airport: Airport) -> None:
    airport.judge_by("{length: day, reference: before, earlier: 2}")
    _days(airport, [600, 600, 0, 600])
    fourth = _day(observe(airport.project), 4)
    assert fourth.baseline is not None
    assert fourth.baseline.windows == ("2013-05-01", "2013-05-02")
    assert (fourth.baseline.rows, fourth.baseline.slices) == (1200, 2)


def test_time_goes_on_where_requests_are_answered_as_they_come(airport: Airport) -> None:
    airport.judge_by("hour")
    this_hour = pd.Timestamp(now()).floor("h")
    airport.answer(airport.flights(300, this_hour - pd.Timedelta(hours=4), 1 / 24), delay="20min")
    first, *silent = observe(airport.project)
    assert (first.rows, first.open) == (300, False)
    # what comes may be late by twenty minutes, so that the hour before this one may not have passed yet
    assert [report.window.start for report in silent[:2]] == [this_hour - pd.Timedelta(hours=h) for h in (3, 2)]
    assert all(report.window.end <= now() - pd.Timedelta(minutes=20) for report in silent)
    assert not any(report.rows for report in silent)


def test_a_replay_of_other_times_does_not_make_a_silence(airport: Airport) -> None:
    _days(airport, [600, 600])
    assert [report.open for report in observe(airport.project)] == [False, True]


def test_of_hours_that_are_yet_to_come_nothing_is_said(airport: Airport) -> None:
    airport.judge_by("hour")
    this_hour = pd.Timestamp(now()).floor("h")
    airport.answer(airport.flights(300, this_hour, 1 / 24), delay="0s")
    airport.answer(airport.flights(3, this_hour + pd.Timedelta(hours=6), 1 / 24), delay="-6h")
    assert [report.rows for report in observe(airport.project)] == [300, 3]


def test_a_silence_is_one_alert_until_rows_come(airport: Airport) -> None:
    _days(airport, [600, 640, 590, 610, 620, 600])
    silence = MAY + pd.Timedelta(days=9)
    decided = lifecycle.watch_once(airport.project, who="policy", clock=silence.to_pydatetime())
    assert [decision.action for decision in decided if decision.findings] == ["alert"] * 3
    (alert,) = airport.project.state.open_alerts()
    assert (alert.role, alert.count) == ("infrastructure", 3)
    assert "In the window from 2013-05-09: fewer rows came than usual: no row came" in alert.message
    _days(airport, [30], first=silence)
    lifecycle.watch_once(airport.project, who="policy", clock=(silence + pd.Timedelta(hours=9)).to_pydatetime())
    assert airport.project.state.open_alerts() == []
