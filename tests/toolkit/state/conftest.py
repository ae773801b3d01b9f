"""Records for the state database to keep, with the fields that a test does not care about."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from roadworthy.records import Decision, Finding, HistoryEntry, Retraining, Rollout, RunRecord, Window, now

JANUARY = datetime(2013, 1, 1, tzinfo=UTC)


@pytest.fixture
def run() -> Callable[..., RunRecord]:
    """Make a run."""

    def make(name: str, started: datetime = JANUARY, **fields: object) -> RunRecord:
        return RunRecord.model_validate({"id": name, "project": "p", "state": "done", "started": started} | fields)

    return make


@pytest.fixture
def entry() -> Callable[..., HistoryEntry]:
    """Make an entry of the history."""

    def make(who: str = "ann", action: str = "promote", **fields: object) -> HistoryEntry:
        return HistoryEntry.model_validate({"who": who, "action": action} | fields)

    return make


@pytest.fixture
def finding() -> Callable[..., Finding]:
    """Make a finding."""

    def make(cause: str, message: str = "it moved") -> Finding:
        return Finding(cause=cause, owner="data", severity="warning", title="Drift", message=message)

    return make


@pytest.fixture
def retraining() -> Callable[..., Retraining]:
    """Make a retraining of a month's window."""

    def make(name: str = "r1", month: int = 1, champion: str = "m:1") -> Retraining:
        window = Window(start=datetime(2013, month, 1, tzinfo=UTC), end=datetime(2013, month + 1, 1, tzinfo=UTC))
        words = {"reason": "drift", "start": "2012-09-01", "end": "2013-01-01", "why": "the months before"}
        return Retraining(
            id=name, window=window, champion=champion, decision=f"d-{name}", products=f"products/{name}", **words
        )

    return make


@pytest.fixture
def decision(retraining: Callable[..., Retraining]) -> Callable[..., Decision]:
    """Make a decision about a month's window."""

    def make(month: int = 1, **fields: object) -> Decision:
        window = retraining(month=month).window
        given = {"window": window, "action": "retrain", "reason": "drift"} | fields
        return Decision.model_validate(given)

    return make


@pytest.fixture
def make_rollout() -> Callable[..., Rollout]:
    """Make a rollout."""

    def make(rollout_id: str) -> Rollout:
        moment = now()
        return Rollout(
            id=rollout_id,
            mode="canary",
            champion="m:1",
            challenger="m:2",
            steps=(0.1, 0.5),
            started=moment,
            since=moment,
            who="ada",
        )

    return make
