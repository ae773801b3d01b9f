"""What happens in a pipeline is told once: files that changed, builds on their way, runs that ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from roadworthy.pipeline import progress
from roadworthy.pipeline.progress import Telling
from roadworthy.records import RunRecord, now
from roadworthy.server.happenings import Happenings
from roadworthy.server.opened import Opened, Projects


@pytest.fixture
def opened(make: Callable[[Path], Path], tmp_path: Path) -> Iterator[Opened]:
    projects = Projects(tmp_path)
    yield projects.of(make(tmp_path / "project"))
    projects.close()


def test_what_was_there_is_not_told(opened: Opened) -> None:
    opened.state.save_run(RunRecord(id="r1", project="p", state="done", started=now()))
    look = Happenings(opened)
    assert look() == []


def test_files_that_changed_are_told_once(opened: Opened) -> None:
    look = Happenings(opened)
    (opened.root / "notebooks/first.ipynb").write_text("{}")
    (opened.root / "monitoring/contract.yaml").unlink()
    (event,) = look()
    assert (event.kind, event.project) == ("files", "project")
    assert event.message == "monitoring/contract.yaml, notebooks/first.ipynb"
    assert look() == []
    (opened.root / "products").mkdir()
    (opened.root / "products/first.json").write_text("{}")
    assert [event.message for event in look()] == ["products/first.json"]


def test_a_broken_project_is_looked_at_until_it_is_mended(opened: Opened) -> None:
    look = Happenings(opened)
    pyproject = opened.root / "pyproject.toml"
    text = pyproject.read_text()
    pyproject.write_text("[tool.roadworthy")
    assert [event.message for event in look()] == ["pyproject.toml"]
    pyproject.write_text(text)
    assert [event.kind for event in look()] == ["files"]


def test_the_end_of_a_run_is_told(opened: Opened) -> None:
    look = Happenings(opened)
    run = RunRecord(id="r1", project="p", state="running", started=now())
    opened.state.save_run(run)
    assert look() == []
    opened.state.save_run(run.model_copy(update={"state": "failed", "ended": now()}))
    (event,) = look()
    assert (event.kind, event.run, event.severity, event.title) == ("run", "r1", "warning", "Run r1 failed")
    later = RunRecord(id="r2", project="p", state="done", started=now() + timedelta(seconds=1), ended=now())
    opened.state.save_run(later)
    assert [(event.run, event.severity) for event in look()] == [("r2", "info")]
    assert look() == []


def test_each_step_of_a_build_of_elsewhere_is_told(opened: Opened) -> None:
    look = Happenings(opened)
    telling = Telling(progress.place(opened.config))
    telling.begin(["first", "second"], "ann")
    (event,) = look()
    assert (event.kind, event.state, event.title) == ("job", "running", "A build by ann is running")
    telling.tell("started", "first")
    assert [event.kind for event in look()] == ["job"]
    assert look() == []
