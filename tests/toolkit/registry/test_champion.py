"""Who is champion: promotions, rollbacks, and what history and audit log say of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from roadworthy import registry
from roadworthy.config import Config
from roadworthy.errors import GateRefused, RegistryError, UnknownVersion
from roadworthy.records import GateCheck, GateVerdict, HistoryEntry, ModelVersion
from roadworthy.state import State

if TYPE_CHECKING:
    from conftest import Small

Release = Callable[..., ModelVersion]
FAILED = GateVerdict(checks=(GateCheck(name="roc_auc", passed=False, fact="0.51 is below 0.65"),))


def champion_tag(state: State) -> str | None:
    champion = registry.champion(state)
    return None if champion is None else champion.tag


def test_promotion_moves_the_pointer_and_says_who_and_why(config: Config, release: Release, state: State) -> None:
    first, second = release(), release()
    registry.promote(config, state, first.tag, who="ann", reason="first")
    entry = registry.promote(config, state, second.tag, who="bob", reason="better")
    assert state.history()[0] == entry
    assert (entry.action, entry.version_from, entry.version_to) == ("promote", first.tag, second.tag)
    assert (entry.who, entry.reason, entry.forced) == ("bob", "better", False)
    assert entry.seconds > 0
    assert champion_tag(state) == second.tag
    with pytest.raises(RegistryError, match="is champion already"):
        registry.promote(config, state, second.tag, who="bob", reason="again")


def test_the_gate_holds_a_version_back_unless_forced(config: Config, release: Release, state: State) -> None:
    version = release(verdict=FAILED)
    with pytest.raises(GateRefused, match=r"roc_auc: 0\.51 is below 0\.65"):
        registry.promote(config, state, version.tag, who="bob", reason="in a hurry")
    refusal = state.history()[0]
    assert (refusal.action, refusal.version_to, refusal.who) == ("refuse", version.tag, "bob")
    assert "0.51 is below 0.65" in refusal.reason
    assert registry.champion(state) is None
    entry = registry.promote(config, state, version.tag, who="bob", reason="in a hurry", force=True)
    assert (entry.forced, champion_tag(state)) == (True, version.tag)


def test_a_version_that_cannot_answer_is_not_promoted(
    config: Config, release: Release, state: State, small: Small
) -> None:
    good = release()
    registry.promote(config, state, good.tag, who="ann", reason="")
    bad = release(smoke_json=json.dumps({"rows": small.rows, "probabilities": [0.5, 0.5]}).encode())
    with pytest.raises(RegistryError, match="smoke request"):
        registry.promote(config, state, bad.tag, who="ann", reason="")
    refusal = state.history()[0]
    assert (refusal.action, refusal.version_from, refusal.version_to) == ("refuse", good.tag, bad.tag)
    assert champion_tag(state) == good.tag


def test_rollback_goes_to_the_champion_before(config: Config, release: Release, state: State) -> None:
    a, b, c = (release() for _ in range(3))
    with pytest.raises(RegistryError, match="no former champion"):
        registry.rollback(config, state, who="ann", reason="")
    for version in (a, b, c):
        registry.promote(config, state, version.tag, who="ann", reason="")
    entry = registry.rollback(config, state, who="bob", reason="worse")
    assert (entry.action, entry.version_from, entry.version_to) == ("rollback", c.tag, b.tag)
    assert registry.rollback(config, state, who="bob", reason="worse still").version_to == a.tag
    assert registry.former(state) is None
    with pytest.raises(RegistryError, match="no former champion"):
        registry.rollback(config, state, who="bob", reason="")
    registry.promote(config, state, c.tag, who="ann", reason="mended")
    assert registry.former(state) == a


def test_rollback_goes_only_to_what_was_champion(config: Config, release: Release, state: State) -> None:
    a, b, never = release(), release(), release(verdict=FAILED)
    for version in (a, b):
        registry.promote(config, state, version.tag, who="ann", reason="")
    with pytest.raises(RegistryError, match="never was champion"):
        registry.rollback(config, state, who="ann", reason="", to=never.tag)
    with pytest.raises(RegistryError, match="is champion already"):
        registry.rollback(config, state, who="ann", reason="", to="champion")
    assert registry.rollback(config, state, who="ann", reason="", to=a.tag).version_to == a.tag
    registry.rollback(config, state, who="ann", reason="forwards again", to=b.tag)
    assert champion_tag(state) == b.tag
    registry.file(a.tag, "model.skops").unlink()
    with pytest.raises(RegistryError, match="has no file"):
        registry.rollback(config, state, who="ann", reason="", to=a.tag)
    assert state.history()[0].action == "refuse"
    assert champion_tag(state) == b.tag


def test_rollback_leaves_out_what_was_rolled_back_from(config: Config, release: Release, state: State) -> None:
    a, b, c = (release() for _ in range(3))
    for version in (a, b):
        registry.promote(config, state, version.tag, who="ann", reason="")
    registry.rollback(config, state, who="ann", reason="b is bad")
    registry.promote(config, state, c.tag, who="ann", reason="")
    assert registry.former(state) == a
    registry.rollback(config, state, who="ann", reason="c is worse", to=b.tag)
    assert registry.former(state) == a
    registry.promote(config, state, c.tag, who="ann", reason="mended")
    assert registry.former(state) == b, "going back to it by name made it good again"


def test_rollback_does_not_return_to_what_it_once_left(config: Config, release: Release, state: State) -> None:
    a, b = release(), release()
    for version in (a, b, a):
        registry.promote(config, state, version.tag, who="ann", reason="")
    registry.rollback(config, state, who="ann", reason="a has become bad")
    assert champion_tag(state) == b.tag
    assert registry.former(state) is None
    with pytest.raises(RegistryError, match="neither rolled back from nor refused"):
        registry.rollback(config, state, who="ann", reason="")


def test_a_version_that_services_refused_is_not_good(config: Config, release: Release, state: State) -> None:
    a, b, c = (release() for _ in range(3))
    for version in (a, b):
        registry.promote(config, state, version.tag, who="ann", reason="")
    refusal = HistoryEntry(who="service x", action="refuse", version_from=a.tag, version_to=b.tag, reason="no memory")
    state.append_history(refusal)
    assert registry.former(state) == a
    registry.promote(config, state, c.tag, who="ann", reason="")
    assert registry.former(state) == a
    assert registry.rollback(config, state, who="ann", reason="", to=b.tag).version_to == b.tag, "by name it is allowed"


def test_two_who_go_back_at_once_hold_nothing_against_where_they_went(
    config: Config, release: Release, state: State
) -> None:
    a, b, c = (release() for _ in range(3))
    for version in (a, b):
        registry.promote(config, state, version.tag, who="ann", reason="")
    registry.rollback(config, state, who="ann", reason="")
    entry = state.move_alias("champion", a.tag, HistoryEntry(who="policy", action="rollback"))
    assert entry.version_from == entry.version_to == a.tag
    registry.promote(config, state, c.tag, who="ann", reason="")
    assert registry.former(state) == a


def test_when_the_last_good_version_cannot_answer_the_next_rollback_goes_further(
    config: Config, release: Release, state: State
) -> None:
    a, b, c = (release() for _ in range(3))
    for version in (a, b, c):
        registry.promote(config, state, version.tag, who="ann", reason="")
    registry.file(b.tag, "model.skops").unlink()
    with pytest.raises(RegistryError, match="has no file"):
        registry.rollback(config, state, who="ann", reason="")
    assert champion_tag(state) == c.tag
    assert registry.rollback(config, state, who="ann", reason="").version_to == a.tag


def test_a_forced_version_that_nobody_took_back_is_gone_back_to(config: Config, release: Release, state: State) -> None:
    a, forced, c = release(), release(verdict=FAILED), release()
    registry.promote(config, state, a.tag, who="ann", reason="")
    registry.promote(config, state, forced.tag, who="ann", reason="the gate is wrong", force=True)
    registry.promote(config, state, c.tag, who="ann", reason="")
    assert registry.rollback(config, state, who="ann", reason="").version_to == forced.tag
    assert registry.rollback(config, state, who="ann", reason="").version_to == a.tag


def test_the_audit_log_has_what_was_done_and_what_was_not(config: Config, release: Release, state: State) -> None:
    first, second, bad = release(), release(), release(verdict=FAILED)
    registry.promote(config, state, first.tag, who="ann", reason="")
    registry.promote(config, state, "late-flights:" + second.tag.partition(":")[2], who="ann", reason="better")
    with pytest.raises(GateRefused):
        registry.promote(config, state, bad.tag, who="bob", reason="", origin="http://127.0.0.1:3000")
    with pytest.raises(UnknownVersion):
        registry.promote(config, state, "nobody", who="bob", reason="")
    registry.rollback(config, state, who="policy", reason="it fell", origin="watch")
    with pytest.raises(RegistryError):
        registry.rollback(config, state, who="ann", reason="")
    log = state.audit()[::-1]
    assert [(entry.act, entry.who, entry.target, entry.outcome, entry.origin) for entry in log] == [
        ("promote", "ann", first.tag, "done", "command line"),
        ("promote", "ann", second.tag, "done", "command line"),
        ("promote", "bob", bad.tag, "refused", "http://127.0.0.1:3000"),
        ("promote", "bob", "nobody", "refused", "command line"),
        ("rollback", "policy", first.tag, "done", "watch"),
        ("rollback", "ann", "the last good version", "refused", "command line"),
    ]
    assert log[0].detail == "as the first champion"
    assert log[1].detail == f"in place of {first.tag}: better"
    assert "0.51 is below 0.65" in log[2].detail
    assert log[4].detail == f"in place of {second.tag}: it fell"


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.integers(0, 2) | st.just("back"), max_size=6), st.integers(0, 2))
def test_rolling_back_a_promotion_restores_the_champion(
    config: Config, release: Release, state: State, past: list[int | str], last: int
) -> None:
    versions = sorted(state.versions(), key=lambda v: v.tag) or [release() for _ in range(3)]
    for step in past:
        try:
            if isinstance(step, int):
                registry.promote(config, state, versions[step].tag, who="ann", reason="")
            else:
                registry.rollback(config, state, who="ann", reason="")
        except RegistryError:  # it was champion already, or there was none before it
            continue
    before = champion_tag(state)
    if before is None or before == versions[last].tag:
        return
    registry.promote(config, state, versions[last].tag, who="ann", reason="")
    registry.rollback(config, state, who="ann", reason="")
    assert champion_tag(state) == before
