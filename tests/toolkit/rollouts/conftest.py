"""Small real models to roll out, on each database, and what is done in a rollout."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from roadworthy import project as projects
from roadworthy import registry, rollouts
from roadworthy.project import Project
from roadworthy.records import GateCheck, GateVerdict, ModelVersion, Rollout, RunRecord, now

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
"""
ROWS = [{"id": "a", "distance": 100.0}, {"id": "b", "distance": 2500.5}]
LATER = timedelta(minutes=15)
Release = Callable[..., ModelVersion]


@pytest.fixture
def project(root: Path, state_address: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """The reference project on the database at hand, without any version."""
    monkeypatch.setenv("ROADWORTHY_STATE", state_address)
    with projects.load(root) as project:
        yield project


@pytest.fixture
def release(project: Project) -> Release:
    """Release a small model; whether its gate passed, and by how much its recorded smoke answer is off."""

    def released(*, passed: bool = True, off_by: float = 0.0, contract: str = CONTRACT) -> ModelVersion:
        rng = np.random.default_rng(len(project.state.versions()))
        rows = pd.DataFrame({"distance": rng.uniform(10, 3000, 200)})
        model = LogisticRegression(max_iter=1000).fit(rows, rows["distance"] + rng.normal(0, 900, 200) > 1500)
        probabilities = model.predict_proba(pd.DataFrame(ROWS)[["distance"]])[:, 1] + off_by
        return registry.add(
            project.config,
            project.state,
            run=RunRecord(id="run-1", project="late-flights", state="done", started=now()),
            verdict=GateVerdict(checks=(GateCheck(name="owners", passed=passed, fact="all are named"),)),
            metrics={},
            files={
                "model.skops": skops.io.dumps(model),
                "contract.yaml": contract.encode(),
                "smoke.json": json.dumps({"rows": ROWS, "probabilities": probabilities.tolist()}).encode(),
            },
            contract_hash="abc",
            tables={},
            trained_from=None,
            trained_until=None,
            who="ann",
        )

    return released


@pytest.fixture
def pair(project: Project, release: Release) -> tuple[str, str]:
    """A champion and a challenger."""
    champion, challenger = release().tag, release().tag
    registry.promote(project.config, project.state, champion, who="ann", reason="the first")
    return champion, challenger


class Crew:
    """Does what people, services and ``roadworthy watch`` do in a rollout."""

    contract = CONTRACT
    later = LATER

    def start(self, project: Project, challenger: str, *steps: float) -> Rollout:
        return rollouts.start(project, challenger, mode="canary", who="ann", reason="faster", steps=steps or None)

    def answer(self, project: Project, rollout: Rollout, requests: int = 2000) -> None:
        """Put into the tables what services of the present step have captured: all is well."""
        moments = pd.Timestamp(rollout.since) + pd.to_timedelta(np.arange(requests), unit="ms")
        frame = pd.DataFrame(
            {
                "request_id": [f"{rollout.id}-{rollout.step}-{number}" for number in range(requests)],
                "row": np.zeros(requests, dtype=np.int64),
                "received": moments.astype("datetime64[us, UTC]"),
                "version": rollout.challenger,
                "rollout": rollout.id,
                "probability": 0.3,
                "prediction": False,
                "seconds": 0.01,
            }
        )
        if rollout.mode == "canary":
            project.tables.append("predictions", frame.assign(role="canary"))
            return
        project.tables.append("shadow", frame)
        project.tables.append("predictions", frame.assign(version=rollout.champion, role="champion", rollout=""))

    def look(self, project: Project, rollout: Rollout, after: timedelta = LATER) -> Rollout:
        found = rollouts.look(project, who="watch", now=rollout.since + after)
        assert found is not None
        return found

    def champion(self, project: Project) -> str:
        return registry.resolve(project.state, "champion").tag


@pytest.fixture(scope="session")
def crew() -> Crew:
    """All that have a part in a rollout."""
    return Crew()
