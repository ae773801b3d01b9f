"""Small real models in BentoML's own store, pointers in real databases."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from roadworthy import registry
from roadworthy.config import Config
from roadworthy.records import GateCheck, GateVerdict, MetricReading, ModelVersion, RunRecord, now
from roadworthy.state import State

CONTRACT = """
kind: DataContract
apiVersion: v3.2.0
id: small
version: 1.0.0
schema:
- name: flights
  properties:
  - {name: id, logicalType: string, required: true, customProperties: [{property: role, value: identifier}]}
  - {name: distance, logicalType: number, required: true, customProperties: [{property: role, value: feature}]}
  - {name: hour, logicalType: integer, required: true, customProperties: [{property: role, value: feature}]}
"""
ROWS = [{"id": "a", "distance": 100.0, "hour": 6}, {"id": "b", "distance": 2500.5, "hour": 21}]
PASSED = GateVerdict(checks=(GateCheck(name="owners", passed=True, fact="all are named"),))
READINGS = {"roc_auc": MetricReading(metric="roc_auc", value=0.7, low=0.65, high=0.75, n=500)}

Release = Callable[..., ModelVersion]


class Small:
    """What a version of a small model is made of."""

    contract = CONTRACT
    rows = ROWS
    passed = PASSED
    readings = READINGS

    def trained(self, seed: int) -> LogisticRegression:
        rng = np.random.default_rng(seed)
        rows = pd.DataFrame({"distance": rng.uniform(10, 3000, 200), "hour": rng.integers(0, 24, 200)})
        return LogisticRegression(max_iter=1000).fit(rows, rows["hour"] + rng.normal(0, 4, 200) > 12)

    def files(self, model: LogisticRegression) -> dict[str, bytes | Path]:
        probabilities = model.predict_proba(pd.DataFrame(ROWS)[["distance", "hour"]])[:, 1]
        return {
            "model.skops": skops.io.dumps(model),
            "contract.yaml": CONTRACT.encode(),
            "smoke.json": json.dumps({"rows": ROWS, "probabilities": probabilities.tolist()}).encode(),
        }


@pytest.fixture(scope="session")
def small() -> Small:
    """Makes small models."""
    return Small()


@pytest.fixture
def config(config: Config, state_address: str) -> Config:
    """The reference project's configuration, on the database at hand."""
    return config.model_copy(update={"settings": config.settings.model_copy(update={"state": state_address})})


@pytest.fixture
def release(config: Config, state: State, small: Small) -> Release:
    """Release a small model, with other files where a test gives them."""

    def released(seed: int = 0, verdict: GateVerdict = PASSED, **changed: bytes | Path) -> ModelVersion:
        files = small.files(small.trained(seed)) | {
            name.replace("_", "."): content for name, content in changed.items()
        }
        return registry.add(
            config,
            state,
            run=RunRecord(id="run-1", project="late-flights", state="done", started=now(), git_commit="c0ffee"),
            verdict=verdict,
            metrics=READINGS,
            files=files,
            contract_hash="abc",
            tables={"flights": 3},
            trained_from="2013-01-01",
            trained_until="2013-05-01",
            who="ann",
            reason="a first try",
        )

    return released
