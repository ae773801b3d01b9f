"""A pickle is taken, and loaded, only where the configuration names it."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest
import skops.io

from roadworthy import registry
from roadworthy.config import Config
from roadworthy.contract import Dataset
from roadworthy.errors import RegistryError
from roadworthy.records import ModelVersion, RunRecord, now
from roadworthy.state import State

if TYPE_CHECKING:
    from conftest import Small

ReleasePickle = Callable[[Config, State, bytes], ModelVersion]


class Spy:
    """Leaves a trace where it is unpickled: what any code could do."""

    def __init__(self, trace: Path) -> None:
        self._trace = trace

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self._trace,)


def with_model(config: Config, **changed: object) -> Config:
    """The configuration with other settings of [tool.roadworthy.model]."""
    model = config.settings.model.model_copy(update=changed)
    return config.model_copy(update={"settings": config.settings.model_copy(update={"model": model})})


@pytest.fixture
def release_pickle(small: Small) -> ReleasePickle:
    """Release a pickle, whatever the configuration makes of it."""

    def released(config: Config, state: State, model: bytes) -> ModelVersion:
        files = small.files(small.trained(3))
        del files["model.skops"]
        return registry.add(
            config,
            state,
            run=RunRecord(id="run-1", project="late-flights", state="done", started=now()),
            verdict=small.passed,
            metrics=small.readings,
            files=files | {"model.pkl": model},
            contract_hash="abc",
            tables={},
            trained_from=None,
            trained_until=None,
            who="ann",
        )

    return released


def test_a_pickle_is_taken_only_where_the_configuration_names_it(
    config: Config, state: State, small: Small, release_pickle: ReleasePickle
) -> None:
    model = pickle.dumps(small.trained(3))
    for half in (config, with_model(config, pickle=True), with_model(config, model="model.pkl")):
        with pytest.raises(RegistryError, match="can run any code") as caught:
            release_pickle(half, state, model)
        assert "pickle = true" in caught.value.next_step
    assert state.versions() == []

    named = with_model(config, pickle=True, model="model.pkl")
    version = release_pickle(named, state, model)
    assert version.model_file == "model.pkl"
    loaded = registry.load(named, version.tag)
    registry.smoke(loaded)
    assert loaded.predict(pd.DataFrame(small.rows)).shape == (2,)


def test_a_build_is_read_before_it_is_a_version(config: Config, dataset: Dataset, tmp_path: Path, small: Small) -> None:
    with pytest.raises(RegistryError, match=r"model\.skops does not exist"):
        registry.draft(config, tmp_path / "model.skops", dataset)
    model = small.trained(3)
    (tmp_path / "model.skops").write_bytes(skops.io.dumps(model))
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(model))
    read = registry.draft(config, tmp_path / "model.skops", dataset).estimator
    assert read.coef_.tolist() == model.coef_.tolist()
    with pytest.raises(RegistryError, match="can run any code"):
        registry.draft(config, tmp_path / "model.pkl", dataset)
    named = with_model(config, pickle=True, model="model.pkl")
    assert registry.draft(named, tmp_path / "model.pkl", dataset).estimator.coef_.tolist() == model.coef_.tolist()


def test_a_pickle_of_a_service_that_does_not_allow_it_does_not_run(
    config: Config, state: State, tmp_path: Path, release_pickle: ReleasePickle
) -> None:
    trace = tmp_path / "it ran"
    named = with_model(config, pickle=True, model="model.pkl")
    version = release_pickle(named, state, pickle.dumps(Spy(trace)))
    with pytest.raises(RegistryError, match="can run any code"):
        registry.load(config, version.tag)
    assert not trace.exists()
    registry.load(named, version.tag)
    assert trace.exists()  # it was only the refusal that kept it from running


def test_a_tampered_pickle_does_not_run(
    config: Config, state: State, tmp_path: Path, small: Small, release_pickle: ReleasePickle
) -> None:
    trace = tmp_path / "it ran"
    named = with_model(config, pickle=True, model="model.pkl")
    version = release_pickle(named, state, pickle.dumps(small.trained(3)))
    registry.file(version.tag, "model.pkl").write_bytes(pickle.dumps(Spy(trace)))
    with pytest.raises(RegistryError, match="SHA-256 differs"):
        registry.load(named, version.tag)
    assert not trace.exists()
