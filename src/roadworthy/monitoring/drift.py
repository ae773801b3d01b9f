"""What changed between the data a model learned from and a window of traffic: by size and by evidence together.

A reading is drift when its effect reaches the policy's threshold *and* chance does not explain it, at a level that all
of the window's readings share (`correction`) and that keeps to the policy's budget of false alarms a month. "No drift"
is said only where a change of the threshold's size is ruled out or would have been found; else there is too little data
to tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from roadworthy.config import DriftPolicy
from roadworthy.contract import Column
from roadworthy.monitoring.correction import Corrected
from roadworthy.monitoring.measures import MEASURES, Evidence
from roadworthy.monitoring.measures.base import detectable_beyond
from roadworthy.monitoring.precedent import Precedents
from roadworthy.monitoring.profiles import Profile
from roadworthy.monitoring.slices import Sliced
from roadworthy.monitoring.wording import figure
from roadworthy.records import Reading, ReadingKind, Verdict

DAYS_A_MONTH = 365.2425 / 12
MOST_PER_WINDOW = 0.05  # chance of a false alarm that no window exceeds, however few windows share a month's budget

WEIGHTS: dict[ReadingKind, float] = {"unseen": 0.1}  # a reading's part of the window's level; 1 of what is not named

_PREDICTION = Column(name="the predicted probability", type="number", role="other")


@dataclass(frozen=True)
class Fact:
    """Something found in a window that is to be judged.

    Attributes
    ----------
    column
        The column, or what else it is about.
    kind, measure
        As in `Reading`.
    threshold
        The least effect that matters.
    evidence
        What was found.
    minimum_rows
        With fewer on either side nothing is said; 0 for facts about the rows themselves, such as how many came.
    """

    column: str
    kind: ReadingKind
    measure: str
    threshold: float
    evidence: Evidence
    minimum_rows: int = 0


def level(policy: DriftPolicy, windows_a_month: float = DAYS_A_MONTH, families: int = 1) -> float:
    """Return the chance of a false alarm that one window may take.

    The budget is spread evenly over the windows of a month and over what is judged separately in each of them. By
    Holm's correction a window, however many readings it has and however they depend on one another, names something
    that has not changed with at most this probability; so a month has at most ``false_alarms_per_month`` such windows
    on average (Holm, A simple sequentially rejective multiple test procedure, 1979). A window never takes more than
    0.05.

    Parameters
    ----------
    policy
        With the budget.
    windows_a_month
        How many windows are judged in a month: 1 by month, 4.3 by week, 30.4 by day, 730 by hour.
    families
        How many separate comparisons share a window: 1, and 1 more for each segment.

    Examples
    --------
    >>> [round(level(DriftPolicy(), windows), 4) for windows in (1, 30.44, 730.5)]
    [0.05, 0.0164, 0.0007]
    """
    return min(policy.false_alarms_per_month / max(windows_a_month, 1), MOST_PER_WINDOW) / max(families, 1)


def compare(
    reference: Profile | Sliced,
    window: Profile | Sliced,
    columns: Sequence[Column],
    prediction: str | None,
    policy: DriftPolicy,
    *,
    facts: Sequence[Fact] = (),
    at_level: float | None = None,
) -> tuple[Reading, ...]:
    """Hold a window's profile against the reference profile, column by column.

    Parameters
    ----------
    reference, window
        Profiles with the columns, and with the prediction column when it is given. Sliced, the variation between
        slices tells how many independent rows the rows are worth; not sliced, rows are taken to be independent.
    columns
        The contract's columns to compare, usually its features.
    prediction
        Name of the profiles' column of predicted probabilities, or None.
    policy
        The thresholds, the budget of false alarms, and the fewest rows.
    facts
        What else was found in the window, judged with the rest within the same budget.
    at_level
        The chance of a false alarm that this comparison may take, from `level`; that of a window a day when None.

    Returns
    -------
    tuple
        Readings, worst first: drift before the others, then by effect over threshold. A column has a reading of its
        values (kind ``feature`` or ``prediction``, or ``type`` where they are of another kind), one of ``unseen``
        categories when it is categorical, and one of ``missing`` values when any is missing. A column that neither
        profile has yields none.
    """
    found = weigh(reference, window, columns, prediction, policy)
    return judge([*found, *facts], level(policy) if at_level is None else at_level)


def weigh(
    reference: Profile | Sliced,
    window: Profile | Sliced,
    columns: Sequence[Column],
    prediction: str | None,
    policy: DriftPolicy,
) -> tuple[Fact, ...]:
    """Return what the profiles say of each column, not yet judged; parameters as for `compare`."""
    return tuple(_weigh(Sliced.of(reference), Sliced.of(window), columns, prediction, policy))


def judge(facts: Sequence[Fact], at_level: float) -> tuple[Reading, ...]:
    """Decide on all facts of a window together; worst first, as `compare` returns them."""
    found = [one.evidence for one in facts]
    known = Precedents.of([one.precedent for one in found], [one.threshold for one in facts])
    p_values = np.array([one.p_value for one in found], dtype=np.float64)
    corrected = Corrected.of(p_values, weights(facts), known, at_level)
    readings = [_reading(one, corrected, place, at_level) for place, one in enumerate(facts)]
    return tuple(sorted(readings, key=Reading.urgency))


def without_rows(columns: Sequence[Column], prediction: str, policy: DriftPolicy) -> tuple[Reading, ...]:
    """Return that there is too little data on each column of a window in which no row came; nothing is judged.

    Parameters
    ----------
    columns, prediction, policy
        As for `compare`.

    Examples
    --------
    >>> temp = Column(name="temp", type="number", role="feature")
    >>> [reading.words for reading in without_rows([temp], "probability", DriftPolicy())]
    ['temp: too little data, no row came', 'the predicted probability: too little data, no row came']
    """
    kinds: dict[str, ReadingKind] = {**{column.name: "feature" for column in columns}, prediction: "prediction"}
    return tuple(
        Reading(
            column=name,
            kind=kind,
            measure="none",
            statistic=0.0,
            effect=0.0,
            threshold=policy.effect,
            p_value=1.0,
            adjusted_p=1.0,
            level=0.0,
            n_reference=0,
            n_window=0,
            verdict="too little data",
            words=f"{_PREDICTION.name if kind == 'prediction' else name}: too little data, no row came",
        )
        for name, kind in kinds.items()
    )


SEEN_IN_RUNS: frozenset[ReadingKind] = frozenset({"feature", "prediction", "missing"})  # their evidence has a precedent


def of_runs(found: Sequence[Reading]) -> float:
    """Return the part of a window's level that goes to what the reference's own runs can decide.

    Examples
    --------
    >>> of_runs([])
    0.0
    """
    parts = weights(found)
    among = np.array([one.kind in SEEN_IN_RUNS for one in found], dtype=np.bool_)
    return float(parts[among].sum() / parts.sum()) if len(parts) else 0.0


def weights(found: Sequence[Fact] | Sequence[Reading]) -> NDArray[np.float64]:
    """Return each reading's part of the window's level, shape (readings,).

    Unseen categories are asked a tenth of what others are: they come in the hundreds or not at all, so they need no
    more, and the values of the columns are left nearly all of it.
    """
    return np.array([WEIGHTS.get(one.kind, 1.0) for one in found], dtype=np.float64)


def drifted(readings: Sequence[Reading]) -> tuple[str, ...]:
    """Return the columns with a reading of drift, what matters most first."""
    worst = sorted((r for r in readings if r.verdict == "drift"), key=Reading.urgency)
    return tuple(dict.fromkeys(reading.column for reading in worst))


def verdict(readings: Sequence[Reading]) -> Verdict:
    """Return a window's verdict.

    Drift when any reading is; no drift when none is, and at least half of the readings of features and predictions
    say so (of all, where there are none of these); else too little data.
    """
    if any(reading.verdict == "drift" for reading in readings):
        return "drift"
    values = [reading for reading in readings if reading.kind in ("feature", "prediction")] or readings
    sure = sum(reading.verdict == "no drift" for reading in values)
    return "no drift" if values and 2 * sure >= len(values) else "too little data"


def expected_false_alarms(readings: Sequence[Reading]) -> float:
    """Return the chance, at most, that such a window names anything where nothing has changed.

    It is the level that the window was judged at; added up over a month's windows it is at most the budget. 0 where
    there was nothing to judge.

    Examples
    --------
    >>> expected_false_alarms([])
    0.0
    """
    return max((reading.level for reading in readings), default=0.0)


def _weigh(
    reference: Sliced, window: Sliced, columns: Sequence[Column], prediction: str | None, policy: DriftPolicy
) -> Iterator[Fact]:
    asked = [(column.name, column) for column in columns]
    if prediction is not None:
        asked.append((prediction, _PREDICTION))
    for name, column in asked:
        before, after = reference.column(name), window.column(name)
        for measure in MEASURES:
            if measure.applies(before.whole, after.whole):
                kind = "prediction" if column is _PREDICTION and measure.kind == "feature" else measure.kind
                threshold = {"missing": policy.missing, "unseen": policy.unseen}.get(kind, policy.effect)
                evidence = measure.weigh(before, after, column)
                yield Fact(name, kind, measure.name, threshold, evidence, policy.minimum_rows)


def _detectable(found: Evidence, alone: float, asked: float) -> float:
    """Return the least effect that is found: by its p-value, and by straying further than the reference's own runs."""
    by_chance = found.detectable(alone)
    return max(by_chance, detectable_beyond(found.precedent, asked)) if found.precedent and asked else by_chance


def _reading(one: Fact, corrected: Corrected, place: int, at_level: float) -> Reading:
    found, adjusted = one.evidence, float(corrected.adjusted[place])
    detectable = min(_detectable(found, float(way.alone[place]), float(way.asked[place])) for way in corrected.ways)
    decision = _decide(one, adjusted, at_level, detectable)
    return Reading(
        column=one.column,
        kind=one.kind,
        measure=one.measure,
        statistic=found.statistic,
        effect=found.effect,
        effect_low=found.effect_low,
        effect_high=found.effect_high,
        threshold=one.threshold,
        p_value=found.p_value,
        adjusted_p=adjusted,
        level=at_level,
        n_reference=found.n_reference,
        n_window=found.n_window,
        effective_n_reference=found.effective_n_reference,
        effective_n=found.effective_n,
        detectable=detectable,
        ranked_among=int(corrected.ranked_among[place]),
        verdict=decision,
        words=_words(one, decision, detectable),
        bars=found.bars,
    )


def _decide(one: Fact, adjusted: float, at_level: float, detectable: float) -> Verdict:
    found = one.evidence
    if min(found.n_window, found.n_reference) < one.minimum_rows:
        return "too little data"
    if found.effect >= one.threshold and adjusted <= at_level:
        return "drift"
    return "no drift" if found.effect_high < one.threshold or detectable <= one.threshold else "too little data"


def _words(one: Fact, decision: Verdict, detectable: float) -> str:
    found = one.evidence
    if decision == "drift":
        return f"{found.headline}: {found.fact}"
    fewest = min(found.n_window, found.n_reference)
    if fewest < one.minimum_rows:
        where = "in the window" if found.n_window == fewest else "in the training data"
        return f"{found.subject}: too little data, {fewest:,} values {where} where {one.minimum_rows:,} are needed"
    if decision == "too little data":
        return (
            f"{found.subject}: too little data to rule out a change that matters ({figure(one.threshold)}); "
            f"one of {figure(detectable, 2)} would have been found; {found.fact}"
        )
    calm = "may differ by chance" if found.effect >= one.threshold else "much as before"
    return f"{found.subject}: {calm}, {found.fact}"
