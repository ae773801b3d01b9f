"""Versions as users see them: what is kept and why, and that a vacuum and a way back heed it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pandas as pd
import pytest

from roadworthy.data import versions
from roadworthy.errors import TableError
from roadworthy.records import GateVerdict, ModelVersion, RunRecord, TaskRecord, now
from roadworthy.state import State
from roadworthy.tables import Tables

NOW = timedelta(0)


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(str(tmp_path / "tables"))


@pytest.fixture
def add(tables: Tables) -> Callable[[int], int]:
    return lambda value: tables.append("flights", pd.DataFrame({"n": [value]}))


def run(name: str, state: str = "done", **tables: dict[str, int]) -> RunRecord:
    task = TaskRecord(
        name="train",
        state="done",
        started=now(),
        seconds=1.0,
        source="train.ipynb",
        source_hash="",
        reads=tables.get("reads", {}),
    )
    return RunRecord(
        id=name,
        project="late-flights",
        state=state,
        started=now(),
        tables=tables.get("tables", {}),
        as_of=tables.get("as_of", {}),
        tasks=(task,),
    )


def model(tag: str, run_id: str, **tables: int) -> ModelVersion:
    return ModelVersion(
        tag=tag,
        created=now(),
        run_id=run_id,
        gate=GateVerdict(checks=()),
        contract_hash="",
        tables=tables,
        model_hash="",
    )


def test_kept_is_what_models_runs_and_pins_need_and_why(
    state: State, tables: Tables, add: Callable[[int], int]
) -> None:
    for value in range(7):
        add(value)
    state.save_run(run("r1", reads={"flights": 2}, tables={"flights": 1}))
    state.save_run(run("r2", reads={"flights": 3}))
    state.save_run(run("r3", state="running", as_of={"flights": 4}))
    state.add_version(model("late-flights:a", "r1", flights=1))
    state.add_version(model("late-flights:b", "lost", weather=6))
    versions.pin(tables, state, "flights", "paper 2026", who="ann", version=5)
    versions.pin(tables, state, "flights", "good", who="bob", version=1)
    assert versions.protected(state, "flights") == {
        1: ("model late-flights:a comes from it", "pinned as 'good' by bob"),
        2: ("model late-flights:a comes from it",),
        4: ("run r3 is under way",),
        5: ("pinned as 'paper 2026' by ann",),
    }
    assert versions.protected(state, "weather") == {6: ("model late-flights:b comes from it",)}


def test_a_vacuum_leaves_what_is_kept_readable(state: State, tables: Tables, add: Callable[[int], int]) -> None:
    for value in range(5):
        add(value)
    state.save_run(run("r1", reads={"flights": 2}))
    state.add_version(model("late-flights:a", "r1", flights=2))
    pinned = versions.pin(tables, state, "flights", "good", who="bob", version=3)
    then = {version: tables.read("flights", version=version) for version in (2, 3)}
    tables.compact("flights")
    plan = versions.vacuum(tables, state, "flights", older_than=NOW, dry_run=True)
    assert (plan.vacuum.files, plan.vacuum.dry_run) == (2, True)
    assert plan.kept[6] == ("it is the newest",)
    done = versions.vacuum(tables, state, "flights", older_than=NOW, dry_run=False)
    assert (done.vacuum.files, done.lost, tuple(done.kept)) == (2, (), (2, 3, 6))
    for version, rows in then.items():
        pd.testing.assert_frame_equal(tables.read("flights", version=version), rows)
    log = versions.log(tables, state, "flights")
    assert {entry.version: entry.readable for entry in log} == {
        6: True,
        5: False,
        4: False,
        3: True,
        2: True,
        1: True,
        0: True,
    }
    assert {entry.version: entry.kept for entry in log if entry.kept} == done.kept
    assert versions.unpin(state, "flights", "good") == pinned
    versions.vacuum(tables, state, "flights", older_than=NOW, dry_run=False)
    assert tables.readable("flights", [2, 3]) == {2}


def test_a_version_that_cannot_be_kept_is_told(state: State, tables: Tables, add: Callable[[int], int]) -> None:
    add(1)
    second = add(2)
    tables.compact("flights")
    versions.vacuum(tables, state, "flights", older_than=NOW, dry_run=False)
    state.add_version(model("late-flights:a", "r1", flights=second))
    state.add_version(model("late-flights:b", "r1", flights=99))
    assert versions.vacuum(tables, state, "flights", older_than=NOW, dry_run=True).lost == (second,)
    with pytest.raises(TableError, match="Version 2 of table 'flights' is gone"):
        versions.pin(tables, state, "flights", "good", who="bob", version=second)
    assert state.pins() == []


def test_going_back_says_what_it_did(tables: Tables, add: Callable[[int], int]) -> None:
    first = add(1)
    add(2)
    done = versions.restore(tables, "flights", first, who="ann", reason="bad day")
    assert (done.version, done.rows, done.former, done.former_rows) == (3, 1, 2, 2)
    assert "has the 1 rows of version 1 again" in done.words
    assert (tables.log("flights")[0].who, tables.log("flights")[0].reason) == ("ann", "bad day")
    assert "nothing was done" in versions.restore(tables, "flights", 3).words
    with pytest.raises(TableError, match="no version 9"):
        versions.restore(tables, "flights", 9)


def test_a_pin_is_of_a_version_that_is_there_and_has_a_name_of_its_own(
    state: State, tables: Tables, add: Callable[[int], int]
) -> None:
    add(1)
    newest = add(2)
    assert versions.pin(tables, state, "flights", " good ", who="ann").version == newest
    versions.pin(tables, state, "flights", "good", who="ann", version=1)
    assert [(pin.name, pin.version) for pin in state.pins("flights")] == [("good", 1)]
    for name in ("", "12", "flights=12", "a,b"):
        with pytest.raises(TableError, match="cannot name a pin"):
            versions.pin(tables, state, "flights", name, who="ann")
    with pytest.raises(TableError, match="no version 99"):
        versions.pin(tables, state, "flights", "late", who="ann", version=99)
    with pytest.raises(TableError, match="There is no table 'other'"):
        versions.pin(tables, state, "other", "late", who="ann")
    with pytest.raises(TableError, match=r"has no pin 'bad'.\nNext: Name one of its pins \('good'\)"):
        versions.unpin(state, "flights", "bad")


def test_tables_that_are_no_datasets_are_cleaned_too(state: State, tables: Tables) -> None:
    for value in range(3):
        tables.append("flights_quarantine", pd.DataFrame({"row": [value]}))
    tables.compact("flights_quarantine")
    done = versions.vacuum(tables, state, "flights_quarantine", older_than=NOW, dry_run=False)
    assert done.vacuum.files == 3
    assert sorted(tables.read("flights_quarantine")["row"]) == [0, 1, 2]
