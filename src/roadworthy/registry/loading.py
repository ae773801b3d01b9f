"""A version's model in memory: proved to be the released one, loaded, held to its smoke request."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from roadworthy import contract as contracts
from roadworthy.config import Config, ModelFiles
from roadworthy.contract import Dataset
from roadworthy.errors import RegistryError, UnknownVersion
from roadworthy.registry import archive
from roadworthy.registry.store import CONTRACT, PICKLED, SMOKE, TRAINING, file, pickle_refused
from roadworthy.state import State

if TYPE_CHECKING:  # a second to import, that no command should pay which loads no model
    import numpy as np
    import pandas as pd
    from numpy.typing import NDArray

_SMOKE_TOLERANCE = 1e-9


@dataclass(frozen=True)
class LoadedModel:
    """A version's model in memory, with the contract it was trained under."""

    tag: str
    dataset: Dataset
    folder: Path
    estimator: Any
    seen: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By feature, the categories that it was trained on, where they are known."""

    def predict(self, frame: pd.DataFrame) -> NDArray[np.float64]:
        """Return the probability of the positive class for each row, shape (rows,).

        Parameters
        ----------
        frame
            At least the contract's features, in its dtypes; the model receives them in the contract's order.

        Raises
        ------
        RegistryError
            When a feature is missing.
        """
        features = self._features
        if not frame.columns.equals(features):  # to select them takes pandas longer than many a model to answer
            missing = [name for name in features if name not in frame]
            if missing:
                raise RegistryError(
                    f"{self.tag} needs {', '.join(missing)}, which the rows do not have.",
                    "Give it all of its features.",
                )
            frame = frame[features]
        import numpy as np

        probabilities = self.estimator.predict_proba(frame)
        return np.asarray(probabilities, dtype="float64")[:, 1]

    @cached_property
    def _features(self) -> pd.Index[str]:
        import pandas as pd

        return pd.Index(self.dataset.features)


def load(config: Config, tag: str) -> LoadedModel:
    """Load a version's model, after its file proved to be the one that was recorded.

    Raises
    ------
    UnknownVersion
        When no version of that tag is on record.
    RegistryError
        When its files are gone or were changed, hold types that the configuration does not trust, or are a pickle that
        it does not allow.
    """
    with State.open(config.state_address) as state:
        version = state.version(tag)
    if version is None:
        raise UnknownVersion(f"No version {tag!r} is on record.", "See the versions with `roadworthy status`.")
    archive.bring(config, version)
    path = file(tag, version.model_file)
    content = path.read_bytes()  # once: what is proved and what is loaded are the same bytes
    if hashlib.sha256(content).hexdigest() != version.model_hash:
        raise RegistryError(
            f"The model file of {tag} is not the one that was released: its SHA-256 differs from the record.",
            f"Restore {path} from a backup, or roll back to another version.",
        )
    text = file(tag, CONTRACT).read_text(encoding="utf-8")
    dataset = contracts.parse(text, f"contract of {tag}").dataset(config.settings.dataset)
    estimator = _loaded(content, version.model_file, tag, config)
    return LoadedModel(tag, dataset, path.parent, estimator, _seen(path.with_name(TRAINING)))


def draft(config: Config, path: Path, dataset: Dataset) -> LoadedModel:
    """Load a build's model file, which is no version yet, as `load` would once it is one.

    Raises
    ------
    RegistryError
        When it is missing, cannot be loaded, or holds types that the configuration does not trust.
    """
    if not path.is_file():
        raise RegistryError(f"{path} does not exist.", "Run `ploomber build`.")
    return LoadedModel("the build", dataset, path.parent, _loaded(path.read_bytes(), path.name, "the build", config))


def smoke(model: LoadedModel) -> None:
    """Let a model answer the request that was recorded at its release, and hold the answers against the record.

    Raises
    ------
    RegistryError
        When it fails, or a probability differs by more than 1e-9.
    """
    import numpy as np
    import pandas as pd

    path = file(model.tag, SMOKE)
    dtypes = {name: model.dataset.dtypes[name] for name in model.dataset.features}
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        expected = np.asarray(content["probabilities"], dtype="float64")
        answered = model.predict(pd.DataFrame(content["rows"]).reindex(columns=list(dtypes)).astype(dtypes))
    except Exception as error:  # an estimator may raise anything; whatever it is, this version cannot answer
        raise RegistryError(
            f"{model.tag} failed its smoke request: {type(error).__name__}: {error}.",
            "Install the package versions that it was trained with (see its lineage.json), or train it again.",
        ) from error
    if answered.shape != expected.shape or not np.allclose(answered, expected, rtol=0, atol=_SMOKE_TOLERANCE):
        raise RegistryError(
            f"{model.tag} answers its smoke request otherwise than at its release.",
            "Install the package versions that it was trained with (see its lineage.json), or train it again.",
        )


def _loaded(content: bytes, name: str, tag: str, config: Config) -> Any:  # noqa: ANN401 - any estimator
    if name == PICKLED:
        return _unpickled(content, tag, config.settings.model)
    return _estimator(content, tag, config.settings.model.trusted)


def _seen(path: Path) -> dict[str, frozenset[str]]:
    """Return the categories seen in training; of none, where the version is older than the file, or they are many."""
    if not path.is_file():
        return {}
    seen: dict[str, list[str] | None] = json.loads(path.read_text(encoding="utf-8"))["seen"]
    return {name: frozenset(values) for name, values in seen.items() if values is not None}


def _estimator(content: bytes, tag: str, trusted: tuple[str, ...]) -> Any:  # noqa: ANN401 - any scikit-learn estimator
    import skops.io  # 3 s with scikit-learn, that no command should pay which loads no model

    try:
        untrusted = sorted(set(skops.io.get_untrusted_types(data=content)) - set(trusted))
        if not untrusted:
            return skops.io.loads(content, trusted=list(trusted))
    except Exception as error:  # skops raises whatever the classes in the file raise
        raise _not_loaded(tag, error) from error
    lines = ", ".join(f'"{name}"' for name in sorted({*trusted, *untrusted}))
    raise RegistryError(
        f"The model of {tag} holds types that are not trusted: {', '.join(untrusted)}.",
        f"If you know them, set in pyproject.toml, [tool.roadworthy.model]: trusted = [{lines}]",
    )


def _unpickled(content: bytes, tag: str, allowed: ModelFiles) -> Any:  # noqa: ANN401 - any estimator
    """Load a pickle: only where the configuration names it, and after its hash was found to be the released one's."""
    if not (allowed.pickle and allowed.model == PICKLED):
        raise pickle_refused(f"The model of {tag}")
    try:
        return pickle.loads(content)  # noqa: S301 - the bytes are those whose hash was recorded at the release
    except Exception as error:  # a pickle may raise anything
        raise _not_loaded(tag, error) from error


def _not_loaded(tag: str, error: Exception) -> RegistryError:
    return RegistryError(
        f"The model of {tag} cannot be loaded: {type(error).__name__}: {error}.",
        "Install the package versions that it was trained with (see its lineage.json), or train it again.",
    )
