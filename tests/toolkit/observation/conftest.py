"""A small project with a champion, and traffic that is put where a service would have put it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from skops import io

from roadworthy import project as projects
from roadworthy import registry
from roadworthy.candidate import reference_files
from roadworthy.monitoring import importance
from roadworthy.project import Project
from roadworthy.records import GateVerdict, ModelVersion, RunRecord, now

CONTRACT = """
kind: DataContract
apiVersion: v3.2.0
id: flights
version: 1.0.0
status: active
schema:
- name: flights
  physicalType: table
  logicalType: object
  properties:
  - {name: flight_id, logicalType: string, required: true, unique: true,
     customProperties: [{property: role, value: identifier}]}
  - {name: scheduled_departure, logicalType: timestamp, required: true,
     customProperties: [{property: role, value: time}]}
  - {name: origin, logicalType: string, required: true, customProperties: [{property: role, value: feature}]}
  - {name: temp, logicalType: number, logicalTypeOptions: {minimum: -60, maximum: 130},
     customProperties: [{property: role, value: feature}, {property: outOfRange, value: accept}]}
  - {name: late, logicalType: boolean, required: true, customProperties: [{property: role, value: label}]}
"""
REPOSITORY = Path(__file__).parents[3]
TIME = "scheduled_departure"
DAYS = 30
JANUARY, MAY = pd.Timestamp("2013-01-01", tz="UTC"), pd.Timestamp("2013-05-01", tz="UTC")


class Airport:
    """Flights out of three airports, their model, and the service that answers for them."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.rng = np.random.default_rng(2013)
        self._answered = 0

    def flights(self, count: int, start: pd.Timestamp, days: float, *, warmer: float = 0.0) -> pd.DataFrame:
        """Draw flights of some days."""
        at = start + pd.to_timedelta(np.sort(self.rng.uniform(0, days, count)), unit="D")
        temp = self.rng.normal(60 + warmer, 10, count)
        return pd.DataFrame(
            {
                "flight_id": [f"{self.rng.integers(2**60):x}" for _ in range(count)],
                TIME: at.as_unit("us"),
                "origin": self.rng.choice(["EWR", "JFK", "LGA"], count, p=[0.5, 0.3, 0.2]),
                "temp": temp,
                "late": self.rng.random(count) < 1 / (1 + np.exp((temp - 45) / 6)),
            }
        )

    def release(self, trees: int = 5, days: int = DAYS) -> ModelVersion:
        """Train on thirty days from January on, release and promote."""
        rows = self.flights(4000, JANUARY, days)
        encoder = make_column_transformer((OrdinalEncoder(), ["origin"]), remainder="passthrough")
        model = make_pipeline(encoder, HistGradientBoostingClassifier(max_iter=trees, random_state=0))
        features = rows[["origin", "temp"]]
        model.fit(features[:3000], rows["late"][:3000])
        probability = pd.Series(model.predict_proba(features[3000:])[:, 1], index=rows.index[3000:])
        config = self.project.config
        labels = rows["late"][3000:].to_numpy()
        weights = importance.permuted(
            lambda frame: model.predict_proba(frame)[:, 1],
            features[3000:],
            labels,
            metric="roc_auc",
            value=config.settings.use_case.value,
        )
        assert weights is not None
        smoke = {"rows": json.loads(features[:2].to_json(orient="records"))}
        smoke["probabilities"] = model.predict_proba(features[:2])[:, 1].tolist()
        version = registry.add(
            config,
            self.project.state,
            run=RunRecord(id=f"run-{trees}", project="late-flights", state="done", started=now()),
            verdict=GateVerdict(checks=()),
            metrics={},
            files={
                "model.skops": io.dumps(model),
                "contract.yaml": config.path(config.settings.contract),
                importance.FILE: weights.model_dump_json().encode(),
                "smoke.json": json.dumps(smoke).encode(),
                **reference_files(self.project, rows.assign(probability=probability)),
            },
            contract_hash=self.project.contract.hash,
            tables={},
            trained_from=None,
            trained_until=None,
            who="test",
        )
        registry.promote(config, self.project.state, version.tag, who="test", reason="test", force=True)
        return version

    def answer(self, flights: pd.DataFrame, *, delay: str | None = None) -> pd.DataFrame:
        """Answer flights with the champion: today, as in a replay, or so long after they left; return what is kept."""
        champion = registry.resolve(self.project.state, "champion")
        probability = registry.load(self.project.config, champion.tag).predict(flights)
        numbers = np.arange(self._answered, self._answered + len(flights))
        self._answered += len(flights)
        captured = pd.DataFrame(
            {
                "request_id": [f"r{number}" for number in numbers],
                "row": np.zeros(len(flights), dtype=np.int64),
                "received": _received(flights[TIME], delay),
                "version": champion.tag,
                "probability": probability,
                "prediction": probability >= 0.5,
            }
        ).join(flights.drop(columns="late").reset_index(drop=True))
        self.project.tables.append("predictions", captured)
        return captured.assign(label=flights["late"].to_numpy())

    def label(self, captured: pd.DataFrame) -> None:
        """Let the labels of captured rows come as soon as their flights leave."""
        labels = captured[["request_id", "row", "label"]].assign(received=captured[TIME])
        self.project.tables.append("labels", labels)

    def judge_by(self, window: str) -> None:
        """Change the policy's section on windows, in YAML's flow style or to a length alone."""
        root = self.project.root
        self.project.close()
        _set_windows(root, window)
        self.project = projects.load(root)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's folder and the model store, with a champion that knows its segments."""
    folder = tmp_path_factory.mktemp("airport")
    root = folder / "project"
    shutil.copytree(REPOSITORY / "monitoring", root / "monitoring")
    shutil.copy(REPOSITORY / "pyproject.toml", root)
    (root / "monitoring" / "contract.yaml").write_text(CONTRACT)
    _set_windows(root, "{length: day, segments: [origin]}")
    with pytest.MonkeyPatch.context() as patch, projects.load(root) as project:
        patch.setenv("BENTOML_HOME", str(folder / "bentoml"))
        Airport(project).release()
    return folder


@pytest.fixture
def airport(built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Airport]:
    """The airport with a champion, its windows days; each test's own."""
    shutil.copytree(built, tmp_path / "airport")
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "airport" / "bentoml"))
    root = tmp_path / "airport" / "project"
    _set_windows(root, "day")
    made = Airport(projects.load(root))
    yield made
    made.project.close()


def _received(times: pd.Series[pd.Timestamp], delay: str | None) -> pd.Series[pd.Timestamp]:
    moments = times + pd.Timedelta(delay) if delay else pd.Series(pd.Timestamp(now()), index=times.index)
    return moments.dt.as_unit("us")


def _set_windows(root: Path, window: str) -> None:
    policy = root / "monitoring" / "policy.yaml"
    head, section = policy.read_text().split("\nwindow:", 1)
    _, rest = section.split("\n\n", 1)
    policy.write_text(f"{head}\nwindow: {window}\n\n{rest}")
