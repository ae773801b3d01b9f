"""A job is what its folder says: who asked for what, what happened, and whether its process lives."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from roadworthy.config import Config
from roadworthy.errors import PipelineError
from roadworthy.pipeline import jobs, progress
from roadworthy.pipeline.jobs import Asked
from roadworthy.pipeline.progress import Telling
from roadworthy.records import now
from roadworthy.records.lab import JobRequest

ID = "20130101-120000-00ab"


@pytest.fixture
def sleeper() -> Iterator[int]:
    """The id of a process that lives until the test ends."""
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as process:
        yield process.pid
        process.kill()


def put(config: Config, identity: str = ID, *, process: int | None = None, host: str = "", **asked: object) -> Path:
    """Write down what is asked for, as `jobs.start` does."""
    folder = jobs.folder(config, identity)
    folder.mkdir(parents=True)
    request = JobRequest.model_validate({"path": "project"} | asked)
    words = Asked(request=request, given={}, who="ann", at=now()).model_dump_json()
    (folder / "asked.json").write_text(words)
    if process is not None:
        told = {"process": process, "host": host or socket.gethostname()}
        (folder / "process.json").write_text(json.dumps(told))
    return folder


def test_a_job_is_running_before_it_has_said_a_word(config: Config, sleeper: int) -> None:
    put(config, process=sleeper, only=["first"])
    job = jobs.read(config, ID)
    assert (job.state, job.who, job.run, job.ended) == ("running", "ann", None, None)
    assert [(task.name, task.state) for task in job.tasks] == [("first", "waiting")]


def test_a_job_is_what_its_events_say(config: Config, sleeper: int) -> None:
    telling = Telling(put(config, process=sleeper) / "events.jsonl")
    telling.begin(["first", "second"], "ann", ID)
    telling.tell("recorded", "", run=ID)
    telling.tell("started", "first", reason="its code changed")
    telling.tell("failed", "first", seconds=2)
    telling.tell("held back", "second")
    facts = {"error": "no", "next": "Mend it.", "failed_task": "first", "failed_source": "a.ipynb", "failed_cell": 3}
    telling.tell("ended", "", state="failed", **facts)
    job = jobs.read(config, ID)
    assert [(task.name, task.state) for task in job.tasks] == [("first", "failed"), ("second", "held back")]
    assert (job.state, job.run, job.error, job.next) == ("failed", ID, "no", "Mend it.")
    assert (job.failed_task, job.failed_source, job.failed_cell) == ("first", "a.ipynb", 3)
    assert job.ended is not None


def test_a_dead_process_that_said_no_end_has_failed(config: Config) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    folder = put(config, process=process.pid)
    Telling(folder / "events.jsonl").begin(["first"], "ann", ID)
    (folder / "crash.txt").write_text("Segmentation fault\n")
    job = jobs.read(config, ID)
    assert job.state == "failed"
    assert "ended without a word" in (job.error or "")
    assert job.log == "Segmentation fault"
    (folder / "cancelled").touch()
    assert jobs.read(config, ID).state == "cancelled"


def test_a_later_process_of_the_same_number_is_not_the_job(config: Config, sleeper: int) -> None:
    folder = put(config, process=sleeper)
    os.utime(folder / "asked.json", (0, 0))
    assert jobs.read(config, ID).state == "failed"


def test_the_log_is_its_newest_lines_without_secrets(tiny: Path, sleeper: int, monkeypatch: pytest.MonkeyPatch) -> None:
    from roadworthy import config as configuration

    monkeypatch.setenv("DB_PASS", "hunter2-and-more")
    pyproject = tiny / "pyproject.toml"
    pyproject.write_text(pyproject.read_text() + '\n[tool.roadworthy.secrets]\ndb = {env = "DB_PASS"}\n')
    config = configuration.load(tiny)
    folder = put(config, process=sleeper)
    (folder / "log.txt").write_text("".join(f"line {n}\n" for n in range(1000)) + "with hunter2-and-more\n")
    log = jobs.read(config, ID).log.splitlines()
    assert (len(log), log[-2], log[-1]) == (400, "line 999", "with [secret db]")


def test_jobs_are_listed_newest_first_and_nothing_else_is(config: Config, sleeper: int) -> None:
    assert jobs.listed(config) == ()
    for number in (1, 3, 2):
        put(config, f"2013010{number}-120000-00ab", process=sleeper)
    (jobs.folder(config, "other")).mkdir()
    assert [job.id[:8] for job in jobs.listed(config)] == ["20130103", "20130102", "20130101"]
    assert len(jobs.listed(config, limit=2)) == 2


@pytest.mark.parametrize("identity", ["../../etc", "other", "20130101-120000-00ac", ""])
def test_what_is_no_job_is_told_as_such(config: Config, identity: str) -> None:
    put(config)
    for act in (jobs.read, jobs.cancel):
        with pytest.raises(PipelineError, match="There is no job"):
            act(config, identity)


def test_a_build_of_elsewhere_is_the_current_one(config: Config, sleeper: int) -> None:
    telling = Telling(progress.place(config))
    telling.begin(["first"], "bob")
    telling.tell("started", "first")
    found = jobs.current(config, progress.read(progress.place(config)))
    assert found is not None
    assert (found.who, found.request, found.state, found.tasks[0].state) == ("bob", None, "running", "running")
    telling.begin(["first"], "ann", ID)
    put(config, process=sleeper)
    found = jobs.current(config, progress.read(progress.place(config)))
    assert found is not None
    assert (found.id, found.request is not None) == (ID, True)
    telling.tell("ended", "")


def test_a_notebook_alone_is_not_the_build(config: Config, sleeper: int) -> None:
    put(config, process=sleeper, only=["first"], alone=True)
    assert jobs.current(config, None) is None
