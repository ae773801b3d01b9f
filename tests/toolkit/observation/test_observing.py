"""Windows are judged when they have changed, and only what has changed is looked at again."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from roadworthy import production
from roadworthy.errors import MonitoringError, StateError
from roadworthy.monitoring import quality
from roadworthy.monitoring.profiles import Profile
from roadworthy.observation import observe, traffic
from roadworthy.observation.profiling import Profiler
from roadworthy.observation.traffic import Traffic
from roadworthy.records import Reading, Segment, WindowReport

if TYPE_CHECKING:
    from conftest import Airport

MAY = pd.Timestamp("2013-05-01", tz="UTC")
EVENING = MAY + pd.Timedelta(hours=20)  # so that a few hours make two windows
JFK = Segment(column="origin", value="JFK")


def _day(reports: list[WindowReport], day: int) -> WindowReport:
    return next(report for report in reports if report.window.name == f"2013-05-{day:02}")


@pytest.fixture
def profiled(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each reading of the table of predictions gave, to see what was looked at again."""
    seen: list[int] = []
    read = Traffic.read

    def counted(*args: object, **options: object) -> object:
        for frame, parts in read(*args, **options):  # type: ignore[arg-type]
            if options.get("columns") is None:
                seen.append(len(frame))
            yield frame, parts

    monkeypatch.setattr(Traffic, "read", counted)
    return seen


def test_a_window_says_what_it_was_held_against_and_in_which_parts(airport: Airport) -> None:
    airport.judge_by("{length: day, segments: [origin]}")
    captured = airport.answer(airport.flights(1500, EVENING, 0.3))
    reports = observe(airport.project)
    assert [report.window.name for report in reports] == ["2013-05-01", "2013-05-02"]
    assert [report.open for report in reports] == [False, True]
    first = reports[0]
    by_hour = captured["scheduled_departure"][lambda at: at < MAY + pd.Timedelta(days=1)].dt.floor("h")
    assert [part.rows for part in first.slices] == by_hour.value_counts(sort=False).tolist()
    assert first.baseline is not None
    assert (first.baseline.kind, first.baseline.rows, first.baseline.slices) == ("training", 4000, 30)
    assert first.baseline.words == f"what {first.reference} was trained on"
    assert sum(segment.rows for segment in first.segments) == first.rows == len(by_hour)
    assert [one.segment.name for one in first.segments] == ["origin EWR", "origin JFK", "origin LGA", "origin other"]
    assert first.verdict != "drift"
    folder = airport.project.config.reports
    assert Profile.read(folder / "2013-05-01.profile.bin").rows == first.rows
    assert json.loads((folder / "2013-05-01.drift.json").read_text())["baseline"]["kind"] == "training"
    assert airport.project.state.windows() == reports
    assert observe(airport.project) == []


def test_a_report_is_not_to_be_seen_before_its_window_is_in_the_state(airport: Airport) -> None:
    airport.judge_by("{length: day}")
    airport.answer(airport.flights(300, MAY, 0.3))
    project = airport.project
    before = production.seen(project)
    with closing(sqlite3.connect(project.config.private("state.db"))) as database:
        database.execute(
            "CREATE TRIGGER full BEFORE INSERT ON windows BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        )
        with pytest.raises(StateError, match="the disk is full"):
            observe(project)
        assert production.seen(project) == before
        database.execute("DROP TRIGGER full")
    (report,) = observe(project)
    after = production.seen(project)
    told = production.changes(project, before, after, folder="", below=project.root)
    assert [(event.kind, event.report) for event in told] == [
        ("report", "reports/2013-05-01.drift.json"),
        ("production", None),
    ]
    assert project.state.windows() == [report]


def test_a_report_that_was_kept_but_not_shown_is_shown_by_the_next_look(airport: Airport) -> None:
    airport.judge_by("{length: day}")
    airport.answer(airport.flights(300, MAY, 0.3))
    (report,) = observe(airport.project)
    shown = airport.project.config.reports / "2013-05-01.drift.json"
    shown.rename(shown.with_name(f"{shown.name}.new"))  # as when the machine stops at that moment
    (again,) = observe(airport.project)
    assert again.readings == report.readings
    assert WindowReport.model_validate_json(shown.read_bytes()) == again
    assert not [*shown.parent.glob("*.new")]
    assert observe(airport.project) == []


def test_the_budget_is_shared_by_the_window_and_its_segments(airport: Airport) -> None:
    airport.judge_by("{length: day, segments: [origin]}")
    airport.answer(airport.flights(1500, EVENING, 0.3))
    first = observe(airport.project)[0]
    levels = {reading.level for one in (first, *first.segments) for reading in one.readings}
    (level,) = levels
    budget = airport.project.config.policy.drift.false_alarms_per_month
    assert level == pytest.approx(budget / 30.436875 / 5)
    judged = 1 + sum(bool(one.readings) for one in first.segments)
    assert first.expected_false_alarms == pytest.approx(judged * level)


def test_a_change_in_one_segment_is_seen_there(airport: Airport) -> None:
    airport.judge_by("{length: day, segments: [origin]}")
    flights = airport.flights(6000, MAY, 0.3)
    flights.loc[flights["origin"] == "LGA", "temp"] += 15
    airport.answer(flights)
    (report,) = observe(airport.project)
    drifted = {one.segment.value: one.drifted for one in report.segments}
    assert "temp" in drifted["LGA"]
    assert "temp" not in drifted["EWR"] + drifted["JFK"]


def test_what_matters_to_the_version_comes_first(airport: Airport) -> None:
    flights = airport.flights(3000, MAY, 0.6, warmer=4)
    flights["origin"] = "LGA"  # the larger change, of what the model hardly goes by
    airport.answer(flights)
    (report,) = observe(airport.project)
    by_column = {reading.column: reading for reading in report.readings if reading.kind == "feature"}
    temp, origin = by_column["temp"], by_column["origin"]
    assert temp.importance == 1.0
    assert origin.importance is not None
    assert origin.importance < 0.1
    assert by_column.keys() == {"temp", "origin"}
    assert temp.verdict == origin.verdict == "drift"
    assert temp.ratio < origin.ratio
    assert report.drifted.index("temp") < report.drifted.index("origin")
    assert [*report.readings] == sorted(report.readings, key=Reading.urgency)
    assert {reading.importance for reading in report.readings if reading.kind == "prediction"} == {None}


def test_a_late_row_reopens_its_window_and_costs_its_slice_alone(airport: Airport, profiled: list[int]) -> None:
    airport.judge_by("{length: day, segments: [origin]}")
    airport.answer(airport.flights(1000, EVENING, 0.6))
    before = observe(airport.project)
    assert sum(profiled) == 1000
    profiled.clear()
    late = airport.flights(1, MAY + pd.Timedelta(days=1, hours=7), 0.01)
    airport.answer(late)
    (report,) = observe(airport.project)
    assert report.window == _day(before, 2).window
    assert report.rows == _day(before, 2).rows + 1
    hour = next(part for part in report.slices if part.start.hour == 7)
    assert profiled == [hour.rows]
    assert sum(segment.rows for segment in report.segments) == report.rows
    folder = airport.project.config.reports
    assert Profile.read(folder / "2013-05-02.profile.bin").rows == report.rows


def test_rows_are_read_a_stretch_at_a_time(
    airport: Airport, profiled: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "_ROWS_AT_ONCE", 300)
    airport.answer(airport.flights(1500, MAY, 0.6))
    (report,) = observe(airport.project)
    assert sum(profiled) == report.rows == 1500
    assert max(profiled) <= 300
    assert len(profiled) < len(report.slices)


def test_late_labels_leave_the_readings_as_they_are(airport: Airport, profiled: list[int]) -> None:
    airport.judge_by("{length: day, segments: [origin]}")
    captured = airport.answer(airport.flights(2000, EVENING, 0.3))
    first = observe(airport.project)[0]
    profiled.clear()
    airport.label(captured[captured["scheduled_departure"] < MAY + pd.Timedelta(days=1)])
    (again,) = observe(airport.project)
    assert profiled == []
    assert again.readings == first.readings
    assert [one.readings for one in again.segments] == [one.readings for one in first.segments]
    assert (again.labelled, sum(one.labelled for one in again.segments)) == (first.rows, first.rows)
    assert again.performance[0].metrics["roc_auc"].n == first.rows


def test_the_windows_before_are_the_reference_and_are_profiled_once(airport: Airport, profiled: list[int]) -> None:
    airport.judge_by("{length: day, reference: before, earlier: 2}")
    airport.answer(airport.flights(3000, MAY, 5, warmer=20))
    reports = observe(airport.project)
    assert sum(profiled) == 3000
    kinds = [(report.baseline.kind, report.baseline.windows) for report in reports if report.baseline]
    assert kinds == [
        ("training", ()),
        ("before", ("2013-05-01",)),
        ("before", ("2013-05-01", "2013-05-02")),
        ("before", ("2013-05-02", "2013-05-03")),
        ("before", ("2013-05-03", "2013-05-04")),
    ]
    assert reports[0].verdict == "drift"
    assert not any(report.drifted for report in reports[1:])
    third = reports[2].baseline
    assert third is not None
    assert (third.rows, third.slices) == (sum(report.rows for report in reports[:2]), 2)


def test_a_reference_whose_file_is_gone_is_made_from_the_table(airport: Airport) -> None:
    airport.answer(airport.flights(1500, MAY, 2))
    observe(airport.project)
    airport.judge_by("{length: day, reference: frozen, frozen: '2013-05-01'}")
    (airport.project.config.reports / "2013-05-01.profiles.zip").unlink()
    airport.answer(airport.flights(1500, MAY + pd.Timedelta(days=2), 1))
    second, third = observe(airport.project)
    for report in (second, third):
        assert report.baseline is not None
        assert (report.baseline.windows, report.baseline.rows) == (("2013-05-01",), _first_rows(airport))


def _first_rows(airport: Airport) -> int:
    return airport.project.state.windows()[0].rows


def test_windows_by_rows_close_when_they_are_full_and_replace_what_was_open(airport: Airport) -> None:
    airport.judge_by("{length: null, rows: 1000}")
    airport.answer(airport.flights(1300, MAY, 1))
    full, still_open = observe(airport.project)
    assert [(report.rows, report.open) for report in (full, still_open)] == [(1000, False), (300, True)]
    airport.answer(airport.flights(900, MAY + pd.Timedelta(days=1), 1))
    again, newest = observe(airport.project)
    assert [(report.rows, report.open) for report in (again, newest)] == [(1000, False), (200, True)]
    assert again.window.start == still_open.window.start
    kept = airport.project.state.windows()
    assert [report.window for report in kept] == [full.window, again.window, newest.window]
    assert sum(report.rows for report in kept) == 2200
    late = airport.flights(1, MAY + pd.Timedelta(hours=1), 0.001)
    airport.answer(late)
    (reopened,) = observe(airport.project)
    assert (reopened.window, reopened.rows, reopened.open) == (full.window, 1001, False)


def test_windows_of_hours_are_held_against_hours(airport: Airport) -> None:
    airport.judge_by("hour")
    airport.release(trees=6, days=3)
    airport.answer(airport.flights(2000, MAY, 0.08))
    first = observe(airport.project)[0]
    assert first.baseline is not None
    assert first.baseline.slices == 72
    assert first.slices[0].end - first.slices[0].start == pd.Timedelta(minutes=5)
    assert first.verdict in ("no drift", "too little data")


def test_a_version_without_slices_still_serves_as_reference(airport: Airport, monkeypatch: pytest.MonkeyPatch) -> None:
    airport.judge_by("{length: day, segments: [origin]}")
    monkeypatch.setattr("roadworthy.observation.references.windows.training_file", lambda unit: "absent")
    airport.answer(airport.flights(1500, EVENING, 0.3))
    first = observe(airport.project)[0]
    assert first.baseline is not None
    assert (first.baseline.rows, first.baseline.slices) == (4000, 0)
    assert first.readings
    assert all(one.baseline_rows == 0 and not one.readings for one in first.segments)


def test_what_cannot_divide_traffic_is_named(airport: Airport) -> None:
    airport.judge_by("{length: day, segments: [carrier]}")
    airport.answer(airport.flights(10, MAY, 1))
    with pytest.raises(MonitoringError, match="divided by carrier"):
        observe(airport.project)


def test_an_answer_that_was_captured_twice_counts_once_and_is_told(airport: Airport) -> None:
    captured = airport.answer(airport.flights(1000, MAY, 1))
    airport.project.tables.append("predictions", captured.drop(columns="label")[:20])
    (report,) = observe(airport.project)
    assert report.rows == 1000
    told = {reading.column: reading for reading in report.readings if reading.kind == "duplicates"}
    assert told["request ids"].effect == pytest.approx(20 / 1020)
    assert told["request ids"].verdict == "drift"


def test_the_usual_volume_is_known_after_some_windows(airport: Airport) -> None:
    airport.judge_by("week")
    monday = MAY + pd.Timedelta(days=5)
    for week, count in enumerate([40, 600, 640, 590, 610, 620, 90, 500]):
        airport.answer(airport.flights(count, monday + pd.Timedelta(days=7 * week), 7))
    volumes = [
        [reading.verdict for reading in report.readings if reading.kind == "volume"]
        for report in observe(airport.project)
    ]
    # the first week may have begun at any time, four must be known, and the last one is still open
    assert volumes == [[], [], [], [], [], ["no drift"], ["drift"], []]


def test_freshness_is_judged_where_the_contract_promises_it(airport: Airport) -> None:
    contract = airport.project.root / "monitoring" / "contract.yaml"
    promise = "slaProperties:\n- {property: latency, value: 2, unit: h, element: flights.scheduled_departure}\n"
    contract.write_text(contract.read_text() + promise)
    airport.judge_by("day")
    airport.answer(airport.flights(1000, MAY, 1), delay="3h")
    airport.answer(airport.flights(1000, MAY + pd.Timedelta(days=1), 1), delay="1h")
    clock = MAY + pd.Timedelta(days=2)
    late, newest = observe(airport.project, clock=clock.to_pydatetime())
    verdicts = [{r.measure: r.verdict for r in report.readings if r.kind == "freshness"} for report in (late, newest)]
    assert verdicts == [
        {"binomial, one-sided": "drift"},
        {"binomial, one-sided": "no drift", "age of the newest event": "no drift"},
    ]
    later = (clock + pd.Timedelta(days=1)).to_pydatetime()
    passed, stale = observe(airport.project, clock=later)  # of the day that was the newest it is said no more
    assert [(report.window.name, report.rows) for report in (passed, stale)] == [
        ("2013-05-02", 1000),
        ("2013-05-03", 0),
    ]
    assert quality.AGE not in [reading.measure for reading in passed.readings]
    assert {r.measure: r.verdict for r in stale.readings}["age of the newest event"] == "drift"
    assert observe(airport.project, clock=later) == []
    assert stale.drifted == ("scheduled_departure",)


def test_kept_profiles_are_those_of_the_rows(airport: Airport) -> None:
    airport.judge_by("{length: day, segments: [origin]}")
    captured = airport.answer(airport.flights(1500, MAY, 0.3))
    (report,) = observe(airport.project)
    profiler = Profiler(airport.project, _traffic(airport))
    segments = [one.segment for one in report.segments]
    found = profiler.of(report.window, segments).sliced(pd.Timedelta(days=1), JFK)
    assert found is not None
    own = captured[captured["origin"] == "JFK"]
    assert found.whole.column("temp").quantiles([0.5])[0] == pytest.approx(np.median(own["temp"]), abs=0.5)
    assert found.whole.rows == len(own)


def _traffic(airport: Airport) -> Traffic:
    from roadworthy.observation import read_traffic

    return read_traffic(airport.project)
