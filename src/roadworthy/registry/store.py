"""The versions' files, each in a folder of BentoML's own model store."""

from __future__ import annotations

import hashlib
import os
import secrets
import shutil
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roadworthy.errors import RegistryError
from roadworthy.records import now

if TYPE_CHECKING:
    from bentoml._internal.models import ModelStore

MODEL = "model.skops"
PICKLED = "model.pkl"
CONTRACT = "contract.yaml"
SMOKE = "smoke.json"
TRAINING = "training.json"


def keep(
    project: str,
    files: Mapping[str, bytes | Path],
    *,
    labels: dict[str, str],
    metadata: dict[str, Any],
    pickle: bool = False,
) -> tuple[str, str, str]:
    """Keep files as a new version of a project's model; return its tag, and the model file's name and SHA-256.

    Parameters
    ----------
    pickle
        Whether the model may be a pickle, ``model.pkl``.

    Raises
    ------
    RegistryError
        When a file is missing, the model is not of a kind that is allowed, or the store cannot be written.
    """
    import bentoml.models  # heavy, see _store
    from bentoml.exceptions import BentoMLException

    name = model_name(files)
    _check(files, name, pickle=pickle)
    given = files[name]
    model_hash = hashlib.sha256(given.read_bytes() if isinstance(given, Path) else given).hexdigest()
    described = metadata | {"model_hash": model_hash}
    store = _store()
    tag = f"{project}:{_new_id(store, project)}"
    try:
        with bentoml.models.create(tag, labels=labels, metadata=described, _model_store=store) as model:
            for target, content in files.items():
                _write(content, Path(model.path_of(target)))
    except (BentoMLException, OSError, ValueError) as error:
        raise RegistryError(
            f"Version {tag} cannot be stored: {reason(error)}.",
            "See that BENTOML_HOME can be written, then release again.",
        ) from error
    return tag, name, model_hash


def file(tag: str, name: str) -> Path:
    """Return the path of one of a version's files.

    Raises
    ------
    RegistryError
        When the version is not in BentoML's model store, or has no such file.
    """
    path = _folder(tag) / name
    if not path.is_file():
        raise RegistryError(f"Version {tag} has no file {name}.", "Release the run again to make a whole version.")
    return path


def delete(tag: str) -> None:
    """Remove a version's files from BentoML's model store, if they are there; its record stays."""
    from bentoml.exceptions import NotFound  # heavy, see _store

    try:
        _store().delete(tag)
    except NotFound:
        return


def place(tag: str) -> Path:
    """Return the folder that a version has in BentoML's model store, or would have."""
    return _home() / "models" / tag.replace(":", "/")


def scratch() -> Path:
    """Return a folder for what is being made, on the disk of BentoML's model store."""
    folder = _home() / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def model_name(files: Iterable[str]) -> str:
    """Return the name of the model among a version's files."""
    return PICKLED if PICKLED in files else MODEL


def _store() -> ModelStore:
    # Imported here: 0.7 s that no command should pay which opens no model.
    from bentoml._internal.models import ModelStore

    # BentoML looks at BENTOML_HOME once a process; a store of our own looks at it each time.
    folder = _home() / "models"
    folder.mkdir(parents=True, exist_ok=True)
    return ModelStore(folder)


def _home() -> Path:
    return Path(os.path.expandvars(os.environ.get("BENTOML_HOME") or "~/bentoml")).expanduser()


def _folder(tag: str) -> Path:
    from bentoml.exceptions import BentoMLException  # heavy, see _store

    try:
        return Path(_store().get(tag).path)
    except (BentoMLException, OSError) as error:
        raise RegistryError(
            f"Version {tag} is not in BentoML's model store: {reason(error)}.",
            "Set BENTOML_HOME to the store that it was released into, or ROADWORTHY_ARCHIVE to the archive.",
        ) from error


def _new_id(store: ModelStore, project: str) -> str:
    """Return a version id that is not taken: UTC time and four random hex digits."""
    while True:
        fresh = f"{now():%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
        if not store.list(f"{project}:{fresh}"):
            return fresh


def reason(error: Exception) -> str:
    """Return an error's first line, without its full stop."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")


def _write(content: bytes | Path, target: Path) -> None:
    if isinstance(content, Path):
        shutil.copyfile(content, target)
    else:
        target.write_bytes(content)


def _check(files: Mapping[str, bytes | Path], model: str, *, pickle: bool) -> None:
    for name in (model, CONTRACT, SMOKE):
        if name not in files:
            raise RegistryError(f"A version needs {name}.", "Have the pipeline make it; see the reference project.")
    for name, content in files.items():
        if isinstance(content, Path) and not content.is_file():
            raise RegistryError(f"{content}, to be kept as {name}, does not exist.", "Run `ploomber build`.")
    if model == PICKLED:
        if not pickle:
            raise pickle_refused(PICKLED)
        return
    content = files[MODEL]
    if not (zipfile.is_zipfile(content) if isinstance(content, Path) else content.startswith(b"PK")):
        raise RegistryError(
            f"{content if isinstance(content, Path) else MODEL} is not a skops file; a pickle is never loaded, as it "
            "can run any code.",
            "Write the model with `skops.io.dump(model, path)`.",
        )


def pickle_refused(subject: str) -> RegistryError:
    """Return the error that says why a pickled model is not taken, and what would allow it."""
    return RegistryError(
        f"{subject} is a pickle, which can run any code when it is loaded; the configuration does not allow it.",
        "Write the model with `skops.io.dump(model, path)`; or, if only people whom you trust can make it, set "
        f'`pickle = true` and `model = "{PICKLED}"` in [tool.roadworthy.model].',
    )
