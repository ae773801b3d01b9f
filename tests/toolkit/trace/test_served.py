"""Versions, bentos and served requests, back to the run that they came from."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from roadworthy import registry
from roadworthy.errors import PipelineError
from roadworthy.project import Project
from roadworthy.serving import capture, credentials
from roadworthy.trace import Trace, trace

if TYPE_CHECKING:
    from conftest import Runs

Met = Callable[[Trace], dict[tuple[str, str], Trace]]
ROW = {
    "flight_id": "a",
    "scheduled_departure": datetime(2013, 5, 1, 10, tzinfo=UTC),
    "carrier": "UA",
    "origin": "EWR",
    "dest": "IAH",
    "distance": 1400.0,
    "departure_hour": 5.25,
    "weekday": 2,
}


def test_a_version_is_followed_to_its_run_whatever_was_built_since(project: Project, runs: Runs, met: Met) -> None:
    run = runs.whole()
    version = runs.release(run)
    runs.run(runs.task("train", {"products/model.skops": "a later model"}))
    told = trace(project, version.tag)
    assert (told.kind, told.name) == ("version", version.tag)
    assert told.facts["is"] == ["champion"]
    assert told.facts["released_by"] == "ada"
    assert told.facts["owner"] == "Punctuality team <punctuality@example.org> (model)"
    model, *others = told.parents
    assert (model.name, model.facts["now"]) == ("products/model.skops", "changed since")
    assert model.parents[0].facts["run"] == run.id
    assert [other.name for other in others] == [
        "products/metrics.json",
        "products/reference.parquet",
        "monitoring/contract.yaml",
    ]
    assert ("file", "raw/planes.csv") in met(told)


@pytest.mark.parametrize("form", ["tag", "bare", "beginning", "champion", "version:"])
def test_a_version_may_be_named_in_several_ways(project: Project, runs: Runs, form: str) -> None:
    version = runs.release(runs.whole())
    bare = version.tag.partition(":")[2]
    names = {"tag": version.tag, "bare": bare, "beginning": bare[:-3], "version:": f"version:{version.tag}"}
    assert trace(project, names.get(form, form)).name == version.tag


def test_a_version_whose_files_are_elsewhere_is_followed_by_its_run(project: Project, runs: Runs) -> None:
    version = runs.release(runs.whole())
    registry.delete(version.tag)
    assert trace(project, version.tag).parents[0].name == "products/model.skops"
    unknown = runs.made[0].model_copy(update={"id": "lost"})
    lost = runs.release(unknown)
    registry.delete(lost.tag)
    assert trace(project, lost.tag).parents[0].facts == {"record": "not on record"}


def test_a_served_request_is_followed_from_the_spool_and_from_the_table(project: Project, runs: Runs, met: Met) -> None:
    run = runs.whole()
    version = runs.release(run)
    request_id = credentials.new_request_id(b"key", 2)
    spool = capture.Spool(project.config.path(project.config.settings.spool), "predictions")
    spool.append(
        capture.prediction_entry(request_id, version.tag, [ROW, ROW], [0.25, 0.75], [False, True], seconds=0.01)
    )
    told = trace(project, request_id)
    assert told.facts["kept"] == "in the spool, not collected yet"
    capture.collect(project.config, project.dataset, project.tables)
    spool.close()
    capture.collect(project.config, project.dataset, project.tables)
    collected = trace(project, f"request:{request_id}")
    assert collected.facts["kept"] == "in the table predictions"
    for found in (told, collected):
        assert (found.kind, found.name, found.facts["rows"]) == ("request", request_id, 2)
        assert found.facts["answers"][1] == {"probability": 0.75, "prediction": True}
        assert found.facts["owner"] == "Platform on call <platform@example.org> (infrastructure)"
        everything = met(found)
        assert everything["task", "train"].facts["run"] == run.id
        assert ("batch", "b1") in everything
        assert ("contract", "monitoring/contract.yaml") in everything
    assert "EWR" not in collected.model_dump_json()


def test_a_request_of_a_version_that_is_not_on_record_says_so(project: Project) -> None:
    spool = capture.Spool(project.config.path(project.config.settings.spool), "predictions")
    spool.append(capture.prediction_entry("r1", "m:gone", [ROW], [0.25], [False], seconds=0.01))
    (version,) = trace(project, "r1").parents
    assert (version.name, version.facts) == ("m:gone", {"record": "not on record"})


@pytest.mark.slow
def test_a_bento_is_followed_to_the_champion_at_its_creation(project: Project, runs: Runs) -> None:
    run = runs.whole()
    first = runs.release(run)
    command = [sys.executable, "-m", "bentoml", "build", "--output", "tag"]
    built = subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    tag = built.stdout.strip().removeprefix("__tag__:")
    second = runs.release(run)
    told = trace(project, tag)
    assert (told.kind, told.name) == ("bento", tag)
    assert "holds no model" in told.facts["serves"]
    assert told.facts["champion_at_its_creation"] == first.tag
    assert told.facts["champion_now"] == second.tag
    version, contract = told.parents
    assert version.name == first.tag
    assert (contract.kind, contract.above) == ("contract", True)
    assert trace(project, f"bento:{tag.partition(':')[0]}").name == tag

    name, number = tag.split(":")
    inside = Path(os.environ["BENTOML_HOME"]) / "bentos" / name / number / "src" / "pyproject.toml"
    inside.write_text(inside.read_text().replace('name = "late-flights"', 'name = "other"'))
    with pytest.raises(PipelineError, match="was built from project 'other', not from project 'late-flights'"):
        trace(project, f"bento:{tag}")
    with pytest.raises(PipelineError, match="Nothing is known of"):
        trace(project, tag)
