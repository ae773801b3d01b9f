"""A project whose pipeline was run: real files, a real table, real records, as a build leaves them behind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from skops import io

from roadworthy import project as projects
from roadworthy import registry
from roadworthy.pipeline import code, lineage
from roadworthy.pipeline.content import content_hash
from roadworthy.project import Project
from roadworthy.records import GateCheck, GateVerdict, Ingestion, ModelVersion, RunRecord, TaskRecord, now
from roadworthy.trace import Trace

Met = Callable[[Trace], dict[tuple[str, str], Trace]]

COMMIT = "c0ffee" + "0" * 34


@dataclass
class Runs:
    """Makes runs in a project: each task writes its files, and is recorded as a build records it."""

    project: Project
    made: list[RunRecord] = field(default_factory=list)

    def notebook(self, name: str, *cells: str) -> str:
        path = self.project.root / "notebooks" / f"{name}.ipynb"
        notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        nbformat.write(notebook, path)
        return path.relative_to(self.project.root).as_posix()

    def task(
        self, name: str, products: dict[str, str], inputs: tuple[str, ...] = (), seconds: float = 1.0, **told: object
    ) -> TaskRecord:
        """Write a task's products and return its record."""
        source = self.notebook(name, f"# {name}", f"make({name!r})")
        paths = {path: self.project.root / path for path in (*products, *inputs)}
        for path, text in products.items():
            paths[path].parent.mkdir(parents=True, exist_ok=True)
            paths[path].write_text(text)
        return TaskRecord(
            name=name,
            state="done",
            started=now(),
            seconds=seconds,
            source=source,
            source_hash=content_hash(self.project.root / source),
            code_hash=code.read(self.project.root / source).hash(cosmetic=False),
            products={path: content_hash(paths[path]) for path in products},
            inputs={path: content_hash(paths[path]) for path in inputs},
            **told,  # type: ignore[arg-type]  # more fields of the record
        )

    def run(self, *tasks: TaskRecord) -> RunRecord:
        """Record a run of tasks."""
        state, contract = self.project.state, self.project.contract
        text = self.project.config.path(self.project.config.settings.contract).read_text()
        state.keep_contract(contract.hash, contract.version, text)
        run = RunRecord(
            id=f"20300101-00000{len(self.made)}-aaaa",
            project=self.project.config.settings.name,
            state="done",
            started=tasks[0].started,
            ended=now(),
            git_commit=COMMIT,
            git_dirty=True,
            environment=lineage.environment(),
            parameters={"products": "products", "seed": 3},
            contract_hash=contract.hash,
            contract_version=contract.version,
            tasks=tasks,
        )
        state.save_run(run)
        for task in tasks:
            state.keep_source(task.code_hash, code.cells(self.project.root / task.source))
            state.add_artifacts(run.id, task.name, task.products)
        self.made.append(run)
        return run

    def ingested(self, batch: str, rows: int = 2) -> Ingestion:
        """Add a batch to the table of flights and record it, as ingestion does."""
        frame = pd.DataFrame({"flight_id": [f"{batch}-{number}" for number in range(rows)]})
        version = self.project.tables.append("flights", frame, writer=f"batch {batch}", position=0)
        found = Ingestion(
            dataset="flights",
            batch=batch,
            source=f"{batch}.csv",
            rows=rows,
            accepted=rows,
            quarantined=0,
            table_version=version,
        )
        return self.project.state.record_ingestion(found)

    def whole(self) -> RunRecord:
        """Run ingest, features, train and evaluate, from a raw file and a batch to a model and its metrics."""
        began = now()
        raw = self.project.root / "raw" / "planes.csv"
        raw.parent.mkdir()
        raw.write_text("plane,seats\n1,180\n")
        version = self.ingested("b1").table_version
        seconds = (now() - began + timedelta(seconds=1)).total_seconds()
        ingest = self.task("ingest", {"products/ingest.json": "{}"}, writes={"flights": version}, seconds=seconds)
        ingest = ingest.model_copy(update={"started": began})
        features = self.task(
            "features",
            {"products/features.parquet": "features"},
            ("products/ingest.json", "raw/planes.csv"),
            reads={"flights": version},
            parameters={"end": "2013-05-01"},
        )
        train = self.task("train", {"products/model.skops": "model"}, ("products/features.parquet",))
        wanted = ("products/features.parquet", "products/model.skops")
        evaluate = self.task("evaluate", {"products/metrics.json": "{}", "products/reference.parquet": "r"}, wanted)
        return self.run(ingest, features, train, evaluate)

    def release(self, run: RunRecord) -> ModelVersion:
        """Release a run's model, a real one, and make it champion."""
        model = LogisticRegression().fit(np.array([[0.0], [1.0]]), [0, 1])
        version = registry.add(
            self.project.config,
            self.project.state,
            run=run,
            verdict=GateVerdict(checks=(GateCheck(name="test", passed=True, fact="it is a test"),)),
            metrics={},
            files={
                "model.skops": io.dumps(model),
                "contract.yaml": self.project.config.path(self.project.config.settings.contract),
                "smoke.json": json.dumps({}).encode(),
                "lineage.json": run.model_dump_json().encode(),
            },
            contract_hash=self.project.contract.hash,
            tables={"flights": 1},
            trained_from=None,
            trained_until=None,
            who="ada",
        )
        config, state = self.project.config, self.project.state
        registry.promote(config, state, version.tag, who="ada", reason="a test", force=True)
        return version


@pytest.fixture
def project(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    monkeypatch.chdir(root)
    with projects.load(root) as opened:
        yield opened


@pytest.fixture
def runs(project: Project) -> Runs:
    return Runs(project)


def walk(told: Trace) -> Iterator[Trace]:
    """Yield a thing and all that it came from."""
    yield told
    for parent in told.parents:
        yield from walk(parent)


@pytest.fixture
def met() -> Met:
    """Return what a trace met, told in full: (kind, name) to what is known of it."""
    return lambda told: {(found.kind, found.name): found for found in walk(told) if not found.above}
