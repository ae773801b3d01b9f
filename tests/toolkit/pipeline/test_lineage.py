from __future__ import annotations

import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from roadworthy import config as configuration
from roadworthy.config import Config
from roadworthy.errors import PipelineError
from roadworthy.pipeline import lineage
from roadworthy.pipeline.content import content_hash
from roadworthy.records import RunRecord, TaskRecord
from roadworthy.state import State

START = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def project(tiny: Path) -> Config:
    return configuration.load(tiny)


@pytest.fixture
def kept(project: Config) -> Iterator[State]:
    with State.open(project.state_address) as opened:
        yield opened


def record(project: Config, kept: State, day: int, *names: str, folder: str = "products") -> RunRecord:
    """Write the tasks' products anew and record the run that did."""
    tasks = []
    for name in names:
        product = project.path(f"{folder}/{name}.json")
        product.parent.mkdir(parents=True, exist_ok=True)
        product.write_text(f'{{"tables": {{"flights": {day}}}, "metrics": {{"{name}": {day}.5}}, "by": "{folder}"}}')
        executed = product.with_suffix(".ipynb")
        executed.write_text(f"day {day}")
        paths = [lineage.below(project.root, path) for path in (executed, product)]
        tasks.append(
            TaskRecord(
                name=name,
                state="done",
                started=START + timedelta(days=day),
                seconds=1,
                source=f"notebooks/{name}.ipynb",
                source_hash="",
                products={path: content_hash(project.root / path) for path in paths},
                notebook=paths[0],
            )
        )
    run = RunRecord(
        id=f"run-{day}",
        project="late-flights",
        state="done",
        started=START + timedelta(days=day),
        parameters={"products": folder},
        tasks=tuple(tasks),
    )
    kept.save_run(run)
    return run


def test_the_newest_execution_of_each_task_counts(project: Config, kept: State) -> None:
    first = record(project, kept, 1, "first", "second")
    third = record(project, kept, 3, "second")
    found = lineage.lineage(project, kept, project.path("products"))
    assert found.id == "run-3"
    assert found.tasks == (first.tasks[0], third.tasks[0])
    assert found.started == first.started
    assert found.metrics == {"first": 1.5, "second": 3.5}


def test_an_older_execution_counts_when_its_products_are_back(project: Config, kept: State) -> None:
    record(project, kept, 1, "first", "second")
    kept_files = {path: path.read_bytes() for path in project.path("products").iterdir()}
    record(project, kept, 2, "second")
    for path, before in kept_files.items():
        path.write_bytes(before)
    assert lineage.lineage(project, kept, Path("products")).metrics["second"] == 1.5


def test_other_folders_have_a_lineage_of_their_own(project: Config, kept: State) -> None:
    record(project, kept, 1, "first", "second")
    record(project, kept, 2, "first", "second", folder="products/other")
    assert lineage.lineage(project, kept, project.path("products")).id == "run-1"
    assert lineage.lineage(project, kept, project.path("products/other")).id == "run-2"


def test_a_product_changed_by_hand_is_refused_and_named(project: Config, kept: State) -> None:
    record(project, kept, 1, "first", "second")
    project.path("products/second.json").write_text('{"metrics": {"second": 99}}')
    with pytest.raises(PipelineError, match=r"products/second\.json was changed after task 'second' made it"):
        lineage.lineage(project, kept, project.path("products"))


def test_a_missing_product_is_refused_and_named(project: Config, kept: State) -> None:
    record(project, kept, 1, "first", "second")
    project.path("products/first.json").unlink()
    with pytest.raises(PipelineError, match=r"products/first\.json is missing"):
        lineage.lineage(project, kept, project.path("products"))


def test_what_was_never_recorded_is_refused(project: Config, kept: State) -> None:
    record(project, kept, 1, "first")
    with pytest.raises(PipelineError, match="No run of task 'second' into products/ is recorded"):
        lineage.lineage(project, kept, project.path("products"))


def test_a_looked_at_notebook_is_no_change_of_the_products(project: Config, kept: State) -> None:
    run = record(project, kept, 1, "first", "second")
    project.path("products/first.ipynb").write_text("saved again by JupyterLab")
    assert lineage.lineage(project, kept, project.path("products")).tasks == run.tasks


def test_json_that_tells_nothing_is_passed_over(tmp_path: Path) -> None:
    for name, text in {
        "lines.json": "{}\n{}",
        "list.json": "[1]",
        "words.json": '{"metrics": {"auc": "high"}}',
    }.items():
        (tmp_path / name).write_text(text)
    assert lineage.told(tmp_path, ["lines.json", "list.json", "words.json", "model.bin"]) == ({}, {})


def test_the_commit_and_whether_files_differ_from_it(tmp_path: Path) -> None:
    assert lineage.commit(tmp_path) == (None, False)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@example.org"]
    (tmp_path / "file").write_text("1")
    for arguments in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "-m", "first"]):
        subprocess.run([*git, *arguments], check=True, capture_output=True)
    head, dirty = lineage.commit(tmp_path)
    assert head is not None
    assert (len(head), dirty) == (40, False)
    (tmp_path / "file").write_text("2")
    assert lineage.commit(tmp_path) == (head, True)
