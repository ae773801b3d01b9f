"""Rollouts: a challenger is let into production step by step, and goes on, back or through by the policy's rule."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Literal

from pydantic import Field, ValidationError

from roadworthy import contract as contracts
from roadworthy import registry
from roadworthy.audit import COMMAND_LINE, recorded
from roadworthy.config import RolloutPolicy
from roadworthy.contract import Dataset
from roadworthy.errors import GateRefused, RegistryError, RolloutError, RolloutOver, UnknownVersion
from roadworthy.monitoring import alerts
from roadworthy.project import Project
from roadworthy.records import Evidence, Finding, HistoryEntry, ModelVersion, Record, Rollout
from roadworthy.records import now as present
from roadworthy.serving import capture
from roadworthy.serving.rollout import rule
from roadworthy.serving.rollout.evidence import measure
from roadworthy.serving.rollout.rule import Act, Judgement, percent

_WATCH = "watch"  # through what an act of the rule comes, in the audit log
_CAUSE = "rollout "
_NOT_READY = (GateRefused, RegistryError, UnknownVersion)
_ENDED_BY: dict[Act, Literal["rolled back", "aborted", "finished"]] = {
    "roll back": "rolled back",
    "abort": "aborted",
    "ask": "finished",
}


class Standing(Record):
    """Where the newest rollout stands."""

    rollout: Rollout | None = Field(default=None, description="with its evidence as it is at this moment")
    act: Act | None = Field(default=None, description="what the next look would do; None when none is running")
    reason: str


# --- by hand -------------------------------------------------------------------------------------------------------


def start(
    project: Project,
    version: str,
    *,
    mode: Literal["shadow", "canary"],
    who: str,
    reason: str,
    steps: Sequence[float] | None = None,
    origin: str = COMMAND_LINE,
) -> Rollout:
    """Let a challenger into production: running services follow within seconds.

    Parameters
    ----------
    version
        The challenger, as for `registry.resolve`.
    mode
        ``shadow``: it answers a share of the requests too, and nobody sees it; ``canary``: it alone answers a share.
    steps
        Rising shares of the traffic, by default the policy's; a shadow has one.
    who, reason, origin
        Go into history and audit log.

    Raises
    ------
    RolloutError
        When there is no champion, it is the challenger itself, they do not take the same requests, the steps are no
        rising shares, or no requests are captured.
    GateRefused, RegistryError
        When the challenger did not pass its gate, or cannot be loaded or answer its smoke request. The history says so.
    StateError
        When another rollout is running.
    UnknownVersion
        When no version goes by that name.
    """
    with recorded(project.state, who=who, act="start rollout", target=version, origin=origin) as act:
        shares = _shares(project.config.policy.rollout, mode, steps)
        champion, challenger = _pair(project, version)
        act.target = challenger.tag
        _expect_fit(project, champion, challenger, who)
        began = present()
        rollout = Rollout(
            id=f"{began:%Y%m%d-%H%M%S}-{secrets.token_hex(2)}",
            mode=mode,
            champion=champion.tag,
            challenger=challenger.tag,
            steps=shares,
            started=began,
            since=began,
            who=who,
            reason=reason,
        )
        act.detail = f"{mode}, {_stage(rollout)}{f': {reason}' if reason else ''}"
        project.state.start_rollout(rollout, _entry(rollout, "rollout", who, act.detail, began))
    for alert in project.state.open_alerts():
        if is_cause(alert.cause):
            project.state.resolve_alert(alert.cause, who)
    return rollout


def abort(project: Project, *, who: str, reason: str, origin: str = COMMAND_LINE) -> Rollout:
    """Take the challenger out of the traffic; running services follow within seconds.

    Raises
    ------
    RolloutError
        When no rollout is running, or it has ended meanwhile.
    """
    with recorded(project.state, who=who, act="abort rollout", origin=origin) as act:
        rollout = project.state.running_rollout()
        if rollout is None:
            raise RolloutError("No rollout is running.", "See the newest with `roadworthy rollout status`.")
        act.target, act.detail = rollout.challenger, reason
        ended = _ended(rollout, "aborted", f"aborted by {who}{f': {reason}' if reason else ''}", present())
        if not project.state.save_rollout(ended, _entry(ended, "abort", who, ended.outcome, present())):
            raise RolloutError(
                f"Rollout {rollout.id} has ended meanwhile.", "See how with `roadworthy rollout status`."
            )
    return ended


def status(project: Project, *, now: datetime | None = None) -> Standing:
    """Judge the running rollout by what was collected so far, and do nothing; or tell how the newest ended."""
    moment = now or present()
    rollout = project.state.running_rollout()
    if rollout is not None:
        judgement = _judged(project, rollout, moment)
        return Standing(rollout=_with(rollout, judgement.evidence), act=judgement.act, reason=judgement.reason)
    return kept(project)


def kept(project: Project) -> Standing:
    """Return the newest rollout as the last look at it left it."""
    newest = next(iter(project.state.rollouts(limit=1)), None)
    return Standing(rollout=newest, reason=newest.outcome if newest else "No rollout was started yet.")


# --- by the rule ---------------------------------------------------------------------------------------------------


def look(project: Project, *, who: str, now: datetime | None = None) -> Rollout | None:
    """Collect what the services captured, judge the running rollout, and do what the rule says.

    Whatever is killed, and when, and however many look at once: each act is one transaction with its history entry.

    Parameters
    ----------
    who
        In whose name; goes into history and audit log.
    now
        The moment of the look: what was received before it counts. By default the present.

    Returns
    -------
    Rollout or None
        The rollout as it is then; None when none is running.

    Raises
    ------
    TableError
        When a table cannot be read or written.
    """
    rollout = project.state.running_rollout()
    if rollout is None:
        return None
    moment = now or present()
    if (overtaken := _overtaken(project, rollout, who, moment)) is not None:
        return overtaken
    capture.collect(project.config, project.dataset, project.tables)
    judgement = _judged(project, rollout, moment)
    seen = _with(rollout, judgement.evidence)
    if judgement.act == "wait":
        return seen if project.state.save_rollout(seen, after=rollout) else _kept(project, rollout)
    if judgement.act == "next step":
        return _step(project, seen, judgement, who, moment)
    if judgement.act == "promote":
        return _promote(project, seen, judgement, who, moment)
    outcome = judgement.reason
    if judgement.act == "ask":
        outcome = f"{outcome}. Promote it with `roadworthy promote {rollout.challenger}`, or leave it"
    return _end(project, _ended(seen, _ENDED_BY[judgement.act], outcome, moment), who, moment)


def is_cause(cause: str) -> bool:
    """Return whether an alert is about a rollout: it stays open until the next one starts."""
    return cause.startswith(_CAUSE)


def _judged(project: Project, rollout: Rollout, moment: datetime) -> Judgement:
    policy = project.config.policy
    # asked for its draw alone, which needs no secret
    keeps = capture.Keeper(policy.capture, project.dataset, key=b"").keeps if policy.capture.sample < 1 else None
    measured = measure(project.tables, rollout, moment, keeps=keeps)
    return rule.judge(policy.rollout, rollout, measured, moment)


def _overtaken(project: Project, rollout: Rollout, who: str, moment: datetime) -> Rollout | None:
    """End a rollout under which the champion was changed; None when it was not."""
    champion = registry.champion(project.state)
    tag = None if champion is None else champion.tag
    if tag == rollout.champion:
        return None
    if tag == rollout.challenger:
        return _end(project, _ended(rollout, "promoted", f"{tag} had become champion meanwhile", moment), who, moment)
    outcome = f"the champion was changed under it: from {rollout.champion} to {tag}"
    return _end(project, _ended(rollout, "aborted", outcome, moment), who, moment)


def _step(project: Project, rollout: Rollout, judgement: Judgement, who: str, moment: datetime) -> Rollout:
    further = rollout.model_copy(update={"step": rollout.step + 1, "since": moment})
    entry = _entry(further, "rollout", who, f"{_stage(further)}: {judgement.reason}", moment)
    with recorded(project.state, who=who, act="lead rollout on", target=rollout.challenger, origin=_WATCH) as act:
        act.detail = entry.reason
        if project.state.save_rollout(further, entry, after=rollout):
            return further
        act.refuse("another had acted on it meanwhile")
    return _kept(project, rollout)


def _promote(project: Project, rollout: Rollout, judgement: Judgement, who: str, moment: datetime) -> Rollout:
    ending = _ended(rollout, "promoted", judgement.reason, moment)
    reason = f"rollout {rollout.id}: {judgement.reason}"
    try:
        registry.promote(
            project.config, project.state, rollout.challenger, who=who, reason=reason, origin=_WATCH, ending=ending
        )
    except RolloutOver:
        return _overtaken_or_kept(project, rollout, who, moment)
    except _NOT_READY as error:
        changed = _overtaken(project, rollout, who, moment)
        outcome = f"could not be promoted: {error.fact}"
        return changed or _end(project, _ended(rollout, "aborted", outcome, moment), who, moment)
    return ending


def _overtaken_or_kept(project: Project, rollout: Rollout, who: str, moment: datetime) -> Rollout:
    found = _kept(project, rollout)
    if found.state != "running":
        return found
    return _overtaken(project, rollout, who, moment) or found


def _end(project: Project, ended: Rollout, who: str, moment: datetime) -> Rollout:
    """Keep how a rollout ended, with its history entry, and tell the model's owner; whoever comes first does."""
    action: Literal["rollout", "abort"] = "abort" if ended.state in ("rolled back", "aborted") else "rollout"
    with recorded(
        project.state, who=who, act=f"end rollout: {ended.state}", target=ended.challenger, origin=_WATCH
    ) as act:
        act.detail = ended.outcome
        if not project.state.save_rollout(ended, _entry(ended, action, who, ended.outcome, moment), after=ended):
            act.refuse("it had ended meanwhile")
            return _kept(project, ended)
    severity: Literal["info", "warning"] = "warning" if action == "abort" else "info"
    title = f"The rollout of {ended.challenger} is over: {ended.state}"
    finding = Finding(cause=f"{_CAUSE}{ended.id}", owner="model", severity=severity, title=title, message=ended.outcome)
    alerts.tell([finding], project.config, project.state)
    return ended


def _kept(project: Project, rollout: Rollout) -> Rollout:
    """Return the rollout as it is kept."""
    return next((found for found in project.state.rollouts() if found.id == rollout.id), rollout)


# --- what a rollout is made of -------------------------------------------------------------------------------------


def _ended(
    rollout: Rollout, state: Literal["promoted", "rolled back", "aborted", "finished"], outcome: str, moment: datetime
) -> Rollout:
    return rollout.model_copy(update={"state": state, "ended": moment, "outcome": outcome})


def _with(rollout: Rollout, evidence: Sequence[Evidence]) -> Rollout:
    """Return the rollout with evidence of the newest look at each step and bound."""
    newest = {(found.step, found.bound): found for found in (*rollout.evidence, *evidence)}
    return rollout.model_copy(update={"evidence": tuple(newest.values())})


def _entry(
    rollout: Rollout, action: Literal["rollout", "abort"], who: str, reason: str, moment: datetime
) -> HistoryEntry:
    """Return what goes into the history. Not "rollback": that one moves the champion, and here it never moved."""
    words = f"rollout {rollout.id}, {rollout.state}: {reason}"
    names = {"version_from": rollout.champion, "version_to": rollout.challenger}
    return HistoryEntry(at=moment, who=who, action=action, reason=words, **names)


def _stage(rollout: Rollout) -> str:
    return f"step {rollout.step + 1} of {len(rollout.steps)}, {percent(rollout.share)} of the traffic"


def _shares(
    policy: RolloutPolicy, mode: Literal["shadow", "canary"], steps: Sequence[float] | None
) -> tuple[float, ...]:
    if not steps:
        return (policy.shadow,) if mode == "shadow" else policy.steps
    if mode == "shadow" and len(steps) > 1:
        raise RolloutError(f"A shadow has one step, not {len(steps)}.", "Give the share of the traffic once.")
    try:
        return RolloutPolicy(steps=tuple(steps)).steps
    except ValidationError as error:
        raise RolloutError(
            f"{', '.join(map(str, steps))} are no steps.",
            "Give rising shares, above 0 and at most 1, such as --step 0.05 --step 0.5.",
        ) from error


def _pair(project: Project, version: str) -> tuple[ModelVersion, ModelVersion]:
    if project.config.policy.capture.sample == 0:
        raise RolloutError(
            "Nothing would be known of the challenger: the policy keeps no requests (capture.sample is 0).",
            "Set capture.sample above 0, and start again.",
        )
    champion = registry.champion(project.state)
    if champion is None:
        raise RolloutError(
            "There is no champion to hold a challenger against.", "Run `roadworthy release`: the first becomes it."
        )
    challenger = registry.resolve(project.state, version)
    if challenger.tag == champion.tag:
        raise RolloutError(f"{champion.tag} is champion already.", "Choose another; see `roadworthy status`.")
    return champion, challenger


def _expect_fit(project: Project, champion: ModelVersion, challenger: ModelVersion, who: str) -> None:
    """See that the challenger can answer the champion's requests; the history has a refusal, as at a promotion."""
    try:
        registry.expect_ready(project.config, challenger)
        _expect_same_requests(project, champion, challenger)
    except (*_NOT_READY, RolloutError) as error:
        reason = f"rollout refused: {error.fact}"
        names = {"version_from": champion.tag, "version_to": challenger.tag}
        project.state.append_history(HistoryEntry(who=who, action="refuse", reason=reason, **names))
        raise


def _expect_same_requests(project: Project, champion: ModelVersion, challenger: ModelVersion) -> None:
    carried, needed = (_dataset(project, version) for version in (champion, challenger))
    kinds = {column.name: column.type for column in carried.request_columns}
    lacking = [column.name for column in needed.with_role("feature") if kinds.get(column.name) != column.type]
    if lacking:
        raise RolloutError(
            f"{challenger.tag} needs {', '.join(lacking)}, which requests to {champion.tag} do not carry as it takes "
            "them.",
            f"A rollout is for one contract: try it elsewhere, then run `roadworthy promote {challenger.tag}`.",
        )


def _dataset(project: Project, version: ModelVersion) -> Dataset:
    registry.bring(project.config, version)
    text = registry.file(version.tag, "contract.yaml").read_text(encoding="utf-8")
    return contracts.parse(text, f"contract of {version.tag}").dataset(project.config.settings.dataset)
