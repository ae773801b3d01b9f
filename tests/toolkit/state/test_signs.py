"""Which parts of production have changed."""

from __future__ import annotations

from collections.abc import Callable

from roadworthy.records import Decision, HistoryEntry, Retraining, Rollout
from roadworthy.state import State


def test_the_parts_of_production_that_changed_have_other_signs(
    state: State,
    retraining: Callable[..., Retraining],
    decision: Callable[..., Decision],
    make_rollout: Callable[..., Rollout],
) -> None:
    def changed(act: Callable[[], object]) -> set[str]:
        before = state.signs()
        act()
        after = state.signs()
        assert before.keys() == after.keys()
        return {part for part in after if before[part] != after[part]}

    asked = decision(action="ask", asks_for="retrain")
    state.add_decision(asked)
    assert changed(state.signs) == set()
    assert changed(lambda: state.append_history(HistoryEntry(who="ann", action="release"))) == {"history"}
    moved = HistoryEntry(who="ann", action="nominate")
    assert changed(lambda: state.move_alias("challenger", "m:2", moved)) == {"history", "versions"}
    assert changed(lambda: state.answer_decision(asked.id, "approved", who="ann", note="", opening=retraining())) == {
        "decisions",
        "retrainings",
    }
    started = HistoryEntry(who="ann", action="rollout")
    assert changed(lambda: state.start_rollout(make_rollout("a"), started)) == {"history", "rollout"}
