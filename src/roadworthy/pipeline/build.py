"""Run ``ploomber build`` as a program of its own, and return the record of what it did."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping
from typing import IO, Any

import psutil

from roadworthy import contract as contracts
from roadworthy.config import Config
from roadworthy.errors import PipelineError
from roadworthy.pipeline import checks, lineage, spec
from roadworthy.pipeline.freshness import Freshness
from roadworthy.pipeline.options import BuildOptions
from roadworthy.pipeline.warming import warm_up
from roadworthy.records import RunRecord
from roadworthy.state import State

# What the program `ploomber` runs, for the very interpreter that runs this: the program itself may not be on PATH.
COMMAND = (sys.executable, "-c", "from ploomber_cli.cli import cmd_router; cmd_router()")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_TRACEBACK = re.compile(r"^(Traceback |  File |    |During handling|The above exception)")
_WAITING = "Waiting for another build"
_SECONDS_TO_END = 20
_LINES_SHOWN = 12
Event = dict[str, Any]
OnEvent = Callable[[Event], None]
OnLine = Callable[[str], None]


def build(
    config: Config,
    parameters: Mapping[str, str] | None = None,
    *,
    force: bool = False,
    options: BuildOptions | None = None,
    on_event: OnEvent | None = None,
    on_line: OnLine | None = None,
    identity: str | None = None,
) -> RunRecord:
    """Run the pipeline by ``ploomber build`` in the project's folder.

    Parameters
    ----------
    config
        The project's configuration.
    parameters
        Values that replace those in env.yaml, such as ``{"train_end": "2013-06-01"}``.
    force
        Run every task, also those that are up to date.
    options
        Which tasks, as of when, and how many at once.
    on_event
        Called with what happens: ``event`` (started, done, failed, retried, fresh, held back, waiting), ``task`` and
        further facts; by default nothing is told.
    on_line
        Called with each line that the program says beside its events.
    identity
        What the run goes by, from `lineage.run_id`; by default a new one.

    Returns
    -------
    RunRecord
        The run; when everything was up to date, the lineage of the products that are there.

    Raises
    ------
    PipelineError
        When a task failed, pipeline.yaml is broken, a notebook has no parameters cell, or a parameter is unknown.
    KeyboardInterrupt
        On Ctrl-C, after the pipeline has ended and was recorded as interrupted.
    """
    parameters = parameters or {}
    checks.refuse_broken(config.path("pipeline.yaml"))
    checks.refuse_unknown(parameters, config.root)
    checks.refuse_without_parameters(config.path("pipeline.yaml"))
    warm_up(config, spec.read(config.root, parameters))
    options = (options or BuildOptions()).model_copy(update={"progress": True})
    identity = identity or lineage.run_id()
    environment = options.as_environment() | {lineage.RUN_ID_VARIABLE: identity}
    listener = _Listener(on_event or (lambda event: None), on_line or (lambda line: None))
    said = _ploomber(config, _arguments(parameters, force), environment, listener)
    with State.open(config.state_address) as state:
        run = state.run(identity)
        if run is None and said is None:
            return existing(config, state, parameters)
    return _successful(run, said)


def existing(config: Config, state: State, parameters: Mapping[str, str]) -> RunRecord:
    """Return the lineage of the products that a build with these parameters makes.

    Raises
    ------
    PipelineError
        When one of them is missing, or nobody can say what it came from.
    """
    folder = parameters.get(config.settings.pipeline.products, config.settings.model.products)
    return lineage.lineage(config, state, config.path(folder))


def fresh(
    config: Config, state: State, parameters: Mapping[str, str] | None = None, only: tuple[str, ...] = ()
) -> tuple[str, ...] | None:
    """Return the names of all tasks when every one is fresh; None when one is not, or only a build can tell.

    This imports neither Ploomber nor a notebook's libraries.

    Raises
    ------
    ContractError, PipelineError
        When the contract or a notebook cannot be read.
    """
    pipeline = spec.read(config.root, parameters or {})
    if pipeline is None:
        return None
    contract = contracts.read(config.path(config.settings.contract))
    judge = Freshness(config, state, contract, {})
    specs = {task.name: task for task in pipeline.tasks}
    wanted = pipeline.needed(only or tuple(specs))
    names = tuple(name for name in specs if name in wanted)
    all_fresh = all(judge.judge(specs[name], specs).fresh for name in names)
    judge.save()
    return names if all_fresh else None


def _arguments(parameters: Mapping[str, str], force: bool) -> list[str]:
    values = [f"--env--{name}={value}" for name, value in parameters.items()]
    return [*values, "--force"] if force else values


def _ploomber(config: Config, arguments: list[str], environment: Mapping[str, str], listener: _Listener) -> str | None:
    """Run it to its end; return None when it went well, otherwise what it said."""
    with subprocess.Popen(
        [*COMMAND, "build", *arguments],
        cwd=config.root,
        env=_environment() | dict(environment),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,  # so that Ctrl-C reaches it once, from here, and not from the terminal as well
    ) as process:
        reader = threading.Thread(target=listener.relay, args=(process.stdout,), daemon=True)
        reader.start()
        try:
            code = process.wait()
        except BaseException:  # Ctrl-C, or the end of this program: nothing may go on without it
            _end(process)
            raise
        finally:
            reader.join()
    return None if code == 0 else "".join(listener.said)


def _environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("ENTRY_POINT", "PLOOMBER_DEBUG")}
    return kept | {"PYTHONUNBUFFERED": "1", "COLUMNS": "200"}


class _Listener:
    """Hears what the program says."""

    def __init__(self, on_event: OnEvent, on_line: OnLine) -> None:
        self._on_event = on_event
        self._on_line = on_line
        self.said: list[str] = []

    def relay(self, output: IO[str]) -> None:
        """Hand on what it says until it ends."""
        for line in output:
            event = _event(line)
            if event is not None:
                self._on_event(event)
            elif line.startswith(_WAITING):
                self._on_event({"event": "waiting", "task": "", "reason": line.strip()})
            else:
                self.said.append(line)
                self._on_line(_ANSI.sub("", line).rstrip().split("\r")[-1])


def _event(line: str) -> Event | None:
    if not line.startswith('{"event"'):
        return None
    try:
        found = json.loads(line)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _end(process: subprocess.Popen[str]) -> None:
    """Interrupt it as Ctrl-C would, so that it records the run; when it does not end, kill it and its kernels."""
    try:
        process.send_signal(signal.SIGINT)
        process.wait(_SECONDS_TO_END)
    except (subprocess.TimeoutExpired, KeyboardInterrupt):
        family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        for member in family:
            try:
                member.kill()
            except psutil.NoSuchProcess:
                continue
        process.wait()


def _successful(run: RunRecord | None, said: str | None) -> RunRecord:
    if run is not None and run.state == "done" and said is None:
        return run
    failures = [task.error for task in run.tasks if task.error] if run else []
    if failures:
        fact, _, step = failures[0].partition("\nNext: ")
        raise PipelineError(fact, step)
    fact, _, step = _message(said or "").partition("\nNext: ")
    raise PipelineError(
        f"`ploomber build` could not run the pipeline: {fact}",
        step or "Mend what it names, in pipeline.yaml or env.yaml.",
    )


def _message(said: str) -> str:
    """Ploomber's own words without the frames of its tracebacks."""
    lines = [_ANSI.sub("", line).rstrip().split("\r")[-1] for line in said.splitlines()]
    words = [line for line in lines if line.strip() and not _TRACEBACK.match(line) and "Loading pipeline" not in line]
    return "\n".join(words[-_LINES_SHOWN:]) or "it ended without a word."
