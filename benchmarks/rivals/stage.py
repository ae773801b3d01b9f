"""What every side serves: the model, rows to ask it about, and projects of ours that have it as their champion."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from sklearn.ensemble import HistGradientBoostingClassifier
from skops import io

from roadworthy import config as configuration
from roadworthy import contract as contracts
from roadworthy import project, registry
from roadworthy.config import Config
from roadworthy.records import GateCheck, GateVerdict, RunRecord, now
from roadworthy.serving import tokens
from roadworthy.state import State

Row = dict[str, Any]
FEATURES = tuple(f"x{number}" for number in range(10))


@dataclass
class Stage:
    """The model, the rows, and the projects that serve them."""

    folder: Path
    model: HistGradientBoostingClassifier
    rows: pd.DataFrame

    @classmethod
    def make(cls, folder: Path) -> Stage:
        kept = [name for name in os.environ if name.startswith("ROADWORTHY_")]
        for name in kept:
            del os.environ[name]
        model_file = folder / "model.skops"
        os.environ |= {
            "BENTOML_HOME": str(folder / "bentoml"),
            "BENTOML_DO_NOT_TRACK": "true",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "BENCH_MODEL": str(model_file),
        }
        random = np.random.default_rng(0)
        rows = pd.DataFrame(random.normal(size=(20_000, len(FEATURES))).round(4), columns=list(FEATURES))
        score = rows["x0"] - rows["x1"] * rows["x2"] + np.sin(rows["x3"] * 2) + random.normal(size=len(rows))
        model = HistGradientBoostingClassifier(random_state=0).fit(rows, score > 0)
        model_file.write_bytes(io.dumps(model))
        return cls(folder, model, rows)

    @property
    def model_file(self) -> Path:
        return self.folder / "model.skops"

    @property
    def dataset(self) -> contracts.Dataset:
        return contracts.parse(contract(), "the bench's contract").dataset("readings")

    def records(self, start: int, count: int) -> list[Row]:
        found = self.rows.iloc[start : start + count].to_numpy().tolist()
        features = [dict(zip(FEATURES, values, strict=True)) for values in found]
        return [
            {"reading": f"r{start + row:06}", "taken": "2026-01-31T09:00:00Z", **record}
            for row, record in enumerate(features)
        ]

    def probabilities(self, records: list[Row]) -> list[float]:
        found: list[float] = self.model.predict_proba(pd.DataFrame(records)[list(FEATURES)])[:, 1].tolist()
        return found

    def project(self, name: str, *, capture: bool) -> tuple[Config, str]:
        """Return a project with the model as its champion, and a token for it."""
        root = project.init(name, self.folder, filled=True)
        settings = root / "pyproject.toml"
        text = settings.read_text().replace('dataset = "flights"', 'dataset = "readings"')
        settings.write_text(text + '\n[tool.roadworthy.service]\npredict = "token"\n')
        (root / "monitoring/contract.yaml").write_text(contract())
        policy = root / "monitoring/policy.yaml"
        content = yaml.safe_load(policy.read_text()) | {"capture": {"sample": 1.0 if capture else 0.0}}
        policy.write_text(yaml.safe_dump(content))
        config = configuration.load(root)
        with State.open(config.state_address) as state:
            self.release(config, state)
            token, _ = tokens.create(state, "bench", ["predict"], by="bench")
        return config, token

    def release(self, config: Config, state: State) -> None:
        first = self.records(0, 3)
        smoke = {
            "rows": [{name: row[name] for name in FEATURES} for row in first],
            "probabilities": self.probabilities(first),
        }
        version = registry.add(
            config,
            state,
            run=RunRecord(id="bench", project=config.settings.name, state="done", started=now()),
            verdict=GateVerdict(checks=(GateCheck(name="bench", passed=True, fact="it is a benchmark"),)),
            metrics={},
            files={
                "model.skops": self.model_file,
                "contract.yaml": contract().encode(),
                "smoke.json": json.dumps(smoke).encode(),
            },
            contract_hash=contracts.parse(contract(), "the bench's contract").hash,
            tables={},
            trained_from=None,
            trained_until=None,
            who="bench",
        )
        registry.promote(config, state, version.tag, who="bench", reason="to be measured")


def contract() -> str:
    def column(name: str, kind: str, role: str, **more: object) -> dict[str, object]:
        roles = [{"property": "role", "value": role}]
        return {"name": name, "logicalType": kind, "required": True, "customProperties": roles, **more}

    limits = {"minimum": -20, "maximum": 20}
    columns = [column("reading", "string", "identifier", unique=True), column("taken", "timestamp", "time")]
    columns += [column(name, "number", "feature", logicalTypeOptions=limits) for name in FEATURES]
    columns += [column("positive", "boolean", "label")]
    return yaml.safe_dump(
        {
            "kind": "DataContract",
            "apiVersion": "v3.2.0",
            "id": "bench",
            "name": "Readings",
            "version": "1.0.0",
            "status": "active",
            "schema": [{"name": "readings", "logicalType": "object", "properties": columns}],
        },
        sort_keys=False,
    )
