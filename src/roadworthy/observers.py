"""Observers: that one has died or looks in vain is told by whoever looks next, which may be itself."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from roadworthy.monitoring import alerts
from roadworthy.project import Project
from roadworthy.records import Finding, Observer, now

DIED = "observer"  # the cause of the alert that observers have died
_SILENT = timedelta(minutes=1)  # who has not been heard of for so long, and has not said that it ended, has died
_FAILED = 3  # looks in a row: one or two may fail while a store is away for a moment
_LONGEST_LOOK = timedelta(days=1)  # a retraining may take hours


def tell(project: Project) -> None:
    """Tell monitoring's owner, once, which observers have died, and as long as it lasts which look in vain."""
    dead = project.state.dead_observers(now() - _SILENT)
    if found := [*([died_finding(dead)] if dead else []), *in_vain(project)]:
        alerts.tell(found, project.config, project.state)
    for observer in dead:
        project.state.save_observer(observer.model_copy(update={"ended": now(), "died": True}))


def in_vain(project: Project) -> list[Finding]:
    """Return that observers that live come to nothing, while that is so."""
    moment = now()
    alive = [one for one in project.state.observers() if one.runs and moment - one.heartbeat < _SILENT]
    return in_vain_findings(alive, moment)


def died_finding(dead: Sequence[Observer]) -> Finding:
    """Return that observers have ended by a failure, or fallen silent without having ended."""
    return Finding(
        cause=DIED,
        owner="monitoring",
        severity="critical",
        title="An observer has died: nobody looked at the traffic meanwhile",
        message=f"{'; '.join(map(_died, dead))}. See why it ended, start it again, and resolve this alert.",
    )


def in_vain_findings(alive: Sequence[Observer], moment: datetime) -> list[Finding]:
    """Return that observers look and look and it comes to nothing, or that a look does not come to its end."""
    words = [words for one in alive if (words := _in_vain(one, moment))]
    if not words:
        return []
    return [
        Finding(
            cause="looks",
            owner="monitoring",
            severity="critical",
            title="An observer looks at the traffic in vain",
            message=f"{'; '.join(words)}. Mend that; the alert goes by itself after a look that succeeds.",
        )
    ]


def _died(one: Observer) -> str:
    if one.died:
        return f"{_name(one)}, ended {one.heartbeat:%Y-%m-%d %H:%M} UTC by a failure: {one.problem}"
    problem = f", with the problem: {one.problem}" if one.problem else ""
    return f"{_name(one)}, was last heard of {one.heartbeat:%Y-%m-%d %H:%M} UTC{problem}"


def _in_vain(one: Observer, moment: datetime) -> str:
    """Return in words that an observer's looks fail, or that one does not end; blank when neither is so."""
    if one.failed >= _FAILED:
        return f"{_name(one)}, has looked {one.failed} times in a row in vain: {one.problem}"
    began = one.looked + timedelta(seconds=one.every) if one.looked else one.started
    if moment - began > _LONGEST_LOOK:
        return f"{_name(one)}, is at one look since {began:%Y-%m-%d %H:%M} UTC"
    return ""


def _name(one: Observer) -> str:
    return f"`roadworthy watch` on {one.host}, process {one.pid}"
