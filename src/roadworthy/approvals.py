"""Approvals: what the policy leaves to a person, who answered what, and that it is done once it is approved."""

from __future__ import annotations

from typing import Literal

from roadworthy import decisions, registry, retraining
from roadworthy.audit import COMMAND_LINE, recorded
from roadworthy.errors import ApprovalError, ChampionChanged, RoadworthyError
from roadworthy.project import Project
from roadworthy.records import Decision, Finding, HistoryEntry, Retraining

_WATCH = "watch"  # through what an act of the policy comes, in the audit log


def questions(project: Project) -> list[Finding]:
    """Return what waits for a person, as their owner is told of it."""
    return [decisions.question_finding(decision) for decision in project.state.decisions() if decision.waits]


def answer(
    project: Project, decision_id: str, *, approve: bool, who: str, note: str = "", origin: str = COMMAND_LINE
) -> Decision:
    """Approve or reject what a decision asks for, and return it as it is then.

    A promotion or a rollback that is approved is done at once; an approved retraining begins with the next look.

    Parameters
    ----------
    decision_id
        The decision's id, which the alert names.
    approve
        Whether it shall be done.
    who, note, origin
        Go into history and audit log; note and name are kept with the decision.

    Raises
    ------
    ApprovalError
        When no decision of that id waits for an answer, or what it was about has changed; in the moment of the
        answer, too: then it is kept, and nothing is done.
    """
    act_name = "approve" if approve else "reject"
    with recorded(project.state, who=who, act=act_name, target=decision_id, origin=origin) as act:
        asked = _asked(project, decision_id, approve=approve)
        act.target, act.detail = f"{asked.asks_for} {asked.target or asked.window.name}", note
        opening = _opening(project, asked) if approve and asked.asks_for == "retrain" else None
        verdict: Literal["approved", "rejected"] = "approved" if approve else "rejected"
        answered = project.state.answer_decision(decision_id, verdict, who=who, note=note, opening=opening)
        if answered is None:
            raise ApprovalError(
                f"The question {decision_id} was answered meanwhile, or its window has led to a retraining.",
                "See what became of it with `roadworthy status`.",
            )
        project.state.append_history(
            HistoryEntry(
                who=who,
                action="approve" if approve else "reject",
                version_from=asked.champion,
                version_to=asked.target,
                reason=note or (asked.reason if approve else ""),
            )
        )
    project.state.resolve_alert(decisions.question_cause(decision_id), who)
    if asked.asks_for == "promote":
        retraining.go_on(project, who=who)
    elif answered.rolls_back and take_back(project, answered, who=who) == _superseded(answered):
        raise ApprovalError(
            f"The question {decision_id} was approved, and nothing done: {asked.champion} is no longer champion.",
            "See who is with `roadworthy status`; the next look decides anew.",
        )
    _withdraw(project, who)
    return project.state.decision(decision_id) or answered


def carry_out(project: Project, *, who: str) -> None:
    """Do the rollbacks over which whoever decided or approved them died, and withdraw what is out of date."""
    _withdraw(project, who)
    for decision in project.state.decisions():
        if decision.rolls_back and decision.outcome is None:
            take_back(project, decision, who=who)


def _withdraw(project: Project, who: str) -> None:
    """Answer questions about a champion of the past."""
    champion = registry.champion(project.state)
    for decision in project.state.decisions():
        if decision.waits and decision.asks_for != "promote" and champion and champion.tag != decision.champion:
            note = f"withdrawn: {decision.champion} is no longer champion"
            project.state.answer_decision(decision.id, "rejected", who=who, note=note)


def take_back(project: Project, decision: Decision, *, who: str) -> str:
    """Go back to the version that a kept decision names, once; add to it what that came to, and return it.

    Nothing is done when another than its champion is champion by now.
    """
    outcome = _taken_back(project, decision, who)
    project.state.finish_decision(decision.id, outcome)
    return outcome


def _taken_back(project: Project, decision: Decision, who: str) -> str:
    done = _way_back(project, decision)
    if done is None:
        try:
            done = registry.rollback(
                project.config,
                project.state,
                who=who,
                reason=decision.reason,
                to=decision.target,
                origin=_WATCH,
                instead_of=decision.champion,
            )
        except RoadworthyError as error:
            done = _way_back(project, decision)  # another did it in that moment
            if done is None:
                return _superseded(decision) if isinstance(error, ChampionChanged) else f"failed: {error.fact}"
    return f"rolled back to {done.version_to} in {done.seconds:.1f} s"


def _way_back(project: Project, decision: Decision) -> HistoryEntry | None:
    """Return what the history has of a decision's rollback; None when it was not done yet."""
    wanted, since = ("rollback", decision.champion, decision.target), decision.answered or decision.at
    return next(
        (
            entry
            for entry in project.state.history(limit=None)
            if (entry.action, entry.version_from, entry.version_to) == wanted and entry.at >= since
        ),
        None,
    )


def _superseded(decision: Decision) -> str:
    return f"not rolled back: {decision.champion} is no longer champion"


def _asked(project: Project, decision_id: str, *, approve: bool) -> Decision:
    """Return the decision that waits for an answer; raise ApprovalError when it does not, or is out of date."""
    asked = project.state.decision(decision_id)
    if asked is None or asked.action != "ask":
        waiting = ", ".join(decision.id for decision in project.state.decisions() if decision.waits) or "none"
        raise ApprovalError(f"No decision {decision_id!r} asks for an approval.", f"These do: {waiting}.")
    if asked.answer is not None:
        raise ApprovalError(
            f"The question {decision_id} was {asked.answer} by {asked.answered_by}.", "See `roadworthy status`."
        )
    champion = registry.champion(project.state)
    tag = champion.tag if champion else None
    if approve and asked.asks_for != "promote" and tag != asked.champion:  # a promotion is compared anew then
        raise ApprovalError(
            f"The question {decision_id} was about {asked.champion}, and {tag} is champion now.",
            f"Reject it with `roadworthy approve {decision_id} --reject`; the next look decides anew.",
        )
    return asked


def _opening(project: Project, asked: Decision) -> Retraining:
    report = next(report for report in project.state.windows() if report.window == asked.window)
    return retraining.plan(project, asked, report)
