"""The watch lives, says so, ends cleanly, and its death is told by whoever looks next."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from roadworthy import lifecycle
from roadworthy import project as projects
from roadworthy.errors import MonitoringError, StateError
from roadworthy.project import Project
from roadworthy.records import Observer, now
from roadworthy.state import State
from roadworthy.status import status
from roadworthy.watch import Heart, watch


@pytest.fixture
def project(root: Path) -> Iterator[Project]:
    with projects.load(root) as project:
        yield project


def _observer(state: State) -> Observer:
    (observer,) = state.observers()
    return observer


def _until(heard: object, seconds: float = 60.0) -> None:
    """Wait until something callable is true."""
    assert callable(heard)
    deadline = time.monotonic() + seconds
    while not heard():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_heart_beats_by_itself_and_says_when_it_ends(state: State) -> None:
    with Heart(state, 60, seconds=0.02) as heart:
        first = _observer(state)
        assert (first.pid, first.every, first.looked, first.ended) == (os.getpid(), 60, None, None)
        _until(lambda: _observer(state).heartbeat > first.heartbeat)
        heart.looked("no disk")
        assert _observer(state).problem == "no disk"
        heart.looked("")
        assert _observer(state).looked is not None
    last = _observer(state)
    assert last.ended is not None
    assert (last.problem, last.died) == ("", False)
    assert state.silent_observers(now() + timedelta(hours=1)) == []


def test_a_watch_looks_again_whatever_kept_it_from_looking(state: State) -> None:
    looks: list[str] = []
    problems = []

    def look() -> None:
        looks.append(_observer(state).problem)
        if len(looks) == 1:
            raise StateError("It is away.", "Bring it back.")
        if len(looks) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        watch(state, look, every=0.0, on_problem=lambda error: problems.append(error.fact))
    assert problems == ["It is away."]
    assert looks == ["", "It is away.", ""]
    assert _observer(state).ended is not None


def _watching(root: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "roadworthy.cli", "watch", "--every", "0.05", "-C", str(root)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert "No traffic has been captured yet" in process.stdout.readline()
    return process


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_watch_that_is_ended_says_so(project: Project, number: int, code: int) -> None:
    with _watching(project.root) as process:
        assert _observer(project.state).ended is None
        process.send_signal(number)
        _, told = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in told
    assert _observer(project.state).ended is not None


@pytest.mark.slow
def test_a_watch_that_was_killed_is_an_alert_of_the_next_look(project: Project) -> None:
    with _watching(project.root) as process:
        process.kill()
    killed = _observer(project.state)
    assert killed.ended is None
    with pytest.raises(MonitoringError):
        lifecycle.watch_once(project, who="policy")
    assert project.state.open_alerts() == []  # it has not been silent for long
    project.state.save_observer(killed.model_copy(update={"heartbeat": now() - timedelta(minutes=2)}))
    for _ in range(2):
        with pytest.raises(MonitoringError):
            lifecycle.watch_once(project, who="policy")
    (alert,) = project.state.open_alerts()
    assert (alert.cause, alert.role, alert.count, alert.delivered) == ("observer", "monitoring", 1, True)
    assert f"process {killed.pid}" in alert.message
    assert lifecycle.needs_somebody(project)
    (told,) = status(project).observers
    assert told.died
