"""What a build is doing just now, written by whoever builds so that everybody can read it.

Each build of a project begins the file anew; only one builds at a time. It goes by the events that a build tells:
``begun``, then ``started``, ``done``, ``failed``, ``retried``, ``fresh``, ``held back`` of its tasks, then ``ended``.
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil
from pydantic import Field

from roadworthy.config import Config
from roadworthy.records import Moment, Record, now
from roadworthy.records.lab import JobTask

_FILE = "building.jsonl"
_SETTLED = {"done": "done", "failed": "failed", "fresh": "fresh", "held back": "held back"}


class Building(Record):
    """A build that is on its way, or the last one."""

    who: str
    process: int
    host: str
    started: Moment
    identity: str | None = Field(default=None, description="what it will be recorded as, where that was chosen before")
    run: str | None = Field(default=None, description="what it is recorded as, once a task has started")
    ended: Moment | None = None
    tasks: tuple[JobTask, ...] = ()

    @property
    def alive(self) -> bool:
        """Whether it goes on; of a process on another machine only its own word is known."""
        if self.ended is not None:
            return False
        return self.host != socket.gethostname() or lives(self.process, self.started.timestamp())

    @property
    def running(self) -> frozenset[str]:
        """The tasks that are being executed."""
        return frozenset(task.name for task in self.tasks if task.state == "running") if self.alive else frozenset()


class Telling:
    """Writes down what a build does, in a file that is begun anew by each build."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def begin(self, tasks: Sequence[str], who: str, identity: str | None = None) -> None:
        """Note that a build begins, which will look at these tasks."""
        with suppress(OSError):  # a build is worth more than the word of it
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._path.unlink(missing_ok=True)
        where = {"process": os.getpid(), "host": socket.gethostname()}
        self.tell("begun", "", tasks=list(tasks), who=who, identity=identity, **where)

    def tell(self, event: str, task: str, **facts: Any) -> None:  # noqa: ANN401 - words and figures
        """Note an event."""
        line = json.dumps({"event": event, "task": task, "at": now().isoformat()} | facts)
        with suppress(OSError), self._path.open("a", encoding="utf-8") as file:
            file.write(line + "\n")


def place(config: Config) -> Path:
    """Return the file in which whoever builds a project writes down what the build does."""
    return config.private(_FILE)


def read(path: Path) -> Building | None:
    """Return what a build does, or did, by the file in which it is written down; None when there is none."""
    told = list(events(path))
    if not told or told[0].get("event") != "begun":
        return None
    first = told[0]
    return Building(
        who=first["who"],
        process=first["process"],
        host=first["host"],
        started=first["at"],
        identity=first.get("identity"),
        run=next((event["run"] for event in told if event.get("run")), None),
        ended=next((event["at"] for event in told if event["event"] == "ended"), None),
        tasks=tasks(first["tasks"], told),
    )


def events(path: Path) -> Iterable[dict[str, Any]]:
    """Yield the events in a file; one that is still being written is left for the next look."""
    with suppress(OSError):
        for line in path.read_text(encoding="utf-8").splitlines():
            with suppress(ValueError):
                event = json.loads(line)
                if isinstance(event, dict):
                    yield event


def tasks(names: Sequence[str], told: Iterable[dict[str, Any]]) -> tuple[JobTask, ...]:
    """Return how far each task is by the events so far.

    Examples
    --------
    >>> [task.state for task in tasks(["a", "b"], [{"event": "started", "task": "a", "reason": "its code changed"}])]
    ['running', 'waiting']
    """
    found = {name: JobTask(name=name, state="waiting") for name in names}
    for event in told:
        name, kind = event.get("task", ""), event.get("event", "")
        if not name:
            continue
        former = found.get(name, JobTask(name=name, state="waiting"))
        words = str(event.get("reason") or former.words)
        if kind in ("started", "retried"):
            found[name] = former.model_copy(update={"state": "running", "words": words})
        elif kind in _SETTLED:
            update = {"state": _SETTLED[kind], "words": words, "seconds": event.get("seconds")}
            found[name] = former.model_copy(update=update)
    return tuple(found.values())


def lives(process: int, since: float) -> bool:
    """Return whether a process of this machine lives that was there at a time, and is no later one of its number."""
    try:
        found = psutil.Process(process)
        return bool(found.status() != psutil.STATUS_ZOMBIE and found.create_time() <= since + 1)
    except psutil.Error:
        return False
