"""The history of a task: each execution with what it was given, what it read, what came out, and who built."""

from __future__ import annotations

from typing import TypeVar

from roadworthy import secrets
from roadworthy.config import Config
from roadworthy.records import Record, RunRecord, TaskRecord
from roadworthy.records.lab import TaskRun
from roadworthy.state import State

_RUNS_SEARCHED = 2_000
_Kind = TypeVar("_Kind", bound=Record)


def of_task(config: Config, state: State, task: str, limit: int = 50) -> tuple[TaskRun, ...]:
    """Return a task's executions, newest first; paths are below the project's root, no secret is told.

    Parameters
    ----------
    config, state
        The project's configuration and state.
    task
        Its name; blank for all tasks.
    limit
        The most executions to return.
    """
    found: list[tuple[RunRecord, TaskRecord]] = []
    asked, seen = limit, 0
    while len(found) < limit and seen < _RUNS_SEARCHED:
        runs = state.runs(limit=asked)
        found += [(run, record) for run in runs[seen:] for record in reversed(run.tasks) if task in ("", record.name)]
        if len(runs) < asked:
            break
        asked, seen = asked * 4, len(runs)
    return tuple(without_secrets(config, _task_run(config, state, *one)) for one in found[:limit])


def without_secrets(config: Config, record: _Kind) -> _Kind:
    """Return a record with whatever is a secret now masked; a run is recorded without those that it was given."""
    known = secrets.known(config)
    return type(record).model_validate(secrets.masked(record.model_dump(), known)) if known else record


def _task_run(config: Config, state: State, run: RunRecord, record: TaskRecord) -> TaskRun:
    there = record.notebook if record.notebook and (config.root / record.notebook).exists() else None
    maker = state.makers([there]).get(there) if there else None
    return TaskRun(
        run=run.model_copy(update={"tasks": (), "environment": {}}),
        task=record.name,
        state=record.state,
        started=record.started,
        seconds=record.seconds,
        parameters=record.parameters,
        reads=record.reads,
        metrics=run.metrics,
        who=run.who,
        notebook=there,
        kept=maker is not None and maker.run_id == run.id,
        error=record.error,
    )
