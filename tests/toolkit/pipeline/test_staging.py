from __future__ import annotations

import json
from pathlib import Path

import nbformat
import pytest
from nbformat.sign import NotebookNotary
from nbformat.v4 import new_code_cell, new_notebook, writes
from ploomber import DAG
from ploomber.spec import DAGSpec

from roadworthy.pipeline import graph, staging


@pytest.fixture
def dag(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> DAG:
    """The tiny pipeline, read by Ploomber and not run."""
    monkeypatch.chdir(tiny)
    (tiny / "products").mkdir()
    return DAGSpec("pipeline.yaml").to_dag().render(show_progress=False)


def test_a_task_is_pointed_aside_and_what_it_made_moved_into_place(dag: DAG, tiny: Path) -> None:
    task, theirs = dag["first"], DAGSpec("pipeline.yaml").to_dag().render(show_progress=False)["first"]
    moved = staging.redirect(theirs)
    products = tiny / "products"
    assert moved == {path: products / ".first.building" / path.name for path in graph.files(task).values()}
    assert "/.first.building/first.json" in theirs.source.nb_str_rendered
    (products / "first.json").write_text("old")
    for path in moved.values():
        path.write_text(f"new {path}")
        path.with_name(f".{path.name}.metadata").write_text("{}")
    assert (products / "first.json").read_text() == "old"
    staging.move(task)
    assert (products / "first.json").read_text() == f"new {moved[products / 'first.json']}"
    assert sorted(path.name for path in products.iterdir()) == [
        ".first.ipynb.metadata", ".first.json.metadata", "first.ipynb", "first.json",
    ]  # fmt: skip


def test_folders_are_products_too(dag: DAG, tiny: Path) -> None:
    task, products = dag["first"], tiny / "products"
    (products / "first.json").mkdir()
    (products / "first.json/old").touch()
    staged = staging.place("first", products / "first.json")
    staged.mkdir(parents=True)
    (staged / "new").touch()
    staging.move(task)
    assert [path.name for path in (products / "first.json").iterdir()] == ["new"]
    assert [path.name for path in products.iterdir()] == ["first.json"]


def test_an_executed_notebook_names_the_products_by_their_own_names(dag: DAG, tiny: Path) -> None:
    theirs = dag["first"]
    moved = staging.redirect(theirs)
    staged = moved[tiny / "products/first.json"]
    notebook = new_notebook(cells=[new_code_cell(f"product = {str(staged)!r}")])
    executed = moved[tiny / "products/first.ipynb"]
    executed.write_text(writes(notebook))
    staging.rename_in_words(theirs, moved)
    written = json.loads(executed.read_text())
    assert written["cells"][0]["source"] == [f"product = {str(tiny / 'products/first.json')!r}"]
    assert NotebookNotary().check_signature(nbformat.read(executed, as_version=4))


def test_of_a_failed_task_the_half_executed_notebook_is_kept_until_it_succeeds(dag: DAG, tiny: Path) -> None:
    task, products = dag["first"], tiny / "products"
    for name in ("first.ipynb", "first.json"):
        (products / name).write_text("good")
        staged = staging.place("first", products / name)
        staged.parent.mkdir(exist_ok=True)
        staged.write_text("half")
    assert staging.keep_failed(task) == products / "first.failed.ipynb"
    assert {path.name: path.read_text() for path in products.iterdir()} == {
        "first.ipynb": "good", "first.json": "good", "first.failed.ipynb": "half",
    }  # fmt: skip
    staging.move(task)
    assert not (products / "first.failed.ipynb").exists()


def test_a_task_s_name_makes_no_path_of_its_own(tmp_path: Path) -> None:
    assert staging.place("../a b", tmp_path / "x.csv") == tmp_path / ".___a_b.building/x.csv"
