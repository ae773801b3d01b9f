"""Alerts: one a cause, sent by one at a time, and what people do about them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from roadworthy.records import Alert, Finding, now
from roadworthy.state import State


def deliver(state: State, alert: Alert, error: str = "") -> bool:
    claim = now() + timedelta(minutes=1)
    assert state.claim_delivery(alert.id, now(), claim)
    return state.record_delivery(alert.id, claim, reached=("file", "json"), error=error, next_attempt=None)


def test_a_cause_has_one_open_alert(state: State, finding: Callable[..., Finding]) -> None:
    first, new = state.raise_alert(finding("drift"), "desk")
    assert (new, first.count, first.delivered, first.owner) == (True, 1, False, "desk")
    assert deliver(state, first)
    again, new = state.raise_alert(finding("drift", "it moved on"), "new desk")
    assert (new, again.count, again.delivered, again.reached) == (False, 2, True, ("file", "json"))
    assert (again.message, again.owner, again.since) == ("it moved on", "new desk", first.since)
    assert again.updated >= first.updated
    state.raise_alert(finding("quality"), "desk")
    assert [a.cause for a in state.open_alerts()] == ["quality", "drift"]


def test_an_alert_that_has_become_more_severe_is_new_to_its_owner(
    state: State, finding: Callable[..., Finding]
) -> None:
    first, _ = state.raise_alert(finding("drift"), "desk")
    deliver(state, first)
    state.acknowledge_alert(first.id, "ann", "seen")
    calmer, _ = state.raise_alert(finding("drift").model_copy(update={"severity": "info"}), "desk")
    assert (calmer.severity, calmer.delivered, calmer.acknowledged_by) == ("info", True, "ann")
    worse, new = state.raise_alert(finding("drift").model_copy(update={"severity": "critical"}), "desk")
    assert (new, worse.id, worse.delivered, worse.reached, worse.acknowledged) == (False, first.id, False, (), None)


def test_an_alert_is_sent_by_one_at_a_time(state: State, finding: Callable[..., Finding]) -> None:
    alert, _ = state.raise_alert(finding("drift"), "desk")
    moment, claim = now(), now() + timedelta(minutes=1)
    assert state.claim_delivery(alert.id, moment, claim)
    assert not state.claim_delivery(alert.id, moment, claim)
    assert state.escalate_alert(alert.id, moment)
    assert not state.escalate_alert(alert.id, moment)
    late = state.record_delivery(alert.id, claim, reached=("owner",), error="", next_attempt=None)
    assert not late  # it has gone on to the backup meanwhile
    claimed_again = claim + timedelta(minutes=1)
    assert state.claim_delivery(alert.id, moment, claimed_again)
    assert state.record_delivery(alert.id, claimed_again, reached=(), error="no", next_attempt=claim)
    (kept,) = state.open_alerts()
    assert (kept.delivered, kept.error, kept.attempts, kept.next_attempt) == (False, "no", 1, claim)


def test_what_people_do_about_an_alert_is_kept(state: State, finding: Callable[..., Finding]) -> None:
    alert, _ = state.raise_alert(finding("drift"), "desk")
    acknowledged = state.acknowledge_alert(alert.id, "ann", "seen")
    assert acknowledged is not None
    assert (acknowledged.acknowledged_by, acknowledged.note) == ("ann", "seen")
    assert not state.escalate_alert(alert.id, now())
    until = now() + timedelta(hours=1)
    muted = state.mute_alert(alert.id, "bob", "later", until)
    assert muted is not None
    assert muted.muted(now())
    assert not muted.muted(until)
    closed = state.close_alert(alert.id, "cy", "mended")
    assert closed is not None
    assert (closed.resolved_by, closed.note) == ("cy", "mended")
    assert state.close_alert(alert.id, "cy", "") is None
    assert state.acknowledge_alert(99, "ann", "") is None
    again, _ = state.raise_alert(finding("drift"), "desk")
    assert (again.muted_until, again.muted_by, again.acknowledged) == (
        until,
        "bob",
        None,
    )  # the cause rests, not the row


def test_that_an_alert_is_over_is_said_by_one_at_a_time_and_once(state: State, finding: Callable[..., Finding]) -> None:
    alert, _ = state.raise_alert(finding("drift"), "desk")
    moment = now()
    claim = moment + timedelta(minutes=1)
    assert state.claim_delivery(alert.id, moment, claim)
    assert state.record_delivery(alert.id, claim, reached=("one",), error="", next_attempt=None)
    assert not state.claim_all_clear(alert.id, moment, claim)  # it is not over
    state.resolve_alert("drift")
    assert [over.id for over in state.alerts_over(moment)] == [alert.id]
    assert state.alerts_over(now() + timedelta(seconds=1)) == []
    assert [state.claim_all_clear(alert.id, moment, claim) for _ in range(2)] == [True, False]
    again = {"cleared": ("one",), "error": "two not", "at": None, "next_attempt": moment}
    assert state.record_all_clear(alert.id, claim, **again)
    assert [(over.cleared, over.error, over.attempts) for over in state.alerts_over(moment)] == [
        (("one",), "two not", 1)
    ]
    assert state.claim_all_clear(alert.id, moment, claim)
    done = {"cleared": ("one", "two"), "error": "", "at": moment, "next_attempt": None}
    assert state.record_all_clear(alert.id, claim, **done)
    assert state.alerts_over(moment) == []
    state.raise_alert(finding("drift"), "desk")
    state.resolve_alert("drift", "ann")
    assert state.alerts_over(moment) == []  # nobody had it, and a person saw to it


def test_a_resolved_cause_can_open_again(state: State, finding: Callable[..., Finding]) -> None:
    state.raise_alert(finding("drift"), "desk")
    state.resolve_alert("drift")
    state.resolve_alert("never raised")
    assert state.open_alerts() == []
    again, new = state.raise_alert(finding("drift"), "desk")
    assert (new, again.count) == (True, 1)
    assert [a.resolved is None for a in state.alerts()] == [True, False]
    assert len(state.alerts(limit=1)) == 1
