"""Model versions: stored in BentoML's model store, judged and pointed at in the state database.

A version carries what is needed to judge it: model, contract, reference profile, calibration, metrics, lineage and a
smoke request. Promote and rollback move one pointer, in the same transaction as their history entry.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from roadworthy.config import Config
from roadworthy.errors import GateRefused, RegistryError, RoadworthyError, UnknownVersion
from roadworthy.records import (
    CHALLENGER,
    CHAMPION,
    GateVerdict,
    HistoryEntry,
    MetricReading,
    ModelVersion,
    RunRecord,
    now,
)
from roadworthy.registry import store
from roadworthy.registry.loading import LoadedModel, load, smoke
from roadworthy.registry.store import delete, file
from roadworthy.state import State

__all__ = [
    "LoadedModel",
    "add",
    "champion",
    "delete",
    "file",
    "former",
    "load",
    "promote",
    "resolve",
    "rollback",
    "smoke",
]

_ALIASES = (CHAMPION, CHALLENGER)


# --- storing and finding -------------------------------------------------------------------------------------------


def add(
    config: Config,
    state: State,
    *,
    run: RunRecord,
    verdict: GateVerdict,
    metrics: dict[str, MetricReading],
    files: Mapping[str, bytes | Path],
    contract_hash: str,
    tables: dict[str, int],
    trained_from: str | None,
    trained_until: str | None,
    who: str,
    reason: str = "",
) -> ModelVersion:
    """Store a version and record it, whether its gate passed or not; no pointer moves.

    Parameters
    ----------
    files
        Name in the version's folder to its content or to the file that is copied; ``model.skops``,
        ``contract.yaml`` and ``smoke.json`` are needed.
    who, reason
        Go into the history.

    Raises
    ------
    RegistryError
        When a file is missing, the model is not a skops file, or the store cannot be written.
    """
    began = time.monotonic()
    labels = {"project": config.settings.name, "run": run.id, "gate": "passed" if verdict.passed else "refused"}
    measured = {name: reading.value for name, reading in metrics.items()}
    metadata = {"metrics": measured, "git_commit": run.git_commit or "", "contract_hash": contract_hash}
    tag, model_hash = store.keep(config.settings.name, files, labels=labels, metadata=metadata)
    version = ModelVersion(
        tag=tag,
        created=now(),
        run_id=run.id,
        metrics=metrics,
        gate=verdict,
        contract_hash=contract_hash,
        tables=tables,
        git_commit=run.git_commit,
        trained_from=trained_from,
        trained_until=trained_until,
        model_hash=model_hash,
    )
    state.add_version(version)
    state.append_history(
        HistoryEntry(who=who, action="release", version_to=version.tag, reason=reason, seconds=time.monotonic() - began)
    )
    return version


def resolve(state: State, name: str) -> ModelVersion:
    """Return the version that goes by a name: champion, challenger, a tag, a version, or a unique beginning of one.

    Raises
    ------
    UnknownVersion
        When no version goes by that name, or several do.
    """
    if name in _ALIASES:
        alias = state.alias(name)
        found = None if alias is None else state.version(alias.version)
        if found is None:
            raise UnknownVersion(f"There is no {name}.", "Run `roadworthy release` to make a version.")
        return found
    exact = state.version(name)
    if exact is not None:
        return exact
    begun = [v for v in state.versions() if v.tag.startswith(name) or _bare(v.tag).startswith(name)] if name else []
    if len(begun) == 1:
        return begun[0]
    if begun:
        raise UnknownVersion(
            f"{name!r} is the beginning of {len(begun)} versions: {', '.join(v.tag for v in begun[:5])}.",
            "Write more of the one you mean.",
        )
    raise UnknownVersion(f"No version goes by {name!r}.", "See the versions with `roadworthy status`.")


# --- production ----------------------------------------------------------------------------------------------------


def promote(config: Config, state: State, name: str, *, who: str, reason: str, force: bool = False) -> HistoryEntry:
    """Make a version champion, once its gate has passed and it has answered its smoke request.

    Parameters
    ----------
    name
        As for `resolve`.
    force
        Neither gate nor smoke request is asked; the history says so.

    Returns
    -------
    HistoryEntry
        As added, in the same transaction in which the pointer moved. A refusal is added as well.

    Raises
    ------
    GateRefused
        When its gate did not pass.
    RegistryError
        When it is champion already, or cannot be loaded or answer.
    UnknownVersion
        As for `resolve`.
    """
    began = time.monotonic()
    version = resolve(state, name)
    _expect_another(state, version)

    def ready() -> None:
        if not force:
            _expect_passed(version)
            smoke(load(config, version.tag))

    return _point(state, version, ready, HistoryEntry(who=who, action="promote", reason=reason, forced=force), began)


def rollback(config: Config, state: State, *, who: str, reason: str, to: str | None = None) -> HistoryEntry:
    """Make a former champion champion again, once it has answered its smoke request.

    Parameters
    ----------
    to
        A version that was champion before, as for `resolve`; by default the one before the present champion that was
        not itself rolled back from.

    Raises
    ------
    RegistryError
        When there is none to go to, it never was champion, or cannot be loaded or answer.
    UnknownVersion
        As for `resolve`.
    """
    began = time.monotonic()
    version = former(state) if to is None else resolve(state, to)
    if version is None:
        raise RegistryError("There is no former champion to roll back to.", "Promote a version instead.")
    _expect_another(state, version)
    if version.tag not in {tag for entry in _moves(state) for tag in (entry.version_from, entry.version_to)}:
        raise RegistryError(
            f"{version.tag} never was champion, so nothing can be rolled back to it.",
            f"Run `roadworthy promote {_bare(version.tag)}` to put it through its gate.",
        )

    def ready() -> None:
        smoke(load(config, version.tag))

    return _point(state, version, ready, HistoryEntry(who=who, action="rollback", reason=reason), began)


def champion(state: State) -> ModelVersion | None:
    """Return the version in production."""
    alias = state.alias(CHAMPION)
    return None if alias is None else state.version(alias.version)


def former(state: State) -> ModelVersion | None:
    """Return where a rollback would go: the champion before the present one, leaving out what was rolled back from."""
    line: list[str] = []
    for entry in _moves(state):
        tag = str(entry.version_to)
        if entry.action == "rollback" and tag in line:
            while line[-1] != tag:
                line.pop()
        else:
            line.append(tag)
    return state.version(line[-2]) if len(line) > 1 else None


# --- steps of a promotion ------------------------------------------------------------------------------------------


def _moves(state: State) -> list[HistoryEntry]:
    """Return the entries that moved the champion, oldest first."""
    return [entry for entry in reversed(state.history(limit=None)) if entry.action in ("promote", "rollback")]


def _expect_another(state: State, version: ModelVersion) -> None:
    alias = state.alias(CHAMPION)
    if alias is not None and alias.version == version.tag:
        raise RegistryError(f"{version.tag} is champion already.", "Choose another; see `roadworthy status`.")


def _expect_passed(version: ModelVersion) -> None:
    if not version.gate.passed:
        facts = "; ".join(f"{check.name}: {check.fact}" for check in version.gate.checks if not check.passed)
        raise GateRefused(
            f"{version.tag} did not pass its gate: {facts.rstrip('.')}.",
            "Mend that and release again, or overrule the gate with --force and a reason.",
        )


def _point(
    state: State, version: ModelVersion, ready: Callable[[], None], entry: HistoryEntry, began: float
) -> HistoryEntry:
    def completed(action: Literal["promote", "rollback", "refuse"], **changes: object) -> HistoryEntry:
        return entry.model_copy(update={"at": now(), "action": action, "seconds": time.monotonic() - began} | changes)

    try:
        ready()
    except RoadworthyError as error:
        alias = state.alias(CHAMPION)
        present = None if alias is None else alias.version
        reason = f"{entry.action} refused: {error.fact}"
        state.append_history(completed("refuse", version_from=present, version_to=version.tag, reason=reason))
        raise
    return state.move_alias(CHAMPION, version.tag, completed(entry.action))  # type: ignore[arg-type]  # one of the two


def _bare(tag: str) -> str:
    return tag.partition(":")[2]
