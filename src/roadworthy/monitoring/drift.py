"""What changed between the data a model learned from and a window of traffic: by size and by evidence together.

A reading is drift when its effect reaches the policy's threshold *and* its p-value survives the Benjamini-Hochberg
correction over all of the window's readings. With too few rows nothing is said, least of all "no drift".
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np
from scipy import stats

from roadworthy.config import DriftPolicy
from roadworthy.contract import Column
from roadworthy.monitoring.measures import MEASURES, Evidence, Measure
from roadworthy.monitoring.profiles import Profile
from roadworthy.records import Reading, Verdict

_PREDICTION = Column(name="the predicted probability", type="number", role="other")
_ReadingKind = Literal["feature", "prediction", "missing", "unseen"]


class _Weighed(NamedTuple):
    column: str
    kind: _ReadingKind
    measure: Measure
    evidence: Evidence


def compare(
    reference: Profile, window: Profile, columns: Sequence[Column], prediction: str | None, policy: DriftPolicy
) -> tuple[Reading, ...]:
    """Hold a window's profile against the reference profile, column by column.

    Parameters
    ----------
    reference, window
        Profiles with the columns, and with the prediction column when it is given.
    columns
        The contract's columns to compare, usually its features.
    prediction
        Name of the profiles' column of predicted probabilities, or None.
    policy
        The thresholds, the false-discovery rate, and the fewest rows.

    Returns
    -------
    tuple
        Readings, worst first: drift before the others, then by effect over threshold. A column has a reading of its
        values (kind ``feature`` or ``prediction``), one of ``unseen`` categories when it is categorical, and one of
        ``missing`` values when any is missing. A column that neither profile has yields none.
    """
    found = list(_weigh(reference, window, columns, prediction))
    if not found:
        return ()
    adjusted = stats.false_discovery_control(np.array([one.evidence.p_value for one in found]), method="bh")
    readings = [_reading(one, float(p), policy) for one, p in zip(found, adjusted, strict=True)]
    return tuple(sorted(readings, key=lambda r: (r.verdict != "drift", -r.effect / r.threshold, r.column, r.kind)))


def drifted(readings: Sequence[Reading]) -> tuple[str, ...]:
    """Return the columns with a reading of drift, largest effect over threshold first."""
    worst = sorted((r for r in readings if r.verdict == "drift"), key=lambda r: -r.effect / r.threshold)
    return tuple(dict.fromkeys(reading.column for reading in worst))


def verdict(readings: Sequence[Reading]) -> Verdict:
    """Return a window's verdict: drift when any reading is, no drift when none is and at least one had enough rows."""
    verdicts = {reading.verdict for reading in readings}
    if "drift" in verdicts:
        return "drift"
    return "no drift" if "no drift" in verdicts else "too little data"


def expected_false_alarms(readings: Sequence[Reading], policy: DriftPolicy) -> float:
    """Return how many of the window's readings of drift are there by chance, at most, on average.

    The Benjamini-Hochberg correction keeps the expected share of chance among what it names at or below the
    false-discovery rate (Benjamini and Hochberg 1995; Benjamini and Yekutieli 2001 for positively dependent tests,
    as correlated features are). So it is that rate times the number of readings named; the least effect that is
    asked for besides only lowers it. It is 0 where nothing is named. A window in which nothing changed raises any
    alarm at all with at most that rate as its probability.

    Examples
    --------
    >>> expected_false_alarms([], DriftPolicy())
    0.0
    """
    return policy.false_discovery_rate * sum(reading.verdict == "drift" for reading in readings)


def _weigh(
    reference: Profile, window: Profile, columns: Sequence[Column], prediction: str | None
) -> Iterator[_Weighed]:
    asked = [(column.name, column) for column in columns]
    if prediction is not None:
        asked.append((prediction, _PREDICTION))
    for name, column in asked:
        before, after = reference.column(name), window.column(name)
        for measure in MEASURES:
            if measure.applies(before, after):
                kind = "prediction" if column is _PREDICTION and measure.kind == "feature" else measure.kind
                yield _Weighed(name, kind, measure, measure.weigh(before, after, column))


def _reading(one: _Weighed, adjusted: float, policy: DriftPolicy) -> Reading:
    found = one.evidence
    threshold = {"missing": policy.missing, "unseen": policy.unseen}.get(one.kind, policy.effect)
    decision = _decide(found, adjusted, threshold, policy)
    return Reading(
        column=one.column,
        kind=one.kind,
        measure=one.measure.name,
        statistic=found.statistic,
        effect=found.effect,
        threshold=threshold,
        p_value=found.p_value,
        adjusted_p=adjusted,
        n_reference=found.n_reference,
        n_window=found.n_window,
        verdict=decision,
        words=_words(found, decision, threshold, policy),
        bars=found.bars,
    )


def _decide(found: Evidence, adjusted: float, threshold: float, policy: DriftPolicy) -> Verdict:
    if min(found.n_window, found.n_reference) < policy.minimum_rows:
        return "too little data"
    return "drift" if found.effect >= threshold and adjusted <= policy.false_discovery_rate else "no drift"


def _words(found: Evidence, decision: Verdict, threshold: float, policy: DriftPolicy) -> str:
    if decision == "drift":
        return f"{found.headline}: {found.fact}"
    if decision == "too little data":
        fewest = min(found.n_window, found.n_reference)
        where = "in the window" if found.n_window == fewest else "in the training data"
        return f"{found.subject}: too little data, {fewest:,} values {where} where {policy.minimum_rows:,} are needed"
    calm = "may differ by chance" if found.effect >= threshold else "much as before"
    return f"{found.subject}: {calm}, {found.fact}"
