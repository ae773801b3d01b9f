"""Which notebooks may be tried with other values, and where."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from roadworthy.config import Config
from roadworthy.errors import PipelineError
from roadworthy.pipeline import spec, trials
from roadworthy.records import RunRecord, TaskRecord, now
from roadworthy.state import State


@pytest.fixture
def opened(tiny: Path, config: Config) -> Iterator[State]:
    with State.open(config.state_address) as state:
        yield state


def test_what_lacks_an_input_is_refused(tiny: Path, config: Config, opened: State) -> None:
    pipeline = spec.read(tiny, {})
    trials.refuse(config, opened, pipeline, "first")
    with pytest.raises(PipelineError, match=r"products/first\.json is missing"):
        trials.refuse(config, opened, pipeline, "second")
    (tiny / "products").mkdir()
    (tiny / "products/first.json").write_text("{}")
    trials.refuse(config, opened, pipeline, "second")


def test_what_writes_to_a_table_is_refused(tiny: Path, config: Config, opened: State) -> None:
    task = TaskRecord(
        name="first", state="done", started=now(), seconds=1, source="a", source_hash="", writes={"flights": 3}
    )
    opened.save_run(RunRecord(id="r", project="p", state="done", started=now(), tasks=(task,)))
    with pytest.raises(PipelineError, match="writes to table flights"):
        trials.refuse(config, opened, spec.read(tiny, {}), "first")


def test_what_is_no_python_notebook_with_parameters_is_refused(tiny: Path, config: Config, opened: State) -> None:
    source = tiny / "notebooks/first.ipynb"
    source.write_text(source.read_text().replace('"parameters"', '"other"'))
    with pytest.raises(PipelineError, match="not a Python notebook"):
        trials.refuse(config, opened, spec.read(tiny, {}), "first")
    with pytest.raises(PipelineError, match="only Ploomber can read"):
        trials.refuse(config, opened, None, "first")


def test_a_trial_is_in_sight_and_git_does_not_look_at_it(config: Config) -> None:
    folder = trials.folder(config, "20130101-000000-abcd")
    assert folder == config.root / "trials/20130101-000000-abcd"
    assert (config.root / "trials/.gitignore").read_text() == "*\n"
