"""Acts are done in the user's name, about the champion that the user saw, or refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roadworthy import production
from roadworthy.errors import ApprovalError, ChampionChanged, UnknownVersion
from roadworthy.project import Project
from roadworthy.records import Decision, HistoryEntry
from roadworthy.records.lab import ActRequest

if TYPE_CHECKING:
    from conftest import Desk

OLD, LIVE, NEXT = (f"late-flights:2026112{day}-171500-3fa2" for day in (2, 3, 4))


def _request(act: str, **given: str | None) -> ActRequest:
    return ActRequest.model_validate({"path": "", "act": act, "champion": LIVE, "confirmed": True} | given)


@pytest.mark.parametrize(("act", "tag"), [("promote", NEXT), ("rollback", OLD)])
def test_an_act_about_another_champion_is_refused(project: Project, act: str, tag: str) -> None:
    with pytest.raises(ChampionChanged, match=f"{LIVE} is champion by now"):
        production.act(project, _request(act, version_to=tag, champion=NEXT), who="ada", origin="JupyterLab")
    assert project.state.alias("champion").version == LIVE  # type: ignore[union-attr]
    entry = project.state.audit()[0]
    assert (entry.who, entry.act, entry.target, entry.outcome, entry.origin) == (
        "ada",
        act,
        tag,
        "refused",
        "JupyterLab",
    )


def test_a_champion_that_changes_in_the_last_moment_is_seen_in_the_transaction(project: Project) -> None:
    entry = HistoryEntry(who="ada", action="promote", version_to=NEXT)
    with pytest.raises(ChampionChanged):
        project.state.move_alias("champion", NEXT, entry, instead_of=OLD)
    assert len(project.state.history()) == 3
    assert project.state.move_alias("champion", NEXT, entry, instead_of=LIVE).version_from == LIVE


def test_what_is_not_named_is_not_guessed(project: Project) -> None:
    with pytest.raises(UnknownVersion):
        production.act(project, _request("promote"), who="ada", origin="JupyterLab")
    with pytest.raises(ApprovalError):
        production.act(project, _request("approve"), who="ada", origin="JupyterLab")


def test_a_question_is_answered_in_the_users_name(project: Project, desk: Desk) -> None:
    decision = desk.ask(project, "retrain", None)
    answered = production.act(
        project, _request("reject", decision=decision.id, reason="not now"), who="ada", origin="JupyterLab"
    )
    assert isinstance(answered, Decision)
    assert (answered.answer, answered.answered_by, answered.note) == ("rejected", "ada", "not now")
    assert project.state.audit()[0].origin == "JupyterLab"


def test_an_answer_given_for_another_champion_is_refused(project: Project, desk: Desk) -> None:
    decision = desk.ask(project, "retrain", None)
    with pytest.raises(ChampionChanged):
        production.act(project, _request("approve", decision=decision.id, champion=OLD), who="ada", origin="JupyterLab")
    assert project.state.decision(decision.id).waits  # type: ignore[union-attr]
    assert project.state.audit()[0].outcome == "refused"
