"""Model versions: stored in BentoML's model store, judged and pointed at in the state database.

A version carries what is needed to judge it: model, contract, reference profile, calibration, metrics, lineage and a
smoke request. Promote and rollback move one pointer, in the same transaction as their history entry.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal

from roadworthy.audit import COMMAND_LINE, recorded
from roadworthy.config import Config
from roadworthy.errors import GateRefused, RegistryError, RoadworthyError, UnknownVersion
from roadworthy.records import (
    CHALLENGER,
    CHAMPION,
    GateVerdict,
    HistoryEntry,
    MetricReading,
    ModelVersion,
    Rollout,
    RunRecord,
    now,
)
from roadworthy.registry import archive, store
from roadworthy.registry.archive import bring
from roadworthy.registry.loading import LoadedModel, draft, load, smoke
from roadworthy.registry.store import file
from roadworthy.state import State
from roadworthy.state.production import ANYONE, changed

__all__ = [
    "LoadedModel",
    "add",
    "bring",
    "champion",
    "delete",
    "draft",
    "expect_ready",
    "file",
    "former",
    "load",
    "promote",
    "resolve",
    "rollback",
    "smoke",
]

_ALIASES = (CHAMPION, CHALLENGER)
_MOVES = ("promote", "rollback")  # the acts that move the champion's pointer


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
        ``contract.yaml`` and ``smoke.json`` are needed; ``model.pkl`` instead of the first where that is configured.
    who, reason
        Go into the history.

    Raises
    ------
    RegistryError
        When a file is missing, the model is not of a kind that is allowed, or store or archive cannot be written.
    """
    began = time.monotonic()
    labels = {"project": config.settings.name, "run": run.id, "gate": "passed" if verdict.passed else "refused"}
    measured = {name: reading.value for name, reading in metrics.items()}
    metadata = {"metrics": measured, "git_commit": run.git_commit or "", "contract_hash": contract_hash}
    names = config.settings.model
    allowed = names.pickle and names.model == store.PICKLED
    tag, model_file, model_hash = store.keep(
        config.settings.name, files, labels=labels, metadata=metadata, pickle=allowed
    )
    try:
        archive_hash = archive.keep(config, tag)
    except RegistryError:
        store.delete(tag)
        raise
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
        model_file=model_file,
        archive_hash=archive_hash,
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


def delete(tag: str, config: Config | None = None) -> None:
    """Remove a version's files from BentoML's model store, if they are there; its record stays.

    Parameters
    ----------
    config
        Of the project that it is a version of; without it, the file in the archive stays too.
    """
    store.delete(tag)
    if config is not None:
        archive.remove(config, tag)


# --- production ----------------------------------------------------------------------------------------------------


def promote(
    config: Config,
    state: State,
    name: str,
    *,
    who: str,
    reason: str,
    force: bool = False,
    origin: str = COMMAND_LINE,
    ending: Rollout | None = None,
    instead_of: str | None = ANYONE,
) -> HistoryEntry:
    """Make a version champion, once its gate has passed and it has answered its smoke request.

    Parameters
    ----------
    name
        As for `resolve`.
    force
        Neither gate nor smoke request is asked; the history says so.
    origin
        Through what it came; goes into the audit log.
    ending
        A rollout that ends by it, as it is then: it ends in the transaction that moves the pointer, or nothing does.
    instead_of
        Tag of the champion that it was decided to replace, None for no champion; by default whoever it is.

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
    RolloutOver
        When the rollout that it was to end has ended otherwise meanwhile.
    ChampionChanged
        When another is champion than it was to replace.
    """
    began = time.monotonic()
    with recorded(state, who=who, act="promote", target=name, origin=origin) as act:
        _expect_champion(state, instead_of)
        version = resolve(state, name)
        act.target = version.tag
        _expect_another(state, version)

        def ready() -> None:
            if not force:
                expect_ready(config, version)

        draft = HistoryEntry(who=who, action="promote", reason=reason, forced=force)
        entry = _point(state, version, ready, draft, began, ending=ending, instead_of=instead_of)
        act.detail = _account(entry)
    return entry


def rollback(
    config: Config,
    state: State,
    *,
    who: str,
    reason: str,
    to: str | None = None,
    origin: str = COMMAND_LINE,
    instead_of: str | None = ANYONE,
) -> HistoryEntry:
    """Make a former champion champion again, once it has answered its smoke request.

    Parameters
    ----------
    to
        A version that was champion before, as for `resolve`; by default the last good one, see `former`.
    origin
        Through what it came; goes into the audit log.
    instead_of
        As for `promote`.

    Raises
    ------
    ChampionChanged
        As for `promote`.
    RegistryError
        When there is none to go to, it never was champion, or cannot be loaded or answer.
    UnknownVersion
        As for `resolve`.
    """
    began = time.monotonic()
    with recorded(state, who=who, act="rollback", target=to or "the last good version", origin=origin) as act:
        _expect_champion(state, instead_of)
        version = former(state) if to is None else resolve(state, to)
        if version is None:
            raise RegistryError(
                "There is no former champion to roll back to that was neither rolled back from nor refused.",
                "Name one with --to (`roadworthy history` shows them), or promote a version instead.",
            )
        act.target = version.tag
        _expect_another(state, version)
        _expect_former(state, version)

        def ready() -> None:
            smoke(load(config, version.tag))

        draft = HistoryEntry(who=who, action="rollback", reason=reason)
        entry = _point(state, version, ready, draft, began, instead_of=instead_of)
        act.detail = _account(entry)
    return entry


def champion(state: State) -> ModelVersion | None:
    """Return the version in production."""
    alias = state.alias(CHAMPION)
    return None if alias is None else state.version(alias.version)


def former(state: State) -> ModelVersion | None:
    """Return the last good version, which is where a rollback goes; None when there is none.

    It is the newest champion before the present one that nothing was held against since it last became champion:
    nobody rolled back from it, and neither a service nor a promotion refused it. Going back over several versions to
    a named one leaves out those in between, too. A version that was forced past its gate counts: somebody answered
    for it by name, and nobody took it back.
    """
    line: list[str] = []
    held_against: set[str] = set()
    for entry in reversed(state.history(limit=None)):
        tag = str(entry.version_to)
        if entry.action == "refuse":
            held_against.add(tag)
        if entry.action not in _MOVES:
            continue
        if entry.action == "rollback":
            held_against.add(str(entry.version_from))
        held_against.discard(tag)  # last: of two who go back at once, the second goes from the version to itself
        if entry.action == "rollback" and tag in line:
            while line[-1] != tag:
                line.pop()
        else:
            line.append(tag)
    good = (tag for tag in reversed(line[:-1]) if tag != line[-1] and tag not in held_against)
    found = next(good, None)
    return None if found is None else state.version(found)


def expect_ready(config: Config, version: ModelVersion) -> None:
    """See that a version may go to production: its gate has passed, and it answers its smoke request.

    Raises
    ------
    GateRefused
        When its gate did not pass.
    RegistryError
        When it cannot be loaded or answer.
    """
    _expect_passed(version)
    smoke(load(config, version.tag))


# --- steps of a promotion ------------------------------------------------------------------------------------------


def _expect_former(state: State, version: ModelVersion) -> None:
    moves = (entry for entry in state.history(limit=None) if entry.action in _MOVES)
    if not any(version.tag in (entry.version_from, entry.version_to) for entry in moves):
        raise RegistryError(
            f"{version.tag} never was champion, so nothing can be rolled back to it.",
            f"Run `roadworthy promote {_bare(version.tag)}` to put it through its gate.",
        )


def _expect_champion(state: State, wanted: str | None) -> None:
    """See early who is champion, where that can be; the transaction that moves the pointer sees to the rest."""
    alias = state.alias(CHAMPION)
    present = alias.version if alias else None
    if wanted not in (ANYONE, present):
        raise changed(present, wanted)


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
    state: State,
    version: ModelVersion,
    ready: Callable[[], None],
    entry: HistoryEntry,
    began: float,
    *,
    ending: Rollout | None = None,
    instead_of: str | None = ANYONE,
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
    done = completed(entry.action)  # type: ignore[arg-type]  # one of the two
    return state.move_alias(CHAMPION, version.tag, done, ending=ending, instead_of=instead_of)


def _account(entry: HistoryEntry) -> str:
    """Return in words what the pointer's move was, for the audit log."""
    start = f"in place of {entry.version_from}" if entry.version_from else "as the first champion"
    return f"{start}{', by force' if entry.forced else ''}{f': {entry.reason}' if entry.reason else ''}"


def _bare(tag: str) -> str:
    return tag.partition(":")[2]
