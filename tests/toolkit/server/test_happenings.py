"""What happens in a pipeline is told once: files that changed, builds on their way, runs that ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from roadworthy.pipeline import jobs, progress
from roadworthy.pipeline.jobs import Asked
from roadworthy.pipeline.progress import Telling
from roadworthy.records import RunRecord, now
from roadworthy.records.lab import JobRequest
from roadworthy.server.happenings import Happenings
from roadworthy.server.opened import Opened, Projects


@pytest.fixture
def opened(make: Callable[[Path], Path], tmp_path: Path) -> Iterator[Opened]:
    projects = Projects(tmp_path)
    yield projects.of(make(tmp_path / "project"))
    projects.close()


def looking(opened: Opened) -> Happenings:
    look = Happenings(opened)
    assert [(event.kind, event.message) for event in look()] == [("files", "")]  # from now on
    return look


def test_what_was_there_is_not_told(opened: Opened) -> None:
    opened.state.save_run(RunRecord(id="r1", project="p", state="done", started=now()))
    look = looking(opened)
    assert look() == []


def test_what_happens_until_the_first_look_is_not_missed(opened: Opened) -> None:
    look = Happenings(opened)
    (opened.root / "env.yaml").write_text("rows: 4\n")
    assert [(event.kind, event.message) for event in look()] == [("files", "")]
    assert [event.message for event in look()] == ["env.yaml"]


def test_files_that_changed_are_told_once(opened: Opened) -> None:
    look = looking(opened)
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
    look = looking(opened)
    pyproject = opened.root / "pyproject.toml"
    text = pyproject.read_text()
    pyproject.write_text("[tool.roadworthy")
    assert [event.message for event in look()] == ["pyproject.toml"]
    pyproject.write_text(text)
    assert [event.kind for event in look()] == ["files"]


def test_the_end_of_a_run_is_told(opened: Opened) -> None:
    look = looking(opened)
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


def test_what_a_job_says_is_told_while_it_runs(opened: Opened) -> None:
    folder = jobs.folder(opened.config, "20130101-120000-00ab")
    folder.mkdir(parents=True)
    asked = Asked(request=JobRequest(path="project", only=("first",)), given={}, who="ann", at=now())
    (folder / "asked.json").write_text(asked.model_dump_json())
    look = looking(opened)
    (folder / "log.txt").write_text("Loading\n")
    (event,) = look()
    assert (event.kind, event.job, event.state, event.title) == ("job", folder.name, "running", "first is running")
    assert look() == []
    Telling(folder / "events.jsonl").tell("ended", "", state="failed", error="no")
    (event,) = look()
    assert (event.state, event.severity, event.title, event.message) == ("failed", "warning", "first failed", "no")


def test_each_step_of_a_build_of_elsewhere_is_told(opened: Opened) -> None:
    look = looking(opened)
    telling = Telling(progress.place(opened.config))
    telling.begin(["first", "second"], "ann")
    (event,) = look()
    assert (event.kind, event.state, event.title) == ("job", "running", "A build by ann is running")
    telling.tell("started", "first")
    assert [event.kind for event in look()] == ["job"]
    assert look() == []
