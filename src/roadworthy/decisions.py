"""Decisions: from what was found in a window to what is to be done. Pure functions of findings and policy."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from roadworthy.config import CapturePolicy, Policy
from roadworthy.records import Decision, Deployment, Finding, ModelVersion, Performance, Reading, WindowReport

_SPOOL_TOLD_FROM = 0.5  # of what may wait in it
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
        found += [_drift(report), *(_quality(reading, report) for reading in report.readings)]
    for performance in report.performance:
        found += [_fall(performance, report), _former(performance, report)]
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


def decide(
    report: WindowReport,
    found: Sequence[Finding],
    policy: Policy,
    *,
    champion: ModelVersion | None,
    past: Sequence[Decision],
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
        Earlier decisions, oldest first: a retraining is followed by the policy's cool-down.
    """
    live = next((p for p in report.performance if champion and p.version == champion.tag), None)
    if live and live.against_former and live.against_former.better and policy.actions.on_former_better == "rollback":
        reason = f"{live.against_former.challenger}, the former champion, answers this window's rows better"
        return Decision(window=report.window, action="rollback", reason=reason, findings=tuple(found))
    wanted = _why_retrain(report, live, policy)
    if wanted:
        hindrance = _why_not_now(report, policy, champion, past)
        if not hindrance:
            return Decision(window=report.window, action="retrain", reason=wanted, findings=tuple(found))
        wanted = f"{wanted}; no retraining: {hindrance}"
    if found:
        return Decision(window=report.window, action="alert", reason=wanted or found[0].title, findings=tuple(found))
    return Decision(window=report.window, action="nothing", reason=f"verdict: {report.verdict}")


def _why_retrain(report: WindowReport, live: Performance | None, policy: Policy) -> str:
    if live and live.fell and policy.actions.on_performance_fall == "retrain":
        return "realised performance fell by more than is tolerated"
    if report.verdict == "drift" and policy.actions.on_drift == "retrain":
        return f"{len(report.drifted)} columns drifted"
    return ""


def _why_not_now(report: WindowReport, policy: Policy, champion: ModelVersion | None, past: Sequence[Decision]) -> str:
    if report.open:
        return "the window is still open"
    until = champion.trained_until if champion else None
    if until and until >= f"{report.window.start:%Y-%m-%d}":
        return "the champion has learned from everything before this window"
    if report.labelled < policy.performance.minimum_labelled:
        return f"only {report.labelled} rows have labels, a challenger could not be judged"
    earlier = [d for d in past if d.window.start < report.window.start]
    recent = {d.window.start for d in earlier if d.action == "retrain"}
    # the windows in between are known by their decisions: each judged window has one
    starts = sorted({d.window.start for d in earlier})[-policy.retrain.cool_down_windows :]
    if policy.retrain.cool_down_windows and recent.intersection(starts):
        return f"within {policy.retrain.cool_down_windows} windows of the last one"
    if any(d.window == report.window and d.action == "retrain" for d in past):
        return "this window has led to one already"
    return ""


def _drift(report: WindowReport) -> Finding | None:
    moved = [r for r in report.readings if r.verdict == "drift" and r.kind in ("feature", "prediction")]
    if not moved:
        return None
    largest = sorted(moved, key=lambda r: r.effect / r.threshold, reverse=True)
    words = "; ".join(reading.words for reading in largest[:3])
    names = ", ".join(dict.fromkeys(reading.column for reading in largest))
    return Finding(
        cause=f"drift:{report.reference}",
        owner="model",
        severity="warning",
        title=f"{len(largest)} columns drifted from what {report.reference} was trained on",
        message=f"In the window from {report.window.name}: {words}. All: {names}.",
    )


def _quality(reading: Reading, report: WindowReport) -> Finding | None:
    if reading.verdict != "drift" or reading.kind in ("feature", "prediction"):
        return None
    return Finding(
        cause=f"{reading.kind}:{reading.column}:{report.reference}",
        owner="data",
        severity="warning",
        title=f"{reading.column}: {_QUALITY[reading.kind]}",
        message=f"In the window from {report.window.name}: {reading.words}.",
    )


def _fall(performance: Performance, report: WindowReport) -> Finding | None:
    if not performance.fell or performance.reference is None:
        return None
    metric = performance.reference.metric
    now = performance.metrics[metric]
    return Finding(
        cause=f"performance:{performance.version}",
        owner="model",
        severity="critical",
        title=f"{metric} of {performance.version} fell",
        message=(
            f"In the window from {report.window.name} it is {now.value:.3f} ({now.low:.3f} to {now.high:.3f}) on "
            f"{now.n:,} labelled rows; at release it was {performance.reference.value:.3f}."
        ),
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
