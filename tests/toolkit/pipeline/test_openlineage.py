"""Events of runs and tasks, as a real collector receives them and as the standard's own classes read them."""

from __future__ import annotations

import importlib
import json
import pkgutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from openlineage.client import event_v2, generated
from openlineage.client.serde import Serde

from roadworthy import config as configuration
from roadworthy.config import Config
from roadworthy.errors import ConfigError
from roadworthy.pipeline.openlineage import Events
from roadworthy.records import RunRecord, TaskRecord

START = datetime(2030, 1, 1, tzinfo=UTC)
COMMIT = "a" * 40
TRAIN = TaskRecord(
    name="train",
    state="done",
    started=START,
    seconds=2,
    source="notebooks/train me.ipynb",
    source_hash="s",
    parameters={"seed": 3, "note": "a"},
    inputs={"products/features.parquet": "f1"},
    reads={"flights": 7, "notes": 1},
    products={"products/model.skops": "m1"},
    writes={"scores": 2},
)
RUN = RunRecord(
    id="20300101-000000-abcd",
    project="late-flights",
    state="running",
    started=START,
    git_commit=COMMIT,
    git_dirty=True,
    environment={"ploomber": "0.23.3"},
    parameters={"products": "products"},
    contract_version="1.0.0",
    contract_hash="c1",
)


def told(root: Path, to: str, **settings: str) -> Config:
    """Write where events go into pyproject.toml, as a user does."""
    lines = "".join(f'{name} = "{value}"\n' for name, value in {"to": to, **settings}.items())
    pyproject = root / "pyproject.toml"
    pyproject.write_text(pyproject.read_text() + f"\n[tool.roadworthy.openlineage]\n{lines}")
    return configuration.load(root)


def read(path: Path) -> list[dict[str, Any]]:
    found = [json.loads(line) for line in path.read_text().splitlines()]
    for event in found:
        check(event)
    return found


def check(event: dict[str, Any]) -> None:
    """Read an event by the package's own classes: an unknown or missing key, or a value of a wrong form, raises."""
    run, job = dict(event["run"]), dict(event["job"])
    rebuilt = event_v2.RunEvent(
        eventType=event_v2.RunState(event["eventType"]),
        eventTime=event["eventTime"],
        producer=event["producer"],
        run=event_v2.Run(**run),
        job=event_v2.Job(**job),
        inputs=[event_v2.InputDataset(**dataset) for dataset in event["inputs"]],
        outputs=[event_v2.OutputDataset(**dataset) for dataset in event["outputs"]],
    )
    assert Serde.to_dict(rebuilt) == event
    classes = facet_classes()
    for part in (run, job, *event["inputs"], *event["outputs"]):
        for facet in part["facets"].values():
            kind = classes[facet["_schemaURL"].rpartition("/")[2]]
            values = {name: value for name, value in facet.items() if not name.startswith("_")}
            assert Serde.to_dict(kind(**values, producer=facet["_producer"])) == facet


def facet_classes() -> dict[str, Any]:
    modules = [
        importlib.import_module(f"{generated.__name__}.{m.name}") for m in pkgutil.iter_modules(generated.__path__)
    ]
    return {name: kind for module in modules for name, kind in vars(module).items() if name.endswith("Facet")}


def facets(part: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = part["facets"][name]
    return {key: value for key, value in found.items() if not key.startswith("_")}


def a_run(config: Config) -> list[dict[str, Any]]:
    """Tell of a run of one task, and return what the file holds."""
    events = Events(config)
    events.started(RUN)
    events.task_started(RUN, "train", TRAIN.inputs)
    events.task_ended(RUN, TRAIN)
    events.ended(RUN.model_copy(update={"state": "done", "ended": START + timedelta(seconds=3), "tasks": (TRAIN,)}))
    assert events.close() is None
    return read(config.path(config.settings.openlineage.to))


def test_a_run_and_its_task_are_told_from_start_to_end(root: Path) -> None:
    found = a_run(told(root, "lineage/events.jsonl"))
    kinds = [(event["eventType"], event["job"]["name"]) for event in found]
    assert kinds == [
        ("START", "late-flights"),
        ("START", "late-flights.train"),
        ("COMPLETE", "late-flights.train"),
        ("COMPLETE", "late-flights"),
    ]
    assert {event["job"]["namespace"] for event in found} == {"late-flights"}
    begun, task_begun, task_ended, ended = found
    assert begun["run"]["runId"] == ended["run"]["runId"] != task_begun["run"]["runId"] == task_ended["run"]["runId"]
    assert facets(task_ended["run"], "parent")["run"]["runId"] == begun["run"]["runId"]
    assert task_ended["eventTime"] == "2030-01-01T00:00:02+00:00"
    tags = {tag["key"]: tag["value"] for tag in facets(ended["run"], "tags")["tags"]}
    assert tags["roadworthy_run"] == RUN.id
    assert tags["git_dirty"] == "true"
    assert facets(begun["job"], "jobType")["jobType"] == "DAG"
    assert facets(task_ended["job"], "jobType")["jobType"] == "TASK"
    assert facets(begun["run"], "processing_engine")["name"] == "ploomber"
    assert facets(begun["job"], "ownership")["owners"] == [
        {"name": "Punctuality team <punctuality@example.org>", "type": "model"}
    ]
    given = facets(task_ended["run"], "executionParameters")["parameters"]
    assert [(each["key"], each["value"]) for each in given] == [("seed", "3"), ("note", "a")]


def test_files_go_by_their_content_and_tables_by_their_version_and_columns(root: Path) -> None:
    ended = a_run(told(root, "events.jsonl", namespace="airline"))[2]
    inputs = {dataset["name"]: dataset for dataset in ended["inputs"]}
    assert list(inputs) == ["products/features.parquet", "flights", "notes"]
    assert {dataset["namespace"] for dataset in (*ended["inputs"], *ended["outputs"])} == {"airline"}
    assert facets(inputs["products/features.parquet"], "version") == {"datasetVersion": "f1"}
    assert facets(inputs["flights"], "version") == {"datasetVersion": "7"}
    columns = {field["name"]: field for field in facets(inputs["flights"], "schema")["fields"]}
    assert columns["scheduled_departure"]["type"] == "timestamp"
    assert columns["flight_id"]["ordinal_position"] == 1
    assert facets(inputs["flights"], "ownership")["owners"][0]["type"] == "data"
    assert "schema" not in inputs["notes"]["facets"]
    assert [dataset["name"] for dataset in ended["outputs"]] == ["products/model.skops", "scores"]
    assert facets(ended["outputs"][1], "storage") == {"storageLayer": "delta", "fileFormat": "parquet"}


def test_a_table_on_an_object_store_goes_by_its_address_too(root: Path) -> None:
    pyproject = root / "pyproject.toml"
    text = pyproject.read_text().replace(
        "[tool.roadworthy]\n", '[tool.roadworthy]\ntables = "s3://bucket/deep/tables"\n'
    )
    pyproject.write_text(text)
    ended = a_run(told(root, "events.jsonl"))[2]
    scores = next(dataset for dataset in ended["outputs"] if dataset["name"] == "scores")
    assert facets(scores, "symlinks")["identifiers"] == [
        {"namespace": "s3://bucket", "name": "deep/tables/scores", "type": "TABLE"}
    ]


def test_the_source_is_told_with_its_commit_and_no_password(root: Path) -> None:
    git = ["git", "-C", str(root)]
    subprocess.run([*git, "init", "--quiet"], check=True)
    unknown = a_run(told(root, "unknown.jsonl"))[2]
    place = facets(unknown["job"], "sourceCodeLocation")
    assert (place["url"], place["version"]) == (f"git:{COMMIT}:notebooks/train%20me.ipynb", COMMIT)
    subprocess.run([*git, "remote", "add", "origin", "https://ada:pw-9@example.org/air/line.git"], check=True)
    pyproject = root / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace("unknown.jsonl", "known.jsonl"))
    known = a_run(configuration.load(root))[2]
    place = facets(known["job"], "sourceCodeLocation")
    assert place["url"] == f"https://example.org/air/line/blob/{COMMIT}/notebooks/train%20me.ipynb"
    assert place["repoUrl"] == "https://example.org/air/line.git"
    assert "pw-9" not in (root / "known.jsonl").read_text()


def test_a_failure_says_why(root: Path) -> None:
    config = told(root, "events.jsonl")
    events = Events(config)
    failed = TRAIN.model_copy(update={"state": "failed", "error": "Task 'train' failed in cell 3.", "products": {}})
    events.task_started(RUN, "train", {})
    events.task_ended(RUN, failed)
    events.ended(RUN.model_copy(update={"state": "failed", "ended": START, "tasks": (failed,)}))
    assert events.close() is None
    _, task, run = read(root / "events.jsonl")
    assert (task["eventType"], run["eventType"]) == ("FAIL", "FAIL")
    for event in (task, run):
        assert facets(event["run"], "errorMessage")["message"] == "Task 'train' failed in cell 3."


def test_an_interruption_aborts_what_was_running(root: Path) -> None:
    events = Events(told(root, "events.jsonl"))
    events.task_started(RUN, "train", {})
    events.task_started(RUN, "plot", {})
    events.task_ended(RUN, TRAIN.model_copy(update={"state": "failed", "error": "interrupted"}), aborted=True)
    events.task_ended(RUN, TRAIN.model_copy(update={"name": "later", "state": "skipped"}))
    events.ended(RUN.model_copy(update={"state": "interrupted"}))
    assert events.close() is None
    kinds = [(event["eventType"], event["job"]["name"]) for event in read(root / "events.jsonl")[2:]]
    assert kinds == [("ABORT", "late-flights.train"), ("ABORT", "late-flights.plot"), ("ABORT", "late-flights")]


def test_run_ids_are_the_same_whenever_they_are_made(root: Path) -> None:
    first, second = a_run(told(root, "events.jsonl")), a_run(configuration.load(root))
    assert [event["run"]["runId"] for event in second[4:]] == [event["run"]["runId"] for event in first]


def test_nothing_is_imported_or_written_where_nobody_listens(root: Path) -> None:
    before = sorted(root.rglob("*"))
    program = """
import sys
from pathlib import Path
from roadworthy import config
from roadworthy.pipeline.openlineage import Events
from roadworthy.records import RunRecord, now
events = Events(config.load(Path(sys.argv[1])))
run = RunRecord(id="r", project="p", state="running", started=now())
events.started(run)
events.task_started(run, "train", {})
events.ended(run)
assert events.close() is None
print([name for name in sys.modules if name.split(".")[0] in ("openlineage", "httpx", "requests")])
"""
    done = subprocess.run([sys.executable, "-c", program, root], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
    assert sorted(root.rglob("*")) == before


@pytest.mark.parametrize("to", ["ftp://example.org/x", "http://"])
def test_what_is_no_file_and_no_address_is_refused(root: Path, to: str) -> None:
    with pytest.raises(ConfigError, match=r"openlineage\.to: '.*' is neither a file nor an http"):
        Events(told(root, to))
