"""What has changed in production since the last look."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy.monitoring import alerts
from roadworthy.production import Seen, changes, seen
from roadworthy.project import Project
from roadworthy.records import Decision, Deployment, Finding, HistoryEntry, Observer, Rollout, Window, now
from roadworthy.records.lab import LabEvent

if TYPE_CHECKING:
    from conftest import Desk

JULY = Window(start=datetime(2013, 7, 1, tzinfo=UTC), end=datetime(2013, 8, 1, tzinfo=UTC))


def _finding(desk: Desk, severity: str = "warning") -> Finding:
    return Finding(
        cause="drift:x", owner="model", severity=severity, title=f"{desk.column} drifted", message="It rose."
    )


def test_nothing_new_is_nothing_told(project: Project) -> None:
    before = seen(project)
    assert changes(project, before, seen(project), folder="project", below=project.root.parent) == []


def _told(project: Project, before: Seen, after: Seen, *, folder: str, below: Path) -> list[LabEvent]:
    """Return what happened by name, without that production changed by it."""
    told = changes(project, before, after, folder=folder, below=below)
    return [event for event in told if event.kind != "production"]


def test_an_alert_is_told_when_it_opens_when_it_worsens_and_when_it_is_resolved(project: Project, desk: Desk) -> None:
    told = []
    before = seen(project)
    for finding in (_finding(desk), _finding(desk), _finding(desk, "critical"), None):
        if finding:
            alerts.tell([finding], project.config, project.state)
        else:
            project.state.resolve_alert("drift:x")
        after = seen(project)
        told.append(_told(project, before, after, folder="project", below=project.root.parent))
        before = after
    opened, again, worse, gone = told
    assert [(e.kind, e.project, e.severity, e.title) for e in opened] == [
        ("alert", "project", "warning", f"{desk.column} drifted")
    ]
    assert opened[0].message.startswith("It rose. For model: ")
    assert opened[0].alert is not None
    assert again == []
    assert [(e.severity, e.alert) for e in worse] == [("critical", opened[0].alert)]
    assert [(e.title, e.severity) for e in gone] == [(f"Resolved: {desk.column} drifted", "info")]


def test_of_a_muted_alert_nobody_is_told(project: Project, desk: Desk) -> None:
    (alert,) = alerts.tell([_finding(desk)], project.config, project.state)
    before = seen(project)
    alerts.mute(project.state, str(alert.id), now() + timedelta(hours=24), who="ada")
    alerts.tell([_finding(desk, "critical")], project.config, project.state)
    assert _told(project, before, seen(project), folder="", below=project.root) == []


def test_each_switch_of_the_champion_is_told_with_both_versions(project: Project, desk: Desk) -> None:
    before = seen(project)
    desk.move(project, "champion", desk.next, "promote")
    desk.move(project, "champion", desk.live, "rollback")
    there, back = _told(project, before, seen(project), folder="", below=project.root)
    assert (there.kind, there.version_from, there.version_to) == ("switch", desk.live, desk.next)
    assert (back.version_from, back.version_to, back.severity) == (desk.next, desk.live, "warning")
    assert back.title == f"Back to {desk.live.partition(':')[2]} in place of {desk.next.partition(':')[2]}"
    assert back.message == "By ada: better"


def _acknowledged(project: Project, _: Desk) -> None:
    (alert,) = project.state.open_alerts()
    alerts.acknowledge(project.state, str(alert.id), who="ann", note="I look")


def _answered(project: Project, _: Desk) -> None:
    (question,) = (decision for decision in project.state.decisions() if decision.waits)
    project.state.answer_decision(question.id, "rejected", who="ann", note="")


def _begun(project: Project, desk: Desk) -> None:
    rollout = Rollout(
        id="x",
        mode="canary",
        champion=desk.live,
        challenger=desk.next,
        steps=(0.1, 1.0),
        started=now(),
        since=now(),
        who="ann",
    )
    project.state.start_rollout(rollout, HistoryEntry(who="ann", action="rollout"))


def _reported(project: Project, desk: Desk) -> None:
    project.state.heartbeat(Deployment(id="d", pid=1, version=desk.live, since=now(), heartbeat=now()))


def _watched(project: Project, _: Desk) -> None:
    project.state.save_observer(Observer(id="o", host="h", pid=1, every=60.0))


@pytest.mark.parametrize(
    ("act", "parts"),
    [
        (_acknowledged, "alerts"),
        (_answered, "decisions"),
        (lambda project, _: project.state.append_history(HistoryEntry(who="ann", action="retrain")), "history"),
        (lambda project, desk: desk.move(project, "challenger", desk.old, "nominate"), "history and versions"),
        (_begun, "history and rollout"),
        (lambda project, desk: project.state.save_window(desk.report(JULY)), "windows"),
        (_reported, "services"),
        (_watched, "observers"),
    ],
)
def test_what_somebody_does_elsewhere_is_told_once(
    project: Project, act: Callable[[Project, Desk], None], parts: str, desk: Desk
) -> None:
    alerts.tell([_finding(desk)], project.config, project.state)
    asked = Decision(window=desk.may, action="ask", asks_for="retrain", reason="drift", champion=desk.live)
    project.state.add_decision(asked)
    before = seen(project)
    act(project, desk)
    after = seen(project)
    where: dict[str, Any] = {"folder": "project", "below": project.root.parent}
    (event,) = changes(project, before, after, **where)
    assert (event.kind, event.project, event.message) == ("production", "project", parts)
    assert changes(project, after, seen(project), **where) == []


def test_that_a_service_or_an_observer_is_alive_is_nothing_new(project: Project, desk: Desk) -> None:
    _reported(project, desk)
    _watched(project, desk)
    before = seen(project)
    _reported(project, desk)
    watching = Observer(id="o", host="h", pid=1, every=60.0, looked=now())
    project.state.save_observer(watching)
    assert changes(project, before, seen(project), folder="", below=project.root) == []


def test_a_new_report_is_told_once_it_can_be_read(project: Project, desk: Desk) -> None:
    folder = project.config.reports
    folder.mkdir()
    path = folder / "2013-05-01.drift.json"
    before = seen(project)
    path.write_text("{")
    half = seen(project)
    assert changes(project, before, half, folder="project", below=project.root.parent) == []
    path.write_text(desk.report(desk.may).model_dump_json())
    (event,) = changes(project, half, seen(project), folder="project", below=project.root.parent)
    assert (event.kind, event.report) == ("report", "project/reports/2013-05-01.drift.json")
    assert event.title == f"Report of May 2013: drift in {desk.column}"
