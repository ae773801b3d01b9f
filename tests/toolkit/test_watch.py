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
from roadworthy.errors import MonitoringError, NoTraffic, StateError, TableError
from roadworthy.project import Project
from roadworthy.records import Alert, Observer, now
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


def _told_once(project: Project) -> Alert:
    """Look twice, and return the one alert of it: that an observer has died."""
    for _ in range(2):
        with pytest.raises(MonitoringError):
            lifecycle.watch_once(project, who="policy")
    (alert,) = project.state.open_alerts()
    assert (alert.cause, alert.role, alert.count, alert.delivered) == ("observer", "monitoring", 1, True)
    return alert


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
        for failed in (1, 2):
            heart.looked(StateError("no disk", "Mend it."))
            assert (_observer(state).problem, _observer(state).failed) == ("no disk", failed)
        heart.looked(NoTraffic("none yet", "Wait."))
        assert (_observer(state).problem, _observer(state).failed) == ("none yet", 0)
        heart.looked(None)
        assert _observer(state).looked is not None
    last = _observer(state)
    assert last.ended is not None
    assert (last.problem, last.died) == ("", False)
    assert state.dead_observers(now() + timedelta(hours=1)) == []


class Panic(BaseException):
    """What a crash in Rust looks like."""


@pytest.mark.parametrize("error", [KeyError("late"), MemoryError(), Panic("at a\n bad place")])
def test_a_heart_that_ends_by_a_failure_says_so(state: State, error: BaseException) -> None:
    with pytest.raises(type(error)), Heart(state, 60):
        raise error
    (dead,) = state.dead_observers(now() - timedelta(hours=1))
    assert (dead.died, dead.ended) == (True, None)
    assert dead.problem in ("KeyError: 'late'", "MemoryError", "Panic: at a bad place")


@pytest.mark.parametrize("end", [KeyboardInterrupt(), SystemExit(143)])
def test_a_heart_that_is_ended_has_not_died(state: State, end: BaseException) -> None:
    with pytest.raises(type(end)), Heart(state, 60):
        raise end
    assert (_observer(state).died, _observer(state).ended is not None) == (False, True)


def test_what_a_heart_died_of_is_told_in_a_line_without_secrets(state: State) -> None:
    said = f"no answer of s3://ann:s3cr@t@store/x?key=pa55word{' and so on' * 100}"
    with pytest.raises(ValueError, match="no answer"), Heart(state, 60, known={"store": "pa55word"}):
        raise ValueError(said)
    assert _observer(state).problem.startswith("ValueError: no answer of s3://store/x?key=[secret store] and so on")
    assert len(_observer(state).problem) <= 500


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
    alert = _told_once(project)
    assert f"process {killed.pid}" in alert.message
    assert lifecycle.needs_somebody(project)
    (told,) = status(project).observers
    assert told.died


FAILING = """
import sys
from pathlib import Path
from roadworthy import lifecycle, project
from roadworthy.cli import main
lifecycle.observe = lambda *given, **named: {}["late"]
main()
"""


@pytest.mark.slow
def test_a_watch_that_ends_by_an_error_is_an_alert_of_the_next_look(project: Project) -> None:
    command = [sys.executable, "-c", FAILING, "watch", "--every", "0.05", "-C", str(project.root)]
    failed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1] == "KeyError: 'late'"
    died = _observer(project.state)
    assert (died.died, died.ended, died.problem) == (True, None, "KeyError: 'late'")
    alert = _told_once(project)
    assert f"process {died.pid}, ended" in alert.message
    assert "by a failure: KeyError: 'late'" in alert.message


@pytest.mark.slow
def test_a_watch_whose_looks_fail_tells_it_itself_until_one_succeeds(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[list[str]] = []

    def look() -> None:
        try:
            lifecycle.watch_once(project, who="policy")
        finally:
            told.append([alert.cause for alert in project.state.open_alerts()])
        if len(told) == 7:
            raise KeyboardInterrupt

    def observe(*given: object, **named: object) -> list[object]:
        if len(told) < 4:
            raise TableError("It is away.", "Bring it back.")
        return []

    monkeypatch.setattr(lifecycle, "observe", observe)
    with pytest.raises(KeyboardInterrupt):
        watch(project.state, look, every=0.0, on_problem=lambda error: None)
    assert told == [[], [], [], ["looks"], ["looks"], [], []]
