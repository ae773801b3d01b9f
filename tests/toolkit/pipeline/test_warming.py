from __future__ import annotations

from pathlib import Path

from roadworthy import config as configuration
from roadworthy.pipeline import spec
from roadworthy.pipeline.warming import modules, warm_up


def test_modules_are_what_the_notebooks_import_of_what_is_safe(root: Path) -> None:
    config, pipeline = configuration.load(root), spec.read(root, {})
    assert pipeline is not None
    found = modules(config, pipeline)
    assert {"pandas", "numpy", "roadworthy.project"} <= set(found)
    assert any(name.startswith("sklearn") for name in found)
    assert not any(name.startswith("notebooks") for name in found)


def test_what_is_named_is_taken_instead(root: Path) -> None:
    pyproject = root / "pyproject.toml"
    pyproject.write_text(pyproject.read_text() + '\n[tool.roadworthy.pipeline]\npreload = ["json"]\n')
    pipeline = spec.read(root, {})
    assert pipeline is not None
    assert modules(configuration.load(root), pipeline) == ("json",)


def test_a_notebook_that_cannot_be_read_is_left_to_the_build(tiny: Path) -> None:
    (tiny / "notebooks/first.ipynb").write_text("{broken")
    assert warm_up(configuration.load(tiny), spec.read(tiny, {})) is None
    assert warm_up(configuration.load(tiny), None) is None
