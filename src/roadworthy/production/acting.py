"""Doing what somebody has confirmed, in their name: only while production is as they saw it."""

from __future__ import annotations

from roadworthy import registry
from roadworthy.audit import recorded
from roadworthy.errors import ApprovalError, UnknownVersion
from roadworthy.project import Project
from roadworthy.records import Decision, HistoryEntry
from roadworthy.records.lab import ActRequest
from roadworthy.state.production import changed


def act(project: Project, request: ActRequest, *, who: str, origin: str) -> HistoryEntry | Decision:
    """Promote, go back, approve or reject, as confirmed.

    Parameters
    ----------
    project
        The project.
    request
        What was confirmed, and who was champion when it was shown.
    who, origin
        Go into history and audit log.

    Returns
    -------
    HistoryEntry or Decision
        The entry that the history got; or the question as it was answered.

    Raises
    ------
    ChampionChanged
        When another version is champion by now: then nothing is done.
    GateRefused, RegistryError, UnknownVersion, ApprovalError
        As `registry.promote`, `registry.rollback` and `approvals.answer` raise them.
    """
    if request.act in ("approve", "reject"):
        return _answer(project, request, who, origin)
    if not request.version_to:
        raise UnknownVersion("The request names no version.", "Name the version that was confirmed.")
    config, state, reason = project.config, project.state, request.reason
    if request.act == "promote":
        return registry.promote(
            config, state, request.version_to, who=who, reason=reason, origin=origin, instead_of=request.champion
        )
    return registry.rollback(
        config, state, who=who, reason=reason, to=request.version_to, origin=origin, instead_of=request.champion
    )


def _answer(project: Project, request: ActRequest, who: str, origin: str) -> Decision:
    if not request.decision:
        raise ApprovalError("The request names no decision.", "Name the decision that was confirmed.")
    champion = registry.champion(project.state)
    present = champion.tag if champion else None
    if present != request.champion:
        with recorded(project.state, who=who, act=request.act, target=request.decision, origin=origin):
            raise changed(present, request.champion)
    # Imported here: seconds that nobody should pay who only looks, for it brings all that a retraining needs.
    from roadworthy import approvals

    approve = request.act == "approve"
    return approvals.answer(project, request.decision, approve=approve, who=who, note=request.reason, origin=origin)
