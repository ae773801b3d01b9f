"""What a report says to somebody who owns the product: what happened, whether it matters, who acts, what was done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from roadworthy.monitoring.report.document import Report
from roadworthy.monitoring.wording import difference, interval, listed, metric_name, shortened, window_label
from roadworthy.records import Alert, Decision, MetricReading, OwnerRole, Performance, Reading, WindowReport

Mood = Literal["bad", "changed", "fine", "unknown"]
_EVIDENCE = 3  # changes told in words
_LONGEST_NAME = 60
_ACTS = {
    "alert": "The owner was told",
    "retrain": "Retraining",
    "promote": "Promotion",
    "rollback": "Rollback",
}
_WHOLE = frozenset({"volume", "freshness", "duplicates"})  # of readings that are about a window's rows, not a column
_WORTH = "value_per_1000"
_NOTHING_YET = "No window of traffic has been judged yet."


@dataclass(frozen=True)
class Story:
    """The answers, each a sentence or two; ``evidence`` holds what changed most, ``acts`` a line for each who acts."""

    mood: Mood
    headline: str
    happened: str
    evidence: tuple[str, ...]
    matters: str
    acts: tuple[str, ...]
    done: str


def tell(report: Report) -> Story:
    """Tell what the report's window of now says."""
    told = report.told
    if told is None:
        nothing = "Start the service, send it requests, then observe."
        return Story("unknown", _NOTHING_YET, _NOTHING_YET, (), "Not known yet.", ("Nobody yet.",), nothing)
    one = live(told)
    mood, headline = _headline(told, one)
    drifted = sorted((reading for reading in told.readings if reading.verdict == "drift"), key=Reading.urgency)
    return Story(
        mood=mood,
        headline=headline,
        happened=" ".join(_happened(report, told)),
        evidence=tuple(reading.words for reading in drifted[:_EVIDENCE]),
        matters=" ".join(_matters(told, one)),
        acts=tuple(_acts(report, told)),
        done=" ".join(_done(report, told)),
    )


def live(found: WindowReport) -> Performance | None:
    """Return the performance of the version that the window is held against, else of the one that answered most."""
    ranked = sorted(found.performance, key=lambda one: (one.version != found.reference, -one.rows))
    return next(iter(ranked), None)


def held_against(found: WindowReport) -> str:
    """Tell what a window was held against."""
    if found.baseline is None or found.baseline.kind == "training":
        return "what the model learned from"
    return found.baseline.words


def decision_about(report: Report, found: WindowReport) -> Decision | None:
    """Return the newest decision about a window that did or planned something, else the newest."""
    about = [decision for decision in report.decisions if decision.window == found.window]
    acted = [decision for decision in about if decision.action not in ("nothing", "alert")]
    return next(reversed(acted or about), None)


def acted(decision: Decision) -> str:
    """Return what was done by a decision: ``retrain``, ``promote``, ``rollback``, or blank when none of these."""
    act = decision.asks_for if decision.answer == "approved" else decision.action
    return act if act in ("retrain", "promote", "rollback") else ""


def decision_words(report: Report, decision: Decision) -> str:
    """Tell what was decided, why, and what came of it."""
    if decision.action == "nothing":
        drift = any(found.verdict == "drift" for found in report.windows if found.window == decision.window)
        return f"Nothing yet: {_sentence(decision.reason)}" if drift else "Nothing: none was needed."
    act = _ACTS.get(decision.action, "")
    if decision.waits:
        act = f"{_ACTS.get(decision.asks_for or '', 'This')} waits for a person's approval"
    elif decision.action == "ask":
        act = f"{_ACTS.get(decision.asks_for or '', 'This')}, {decision.answer} by {decision.answered_by}"
    outcome = _outcome(report, decision)
    answer = f" The command roadworthy approve {decision.id} answers." if decision.waits else ""
    return f"{act}: {_sentence(decision.reason)}{f' Outcome: {_sentence(outcome)}' if outcome else ''}{answer}"


def _outcome(report: Report, decision: Decision) -> str:
    """Tell what acting on a decision came to, or how far its retraining is."""
    led_to = next((one for one in report.retrainings if one.decision == decision.id), None)
    if led_to is None:
        return decision.outcome or ""
    return led_to.outcome or decision.outcome or f"under way, at the step {led_to.step}"


def _foretold(one: Performance) -> str:
    """Say what the estimate says while labels are too few."""
    metric = one.reference.metric if one.reference else next(iter(one.estimated), "")
    if metric not in one.estimated or not one.estimate_trusted:
        why = f" The estimate cannot be trusted: {_sentence(one.estimate_words)}" if one.estimate_words else ""
        return f"Not known yet: {_figures(one)}.{why}"
    estimate = f"{metric_name(metric)} will be {interval(one.estimated[metric])}"
    release = f", at release it was {interval(one.reference)}" if one.reference else ""
    opening = "Probably" if one.estimated_fell else "Probably not"
    return f"{opening}: {_figures(one)}, but by the estimate {estimate}{release}."


def _figures(one: Performance) -> str:
    """Write the metric of the use case, now and at release."""
    reading = _judged_by(one)
    if reading is None:
        return f"{one.labelled:,} of {one.rows:,} rows have a label, too few to judge it"
    now = f"{metric_name(reading.metric)} is {interval(reading)} on {reading.n:,} labelled rows"
    return f"{now}, at release it was {interval(one.reference)}" if one.reference else now


def _judged_by(one: Performance) -> MetricReading | None:
    if one.reference is not None:
        return one.metrics.get(one.reference.metric)
    return next(iter(one.metrics.values()), None)


def _headline(told: WindowReport, one: Performance | None) -> tuple[Mood, str]:
    if one is not None and (bad := _bad(one)):
        return "bad", bad
    if told.verdict == "drift":
        if not told.rows:
            return "changed", "No traffic came."
        if one is not None and one.fall is not None:
            return "changed", "The traffic has changed; the model still answers as well as is asked of it."
        return "changed", "The traffic has changed; what that does to the answers is not known yet."
    if told.verdict == "no drift":
        return "fine", "Nothing that counts has changed."
    return "unknown", "There is too little data to say whether anything changed."


def _bad(one: Performance) -> str:
    """Return the worst that can be said of a version's answers, or nothing."""
    said = {
        "The model answers worse than it did at release.": one.fell,
        "The version before this one would answer better.": one.against_former is not None
        and one.against_former.better,
        "What the model learned no longer holds as it did.": one.concept is not None and one.concept.drifted,
        "The model probably answers worse than it did at release.": one.estimated_fell,
    }
    return next((words for words, so in said.items() if so), "")


def _happened(report: Report, told: WindowReport) -> Iterator[str]:
    label = window_label(told.window)
    looked_at = {reading.column for reading in told.readings if reading.kind not in _WHOLE}
    drifted = [name for name in told.drifted if name in looked_at]
    if not told.rows:
        yield f"No row came in {label}."
    elif told.verdict == "drift":
        names = listed([shortened(name, _LONGEST_NAME) for name in drifted])
        share = f"{len(drifted)} of {len(looked_at)} columns{f': {names}' if drifted else ''}"
        yield f"The data of {label} differ from {held_against(told)} in {share}."
    elif told.verdict == "no drift":
        yield f"Nothing that counts has changed in the data of {label}; {len(looked_at)} columns were looked at."
    else:
        yield f"{label[0].upper()}{label[1:]} has too little data to say whether anything changed: {told.rows:,} rows."
    parts = [part.segment.name for part in told.segments if part.verdict == "drift"]
    if parts and told.verdict != "drift":
        yield f"In parts of the traffic something has: {listed([shortened(name, _LONGEST_NAME) for name in parts])}."
    if told.separation is not None and told.separation.verdict == "drift" and told.verdict != "drift":
        yield _sentence(told.separation.words, begin=True)
    if told.open:
        yield "The window is still open: more rows may come."
    newest = report.windows[-1]
    if newest is not told and not newest.rows:
        yield f"No row came in {window_label(newest.window)}."
    elif newest is not told:
        yield f"Since then {window_label(newest.window)} has begun, with {newest.rows:,} rows so far."


def _matters(told: WindowReport, one: Performance | None) -> Iterator[str]:
    if one is None:
        yield "Not known: no version's answers could be held against labels."
        return
    former = one.against_former
    if one.fell:
        yield f"Yes: the model's answers have become worse, beyond doubt by more than is tolerated: {_figures(one)}."
    elif one.fall is None:
        yield _foretold(one)
    else:
        opening = "Not so far" if told.verdict == "drift" else "No"
        worse = "a little worse than at release, not beyond doubt more than is tolerated"
        how = worse if one.fall > 0 else "the model answers no worse than at release"
        yield f"{opening}: {how}: {_figures(one)}."
    if one.fell and one.explanation is not None:
        yield f"Why: {_sentence(one.explanation.words)}"
    if one.concept is not None and one.concept.drifted:
        yield _sentence(one.concept.words, begin=True)
    if one.label_bias:
        yield _sentence(one.label_words, begin=True)
    if former is not None and former.better:
        gain = f"{difference(former.gain)} ({difference(former.low)} to {difference(former.high)})"
        yield f"The version before, {former.challenger}, would have been better by {gain} on the same rows."
    if (worth := one.metrics.get(_WORTH)) is not None:
        yield f"Acting on its answers is worth {interval(worth)} per 1,000 cases."


def _acts(report: Report, told: WindowReport) -> Iterator[str]:
    waiting = [alert for alert in report.alerts if alert.resolved is None]
    for decision in report.decisions:
        if decision.waits:
            yield f"Somebody has to approve or reject: {_ACTS.get(decision.asks_for or '', 'an act').lower()}."
    for owner in dict.fromkeys(alert.owner for alert in waiting):
        alerts = [alert for alert in waiting if alert.owner == owner]
        yield _owner_words(owner, alerts)
    if not waiting and (told.verdict == "drift" or any(one.fell for one in told.performance)):
        role: OwnerRole = "model" if told.rows else "infrastructure"
        owner = report.owners.get(role, "the owner of the model" if told.rows else "the owner of infrastructure")
        yield f"Nobody has been told. It would be for {owner} to look at."
    elif not waiting:
        yield "Nobody has to."


def _owner_words(owner: str, alerts: Sequence[Alert]) -> str:
    role, _, person = owner.rpartition(": ")
    seen = sum(alert.acknowledged is not None for alert in alerts)
    number = f"{len(alerts)} open alert{'s' if len(alerts) > 1 else ''}"
    acknowledged = f", {'it is' if len(alerts) == 1 else f'{seen} of them'} acknowledged" if seen else ""
    untold = "" if all(alert.delivered for alert in alerts) else " Not every message could be delivered yet."
    return f"{person}{f' ({role})' if role else ''}, for {number}{acknowledged}.{untold}"


def _done(report: Report, told: WindowReport) -> Iterator[str]:
    decision = decision_about(report, told)
    if decision is not None:
        yield decision_words(report, decision)
    elif told.verdict == "drift":
        yield "Nothing yet: this window was looked at, but not decided about. The command roadworthy watch decides."
    else:
        yield "Nothing: none was needed."
    before = [one for one in report.decisions if one.window.start < told.window.start and acted(one)]
    if before and not (decision and acted(decision)):
        newest = max(before, key=lambda one: (one.window.start, one.at))
        yield f"The last act was for {window_label(newest.window)}. {decision_words(report, newest)}"


def _sentence(words: str, *, begin: bool = False) -> str:
    text = f"{words[:1].upper()}{words[1:]}".strip() if begin else words.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
