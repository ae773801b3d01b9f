"""Versions are loaded as they were released, answer as they did, and otherwise say why not."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.calibration import CalibratedClassifierCV
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from roadworthy import registry
from roadworthy.config import Config
from roadworthy.errors import RegistryError, UnknownVersion
from roadworthy.records import ModelVersion

if TYPE_CHECKING:
    from conftest import Small

Release = Callable[..., ModelVersion]


def test_a_model_answers_as_the_estimator_did(config: Config, release: Release, small: Small) -> None:
    frame = pd.DataFrame({"hour": [3, 17, 22], "id": ["x", "y", "z"], "distance": [500.0, 80.0, 2000.0]})
    model = registry.load(config, release(seed=4).tag)
    answered = model.predict(frame)
    np.testing.assert_allclose(
        answered, small.trained(4).predict_proba(frame[["distance", "hour"]])[:, 1], rtol=0, atol=0
    )
    assert (answered.dtype, answered.shape) == (np.dtype("float64"), (3,))
    with pytest.raises(RegistryError, match="needs hour"):
        model.predict(frame[["id", "distance"]])


def test_an_old_version_keeps_its_contract(config: Config, release: Release, small: Small) -> None:
    wider = (
        small.contract
        + "  - {name: seats, logicalType: number, customProperties: [{property: role, value: feature}]}\n"
    )
    assert registry.load(config, release().tag).dataset.features == ("distance", "hour")
    assert registry.load(config, release(contract_yaml=wider.encode()).tag).dataset.features[-1] == "seats"


def test_a_changed_model_file_is_not_loaded(config: Config, release: Release, small: Small) -> None:
    version = release()
    registry.file(version.tag, "model.skops").write_bytes(skops.io.dumps(small.trained(9)))
    with pytest.raises(RegistryError, match="SHA-256 differs"):
        registry.load(config, version.tag)


def test_a_version_knows_the_categories_that_it_was_trained_on(config: Config, release: Release) -> None:
    training = json.dumps({"seen": {"carrier": ["AA", "9E"], "note": None}}).encode()
    known = registry.load(config, release(training_json=training).tag)
    assert known.seen == {"carrier": {"AA", "9E"}}
    assert registry.load(config, release().tag).seen == {}


def test_a_model_receives_its_features_in_their_order_whatever_stands_beside_them(
    config: Config, release: Release, small: Small
) -> None:
    model = registry.load(config, release().tag)
    rows = pd.DataFrame(small.rows)
    expected = model.predict(rows[["distance", "hour"]])
    for columns in (["id", "distance", "hour"], ["hour", "distance"]):
        np.testing.assert_array_equal(model.predict(rows[columns]), expected)
    with pytest.raises(RegistryError, match="needs hour, which the rows do not have"):
        model.predict(rows[["id", "distance"]])


def test_types_that_are_not_trusted_are_named_with_the_line_to_add(config: Config, release: Release) -> None:
    model = make_pipeline(FunctionTransformer(np.sqrt), CalibratedClassifierCV(LogisticRegression(), cv=2))
    rows = pd.DataFrame({"distance": np.arange(40.0), "hour": np.arange(40) % 24})
    version = release(model_skops=skops.io.dumps(model.fit(rows, rows["hour"] > 12)))
    narrow = config.settings.model.model_copy(update={"trusted": ("a.b.C",)})
    distrusting = config.model_copy(update={"settings": config.settings.model_copy(update={"model": narrow})})
    with pytest.raises(RegistryError, match=r"not trusted: sklearn\.calibration\._") as caught:
        registry.load(distrusting, version.tag)
    line = caught.value.next_step.partition("trusted = ")[2]
    wide = config.settings.model.model_copy(update={"trusted": tuple(json.loads(line))})
    trusting = config.model_copy(update={"settings": config.settings.model_copy(update={"model": wide})})
    assert "a.b.C" in line
    assert registry.load(trusting, version.tag).predict(rows).shape == (40,)


def test_a_broken_model_file_is_named(config: Config, release: Release) -> None:
    version = release(model_skops=b"PK but no zip")
    with pytest.raises(RegistryError, match="cannot be loaded"):
        registry.load(config, version.tag)


def test_what_is_gone_is_named(config: Config, release: Release) -> None:
    version = release()
    with pytest.raises(RegistryError, match=r"has no file reference\.profile\.bin"):
        registry.file(version.tag, "reference.profile.bin")
    registry.delete(version.tag)
    registry.delete(version.tag)
    with pytest.raises(RegistryError, match="not in BentoML's model store"):
        registry.load(config, version.tag)
    with pytest.raises(UnknownVersion, match="is on record"):
        registry.load(config, "late-flights:never")


def test_smoke_notices_another_answer(config: Config, release: Release) -> None:
    model = registry.load(config, release().tag)
    registry.smoke(model)
    path = registry.file(model.tag, "smoke.json")
    recorded = json.loads(path.read_text())
    recorded["probabilities"][0] += 1e-8
    path.write_text(json.dumps(recorded))
    with pytest.raises(RegistryError, match="otherwise than at its release"):
        registry.smoke(model)
    path.write_text(json.dumps(recorded | {"rows": [{"distance": "far"}]}))
    with pytest.raises(RegistryError, match="failed its smoke request"):
        registry.smoke(model)
    path.write_text("{}")
    with pytest.raises(RegistryError, match="failed its smoke request"):
        registry.smoke(model)


@pytest.mark.slow
def test_importing_the_registry_loads_neither_bentoml_nor_scikit_learn() -> None:
    code = "import sys, roadworthy.registry; print(sorted({'bentoml', 'skops', 'sklearn'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "[]"
