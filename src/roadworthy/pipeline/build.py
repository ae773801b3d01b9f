"""Run ``ploomber build`` as a program of its own, and return the record of what it did."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from typing import IO

import psutil

from roadworthy.config import Config
from roadworthy.errors import PipelineError
from roadworthy.pipeline import checks, lineage
from roadworthy.records import RunRecord
from roadworthy.state import State

# What the program `ploomber` runs, for the very interpreter that runs this: the program itself may not be on PATH.
COMMAND = (sys.executable, "-c", "from ploomber_cli.cli import cmd_router; cmd_router()")
_TASK_LINE = re.compile(r"^\S+ +(done|failed) in [0-9.]+ s$|^Waiting for another build")
_ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_TRACEBACK = re.compile(r"^(Traceback |  File |    |During handling|The above exception)")
# what the `ploomber` command does, in this interpreter's environment whatever PATH says
_COMMAND = "import sys; from ploomber_cli.cli import cmd_router; sys.argv[0] = 'ploomber'; sys.exit(cmd_router())"
_SECONDS_TO_END = 20
_LINES_SHOWN = 12


def build(
    config: Config, parameters: Mapping[str, str] | None = None, *, force: bool = False, quiet: bool = False
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
    quiet
        Do not print a line for each task.

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
    pipeline = config.path("pipeline.yaml")
    checks.refuse_broken(pipeline)
    checks.refuse_unknown(parameters, config.root)
    checks.refuse_without_parameters(pipeline)
    identity = lineage.run_id()
    said = _ploomber(config, _arguments(parameters, force), identity, quiet=quiet)
    state = State.open(config.state_address)
    try:
        run = state.run(identity)
        if run is None and said is None:
            folder = parameters.get(config.settings.pipeline.products, config.settings.model.products)
            return lineage.lineage(config, state, config.path(folder))
    finally:
        state.close()
    return _successful(run, said)


def _arguments(parameters: Mapping[str, str], force: bool) -> list[str]:
    values = [f"--env--{name}={value}" for name, value in parameters.items()]
    return [*values, "--force"] if force else values


def _ploomber(config: Config, arguments: Sequence[str], identity: str, *, quiet: bool) -> str | None:
    """Run it to its end; return None when it went well, otherwise what it said."""
    said: list[str] = []
    with subprocess.Popen(
        [*COMMAND, "build", *arguments],
        cwd=config.root,
        env=_environment(identity),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        start_new_session=True,  # so that Ctrl-C reaches it once, from here, and not from the terminal as well
    ) as process:
        reader = threading.Thread(target=_relay, args=(process.stdout, said, quiet), daemon=True)
        reader.start()
        try:
            code = process.wait()
        except BaseException:  # Ctrl-C, or the end of this program: nothing may go on without it
            _end(process)
            raise
        finally:
            reader.join()
    return None if code == 0 else "".join(said)


def _environment(identity: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("ENTRY_POINT", "PLOOMBER_DEBUG")}
    return kept | {lineage.RUN_ID_VARIABLE: identity, "PYTHONUNBUFFERED": "1", "COLUMNS": "200"}


def _relay(output: IO[str], said: list[str], quiet: bool) -> None:
    for line in output:
        said.append(line)
        if not quiet and _TASK_LINE.match(line):
            print(line, end="", flush=True)  # noqa: T201  (the one thing a user watches a build for)


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
