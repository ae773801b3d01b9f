"""Whether a task's products are fresh: decided by content, never by time stamps.

A task's fingerprint is a hash of all that decides what it makes: its code, its parameters, the content of what it
reads, the data contract. Its products are fresh when they are the very files that a run recorded under this
fingerprint, and no table that it read the newest version of has a newer one.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import Field

from roadworthy.config import Config
from roadworthy.contract import Contract
from roadworthy.pipeline.codes import Codes
from roadworthy.pipeline.content import Contents, text_hash
from roadworthy.pipeline.spec import TaskSpec
from roadworthy.records import Artifact, Record, RunRecord, TaskRecord
from roadworthy.state import State
from roadworthy.table_log import newest_change


class Judgement(Record):
    """Whether a task's products are fresh, and what was looked at."""

    fresh: bool
    reason: str = ""
    fingerprint: str
    code_hash: str
    inputs: dict[str, str]
    made_by: TaskRecord | None = Field(default=None, description="what made the products that are there, where known")
    odd: tuple[str, ...] = Field(default=(), description="products that are missing, or not as they were made")


class Memory:
    """Hashes of what files hold, and of their code, so that a file is read again only when it has changed."""

    def __init__(self, config: Config) -> None:
        self.contents = Contents(config.private("contents.json"))
        self.codes = Codes(config.private("codes.json"), self.contents)

    def save(self) -> None:
        """Keep what was learnt for the next build, or the next look."""
        self.contents.save()
        self.codes.save()


class Freshness:
    """Judges tasks, each after those that it builds on have been settled.

    Parameters
    ----------
    config, state
        The project's configuration and state.
    contract
        The contract as it is now.
    as_of
        Table to version, for a build that reads the past.
    memory
        What somebody who judges again and again keeps from one time to the next; by default what the last build left.
    """

    def __init__(
        self,
        config: Config,
        state: State,
        contract: Contract,
        as_of: Mapping[str, int],
        memory: Memory | None = None,
    ) -> None:
        self._config = config
        self._root = config.root
        self._state = state
        self._contract = contract
        self._as_of = as_of
        self._memory = memory or Memory(config)
        self._contents = self._memory.contents
        self._runs: dict[str, RunRecord | None] = {}
        self._foreseen: dict[str, Artifact] | None = None

    def judge(self, task: TaskSpec, upstream: Mapping[str, TaskSpec]) -> Judgement:
        """Return whether a task is fresh.

        Parameters
        ----------
        task
            The task.
        upstream
            All tasks by name; those that it builds on have their products.
        """
        cosmetic = self._config.settings.pipeline.rerun_on == "text"
        text = task.text
        source = self._root / task.source
        code_hash = text_hash(text) if text is not None else self._memory.codes.hash(source, cosmetic=cosmetic)
        wanted = [path for name in task.upstream for path in upstream[name].data] + list(task.resources.values())
        inputs = {path: self._hash(path) or "missing" for path in wanted}
        parts = [code_hash, task.parameters, inputs, self._contract.hash, task.products]
        fingerprint = text_hash(json.dumps(parts, sort_keys=True, default=str))
        found = Judgement(fresh=False, fingerprint=fingerprint, code_hash=code_hash, inputs=inputs)
        return found.model_copy(update=self._stale(task, found))

    def unmade(self, task: TaskSpec) -> str:
        """Return which product of a task no run has made, as `judge` says it, without hashing code; blank for none.

        Raises
        ------
        PipelineError
            When its source cannot be read.
        """
        reason = self._unmade(task, self._makers(list(task.products.values())))
        if reason and task.text is None:
            self._memory.codes.expect_readable(self._root / task.source)
        return reason

    def foresee(self, tasks: Iterable[TaskSpec]) -> None:
        """Ask at once who made the products of all tasks, for who judges them all while nothing is built."""
        self._foreseen = self._state.makers([path for task in tasks for path in task.products.values()])

    def hashes(self, paths: list[str]) -> dict[str, str]:
        """Return the content hashes of products that are there."""
        return {path: content for path in paths if (content := self._hash(path))}

    def save(self) -> None:
        """Keep the hashes for the next build."""
        self._memory.save()

    def _hash(self, path: str) -> str | None:
        try:
            return self._contents.hash(self._root / path)
        except OSError:
            return None

    def _stale(self, task: TaskSpec, now: Judgement) -> dict[str, Any]:
        """Return whether a task must run, why, and what made the products that are there."""
        paths = list(task.products.values())
        makers = self._makers(paths)
        same = makers
        if {maker.fingerprint for maker in makers.values()} != {now.fingerprint}:
            same = self._state.makers(paths, now.fingerprint)
        if same.keys() == set(paths) and not self._odd(task, same):
            record = self._record(same[task.data[0]])
            newer = self._newer_data(record) if record else ""
            return {"fresh": not newer, "reason": newer, "made_by": record}
        if unmade := self._unmade(task, makers):
            return {"reason": unmade}
        record = self._record(makers[task.data[0]])
        odd = self._odd(task, makers)
        why = next(iter(odd.values()), "") or (self._difference(record, task, now) if record else "its run is unknown")
        return {"reason": why, "made_by": record, "odd": tuple(odd)}

    def _unmade(self, task: TaskSpec, makers: Mapping[str, Artifact]) -> str:
        unmade = next((path for path in task.products.values() if path not in makers), None)
        if unmade is None:
            return ""
        there = (self._root / unmade).exists()
        return f"no run is recorded that made {unmade}" if there else f"{unmade} was never made"

    def _makers(self, paths: list[str]) -> dict[str, Artifact]:
        if self._foreseen is None:
            return self._state.makers(paths)
        return {path: self._foreseen[path] for path in paths if path in self._foreseen}

    def _odd(self, task: TaskSpec, makers: Mapping[str, Artifact]) -> dict[str, str]:
        """Return the products that are not as they were made, and how."""
        found = {}
        if task.notebook and not (self._root / task.notebook).exists():
            found[task.notebook] = f"{task.notebook} is missing"
        # an executed notebook is for reading, and looking at it in JupyterLab may save it anew
        for path in task.data:
            content = self._hash(path)
            if content != makers[path].hash:
                found[path] = f"{path} was changed after it was made" if content else f"{path} is missing"
        return found

    def _record(self, maker: Artifact) -> TaskRecord | None:
        if maker.run_id not in self._runs:
            self._runs[maker.run_id] = self._state.run(maker.run_id)
        run = self._runs[maker.run_id]
        return next((task for task in run.tasks if task.name == maker.task), None) if run else None

    def _difference(self, then: TaskRecord, task: TaskSpec, now: Judgement) -> str:
        if then.code_hash != now.code_hash:
            return "its code changed"
        names = sorted(then.parameters.keys() | task.parameters.keys())
        changed = [name for name in names if then.parameters.get(name) != task.parameters.get(name)]
        if changed:
            return f"parameter {changed[0]} changed"
        other = [path for path in now.inputs if then.inputs.get(path) != now.inputs[path]]
        return f"{other[0]} changed" if other else "the contract changed"

    def _newer_data(self, record: TaskRecord) -> str:
        for table in record.newest:
            if table in record.writes:  # what a task adds to a table is not what it builds on
                continue
            read = record.reads.get(table, -1)
            newest = newest_change(self._config.tables_address, table, read)
            version = self._as_of.get(table, read if newest is None else newest)
            if version != read:
                return f"table {table} is read at version {version}, it was {read}"
        return ""
