"""Model versions: files in BentoML's model store, pointers and history in the state database.

A version is judged and used by what it carries: model, contract, reference profile, smoke request, calibration,
metrics and lineage. Nothing about it changes once it is there; which version is champion is a row of the state.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from roadworthy import contract as contracts
from roadworthy.config import Config
from roadworthy.contract import Dataset
from roadworthy.errors import GateRefused, RegistryError, RoadworthyError, UnknownVersion
from roadworthy.records import GateVerdict, HistoryEntry, MetricReading, ModelVersion, RunRecord, now
from roadworthy.state import State

# bentoml and skops are imported where they are used: together they take seconds, and most commands need neither.

CHAMPION, CHALLENGER = "champion", "challenger"
MODEL = "model.skops"
_SMOKE_TOLERANCE = 1e-9


@dataclass(frozen=True)
class LoadedModel:
    """A version's model, ready to answer."""

    tag: str
    dataset: Dataset
    estimator: Any

    def predict(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Return the probability of the positive class, float64 of shape (rows,).

        ``frame`` has at least the contract's features, with the contract's dtypes; the model receives them in the
        contract's order, whatever their order in the frame.
        """
        probabilities = self.estimator.predict_proba(frame[list(self.dataset.features)])
        positive: NDArray[np.float64] = np.asarray(probabilities, dtype=np.float64)[:, 1]
        return positive


def add(
    config: Config,
    state: State,
    *,
    run: RunRecord,
    verdict: GateVerdict,
    metrics: Mapping[str, MetricReading],
    files: Mapping[str, bytes | Path],
    contract_hash: str,
    tables: Mapping[str, int],
    trained_from: str | None,
    trained_until: str | None,
    who: str,
    reason: str = "",
) -> ModelVersion:
    """Store a new version with its files, and record it, whatever the gate's verdict.

    Raises
    ------
    RegistryError
        When the model is a pickle, or a file is missing.
    """
    started = time.monotonic()
    contents = {name: _content(name, item) for name, item in files.items()}
    version = ModelVersion(
        tag=f"{config.settings.name}:{_new_id()}",
        created=now(),
        run_id=run.id,
        metrics=dict(metrics),
        gate=verdict,
        contract_hash=contract_hash,
        tables=dict(tables),
        git_commit=run.git_commit,
        trained_from=trained_from,
        trained_until=trained_until,
        model_hash=hashlib.sha256(contents[MODEL]).hexdigest(),
    )
    _store(config, version, contents)
    state.add_version(version)
    state.append_history(
        HistoryEntry(
            who=who,
            action="release",
            version_to=version.tag,
            reason=reason if verdict.passed else f"{reason}; the gate said no".lstrip("; "),
            seconds=time.monotonic() - started,
        )
    )
    return version


def resolve(state: State, name: str) -> ModelVersion:
    """Find a version by its tag, its own id, the beginning of that, or 'champion' or 'challenger'.

    Raises
    ------
    UnknownVersion
        When none or several go by the name.
    """
    if name in (CHAMPION, CHALLENGER):
        alias = state.alias(name)
        if alias is None:
            raise UnknownVersion(f"There is no {name} yet.", "Run `roadworthy release` first.")
        name = alias.version
    exact = state.version(name)
    if exact:
        return exact
    found = [v for v in state.versions() if name and (v.tag.startswith(name) or _own_id(v.tag).startswith(name))]
    if len(found) == 1:
        return found[0]
    newest = ", ".join(_own_id(version.tag) for version in (found or state.versions())[:5])
    if found:
        raise UnknownVersion(f"{len(found)} versions begin with {name!r}.", f"Write more of one of: {newest}.")
    raise UnknownVersion(
        f"No version goes by the name {name!r}.",
        f"Use one of: {newest}." if newest else "Run `roadworthy release` to make the first one.",
    )


def champion(state: State) -> ModelVersion | None:
    """Return the version in production, if there is one."""
    return resolve(state, CHAMPION) if state.alias(CHAMPION) else None


def former(state: State) -> ModelVersion | None:
    """Return the version a rollback would go to: the champion before the present one.

    Read from the history as a stack: a promotion puts a version on top, a rollback takes off what it left.
    """
    stack: list[str] = []
    for entry in reversed(state.history(limit=1_000_000)):
        if entry.version_to is None or entry.action not in ("promote", "rollback"):
            continue
        if entry.action == "rollback" and entry.version_to in stack:
            del stack[len(stack) - stack[::-1].index(entry.version_to) :]
        elif not stack or stack[-1] != entry.version_to:
            stack.append(entry.version_to)
    below = [tag for tag in stack[:-1] if tag != stack[-1]]
    return state.version(below[-1]) if below else None


def file(tag: str, name: str) -> Path:
    """Return the path of one of a version's files.

    Raises
    ------
    UnknownVersion
        When the version is not in this machine's model store.
    RegistryError
        When it has no such file.
    """
    path = _folder(tag) / name
    if not path.is_file():
        raise RegistryError(f"Version {tag} has no file {name}.", "Release the run again.")
    return path


def load(config: Config, tag: str) -> LoadedModel:
    """Load a version's model, after checking that its file is the one that was released.

    Raises
    ------
    UnknownVersion
        When the version is not in the store.
    RegistryError
        When the file was changed, or holds types that the configuration does not trust.
    """
    import bentoml  # here, for it is slow

    content = file(tag, MODEL).read_bytes()
    released = bentoml.models.get(tag).info.metadata["model_hash"]
    if hashlib.sha256(content).hexdigest() != released:
        raise RegistryError(
            f"The model file of {tag} is not the one that was released: its hash differs.",
            "Do not use it. Promote another version, or release the run again.",
        )
    contract = contracts.read(file(tag, "contract.yaml"))
    estimator = _unpack(content, tag, config.settings.model.trusted)
    return LoadedModel(tag=tag, dataset=contract.dataset(config.settings.dataset), estimator=estimator)


def smoke(model: LoadedModel) -> None:
    """Let a model answer the request that was recorded with it, and compare.

    Raises
    ------
    RegistryError
        When it fails, or answers otherwise than at its release.
    """
    recorded = json.loads(file(model.tag, "smoke.json").read_text(encoding="utf-8"))
    expected = np.asarray(recorded["probabilities"], dtype=np.float64)
    try:
        frame = pd.DataFrame(recorded["rows"])
        dtypes = {name: model.dataset.column(name).dtype for name in model.dataset.features}
        answered = model.predict(frame.astype(dtypes))
    except Exception as error:  # a model may fail in any way; whichever it is, it must not go to production
        raise RegistryError(
            f"{model.tag} fails at its own smoke request: {type(error).__name__}: {error}.",
            "Release the run again, with the packages it was trained with.",
        ) from error
    if answered.shape != expected.shape or not np.allclose(answered, expected, rtol=0, atol=_SMOKE_TOLERANCE):
        raise RegistryError(
            f"{model.tag} answers its own smoke request with {answered.tolist()}, at release it was "
            f"{expected.tolist()}.",
            "Release the run again, with the packages it was trained with.",
        )


def promote(config: Config, state: State, name: str, *, who: str, reason: str, force: bool = False) -> HistoryEntry:
    """Make a version champion, after it has answered its smoke request. A refusal is recorded too.

    Parameters
    ----------
    force
        Promote also what the gate or the smoke request refuses; the history says so.

    Raises
    ------
    GateRefused
        When the version did not pass the gate.
    RegistryError
        When it is champion already, or fails its smoke request.
    """
    started = time.monotonic()
    version, present = resolve(state, name), state.alias(CHAMPION)
    if present and present.version == version.tag:
        raise RegistryError(f"{version.tag} is champion already.", "Name another version.")
    entry = HistoryEntry(
        who=who, action="promote", version_from=present.version if present else None, version_to=version.tag
    )
    try:
        if not force:
            _ask_gate(version)
            smoke(load(config, version.tag))
    except RoadworthyError as error:
        state.append_history(entry.model_copy(update={"action": "refuse", "reason": error.fact}))
        raise
    done = {"at": now(), "reason": reason, "forced": force, "seconds": time.monotonic() - started}
    return state.move_alias(CHAMPION, version.tag, entry.model_copy(update=done))


def rollback(config: Config, state: State, *, who: str, reason: str, to: str | None = None) -> HistoryEntry:
    """Go back to the champion before the present one, or to the version named.

    Raises
    ------
    RegistryError
        When there is nothing to go back to, or it fails its smoke request.
    """
    started = time.monotonic()
    present = champion(state)
    target = resolve(state, to) if to else former(state)
    if present is None or target is None:
        raise RegistryError(
            "There is no former champion to go back to.", "Name a version with --to, or promote another one."
        )
    if target.tag == present.tag:
        raise RegistryError(f"{target.tag} is champion already.", "Name another version with --to.")
    smoke(load(config, target.tag))
    entry = HistoryEntry(
        who=who,
        action="rollback",
        version_from=present.tag,
        version_to=target.tag,
        reason=reason,
        seconds=time.monotonic() - started,
    )
    return state.move_alias(CHAMPION, target.tag, entry)


def delete(tag: str) -> None:
    """Remove a version's files from the store; its record stays in the state."""
    import bentoml  # here, for it is slow

    try:
        bentoml.models.delete(tag)
    except bentoml.exceptions.NotFound:
        return


def _ask_gate(version: ModelVersion) -> None:
    if version.gate.passed:
        return
    failed = "; ".join(f"{check.name}: {check.fact}" for check in version.gate.checks if not check.passed)
    raise GateRefused(
        f"{version.tag} did not pass the gate: {failed}.",
        "Mend what it names and release again, or promote with --force and answer for it.",
    )


def _new_id() -> str:
    return f"{now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"


def _own_id(tag: str) -> str:
    return tag.rpartition(":")[2]


def _content(name: str, item: bytes | Path) -> bytes:
    try:
        content = item.read_bytes() if isinstance(item, Path) else item
    except OSError as error:
        raise RegistryError(
            f"{error.filename} cannot be read: {error.strerror}.", "Run `ploomber build`, then release again."
        ) from error
    if name == MODEL and not content.startswith(b"PK"):
        raise RegistryError(
            "The model file is not in the skops format; a pickle can run any code when it is loaded.",
            "Write it in the train task with skops.io.dump(model, product['model']).",
        )
    return content


def _store(config: Config, version: ModelVersion, contents: Mapping[str, bytes]) -> None:
    import bentoml  # here, for it is slow

    metric = config.settings.use_case.metric
    value = version.metrics.get(metric)
    labels = {"project": config.settings.name, "run": version.run_id, "gate": str(version.gate.passed).lower()}
    metadata: dict[str, Any] = {"model_hash": version.model_hash, "contract_hash": version.contract_hash}
    if value:
        metadata[metric] = value.value
    with bentoml.models.create(version.tag, labels=labels, metadata=metadata) as stored:
        for name, content in contents.items():
            Path(stored.path_of(name)).write_bytes(content)


def _folder(tag: str) -> Path:
    import bentoml  # here, for it is slow

    try:
        return Path(bentoml.models.get(tag).path)
    except bentoml.exceptions.NotFound as error:
        raise UnknownVersion(
            f"Version {tag} is not in BentoML's model store of this machine.",
            "See `bentoml models list`; BENTOML_HOME says where the store is.",
        ) from error


def _unpack(content: bytes, tag: str, trusted: tuple[str, ...]) -> Any:  # noqa: ANN401  # any estimator
    from skops import io  # here, for it is slow

    unknown = [name for name in io.get_untrusted_types(data=content) if name not in trusted]
    if unknown:
        lines = ", ".join(f'"{name}"' for name in unknown)
        raise RegistryError(
            f"The model of {tag} holds types that are not trusted: {', '.join(unknown)}.",
            f"If you know them to be safe, add {lines} to `trusted` in [tool.roadworthy.model] of pyproject.toml.",
        )
    return io.loads(content, trusted=list(trusted))
