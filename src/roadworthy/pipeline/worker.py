"""One task in a process of its own: forked for it, ended with it."""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import nbformat
from ploomber.constants import TaskStatus
from ploomber.tasks.abc import Task

from roadworthy import secrets
from roadworthy.pipeline import graph, kernels, staging

_DIE_WITH_PARENT = 1  # PR_SET_PDEATHSIG


@dataclass(frozen=True)
class Order:
    """What a worker is to do."""

    task: Task
    source: str
    environment: Mapping[str, str]
    warm: bool
    preload: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict)
    """Names of the secrets that the task is given, with their values."""


@dataclass(frozen=True)
class KernelStarted:
    """A worker's word that its kernel runs."""

    pid: int
    kind: str
    reason: str = ""
    """Why it is plain although a warm one was wanted."""


@dataclass(frozen=True)
class Done:
    """A worker's word that its task ended well: Ploomber's report and metadata of it."""

    report: Any
    metadata: Any


@dataclass(frozen=True)
class Failed:
    """A worker's word that its task failed, and why."""

    error: str


def work(order: Order, connection: Connection) -> None:
    """Run the task; say over the connection what became of it."""
    _be_alone()
    os.environ.update(order.environment)
    task = order.task
    moved: dict[Path, Path] = {}
    try:
        moved = staging.redirect(task)
        _prepare_kernel(order, connection)
        graph.settle(task, TaskStatus.WaitingExecution)
        report, metadata = task._build(catch_exceptions=True)
        staging.rename_in_words(task, moved)
        answer: Done | Failed = Done(report, metadata)
    except Exception as error:  # whatever a user's task raises is that task's failure
        answer = Failed(staging.by_their_names(_explained(order, error), moved))
    connection.send(answer)
    connection.close()


def _be_alone() -> None:
    """Leave Ctrl-C to the builder, which ends its workers; on Linux, end when it dies."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    builder = os.getppid()
    end_with_parent(signal.SIGKILL)
    if os.getppid() != builder:  # it died before this could be asked for
        os._exit(1)


def end_with_parent(how: signal.Signals) -> None:
    """On Linux, have this signal sent to this process when the one that started it dies."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_DIE_WITH_PARENT, how)


def _prepare_kernel(order: Order, connection: Connection) -> None:
    task = order.task
    if not hasattr(task, "executor_params"):
        return
    kernels.prepare(
        task.executor_params,
        terminal=False,
        warm=order.warm,
        preload=order.preload,
        secrets=order.secrets,
        on_start=lambda pid, kind: connection.send(KernelStarted(pid, kind, kernels.reason(task.executor_params))),
    )
    if order.secrets:
        _refer_to_secrets(task)


def _refer_to_secrets(task: Task) -> None:
    """Let the notebook fetch its secrets when it runs, so that none stands in it."""
    notebook = nbformat.reads(task.source.nb_str_rendered, as_version=4)  # type: ignore[no-untyped-call]
    for cell in notebook.cells:
        if "injected-parameters" in cell.metadata.get("tags", ()):
            cell.source = secrets.injected(cell.source, graph.parameters(task))
    task.source._nb_str_rendered = nbformat.writes(notebook)  # type: ignore[no-untyped-call]


def _explained(order: Order, error: Exception) -> str:
    rendered = getattr(order.task.source, "nb_str_rendered", None)
    notebook = nbformat.reads(rendered, as_version=4) if rendered else None  # type: ignore[no-untyped-call]
    said = kernels.explain(
        error,
        task=str(order.task.name),
        notebook=order.source,
        cells=notebook.cells if notebook else [],
        parameters=graph.parameters(order.task),
        running=_running_cell(order.task),
    )
    return str(secrets.masked(said, order.secrets))


def _running_cell(task: Task) -> int | None:
    """Return the index of the cell that was begun and got no reply, as the half executed notebook says."""
    executed = graph.notebook(task)
    try:
        content = json.loads(executed.with_suffix(".ipynb").read_text(encoding="utf-8")) if executed else {}
    except (OSError, ValueError):
        return None
    begun = [cell["metadata"].get("execution") for cell in content.get("cells", [])]
    return next((at for at, times in enumerate(begun) if times and "shell.execute_reply" not in times), None)


def table_log(lines: str) -> tuple[dict[str, int], tuple[str, ...], dict[str, int]]:
    """Return, from a task's log of tables, what it read, of what it read the newest, and what it wrote.

    Examples
    --------
    >>> table_log('{"table": "flights", "version": 4, "act": "read", "explicit": false}')
    ({'flights': 4}, ('flights',), {})
    """
    reads: dict[str, int] = {}
    writes: dict[str, int] = {}
    newest: dict[str, None] = {}
    for line in lines.splitlines():
        entry = json.loads(line)
        if entry["act"] == "append":
            writes[entry["table"]] = entry["version"]
            continue
        reads[entry["table"]] = entry["version"]
        if not entry["explicit"]:
            newest[entry["table"]] = None
    return reads, tuple(newest), writes
