"""A small project that is really built, served and judged, to be retrained."""

from __future__ import annotations

import re
import runpy
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest

from roadworthy import lifecycle, registry
from roadworthy import project as projects
from roadworthy.project import Project
from roadworthy.records import Rollout

CONTRACT = """
kind: DataContract
apiVersion: v3.2.0
id: small
version: 1.0.0
schema:
- name: flights
  properties:
  - {name: id, logicalType: string, required: true, customProperties: [{property: role, value: identifier}]}
  - {name: time, logicalType: timestamp, required: true, customProperties: [{property: role, value: time}]}
  - {name: distance, logicalType: number, required: true, customProperties: [{property: role, value: feature}]}
  - {name: late, logicalType: boolean, customProperties: [{property: role, value: label}]}
"""
PIPELINE = """
meta: {extract_upstream: false, extract_product: false}
executor: {dotted_path: roadworthy.pipeline.executor.Recorder}
tasks:
- name: learn
  source: notebooks/learn.ipynb
  params: {train_start: "{{train_start}}", train_end: "{{train_end}}"}
  product:
    nb: "{{products}}/learn.ipynb"
    model: "{{products}}/model.skops"
    metrics: "{{products}}/metrics.json"
    reference: "{{products}}/reference.parquet"
    smoke: "{{products}}/smoke.json"
    calibration: "{{products}}/calibration.json"
"""
MADE = '''
"""Flights of some days: from May on the long ones are late, where it was the short ones before."""
import numpy as np
import pandas as pd

def made(start, end, a_day=100):
    days = pd.date_range(start, end, freq="D", inclusive="left", tz="UTC")
    rng = np.random.default_rng(len(days) + days[0].day_of_year)
    time = days.repeat(a_day) + pd.to_timedelta(np.tile(np.arange(a_day), len(days)) * 800, unit="s")
    since_may = time >= pd.Timestamp("2013-05-01", tz="UTC")
    distance = rng.uniform(0, 3, len(time)) + 0.6 * since_may
    chance = 1 / (1 + np.exp(-3 * np.where(since_may, 1, -1) * (distance - 1.5)))
    late = rng.uniform(size=len(time)) < chance
    ids = [f"{start}-{number}" for number in range(len(time))]
    return pd.DataFrame({"id": ids, "time": time.astype("datetime64[us, UTC]"), "distance": distance, "late": late})
'''
LEARN = (
    'train_start = "2013-01-01"\ntrain_end = "2013-05-01"\nproduct = None',
    """
import json, runpy
from pathlib import Path
import pandas as pd
import skops.io
from sklearn.linear_model import LogisticRegression
from roadworthy.config import BusinessValue
from roadworthy.monitoring.performance import measure
rows = runpy.run_path("notebooks/made.py")["made"](train_start, train_end)
learnt, test = rows[: len(rows) * 3 // 4], rows[len(rows) * 3 // 4 :]
model = LogisticRegression().fit(learnt[["distance"]], learnt["late"])
probability = model.predict_proba(test[["distance"]])[:, 1]
readings = measure(test["late"].to_numpy(), probability, BusinessValue(caught=30, false_alarm=-10))
skops.io.dump(model, product["model"])
content = {"readings": {name: reading.model_dump() for name, reading in readings.items()}}
content |= {"trained_from": train_start, "trained_until": train_end}
Path(product["metrics"]).write_text(json.dumps(content))
answered = pd.Series(probability, index=test.index)
rows[["time", "distance", "late"]].assign(probability=answered).to_parquet(product["reference"])
smoke = {"rows": [{"id": "a", "time": "2013-01-01T00:00:00Z", "distance": float(test["distance"].iloc[0])}]}
Path(product["smoke"]).write_text(json.dumps(smoke | {"probabilities": probability[:1].tolist()}))
Path(product["calibration"]).write_text(json.dumps({"bins": []}))
""",
)


def _small(folder: Path) -> Path:
    """A filled-in project whose pipeline is one notebook, trained on a month at a time."""
    root = projects.init("late-flights", folder, filled=True)
    (root / "pipeline.yaml").write_text(PIPELINE)
    (root / "env.yaml").write_text('train_start: "2013-01-01"\ntrain_end: "2013-05-01"\nproducts: products\n')
    (root / "monitoring" / "contract.yaml").write_text(CONTRACT)
    policy = root / "monitoring" / "policy.yaml"
    policy.write_text(policy.read_text().replace("months: 4", "months: 1"))
    settings = root / "pyproject.toml"
    settings.write_text(settings.read_text().replace("threshold = 0.60", "threshold = 0.55"))
    shutil.rmtree(root / "consumers")
    (root / "notebooks" / "made.py").write_text(MADE)
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell, id=f"cell-{number}") for number, cell in enumerate(LEARN)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    notebook.cells[0].metadata["tags"] = ["parameters"]
    nbformat.write(notebook, root / "notebooks" / "learn.ipynb")
    return root


def _live(project: Project, start: str, end: str, rollout: Rollout | None = None) -> None:
    """Store what a service would have stored of some days, with the labels; in a rollout, of its challenger's."""
    rows = runpy.run_path(str(project.root / "notebooks" / "made.py"))["made"](start, end)
    version = registry.resolve(project.state, rollout.challenger if rollout else "champion").tag
    probability = registry.load(project.config, version).predict(rows)
    moment = pd.Timestamp(datetime.now(UTC)).as_unit("us")
    captured = pd.DataFrame(
        {
            "request_id": [f"q-{name}" for name in rows["id"]],
            "row": np.zeros(len(rows), dtype=np.int64),
            "received": pd.Series([moment] * len(rows), dtype="datetime64[us, UTC]"),
            "version": version,
            "probability": probability,
            "prediction": probability >= 0.5,
        }
    ).join(rows[["id", "time", "distance"]].astype({"id": "str"}))
    if rollout:
        captured = captured.assign(role="canary", rollout=rollout.id, seconds=0.01)
    project.tables.append("predictions", captured)
    labels = captured[["request_id", "row", "received"]].assign(label=rows["late"].to_numpy(bool))
    project.tables.append("labels", labels[["request_id", "row", "label", "received"]])


@pytest.fixture
def live() -> Callable[..., None]:
    """Store what a service would have stored of some days."""
    return _live


@dataclass(frozen=True)
class Ready:
    """A project with a champion and a month of traffic that nobody has looked at."""

    root: Path
    store: Path


@pytest.fixture(scope="module")
def ready(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ready]:
    folder = tmp_path_factory.mktemp("retraining")
    root = _small(folder)
    with pytest.MonkeyPatch.context() as patch, projects.load(root) as project:
        patch.setenv("BENTOML_HOME", str(folder / "bentoml"))
        lifecycle.train(project)
        version = lifecycle.release(project, who="ada")
        assert version.gate.passed, version.gate
        _live(project, "2013-06-01", "2013-07-02")
        yield Ready(root, folder / "bentoml")


@pytest.fixture
def project(ready: Ready, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """Each test's own copy."""
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "bentoml"))
    shutil.copytree(ready.store, tmp_path / "bentoml")
    root = tmp_path / "late-flights"
    shutil.copytree(ready.root, root)
    with projects.load(root) as project:
        yield project


@pytest.fixture
def rolling(project: Project) -> Iterator[tuple[Project, Rollout]]:
    """A project whose challenger was better and answers half of the traffic now."""
    quick = "rollout:\n  steps: [0.5]\n  minimum_minutes: 0\n  minimum_requests: 200\n"
    policy = project.root / "monitoring" / "policy.yaml"
    text = policy.read_text().replace("then: promote  # when", "then: rollout  # when")
    policy.write_text(re.sub(r"^rollout:.*\n(  .*\n)*", quick, text, count=1, flags=re.MULTILINE))
    with projects.load(project.root) as rolling:
        for _ in range(2):  # it is started once
            lifecycle.watch_once(rolling, who="policy")
        (retrained,) = rolling.state.retrainings()
        assert (retrained.step, retrained.failed) == ("rollout", False)
        rollout = rolling.state.running_rollout()
        assert rollout is not None
        assert (rollout.challenger, rollout.mode, rollout.share) == (retrained.version, "canary", 0.5)
        assert rollout.reason.startswith("roc_auc 0.9")
        assert [entry.action for entry in rolling.state.history() if entry.action == "promote"] == ["promote"]
        yield rolling, rollout
