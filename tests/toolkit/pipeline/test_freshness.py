"""Why a task runs, in the words that a user reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from roadworthy import config as configuration
from roadworthy import contract as contracts
from roadworthy.pipeline import lineage, spec
from roadworthy.pipeline.content import content_hash
from roadworthy.pipeline.freshness import Freshness, Judgement
from roadworthy.records import RunRecord, TaskRecord, now
from roadworthy.state import State
from roadworthy.tables import Tables


class Project:
    """The tiny project, whose tasks are recorded as if they had run."""

    def __init__(self, root: Path, state: State) -> None:
        self.root, self.state = root, state

    def judge(self, name: str, as_of: dict[str, int] | None = None) -> Judgement:
        config = configuration.load(self.root)
        pipeline = spec.read(self.root, {})
        assert pipeline is not None
        contract = contracts.read(config.path(config.settings.contract))
        return Freshness(config, self.state, contract, as_of or {}).judge(
            pipeline.task(name), {task.name: task for task in pipeline.tasks}
        )

    def ran(self, name: str, reads: dict[str, int] | None = None, writes: dict[str, int] | None = None) -> None:
        pipeline = spec.read(self.root, {})
        assert pipeline is not None
        task, judged, run_id = pipeline.task(name), self.judge(name), lineage.run_id()
        made = {path: content_hash(self.root / path) for path in task.products.values()}
        record = TaskRecord(
            name=name, state="done", started=now(), seconds=1, source=task.source, source_hash="",
            parameters=task.parameters, products=made, notebook=task.notebook, code_hash=judged.code_hash,
            fingerprint=judged.fingerprint, inputs=judged.inputs, reads=reads or {}, newest=tuple(reads or ()),
            writes=writes or {},
        )  # fmt: skip
        run = RunRecord(id=run_id, project="late-flights", state="done", started=now(), tasks=(record,))
        self.state.save_run(run)
        self.state.add_artifacts(run_id, name, made, judged.fingerprint)


@pytest.fixture
def project(tiny: Path) -> Iterator[Project]:
    (tiny / "products").mkdir()
    for name in ("first", "second"):
        (tiny / f"products/{name}.json").write_text('{"rows": 3}')
        (tiny / f"products/{name}.ipynb").write_text("{}")
    with State.open(configuration.load(tiny).state_address) as state:
        yield Project(tiny, state)


def test_what_nobody_recorded_is_not_fresh(project: Project) -> None:
    assert project.judge("first").reason == "no run is recorded that made products/first.ipynb"
    (project.root / "products/first.ipynb").unlink()
    assert project.judge("first").reason == "products/first.ipynb was never made"


def test_what_a_run_made_is_fresh(project: Project) -> None:
    project.ran("first")
    assert project.judge("first").fresh


def edit(path: str, old: str, new: str) -> Callable[[Path], None]:
    def change(root: Path) -> None:
        text = (root / path).read_text()
        assert old in text
        (root / path).write_text(text.replace(old, new))

    return change


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (edit("products/second.json", "3", "4"), "products/second.json was changed after it was made"),
        (lambda root: (root / "products/second.json").unlink(), "products/second.json is missing"),
        (lambda root: (root / "products/second.ipynb").unlink(), "products/second.ipynb is missing"),
        (edit("products/first.json", "3", "4"), "products/first.json changed"),
        (edit("pipeline.yaml", "factor: 2", "factor: 5"), "parameter factor changed"),
        (edit("notebooks/second.ipynb", "factor", "factor_"), "its code changed"),
        (edit("monitoring/contract.yaml", "maximum: 6000", "maximum: 5000"), "the contract changed"),
        (edit("products/second.ipynb", "{}", "{} looked at"), ""),
        (edit("monitoring/contract.yaml", "kind: DataContract", "# a comment\nkind: DataContract"), ""),
        (lambda root: (root / "products/second.json").touch(), ""),
    ],
)
def test_the_reason_is_told(project: Project, change: Callable[[Path], None], reason: str) -> None:
    project.ran("first")
    project.ran("second")
    change(project.root)
    judged = project.judge("second")
    assert (judged.fresh, judged.reason) == (not reason, reason)


def test_what_is_back_as_it_was_is_fresh(project: Project) -> None:
    project.ran("first")
    source, product = project.root / "notebooks/first.ipynb", project.root / "products/first.json"
    before = source.read_text(), product.read_text()
    source.write_text(before[0].replace("rows", "rows_"))
    product.write_text(json.dumps({"rows": 9}))
    project.ran("first")
    assert project.judge("first").fresh
    source.write_text(before[0])
    assert not project.judge("first").fresh
    product.write_text(before[1])
    assert project.judge("first").fresh


def test_newer_rows_of_a_table_count_and_own_ones_do_not(project: Project) -> None:
    tables = Tables(configuration.load(project.root).tables_address)
    tables.append("numbers", pd.DataFrame({"x": [1]}))
    read = tables.newest("numbers")
    project.ran("first", reads={"numbers": read})
    project.ran("second", reads={"numbers": read}, writes={"numbers": read})
    assert project.judge("first").fresh
    assert project.judge("first", {"numbers": 0}).reason == f"table numbers is read at version 0, it was {read}"
    tables.append("numbers", pd.DataFrame({"x": [2]}))
    assert project.judge("first").reason == f"table numbers is read at version {read + 1}, it was {read}"
    assert project.judge("first", {"numbers": read}).fresh
    assert project.judge("second").fresh
