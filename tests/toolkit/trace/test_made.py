"""Products, back to the raw data."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from roadworthy.pipeline.content import content_hash
from roadworthy.project import Project
from roadworthy.records import Pin
from roadworthy.trace import Trace, trace

if TYPE_CHECKING:
    from conftest import Runs

Met = Callable[[Trace], dict[tuple[str, str], Trace]]


def test_a_product_is_followed_back_to_the_raw_data(project: Project, runs: Runs, met: Met) -> None:
    run = runs.whole()
    told = trace(project, "products/model.skops")
    assert (told.kind, told.name, told.facts["now"]) == ("file", "products/model.skops", "as it was")
    assert [parent.name for parent in told.parents] == ["train"]
    found = met(told)
    train, features = found["task", "train"], found["task", "features"]
    assert train.facts["run"] == features.facts["run"] == run.id
    assert features.facts["parameters"] == {"end": "2013-05-01"}
    assert [(p.kind, p.name) for p in features.parents] == [
        ("source", "notebooks/features.ipynb"),
        ("file", "products/ingest.json"),
        ("file", "raw/planes.csv"),
        ("table", "flights"),
    ]
    source = found["source", "notebooks/train.ipynb"]
    assert source.facts["code_hash"] == run.tasks[2].code_hash
    assert source.facts["uncommitted_changes"] is True
    assert source.facts["now"] == "as it was"
    raw = found["file", "raw/planes.csv"]
    assert raw.facts["origin"] == "raw: no task made it"
    assert raw.facts["owner"] == "Flight data desk <flight-data@example.org> (data)"
    assert train.facts["owner"] == "Punctuality team <punctuality@example.org> (model)"
    batch = found["batch", "b1"]
    assert (batch.facts["source"], batch.facts["rows"]) == ("b1.csv", 2)
    assert [(parent.kind, parent.name, parent.above) for parent in batch.parents] == [("task", "ingest", True)]
    assert found["task", "ingest"].facts["ingested"] == ["flights: b1.csv, batch b1"]
    environment = found["run", run.id].facts["environment"]
    assert environment["python"]
    contract = found["contract", "monitoring/contract.yaml"]
    assert (contract.facts["version"], contract.facts["now"]) == (project.contract.version, "as it was")


def test_each_thing_is_told_once_and_the_whole_is_json(project: Project, runs: Runs) -> None:
    runs.whole()
    told = trace(project, "products/metrics.json")
    text = json.dumps(told.model_dump(mode="json"))
    assert text.count('"kind": "run"') == 1
    assert Trace.model_validate_json(text).parents[0].name == "evaluate"

    def names(node: Trace) -> list[tuple[str, str]]:
        own = [] if node.above else [(node.kind, node.name)]
        return own + [name for parent in node.parents for name in names(parent)]

    assert len(names(told)) == len(set(names(told)))


@pytest.mark.parametrize("form", ["relative", "absolute", "from a folder", "product:"])
def test_a_product_may_be_named_in_several_ways(
    project: Project, runs: Runs, monkeypatch: pytest.MonkeyPatch, form: str
) -> None:
    runs.whole()
    names = {
        "relative": "products/model.skops",
        "absolute": str(project.root / "products" / "model.skops"),
        "from a folder": "model.skops",
        "product:": "product:products/model.skops",
    }
    if form != "relative":
        monkeypatch.chdir(project.root / "products")
    assert trace(project, names[form]).name == "products/model.skops"


def test_a_product_changed_by_hand_is_told(project: Project, runs: Runs) -> None:
    run = runs.whole()
    model = project.root / "products" / "model.skops"
    model.write_text("nobody's")
    told = trace(project, "products/model.skops")
    assert told.facts["now"] == "changed since"
    changed = f"it was changed after task 'train' of run {run.id} made it; no run made its content"
    assert told.facts["changed"] == changed
    assert next(iter(told.facts)) == "changed"
    assert [parent.name for parent in told.parents] == ["train"]

    model.write_text("features")
    told = trace(project, "products/model.skops")
    assert f"its content is that of products/features.parquet, as run {run.id} made it" in told.facts["changed"]
    assert [parent.name for parent in told.parents] == ["train", "products/features.parquet"]

    model.unlink()
    assert trace(project, "products/model.skops").facts["now"] == "gone"


def test_an_older_content_that_is_back_leads_to_the_run_that_made_it(project: Project, runs: Runs) -> None:
    first = runs.run(runs.task("train", {"products/model.skops": "old"}))
    second = runs.run(runs.task("train", {"products/model.skops": "new"}))
    assert trace(project, "products/model.skops").parents[0].facts["run"] == second.id
    (project.root / "products" / "model.skops").write_text("old")
    told = trace(project, "products/model.skops")
    assert told.parents[0].facts["run"] == first.id
    assert told.facts["changed"] == f"it is as run {first.id} made it; run {second.id} made another since"


def test_an_input_leads_to_who_had_made_it_by_then(project: Project, runs: Runs) -> None:
    first = runs.run(runs.task("features", {"products/features.parquet": "same"}))
    runs.run(runs.task("train", {"products/model.skops": "m"}, ("products/features.parquet",)))
    runs.run(runs.task("features", {"products/features.parquet": "same"}))
    train = trace(project, "products/model.skops").parents[0]
    features = next(parent for parent in train.parents if parent.kind == "file")
    assert features.parents[0].facts["run"] == first.id


def test_a_copied_input_is_known_by_its_content(project: Project, runs: Runs) -> None:
    made = runs.run(runs.task("export", {"products/export.csv": "a,b"}))
    (project.root / "copied.csv").write_text("a,b")
    runs.run(runs.task("train", {"products/model.skops": "m"}, ("copied.csv",)))
    train = trace(project, "products/model.skops").parents[0]
    copied = next(parent for parent in train.parents if parent.name == "copied.csv")
    assert copied.facts["origin"] == "it has the content of products/export.csv, which a task made"
    assert copied.parents[0].facts["run"] == made.id


def test_what_lies_in_a_folder_that_is_a_product_belongs_to_it(project: Project, runs: Runs) -> None:
    run = runs.run(runs.task("split", {"products/parts/a.csv": "a"}).model_copy(update={"products": {}}))
    folder = {"products/parts": content_hash(project.root / "products" / "parts")}
    project.state.add_artifacts(run.id, "split", folder)
    told = trace(project, "products/parts/a.csv")
    assert (told.name, told.facts["now"]) == ("products/parts", "as it was")


def test_a_source_that_was_edited_since_is_told_and_a_comment_is_no_edit(project: Project, runs: Runs) -> None:
    runs.run(runs.task("train", {"products/model.skops": "m"}))

    def now() -> str:
        (source,) = (p for p in trace(project, "products/model.skops").parents[0].parents if p.kind == "source")
        return str(source.facts["now"])

    path = project.root / "notebooks" / "train.ipynb"
    content = json.loads(path.read_text())
    content["metadata"]["looked_at"] = True
    path.write_text(json.dumps(content))
    assert now() == "its code as it was"
    runs.notebook("train", "something_else()")
    assert now() == "changed since"
    path.write_text("no notebook")
    assert now() == "changed since"
    path.unlink()
    assert now() == "gone"


def test_a_version_holds_the_batches_up_to_it_and_none_that_a_restore_took_away(
    project: Project, runs: Runs, met: Met
) -> None:
    first, second = runs.ingested("b1"), runs.ingested("b2")
    restored = project.tables.restore("flights", first.table_version)
    third = runs.ingested("b3")

    def batches(version: int) -> list[str]:
        name = f"products/{version}.txt"
        runs.run(runs.task("read", {name: str(version)}, reads={"flights": version}))
        found = met(trace(project, name))
        assert found["table", "flights"].facts.get("batches", 0) == sum(kind == "batch" for kind, _ in found)
        return [each for kind, each in found if kind == "batch"]

    assert batches(second.table_version) == ["b2", "b1"]
    assert batches(restored) == ["b1"]
    assert batches(third.table_version) == ["b3", "b1"]
    # a batch that was taken away and came again stands where it is now
    again = project.tables.append("flights", project.tables.read("flights", version=0), writer="batch b2", position=0)
    assert set(batches(again)) == {"b1", "b2", "b3"}
    assert batches(third.table_version) == ["b3", "b1"]


def test_a_table_that_is_gone_and_pins_are_told(project: Project, runs: Runs, met: Met) -> None:
    known = runs.ingested("b1")
    project.state.pin(Pin(dataset="flights", version=known.table_version, name="paper 2026", who="ada"))
    runs.run(runs.task("read", {"products/a.txt": "a"}, reads={"flights": known.table_version, "lost": 4}))
    found = met(trace(project, "products/a.txt"))
    assert found["table", "flights"].facts["pinned"] == ["paper 2026"]
    assert found["table", "lost"].facts["version"] == 4
    assert found["table", "lost"].parents == ()


def test_a_file_made_from_its_own_past_comes_to_an_end(project: Project, runs: Runs) -> None:
    path = "products/state.txt"
    (project.root / "products").mkdir()
    (project.root / path).write_text("start")
    for number in range(40):
        inputs = runs.task("step", {}, (path,)).inputs
        task = runs.task("step", {path: f"step {number}"}).model_copy(update={"inputs": inputs})
        runs.run(task)
    text = trace(project, path).model_dump_json()
    assert "not followed" in text
    assert Trace.model_validate_json(text).name == path


def test_code_that_a_task_reads_belongs_to_the_model_s_owner(project: Project, runs: Runs, met: Met) -> None:
    reader = project.root / "notebooks" / "reader.py"
    reader.write_text("def read(): ...")
    runs.run(runs.task("load", {"products/a.txt": "a"}, ("notebooks/reader.py",)))
    assert met(trace(project, "products/a.txt"))["file", "notebooks/reader.py"].facts["owner"].endswith("(model)")


def test_a_run_that_is_not_on_record_is_told(project: Project) -> None:
    project.state.add_artifacts("lost", "train", {"products/model.skops": "h"})
    told = trace(project, "products/model.skops")
    assert told.facts["now"] == "gone"
    assert told.parents[0].facts == {"run": "lost", "record": "not on record"}
