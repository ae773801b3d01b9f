"""Versions, what points at them, its history, and the services that report."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from roadworthy.errors import StateError
from roadworthy.records import Deployment, GateCheck, GateVerdict, HistoryEntry, MetricReading, ModelVersion
from roadworthy.state import State

JANUARY = datetime(2013, 1, 1, tzinfo=UTC)


def version(tag: str, created: datetime = JANUARY) -> ModelVersion:
    gate = GateVerdict(checks=(GateCheck(name="owners", passed=True, fact="all named"),))
    reading = MetricReading(metric="roc_auc", value=0.7, low=0.6, high=0.8, n=100)
    return ModelVersion(
        tag=tag, created=created, run_id="r", metrics={"roc_auc": reading}, gate=gate, contract_hash="", model_hash=""
    )


def test_a_version_is_added_once(state: State) -> None:
    state.add_version(version("m:1"))
    state.add_version(version("m:2", JANUARY + timedelta(days=1)))
    with pytest.raises(StateError, match="m:1 is on record already"):
        state.add_version(version("m:1"))
    assert state.version("m:1") == version("m:1")
    assert state.version("m:9") is None
    assert [v.tag for v in state.versions()] == ["m:2", "m:1"]


def test_moving_an_alias_writes_the_history(state: State, entry: Callable[..., HistoryEntry]) -> None:
    assert state.alias("champion") is None
    first = state.move_alias("champion", "m:1", entry(reason="first"))
    second = state.move_alias("champion", "m:2", entry(version_from="what was thought"))
    state.move_alias("challenger", "m:3", entry(action="release"))
    state.append_history(entry(action="refuse", version_to="m:4"))
    alias = state.alias("champion")
    assert alias is not None
    assert (alias.version, alias.since) == ("m:2", second.at)
    assert [(h.action, h.version_from, h.version_to) for h in state.history()] == [
        ("refuse", None, "m:4"),
        ("release", None, "m:3"),
        ("promote", "m:1", "m:2"),
        ("promote", None, "m:1"),
    ]
    assert state.history()[3] == first
    assert len(state.history(limit=2)) == 2


def test_deployments_report_and_are_forgotten(state: State) -> None:
    def deployment(name: str, age: float, problem: str | None = None) -> Deployment:
        beat = datetime.now(UTC) - timedelta(seconds=age)
        return Deployment(id=name, pid=1, version="m:1", since=JANUARY, heartbeat=beat, problem=problem)

    state.heartbeat(deployment("a", 500))
    state.heartbeat(deployment("b", 500))
    state.heartbeat(deployment("b", 1, "cannot load m:2"))
    assert [(d.id, d.problem) for d in state.deployments(within_seconds=60)] == [("b", "cannot load m:2")]
    assert [d.id for d in state.deployments()] == ["a", "b"]
    state.forget_deployment("b")
    assert [d.id for d in state.deployments()] == ["a"]
