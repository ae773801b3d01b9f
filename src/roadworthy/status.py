"""Status: what is in production, what ran last, what was found, and who has been told."""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, computed_field

from roadworthy import registry
from roadworthy.project import Project
from roadworthy.records import (
    CHALLENGER,
    CHAMPION,
    Alert,
    Decision,
    Deployment,
    HistoryEntry,
    MetricReading,
    ModelVersion,
    Moment,
    Observer,
    Record,
    Retraining,
    RunRecord,
    Verdict,
    WindowReport,
    now,
)

ALIVE_WITHIN_SECONDS = 10.0
_OBSERVERS_WITHIN = timedelta(days=1)


class VersionStatus(Record):
    """A version that an alias points at."""

    version: str
    since: Moment
    metrics: dict[str, MetricReading]
    run: str
    tables: dict[str, int]
    git_commit: str | None


class RunStatus(Record):
    """The newest run, without its details."""

    id: str
    state: str
    started: Moment
    ended: Moment | None
    tasks: dict[str, str]


class WindowStatus(Record):
    """A judged window, without its readings."""

    start: Moment
    end: Moment
    rows: int
    labelled: int
    open: bool
    verdict: Verdict
    drifted: tuple[str, ...]
    performance: dict[str, float]


class Status(Record):
    """The whole, as `roadworthy status --json` prints it."""

    project: str
    problem: str
    champion: VersionStatus | None
    challenger: VersionStatus | None
    last_run: RunStatus | None
    windows: tuple[WindowStatus, ...]
    alerts: tuple[Alert, ...]
    deployments: tuple[Deployment, ...]
    observers: tuple[Observer, ...] = Field(default=(), description="that run, or ended or died within a day")
    retrainings: tuple[Retraining, ...] = Field(default=(), description="that are on their way, or watched")
    questions: tuple[Decision, ...] = Field(default=(), description="that wait for an approval")
    last_act: HistoryEntry | None

    @computed_field  # type: ignore[prop-decorator]  # pydantic's own pattern
    @property
    def healthy(self) -> bool:
        """Whether a champion is there, every running service answers with it, and no alert is open.

        An observer that has died is an alert once another has looked.
        """
        live = all(d.version == (self.champion and self.champion.version) and not d.problem for d in self.deployments)
        return self.champion is not None and live and not self.alerts


def status(project: Project) -> Status:
    """Read the state of a project."""
    state = project.state
    run = state.last_run()
    history = state.history(limit=1)
    metric = project.config.settings.use_case.metric
    return Status(
        project=project.config.settings.name,
        problem=project.config.settings.use_case.problem,
        champion=_version(project, CHAMPION),
        challenger=_version(project, CHALLENGER),
        last_run=_run(run) if run else None,
        windows=tuple(_window(report, metric) for report in state.windows()),
        alerts=tuple(state.open_alerts()),
        deployments=tuple(state.deployments(within_seconds=ALIVE_WITHIN_SECONDS)),
        observers=tuple(one for one in state.observers() if now() - one.heartbeat < _OBSERVERS_WITHIN),
        retrainings=tuple(one for one in state.retrainings() if one.step != "done"),
        questions=tuple(decision for decision in state.decisions() if decision.waits),
        last_act=history[0] if history else None,
    )


def _version(project: Project, name: str) -> VersionStatus | None:
    alias = project.state.alias(name)
    if alias is None:
        return None
    version: ModelVersion = registry.resolve(project.state, alias.version)
    return VersionStatus(
        version=version.tag,
        since=alias.since,
        metrics=version.metrics,
        run=version.run_id,
        tables=version.tables,
        git_commit=version.git_commit,
    )


def _run(run: RunRecord) -> RunStatus:
    tasks = {task.name: task.state for task in run.tasks}
    return RunStatus(id=run.id, state=run.state, started=run.started, ended=run.ended, tasks=tasks)


def _window(report: WindowReport, metric: str) -> WindowStatus:
    return WindowStatus(
        start=report.window.start,
        end=report.window.end,
        rows=report.rows,
        labelled=report.labelled,
        open=report.open,
        verdict=report.verdict,
        drifted=report.drifted,
        performance={p.version: p.metrics[metric].value for p in report.performance if metric in p.metrics},
    )
