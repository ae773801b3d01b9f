"""A project in production: what stands in its state, and the panel's picture of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from roadworthy import project as projects
from roadworthy.production import describe
from roadworthy.project import Project
from roadworthy.records import (
    Decision,
    Deployment,
    GateCheck,
    GateVerdict,
    HistoryEntry,
    MetricReading,
    ModelVersion,
    Performance,
    Served,
    Window,
    WindowReport,
    now,
)
from roadworthy.records.lab import LabProduction, LabProject, ProductionAct
from roadworthy.serving.recent import bucket

OLD, LIVE, NEXT = (f"late-flights:2026112{day}-171500-3fa2" for day in (2, 3, 4))
MAY = Window(start=datetime(2013, 5, 1, tzinfo=UTC), end=datetime(2013, 6, 1, tzinfo=UTC))
JUNE = Window(start=MAY.end, end=datetime(2013, 7, 1, tzinfo=UTC))
PLACE = LabProject(found=True, folder="project", name="late-flights", version="1")
COLUMN = "<img src=x onerror=alert(1)>"


class Desk:
    """What stands in a project's state, and what the panel shows of it."""

    old, live, next = OLD, LIVE, NEXT
    may, june = MAY, JUNE
    column = COLUMN

    def reading(self, value: float) -> MetricReading:
        return MetricReading(metric="roc_auc", value=value, low=value - 0.01, high=value + 0.01, n=900)

    def version(self, tag: str, value: float, *, passed: bool = True) -> ModelVersion:
        check = GateCheck(name="roc_auc", passed=passed, fact=f"{value:.3f}, at least 0.600 is needed")
        return ModelVersion(
            tag=tag,
            created=now(),
            run_id="r1",
            metrics={"roc_auc": self.reading(value)},
            gate=GateVerdict(checks=(check,)),
            contract_hash="c",
            model_hash="",
        )

    def report(self, window: Window, served: tuple[Served, ...] = ()) -> WindowReport:
        performance = Performance(
            version=LIVE,
            rows=100,
            labelled=90,
            metrics={"roc_auc": self.reading(0.7)},
            estimated={"roc_auc": self.reading(0.72)},
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

    def move(self, project: Project, name: str, tag: str, action: str) -> None:
        entry = HistoryEntry(who="ada", action=action, version_to=tag, reason="better")  # type: ignore[arg-type]
        project.state.move_alias(name, tag, entry)

    def picture(self, project: Project) -> LabProduction:
        return describe(project, PLACE, project.root.parent)

    def act(self, project: Project, act: str, tag: str | None = None) -> ProductionAct:
        return next(a for a in self.picture(project).acts if a.act == act and tag in (None, a.version_to))

    def ask(self, project: Project, asks_for: str, target: str | None) -> Decision:
        decision = Decision(
            window=MAY, action="ask", asks_for=asks_for, reason="it drifted", champion=LIVE, target=target, judged=now()
        )
        project.state.add_decision(decision)
        return decision


@pytest.fixture(scope="session")
def desk() -> Desk:
    """Where a project is looked after."""
    return Desk()


@pytest.fixture
def project(root: Path, desk: Desk) -> Project:
    """A project whose champion has followed another, with a challenger, two windows and a service of two workers."""
    project = projects.load(root)
    state = project.state
    for tag, value in ((OLD, 0.65), (LIVE, 0.7), (NEXT, 0.72)):
        state.add_version(desk.version(tag, value))
    desk.move(project, "champion", OLD, "promote")
    desk.move(project, "champion", LIVE, "promote")
    desk.move(project, "challenger", NEXT, "nominate")
    whole = Served(version=LIVE, requests=52, rows=100, errors=2, p50=0.01, p99=0.2)
    for report in (desk.report(MAY), desk.report(JUNE, (whole,))):
        state.save_window(report)
    for worker in (1, 2):
        served = Served(version=LIVE, requests=10, rows=20, errors=worker, latencies={bucket(0.01): 10 - worker})
        state.heartbeat(
            Deployment(id=f"d{worker}", pid=worker, version=LIVE, since=now(), heartbeat=now(), served=(served,))
        )
    return project
