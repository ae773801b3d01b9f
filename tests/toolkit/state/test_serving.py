"""Access tokens, the audit log, and rollouts, of which one runs at a time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Table, create_engine
from sqlalchemy.exc import DBAPIError

from roadworthy.errors import RolloutOver, StateError
from roadworthy.records import AccessToken, AuditEntry, HistoryEntry, Rollout, now
from roadworthy.state import State
from roadworthy.state.schema import audit, history


def _token(token_id: str) -> AccessToken:
    return AccessToken(id=token_id, name="a dashboard", hash="0" * 64, scopes=("predict",), by="ada")


def test_a_token_is_kept_until_it_is_revoked(state: State) -> None:
    state.add_token(_token("a"))
    with pytest.raises(StateError, match="on record already"):
        state.add_token(_token("a"))
    (kept,) = state.tokens()
    assert kept.allows("predict", now())
    assert not kept.allows("admin", now())
    revoked = state.revoke_token("a")
    assert revoked is not None
    assert not revoked.allows("predict", now())
    assert state.revoke_token("a") == revoked
    assert state.tokens() == [revoked]
    assert state.revoke_token("b") is None


def test_a_token_ends_with_its_time() -> None:
    token = _token("a").model_copy(update={"expires": now()})
    assert not token.allows("predict", now())


@pytest.mark.parametrize("table", [history, audit], ids=lambda table: table.name)
def test_history_and_audit_log_are_only_added_to(state: State, state_address: str, table: Table) -> None:
    state.add_audit(AuditEntry(who="ada", act="create token", outcome="done"))
    state.append_history(HistoryEntry(who="ada", action="retrain"))
    engine = create_engine(state_address)
    for statement in (table.delete(), table.update().values(document="")):
        with engine.connect() as connection, pytest.raises(DBAPIError, match="only ever added to"):
            connection.execute(statement)
    engine.dispose()
    assert [entry.act for entry in state.audit()] == ["create token"]
    assert len(state.history()) == 1


def test_one_rollout_runs_at_a_time(state: State, make_rollout: Callable[..., Rollout]) -> None:
    started = HistoryEntry(who="ada", action="rollout")
    first = make_rollout("first")
    assert state.running_rollout() is None
    state.start_rollout(first, started)
    with pytest.raises(StateError, match="running already"):
        state.start_rollout(make_rollout("second"), started)
    assert len(state.history()) == 1
    further = first.model_copy(update={"step": 1})
    assert state.save_rollout(further)
    assert state.running_rollout() == further
    assert further.share == 0.5
    ended = further.model_copy(update={"state": "aborted", "ended": now()})
    assert state.save_rollout(ended)
    assert not state.save_rollout(further)  # it has ended: whoever still judges it comes too late
    assert state.running_rollout() is None
    state.start_rollout(make_rollout("second"), started)
    assert [each.id for each in state.rollouts()] == ["second", "first"]


def test_a_rollouts_step_is_led_on_once_and_with_its_history(
    state: State, make_rollout: Callable[..., Rollout]
) -> None:
    first = make_rollout("first")
    state.start_rollout(first, HistoryEntry(who="ada", action="rollout"))
    entry = HistoryEntry(who="ada", action="rollout", reason="step 2")
    further = first.model_copy(update={"step": 1})
    assert state.save_rollout(further, entry, after=first)
    assert not state.save_rollout(first, entry, after=first)  # judged before another led it on
    assert state.running_rollout() == further
    assert [kept.reason for kept in state.history()] == ["step 2", ""]


def test_a_promotion_and_the_rollout_that_it_ends_are_one(state: State, make_rollout: Callable[..., Rollout]) -> None:
    promoted = HistoryEntry(who="ada", action="promote")
    state.move_alias("champion", "m:1", promoted)
    rollout = make_rollout("first")
    state.start_rollout(rollout, HistoryEntry(who="ada", action="rollout"))
    ended = rollout.model_copy(update={"state": "promoted", "ended": now()})
    state.move_alias("champion", "m:3", promoted)
    with pytest.raises(RolloutOver, match="m:1 is no longer champion"):
        state.move_alias("champion", "m:2", promoted, ending=ended)
    assert state.running_rollout() == rollout
    state.move_alias("champion", "m:1", promoted)
    state.move_alias("champion", "m:2", promoted, ending=ended)
    assert state.running_rollout() is None
    assert state.rollouts() == [ended]
    state.move_alias("champion", "m:1", promoted)
    before = state.history()
    with pytest.raises(RolloutOver, match="has ended meanwhile"):
        state.move_alias("champion", "m:2", promoted, ending=ended)
    alias = state.alias("champion")
    assert alias is not None
    assert (alias.version, state.history()) == ("m:1", before)
