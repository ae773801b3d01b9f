"""Consumers: who would break is named, with what would break."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from roadworthy import registry
from roadworthy.contract import Dataset
from roadworthy.errors import ConfigError
from roadworthy.registry import LoadedModel
from roadworthy.serving import consumers
from roadworthy.serving.consumers import Checked

if TYPE_CHECKING:
    from conftest import Project

REPOSITORY = Path(__file__).parents[3]


@pytest.fixture
def dataset(project: Project) -> Dataset:
    """The project's own, so that no other project's model store is looked at."""
    return project.dataset


@pytest.fixture
def model(project: Project) -> LoadedModel:
    """The champion."""
    return registry.load(project.config, registry.resolve(project.state, "champion").tag)


def _check(folder: Path, dataset: Dataset, model: LoadedModel) -> list[Checked]:
    return consumers.check(consumers.read(folder), dataset, model, 0.25, 100)


def _write(folder: Path, project: Project, **changes: Any) -> Path:  # noqa: ANN401 - whatever a file may say
    content = {"name": "desk", "owner": "Ada", "requests": [{"rows": project.request(2)}], "reads": ["model_version"]}
    path = folder / "desk.json"
    path.write_text(json.dumps(content | changes))
    return path


def test_the_reference_consumer_is_answered(dataset: Dataset, model: LoadedModel) -> None:
    (found,) = _check(REPOSITORY / "consumers", dataset, model)
    assert (found.consumer, found.problems, found.requests) == ("rebooking-desk", (), 1)
    assert "would be answered" in found.words


def test_no_folder_is_no_consumer(tmp_path: Path) -> None:
    assert consumers.read(tmp_path / "none") == []
    (tmp_path / "notes.md").write_text("nobody")
    assert consumers.read(tmp_path) == []


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"required": True}, "request 1: rows.0.seats: This field is required"),
        ({"maximum": 100.0}, "rows.0.seats: Input should be less than or equal to 100 (it sends 149.0)"),
        ({"name": "places"}, "rows.0.seats: No such field is known (it sends 149.0)"),
        ({"type": "string"}, "rows.0.seats: Input should be a valid string (it sends 149.0)"),
    ],
)
def test_a_contract_that_would_break_one_names_it(
    project: Project, model: LoadedModel, tmp_path: Path, change: dict[str, Any], problem: str
) -> None:
    dataset = project.dataset
    row = project.request(1)[0]
    row["seats"] = None if "required" in change else 149.0
    _write(tmp_path, project, requests=[{"rows": [{k: v for k, v in row.items() if v is not None}]}])
    assert _check(tmp_path, dataset, model)[0].problems == ()
    columns = tuple(c.model_copy(update=change) if c.name == "seats" else c for c in dataset.columns)
    (found,) = _check(tmp_path, dataset.model_copy(update={"columns": columns}), model)
    assert any(problem in told for told in found.problems)
    assert "its owner is Ada" in found.words


@pytest.mark.parametrize(
    ("read", "problem"),
    [
        ("predictions.2.probability", "it reads predictions.2.probability, and predictions has no '2'"),
        ("score", "it reads score, and the answer has no 'score'"),
        ("predictions.0.probability.low", "and predictions.0.probability has no 'low'"),
        ({"path": "predictions.0.prediction", "type": "number"}, "as number, and it is "),
        ({"path": "model_version", "type": "integer"}, "as integer, and it is "),
    ],
)
def test_a_field_that_is_not_there_is_named(
    project: Project, model: LoadedModel, tmp_path: Path, read: object, problem: str
) -> None:
    _write(tmp_path, project, reads=["predictions.1.probability", read])
    (found,) = _check(tmp_path, project.dataset, model)
    assert len(found.problems) == 1
    assert problem in found.problems[0]


def test_too_many_rows_for_the_service_are_named(
    project: Project, dataset: Dataset, model: LoadedModel, tmp_path: Path
) -> None:
    _write(tmp_path, project, requests=[{"rows": project.request(1)}, {"rows": project.request(101)}])
    (found,) = _check(tmp_path, dataset, model)
    assert found.problems[0].startswith("request 2: rows")


def test_a_model_that_fails_is_named(project: Project, dataset: Dataset, model: LoadedModel, tmp_path: Path) -> None:
    _write(tmp_path, project)
    broken = LoadedModel(model.tag, dataset, model.folder, estimator="none")
    assert _check(tmp_path, dataset, broken)[0].problems == ("request 1: the model raises AttributeError",)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.yaml", "name: [", r"a\.yaml, line 1: not YAML"),
        ("a.json", "{", r"a\.json cannot be read"),
        ("a.yaml", "- 1", r"a\.yaml: the whole: "),
        ("a.yaml", "name: a\nowner: b\nrequests: []", r"a\.yaml: requests: .*at least 1 item"),
        ("a.yaml", "name: a\nrequests: [{rows: [{}]}]", r"a\.yaml: owner: Field required"),
        ("a.yml", "name: a\nowner: b\nrequests: [{rows: 3}]", r"a\.yml: requests\.0\.rows: "),
        ("a.yaml", "name: a\nowner: b\nrequests: [{rows: [{}]}]\nreads: [{path: x, type: y}]", r"reads\.0\.type: "),
        ("a.yaml", "name: a\nowner: b\nrequests: [{rows: [{}]}]\nread: [x]", r"a\.yaml: read: "),
    ],
)
def test_a_broken_file_is_told_with_its_field(tmp_path: Path, name: str, text: str, told: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError, match=told):
        consumers.read(tmp_path)


def test_two_of_one_name_are_told(tmp_path: Path) -> None:
    for name in ("one.yaml", "two.yaml"):
        shutil.copy(REPOSITORY / "consumers" / "rebooking-desk.yaml", tmp_path / name)
    with pytest.raises(ConfigError, match=r"two\.yaml: name: .* in one\.yaml too"):
        consumers.read(tmp_path)
