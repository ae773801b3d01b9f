from __future__ import annotations

from pathlib import Path

import pytest
from ploomber.spec import DAGSpec

from roadworthy.pipeline import lineage, products


@pytest.fixture
def rendered(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> DAGSpec:
    """The tiny pipeline, read by Ploomber and not run."""
    monkeypatch.chdir(tiny)
    (tiny / "products").mkdir()
    return DAGSpec("pipeline.yaml").to_dag().render(show_progress=False)


def test_where_a_task_s_products_are(rendered: DAGSpec, tiny: Path) -> None:
    first = rendered["first"]
    assert [lineage.below(tiny, path) for path in products.files(first)] == [
        "products/first.ipynb",
        "products/first.json",
    ]
    assert lineage.below(tiny, products.notebook(first) or Path()) == "products/first.ipynb"
    assert products.folder(rendered, tiny) == "products"


def test_what_is_removed_takes_ploomber_s_own_notes_along(rendered: DAGSpec, tiny: Path) -> None:
    for name in ("first.ipynb", ".first.ipynb.metadata", ".first.json.metadata", "second.json"):
        (tiny / "products" / name).write_text("{}")
    (tiny / "products/first.json").mkdir()
    products.remove(rendered["first"])
    assert [path.name for path in (tiny / "products").iterdir()] == ["second.json"]


def test_a_half_executed_notebook_is_kept_until_the_task_succeeds(rendered: DAGSpec, tiny: Path) -> None:
    folder, first = tiny / "products", rendered["first"]
    (folder / "first.ipynb").write_text("half")
    (folder / "first.json").write_text("half")
    assert products.set_aside(first) == {}
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"first.failed.ipynb": "half"}

    (folder / "first.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    (folder / "first.json").write_text("{}")
    made = products.finish(first, tiny)
    assert set(made) == {"products/first.ipynb", "products/first.json"}
    assert not (folder / "first.failed.ipynb").exists()
