"""Production as the panel shows it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from roadworthy import project as projects
from roadworthy.production import Seen, changes, seen
from roadworthy.production.picture import Answers, Judged
from roadworthy.project import Project
from roadworthy.records import Deployment, Performance, Record, Window, WindowReport, now
from roadworthy.records.lab import LabProduction

if TYPE_CHECKING:
    from conftest import Desk


def test_an_empty_project_has_a_picture(root: Path, desk: Desk) -> None:
    with projects.load(root) as empty:
        found = desk.picture(empty)
        assert (found.champion, found.challenger, found.former, found.traffic) == (None, None, (), ())
        assert [(a.act, a.possible) for a in found.acts] == [("promote", False), ("rollback", False)]
        assert all(a.why_not for a in found.acts)
        assert changes(empty, Seen(), seen(empty), folder="", below=root) == []


def test_it_names_who_answers_and_whom_one_may_go_back_to(project: Project, desk: Desk) -> None:
    found = desk.picture(project)
    assert found.champion is not None
    assert found.champion.version == desk.live
    assert found.champion.since == project.state.alias("champion").since  # type: ignore[union-attr]
    assert found.challenger is not None
    assert found.challenger.version == desk.next
    assert [one.version for one in found.former] == [desk.old]
    assert found.problem == project.config.settings.use_case.problem
    assert [entry.action for entry in found.history] == ["nominate", "promote", "promote"]
    assert LabProduction.model_validate_json(found.model_dump_json()) == found


def test_a_promoted_challenger_is_none(project: Project, desk: Desk) -> None:
    desk.move(project, "champion", desk.next, "promote")
    found = desk.picture(project)
    assert found.challenger is None
    assert [one.version for one in found.former] == [desk.live, desk.old]


def test_traffic_is_what_all_workers_tell_and_what_each_window_counted(project: Project, desk: Desk) -> None:
    of_late, june, may = desk.picture(project).traffic
    assert of_late.window is None
    assert (of_late.requests, of_late.rows, of_late.errors, of_late.error_rate) == (20, 40, 3, 0.15)
    assert of_late.p50 == pytest.approx(0.01, rel=0.02)
    assert june.window == desk.june
    assert (june.requests, june.errors, june.p99) == (52, 2, 0.2)
    assert june.error_rate == pytest.approx(2 / 52)
    # it was not counted then
    assert (may.window, may.rows, may.requests, may.error_rate) == (desk.may, 100, None, None)


def test_a_service_that_fell_silent_is_not_among_those_that_run(project: Project, desk: Desk) -> None:
    silent = now() - timedelta(minutes=5)
    for worker in (1, 2):
        project.state.heartbeat(Deployment(id=f"d{worker}", pid=1, version=desk.live, since=silent, heartbeat=silent))
    found = desk.picture(project)
    assert found.deployments == ()
    assert all(part.window for part in found.traffic)
    assert "No service runs at present" in desk.act(project, "promote").consequences[0]


def test_windows_tell_performance_and_drift_oldest_first(project: Project, desk: Desk) -> None:
    folder = project.config.reports
    folder.mkdir()
    (folder / "2013-05-01.drift.json").write_text("{}")
    found = desk.picture(project)
    assert [mark.window for mark in found.drift] == [desk.may, desk.june]
    assert [mark.report for mark in found.drift] == ["project/reports/2013-05-01.drift.json", None]
    assert [mark.open for mark in found.drift] == [False, True]
    assert found.drift[0].drifted == (desk.column,)  # as it is: whoever shows it shows text
    point = found.performance[0]
    assert (point.version, point.metric, point.realised, point.estimated) == (
        desk.live,
        "roc_auc",
        desk.reading(0.7),
        desk.reading(0.72),
    )
    assert point.estimate_trusted


def test_of_many_windows_the_newest_are_shown(project: Project, desk: Desk) -> None:
    for day in range(120):
        start = datetime(2014, 1, 1, tzinfo=UTC) + timedelta(days=day)
        project.state.save_window(desk.report(Window(start=start, end=start + timedelta(days=1))))
    found = desk.picture(project)
    assert len(found.drift) == len(found.performance) == 100
    assert found.drift[-1].window.start == datetime(2014, 4, 30, tzinfo=UTC)
    assert found.drift[0].window.start < found.drift[-1].window.start


@pytest.mark.parametrize(("brief", "whole"), [(Judged, WindowReport), (Answers, Performance)])
def test_what_the_picture_takes_of_a_report_is_in_it(brief: type[Record], whole: type[Record]) -> None:
    assert set(brief.model_fields) <= set(whole.model_fields)
