"""Runs by name, and what changed between two of them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from roadworthy.errors import PipelineError
from roadworthy.pipeline import runs
from roadworthy.pipeline.runs import RunDiff, TaskDiff
from roadworthy.records import RunRecord, TaskRecord
from roadworthy.state import State

START = datetime(2030, 1, 1, tzinfo=UTC)


def task(name: str, made: str = "1", *, folder: str = "products", **told: object) -> TaskRecord:
    """A task that made one file; by default its content goes by its name."""
    known = {
        "name": name,
        "state": "done",
        "started": START,
        "seconds": 1.0,
        "source": f"notebooks/{name}.ipynb",
        "source_hash": "s",
        "code_hash": f"{name} code",
        "products": {f"{folder}/{name}.json": f"{name} {made}"},
    }
    return TaskRecord.model_validate(known | told)


def run(state: State, day: int, /, *tasks: TaskRecord, **told: object) -> RunRecord:
    known: dict[str, Any] = {
        "id": f"run-{day}",
        "project": "late-flights",
        "state": "done",
        "started": START + timedelta(days=day),
        "ended": START + timedelta(days=day, seconds=day),
        "parameters": {"products": "products"},
        "tasks": tasks,
    }
    found = RunRecord.model_validate(known | told)
    state.save_run(found)
    return found


def words(changes: tuple[runs.Change, ...]) -> list[str]:
    return [change.words for change in changes]


def of(diff: RunDiff, name: str) -> TaskDiff:
    (found,) = [each for each in diff.tasks if each.name == name]
    return found


# --- by name


def test_a_run_goes_by_its_id_a_beginning_of_it_and_its_place(state: State) -> None:
    for day in range(3):
        run(state, day, id=f"2030010{day}-120000-abcd")
    newest = state.runs()[0]
    assert runs.find(state, "last") == runs.find(state, "last~0") == runs.find(state, "20300102") == newest
    assert runs.find(state, "last~2").id == "20300100-120000-abcd"
    assert runs.find(state, "20300101-120000-abcd").id == "20300101-120000-abcd"


def test_an_id_that_is_the_beginning_of_another_is_found(state: State) -> None:
    run(state, 1, id="run")
    run(state, 2, id="run-2")
    assert runs.find(state, "run").id == "run"


@pytest.mark.parametrize(
    ("name", "fact"),
    [
        ("2030", "'2030' is the beginning of 2 runs: 2030b, 2030a"),
        ("2031", "No run goes by '2031'"),
        ("", "No run goes by ''"),
        ("last~2", "There is no run 'last~2': 2 on record"),
    ],
)
def test_a_name_of_none_or_several_is_refused(state: State, name: str, fact: str) -> None:
    run(state, 1, id="2030a")
    run(state, 2, id="2030b")
    with pytest.raises(PipelineError, match=fact):
        runs.find(state, name)


def test_without_runs_the_next_step_is_to_build(state: State) -> None:
    with pytest.raises(PipelineError, match="No run is on record") as caught:
        runs.find(state, "last")
    assert caught.value.next_step == "Run `roadworthy build` first."


# --- what changed


def test_nothing_changed_between_two_equal_runs(state: State) -> None:
    diff = runs.diff(state, run(state, 1, task("a")), run(state, 2, task("a")))
    assert diff.same
    assert [(each.name, each.kind) for each in diff.tasks] == [("a", "same")]
    assert (diff.seconds.before, diff.seconds.after, diff.seconds.difference) == (1, 2, 1)


def test_parameters_contract_environment_commit_and_metrics(state: State) -> None:
    first = run(
        state,
        1,
        parameters={"products": "products", "seed": 1, "old": True},
        contract_version="1.0.0",
        contract_hash="c1",
        environment={"python": "3.11.7", "numpy": "2.1.0", "pandas": "3.0.0"},
        git_commit="aaa",
        metrics={"auc": 0.7, "brier": 0.2},
        tasks=(task("a", parameters={"seed": 1}),),
    )
    second = run(
        state,
        2,
        parameters={"products": "products", "seed": 2, "new": [1]},
        contract_version="1.1.0",
        contract_hash="c2",
        environment={"python": "3.12.1", "numpy": "2.1.0", "skops": "0.13"},
        git_commit="aaa",
        git_dirty=True,
        as_of={"flights": 3},
        jobs=4,
        metrics={"auc": 0.75},
        tasks=(task("a", parameters={"seed": 2}),),
    )
    diff = runs.diff(state, first, second)
    assert not diff.same
    assert words(diff.parameters) == ["new: added, [1]", "old: removed, True", "seed: 1 -> 2"]
    assert words(diff.contract) == ["hash: c1 -> c2", "version: 1.0.0 -> 1.1.0"]
    assert words(diff.environment) == ["pandas: removed, 3.0.0", "python: 3.11.7 -> 3.12.1", "skops: added, 0.13"]
    assert words(diff.commit) == ["uncommitted changes: False -> True"]
    assert words(diff.as_of) == ["flights: added, 3"]
    assert words(diff.run) == ["jobs: 1 -> 4"]
    assert words(of(diff, "a").parameters) == ["seed: 1 -> 2"]
    auc, brier = diff.metrics
    assert auc.difference == pytest.approx(0.05)
    assert (brier.before, brier.after, brier.difference) == (0.2, None, None)
    assert RunDiff.model_validate_json(json.dumps(diff.model_dump(mode="json"))) == diff


def test_code_is_compared_by_cell(state: State) -> None:
    state.keep_source("k1", ["import pandas", "fit(depth=3)"])
    state.keep_source("k2", ["import pandas", "fit(depth=5)", "plot()"])
    first, second = run(state, 1, task("a", code_hash="k1")), run(state, 2, task("a", code_hash="k2"))
    found = of(runs.diff(state, first, second), "a")
    assert (found.kind, found.code_changed) == ("changed", True)
    assert [change.words for change in found.code] == ["code cell 2 changed", "code cell 3 added"]
    assert "-fit(depth=3)\n+fit(depth=5)" in found.code[0].diff


def test_code_that_was_not_kept_is_said_to_have_changed(state: State) -> None:
    first = run(state, 1, task("a", code_hash="", source_hash="s1"))
    second = run(state, 2, task("a", code_hash="", source_hash="s2"))
    found = of(runs.diff(state, first, second), "a")
    assert found.code_changed
    assert found.notes == ("its code changed; it was not kept by cell for both runs",)


def test_data_is_compared_by_version_and_by_content(state: State) -> None:
    first = run(
        state,
        1,
        task("load", "1", inputs={"raw/planes.csv": "p1"}, reads={"flights": 3}, writes={"clean": 1}),
        task("fit", inputs={"products/load.json": "load 1"}),
    )
    second = run(
        state,
        2,
        task("load", "2", inputs={"raw/planes.csv": "p2"}, reads={"flights": 5}, writes={"clean": 2}),
        task("fit", inputs={"products/load.json": "load 2"}),
    )
    diff = runs.diff(state, first, second)
    assert words(diff.reads) == ["flights: 3 -> 5"]
    assert words(diff.writes) == ["clean: 1 -> 2"]
    assert words(diff.inputs) == ["raw/planes.csv: p1 -> p2"]
    assert words(of(diff, "load").products) == ["products/load.json: load 1 -> load 2"]
    assert words(of(diff, "fit").inputs) == ["products/load.json: load 1 -> load 2"]


def test_cost_and_outcome_of_each_task(state: State) -> None:
    first = run(state, 1, task("a", seconds=2.0, peak_memory=100, kernel="warm"))
    failed = task("a", seconds=5.0, peak_memory=300, kernel="plain", state="failed", error="no", attempts=3)
    second = run(state, 2, failed, state="failed")
    diff = runs.diff(state, first, second)
    assert words(diff.run) == ["state: done -> failed"]
    found = of(diff, "a")
    assert (found.seconds.difference, found.peak_memory.difference) == (3.0, 200.0)
    assert words(found.execution) == [
        "attempts: 1 -> 3",
        "error: added, no",
        "kernel: warm -> plain",
        "state: done -> failed",
    ]


def test_a_fresh_task_is_compared_by_what_the_run_built_on(state: State) -> None:
    first = run(state, 1, task("a", "1"), task("b", "1"), metrics={"auc": 0.7})
    run(state, 2, task("a", "2", seconds=9.0), metrics={"rows": 5})
    third = run(state, 3, task("b", "2", inputs={"products/a.json": "a 2"}), metrics={"auc": 0.8})
    run(state, 4, task("a", "4"))
    diff = runs.diff(state, first, third)
    found = of(diff, "a")
    assert (found.before_run, found.after_run) == ("run-1", "run-2")
    assert words(found.products) == ["products/a.json: a 1 -> a 2"]
    assert found.notes == ("not executed in run-3; what run run-2 made of it is compared",)
    assert found.seconds.after == 9.0
    assert [(each.name, each.before, each.after) for each in diff.metrics] == [("auc", 0.7, 0.8), ("rows", None, 5)]


def test_a_task_that_both_runs_built_on_is_not_told_again(state: State) -> None:
    run(state, 1, task("a"), task("b"))
    second, third = run(state, 2, task("b", "2")), run(state, 3, task("b", "3"))
    assert [each.name for each in runs.diff(state, second, third).tasks] == ["b"]


def test_tasks_come_and_go(state: State) -> None:
    first = run(state, 1, task("a", "1"), task("b", inputs={"products/a.json": "a 1"}))
    second = run(state, 2, task("a", "2"), task("c"))
    diff = runs.diff(state, first, second)
    assert [(each.name, each.kind) for each in diff.tasks] == [("a", "changed"), ("b", "removed"), ("c", "added")]
    assert of(diff, "b").notes == (
        "not executed in run-2 though products/a.json changed, which it reads: it was left out",
    )
    assert not diff.same


def test_other_folders_are_compared_file_by_file(state: State) -> None:
    there = {"parameters": {"products": "products/may"}}
    first = run(state, 1, task("a"), task("b", inputs={"products/a.json": "a 1"}))
    second = run(
        state,
        2,
        task("a", folder="products/may"),
        task("b", "2", folder="products/may", inputs={"products/may/a.json": "a 1"}),
        **there,
    )
    third = run(state, 3, task("b", "3", folder="products/may"), **there)
    diff = runs.diff(state, first, second)
    assert (of(diff, "a").kind, of(diff, "b").inputs) == ("same", ())
    assert words(of(diff, "b").products) == ["{products}/b.json: b 1 -> b 2"]
    assert of(runs.diff(state, first, third), "a").after_run == "run-2"
