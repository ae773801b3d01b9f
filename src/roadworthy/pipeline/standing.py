"""How the tasks of a pipeline stand: fresh, stale, running or failed, and why, in the words of who edits notebooks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple

from roadworthy.config import Config
from roadworthy.contract import Contract
from roadworthy.errors import RoadworthyError
from roadworthy.pipeline import code, failures, lineage
from roadworthy.pipeline.cells import CellChange, cell_changes
from roadworthy.pipeline.freshness import Freshness, Judgement, Memory
from roadworthy.pipeline.progress import Building
from roadworthy.pipeline.spec import Pipeline, TaskSpec
from roadworthy.records import RunRecord, TaskRecord
from roadworthy.records.lab import LabProduct, LabTask, TaskStanding
from roadworthy.state import State

_RUNS_AT_ONCE = 20
_RUNS_SEARCHED = 200
_NOT_KNOWN = "only Ploomber can read this pipeline.yaml; a build tells how it stands"


class Execution(NamedTuple):
    """A task as a run executed it."""

    run: RunRecord
    task: TaskRecord


class Standings:
    """Tells how tasks stand, again and again: what did not change since the last time is not read again.

    Parameters
    ----------
    config, state
        The project's configuration and state.
    """

    def __init__(self, config: Config, state: State) -> None:
        self._config = config
        self._state = state
        self._memory = Memory(config)
        self._newest: tuple[object, dict[str, Execution]] = (None, {})

    def look(
        self,
        pipeline: Pipeline,
        contract: Contract | None,
        building: Building | None = None,
        *,
        only: tuple[str, ...] = (),
    ) -> tuple[LabTask, ...]:
        """Return how tasks stand, each after those that it builds on; paths are below the project's root.

        Parameters
        ----------
        pipeline
            The tasks.
        contract
            The contract as it is now; None when it cannot be read, so that nobody can say what is fresh.
        building
            The newest build, when one is known.
        only
            These tasks and what they build on; all when empty.
        """
        needed = pipeline.needed(only)
        tasks = [task for task in pipeline.tasks if task.name in needed or not only]
        executed = self._executions(pipeline)
        running = building.running if building else frozenset()
        freshness = Freshness(self._config, self._state, contract, {}, self._memory) if contract else None
        if freshness is not None:
            freshness.foresee(tasks)
        specs = {task.name: task for task in pipeline.tasks}
        found: dict[str, LabTask] = {}
        for task in tasks:
            newest = executed.get(task.name)
            standing, reasons, odd = self._standing(task, specs, found, freshness, newest)
            if task.name in running:
                standing, reasons = "running", (f"{building.who if building else 'somebody'} builds it now",)
            found[task.name] = _lab_task(self._config.root, task, standing, reasons, newest=newest, odd=odd)
        self._memory.save()
        return tuple(found.values())

    # --- one task ----------------------------------------------------------------------------------------------------

    def _standing(
        self,
        task: TaskSpec,
        specs: Mapping[str, TaskSpec],
        before: Mapping[str, LabTask],
        freshness: Freshness | None,
        newest: Execution | None,
    ) -> tuple[TaskStanding, tuple[str, ...], tuple[str, ...]]:
        """Return how a task stands, why, and which of its products are missing or not as they were made."""
        if freshness is None:
            return "unknown", ("the contract cannot be read",), ()
        waits = tuple(f"upstream {name} is {before[name].standing}" for name in task.upstream if _waits(before, name))
        try:
            if newest is None and (unmade := freshness.unmade(task)):  # a first look parses nothing
                return "stale", (_never(unmade), *waits), ()
            judged = freshness.judge(task, specs)
        except RoadworthyError as error:  # its source is missing, or is no notebook
            return "unknown", (error.fact,), ()
        if not judged.fresh and newest is not None and newest.task.state == "failed":
            return _after_failure(newest), tuple(self._since_failure(task, judged, newest, specs)), judged.odd
        reasons = () if judged.fresh else tuple(self._reasons(task, judged, specs))
        return ("stale" if reasons or waits else "fresh"), reasons + waits, judged.odd

    def _reasons(self, task: TaskSpec, judged: Judgement, specs: Mapping[str, TaskSpec]) -> Iterator[str]:
        for path in judged.odd:
            there = (self._config.root / path).exists()
            yield f"its product {path} was edited by hand" if there else f"its product {path} is missing"
        if judged.made_by is not None:
            differences = list(self._differences(task, judged, judged.made_by, specs))
            yield from differences or ([] if judged.odd else [judged.reason])
        elif not judged.odd:
            yield _never(judged.reason)

    def _differences(
        self, task: TaskSpec, now: Judgement, then: TaskRecord, specs: Mapping[str, TaskSpec]
    ) -> Iterator[str]:
        """Yield what is no longer as it was when a task was executed."""
        if then.code_hash != now.code_hash:
            yield self._code_words(task, then)
        names = sorted(then.parameters.keys() | task.parameters.keys())
        for name in names:
            if then.parameters.get(name) != task.parameters.get(name):
                yield _parameter_words(name, then.parameters, task.parameters)
        makers = {path: name for name in task.upstream if name in specs for path in specs[name].products.values()}
        changed = [path for path, content in now.inputs.items() if then.inputs.get(path) != content]
        yield from dict.fromkeys(
            f"upstream {makers[path]} is newer" if path in makers else f"{path} changed" for path in changed
        )

    def _code_words(self, task: TaskSpec, then: TaskRecord) -> str:
        before = self._state.source(then.code_hash)
        after = code.cells(self._config.root / task.source) if task.source else None
        changes = cell_changes(before, after) if before is not None and after is not None else ()
        return counted(changes) or "its code changed"

    def _since_failure(
        self, task: TaskSpec, judged: Judgement, newest: Execution, specs: Mapping[str, TaskSpec]
    ) -> Iterator[str]:
        interrupted = _after_failure(newest) == "stale"
        yield "its last run was interrupted" if interrupted else "its last run failed"
        for words in self._differences(task, judged, newest.task, specs):
            yield f"{words} since"

    # --- what ran last -----------------------------------------------------------------------------------------------

    def _executions(self, pipeline: Pipeline) -> dict[str, Execution]:
        """Return the newest execution of each task into this pipeline's folder of products, on this machine."""
        newest = self._state.last_run()
        key = (pipeline, newest and (newest.id, newest.state, len(newest.tasks)))
        if key != self._newest[0]:
            self._newest = (key, self._searched(pipeline))
        return self._newest[1]

    def _searched(self, pipeline: Pipeline) -> dict[str, Execution]:
        missing = {task.name for task in pipeline.tasks}
        found: dict[str, Execution] = {}
        limit, seen = _RUNS_AT_ONCE, 0
        while missing and limit <= _RUNS_SEARCHED:
            runs = self._state.runs(limit=limit)
            for run in runs[seen:]:
                executed = {task.name: Execution(run, task) for task in run.tasks if task.name in missing}
                if is_of(run, self._config, pipeline):
                    found |= executed
                    missing -= executed.keys()
            if len(runs) < limit:
                break
            limit, seen = limit * 10, len(runs)
        return found


def is_of(run: RunRecord, config: Config, pipeline: Pipeline) -> bool:
    """Return whether a run built this folder's pipeline, into the products that it has now."""
    products = run.parameters.get(config.settings.pipeline.products, lineage.folder(pipeline))
    return products == lineage.folder(pipeline) and run.builder in ("", lineage.builder(config.root))


def unknown(root: Path, pipeline: Pipeline, reason: str = _NOT_KNOWN) -> tuple[LabTask, ...]:
    """Return the tasks of a project's pipeline of which nothing more is known, and why."""
    return tuple(_lab_task(root, task, "unknown", (reason,)) for task in pipeline.tasks)


def counted(changes: tuple[CellChange, ...]) -> str:
    """Return how many cells were changed, added and removed, in words; blank when none was.

    Examples
    --------
    >>> counted(cell_changes(["a = 1", "b = 2", "c"], ["a = 3", "b = 4", "c", "print(a)"]))
    '2 cells changed, 1 added'
    """
    numbers = Counter(change.kind for change in changes)
    words: list[str] = []
    for kind in ("changed", "added", "removed"):
        if numbers[kind]:
            cells = "" if words else " cell" if numbers[kind] == 1 else " cells"
            words.append(f"{numbers[kind]}{cells} {kind}")
    return ", ".join(words)


def _lab_task(
    root: Path,
    task: TaskSpec,
    standing: TaskStanding,
    reasons: tuple[str, ...],
    *,
    newest: Execution | None = None,
    odd: tuple[str, ...] = (),
) -> LabTask:
    told: dict[str, Any] = {}
    if newest is not None:
        ended = newest.task.started + timedelta(seconds=newest.task.seconds)
        told = {"last_run": newest.run.id, "seconds": newest.task.seconds, "last_ended": ended}
    if newest is not None and standing == "failed" and newest.task.error:
        told |= {"error": newest.task.error, "failed_cell": failures.failed_cell(newest.task.error)}
    return LabTask(
        name=task.name,
        source=task.source,
        standing=standing,
        reasons=reasons,
        upstream=task.upstream,
        products=tuple(_product(root, path, odd) for path in task.products.values()),
        notebook=task.notebook,
        **told,
    )


def _product(root: Path, path: str, odd: tuple[str, ...]) -> LabProduct:
    if not (root / path).exists():
        return LabProduct(path=path, state="missing")
    return LabProduct(path=path, state="edited" if path in odd else "there")


def _after_failure(newest: Execution) -> TaskStanding:
    interrupted = newest.run.state == "interrupted" and "was interrupted" in (newest.task.error or "")
    return "stale" if interrupted else "failed"


def _never(reason: str) -> str:
    return "it was never run" if reason.endswith("was never made") else reason


def _waits(before: Mapping[str, LabTask], name: str) -> bool:
    return name in before and before[name].standing in ("stale", "failed", "running")


def _parameter_words(name: str, then: Mapping[str, Any], now: Mapping[str, Any]) -> str:
    if name not in now:
        return f"parameter {name} is gone"
    return f"parameter {name} is {now[name]}, it was {then[name]}" if name in then else f"parameter {name} is new"
