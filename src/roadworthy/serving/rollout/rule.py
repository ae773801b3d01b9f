"""The rule by which a rollout goes on, back or through. Pure: from what was measured to evidence and an act.

A bound is *broken* when its interval lies above its limit, *kept* when it lies at or below it, and otherwise there is
too little data. One broken bound sends the challenger back at once; a step is done when every bound is kept, by enough
requests and for long enough. Why it is done so: docs/decisions/0010-rollouts.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from roadworthy.config import RolloutPolicy
from roadworthy.records import Evidence, Record, Rollout
from roadworthy.serving.rollout import bounds
from roadworthy.serving.rollout.bounds import Doubt, Interval

Act = Literal["wait", "next step", "promote", "ask", "roll back", "abort"]
QUALITY = "quality"
_Floats = NDArray[np.float64]
_Bools = NDArray[np.bool_]
_Found = tuple[str, Interval, float, str]


@dataclass(frozen=True)
class Measured:
    """What is known of a challenger's requests in the present step. Rows of one request are alike: they count as one.

    Attributes
    ----------
    failed, seconds
        Whether each request failed, and how long it took; shape (requests,).
    differences
        In a shadow, the share of a request's rows decided otherwise than by the champion; shape (compared requests,),
        in the order of time.
    squares
        Mean squared error of a request's labelled rows (Brier score), in a shadow less the champion's on the same
        rows; shape (labelled requests,), in the order in which the labels came.
    champion_squares
        In a canary, the champion's on its own requests.
    """

    failed: _Bools
    seconds: _Floats
    differences: _Floats
    squares: _Floats
    champion_squares: _Floats

    @property
    def requests(self) -> int:
        """Requests of the challenger, answered or failed."""
        return len(self.failed)


class Judgement(Record):
    """What was found of each bound, what is to be done, and why."""

    evidence: tuple[Evidence, ...]
    act: Act
    reason: str


def judge(policy: RolloutPolicy, rollout: Rollout, measured: Measured, now: datetime) -> Judgement:
    """Judge the present step of a rollout.

    Parameters
    ----------
    policy
        Limits, minimums, and the confidence: ``1 - confidence`` bounds the probability that the rollout as a whole is
        rolled back although every bound is kept in truth, and the probability that it is promoted although one is
        broken in truth.
    rollout
        The running rollout.
    measured
        What is known of the present step.
    now
        The moment of the look.

    Returns
    -------
    Judgement
        ``ask`` where the rollout has run its course and a person is to decide: after a shadow, or when the policy
        says so.
    """
    evidence = tuple(_evidence(policy, rollout, measured, now))
    broken = [found.words for found in evidence if found.verdict == "broken"]
    if broken:
        return Judgement(evidence=evidence, act="roll back", reason="; ".join(broken))
    minutes = (now - rollout.since).total_seconds() / 60
    missing = list(_missing(policy, evidence, measured.requests, minutes))
    if not missing:
        kept = "no bound is broken" if any(found.verdict != "kept" for found in evidence) else "all bounds are kept"
        words = f"{kept}: {'; '.join(found.words for found in evidence)}"
        return Judgement(evidence=evidence, act=_onward(policy, rollout), reason=words)
    words = "; ".join(missing)
    if minutes >= policy.patience_minutes:
        reason = f"no verdict after {minutes:,.0f} minutes: {words}"
        return Judgement(evidence=evidence, act="abort", reason=reason)
    return Judgement(evidence=evidence, act="wait", reason=f"waiting: {words}")


def _evidence(policy: RolloutPolicy, rollout: Rollout, measured: Measured, now: datetime) -> Iterator[Evidence]:
    """Judge each bound, every one with its part of the doubt."""
    asked = [_errors, _slowness, _difference, _quality] if rollout.mode == "shadow" else [_errors, _slowness, _quality]
    doubt = _doubt(policy, bounds=len(asked), steps=len(rollout.steps))
    for ask in asked:
        name, found, limit, fact = ask(policy, rollout, measured, doubt)
        verdict = _verdict(found, limit)
        words = f"{name}: {fact}; {verdict}" if found.n else f"{name}: nothing to judge it by yet"
        ends = {"value": found.value, "low": found.low, "high": found.high, "n": found.n}
        yield Evidence(at=now, step=rollout.step, bound=name, limit=limit, verdict=verdict, words=words, **ends)


def _errors(policy: RolloutPolicy, rollout: Rollout, measured: Measured, doubt: Doubt) -> _Found:
    failed = int(np.count_nonzero(measured.failed))
    found = bounds.share(failed, measured.requests, doubt)
    fact = f"{failed:,} of {found.n:,} requests failed, {_shares(found)}, at most {percent(policy.error_rate)}"
    return "error rate", found, policy.error_rate, fact


def _slowness(policy: RolloutPolicy, rollout: Rollout, measured: Measured, doubt: Doubt) -> _Found:
    slow = int(np.count_nonzero(measured.seconds > policy.slow_seconds))
    found = bounds.share(slow, measured.requests, doubt)
    fact = (
        f"{slow:,} of {found.n:,} requests took longer than {policy.slow_seconds:g} s, {_shares(found)}, "
        f"at most {percent(policy.slow_share)}"
    )
    return "slow share", found, policy.slow_share, fact


def _difference(policy: RolloutPolicy, rollout: Rollout, measured: Measured, doubt: Doubt) -> _Found:
    found = bounds.mean(measured.differences, doubt)
    fact = (
        f"in {found.n:,} requests the champion decided otherwise in {_shares(found)} of the rows, "
        f"at most {percent(policy.difference)}"
    )
    return "difference", found, policy.difference, fact


def _quality(policy: RolloutPolicy, rollout: Rollout, measured: Measured, doubt: Doubt) -> _Found:
    if rollout.mode == "shadow":
        found = bounds.mean(measured.squares, doubt, least=-1.0)
    else:
        found = bounds.difference(measured.squares, measured.champion_squares, doubt)
    fact = (
        f"on {found.n:,} labelled requests the Brier score less the champion's is {found.value:+.4f} "
        f"({found.low:+.4f} to {found.high:+.4f}), at most {policy.quality:+.4f}"
    )
    return QUALITY, found, policy.quality, fact


def _doubt(policy: RolloutPolicy, *, bounds: int, steps: int) -> Doubt:
    """Divide the doubt: so that no bound of any step is found broken by chance, each has its share of it.

    To be promoted by chance, a challenger that breaks a bound in truth must have that very bound found kept. One such
    error is needed whatever the number of bounds and steps, so nothing is divided there (Berger, Multiparameter
    hypothesis testing and acceptance sampling, Technometrics 24, 1982).
    """
    whole = 1 - policy.confidence
    return Doubt(low=whole / (bounds * steps), high=whole)


def _verdict(found: Interval, limit: float) -> Literal["kept", "broken", "too little data"]:
    if found.low > limit:
        return "broken"
    return "kept" if found.high <= limit else "too little data"


def _missing(policy: RolloutPolicy, evidence: tuple[Evidence, ...], requests: int, minutes: float) -> Iterator[str]:
    """Say what a step still needs. Labels that do not come are not waited for; those that came must speak."""
    if requests < policy.minimum_requests:
        yield f"{requests:,} of at least {policy.minimum_requests:,} requests"
    if minutes < policy.minimum_minutes:
        yield f"{minutes:,.1f} of at least {policy.minimum_minutes:,g} minutes"
    for found in evidence:
        if found.verdict != "too little data" or (found.bound == QUALITY and found.n < policy.minimum_labelled):
            continue
        yield found.words


def _onward(policy: RolloutPolicy, rollout: Rollout) -> Act:
    if rollout.step + 1 < len(rollout.steps):
        return "next step"
    return "promote" if rollout.mode == "canary" and policy.then == "promote" else "ask"


def _shares(found: Interval) -> str:
    return f"{percent(found.value)} ({percent(found.low)} to {percent(found.high)})"


def percent(part: float) -> str:
    """Write a share as percent, with two digits that matter.

    Examples
    --------
    >>> percent(0.01), percent(0.00034), percent(0.1234), percent(0.0), percent(1.0)
    ('1 %', '0.034 %', '12.3 %', '0 %', '100 %')
    """
    digits = f"{100 * part:.1f}" if part >= 0.1 else f"{100 * part:.2g}"
    return f"{digits.removesuffix('.0')} %"
