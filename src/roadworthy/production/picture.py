"""The picture of production: versions, services, traffic, performance, drift, alerts and questions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from pydantic import ConfigDict, Field

from roadworthy import registry
from roadworthy.production import acts
from roadworthy.project import Project
from roadworthy.records import (
    CHALLENGER,
    CHAMPION,
    Deployment,
    HistoryEntry,
    MetricReading,
    ModelVersion,
    Record,
    Served,
    Verdict,
    Window,
    now,
)
from roadworthy.records.lab import (
    DriftMark,
    LabProduction,
    LabProject,
    LabVersion,
    PerformancePoint,
    TrafficPart,
)
from roadworthy.serving import recent

ALIVE_SECONDS = 10.0  # a service that has not reported itself for so long has ended
_OBSERVERS_WITHIN = timedelta(days=1)
_WINDOWS = 100  # the newest
_HISTORY = 50
_FORMER = 10


class Answers(Record):
    """What the picture takes of a version's `Performance`."""

    model_config = ConfigDict(extra="ignore")

    version: str
    rows: int
    labelled: int
    metrics: dict[str, MetricReading] = Field(default={})
    estimated: dict[str, MetricReading] = Field(default={})
    estimate_trusted: bool = False
    fell: bool = False


class Judged(Record):
    """What the picture takes of a `WindowReport`."""

    model_config = ConfigDict(extra="ignore")

    window: Window
    rows: int
    open: bool
    versions: dict[str, int]
    reference: str
    performance: tuple[Answers, ...] = ()
    verdict: Verdict
    drifted: tuple[str, ...] = ()
    served: tuple[Served, ...] = ()


def describe(project: Project, place: LabProject, below: Path, *, may_act: bool = True) -> LabProduction:
    """Return what runs in production, how it does, and what may be done.

    Parameters
    ----------
    project
        The project.
    place
        The same, as the page knows it.
    below
        The folder that the page's paths are relative to.
    may_act
        Whether whoever looks has the right to change production.

    Raises
    ------
    StateError
        When the state cannot be reached.
    """
    state = project.state
    history, reports = state.history(limit=None), state.newest_windows(Judged, _WINDOWS)
    champion, challenger, former = _versions(project, history)
    deployments = state.deployments(within_seconds=ALIVE_SECONDS)
    observers = tuple(one for one in state.observers() if now() - one.heartbeat < _OBSERVERS_WITHIN)
    questions = tuple(decision for decision in state.decisions() if decision.waits)
    rollout = state.running_rollout()
    scene = acts.Scene(project, champion, challenger, former, deployments, questions, rollout, observers, history)
    return LabProduction(
        project=place,
        problem=project.config.settings.use_case.problem,
        champion=_version(champion, history, CHAMPION),
        challenger=_version(challenger, history, CHALLENGER),
        former=tuple(filter(None, (_version(version, history, CHAMPION) for version in former))),
        deployments=tuple(deployments),
        traffic=(*_of_late(deployments), *_by_window(reports)),
        performance=tuple(_performance(reports, project.config.settings.use_case.metric)),
        drift=tuple(_mark(project, report, below) for report in reports),
        alerts=tuple(state.open_alerts()),
        questions=questions,
        retrainings=tuple(one for one in state.retrainings() if one.step != "done"),
        rollout=rollout,
        observers=observers,
        acts=tuple(acts.acts(scene)),
        history=tuple(history[:_HISTORY]),
        may_act=may_act,
    )


# --- versions ------------------------------------------------------------------------------------------------------


def _versions(
    project: Project, history: Sequence[HistoryEntry]
) -> tuple[ModelVersion | None, ModelVersion | None, list[ModelVersion]]:
    """Return champion, challenger, and the versions that one may go back to, the last good one first."""
    known = {version.tag: version for version in project.state.versions()}
    champion = registry.champion(project.state)
    nominated = project.state.alias(CHALLENGER)
    challenger = known.get(nominated.version) if nominated else None
    if champion and challenger and challenger.tag == champion.tag:
        challenger = None
    good = registry.former(project.state)
    once = [entry.version_to for entry in history if entry.action in ("promote", "rollback")]
    tags = dict.fromkeys([*([good.tag] if good else []), *map(str, once)])
    former = [known[tag] for tag in tags if tag in known and (champion is None or tag != champion.tag)]
    return champion, challenger, former[:_FORMER]


def _version(version: ModelVersion | None, history: Sequence[HistoryEntry], name: str) -> LabVersion | None:
    if version is None:
        return None
    actions = ("promote", "rollback") if name == CHAMPION else ("nominate",)
    moves = (entry.at for entry in history if entry.action in actions and entry.version_to == version.tag)
    return LabVersion(
        version=version.tag,
        since=next(moves, None),
        created=version.created,
        metrics=version.metrics,
        gate=version.gate,
        run=version.run_id,
    )


# --- traffic -------------------------------------------------------------------------------------------------------


def _of_late(deployments: Sequence[Deployment]) -> Iterator[TrafficPart]:
    """What the running services tell of the last ten minutes, all of them together."""
    for served in recent.together(part for deployment in deployments for part in deployment.served):
        yield _part(served)


def _by_window(reports: Sequence[Judged]) -> Iterator[TrafficPart]:
    for report in reversed(reports):
        if report.served:
            yield from (_part(served).model_copy(update={"window": report.window}) for served in report.served)
        else:  # judged before requests were counted
            for version, rows in report.versions.items():
                yield TrafficPart(version=version, window=report.window, rows=rows)


def _part(served: Served) -> TrafficPart:
    return TrafficPart(
        version=served.version,
        requests=served.requests,
        rows=served.rows,
        errors=served.errors,
        error_rate=served.errors / served.requests if served.requests else None,
        p50=served.p50,
        p99=served.p99,
    )


# --- windows -------------------------------------------------------------------------------------------------------


def _performance(reports: Sequence[Judged], metric: str) -> Iterator[PerformancePoint]:
    for report in reports:
        for found in report.performance:
            if found.version == report.reference:
                yield PerformancePoint(
                    window=report.window,
                    version=found.version,
                    metric=metric,
                    realised=found.metrics.get(metric),
                    estimated=found.estimated.get(metric),
                    estimate_trusted=found.estimate_trusted,
                    labelled=found.labelled,
                    rows=found.rows,
                    fell=found.fell,
                )


def _mark(project: Project, report: Judged, below: Path) -> DriftMark:
    return DriftMark(
        window=report.window,
        verdict=report.verdict,
        drifted=report.drifted,
        rows=report.rows,
        open=report.open,
        report=report_path(project, report, below),
    )


def report_path(project: Project, report: Judged, below: Path) -> str | None:
    """Return where a window's report stands below a folder; None when it is not there."""
    path = project.config.reports / f"{report.window.name}.drift.json"
    there = path.is_relative_to(below) and path.is_file()
    return path.relative_to(below).as_posix() if there else None
