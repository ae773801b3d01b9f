"""Acts, and what they lead to, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from roadworthy.project import Project
from roadworthy.records import HistoryEntry, Observer, Rollout, now

if TYPE_CHECKING:
    from conftest import Desk

OLD, LIVE, NEXT = (f"late-flights:2026112{day}-171500-3fa2" for day in (2, 3, 4))


def test_what_a_promotion_leads_to_names_both_versions(project: Project, desk: Desk) -> None:
    act = desk.act(project, "promote")
    assert act.possible
    assert (act.version_from, act.version_to) == (LIVE, NEXT)
    new, old = NEXT.partition(":")[2], LIVE.partition(":")[2]
    assert act.title == f"Promote {new} in place of {old}"
    assert act.consequences[0] == (
        f"{new} answers all requests in place of {old}. The 2 services that run follow within seconds, "
        "without a restart."
    )
    assert f"ROC AUC at release: {new} 0.720 (0.710 to 0.730), {old} 0.700 (0.690 to 0.710)" in act.consequences[2]


def test_a_version_that_its_gate_refused_cannot_be_promoted_here(project: Project, desk: Desk) -> None:
    refused = NEXT.replace("3fa2", "aaaa")
    project.state.add_version(desk.version(refused, 0.5, passed=False))
    desk.move(project, "challenger", refused, "nominate")
    act = desk.act(project, "promote")
    assert not act.possible
    assert "0.500, at least 0.600 is needed" in act.why_not


def test_what_becomes_of_a_rollout_is_said(project: Project, desk: Desk) -> None:
    rollout = Rollout(
        id="o1", mode="canary", champion=LIVE, challenger=NEXT, steps=(0.1,), started=now(), since=now(), who="ada"
    )
    project.state.start_rollout(rollout, HistoryEntry(who="ada", action="rollout", version_to=NEXT))
    assert desk.picture(project).rollout == rollout
    assert any(
        "Its canary rollout, which is running, ends" in words for words in desk.act(project, "promote").consequences
    )
    assert any("is aborted by this" in words for words in desk.act(project, "rollback", OLD).consequences)


def test_going_back_to_what_was_taken_back_is_said_to_be_that(project: Project, desk: Desk) -> None:
    entry = HistoryEntry(who="policy", action="rollback", version_to=OLD, reason="it answered worse")
    project.state.move_alias("champion", OLD, entry)
    told = desk.act(project, "rollback", LIVE).consequences
    day = f"{project.state.history()[0].at:%Y-%m-%d}"
    assert f"{LIVE.partition(':')[2]} was taken back on {day} by policy: it answered worse." in told


@pytest.mark.parametrize(("asks_for", "target"), [("retrain", None), ("promote", NEXT), ("rollback", OLD)])
def test_each_question_can_be_approved_and_rejected(
    project: Project, asks_for: str, target: str | None, desk: Desk
) -> None:
    decision = desk.ask(project, asks_for, target)
    assert desk.picture(project).questions == (decision,)
    approve, reject = desk.act(project, "approve"), desk.act(project, "reject")
    assert approve.possible
    assert reject.possible
    assert approve.decision == reject.decision == decision.id
    assert (approve.version_from, approve.version_to) == (LIVE, target)
    assert "it drifted" in approve.consequences[0]
    assert "Nothing changes in production" in reject.consequences[0]
    if target:
        assert target.partition(":")[2] in approve.title


def test_a_retraining_that_nobody_would_begin_is_said_to_wait(project: Project, desk: Desk) -> None:
    desk.ask(project, "retrain", None)
    assert any("once `roadworthy watch` runs" in words for words in desk.act(project, "approve").consequences)
    project.state.save_observer(Observer(id="o", host="here", pid=1, every=60))
    assert any("with the next look" in words for words in desk.act(project, "approve").consequences)


def test_a_question_about_a_champion_of_the_past_is_not_for_approval(project: Project, desk: Desk) -> None:
    desk.ask(project, "rollback", OLD)
    desk.move(project, "champion", NEXT, "promote")
    act = desk.act(project, "approve")
    assert not act.possible
    assert "is champion now" in act.why_not
