"""What happened in production since an earlier look: alerts, switches of the champion, new reports, all else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import get_args

from pydantic import ValidationError

from roadworthy.monitoring.wording import listed, window_label
from roadworthy.production.acts import bare
from roadworthy.production.picture import ALIVE_SECONDS
from roadworthy.project import Project
from roadworthy.records import CHAMPION, Alert, Alias, HistoryEntry, Severity, WindowReport, now
from roadworthy.records.lab import LabEvent

_SEVERITIES: tuple[Severity, ...] = get_args(Severity)  # from the least to the most severe
_RECENT = 50  # entries of the history, of which a look finds the newest
_SUFFIX = ".drift.json"


@dataclass(frozen=True)
class Seen:
    """Production as one look found it, to tell the next what is new.

    Attributes
    ----------
    alerts
        Those that were open, by their id.
    champion
        Where the champion's pointer was.
    reports
        Files of the windows' reports, and when each was written, in nanoseconds.
    parts
        By part of production, in words, what is no longer equal once the part has changed.
    """

    alerts: Mapping[int, Alert] = field(default_factory=dict)
    champion: Alias | None = None
    reports: Mapping[Path, int] = field(default_factory=dict)
    parts: Mapping[str, object] = field(default_factory=dict)


def seen(project: Project) -> Seen:
    """Look at a project's production; cheap enough to do every second.

    Raises
    ------
    StateError
        When the state cannot be reached.
    """
    state = project.state
    alerts = {alert.id: alert for alert in state.open_alerts()}
    services = [
        (one.id, one.version, one.challenger, one.problem) for one in state.deployments(within_seconds=ALIVE_SECONDS)
    ]
    observers = {(one.id, one.ended, one.problem) for one in state.observers()}
    parts = state.signs() | {"alerts": alerts, "services": services, "observers": observers}
    return Seen(alerts, state.alias(CHAMPION), _reports(project.config.reports), parts)


def changes(project: Project, before: Seen, after: Seen, *, folder: str, below: Path) -> list[LabEvent]:
    """Tell what is new between two looks, the oldest first as far as that is known.

    A muted alert is not told of; a report that cannot be read is not either. Whatever else somebody did, from wherever,
    is told as one event that names the parts of production that changed.

    Parameters
    ----------
    project
        The project.
    before, after
        What `seen` returned, earlier and now.
    folder
        The project's folder, as events name it.
    below
        The folder that paths of reports are relative to.

    Raises
    ------
    StateError
        When the state cannot be reached.
    """
    events = [
        *_switches(project, before.champion, after.champion),
        *_new_reports(before.reports, after.reports, below),
        *_alerts(before.alerts, after.alerts, _newest(after.reports, below)),
        *_parts(before.parts, after.parts),
    ]
    return [event.model_copy(update={"project": folder}) for event in events]


def _parts(before: Mapping[str, object], after: Mapping[str, object]) -> Iterator[LabEvent]:
    changed = sorted(part for part, sign in after.items() if part in before and sign != before[part])
    if changed:
        yield LabEvent(kind="production", project="", title="Production changed", message=listed(changed))


# --- the champion --------------------------------------------------------------------------------------------------


def _switches(project: Project, before: Alias | None, after: Alias | None) -> Iterator[LabEvent]:
    if after is None or after == before:
        return
    for entry in reversed(project.state.history(limit=_RECENT)):
        if entry.action in ("promote", "rollback") and (before is None or entry.at > before.since):
            yield _switch(entry)


def _switch(entry: HistoryEntry) -> LabEvent:
    back = entry.action == "rollback"
    instead = f" in place of {bare(entry.version_from)}" if entry.version_from else ""
    title = f"{'Back to' if back else 'New champion:'} {bare(entry.version_to)}{instead}"
    return LabEvent(
        kind="switch",
        project="",
        at=entry.at,
        title=title,
        message=f"By {entry.who}{', by force' if entry.forced else ''}{f': {entry.reason}' if entry.reason else ''}",
        severity="warning" if back or entry.forced else "info",
        version_from=entry.version_from,
        version_to=entry.version_to,
    )


# --- reports -------------------------------------------------------------------------------------------------------


def _reports(folder: Path) -> dict[Path, int]:
    found = {}
    for path in sorted(folder.glob(f"*{_SUFFIX}")) if folder.is_dir() else ():
        try:
            found[path] = path.stat().st_mtime_ns
        except FileNotFoundError:  # an open window's, whose place another has taken in this moment
            continue
    return found


def _new_reports(before: Mapping[Path, int], after: Mapping[Path, int], below: Path) -> Iterator[LabEvent]:
    for path, written in after.items():
        if before.get(path) == written or not path.is_relative_to(below):
            continue
        try:
            report = WindowReport.model_validate_json(path.read_bytes())
        except (OSError, ValidationError):  # being written: its time of writing changes once more
            continue
        yield LabEvent(
            kind="report",
            project="",
            at=report.made,
            title=f"Report of {window_label(report.window)}: {_verdict(report)}",
            message=f"{report.rows:,} rows, {report.labelled:,} of them labelled",
            report=path.relative_to(below).as_posix(),
        )


def _verdict(report: WindowReport) -> str:
    return f"drift in {listed(report.drifted)}" if report.drifted else report.verdict


def _newest(reports: Mapping[Path, int], below: Path) -> str | None:
    """Return the newest window's report, which alerts about data and model are found in."""
    path = max(reports, key=lambda path: path.name, default=None)
    return path.relative_to(below).as_posix() if path and path.is_relative_to(below) else None


# --- alerts --------------------------------------------------------------------------------------------------------


def _alerts(before: Mapping[int, Alert], after: Mapping[int, Alert], report: str | None) -> Iterator[LabEvent]:
    moment = now()
    for number, alert in before.items():
        if number not in after and not alert.muted(moment):
            title = f"Resolved: {alert.title}"
            yield LabEvent(kind="alert", project="", at=moment, title=title, message=alert.owner, alert=number)
    for number, alert in after.items():
        earlier = before.get(number)
        worse = earlier is not None and _rank(alert) > _rank(earlier)
        if (earlier is None or worse) and not alert.muted(moment):
            yield _alert(alert, report, alert.updated if worse else alert.since, worse=worse)


def _alert(alert: Alert, report: str | None, at: datetime, *, worse: bool) -> LabEvent:
    return LabEvent(
        kind="alert",
        project="",
        at=at,
        title=f"Now {alert.severity}: {alert.title}" if worse else alert.title,
        message=f"{alert.message.rstrip('.')}. For {alert.owner}.",
        severity=alert.severity,
        alert=alert.id,
        report=report if alert.role in ("data", "model") else None,
    )


def _rank(alert: Alert) -> int:
    return _SEVERITIES.index(alert.severity)
