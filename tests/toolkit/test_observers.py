"""Who looks is looked at: an observer that has died, or whose looks come to nothing, is an alert to monitoring."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from roadworthy import lifecycle, observers
from roadworthy import project as projects
from roadworthy.project import Project
from roadworthy.records import Observer, now

MOMENT = datetime(2013, 5, 1, tzinfo=UTC)
ONE = Observer(id="a", host="box", pid=7, every=60, started=MOMENT, heartbeat=MOMENT)


@pytest.fixture
def project(root: Path) -> Iterator[Project]:
    with projects.load(root) as project:
        yield project


def _one(**changes: object) -> Observer:
    return ONE.model_copy(update=changes)


def test_observers_that_died_are_monitorings_matter() -> None:
    found = observers.died_finding([_one(problem="no disk"), _one(pid=8, died=True, problem="KeyError: 'late'")])
    assert (found.owner, found.severity) == ("monitoring", "critical")
    assert "on box, process 7, was last heard of 2013-05-01 00:00 UTC, with the problem: no disk" in found.message
    assert "process 8, ended 2013-05-01 00:00 UTC by a failure: KeyError: 'late'" in found.message


@pytest.mark.parametrize(
    ("observer", "told"),
    [
        (_one(), ""),
        (_one(failed=2, problem="no disk"), ""),
        (_one(failed=3, problem="no disk"), "process 7, has looked 3 times in a row in vain: no disk"),
        (_one(started=MOMENT - timedelta(hours=23)), ""),
        (_one(started=MOMENT - timedelta(hours=25)), "process 7, is at one look since 2013-04-29 23:00 UTC"),
        (_one(started=MOMENT - timedelta(days=9), looked=MOMENT - timedelta(hours=23)), ""),
        (_one(looked=MOMENT - timedelta(hours=25), every=7200.0), ""),  # it waits for some of the time
        (_one(looked=MOMENT - timedelta(hours=25)), "process 7, is at one look since 2013-04-29 23:01 UTC"),
    ],
)
def test_looks_that_fail_and_one_that_does_not_end_are_told(observer: Observer, told: str) -> None:
    found = observers.in_vain_findings([observer], MOMENT)
    assert [finding.owner for finding in found] == ["monitoring"] * bool(told)
    assert all(told in finding.message for finding in found)


def test_looks_in_vain_are_an_alert_until_one_succeeds_or_nobody_looks(project: Project) -> None:
    def told() -> list[tuple[str, int]]:
        observers.tell(project)
        lifecycle.resolve_quiet_alerts(project)
        return [(alert.cause, alert.count) for alert in project.state.open_alerts()]

    failing = _one(started=now(), heartbeat=now(), failed=3, problem="no disk")
    project.state.save_observer(failing)
    assert told() == [("looks", 1)]
    assert told() == [("looks", 2)]  # it is one alert
    project.state.save_observer(failing.model_copy(update={"failed": 0, "problem": ""}))
    assert told() == []
    project.state.save_observer(failing)
    assert told() == [("looks", 1)]
    project.state.save_observer(failing.model_copy(update={"ended": now()}))
    assert told() == []


def test_a_death_is_told_once_and_stays_until_somebody_resolves_it(project: Project) -> None:
    project.state.save_observer(_one(started=now(), heartbeat=now(), failed=3, died=True, problem="KeyError: 'late'"))
    for _ in range(2):
        observers.tell(project)
        lifecycle.resolve_quiet_alerts(project)
    (alert,) = project.state.open_alerts()
    assert (alert.cause, alert.role, alert.count) == ("observer", "monitoring", 1)
    assert "by a failure: KeyError: 'late'" in alert.message
    (kept,) = project.state.observers()
    assert kept.ended is not None
