"""What is served: model versions, bentos that serve them, and requests that were answered."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from roadworthy import contract as contracts
from roadworthy import registry
from roadworthy.errors import RegistryError
from roadworthy.records import CHALLENGER, CHAMPION, HistoryEntry, ModelVersion, RunRecord
from roadworthy.serving.bentos import BuiltBento
from roadworthy.trace.made import Made
from roadworthy.trace.tree import Trace

if TYPE_CHECKING:
    from roadworthy.serving.answers import Answer

_ROWS_SHOWN = 20
_HOLDS_NONE = "whatever is champion while it runs; it holds no model itself"


class Served(Made):
    """Follows back what is served."""

    def request(self, answer: Answer) -> Trace:
        """Return where an answer came from."""
        rows = list(zip(answer.probability, answer.prediction, strict=True))
        facts = {
            "received": answer.received,
            "rows": len(rows),
            "answers": [{"probability": p, "prediction": found} for p, found in rows[:_ROWS_SHOWN]],
            "labelled": answer.labelled,
            "kept": "in the spool, not collected yet" if answer.place == "spool" else "in the table predictions",
        }
        return self._once(
            "request", answer.request_id, facts, "infrastructure", lambda: [self._version_named(answer.version)]
        )

    def bento(self, bento: BuiltBento) -> Trace:
        """Return what a bento serves: the versions that it holds, or else the champion at its creation."""
        moves = [entry for entry in self._history if entry.action in ("promote", "rollback")]
        then = next((entry.version_to for entry in moves if entry.at <= bento.created), None)
        now = self._state.alias(CHAMPION)
        facts = {
            "created": bento.created,
            "service": bento.service,
            "serves": "the models that it holds"
            if bento.models
            else "whatever is champion while it runs: it holds no model",
            "champion_at_its_creation": then or "none",
            "champion_now": now.version if now else "none",
        }
        served = bento.models or ((then,) if then else ())

        def parents() -> Iterator[Trace]:
            yield from map(self._version_named, served)
            if bento.contract is not None:
                yield self._contract(contracts.parse(bento.contract, f"the contract of {bento.tag}").hash)

        return self._once("bento", bento.tag, facts, "infrastructure", parents)

    def version(self, version: ModelVersion) -> Trace:
        """Return where a model version came from."""
        released = next((e for e in self._history if (e.action, e.version_to) == ("release", version.tag)), None)
        aliases = {name: self._state.alias(name) for name in (CHAMPION, CHALLENGER)}
        facts = {
            "released": version.created,
            "released_by": released.who if released else None,
            "is": [name for name, alias in aliases.items() if alias and alias.version == version.tag],
            "gate": "passed" if version.gate.passed else "refused",
            "metrics": {name: reading.value for name, reading in version.metrics.items()},
            "trained_from": version.trained_from,
            "trained_until": version.trained_until,
            "model_hash": version.model_hash,
            "run": version.run_id,
            "tables": version.tables,
        }
        return self._once("version", version.tag, facts, "model", lambda: self._version_parents(version))

    def _version_named(self, tag: str) -> Trace:
        version = self._state.version(tag)
        if version is None:
            return Trace(kind="version", name=tag, facts={"record": "not on record"})
        return self.version(version)

    def _version_parents(self, version: ModelVersion) -> Iterator[Trace]:
        run = self._released_run(version)
        if run is None:
            yield Trace(kind="run", name=version.run_id, facts={"record": "not on record"})
        names = self._project.config.settings.model
        wanted = (names.model, names.metrics, names.reference)
        for task in run.tasks if run else ():
            for path, content in task.products.items():
                if Path(path).name in wanted:
                    yield self._file(path, content, before=version.created)
        yield self._contract(version.contract_hash)

    def _released_run(self, version: ModelVersion) -> RunRecord | None:
        """Return the run as it was released, with the very executions whose products were taken."""
        try:
            registry.bring(self._project.config, version)
            return RunRecord.model_validate_json(registry.file(version.tag, "lineage.json").read_bytes())
        except (RegistryError, OSError, ValidationError):  # not in this machine's store
            return self._run(version.run_id)

    @property
    def _history(self) -> list[HistoryEntry]:
        return self._state.history(limit=None)
