"""One build: settles each task once those that it builds on are, as fresh, done, failed or held back."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any

from ploomber import DAG
from ploomber.constants import TaskStatus
from ploomber.exceptions import DAGBuildError

from roadworthy import secrets
from roadworthy.config import Config
from roadworthy.contract import Contract
from roadworthy.errors import PipelineError
from roadworthy.pipeline import graph, lineage, progress, resolved, staging
from roadworthy.pipeline.freshness import Freshness, Judgement
from roadworthy.pipeline.journal import Journal
from roadworthy.pipeline.options import BuildOptions, Execution
from roadworthy.pipeline.progress import Telling
from roadworthy.pipeline.spec import TaskSpec
from roadworthy.pipeline.supervisor import Attempt, Supervisor
from roadworthy.pipeline.warming import modules
from roadworthy.pipeline.worker import Order
from roadworthy.state import State


class Builder:
    """Builds a rendered DAG."""

    def __init__(
        self, dag: DAG, config: Config, state: State, contract: Contract, *, execution: Execution, told: BuildOptions
    ) -> None:
        self._dag = dag
        self._config = config
        self._execution = execution
        self._told = told
        self._pipeline = graph.pipeline(dag, config.root)
        resolved.keep(config, self._pipeline)
        self._specs = {task.name: task for task in self._pipeline.tasks}
        self._freshness = Freshness(config, state, contract, told.as_of)
        self._jobs = _first(told.jobs, execution.jobs, config.settings.pipeline.jobs) or os.cpu_count() or 1
        self._warm = (execution.kernels or config.settings.pipeline.kernels) == "warm"
        self._journal = Journal(self._pipeline, config, state, contract, as_of=told.as_of, jobs=self._jobs)
        self._supervisor = Supervisor()
        self._telling = Telling(progress.place(config))
        self._judged: dict[str, Judgement] = {}
        self._attempts: dict[str, int] = {}
        self._settled: dict[str, TaskStatus] = {}
        self._reports: list[Any] = []
        self._preload = modules(config, self._pipeline) if self._warm else ()
        self._total = len(self._specs)

    def build(self, *, force: bool) -> list[Any]:
        """Build, and return Ploomber's reports of the tasks that ran.

        Raises
        ------
        DAGBuildError
            When tasks failed, with the words of each.
        KeyboardInterrupt
            On Ctrl-C and SIGTERM, after everything was ended and recorded.
        """
        wanted = self._wanted()
        waiting = [task for task in self._pipeline.tasks if task.name in wanted]
        self._total = len(waiting)
        identity = os.environ.get(lineage.RUN_ID_VARIABLE)
        self._telling.begin([task.name for task in waiting], lineage.who(), identity)
        for task in self._pipeline.tasks:  # what a build that died left behind
            staging.clear(task.name, graph.files(self._dag[task.name]).values())
        try:
            with _terminated_as_interrupted():
                self._settle_all(waiting, force=force)
        except BaseException as error:
            self._break_off("interrupted" if isinstance(error, KeyboardInterrupt) else "failed")
            raise
        failures = [task.error for task in self._journal.run.tasks if task.error] if self._attempts else []
        self._finish("failed" if failures else "done")
        if failures:
            raise DAGBuildError("\n\n".join(failures))
        return self._reports

    def _wanted(self) -> frozenset[str]:
        if self._told.needs or not self._told.only:
            return self._pipeline.needed(self._told.only or tuple(self._specs))
        wanted = frozenset(self._told.only)
        for name in wanted:
            for upstream in self._pipeline.task(name).upstream:
                gone = [path for path in self._specs[upstream].data if not self._config.path(path).exists()]
                if gone and upstream not in wanted:
                    raise PipelineError(f"{name} needs {gone[0]}, which is not there.", "Run it with what it needs.")
        return wanted

    def _settle_all(self, waiting: list[TaskSpec], *, force: bool) -> None:
        wanted = {task.name for task in waiting}
        while waiting or self._supervisor.running:
            for task in list(waiting):
                before = [self._settled.get(name) for name in task.upstream if name in wanted]
                if TaskStatus.Errored in before or TaskStatus.Aborted in before:
                    self._settle(task, TaskStatus.Aborted)
                elif None in before or len(self._supervisor.running) >= self._jobs:
                    continue
                else:
                    self._judge(task, force=force)
                waiting.remove(task)
            if self._supervisor.running:
                for attempt in self._supervisor.wait():
                    self._end(attempt)

    def _judge(self, task: TaskSpec, *, force: bool) -> None:
        judged = self._judged[task.name] = self._freshness.judge(task, self._specs)
        if judged.fresh and not force:
            self._agree_with_ploomber(task)
            self._settle(task, TaskStatus.Skipped)
            return
        self._say("started", task.name, reason=judged.reason or "it was asked for")
        self._telling.tell("recorded", "", run=self._journal.run.id)
        self._journal.starts(task, judged)
        self._start(task)

    def _start(self, task: TaskSpec) -> None:
        attempt = self._attempts[task.name] = self._attempts.get(task.name, 0) + 1
        ploomber_task = self._dag[task.name]
        environment = {
            lineage.TABLE_LOG_VARIABLE: str(self._journal.table_log(task.name, attempt)),
            lineage.AS_OF_VARIABLE: json.dumps(self._told.as_of),
        }
        known = {name: secrets.value(self._config, name) for name in secrets.used(task.parameters).values()}
        source = task.source or task.name
        order = Order(ploomber_task, source, environment, self._warm, self._preload, known)
        self._supervisor.start(order, self._execution.limits(task.name))

    def _end(self, attempt: Attempt) -> None:
        task = self._specs[attempt.name]
        tries = self._attempts[task.name]
        if attempt.error and tries <= attempt.limits.retries:
            staging.keep_failed(attempt.order.task)
            self._say("retried", task.name, reason=attempt.error.splitlines()[0])
            self._start(task)
            return
        self._record(attempt)
        self._settle(task, TaskStatus.Errored if attempt.error else TaskStatus.Executed)

    def _record(self, attempt: Attempt, *, aborted: bool = False) -> None:
        task, made = self._specs[attempt.name], {}
        ploomber_task = attempt.order.task
        if attempt.done is not None and self._moved(attempt):
            made = self._freshness.hashes(list(task.products.values()))
            ploomber_task.product.metadata.update_locally(attempt.done.metadata)
            self._reports.append(attempt.done.report)
        else:
            staging.keep_failed(ploomber_task)
        tries = self._attempts[task.name]
        record = self._journal.ended(task, self._judged[task.name], attempt, tries, made, aborted=aborted)
        self._say(record.state, task.name, seconds=record.seconds)

    def _moved(self, attempt: Attempt) -> bool:
        """Move what a task made into place; return whether that could be done."""
        try:
            staging.move(attempt.order.task)
        except OSError as error:
            fact = f"its products cannot be put in place: {error}."
            attempt.error = (
                f"Task {attempt.name!r} failed ({attempt.order.source}): {fact}\n"
                "Next: See that their folder can be written and has room, then run `ploomber build` again."
            )
        return attempt.error is None

    def _break_off(self, state: str) -> None:
        for attempt in self._supervisor.stop():
            attempt.error = f"Task {attempt.name!r} was interrupted.\nNext: Run `ploomber build` again."
            self._record(attempt, aborted=True)
        self._finish(state)

    def _finish(self, state: str) -> None:
        self._journal.end(state)
        self._telling.tell("ended", "", state=state)
        for name, status in self._settled.items():
            graph.settle(self._dag[name], status)
        for name in self._specs.keys() - self._settled.keys():  # not asked for, or broken off
            graph.settle(self._dag[name], TaskStatus.Skipped)
        self._freshness.save()
        warning = self._journal.close()
        if warning:
            print(warning, file=sys.stderr)  # noqa: T201

    def _settle(self, task: TaskSpec, status: TaskStatus) -> None:
        self._settled[task.name] = status
        if status in (TaskStatus.Skipped, TaskStatus.Aborted):
            self._say("fresh" if status == TaskStatus.Skipped else "held back", task.name)

    def _agree_with_ploomber(self, task: TaskSpec) -> None:
        """Let `ploomber status` find fresh what is fresh, though its time or a comment in its source has changed."""
        ploomber_task = self._dag[task.name]
        if ploomber_task.exec_status != TaskStatus.Skipped:
            given = ploomber_task.params.to_json_serializable(params_only=True)
            ploomber_task.product.metadata.update(source_code=str(ploomber_task.source), params=given)

    def _say(self, event: str, task: str, **facts: Any) -> None:  # noqa: ANN401 - words and figures
        """Tell what happens: to a display as JSON, otherwise to a reader, who is spared what is fresh."""
        self._telling.tell(event, task, **facts)
        if self._told.progress:
            told = {"event": event, "task": task, "total": self._total} | facts
            with suppress(BrokenPipeError):  # whoever showed it has died: what is left is recorded all the same
                print(json.dumps(told), flush=True)  # noqa: T201
        elif event in ("done", "failed"):
            width = max(len(name) for name in self._specs)
            print(f"{task:<{width}}  {event} in {facts['seconds']:.1f} s", flush=True)  # noqa: T201
        elif event == "retried":
            print(f"{task}: {facts['reason']} It is tried again.", flush=True)  # noqa: T201


def _first(*given: int | None) -> int | None:
    return next((value for value in given if value is not None), None)


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """Let SIGTERM end a build as Ctrl-C does; signals can be handled in the main thread only."""

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
