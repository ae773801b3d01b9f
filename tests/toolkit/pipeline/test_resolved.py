"""What only Ploomber can read is known to others as the last build resolved it, until its files change."""

from __future__ import annotations

from pathlib import Path

import pytest

from roadworthy.config import Config
from roadworthy.pipeline import resolved, spec
from roadworthy.pipeline.spec import Pipeline, TaskSpec

PIPELINE = """
tasks:
- source: notebooks/first.ipynb
  product: products/first.ipynb
- source: steps.load
  product: products/rows.txt
- not a task
"""
FOUND = Pipeline(tasks=(TaskSpec(name="first", source="notebooks/first.ipynb"), TaskSpec(name="load", text="def load")))


@pytest.fixture
def opaque(config: Config, tiny: Path) -> Config:
    """A project whose pipeline.yaml leaves it to Ploomber what builds on what."""
    (tiny / "pipeline.yaml").write_text(PIPELINE)
    config.private().mkdir(exist_ok=True)
    return config


def test_what_all_can_read_is_not_kept(config: Config, tiny: Path) -> None:
    config.private().mkdir(exist_ok=True)
    pipeline = spec.read(tiny, {})
    assert pipeline is not None
    resolved.keep(config, pipeline)
    assert not config.private("pipeline.json").exists()
    assert resolved.read(config) == pipeline


def test_what_a_build_resolved_is_known_until_its_files_change(opaque: Config) -> None:
    assert resolved.read(opaque) is None
    resolved.keep(opaque, FOUND)
    assert resolved.read(opaque) == FOUND
    env = opaque.root / "env.yaml"
    text = env.read_text()
    env.write_text(text + "other: 1\n")
    assert resolved.read(opaque) is None
    env.write_text(text)
    assert resolved.read(opaque) == FOUND


def test_a_build_with_other_values_tells_nothing_of_the_usual_ones(
    opaque: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["ploomber", "build", "--env--products=elsewhere"])
    resolved.keep(opaque, FOUND)
    assert resolved.read(opaque) is None


def test_what_is_damaged_is_not_known(opaque: Config) -> None:
    opaque.private("pipeline.json").write_text("{")
    assert resolved.read(opaque) is None


def test_names_and_sources_are_known_without_ploomber(opaque: Config) -> None:
    found = resolved.outline(opaque.root)
    assert [(task.name, task.source) for task in found.tasks] == [("first", "notebooks/first.ipynb"), ("load", "")]
    (opaque.root / "pipeline.yaml").write_text("tasks: [")
    assert resolved.outline(opaque.root).tasks == ()
