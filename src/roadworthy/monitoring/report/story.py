"""What a report says to somebody who owns the product: what happened, whether it matters, who acts, what was done."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from roadworthy.monitoring.report.document import Report
from roadworthy.monitoring.wording import difference, interval, listed, metric_name, shortened, window_label
from roadworthy.records import Decision, MetricReading, Performance, WindowReport

Mood = Literal["bad", "changed", "fine", "unknown"]
_EVIDENCE = 3  # changes told in words
_LONGEST_NAME = 60
_WORTH = "value_per_1000"
_NOTHING_YET = "No window of traffic has been judged yet."


@dataclass(frozen=True)
class Story:
    """The answers, each a sentence or two; ``evidence`` holds the largest changes in words."""

    mood: Mood
    headline: str
    happened: str
    evidence: tuple[str, ...]
    matters: str
    acts: str
    done: str


def tell(report: Report) -> Story:
    """Tell what the report's window of now says."""
    told = report.told
    if told is None:
        nothing = "Start the service, send it requests, then observe."
        return Story("unknown", _NOTHING_YET, _NOTHING_YET, (), "Not known yet.", "Nobody yet.", nothing)
    one = live(told)
    mood, headline = _headline(told, one)
    drifted = [reading for reading in told.readings if reading.verdict == "drift"]
    return Story(
        mood=mood,
        headline=headline,
        happened=" ".join(_happened(report, told)),
        evidence=tuple(reading.words for reading in drifted[:_EVIDENCE]),
        matters=" ".join(_matters(told, one)),
        acts=" ".join(_acts(report, told)),
        done=" ".join(_done(report, told)),
    )


def live(found: WindowReport) -> Performance | None:
    """Return the performance of the version that the window is held against, else of the one that answered most."""
    ranked = sorted(found.performance, key=lambda one: (one.version != found.reference, -one.rows))
    return next(iter(ranked), None)


def decision_about(report: Report, found: WindowReport) -> Decision | None:
    """Return the newest decision about a window that did or planned something, else the newest."""
    about = [decision for decision in report.decisions if decision.window == found.window]
    acted = [decision for decision in about if decision.action not in ("nothing", "alert")]
    return next(reversed(acted or about), None)


def decision_words(decision: Decision) -> str:
    """Tell what was decided, why, and what came of it."""
    if decision.action == "nothing":
        return "Nothing: none was needed."
    act = {"alert": "The owner was told", "retrain": "Retraining", "rollback": "Rollback"}.get(
        decision.action, decision.action.capitalize()
    )
    outcome = f" Outcome: {_sentence(decision.outcome)}" if decision.outcome else ""
    return f"{act}: {_sentence(decision.reason)}{outcome}"


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
    if one is not None and one.fell:
        return "bad", "The model answers worse than it did at release."
    if one is not None and one.against_former is not None and one.against_former.better:
        return "bad", "The version before this one would answer better."
    if told.verdict == "drift":
        if one is not None and one.fall is not None:
            return "changed", "The traffic has changed; the model still answers as well as is asked of it."
        return "changed", "The traffic has changed; what that does to the answers is not known yet."
    if told.verdict == "no drift":
        return "fine", "Nothing that counts has changed."
    return "unknown", "There is too little data to say whether anything changed."


def _happened(report: Report, told: WindowReport) -> Iterator[str]:
    label = window_label(told.window)
    looked_at = len({reading.column for reading in told.readings})
    if told.verdict == "drift":
        names = listed([shortened(name, _LONGEST_NAME) for name in told.drifted])
        share = f"{len(told.drifted)} of {looked_at} columns"
        yield f"The data of {label} differ from what the model learned from in {share}: {names}."
    elif told.verdict == "no drift":
        yield f"Nothing that counts has changed in the data of {label}; {looked_at} columns were looked at."
    else:
        yield f"{label[0].upper()}{label[1:]} has too little data to say whether anything changed: {told.rows:,} rows."
    if told.open:
        yield "The window is still open: more rows may come."
    newest = report.windows[-1]
    if newest is not told:
        yield f"Since then {window_label(newest.window)} has begun, with {newest.rows:,} rows so far."


def _matters(told: WindowReport, one: Performance | None) -> Iterator[str]:
    if one is None:
        yield "Not known: no version's answers could be held against labels."
        return
    former = one.against_former
    if one.fell:
        yield f"Yes: the model's answers have become worse, beyond doubt by more than is tolerated: {_figures(one)}."
    elif one.fall is None:
        yield f"Not known yet: {_figures(one)}."
    else:
        opening = "Not so far" if told.verdict == "drift" else "No"
        worse = "a little worse than at release, not beyond doubt more than is tolerated"
        how = worse if one.fall > 0 else "the model answers no worse than at release"
        yield f"{opening}: {how}: {_figures(one)}."
    if former is not None and former.better:
        gain = f"{difference(former.gain)} ({difference(former.low)} to {difference(former.high)})"
        yield f"The version before, {former.challenger}, would have been better by {gain} on the same rows."
    if (worth := one.metrics.get(_WORTH)) is not None:
        yield f"Acting on its answers is worth {interval(worth)} per 1,000 cases."


def _acts(report: Report, told: WindowReport) -> Iterator[str]:
    waiting = [alert for alert in report.alerts if alert.resolved is None]
    for owner in dict.fromkeys(alert.owner for alert in waiting):
        role, _, person = owner.rpartition(": ")
        alerts = [alert for alert in waiting if alert.owner == owner]
        yield f"{person}{f' ({role})' if role else ''}, for {len(alerts)} open alert{'s' if len(alerts) > 1 else ''}."
        if not all(alert.delivered for alert in alerts):
            yield "The message could not be delivered yet."
    if not waiting and (told.verdict == "drift" or any(one.fell for one in told.performance)):
        owner = report.owners.get("model", "the owner of the model")
        yield f"Nobody has been told. It would be for {owner} to look at."
    elif not waiting:
        yield "Nobody has to."


def _done(report: Report, told: WindowReport) -> Iterator[str]:
    decision = decision_about(report, told)
    if decision is not None:
        yield decision_words(decision)
    elif told.verdict == "drift":
        yield "Nothing yet: this window was looked at, but not decided about. The command roadworthy watch decides."
    else:
        yield "Nothing: none was needed."


def _sentence(words: str) -> str:
    text = words.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
