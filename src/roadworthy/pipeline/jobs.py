"""Builds as processes of their own: asked for, watched, broken off; they go on when whoever asked for them has gone.

A job is a folder below ``.roadworthy/jobs/`` that goes by the id of its run: what was asked for (``asked.json``), its
process (``process.json``), what happened (``events.jsonl``, see `progress`) and what was said (``log.txt``). Whoever
reads the folder knows all about the job, also after a restart. The process itself is `roadworthy.pipeline.working`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import psutil

from roadworthy import secrets
from roadworthy.config import Config
from roadworthy.errors import PipelineError
from roadworthy.pipeline import lineage, parameters, progress, resolved, trials
from roadworthy.pipeline.progress import Building
from roadworthy.pipeline.spec import Pipeline
from roadworthy.records import Moment, Record, now
from roadworthy.records.lab import Job, JobRequest, JobState
from roadworthy.state import State

_ID = re.compile(r"\d{8}-\d{6}-[0-9a-f]{4}")
_ASKED, _PROCESS, _LOG, _CRASH = "asked.json", "process.json", "log.txt", "crash.txt"
EVENTS = "events.jsonl"
_KEPT = 50
_LINES_SHOWN = 400
_UNTIL_BEGUN = timedelta(seconds=30)
_UNTIL_KILLED = timedelta(seconds=30)
_DIED = "The build's process ended without a word: it was killed, or the machine was restarted."


class Asked(Record):
    """What a job is to do."""

    request: JobRequest
    given: dict[str, Any]
    who: str
    at: Moment


# --- asking ----------------------------------------------------------------------------------------------------------


def start(config: Config, state: State, request: JobRequest, who: str) -> str:
    """Check what is asked for, start it as a process of its own, and return the job's id.

    Raises
    ------
    PipelineError
        When a task or a parameter is unknown, a value is not what its parameter takes, or the notebook cannot be run
        alone.
    """
    pipeline = resolved.read(config)
    asked = Asked(request=request, given=_checked(config, state, pipeline, request), who=who, at=now())
    identity = lineage.run_id()
    folder = _folder(config) / identity
    folder.mkdir(parents=True)
    (folder / _ASKED).write_text(asked.model_dump_json(), encoding="utf-8")
    _forget_old(config)
    with (folder / _CRASH).open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-m", "roadworthy.pipeline.working", str(config.root), identity],
            cwd=config.root,
            env=dict(os.environ) | {lineage.WHO_VARIABLE: who},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=said,
            start_new_session=True,  # so that it outlives whoever asked for it
        )
    _STARTED.append(process)
    words = {"process": process.pid, "host": socket.gethostname()}
    (folder / _PROCESS).write_text(json.dumps(words), encoding="utf-8")
    return identity


def _checked(config: Config, state: State, pipeline: Pipeline | None, request: JobRequest) -> dict[str, Any]:
    """Return the values to be given: by parameter for a notebook alone, by key of env.yaml for a build."""
    for name in request.only if pipeline else ():
        pipeline.task(name)  # type: ignore[union-attr]  # there is one, or nothing is looped over
    if not request.alone:
        return dict(parameters.for_build(pipeline, config.root, request.parameters))
    if len(request.only) != 1:
        raise PipelineError("A notebook is run alone for one task.", "Name that task in `only`.")
    trials.refuse(config, state, pipeline, request.only[0])
    assert pipeline is not None  # noqa: S101 - refused otherwise
    declared = parameters.of_task(config.root, pipeline.task(request.only[0]), {})
    return parameters.checked(declared, request.parameters)


def cancel(config: Config, identity: str) -> None:
    """Break a job off, as Ctrl-C would; one that has not ended after half a minute is killed when asked again.

    Raises
    ------
    PipelineError
        When there is no such job. One that has ended is left as it is.
    """
    folder = _known(config, identity)
    process = _process(folder)
    if process is None or not _goes_on(folder):
        return
    mark = folder / "cancelled"
    if not mark.exists():
        mark.touch()
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGINT)
    elif now().timestamp() - mark.stat().st_mtime > _UNTIL_KILLED.total_seconds():
        _kill_family(process)


# --- reading ---------------------------------------------------------------------------------------------------------


def read(config: Config, identity: str) -> Job:
    """Return a job with the newest lines of its log; its paths are below the project's root.

    Raises
    ------
    PipelineError
        When there is no such job.
    """
    return _job(config, _known(config, identity), with_log=True)


def listed(config: Config, limit: int = 20) -> tuple[Job, ...]:
    """Return the newest jobs, newest first, without their logs."""
    return tuple(
        _job(config, folder, with_log=False) for folder, _ in zip(_folders(config), range(limit), strict=False)
    )


def current(config: Config, building: Building | None) -> Job | None:
    """Return the build that goes on at present, whoever started it; None when none does.

    Parameters
    ----------
    config
        The project's configuration.
    building
        The newest build, by `progress.read`.
    """
    going = [job for job in listed(config, limit=5) if job.state == "running" and job.request and not job.request.alone]
    if building is None or not building.alive:
        return next(iter(going), None)
    same = [job for job in going if building.identity == job.id]
    return same[0] if same else _of_elsewhere(building)


def _of_elsewhere(building: Building) -> Job:
    return Job(
        id=building.identity or building.run or f"process-{building.process}",
        project="",
        state="running",
        who=building.who,
        started=building.started,
        tasks=building.tasks,
        run=building.run,
    )


def _job(config: Config, folder: Path, *, with_log: bool) -> Job:
    asked = Asked.model_validate_json((folder / _ASKED).read_bytes())
    told = list(progress.events(folder / EVENTS))
    begun = next((event for event in told if event["event"] == "begun"), None)
    end = next((event for event in told if event["event"] == "ended"), None)
    state, facts = _state(folder, end)
    run = next((event["run"] for event in told if event.get("run")), None)
    return Job(
        id=folder.name,
        project="",
        state=state,
        request=asked.request,
        who=asked.who,
        started=asked.at,
        ended=end["at"] if end else None,
        tasks=progress.tasks(begun["tasks"] if begun else asked.request.only, told),
        log=_log(config, folder, ended=end is not None) if with_log else "",
        run=run,
        **facts,
    )


def _state(folder: Path, end: dict[str, Any] | None) -> tuple[JobState, dict[str, Any]]:
    if end is not None:
        names = ("error", "next", "failed_task", "failed_source", "failed_cell", "executed")
        return end["state"], {name: end[name] for name in names if end.get(name) is not None}
    if _goes_on(folder):
        return "running", {}
    if (folder / "cancelled").exists():
        return "cancelled", {}
    return "failed", {"error": _DIED, "next": "Run it again; what had ended well is kept."}


def _log(config: Config, folder: Path, *, ended: bool) -> str:
    names = (_LOG,) if ended or _goes_on(folder) else (_LOG, _CRASH)
    lines: list[str] = []
    for name in names:
        with suppress(OSError):
            lines += (folder / name).read_text(encoding="utf-8", errors="replace").splitlines()
    return str(secrets.masked("\n".join(lines[-_LINES_SHOWN:]), secrets.known(config)))


# --- folders and processes -------------------------------------------------------------------------------------------

_STARTED: list[subprocess.Popen[bytes]] = []  # so that those which have ended are no zombies


def folder(config: Config, identity: str) -> Path:
    """Return the folder of a job."""
    return _folder(config) / identity


def asked(config: Config, identity: str) -> Asked:
    """Return what a job is to do."""
    return Asked.model_validate_json((folder(config, identity) / _ASKED).read_bytes())


def log(config: Config, identity: str) -> Path:
    """Return the file of what a job says."""
    return folder(config, identity) / _LOG


def _folder(config: Config) -> Path:
    return config.private("jobs")


def _folders(config: Config) -> Iterator[Path]:
    place = _folder(config)
    names = sorted((path.name for path in place.iterdir()), reverse=True) if place.is_dir() else []
    return (place / name for name in names if _ID.fullmatch(name) and (place / name / _ASKED).is_file())


def _known(config: Config, identity: str) -> Path:
    found = _folder(config) / identity
    if not _ID.fullmatch(identity) or not (found / _ASKED).is_file():
        raise PipelineError(f"There is no job {identity!r}.", "See the jobs that there are.")
    return found


def _forget_old(config: Config) -> None:
    for number, folder in enumerate(list(_folders(config))):
        if number >= _KEPT and not _goes_on(folder):
            shutil.rmtree(folder, ignore_errors=True)


def _process(folder: Path) -> int | None:
    try:
        said = json.loads((folder / _PROCESS).read_text(encoding="utf-8"))
        return int(said["process"]) if said["host"] == socket.gethostname() else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _goes_on(folder: Path) -> bool:
    for process in list(_STARTED):
        if process.poll() is not None:
            with suppress(ValueError):  # another thread was faster
                _STARTED.remove(process)
    if any(event["event"] == "ended" for event in progress.events(folder / EVENTS)):
        return False
    since = (folder / _ASKED).stat().st_mtime
    number = _process(folder)
    if number is None:
        return now().timestamp() - since < _UNTIL_BEGUN.total_seconds()
    return progress.lives(number, since + 5)


def _kill_family(process: int) -> None:
    with suppress(psutil.Error):
        root = psutil.Process(process)
        for member in (*root.children(recursive=True), root):
            with suppress(psutil.Error):
                member.kill()
