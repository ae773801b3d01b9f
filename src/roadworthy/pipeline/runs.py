"""Runs by name, and what changed between two of them: parameters, code by cell, data, environment, metrics, cost."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from roadworthy.errors import PipelineError
from roadworthy.pipeline.cells import CellChange, Kind, cell_changes
from roadworthy.records import Record, RunRecord, TaskRecord
from roadworthy.state import State

_RUNS_SEARCHED = 2_000
_LAST = re.compile(r"last(?:~(\d+))?")
_PRODUCTS = "{products}"


# --- the records ---------------------------------------------------------------------------------------------------


class Change(Record):
    """One named value that is not the same in both runs."""

    name: str
    kind: Kind
    before: Any = None
    after: Any = None

    @property
    def words(self) -> str:
        """The change in words.

        Examples
        --------
        >>> Change(name="seed", kind="changed", before=1, after=2).words
        'seed: 1 -> 2'
        >>> Change(name="seed", kind="added", after=2).words
        'seed: added, 2'
        """
        if self.kind == "changed":
            return f"{self.name}: {self.before} -> {self.after}"
        return f"{self.name}: {self.kind}, {self.after if self.kind == 'added' else self.before}"


class Measure(Record):
    """One number of both runs; None where a run does not have it."""

    name: str
    before: float | None
    after: float | None

    @property
    def difference(self) -> float | None:
        """How much larger the second is; None where one is missing."""
        return None if self.before is None or self.after is None else self.after - self.before


class TaskDiff(Record):
    """One task in both runs. Of a task that a run did not execute, what its products were made by is compared."""

    name: str
    kind: Kind | Literal["same"]
    before_run: str | None = None
    after_run: str | None = None
    execution: tuple[Change, ...] = ()
    parameters: tuple[Change, ...] = ()
    code: tuple[CellChange, ...] = ()
    code_changed: bool = False
    inputs: tuple[Change, ...] = ()
    reads: tuple[Change, ...] = ()
    writes: tuple[Change, ...] = ()
    products: tuple[Change, ...] = ()
    seconds: Measure
    peak_memory: Measure
    notes: tuple[str, ...] = ()


class RunDiff(Record):
    """What changed from one run to another."""

    before: str
    after: str
    run: tuple[Change, ...] = ()
    parameters: tuple[Change, ...] = ()
    tasks: tuple[TaskDiff, ...] = ()
    inputs: tuple[Change, ...] = ()
    reads: tuple[Change, ...] = ()
    writes: tuple[Change, ...] = ()
    as_of: tuple[Change, ...] = ()
    contract: tuple[Change, ...] = ()
    environment: tuple[Change, ...] = ()
    commit: tuple[Change, ...] = ()
    metrics: tuple[Measure, ...] = ()
    seconds: Measure

    @property
    def same(self) -> bool:
        """Whether all that goes into a result was the same: parameters, code, data, contract and environment."""
        given = (self.parameters, self.inputs, self.reads, self.as_of, self.contract, self.environment)
        return not any(given) and not any(
            task.kind in ("added", "removed") or task.code_changed or task.parameters for task in self.tasks
        )


# --- finding and comparing -----------------------------------------------------------------------------------------


def find(state: State, name: str) -> RunRecord:
    """Return the run that goes by a name: its id, a unique beginning of it, ``last``, or ``last~1`` and so on.

    Raises
    ------
    PipelineError
        When no run goes by that name, or several do.
    """
    relative = _LAST.fullmatch(name)
    runs = state.runs(limit=int(relative[1] or 0) + 1 if relative else _RUNS_SEARCHED)
    if not runs:
        raise PipelineError("No run is on record.", "Run `roadworthy build` first.")
    if relative:
        if len(runs) > int(relative[1] or 0):
            return runs[-1]
        raise PipelineError(
            f"There is no run {name!r}: {len(runs)} on record.", f"Go back no further than last~{len(runs) - 1}."
        )
    found = state.run(name)
    begun = [found] if found else [run for run in runs if name and run.id.startswith(name)]
    if len(begun) == 1:
        return begun[0]
    if begun:
        ids = ", ".join(run.id for run in begun[:5])
        raise PipelineError(
            f"{name!r} is the beginning of {len(begun)} runs: {ids}.", "Write more of the one you mean."
        )
    raise PipelineError(f"No run goes by {name!r}.", "See the runs with `roadworthy runs`.")


def diff(state: State, a: RunRecord, b: RunRecord, *, folder: str = "products") -> RunDiff:
    """Return what changed from run ``a`` to run ``b``.

    A task that a run did not execute, as it was fresh, is compared by the newest earlier execution into the run's
    folder of products: that is what the run built on. The task's notes say so.

    Parameters
    ----------
    state
        The state database, with the runs and the code that they kept.
    a, b
        The runs, in any order of time.
    folder
        The parameter that names the folder of products.
    """
    history = sorted(state.runs(limit=_RUNS_SEARCHED), key=lambda run: run.started)
    before, after = _Run(a, history, folder), _Run(b, history, folder)
    names = dict.fromkeys([*before.tasks, *after.tasks])
    tasks = [_task_diff(state, name, before, after) for name in names if not _one_execution(name, before, after)]
    return RunDiff(
        before=a.id,
        after=b.id,
        run=_changes({"state": a.state, "jobs": a.jobs}, {"state": b.state, "jobs": b.jobs}),
        parameters=_changes(a.parameters, b.parameters),
        tasks=tuple(tasks),
        inputs=_changes(before.raw_inputs, after.raw_inputs),
        reads=_changes(before.reads, after.reads),
        writes=_changes(before.writes, after.writes),
        as_of=_changes(a.as_of, b.as_of),
        contract=_changes(_contract(a), _contract(b)),
        environment=_changes(a.environment, b.environment),
        commit=_changes(_commit(a), _commit(b)),
        metrics=_measures(before.metrics, after.metrics),
        seconds=Measure(name="seconds", before=_seconds(a), after=_seconds(b)),
    )


# --- what a run built on -------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Execution:
    """A task as it was executed, and by which run."""

    run: RunRecord
    task: TaskRecord


class _Run:
    """A run with the executions that it built on, its own and earlier ones."""

    def __init__(self, run: RunRecord, history: Sequence[RunRecord], folder: str) -> None:
        self.run = run
        self.folder = run.parameters.get(folder)
        earlier = [r for r in history if r.started <= run.started and r.id != run.id]
        executions = {
            task.name: _Execution(r, task)
            for r in earlier
            if r.parameters.get(folder) == self.folder
            for task in r.tasks
            if task.state == "done"
        }
        executions |= {task.name: _Execution(run, task) for task in run.tasks if task.state != "skipped"}
        self.gone = {name: why for name, found in executions.items() if (why := self._why_gone(found, executions))}
        self.tasks = {name: found for name, found in executions.items() if name not in self.gone}
        self._in_order = sorted(self.tasks.values(), key=lambda found: found.run.started)

    def fresh(self, found: _Execution) -> bool:
        """Whether the run did not execute the task itself."""
        return found.run.id != self.run.id

    def notes(self, name: str) -> tuple[str, ...]:
        """What has to be said about a task in this run."""
        if name in self.gone:
            return (self.gone[name],)
        found = self.tasks.get(name)
        if found is None or not self.fresh(found):
            return ()
        return (f"not executed in {self.run.id}; what run {found.run.id} made of it is compared",)

    @property
    def reads(self) -> dict[str, int]:
        return self._merged("reads") or self.run.tables

    @property
    def writes(self) -> dict[str, int]:
        return self._merged("writes")

    @property
    def metrics(self) -> dict[str, float]:
        return {name: value for found in self._in_order for name, value in found.run.metrics.items()}

    @property
    def raw_inputs(self) -> dict[str, str]:
        """Files that were read and that no task made."""
        made = {path for found in self._in_order for path in found.task.products}
        return {path: content for path, content in self._merged("inputs").items() if path not in made}

    def placed(self, paths: Mapping[str, str]) -> dict[str, str]:
        """Return paths with the run's own folder of products replaced, so that two folders can be compared."""
        start = f"{self.folder}/"
        return {
            f"{_PRODUCTS}/{path.removeprefix(start)}" if path.startswith(start) else path: content
            for path, content in paths.items()
        }

    def _merged(self, name: str) -> dict[str, Any]:
        return {key: value for found in self._in_order for key, value in getattr(found.task, name).items()}

    def _why_gone(self, found: _Execution, executions: Mapping[str, _Execution]) -> str:
        """A run that came to its end executes all that reads something new; a task that it left was not in it."""
        if not self.fresh(found) or self.run.state != "done":
            return ""
        for other in executions.values():
            for path, content in other.task.products.items():
                if not self.fresh(other) and found.task.inputs.get(path, content) != content:
                    return f"not executed in {self.run.id} though {path} changed, which it reads: it was left out"
        return ""


def _one_execution(name: str, before: _Run, after: _Run) -> bool:
    x, y = before.tasks.get(name), after.tasks.get(name)
    return x is not None and y is not None and x.run.id == y.run.id


# --- one task ------------------------------------------------------------------------------------------------------


def _task_diff(state: State, name: str, before: _Run, after: _Run) -> TaskDiff:
    x, y = before.tasks.get(name), after.tasks.get(name)
    common: dict[str, Any] = {
        "name": name,
        "before_run": x.run.id if x else None,
        "after_run": y.run.id if y else None,
        "seconds": Measure(name="seconds", before=x and x.task.seconds, after=y and y.task.seconds),
        "peak_memory": Measure(name="peak_memory", before=x and x.task.peak_memory, after=y and y.task.peak_memory),
    }
    notes = (*before.notes(name), *after.notes(name))
    if x is None or y is None:
        return TaskDiff(**common, kind="added" if x is None else "removed", notes=notes)
    parts, code = _parts(x.task, y.task, before, after), _code(state, x.task, y.task)
    same = not any(parts.values()) and not code.changed
    return TaskDiff(
        **common,
        **parts,
        kind="same" if same else "changed",
        code=code.cells,
        code_changed=code.changed,
        notes=notes + code.notes,
    )


def _parts(x: TaskRecord, y: TaskRecord, before: _Run, after: _Run) -> dict[str, tuple[Change, ...]]:
    moved = before.folder != after.folder
    files = {
        name: (before.placed(old), after.placed(new)) if moved else (old, new)
        for name, old, new in (("inputs", x.inputs, y.inputs), ("products", x.products, y.products))
    }
    return {name: _changes(*pair) for name, pair in files.items()} | {
        "execution": _changes(_execution(x), _execution(y)),
        "parameters": _changes(x.parameters, y.parameters),
        "reads": _changes(x.reads, y.reads),
        "writes": _changes(x.writes, y.writes),
    }


def _execution(task: TaskRecord) -> dict[str, Any]:
    told = {"state": task.state, "source": task.source, "attempts": task.attempts}
    return told | {name: value for name, value in (("kernel", task.kernel), ("error", task.error)) if value}


@dataclass(frozen=True)
class _Code:
    changed: bool
    cells: tuple[CellChange, ...] = ()
    notes: tuple[str, ...] = ()


def _code(state: State, x: TaskRecord, y: TaskRecord) -> _Code:
    known = bool(x.code_hash and y.code_hash)
    if (x.code_hash == y.code_hash) if known else (x.source_hash == y.source_hash):
        return _Code(changed=False)
    before, after = state.source(x.code_hash), state.source(y.code_hash)
    if before is None or after is None:
        return _Code(changed=True, notes=("its code changed; it was not kept by cell for both runs",))
    return _Code(changed=True, cells=cell_changes(before, after))


# --- values --------------------------------------------------------------------------------------------------------


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Change, ...]:
    def change(name: str) -> Change | None:
        if name not in before:
            return Change(name=name, kind="added", after=after[name])
        if name not in after:
            return Change(name=name, kind="removed", before=before[name])
        if before[name] == after[name]:
            return None
        return Change(name=name, kind="changed", before=before[name], after=after[name])

    return tuple(found for name in sorted({*before, *after}) if (found := change(name)))


def _measures(before: Mapping[str, float], after: Mapping[str, float]) -> tuple[Measure, ...]:
    return tuple(Measure(name=n, before=before.get(n), after=after.get(n)) for n in sorted({*before, *after}))


def _contract(run: RunRecord) -> dict[str, str]:
    return {"version": run.contract_version, "hash": run.contract_hash}


def _commit(run: RunRecord) -> dict[str, Any]:
    return {"commit": run.git_commit, "uncommitted changes": run.git_dirty}


def _seconds(run: RunRecord) -> float | None:
    return (run.ended - run.started).total_seconds() if run.ended else None
