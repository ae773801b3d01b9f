"""Decisions: from what was found in a window to what is to be done. Pure functions of findings and policy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Literal

from roadworthy.config import CapturePolicy, Policy, RetrainPolicy
from roadworthy.records import (
    Comparison,
    Decision,
    Deployment,
    Finding,
    ModelVersion,
    OwnerRole,
    Performance,
    Reading,
    Retraining,
    WindowReport,
)
from roadworthy.records import now as present

Action = Literal["nothing", "alert", "retrain", "ask", "rollback"]
_STRONGEST_FIRST: tuple[Action, ...] = ("retrain", "ask", "alert", "nothing")
_SPOOL_TOLD_FROM = 0.5  # of what may wait in it
_DRIFT = ("feature", "prediction")  # the model's; all other kinds of readings are facts about the data
_INFRASTRUCTURE = ("volume", "freshness")  # or about what brings it
_QUALITY = {
    "missing": "missing values",
    "unseen": "categories never seen before",
    "type": "another kind of values",
    "range": "values out of range",
    "duplicates": "rows seen twice",
    "cardinality": "number of distinct values",
    "volume": "number of rows",
    "freshness": "data that comes late",
}


def findings(report: WindowReport) -> tuple[Finding, ...]:
    """Return what somebody must know about a window.

    The cause of a finding is the same for as long as the same thing is wrong, so that it is told once.
    """
    found: list[Finding | None] = []
    if not report.open:  # the first days of a month are not a month: drift waits until the window has closed
        found += [_drift(report), _drift_in_parts(report), *(_quality(reading, report) for reading in report.readings)]
    else:  # that nothing new comes must be known while it lasts
        found += [_quality(reading, report) for reading in report.readings if reading.kind == "freshness"]
    for performance, where in _parts(report):
        found += [_fall(performance, report, where), _estimated_fall(performance, report, where)]
    for performance in report.performance:
        found += [_changed(performance, report), _former(performance, report)]
    return tuple(finding for finding in found if finding)


def service_findings(deployments: Iterable[Deployment], policy: CapturePolicy) -> tuple[Finding, ...]:
    """Return what somebody must know about the running services: a problem, answers lost, a spool that fills up."""
    found = [
        finding
        for deployment in deployments
        for finding in (_troubled(deployment), _lost(deployment), _filling(deployment, policy))
        if finding
    ]
    return tuple({finding.cause: finding for finding in found}.values())


def question_finding(decision: Decision) -> Finding:
    """Return that a decision waits for a person."""
    wish = {
        "retrain": "Retrain?",
        "promote": f"Promote {decision.target}?",
        "rollback": f"Go back to {decision.target}?",
    }
    return Finding(
        cause=question_cause(decision.id),
        owner="model",
        severity="warning",
        title=wish[decision.asks_for or "retrain"],
        message=(
            f"Window from {decision.window.name}: {decision.reason}. Answer with `roadworthy approve {decision.id}`, "
            f"or `roadworthy approve {decision.id} --reject`."
        ),
    )


def question_cause(decision_id: str) -> str:
    """Return the cause of the alert that a decision waits for a person."""
    return f"approval:{decision_id}"


def retraining_finding(retraining: Retraining) -> Finding:
    """Return that a retraining came to nothing, by a failure."""
    return Finding(
        cause=f"retraining:{retraining.id}",
        owner="model",
        severity="warning",
        title="A retraining failed",
        message=f"For the window from {retraining.window.name}, on {retraining.start} to {retraining.end}: "
        f"{retraining.outcome}",
    )


def decide(
    report: WindowReport,
    found: Sequence[Finding],
    policy: Policy,
    *,
    champion: ModelVersion | None,
    past: Sequence[Decision],
    now: datetime | None = None,
) -> Decision:
    """Decide about one window.

    Parameters
    ----------
    report
        What was found in the window.
    found
        Its findings.
    policy
        What is tolerated and what then happens.
    champion
        The version in production; only its own failings lead to a rollback, and it is retrained only on newer data.
    past
        Earlier decisions, oldest first, with their answers and outcomes: a retraining is followed by the policy's
        cool-down, and a question is asked once.
    now
        The moment, by default the present: so many retrainings are made in 24 hours.
    """
    moment = now or present()
    live = next((p for p in report.performance if champion and p.version == champion.tag), None)

    def decision(action: Action, reason: str, **further: object) -> Decision:
        about = {"window": report.window, "judged": report.made, "at": moment, "findings": tuple(found)}
        tag = champion.tag if champion else None
        return Decision.model_validate(about | {"action": action, "reason": reason, "champion": tag} | further)

    hindrances = []
    former, wish = _former_better(live), policy.actions.on_former_better
    if former and wish != "alert":
        reason = f"{former.challenger}, the former champion, answers this window's rows better"
        hindrance = _why_not_asked(past, "rollback", report, champion) if wish == "ask" else ""
        if not hindrance:
            return decision(wish, reason, target=former.challenger, asks_for="rollback" if wish == "ask" else None)
        hindrances.append(f"{reason}; no rollback: {hindrance}")
    wanted, action = _why_retrain(report, live, policy)
    if action in ("retrain", "ask"):
        hindrance = _why_not_now(report, policy, champion, past, moment)
        if not hindrance:
            return decision(action, wanted, asks_for="retrain" if action == "ask" else None)
        hindrances.append(f"{wanted}; no retraining: {hindrance}")
    if found:
        return decision("alert", "; ".join(hindrances) or found[0].title)
    return decision("nothing", "; ".join([f"verdict: {report.verdict}", *hindrances]))


def _former_better(live: Performance | None) -> Comparison | None:
    return live.against_former if live and live.against_former and live.against_former.better else None


def _why_retrain(report: WindowReport, live: Performance | None, policy: Policy) -> tuple[str, Action]:
    """Return why a new version may be wanted, and the strongest act that the policy has for it."""
    reasons: list[tuple[str, Action]] = []
    if live and live.fell:
        reasons.append(("realised performance fell by more than is tolerated", policy.actions.on_performance_fall))
    found = (reading for reading in report.readings if reading.verdict == "drift")
    # no training mends what brings the rows, where fewer came, or late, or none
    if drifted := {reading.column for reading in found if reading.kind not in _INFRASTRUCTURE}:
        reasons.append((f"{len(drifted)} column{'s' if len(drifted) != 1 else ''} drifted", policy.actions.on_drift))
    if not reasons:
        return "", "nothing"
    action = min((action for _, action in reasons), key=_STRONGEST_FIRST.index)
    return ", and ".join(reason for reason, wish in reasons if wish == action), action


def _why_not_now(
    report: WindowReport, policy: Policy, champion: ModelVersion | None, past: Sequence[Decision], moment: datetime
) -> str:
    if report.open:
        return "the window is still open"
    until = champion.trained_until if champion else None
    if until and until >= f"{report.window.start:%Y-%m-%d}":
        return "the champion has learned from everything before this window"
    if report.labelled < policy.performance.minimum_labelled:
        return f"only {report.labelled} rows have labels, a challenger could not be judged"
    return _why_too_soon(report, policy.retrain, past, moment) or _why_not_asked(past, "retrain", report, champion)


def _why_too_soon(report: WindowReport, policy: RetrainPolicy, past: Sequence[Decision], moment: datetime) -> str:
    made = [d for d in past if d.retrains]
    if any(d.window == report.window for d in made):
        return "this window has led to one already"
    if under_way := [d.id for d in made if d.outcome is None and d.judged]:
        return f"one is under way, of decision {under_way[-1]}"
    if sum((d.answered or d.at) > moment - timedelta(hours=24) for d in made) >= policy.per_day:
        return f"there were {policy.per_day} within 24 hours"
    # the windows in between are known by their decisions: each judged window has one
    earlier = [d for d in past if d.window.start < report.window.start]
    starts = sorted({d.window.start for d in earlier})[-policy.cool_down_windows :]
    if policy.cool_down_windows and {d.window.start for d in earlier if d.retrains}.intersection(starts):
        return f"within {policy.cool_down_windows} windows of the last one"
    return ""


def _why_not_asked(
    past: Sequence[Decision],
    asks_for: Literal["retrain", "rollback"],
    report: WindowReport,
    champion: ModelVersion | None,
) -> str:
    """Return why a question would be one too many; blank when it would not."""
    tag = champion.tag if champion else None
    for asked in (d for d in past if d.asks_for == asks_for and d.champion == tag):
        if asked.waits:
            return f"the question {asked.id} waits for an answer"
        if asked.answer == "rejected" and asked.window == report.window:
            return f"{asked.answered_by} rejected it{f': {asked.note}' if asked.note else ''}"
    return ""


def _drift(report: WindowReport) -> Finding | None:
    moved = [r for r in report.readings if r.verdict == "drift" and r.kind in _DRIFT]
    if not moved:
        return None
    worst = sorted(moved, key=Reading.urgency)
    words = "; ".join(reading.words for reading in worst[:3])
    names = ", ".join(dict.fromkeys(reading.column for reading in worst))
    against = report.baseline.words if report.baseline else f"what {report.reference} was trained on"
    return Finding(
        cause=f"drift:{report.reference}",
        owner="model",
        severity="warning",
        title=f"{len(worst)} columns drifted from {against}",
        message=f"In the window from {report.window.name}: {words}. All: {names}.",
    )


def _drift_in_parts(report: WindowReport) -> Finding | None:
    """Tell of columns that drifted in a segment and not in the whole, all segments together."""
    moved = {part.segment.name: [n for n in part.drifted if n not in report.drifted] for part in report.segments}
    told = [f"{segment}: {', '.join(names)}" for segment, names in moved.items() if names]
    if not told:
        return None
    return Finding(
        cause=f"drift-in-parts:{report.reference}",
        owner="model",
        severity="warning",
        title=f"In {len(told)} of {len(report.segments)} segments columns drifted that did not as a whole",
        message=f"In the window from {report.window.name}: {'; '.join(told)}.",
    )


def _quality(reading: Reading, report: WindowReport) -> Finding | None:
    if reading.verdict != "drift" or reading.kind in _DRIFT:
        return None
    owner: OwnerRole = "infrastructure" if reading.kind in _INFRASTRUCTURE else "data"
    return Finding(
        cause=f"{reading.kind}:{reading.column}:{report.reference}",
        owner=owner,
        severity="warning",
        title=f"{reading.column}: {_QUALITY[reading.kind]}",
        message=f"In the window from {report.window.name}: {reading.words}.",
    )


def _parts(report: WindowReport) -> Iterator[tuple[Performance, str]]:
    """Yield each performance of the window and of its segments, and where it is, in words."""
    for performance in report.performance:
        yield performance, ""
    for part in report.segments:
        for performance in part.performance:
            yield performance, f" where {part.segment.name}"


def _fall(performance: Performance, report: WindowReport, where: str) -> Finding | None:
    if not performance.fell or performance.reference is None:
        return None
    metric = performance.reference.metric
    now = performance.metrics[metric]
    return Finding(
        cause=f"performance:{performance.version}{where}",
        owner="model",
        severity="warning" if where else "critical",
        title=f"{metric} of {performance.version} fell{where}",
        message=(
            f"In the window from {report.window.name} it is {now.value:.3f} ({now.low:.3f} to {now.high:.3f}) on "
            f"{now.n:,} labelled rows; at release it was {performance.reference.value:.3f}."
        ),
    )


def _estimated_fall(performance: Performance, report: WindowReport, where: str) -> Finding | None:
    """Tell of a fall that is only foretold; once labels have come they have the word."""
    reference = performance.reference
    if not performance.estimated_fell or reference is None or reference.metric in performance.metrics:
        return None
    then = performance.estimated[reference.metric]
    return Finding(
        cause=f"estimated-performance:{performance.version}{where}",
        owner="model",
        severity="warning",
        title=f"{reference.metric} of {performance.version} will have fallen{where}",
        message=(
            f"For the window from {report.window.name} it is estimated at {then.value:.3f} ({then.low:.3f} to "
            f"{then.high:.3f}) before labels have come; at release it was {reference.value:.3f}. "
            f"{performance.estimate_words}"
        ).rstrip(),
    )


def _changed(performance: Performance, report: WindowReport) -> Finding | None:
    if performance.concept is None or not performance.concept.drifted:
        return None
    return Finding(
        cause=f"concept:{performance.version}",
        owner="model",
        severity="warning",
        title=f"Labels no longer follow from what {performance.version} answers",
        message=f"Up to the window from {report.window.name}: {performance.concept.words}",
    )


def _former(performance: Performance, report: WindowReport) -> Finding | None:
    against = performance.against_former
    if against is None or not against.better:
        return None
    return Finding(
        cause=f"former-better:{performance.version}",
        owner="model",
        severity="critical",
        title=f"The former champion is better than {performance.version}",
        message=(
            f"On the same {against.n:,} labelled rows of the window from {report.window.name}: {against.metric} "
            f"{against.challenger_value:.3f} for {against.challenger}, {against.champion_value:.3f} now; "
            f"gain {against.gain:+.3f} ({against.low:+.3f} to {against.high:+.3f})."
        ),
    )


def _troubled(deployment: Deployment) -> Finding | None:
    if not deployment.problem:
        return None
    return Finding(
        cause=f"service:{deployment.problem}",
        owner="infrastructure",
        severity="critical",
        title="A running service has a problem",
        message=f"{deployment.id} answers with {deployment.version or 'no version'}: {deployment.problem}",
    )


def _lost(deployment: Deployment) -> Finding | None:
    if not deployment.lost:
        return None
    return Finding(
        cause=f"lost:{deployment.id}",
        owner="infrastructure",
        severity="critical",
        title="A running service could not record what it answered",
        message=f"{deployment.id} has lost {deployment.lost:,} answered rows since it started; monitoring lacks them.",
    )


def _filling(deployment: Deployment, policy: CapturePolicy) -> Finding | None:
    if deployment.spooled <= policy.most_bytes * _SPOOL_TOLD_FROM:
        return None
    machine = deployment.id.rsplit("-", 2)[0]  # whose services share one spool
    return Finding(
        cause=f"spool:{machine}",
        owner="infrastructure",
        severity="warning",
        title="What the service answers is not collected",
        message=(
            f"{deployment.spooled:,} bytes wait in the spool of {machine}; from {policy.most_bytes:,} on answers are "
            "no longer recorded. See that the tables can be written."
        ),
    )
