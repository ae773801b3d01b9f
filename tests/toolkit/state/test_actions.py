"""Decisions, the retrainings that they open, and who looks after them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from roadworthy.records import Decision, Finding, Observer, Retraining, Window, now
from roadworthy.state import State

JANUARY = datetime(2013, 1, 1, tzinfo=UTC)


def test_a_decision_gains_its_outcome(state: State, finding: Callable[..., Finding]) -> None:
    window = Window(start=JANUARY, end=JANUARY + timedelta(days=31))
    first = Decision(window=window, action="retrain", reason="drift", findings=(finding("drift"),), judged=JANUARY)
    later = Decision(window=window, action="nothing", reason="calm", at=first.at + timedelta(seconds=1))
    assert state.add_decision(first)
    assert state.add_decision(later)
    assert not state.add_decision(first.model_copy(update={"id": "again", "at": now()}))  # about the same report
    state.finish_decision(first.id, "released m:2")
    state.finish_decision("nobody", "nothing happens")
    done = first.model_copy(update={"outcome": "released m:2"})
    assert state.decisions() == [done, later]
    assert state.decision(first.id) == done
    assert state.decision("nobody") is None


def test_a_decision_and_the_retraining_that_it_opens_are_one(
    state: State, retraining: Callable[..., Retraining], decision: Callable[..., Decision]
) -> None:
    assert state.add_decision(decision(), retraining("r1"))
    assert not state.add_decision(decision(), retraining("r2"))  # the window has led to one of that champion
    assert state.add_decision(decision(), retraining("r3", champion="m:2"))
    assert len(state.decisions()) == 2
    assert [each.id for each in state.retrainings()] == ["r1", "r3"]


def test_a_question_is_answered_once(
    state: State, retraining: Callable[..., Retraining], decision: Callable[..., Decision]
) -> None:
    asked = decision(action="ask", asks_for="retrain", reason="drift")
    state.add_decision(asked)
    assert asked.waits
    answered = state.answer_decision(asked.id, "approved", who="ann", note="go", opening=retraining())
    assert answered is not None
    assert (answered.answer, answered.answered_by, answered.note, answered.waits) == ("approved", "ann", "go", False)
    assert answered.retrains
    assert state.answer_decision(asked.id, "rejected", who="bob", note="no") is None
    assert state.answer_decision("nobody", "rejected", who="bob", note="no") is None
    assert state.decision(asked.id) == answered
    again = decision(action="ask", asks_for="retrain", reason="drift")
    state.add_decision(again)
    assert state.answer_decision(again.id, "approved", who="ann", note="", opening=retraining("r2")) is None
    assert [each.id for each in state.retrainings()] == ["r1"]


def test_a_retraining_is_led_on_by_whoever_holds_its_lease(
    state: State, retraining: Callable[..., Retraining], decision: Callable[..., Decision]
) -> None:
    state.add_decision(decision(), retraining())
    soon, later = now() + timedelta(seconds=30), now() + timedelta(seconds=60)
    mine = state.claim_retraining("r1", "ann", now(), soon)
    assert mine is not None
    assert mine.attempts == 1
    assert state.claim_retraining("r1", "bob", now(), soon) is None
    assert not state.renew_lease("r1", "bob", later)
    assert state.renew_lease("r1", "ann", later)
    built = mine.model_copy(update={"step": "release", "run": "run-1", "attempts": 1})
    assert not state.lead_on(built, after="train", owner="bob")
    question = decision(action="ask", asks_for="promote")
    assert state.lead_on(built, after="train", owner="ann", asking=question)
    assert not state.lead_on(built, after="train", owner="ann", asking=question)  # it has left that step
    assert [each.id for each in state.decisions()][1:] == [question.id]
    theirs = state.claim_retraining("r1", "bob", later, later + timedelta(seconds=30))  # the lease has run out
    assert theirs is not None
    assert (theirs.step, theirs.run, theirs.attempts) == ("release", "run-1", 2)
    assert not state.lead_on(built.model_copy(update={"step": "compare"}), after="release", owner="ann")
    state.free_lease("r1", "ann")  # not his any more
    assert state.claim_retraining("r1", "ann", now(), soon) is None
    state.free_lease("r1", "bob")
    last = state.claim_retraining("r1", "ann", now(), soon)
    assert last is not None
    state.lead_on(last.model_copy(update={"step": "done"}), after="release", owner="ann")
    assert state.claim_retraining("r1", "ann", later, later) is None
    state.add_decision(decision(2), retraining("r2", 2))
    assert [each.id for each in state.retrainings()] == ["r1", "r2"]
    assert [each.id for each in state.retrainings(limit=1)] == ["r2"]


def test_what_a_retraining_came_to_is_its_decisions_outcome_too(
    state: State, retraining: Callable[..., Retraining], decision: Callable[..., Decision]
) -> None:
    made = decision()
    opened = retraining().model_copy(update={"decision": made.id})
    state.add_decision(made, opened)
    mine = state.claim_retraining("r1", "ann", now(), now() + timedelta(seconds=30))
    assert mine is not None
    ended = mine.model_copy(update={"step": "done", "outcome": "promoted"})
    assert not state.lead_on(ended, after="train", owner="bob")
    assert state.decisions() == [made]
    assert state.lead_on(ended, after="train", owner="ann")
    assert [each.outcome for each in state.decisions()] == ["promoted"]


def test_an_observer_is_heard_of_until_it_ends_or_falls_silent(state: State) -> None:
    beat = now() - timedelta(minutes=5)
    silent = Observer(id="a", host="box", pid=1, every=60, started=beat, heartbeat=beat)
    state.save_observer(silent)
    state.save_observer(silent.model_copy(update={"id": "b", "heartbeat": now()}))
    state.save_observer(silent.model_copy(update={"id": "c", "ended": beat}))
    assert state.dead_observers(now() - timedelta(minutes=1)) == [silent]
    assert next(iter(state.observers())).id == "b"
    state.save_observer(silent.model_copy(update={"ended": now(), "died": True}))
    assert state.dead_observers(now() - timedelta(minutes=1)) == []
    failed = silent.model_copy(update={"heartbeat": now(), "died": True})
    state.save_observer(failed)
    assert state.dead_observers(now() - timedelta(minutes=1)) == [failed]  # it has said so itself
