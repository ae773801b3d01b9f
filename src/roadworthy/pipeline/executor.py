"""The executor that Ploomber runs the pipeline with: one task after another, each recorded in the state database.

pipeline.yaml names it, so ``ploomber build`` alone is enough::

    executor:
      dotted_path: roadworthy.pipeline.executor.Recorder

Ploomber decides what is out of date by source, parameters and time stamps. Two things it cannot see are added before
anything runs: a product that is not what its task recorded (changed by hand, or left by a process that died), and a
contract that changed. A task's old products go away before it starts, so nothing of a failed run is taken for fresh.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from types import FrameType
from typing import Any

from filelock import FileLock, Timeout
from ploomber import DAG
from ploomber.constants import TaskStatus
from ploomber.exceptions import DAGBuildError
from ploomber.executors.abc import Executor
from ploomber.executors.serial import build_in_subprocess
from ploomber.tasks.abc import Task

from roadworthy import config as configuration
from roadworthy import contract as contracts
from roadworthy.config import Config
from roadworthy.errors import RoadworthyError
from roadworthy.pipeline import checks, kernels, lineage, products
from roadworthy.pipeline.memory import PeakMemory
from roadworthy.records import RunRecord, TaskRecord, now
from roadworthy.state import State

_INTERRUPTED = 130  # the shell's own code for a process ended by Ctrl-C
_SECONDS_BETWEEN_TRIES = 0.5
_NOT_PARAMETERS = ("product", "upstream", "resources_")


class Recorder(Executor):  # type: ignore[misc]  # Ploomber is untyped
    """Runs tasks one after another, as Ploomber's own serial executor does, and records the run.

    Raises
    ------
    DAGBuildError
        When a task failed, or the project cannot be used; the message says what and what to do.
    SystemExit
        On Ctrl-C or SIGTERM, with code 130, after the run was recorded as interrupted.
    """

    def __init__(self) -> None:
        self._folder = Path.cwd()  # while Ploomber reads pipeline.yaml, this is the folder that it is in
        with _as_build_error():
            checks.refuse_without_parameters(self._folder / os.environ.get("ENTRY_POINT", "pipeline.yaml"))

    def __call__(self, dag: DAG, show_progress: bool) -> list[Any]:
        """Run what is out of date and return Ploomber's task reports."""
        super().__call__(dag)
        with _as_build_error():
            config = configuration.load(configuration.find_root(self._folder))
            state = State.open(config.state_address)
            try:
                with _only_build(config):
                    return _run(dag, config, state)
            finally:
                state.close()


def _run(dag: DAG, config: Config, state: State) -> list[Any]:
    contract = contracts.read(config.path(config.settings.contract))
    _forget_stale(dag, config, state, contract.hash)
    scheduled = [dag[name] for name in dag if dag[name].exec_status != TaskStatus.Skipped]
    if not scheduled:
        return []
    journal = _Journal(dag, config, state, contract.hash)
    try:
        with _terminated_as_interrupted():
            reports = [report for task in scheduled for report in journal.execute(task)]
    except KeyboardInterrupt:
        journal.end("interrupted")
        print("Interrupted; what had not ended will run at the next build.", file=sys.stderr)  # noqa: T201
        raise SystemExit(_INTERRUPTED) from None
    failures = [task.error for task in journal.run.tasks if task.error]
    journal.end("failed" if failures else "done")
    if failures:
        raise DAGBuildError("\n\n".join(failures))
    return reports


class _Journal:
    """One run's record, kept up to date in the state while its tasks execute."""

    def __init__(self, dag: DAG, config: Config, state: State, contract_hash: str) -> None:
        self._root = config.root
        self._state = state
        self._width = max(len(str(name)) for name in dag)
        commit, dirty = lineage.commit(config.root)
        self.run = RunRecord(
            id=os.environ.get(lineage.RUN_ID_VARIABLE) or lineage.run_id(),
            project=config.settings.name,
            state="running",
            started=now(),
            git_commit=commit,
            git_dirty=dirty,
            environment=lineage.environment(),
            parameters=_all_parameters(dag) | {config.settings.pipeline.products: products.folder(dag, config.root)},
            contract_hash=contract_hash,
        )
        self._save()

    def execute(self, task: Task) -> list[Any]:
        """Run one task and record it; return Ploomber's report of it, or nothing when it did not come to its end."""
        if task.exec_status == TaskStatus.Aborted:  # something before it failed
            return []
        products.remove(task)
        if hasattr(task, "executor_params"):
            kernels.prepare(task.executor_params, terminal=sys.stderr.isatty())
        reports: list[Any] = []
        failure: Exception | KeyboardInterrupt | None = None
        started, clock = now(), monotonic()
        with PeakMemory() as memory:
            try:
                build_in_subprocess(task, {"catch_exceptions": True}, reports)
            except (Exception, KeyboardInterrupt) as error:  # whatever a user's task raises is that task's failure
                failure = error
        self._record(task, failure, started=started, seconds=monotonic() - clock, peak_memory=memory.peak)
        if isinstance(failure, KeyboardInterrupt):
            raise failure
        return reports

    def end(self, state: str) -> None:
        """Close the record."""
        self.run = self.run.model_copy(update={"state": state, "ended": now()})
        self._save()

    def _record(self, task: Task, failure: BaseException | None, **measured: object) -> None:
        made = products.finish(task, self._root) if failure is None else products.set_aside(task)
        record = self._task_record(task, failure, made, measured)
        tables, metrics = lineage.told(self._root, made)
        self.run = self.run.model_copy(
            update={
                "tasks": (*self.run.tasks, record),
                "tables": self.run.tables | tables,
                "metrics": self.run.metrics | metrics,
            }
        )
        self._save()
        print(f"{record.name:<{self._width}}  {record.state} in {record.seconds:.1f} s", flush=True)  # noqa: T201

    def _task_record(
        self, task: Task, failure: BaseException | None, made: dict[str, str], measured: dict[str, Any]
    ) -> TaskRecord:
        given = _parameters(task)
        source = task.source.loc
        notebook = products.notebook(task)
        return TaskRecord(
            name=str(task.name),
            state="done" if failure is None else "failed",
            source=lineage.below(self._root, Path(source)) if source else "",
            source_hash=lineage.content_hash(Path(source)) if source else "",
            parameters=given,
            parameter_hash=lineage.parameter_hash(given),
            products=made,
            notebook=lineage.below(self._root, notebook) if notebook and failure is None else None,
            error=None if failure is None else self._explanation(task, failure, given),
            **measured,
        )

    def _explanation(self, task: Task, failure: BaseException, given: dict[str, Any]) -> str:
        if isinstance(failure, KeyboardInterrupt):
            return f"Task {task.name!r} was interrupted.\nNext: Run `ploomber build` again."
        rendered = getattr(task.source, "nb_obj_rendered", None)
        return kernels.explain(
            failure,
            task=str(task.name),
            notebook=lineage.below(self._root, Path(task.source.loc or ".")),
            cells=rendered.cells if rendered else [],
            parameters=given,
        )

    def _save(self) -> None:
        self._state.save_run(self.run)


# --- what Ploomber cannot see ---------------------------------------------------------------------------------------


def _forget_stale(dag: DAG, config: Config, state: State, contract_hash: str) -> None:
    """Make Ploomber run again what it takes for up to date though its products are not what was recorded."""
    fresh = [dag[name] for name in dag if dag[name].exec_status == TaskStatus.Skipped]
    runs = state.runs(limit=lineage.RUNS_SEARCHED) if fresh else []
    stale = [task for task in fresh if not _is_recorded(task, runs, config.root, contract_hash)]
    for task in stale:
        task.product.metadata.delete()
    if stale:
        for task in dag.values():  # Ploomber keeps what it found out about each, also about those that come after
            task.product.metadata.clear()
        dag.render(show_progress=False)


def _is_recorded(task: Task, runs: list[RunRecord], root: Path, contract_hash: str) -> bool:
    names = {lineage.below(root, path) for path in products.files(task)}
    for run, record in lineage.executions(runs, str(task.name)):
        if set(record.products) == names:
            return run.contract_hash == contract_hash and lineage.is_unchanged(root, record)
    return False


# --- parameters of tasks --------------------------------------------------------------------------------------------


def _parameters(task: Task) -> dict[str, Any]:
    given = task.params.to_json_serializable(params_only=True)
    return {name: value for name, value in given.items() if name not in _NOT_PARAMETERS}


def _all_parameters(dag: DAG) -> dict[str, Any]:
    """All tasks' parameters; a name that two tasks give different values goes by ``task.name``."""
    merged: dict[str, Any] = {}
    for task in dag.values():
        for name, value in _parameters(task).items():
            if merged.setdefault(name, value) != value:
                merged[f"{task.name}.{name}"] = value
    return merged


# --- how a run is held and ended ------------------------------------------------------------------------------------


@contextmanager
def _as_build_error() -> Iterator[None]:
    """Ploomber prints the message of its own build error and the traceback of any other."""
    try:
        yield
    except RoadworthyError as error:
        raise DAGBuildError(str(error)) from error


@contextmanager
def _only_build(config: Config) -> Iterator[None]:
    """Hold the project's build lock: Ploomber has none, and two builds at once would read each other's halves.

    The operating system frees the lock of a process that dies, so nothing is ever left locked.
    """
    lock = FileLock(config.path(".roadworthy/build.lock"))
    Path(lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print("Waiting for another build of this project to end.", file=sys.stderr, flush=True)  # noqa: T201
        lock.acquire(poll_interval=_SECONDS_BETWEEN_TRIES)
    try:
        yield
    finally:
        lock.release()


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does; signals can be handled in the main thread only."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, former)
