"""The audit log: every act is in it once, whatever became of it, and it never covers an error."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from roadworthy.audit import recorded
from roadworthy.errors import (
    GateRefused,
    PipelineError,
    RegistryError,
    RoadworthyError,
    StateError,
    TokenError,
    UnknownVersion,
)
from roadworthy.state import State


@pytest.fixture
def without_log(tmp_path: Path) -> Iterator[State]:
    """A database whose audit log has gone."""
    with State.open(f"sqlite:///{tmp_path}/state.db") as opened:
        with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
            connection.execute("DROP TABLE audit")
        yield opened


def test_what_was_done_is_written_down(state: State) -> None:
    with recorded(state, who="ann", act="promote", target="challenger", origin="http://10.0.0.1:3000") as act:
        assert state.audit() == []
        act.target, act.detail = "flights:2", "in place of flights:1"
    (entry,) = state.audit()
    assert (entry.who, entry.act, entry.target, entry.outcome) == ("ann", "promote", "flights:2", "done")
    assert (entry.detail, entry.origin) == ("in place of flights:1", "http://10.0.0.1:3000")


def test_by_default_it_came_from_the_command_line(state: State) -> None:
    with recorded(state, who="ann", act="drill"):
        pass
    (entry,) = state.audit()
    assert (entry.origin, entry.target, entry.detail) == ("command line", "", "")


@pytest.mark.parametrize("kind", [GateRefused, RegistryError, UnknownVersion, TokenError])
def test_a_no_is_a_refusal(state: State, kind: type[RoadworthyError]) -> None:
    with pytest.raises(kind), recorded(state, who="ann", act="promote", target="flights:2"):
        raise kind("It is below 0.65.", "Train it again.")
    assert [(entry.outcome, entry.detail) for entry in state.audit()] == [("refused", "It is below 0.65.")]


def test_an_answer_may_be_no_without_an_error(state: State) -> None:
    with recorded(state, who="ann", act="release", target="flights:2") as act:
        act.refuse("It is below 0.65.")
    assert [(entry.outcome, entry.detail) for entry in state.audit()] == [("refused", "It is below 0.65.")]


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (PipelineError("It is gone.", "Build it."), "It is gone."),
        (ValueError("a text that may hold anything"), "ValueError"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
    ],
)
def test_what_broke_has_failed(state: State, error: BaseException, detail: str) -> None:
    with pytest.raises(type(error)) as caught, recorded(state, who="ann", act="release"):
        raise error
    assert caught.value is error
    assert [(entry.outcome, entry.detail) for entry in state.audit()] == [("failed", detail)]


def test_without_the_log_the_acts_own_error_is_told(without_log: State) -> None:
    with pytest.raises(GateRefused, match="below"), recorded(without_log, who="ann", act="promote"):
        raise GateRefused("It is below 0.65.", "Train it again.")


def test_an_act_that_cannot_be_written_down_is_told(without_log: State) -> None:
    words = r"\(promote flights:2\) took place, but could not be written"
    with (
        pytest.raises(StateError, match=words) as caught,
        recorded(without_log, who="ann", act="promote", target="flights:2"),
    ):
        pass
    assert "Do not repeat the act" in caught.value.next_step
