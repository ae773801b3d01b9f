"""Status and its showing: what programs read as JSON, a person reads in the terminal."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from roadworthy import project as projects
from roadworthy import terminal
from roadworthy.project import Project
from roadworthy.records import (
    Decision,
    Deployment,
    Finding,
    GateCheck,
    GateVerdict,
    HistoryEntry,
    Ingestion,
    MetricReading,
    ModelVersion,
    Performance,
    RunRecord,
    TaskRecord,
    Window,
    WindowReport,
    now,
)
from roadworthy.status import Status, status

TAG = "late-flights:20261122-171500-3fa2"
AUC = MetricReading(metric="roc_auc", value=0.71, low=0.7, high=0.72, n=9000)
MAY = Window(start=datetime(2013, 5, 1, tzinfo=UTC), end=datetime(2013, 6, 1, tzinfo=UTC))


@pytest.fixture
def project(root: Path) -> Project:
    """A project with one of everything in its state."""
    project = projects.load(root)
    state, moment = project.state, now()
    task = TaskRecord(
        name="train", state="done", started=moment, seconds=4.2, peak_memory=2**28, source="train.ipynb", source_hash=""
    )
    run = RunRecord(id="r1", project="late-flights", state="done", started=moment, tasks=(task,), git_commit="a" * 40)
    state.save_run(run)
    state.add_version(
        ModelVersion(
            tag=TAG,
            created=moment,
            run_id="r1",
            metrics={"roc_auc": AUC},
            gate=GateVerdict(checks=()),
            contract_hash="",
            model_hash="",
        )
    )
    state.move_alias("champion", TAG, HistoryEntry(who="ada", action="promote", version_to=TAG, reason="better"))
    state.save_window(
        WindowReport(
            window=MAY,
            project="late-flights",
            rows=100,
            labelled=90,
            open=False,
            versions={TAG: 100},
            reference=TAG,
            performance=(Performance(version=TAG, rows=100, labelled=90, metrics={"roc_auc": AUC}),),
            verdict="drift",
            drifted=("temp", "[red]dewp[/]"),
        )
    )
    finding = Finding(cause="drift:x", owner="model", severity="warning", title="2 columns drifted", message="...")
    state.raise_alert(finding, "model: Ada <ada@example.org>")
    state.heartbeat(Deployment(id="d1", pid=7, version=TAG, since=moment, heartbeat=moment))
    return project


def _shown(found: Status) -> str:
    console = Console(file=io.StringIO(), width=200)
    terminal.show_status(console, found, "roc_auc")
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_everything_that_matters_is_in_the_status(project: Project) -> None:
    with project:
        found = status(project)
    assert found.champion is not None
    assert (found.champion.version, found.champion.metrics["roc_auc"]) == (TAG, AUC)
    assert found.last_run is not None
    assert found.last_run.tasks == {"train": "done"}
    assert [(w.rows, w.verdict, w.performance) for w in found.windows] == [(100, "drift", {TAG: 0.71})]
    assert [alert.owner for alert in found.alerts] == ["model: Ada <ada@example.org>"]
    assert [service.pid for service in found.deployments] == [7]
    assert not found.healthy
    assert Status.model_validate_json(found.model_dump_json(exclude={"healthy"})) == found


def test_without_alerts_and_with_the_champion_live_all_is_well(project: Project) -> None:
    with project:
        project.state.resolve_alert("drift:x")
        assert status(project).healthy
        late = now() - timedelta(minutes=5)
        project.state.heartbeat(Deployment(id="d1", pid=7, version="old", since=late, heartbeat=now()))
        assert not status(project).healthy
        project.state.heartbeat(Deployment(id="d1", pid=7, version="old", since=late, heartbeat=late))
        assert status(project).deployments == ()


def test_a_person_sees_it_and_data_is_never_markup(project: Project) -> None:
    with project:
        text = _shown(status(project))
    for words in (TAG, "0.710 (0.700 to 0.720)", "train done", "drift", "[red]dewp[/]", "ada@example.org", "process 7"):
        assert words in text


def test_each_record_is_shown(project: Project) -> None:
    console = Console(file=io.StringIO(), width=200)
    batch = Ingestion(
        dataset="flights",
        batch="b",
        source="may.csv",
        rows=10,
        accepted=7,
        quarantined=3,
        reasons={"late is required": 3},
        table_version=4,
    )
    decision = Decision(window=MAY, action="retrain", reason="temp drifted", outcome="promoted")
    verdict = GateVerdict(checks=(GateCheck(name="owner of data", passed=False, fact="blank"),))
    with project:
        run = project.state.run("r1")
        assert run is not None
        terminal.show_ingestion(console, batch)
        terminal.show_ingestion(console, batch.model_copy(update={"repeated": True}))
        terminal.show_run(console, run)
        terminal.show_gate(console, verdict)
        terminal.show_decision(console, decision)
        terminal.show_history(console, project.state.history())
        terminal.show_windows(console, project.state.windows(), "roc_auc")
    assert isinstance(console.file, io.StringIO)
    text = console.file.getvalue()
    for words in ("7 of 10 rows", "nothing was added", "256 MB", "no: owner of data", "retrain", "promote", "90%"):
        assert words in text
