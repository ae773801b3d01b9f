"""Batches and runs come back as they went in."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from roadworthy.records import Ingestion, RunRecord, TaskRecord
from roadworthy.state import State

JANUARY = datetime(2013, 1, 1, tzinfo=UTC)


def ingestion(batch: str, dataset: str = "flights", rows: int = 3) -> Ingestion:
    return Ingestion(
        dataset=dataset, batch=batch, source="a.csv", rows=rows, accepted=rows, quarantined=0, table_version=0
    )


def test_a_batch_is_recorded_once(state: State) -> None:
    first, again = ingestion("b1"), ingestion("b1", rows=99)
    assert state.ingestion("flights", "b1") is None
    assert state.record_ingestion(first) == first
    assert state.record_ingestion(again) == first
    state.record_ingestion(ingestion("b1", "weather"))
    assert state.ingestion("flights", "b1") == first
    assert [(i.dataset, i.batch) for i in state.ingestions()] == [("weather", "b1"), ("flights", "b1")]
    assert state.ingestions("flights") == [first]
    assert len(state.ingestions(limit=1)) == 1


def test_runs_are_replaced_by_id_and_listed_newest_first(state: State, run: Callable[..., RunRecord]) -> None:
    task = TaskRecord(name="train", state="done", started=JANUARY, seconds=1.5, source="n.ipynb", source_hash="h")
    assert state.last_run() is None
    state.save_run(run("r1", state="running"))
    state.save_run(run("r1", tasks=(task,), metrics={"auc": math.nan, "odds": math.inf}, parameters={"a": [1, None]}))
    state.save_run(run("r2", JANUARY + timedelta(hours=1)))
    assert [r.id for r in state.runs()] == ["r2", "r1"]
    newest, kept = state.last_run(), state.run("r1")
    assert newest is not None
    assert newest.id == "r2"
    assert kept is not None
    assert (kept.state, kept.tasks, kept.parameters) == ("done", (task,), {"a": [1, None]})
    assert math.isnan(kept.metrics["auc"])
    assert kept.metrics["odds"] == math.inf
    assert state.run("nobody") is None


def test_moments_are_compared_in_utc_whatever_zone_they_came_in(state: State, run: Callable[..., RunRecord]) -> None:
    new_york = JANUARY.astimezone(datetime.strptime("-0500", "%z").tzinfo)
    state.save_run(run("late", JANUARY + timedelta(hours=1)))
    state.save_run(run("early", new_york))
    assert [r.id for r in state.runs()] == ["late", "early"]
