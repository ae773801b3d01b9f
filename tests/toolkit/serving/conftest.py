"""A project with a small trained model as champion, and what a test needs to make more versions."""

from __future__ import annotations

import importlib.util
import json
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OrdinalEncoder
from skops import io

from roadworthy import config as configuration
from roadworthy import contract as contracts
from roadworthy import registry
from roadworthy.config import Config
from roadworthy.contract import Dataset
from roadworthy.monitoring.profiles import Profile
from roadworthy.records import GateCheck, GateVerdict, ModelVersion, RunRecord, now
from roadworthy.serving.server import Server
from roadworthy.state import State
from roadworthy.tables import Tables

REPOSITORY = Path(__file__).parents[3]


@dataclass
class Project:
    """A project of its own, with its stores."""

    config: Config
    dataset: Dataset
    state: State
    tables: Tables
    flights: pd.DataFrame

    def release(
        self, trees: int = 5, *, smoke_off_by: float = 0.0, contract: bytes | None = None, knows_all: bool = True
    ) -> ModelVersion:
        """Train a model on the flights and release it.

        One whose smoke answer is off is broken; one that does not know all fails at a category it has never seen.
        """
        known = self.flights[self.flights["late"].notna()]
        features = known[list(self.dataset.features)]
        model = _model(self.dataset, trees, knows_all).fit(features, known["late"].astype(bool))
        probabilities = model.predict_proba(features.head(3))[:, 1]
        recorded = {
            "rows": json.loads(features.head(3).to_json(orient="records")),
            "probabilities": (probabilities + smoke_off_by).tolist(),
        }
        source = self.config.path(self.config.settings.contract)
        return registry.add(
            self.config,
            self.state,
            run=RunRecord(id=f"run-{trees}", project="late-flights", state="done", started=now()),
            verdict=GateVerdict(checks=(GateCheck(name="test", passed=True, fact="it is a test"),)),
            metrics={},
            files={
                "model.skops": io.dumps(model),
                "contract.yaml": contract or source.read_bytes(),
                "smoke.json": json.dumps(recorded).encode(),
                "training.json": json.dumps({"seen": {"dest": sorted(set(features["dest"]))}}).encode(),
                "reference.profile.bin": Profile.of(features.assign(probability=0.5)).to_bytes(),
            },
            contract_hash=contracts.read(source).hash,
            tables={},
            trained_from=None,
            trained_until=None,
            who="test",
        )

    def promote(self, version: ModelVersion, *, force: bool = False) -> None:
        """Make a version champion, unless it is."""
        alias = self.state.alias("champion")
        if alias is None or alias.version != version.tag:
            registry.promote(self.config, self.state, version.tag, who="test", reason="test", force=force)

    def request(self, rows: int = 2, start: int = 0) -> list[dict[str, object]]:
        """Return rows as a client would send them."""
        columns = [column.name for column in self.dataset.request_columns]
        records: list[dict[str, object]] = json.loads(
            self.flights[columns].iloc[start : start + rows].to_json(orient="records", date_format="iso")
        )
        return records


@pytest.fixture(scope="session")
def flights() -> pd.DataFrame:
    """Two days of flights."""
    spec = importlib.util.spec_from_file_location("departures", REPOSITORY / "notebooks" / "departures.py")
    assert spec is not None
    assert spec.loader is not None
    departures = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(departures)
    found: pd.DataFrame = departures.read("2013-01-01", "2013-01-03")
    return found


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory, flights: pd.DataFrame) -> Iterator[Project]:
    """The reference project with a champion."""
    with _project(tmp_path_factory.mktemp("serving"), flights) as made:
        made.promote(made.release(5))
        yield made


@pytest.fixture
def fresh(tmp_path: Path, flights: pd.DataFrame) -> Iterator[Project]:
    """The reference project with empty stores."""
    with _project(tmp_path, flights) as made:
        yield made


class ProjectMaker(Protocol):
    """Makes a project in a folder, with more settings for the end of pyproject.toml."""

    def __call__(self, folder: Path, settings: str = "") -> AbstractContextManager[Project]:
        """Return the project, whose stores are open for as long as the context lasts."""


@pytest.fixture(scope="session")
def make_project(flights: pd.DataFrame) -> ProjectMaker:
    """For a module that needs a project with settings of its own."""

    def make(folder: Path, settings: str = "") -> AbstractContextManager[Project]:
        return _project(folder, flights, settings)

    return make


@pytest.fixture(scope="session")
def server(project: Project) -> Iterator[Server]:
    """A running service with the champion of `project`."""
    with Server.start(project.config) as started:
        yield started


@contextmanager
def _project(folder: Path, flights: pd.DataFrame, settings: str = "") -> Iterator[Project]:
    """Make a project; BentoML's store is beside it, for this process and those it starts."""
    root = folder / "project"
    root.mkdir()
    (root / "pyproject.toml").write_text((REPOSITORY / "pyproject.toml").read_text() + settings)
    for name in ("bentos", "monitoring"):
        shutil.copytree(REPOSITORY / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    config = configuration.load(root)
    dataset = contracts.read(config.path(config.settings.contract)).dataset(config.settings.dataset)
    with pytest.MonkeyPatch.context() as patch, State.open(config.state_address) as state:
        patch.setenv("BENTOML_HOME", str(folder / "bentoml"))
        yield Project(config, dataset, state, Tables(config.tables_address), flights)


def _model(dataset: Dataset, trees: int, knows_all: bool) -> Pipeline:
    texts = [column.name for column in dataset.with_role("feature") if column.type == "string"]
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1) if knows_all else OrdinalEncoder()
    return make_pipeline(
        make_column_transformer((codes, texts), remainder="passthrough"),
        HistGradientBoostingClassifier(max_iter=trees, random_state=0),
    )
