"""Production as the panel shows it: the picture, the acts with what they lead to, and what has changed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from roadworthy import production
from roadworthy import project as projects
from roadworthy.errors import ApprovalError, ChampionChanged, UnknownVersion
from roadworthy.monitoring import alerts
from roadworthy.production import Seen, changes, describe, seen
from roadworthy.production.picture import Answers, Judged
from roadworthy.project import Project
from roadworthy.records import (
    Decision,
    Deployment,
    Finding,
    GateCheck,
    GateVerdict,
    HistoryEntry,
    MetricReading,
    ModelVersion,
    Observer,
    Performance,
    Record,
    Rollout,
    Served,
    Window,
    WindowReport,
    now,
)
from roadworthy.records.lab import ActRequest, LabEvent, LabProduction, LabProject, ProductionAct
from roadworthy.serving.recent import bucket

OLD, LIVE, NEXT = (f"late-flights:2026112{day}-171500-3fa2" for day in (2, 3, 4))
MAY = Window(start=datetime(2013, 5, 1, tzinfo=UTC), end=datetime(2013, 6, 1, tzinfo=UTC))
JUNE = Window(start=MAY.end, end=datetime(2013, 7, 1, tzinfo=UTC))
JULY = Window(start=JUNE.end, end=datetime(2013, 8, 1, tzinfo=UTC))
PLACE = LabProject(found=True, folder="project", name="late-flights", version="1")
COLUMN = "<img src=x onerror=alert(1)>"


def _reading(value: float) -> MetricReading:
    return MetricReading(metric="roc_auc", value=value, low=value - 0.01, high=value + 0.01, n=900)


def _version(tag: str, value: float, *, passed: bool = True) -> ModelVersion:
    check = GateCheck(name="roc_auc", passed=passed, fact=f"{value:.3f}, at least 0.600 is needed")
    return ModelVersion(
        tag=tag,
        created=now(),
        run_id="r1",
        metrics={"roc_auc": _reading(value)},
        gate=GateVerdict(checks=(check,)),
        contract_hash="c",
        model_hash="",
    )


def _report(window: Window, served: tuple[Served, ...] = ()) -> WindowReport:
    performance = Performance(
        version=LIVE,
        rows=100,
        labelled=90,
        metrics={"roc_auc": _reading(0.7)},
        estimated={"roc_auc": _reading(0.72)},
        estimate_trusted=True,
    )
    return WindowReport(
        window=window,
        project="late-flights",
        rows=100,
        labelled=90,
        open=window == JUNE,
        versions={LIVE: 100},
        reference=LIVE,
        performance=(performance,),
        verdict="drift",
        drifted=(COLUMN,),
        served=served,
    )


def _move(project: Project, name: str, tag: str, action: str) -> None:
    entry = HistoryEntry(who="ada", action=action, version_to=tag, reason="better")  # type: ignore[arg-type]
    project.state.move_alias(name, tag, entry)


@pytest.fixture
def project(root: Path) -> Project:
    """A project whose champion has followed another, with a challenger, two windows and a service of two workers."""
    project = projects.load(root)
    state = project.state
    for tag, value in ((OLD, 0.65), (LIVE, 0.7), (NEXT, 0.72)):
        state.add_version(_version(tag, value))
    _move(project, "champion", OLD, "promote")
    _move(project, "champion", LIVE, "promote")
    _move(project, "challenger", NEXT, "nominate")
    whole = Served(version=LIVE, requests=52, rows=100, errors=2, p50=0.01, p99=0.2)
    for report in (_report(MAY), _report(JUNE, (whole,))):
        state.save_window(report)
    for worker in (1, 2):
        served = Served(version=LIVE, requests=10, rows=20, errors=worker, latencies={bucket(0.01): 10 - worker})
        state.heartbeat(
            Deployment(id=f"d{worker}", pid=worker, version=LIVE, since=now(), heartbeat=now(), served=(served,))
        )
    return project


def _picture(project: Project) -> LabProduction:
    return describe(project, PLACE, project.root.parent)


def _act(project: Project, act: str, tag: str | None = None) -> ProductionAct:
    return next(a for a in _picture(project).acts if a.act == act and tag in (None, a.version_to))


def _ask(project: Project, asks_for: str, target: str | None) -> Decision:
    decision = Decision(
        window=MAY, action="ask", asks_for=asks_for, reason="it drifted", champion=LIVE, target=target, judged=now()
    )
    project.state.add_decision(decision)
    return decision


# --- the picture ---------------------------------------------------------------------------------------------------


def test_an_empty_project_has_a_picture(root: Path) -> None:
    with projects.load(root) as empty:
        found = _picture(empty)
        assert (found.champion, found.challenger, found.former, found.traffic) == (None, None, (), ())
        assert [(a.act, a.possible) for a in found.acts] == [("promote", False), ("rollback", False)]
        assert all(a.why_not for a in found.acts)
        assert changes(empty, Seen(), seen(empty), folder="", below=root) == []


def test_it_names_who_answers_and_whom_one_may_go_back_to(project: Project) -> None:
    found = _picture(project)
    assert found.champion is not None
    assert found.champion.version == LIVE
    assert found.champion.since == project.state.alias("champion").since  # type: ignore[union-attr]
    assert found.challenger is not None
    assert found.challenger.version == NEXT
    assert [one.version for one in found.former] == [OLD]
    assert found.problem == project.config.settings.use_case.problem
    assert [entry.action for entry in found.history] == ["nominate", "promote", "promote"]
    assert LabProduction.model_validate_json(found.model_dump_json()) == found


def test_a_promoted_challenger_is_none(project: Project) -> None:
    _move(project, "champion", NEXT, "promote")
    found = _picture(project)
    assert found.challenger is None
    assert [one.version for one in found.former] == [LIVE, OLD]


def test_traffic_is_what_all_workers_tell_and_what_each_window_counted(project: Project) -> None:
    of_late, june, may = _picture(project).traffic
    assert of_late.window is None
    assert (of_late.requests, of_late.rows, of_late.errors, of_late.error_rate) == (20, 40, 3, 0.15)
    assert of_late.p50 == pytest.approx(0.01, rel=0.02)
    assert june.window == JUNE
    assert (june.requests, june.errors, june.p99) == (52, 2, 0.2)
    assert june.error_rate == pytest.approx(2 / 52)
    assert (may.window, may.rows, may.requests, may.error_rate) == (MAY, 100, None, None)  # it was not counted then


def test_a_service_that_fell_silent_is_not_among_those_that_run(project: Project) -> None:
    silent = now() - timedelta(minutes=5)
    for worker in (1, 2):
        project.state.heartbeat(Deployment(id=f"d{worker}", pid=1, version=LIVE, since=silent, heartbeat=silent))
    found = _picture(project)
    assert found.deployments == ()
    assert all(part.window for part in found.traffic)
    assert "No service runs at present" in _act(project, "promote").consequences[0]


def test_windows_tell_performance_and_drift_oldest_first(project: Project) -> None:
    folder = project.config.reports
    folder.mkdir()
    (folder / "2013-05-01.drift.json").write_text("{}")
    found = _picture(project)
    assert [mark.window for mark in found.drift] == [MAY, JUNE]
    assert [mark.report for mark in found.drift] == ["project/reports/2013-05-01.drift.json", None]
    assert [mark.open for mark in found.drift] == [False, True]
    assert found.drift[0].drifted == (COLUMN,)  # as it is: whoever shows it shows text
    point = found.performance[0]
    assert (point.version, point.metric, point.realised, point.estimated) == (
        LIVE,
        "roc_auc",
        _reading(0.7),
        _reading(0.72),
    )
    assert point.estimate_trusted


def test_of_many_windows_the_newest_are_shown(project: Project) -> None:
    for day in range(120):
        start = datetime(2014, 1, 1, tzinfo=UTC) + timedelta(days=day)
        project.state.save_window(_report(Window(start=start, end=start + timedelta(days=1))))
    found = _picture(project)
    assert len(found.drift) == len(found.performance) == 100
    assert found.drift[-1].window.start == datetime(2014, 4, 30, tzinfo=UTC)
    assert found.drift[0].window.start < found.drift[-1].window.start


@pytest.mark.parametrize(("brief", "whole"), [(Judged, WindowReport), (Answers, Performance)])
def test_what_the_picture_takes_of_a_report_is_in_it(brief: type[Record], whole: type[Record]) -> None:
    assert set(brief.model_fields) <= set(whole.model_fields)


# --- acts in words -------------------------------------------------------------------------------------------------


def test_what_a_promotion_leads_to_names_both_versions(project: Project) -> None:
    act = _act(project, "promote")
    assert act.possible
    assert (act.version_from, act.version_to) == (LIVE, NEXT)
    new, old = NEXT.partition(":")[2], LIVE.partition(":")[2]
    assert act.title == f"Promote {new} in place of {old}"
    assert act.consequences[0] == (
        f"{new} answers all requests in place of {old}. The 2 services that run follow within seconds, "
        "without a restart."
    )
    assert f"ROC AUC at release: {new} 0.720 (0.710 to 0.730), {old} 0.700 (0.690 to 0.710)" in act.consequences[2]


def test_a_version_that_its_gate_refused_cannot_be_promoted_here(project: Project) -> None:
    refused = NEXT.replace("3fa2", "aaaa")
    project.state.add_version(_version(refused, 0.5, passed=False))
    _move(project, "challenger", refused, "nominate")
    act = _act(project, "promote")
    assert not act.possible
    assert "0.500, at least 0.600 is needed" in act.why_not


def test_what_becomes_of_a_rollout_is_said(project: Project) -> None:
    rollout = Rollout(
        id="o1", mode="canary", champion=LIVE, challenger=NEXT, steps=(0.1,), started=now(), since=now(), who="ada"
    )
    project.state.start_rollout(rollout, HistoryEntry(who="ada", action="rollout", version_to=NEXT))
    assert _picture(project).rollout == rollout
    assert any("Its canary rollout, which is running, ends" in words for words in _act(project, "promote").consequences)
    assert any("is aborted by this" in words for words in _act(project, "rollback", OLD).consequences)


def test_going_back_to_what_was_taken_back_is_said_to_be_that(project: Project) -> None:
    entry = HistoryEntry(who="policy", action="rollback", version_to=OLD, reason="it answered worse")
    project.state.move_alias("champion", OLD, entry)
    told = _act(project, "rollback", LIVE).consequences
    day = f"{project.state.history()[0].at:%Y-%m-%d}"
    assert f"{LIVE.partition(':')[2]} was taken back on {day} by policy: it answered worse." in told


@pytest.mark.parametrize(("asks_for", "target"), [("retrain", None), ("promote", NEXT), ("rollback", OLD)])
def test_each_question_can_be_approved_and_rejected(project: Project, asks_for: str, target: str | None) -> None:
    decision = _ask(project, asks_for, target)
    assert _picture(project).questions == (decision,)
    approve, reject = _act(project, "approve"), _act(project, "reject")
    assert approve.possible
    assert reject.possible
    assert approve.decision == reject.decision == decision.id
    assert (approve.version_from, approve.version_to) == (LIVE, target)
    assert "it drifted" in approve.consequences[0]
    assert "Nothing changes in production" in reject.consequences[0]
    if target:
        assert target.partition(":")[2] in approve.title


def test_a_retraining_that_nobody_would_begin_is_said_to_wait(project: Project) -> None:
    _ask(project, "retrain", None)
    assert any("once `roadworthy watch` runs" in words for words in _act(project, "approve").consequences)
    project.state.save_observer(Observer(id="o", host="here", pid=1, every=60))
    assert any("with the next look" in words for words in _act(project, "approve").consequences)


def test_a_question_about_a_champion_of_the_past_is_not_for_approval(project: Project) -> None:
    _ask(project, "rollback", OLD)
    _move(project, "champion", NEXT, "promote")
    act = _act(project, "approve")
    assert not act.possible
    assert "is champion now" in act.why_not


# --- acting --------------------------------------------------------------------------------------------------------


def _request(act: str, **given: str | None) -> ActRequest:
    return ActRequest.model_validate({"path": "", "act": act, "champion": LIVE, "confirmed": True} | given)


@pytest.mark.parametrize(("act", "tag"), [("promote", NEXT), ("rollback", OLD)])
def test_an_act_about_another_champion_is_refused(project: Project, act: str, tag: str) -> None:
    with pytest.raises(ChampionChanged, match=f"{LIVE} is champion by now"):
        production.act(project, _request(act, version_to=tag, champion=NEXT), who="ada", origin="JupyterLab")
    assert project.state.alias("champion").version == LIVE  # type: ignore[union-attr]
    entry = project.state.audit()[0]
    assert (entry.who, entry.act, entry.target, entry.outcome, entry.origin) == (
        "ada",
        act,
        tag,
        "refused",
        "JupyterLab",
    )


def test_a_champion_that_changes_in_the_last_moment_is_seen_in_the_transaction(project: Project) -> None:
    entry = HistoryEntry(who="ada", action="promote", version_to=NEXT)
    with pytest.raises(ChampionChanged):
        project.state.move_alias("champion", NEXT, entry, instead_of=OLD)
    assert len(project.state.history()) == 3
    assert project.state.move_alias("champion", NEXT, entry, instead_of=LIVE).version_from == LIVE


def test_what_is_not_named_is_not_guessed(project: Project) -> None:
    with pytest.raises(UnknownVersion):
        production.act(project, _request("promote"), who="ada", origin="JupyterLab")
    with pytest.raises(ApprovalError):
        production.act(project, _request("approve"), who="ada", origin="JupyterLab")


def test_a_question_is_answered_in_the_users_name(project: Project) -> None:
    decision = _ask(project, "retrain", None)
    answered = production.act(
        project, _request("reject", decision=decision.id, reason="not now"), who="ada", origin="JupyterLab"
    )
    assert isinstance(answered, Decision)
    assert (answered.answer, answered.answered_by, answered.note) == ("rejected", "ada", "not now")
    assert project.state.audit()[0].origin == "JupyterLab"


def test_an_answer_given_for_another_champion_is_refused(project: Project) -> None:
    decision = _ask(project, "retrain", None)
    with pytest.raises(ChampionChanged):
        production.act(project, _request("approve", decision=decision.id, champion=OLD), who="ada", origin="JupyterLab")
    assert project.state.decision(decision.id).waits  # type: ignore[union-attr]
    assert project.state.audit()[0].outcome == "refused"


# --- changes -------------------------------------------------------------------------------------------------------


def _finding(severity: str = "warning") -> Finding:
    return Finding(cause="drift:x", owner="model", severity=severity, title=f"{COLUMN} drifted", message="It rose.")


def test_nothing_new_is_nothing_told(project: Project) -> None:
    before = seen(project)
    assert changes(project, before, seen(project), folder="project", below=project.root.parent) == []


def _told(project: Project, before: Seen, after: Seen, *, folder: str, below: Path) -> list[LabEvent]:
    """Return what happened by name, without that production changed by it."""
    told = changes(project, before, after, folder=folder, below=below)
    return [event for event in told if event.kind != "production"]


def test_an_alert_is_told_when_it_opens_when_it_worsens_and_when_it_is_resolved(project: Project) -> None:
    told = []
    before = seen(project)
    for finding in (_finding(), _finding(), _finding("critical"), None):
        if finding:
            alerts.tell([finding], project.config, project.state)
        else:
            project.state.resolve_alert("drift:x")
        after = seen(project)
        told.append(_told(project, before, after, folder="project", below=project.root.parent))
        before = after
    opened, again, worse, gone = told
    assert [(e.kind, e.project, e.severity, e.title) for e in opened] == [
        ("alert", "project", "warning", f"{COLUMN} drifted")
    ]
    assert opened[0].message.startswith("It rose. For model: ")
    assert opened[0].alert is not None
    assert again == []
    assert [(e.severity, e.alert) for e in worse] == [("critical", opened[0].alert)]
    assert [(e.title, e.severity) for e in gone] == [(f"Resolved: {COLUMN} drifted", "info")]


def test_of_a_muted_alert_nobody_is_told(project: Project) -> None:
    (alert,) = alerts.tell([_finding()], project.config, project.state)
    before = seen(project)
    alerts.mute(project.state, str(alert.id), now() + timedelta(hours=24), who="ada")
    alerts.tell([_finding("critical")], project.config, project.state)
    assert _told(project, before, seen(project), folder="", below=project.root) == []


def test_each_switch_of_the_champion_is_told_with_both_versions(project: Project) -> None:
    before = seen(project)
    _move(project, "champion", NEXT, "promote")
    _move(project, "champion", LIVE, "rollback")
    there, back = _told(project, before, seen(project), folder="", below=project.root)
    assert (there.kind, there.version_from, there.version_to) == ("switch", LIVE, NEXT)
    assert (back.version_from, back.version_to, back.severity) == (NEXT, LIVE, "warning")
    assert back.title == f"Back to {LIVE.partition(':')[2]} in place of {NEXT.partition(':')[2]}"
    assert back.message == "By ada: better"


def _acknowledged(project: Project) -> None:
    (alert,) = project.state.open_alerts()
    alerts.acknowledge(project.state, str(alert.id), who="ann", note="I look")


def _answered(project: Project) -> None:
    (question,) = (decision for decision in project.state.decisions() if decision.waits)
    project.state.answer_decision(question.id, "rejected", who="ann", note="")


def _begun(project: Project) -> None:
    rollout = Rollout(
        id="x", mode="canary", champion=LIVE, challenger=NEXT, steps=(0.1, 1.0), started=now(), since=now(), who="ann"
    )
    project.state.start_rollout(rollout, HistoryEntry(who="ann", action="rollout"))


def _reported(project: Project) -> None:
    project.state.heartbeat(Deployment(id="d", pid=1, version=LIVE, since=now(), heartbeat=now()))


def _watched(project: Project) -> None:
    project.state.save_observer(Observer(id="o", host="h", pid=1, every=60.0))


@pytest.mark.parametrize(
    ("act", "parts"),
    [
        (_acknowledged, "alerts"),
        (_answered, "decisions"),
        (lambda project: project.state.append_history(HistoryEntry(who="ann", action="retrain")), "history"),
        (lambda project: _move(project, "challenger", OLD, "nominate"), "history and versions"),
        (_begun, "history and rollout"),
        (lambda project: project.state.save_window(_report(JULY)), "windows"),
        (_reported, "services"),
        (_watched, "observers"),
    ],
)
def test_what_somebody_does_elsewhere_is_told_once(
    project: Project, act: Callable[[Project], None], parts: str
) -> None:
    alerts.tell([_finding()], project.config, project.state)
    asked = Decision(window=MAY, action="ask", asks_for="retrain", reason="drift", champion=LIVE)
    project.state.add_decision(asked)
    before = seen(project)
    act(project)
    after = seen(project)
    where: dict[str, Any] = {"folder": "project", "below": project.root.parent}
    (event,) = changes(project, before, after, **where)
    assert (event.kind, event.project, event.message) == ("production", "project", parts)
    assert changes(project, after, seen(project), **where) == []


def test_that_a_service_or_an_observer_is_alive_is_nothing_new(project: Project) -> None:
    _reported(project)
    _watched(project)
    before = seen(project)
    _reported(project)
    watching = Observer(id="o", host="h", pid=1, every=60.0, looked=now())
    project.state.save_observer(watching)
    assert changes(project, before, seen(project), folder="", below=project.root) == []


def test_a_new_report_is_told_once_it_can_be_read(project: Project) -> None:
    folder = project.config.reports
    folder.mkdir()
    path = folder / "2013-05-01.drift.json"
    before = seen(project)
    path.write_text("{")
    half = seen(project)
    assert changes(project, before, half, folder="project", below=project.root.parent) == []
    path.write_text(_report(MAY).model_dump_json())
    (event,) = changes(project, half, seen(project), folder="project", below=project.root.parent)
    assert (event.kind, event.report) == ("report", "project/reports/2013-05-01.drift.json")
    assert event.title == f"Report of May 2013: drift in {COLUMN}"
