"""A job's own process: ``python -m roadworthy.pipeline.working ROOT JOB`` does what was asked for and tells of it."""

from __future__ import annotations

import contextlib
import signal
import sys
import traceback
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

from roadworthy import config as configuration
from roadworthy import secrets
from roadworthy.config import Config
from roadworthy.errors import PipelineError, RoadworthyError
from roadworthy.pipeline import build, failures, jobs, resolved, spec, trials
from roadworthy.pipeline.build import Event
from roadworthy.pipeline.options import BuildOptions
from roadworthy.pipeline.progress import Telling
from roadworthy.records import now
from roadworthy.state import State

_WORDS = {"retried": "is tried again", "fresh": "is fresh", "waiting": ""}


class Work:
    """One job on its way.

    Parameters
    ----------
    config
        The project's configuration.
    identity
        The job, by which its run is recorded too.
    """

    def __init__(self, config: Config, identity: str) -> None:
        self._config = config
        self._identity = identity
        self._asked = jobs.asked(config, identity)
        given = {} if self._asked.request.alone else self._asked.given
        self._pipeline = spec.read(config.root, given) or resolved.read(config)
        self._known = secrets.known(config)
        self._telling = Telling(jobs.folder(config, identity) / jobs.EVENTS)
        self._log = jobs.log(config, identity)

    def do(self) -> None:
        """Do what was asked for, to its end, and tell what became of it; a failure is told, not raised."""
        self._telling.begin(self._names(), self._asked.who, self._identity)
        try:
            facts = self._alone() if self._asked.request.alone else self._build()
        except KeyboardInterrupt:
            self._say("Broken off.")
            self._end("cancelled")
        except RoadworthyError as error:
            self._say(str(error))
            self._end("failed", error=error.fact, next=error.next_step, **self._failure(error))
        except Exception as error:  # nobody else is there to tell of it
            self._say(traceback.format_exc())
            self._end("failed", error=f"{type(error).__name__}: {error}", next="See the log of this job.")
        else:
            self._end("done", **facts)

    # --- the work ----------------------------------------------------------------------------------------------------

    def _build(self) -> dict[str, Any]:
        request = self._asked.request
        build.build(
            self._config,
            {name: str(value) for name, value in self._asked.given.items()},
            force=request.force,
            options=BuildOptions(only=request.only, needs=request.needs),
            on_event=self._take,
            on_line=self._say,
            identity=self._identity,
        )
        return {}

    def _alone(self) -> dict[str, Any]:
        name = self._asked.request.only[0]
        if self._pipeline is None:  # it was changed since it was asked for
            raise PipelineError("pipeline.yaml cannot be read any more.", "Mend it, then run the notebook again.")
        started = now()
        self._tell({"event": "started", "task": name, "reason": "it is run alone"})
        place = trials.folder(self._config, self._identity)
        try:
            # imported only when it is asked for: a build needs nothing of Papermill in this process
            run = import_module("roadworthy.pipeline.alone").run
            executed: Path = run(self._config, self._pipeline, name, self._asked.given, place)
        except BaseException as error:
            broken_off = isinstance(error, KeyboardInterrupt)
            self._tell({"event": "failed", "task": name, "reason": "broken off" if broken_off else ""})
            raise
        self._tell({"event": "done", "task": name, "seconds": (now() - started).total_seconds()})
        return {"executed": executed.relative_to(self._config.root).as_posix()}

    def _names(self) -> list[str]:
        request = self._asked.request
        if self._pipeline is None or request.alone or (request.only and not request.needs):
            return list(request.only)
        wanted = self._pipeline.needed(request.only or tuple(task.name for task in self._pipeline.tasks))
        return [task.name for task in self._pipeline.tasks if task.name in wanted]

    # --- what is told ------------------------------------------------------------------------------------------------

    def _take(self, event: Event) -> None:
        """Take in an event of the build."""
        if event["event"] == "started":
            self._telling.tell("recorded", "", run=self._identity)
        self._tell(event)

    def _tell(self, event: Mapping[str, Any]) -> None:
        masked = secrets.masked(dict(event), self._known)
        kind, task = masked.pop("event"), masked.pop("task", "")
        self._telling.tell(kind, task, **masked)
        seconds, reason = masked.get("seconds"), masked.get("reason")
        took = f" in {seconds:.1f} s" if seconds else ""
        self._say(f"{task} {_WORDS.get(kind, kind)}{took}{f': {reason}' if reason else ''}".strip(" :"))

    def _say(self, line: str) -> None:
        with contextlib.suppress(OSError), self._log.open("a", encoding="utf-8") as file:
            file.write(f"{secrets.masked(line, self._known)}\n")

    def _end(self, state: str, **facts: Any) -> None:  # noqa: ANN401 - words and figures
        self._telling.tell("ended", "", state=state, **secrets.masked(facts, self._known))

    def _failure(self, error: RoadworthyError) -> dict[str, Any]:
        """Return which task failed, in which cell of which source."""
        if self._asked.request.alone:
            name, source = self._asked.request.only[0], ""
            source = self._pipeline.task(name).source if self._pipeline else ""
            executed = trials.folder(self._config, self._identity) / f"{Path(source).stem}.ipynb"
            told: dict[str, Any] = {"failed_task": name, "failed_source": source}
            if executed.is_file():
                told["executed"] = executed.relative_to(self._config.root).as_posix()
            return told | {"failed_cell": failures.failed_cell(error.fact)}
        with State.open(self._config.state_address) as state:
            run = state.run(self._identity)
        failed = next((task for task in run.tasks if task.state == "failed"), None) if run else None
        if failed is None:
            return {}
        cell = failures.failed_cell(failed.error)
        return {"failed_task": failed.name, "failed_source": failed.source, "failed_cell": cell}


def main(root: str, identity: str) -> None:
    """Do one job. Signals that ask for an end break it off in order."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for asked_to_end in (signal.SIGINT, signal.SIGTERM):
        signal.signal(asked_to_end, interrupt)
    if hasattr(signal, "SIGHUP"):  # a terminal that is closed ends nothing
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    Work(configuration.load(Path(root)), identity).do()


if __name__ == "__main__":
    main(*sys.argv[1:])
