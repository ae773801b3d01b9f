"""One run's record, kept up to date in the state while its tasks are executed."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from roadworthy.config import Config
from roadworthy.contract import Contract
from roadworthy.pipeline import code, lineage
from roadworthy.pipeline.content import content_hash
from roadworthy.pipeline.freshness import Judgement
from roadworthy.pipeline.openlineage import Events
from roadworthy.pipeline.spec import Pipeline, TaskSpec
from roadworthy.pipeline.supervisor import Attempt
from roadworthy.pipeline.worker import table_log
from roadworthy.records import RunRecord, TaskRecord, now
from roadworthy.state import State


class Journal:
    """A run, from its first task to its end.

    Nothing is written before the first task starts: a build with nothing to do is no run.
    """

    def __init__(
        self, pipeline: Pipeline, config: Config, state: State, contract: Contract, *, as_of: dict[str, int], jobs: int
    ) -> None:
        self._pipeline = pipeline
        self._config = config
        self._state = state
        self._contract = contract
        self._as_of = as_of
        self._jobs = jobs
        self._events = Events(config)
        self._run: RunRecord | None = None

    @property
    def run(self) -> RunRecord:
        """The run as it is recorded so far; it begins when it is first asked for."""
        if self._run is None:
            self._run = self._begun()
            self._state.save_run(self._run)
            self._events.started(self._run)
        return self._run

    def table_log(self, task: str, attempt: int) -> Path:
        """Return the file in which a task's kernel notes the tables that it reads and writes."""
        folder = self._config.private("running")
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"{self.run.id}.{task.replace('/', '_')}.{attempt}.jsonl"

    def starts(self, task: TaskSpec, judged: Judgement) -> None:
        """Note that a task starts."""
        cells = (task.text,) if task.text is not None else code.read(self._config.root / task.source).cells
        self._state.keep_source(judged.code_hash, cells)
        self._events.task_started(self.run, task.name, judged.inputs)

    def ended(
        self,
        task: TaskSpec,
        judged: Judgement,
        attempt: Attempt,
        attempts: int,
        made: Mapping[str, str],
        *,
        aborted: bool = False,
    ) -> TaskRecord:
        """Record a task that has ended, well or badly or broken off, and return its record."""
        log, kernel = self.table_log(task.name, attempts), attempt.kernel
        reads, newest, writes = table_log(log.read_text(encoding="utf-8") if log.exists() else "")
        log.unlink(missing_ok=True)
        record = TaskRecord(
            name=task.name,
            state="failed" if attempt.error else "done",
            started=attempt.started,
            seconds=attempt.seconds,
            peak_memory=attempt.peak_memory or None,
            source=task.source,
            source_hash=content_hash(self._config.root / task.source) if task.source else "",
            parameters=task.parameters,
            parameter_hash=lineage.parameter_hash(task.parameters),
            products=dict(made),
            notebook=task.notebook if made and not attempt.error else None,
            error=attempt.error,
            code_hash=judged.code_hash,
            fingerprint=judged.fingerprint,
            inputs=judged.inputs,
            reads=reads,
            newest=newest,
            writes=writes,
            attempts=attempts,
            kernel=None if kernel is None else "warm" if kernel.kind == "warm" else "plain",
            kernel_reason=kernel.reason if kernel else "",
        )
        if record.state == "done":
            self._state.add_artifacts(self.run.id, task.name, made, judged.fingerprint)
        self._add(record)
        self._events.task_ended(self.run, record, aborted=aborted)
        return record

    def end(self, state: str) -> None:
        """Close the record, when there is one."""
        if self._run is not None:
            self._save({"state": state, "ended": now()})
            self._events.ended(self._run)

    def close(self) -> str | None:
        """Deliver what is left to deliver; return a warning when it cannot be."""
        return self._events.close()

    def _add(self, record: TaskRecord) -> None:
        tables, metrics = lineage.told(self._config.root, record.products)
        self._save(
            {
                "tasks": (*self.run.tasks, record),
                "tables": self.run.tables | record.reads | record.writes | tables,
                "metrics": self.run.metrics | metrics,
            }
        )

    def _save(self, changes: Mapping[str, Any]) -> None:
        self._run = self.run.model_copy(update=dict(changes))
        self._state.save_run(self._run)

    def _begun(self) -> RunRecord:
        config = self._config
        commit, dirty = lineage.commit(config.root)
        contract = config.path(config.settings.contract)
        self._state.keep_contract(self._contract.hash, self._contract.version, contract.read_text(encoding="utf-8"))
        folder = {config.settings.pipeline.products: lineage.folder(self._pipeline)}
        return RunRecord(
            id=os.environ.get(lineage.RUN_ID_VARIABLE) or lineage.run_id(),
            project=config.settings.name,
            builder=lineage.builder(config.root),
            who=lineage.who(),
            state="running",
            started=now(),
            git_commit=commit,
            git_dirty=dirty,
            environment=lineage.environment(),
            parameters=_all_parameters(self._pipeline) | folder,
            contract_hash=self._contract.hash,
            contract_version=self._contract.version,
            as_of=self._as_of,
            jobs=self._jobs,
        )


def close_dead(config: Config, state: State) -> None:
    """Close the records of runs of this folder whose builder has died; only who holds the build lock may ask."""
    here = lineage.builder(config.root)
    dead = [run for run in state.runs() if run.state == "running" and run.builder == here]
    if not dead:
        return
    events = Events(config)
    for run in dead:
        ended = run.model_copy(update={"state": "interrupted", "ended": now()})
        state.save_run(ended)
        events.ended(ended)
    events.close()


def _all_parameters(pipeline: Pipeline) -> dict[str, Any]:
    """All tasks' parameters; a name that two tasks give different values goes by ``task.name``."""
    merged: dict[str, Any] = {}
    for task in pipeline.tasks:
        for name, value in task.parameters.items():
            if merged.setdefault(name, value) != value:
                merged[f"{task.name}.{name}"] = value
    return merged
