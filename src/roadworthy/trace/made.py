"""Files, and the tasks that made them from other files and from tables, back to the raw data."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from roadworthy import contract as contracts
from roadworthy.errors import ContractError, PipelineError, TableError
from roadworthy.pipeline import code, lineage
from roadworthy.records import Artifact, Ingestion, OwnerRole, RunRecord, TaskRecord
from roadworthy.trace.tree import Trace
from roadworthy.trace.walk import Walk, also

if TYPE_CHECKING:
    from roadworthy.tables import TableVersion

_BATCHES_SHOWN = 100
_EVERY_BATCH = 1_000_000
_CODE = (".py", ".ipynb", ".sql", ".R", ".r")


class Made(Walk):
    """Follows back what the pipeline made."""

    # --- files

    def product(self, makers: list[Artifact]) -> Trace:
        """Return where a product came from, by all who ever made it, newest first."""
        made, path = makers[0], makers[0].path
        content = self._hash(path)
        older = next((maker for maker in makers if maker.hash == content), made)
        if older.hash != made.hash:
            since = f"it is as run {older.run_id} made it; run {made.run_id} made another since"
            return also(self._file(path, older.hash), {"changed": since})
        found = self._file(path, made.hash)
        if content is None or content == made.hash:
            return found
        twin = next(iter(self._state.made(content)), None)
        like = (
            f"its content is that of {twin.path}, as run {twin.run_id} made it" if twin else "no run made its content"
        )
        changed = f"it was changed after task {made.task!r} of run {made.run_id} made it; {like}"
        return also(found, {"changed": changed}, [self._file(twin.path, twin.hash)] if twin else [])

    def _file(self, path: str, content: str, before: datetime | None = None) -> Trace:
        """Return where a file of some content came from, as it was before a moment when that is known."""
        facts = {"hash": content, "now": self._now(path, content)}
        made = [maker for maker in self._state.makers_of(path) if maker.hash == content]
        twin = None if made else next(iter(self._state.made(content)), None)
        maker = twin or next((m for m in made if before is None or m.at <= before), made[-1] if made else None)
        if maker is None:
            raw = facts | {"origin": "raw: no task made it"}
            owner: OwnerRole = "model" if path.endswith(_CODE) else "data"
            return self._once("file", f"{path} {content}", raw, owner, name=path)
        origin = f"it has the content of {maker.path}, which a task made" if twin else None
        return self._once(
            "file",
            f"{path} {content} {maker.run_id}",
            {**facts, "origin": origin, "made": maker.at},
            "model",
            lambda: [self._task(maker.run_id, maker.task)],
            name=path,
        )

    # --- tasks and runs

    def _task(self, run_id: str, name: str) -> Trace:
        run = self._run(run_id)
        task = next((task for task in reversed(run.tasks) if task.name == name), None) if run else None
        if run is None or task is None:
            return Trace(kind="task", name=name, facts={"run": run_id, "record": "not on record"})
        facts = {
            "run": run_id,
            "started": task.started,
            "seconds": task.seconds,
            "peak_memory": task.peak_memory,
            "parameters": task.parameters,
            "kernel": task.kernel,
            "writes": task.writes,
            "ingested": [f"{batch.dataset}: {batch.source}, batch {batch.batch}" for batch in self._ingested(task)],
        }
        return self._once("task", f"{run_id} {name}", facts, "model", lambda: self._task_parents(run, task), name=name)

    def _task_parents(self, run: RunRecord, task: TaskRecord) -> Iterator[Trace]:
        yield self._source(run, task)
        if ("run", run.id) not in self._told:  # a task's own facts name its run
            yield self._run_itself(run)
        for path, content in task.inputs.items():
            yield self._file(path, content, before=task.started)
        for table, version in task.reads.items():
            if table not in task.writes:  # what a task adds to a table is not what it builds on
                yield self._table(table, version)

    def _source(self, run: RunRecord, task: TaskRecord) -> Trace:
        facts = {
            "code_hash": task.code_hash,
            "commit": run.git_commit,
            "uncommitted_changes": run.git_dirty if run.git_commit else None,
            "now": self._source_now(task),
        }
        return self._once("source", f"{task.source} {task.code_hash}", facts, "model", name=task.source or task.name)

    def _source_now(self, task: TaskRecord) -> str:
        now = self._now(task.source, task.source_hash) if task.source else ""
        kept = self._state.source(task.code_hash)
        if now == "changed since" and kept is not None:
            try:
                same = tuple(code.cells(self._project.root / task.source)) == kept
            except PipelineError:  # it is no notebook any more
                same = False
            return "its code as it was" if same else now
        return now

    def _run_itself(self, run: RunRecord) -> Trace:
        facts = {
            "state": run.state,
            "started": run.started,
            "ended": run.ended,
            "commit": run.git_commit,
            "uncommitted_changes": run.git_dirty if run.git_commit else None,
            "parameters": run.parameters,
            "environment": run.environment,
            "as_of": run.as_of,
            "jobs": run.jobs,
        }
        return self._once("run", run.id, facts, "model", lambda: [self._contract(run.contract_hash)])

    def _contract(self, content: str) -> Trace:
        text = self._state.contract(content)
        try:
            now = "as it was" if self._project.contract.hash == content else "changed since"
        except ContractError:
            now = "cannot be read"
        facts = {
            "version": contracts.parse(text).version if text else None,
            "hash": content,
            "text": "kept" if text else "not kept",
            "now": now,
        }
        return self._once("contract", content, facts, "data", name=self._project.config.settings.contract)

    # --- tables and batches

    def _table(self, name: str, version: int) -> Trace:
        batches = self._batches(name, version)
        facts = {
            "version": version,
            "batches": len(batches),
            "rows_accepted": sum(batch.accepted for batch in batches),
            "pinned": [pin.name for pin in self._state.pins(name) if pin.version == version],
            "shown": f"the newest {_BATCHES_SHOWN} batches" if len(batches) > _BATCHES_SHOWN else None,
        }
        shown = batches[:_BATCHES_SHOWN]
        return self._once("table", f"{name} {version}", facts, "data", lambda: map(self._batch, shown), name=name)

    def _batches(self, name: str, version: int) -> list[Ingestion]:
        """Return the batches whose rows a version holds, newest first."""
        log = self._log(name)
        held = _held(log, version)
        written = {entry.writer.rpartition(" ")[2]: entry.version for entry in reversed(log) if entry.writer}
        known = self._ingestions(name)
        return [batch for batch in known if written.get(batch.batch, batch.table_version) in held]

    def _log(self, name: str) -> tuple[TableVersion, ...]:
        try:
            return self._project.tables.log(name)
        except TableError:  # the table is gone; what was ingested into it is on record all the same
            return ()

    def _batch(self, batch: Ingestion) -> Trace:
        facts = {
            "source": batch.source,
            "at": batch.at,
            "rows": batch.rows,
            "accepted": batch.accepted,
            "quarantined": batch.quarantined,
            "reasons": batch.reasons,
            "table_version": batch.table_version,
        }
        by = next(((run.id, task.name) for run, task in self._writers if _within(batch, task)), None)
        return self._once(
            "batch",
            f"{batch.dataset} {batch.batch}",
            facts,
            "data",
            lambda: [self._task(*by)] if by else [],
            name=batch.batch,
        )

    def _ingested(self, task: TaskRecord) -> list[Ingestion]:
        return [batch for name in task.writes for batch in self._ingestions(name) if _within(batch, task)]

    def _ingestions(self, name: str) -> list[Ingestion]:
        if name not in self._ingested_into:
            self._ingested_into[name] = self._state.ingestions(name, limit=_EVERY_BATCH)
        return self._ingested_into[name]

    @cached_property
    def _ingested_into(self) -> dict[str, list[Ingestion]]:
        return {}

    @cached_property
    def _writers(self) -> list[tuple[RunRecord, TaskRecord]]:
        """Tasks that wrote tables, newest first."""
        runs = self._state.runs(limit=lineage.RUNS_SEARCHED)
        return [(run, task) for run in runs for task in run.tasks if task.writes]


def _held(log: tuple[TableVersion, ...], version: int) -> set[int]:
    """Return the versions whose appends a version holds: all before it, but for those that a restore took away."""
    restored = {entry.version: entry.restored for entry in log if entry.restored is not None}
    held, at = set(), version
    while at >= 0:
        if at in restored:
            at = restored[at]
        else:
            held.add(at)
            at -= 1
    return held


def _within(batch: Ingestion, task: TaskRecord) -> bool:
    """Return whether a batch was ingested by a task: into a table that it wrote, while it ran."""
    last = task.writes.get(batch.dataset)
    ended = task.started + timedelta(seconds=task.seconds)
    return last is not None and batch.table_version <= last and task.started <= batch.at <= ended
