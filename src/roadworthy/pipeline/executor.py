"""The executor that Ploomber runs the pipeline with: what is not fresh, each task in a process of its own, recorded.

pipeline.yaml names it, so ``ploomber build`` alone is enough::

    executor:
      dotted_path: roadworthy.pipeline.executor.Recorder
      jobs: 2                                             # by default one for each core
      tasks:
        train: {retries: 1, timeout: 3600, memory: 8 GB}  # seconds; of the task's process and its kernel

Ploomber reads the pipeline and renders the notebooks; what is fresh is decided here, by content.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from ploomber import DAG
from ploomber.exceptions import DAGBuildError
from ploomber.executors.abc import Executor

from roadworthy import config as configuration
from roadworthy import contract as contracts
from roadworthy.errors import RoadworthyError
from roadworthy.pipeline import checks, journal, lineage, mends, options
from roadworthy.pipeline.builder import Builder
from roadworthy.pipeline.lock import only_builder
from roadworthy.pipeline.options import BuildOptions
from roadworthy.pipeline.worker import end_with_parent
from roadworthy.state import State

_INTERRUPTED = 130  # the shell's own code for a process ended by Ctrl-C


class Recorder(Executor):  # type: ignore[misc]  # Ploomber is untyped
    """Runs what is not fresh, as many tasks at once as there are cores, and records the run.

    Parameters
    ----------
    jobs
        How many tasks may run at once; 0 or None is one for each core.
    kernels
        ``"warm"`` or ``"plain"``; by default what the configuration says.
    tasks
        Task name to ``retries``, ``timeout`` in seconds and ``memory``.

    Raises
    ------
    DAGBuildError
        When a task failed, or the project cannot be used; the message says what and what to do.
    SystemExit
        On Ctrl-C or SIGTERM, with code 130, after the run was recorded as interrupted.
    """

    def __init__(self, jobs: int | None = None, kernels: str | None = None, tasks: Any = None) -> None:  # noqa: ANN401
        self._folder = Path.cwd()  # while Ploomber reads pipeline.yaml, this is the folder that it is in
        self._given = {"jobs": jobs, "kernels": kernels, "tasks": tasks or {}}
        mends.tolerate_damaged_metadata()
        with _as_build_error():
            options.execution(self._given)
            entry = self._folder / os.environ.get("ENTRY_POINT", "pipeline.yaml")
            checks.refuse_without_parameters(entry)

    def __call__(self, dag: DAG, show_progress: bool) -> list[Any]:
        """Run what is not fresh and return Ploomber's task reports."""
        super().__call__(dag)
        if lineage.RUN_ID_VARIABLE in os.environ:  # `build` started it, and waits for it
            end_with_parent(signal.SIGTERM)
        # Ploomber does not hand --force to executors; its caller's variable is the only place that has it
        force = bool(sys._getframe(1).f_locals.get("force"))
        with _as_build_error():
            config = configuration.load(configuration.find_root(self._folder))
            execution = options.execution(self._given, {str(name) for name in dag})
            with State.open(config.state_address) as state, only_builder(config):
                journal.close_dead(config, state)
                contract = contracts.read(config.path(config.settings.contract))
                builder = Builder(dag, config, state, contract, execution=execution, told=BuildOptions.given())
                try:
                    return builder.build(force=force)
                except KeyboardInterrupt:
                    print("Interrupted; what had not ended will run at the next build.", file=sys.stderr)  # noqa: T201
                    raise SystemExit(_INTERRUPTED) from None


@contextmanager
def _as_build_error() -> Iterator[None]:
    """Ploomber prints the message of its own build error and the traceback of any other."""
    try:
        yield
    except RoadworthyError as error:
        raise DAGBuildError(str(error)) from error
