"""What every step back needs: the stores, each thing told once, owners, and how a recorded file looks now."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from roadworthy.pipeline.content import Contents
from roadworthy.project import Project
from roadworthy.records import OwnerRole, RunRecord
from roadworthy.trace.tree import Kind, Trace

_DEEPEST = 60  # a file made from its own past has as many ancestors as there were runs
_NOTHING: tuple[object, ...] = (None, "", {}, [], ())


class Walk:
    """A walk back from one thing; what is met twice is told in full the first time."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._state = project.state
        self._contents = Contents(project.config.private("contents.json"))
        self._told: set[tuple[Kind, str]] = set()
        self._runs: dict[str, RunRecord | None] = {}
        self._depth = 0

    def _once(
        self,
        kind: Kind,
        key: str,
        facts: Mapping[str, Any],
        owner: OwnerRole,
        parents: Callable[[], Iterable[Trace]] = tuple,
        *,
        name: str = "",
    ) -> Trace:
        """Return a thing with its facts and its parents; by its name alone when it was told before."""
        if (kind, key) in self._told:
            return Trace(kind=kind, name=name or key, above=True)
        self._told.add((kind, key))
        known = {fact: value for fact, value in facts.items() if value not in _NOTHING} | self._owner(owner)
        if self._depth >= _DEEPEST:
            return Trace(kind=kind, name=name or key, facts=known | {"further": "not followed"})
        self._depth += 1
        try:
            return Trace(kind=kind, name=name or key, facts=known, parents=tuple(parents()))
        finally:
            self._depth -= 1

    def _owner(self, role: OwnerRole) -> dict[str, str]:
        owner = self._project.config.policy.owners.of(role)
        told = f"{owner.name} <{owner.contact}>" if owner.name and owner.contact else owner.name or owner.contact
        return {"owner": f"{told} ({role})" if told else f"nobody is named ({role})"}

    def _run(self, run_id: str) -> RunRecord | None:
        if run_id not in self._runs:
            self._runs[run_id] = self._state.run(run_id)
        return self._runs[run_id]

    def _hash(self, path: str) -> str | None:
        """Return what a file's content is now; None when it is not there."""
        try:
            return self._contents.hash(self._project.root / path)
        except OSError:
            return None

    def _now(self, path: str, content: str) -> str:
        found = self._hash(path)
        return "gone" if found is None else "as it was" if found == content else "changed since"


def also(told: Trace, facts: Mapping[str, Any], parents: Iterable[Trace] = ()) -> Trace:
    """Return a thing with more facts, first of all, and more parents."""
    return told.model_copy(update={"facts": {**facts, **told.facts}, "parents": (*told.parents, *parents)})
