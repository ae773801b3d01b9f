"""What is known of how well a version answers in a window: realised, estimated, and whether its ground still holds."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from roadworthy.config import PerformancePolicy, UseCase
from roadworthy.monitoring import concept, label_delay, performance
from roadworthy.monitoring.estimation import confidence, support
from roadworthy.monitoring.estimation.calibration import Calibration
from roadworthy.monitoring.label_delay import Judged
from roadworthy.monitoring.metrics import Z
from roadworthy.monitoring.profiles import Profile
from roadworthy.monitoring.wording import percent
from roadworthy.records import ModelVersion, Performance, ResidualDay

_Floats = NDArray[np.float64]
_Fields = dict[str, Any]
_SECONDS_A_DAY = 86_400.0


@dataclass(frozen=True)
class Ground:
    """What a version's answers are judged on.

    Attributes
    ----------
    version
        The version, with its metrics at release.
    use_case, policy
        The metric that counts and what acting is worth; what is tolerated.
    calibration
        How often its scores come true, from its release; None leaves out what rests on it.
    outside
        From `support.outside`: share of each feature's values in the window that training never had; None when nobody
        has looked.
    earlier
        The same version's performance in earlier windows, for what is watched from window to window.
    clock
        What time it is in event time; None takes the newest row's.
    scores
        A profile with the columns of `confidence.score_columns` of the window's rows that the version answered; None
        makes it from the rows.
    """

    version: ModelVersion
    use_case: UseCase
    policy: PerformancePolicy
    calibration: Calibration | None = None
    outside: Mapping[str, float] | None = None
    earlier: Sequence[Performance] = ()
    clock: datetime | None = None
    scores: Profile | None = None


def judge(answered: pd.DataFrame, ground: Ground) -> Performance:
    """Judge how well a version answered in a window; whether a former one would have answered better is left open.

    Parameters
    ----------
    answered
        The rows that it answered: columns probability, label (missing where it has not come), time (of the event)
        and, where it is known, at (when the label was known).
    ground
        What they are judged on.
    """
    scores, labels = answered["probability"].to_numpy(np.float64), answered["label"]
    seen = label_delay.judged(scores, labels, *_ages(answered, ground.clock), ground.policy)
    truth = labels[seen.rows].to_numpy(bool)
    fields: _Fields = {
        "version": ground.version.tag,
        "rows": len(answered),
        "labelled": int(labels.notna().sum()),
        "judged": len(truth),
        "label_bias": seen.weights is not None,
        "label_words": seen.words,
    }
    fields |= _realised(scores[seen.rows], truth, seen, ground)
    if ground.calibration is None:
        words = "no estimate: the version keeps no calibration; release it anew to have one"
        return Performance(**fields, estimate_words=words)
    days = concept.residuals(scores[seen.rows], truth, answered["time"][seen.rows], ground.calibration)
    past = [day for one in ground.earlier for day in one.residuals]
    fields |= {"residuals": days, "concept": concept.detect([*past, *days], ground.policy)}
    fields |= _estimated(answered, ground, ground.calibration)
    fields |= _trust(fields, scores, ground, ground.calibration)
    return Performance(**fields, **_miss(scores[seen.rows], truth, ground, ground.calibration))


def _ages(answered: pd.DataFrame, clock: datetime | None) -> tuple[_Floats, _Floats | None]:
    """Each row's age and its label's delay, in days."""
    times = pd.to_datetime(answered["time"], utc=True)
    now = times.max() if clock is None else pd.Timestamp(clock)
    ages = _days(now - times)
    return ages, _days(pd.to_datetime(answered["at"], utc=True) - times) if "at" in answered else None


def _days(spans: pd.Series[Any]) -> _Floats:
    return np.asarray(spans.dt.total_seconds(), dtype=np.float64) / _SECONDS_A_DAY


def _realised(scores: _Floats, truth: NDArray[np.bool_], seen: Judged, ground: Ground) -> _Fields:
    reference = ground.version.metrics.get(ground.use_case.metric)
    if len(truth) < ground.policy.minimum_labelled:
        return {"reference": reference}
    metrics = performance.measure(truth, scores, ground.use_case.value, seen.weights)
    now = metrics.get(ground.use_case.metric)
    if now is None or reference is None:
        return {"reference": reference, "metrics": metrics}
    always = performance.widened(now, ground.policy.minimum_labelled)  # labels come bit by bit, and each time is a look
    fall, fell = performance.fell(always, reference, ground.policy.tolerated_fall)
    return {"reference": reference, "metrics": metrics, "fall": fall, "fell": fell}


def _estimated(answered: pd.DataFrame, ground: Ground, calibration: Calibration) -> _Fields:
    if len(answered) < ground.policy.minimum_labelled:
        return {}
    use_case, reference = ground.use_case, ground.version.metrics.get(ground.use_case.metric)
    per_day = pd.to_datetime(answered["time"], utc=True).dt.floor("D").value_counts().to_numpy(np.float64)
    scores = ground.scores or Profile.of(confidence.score_columns(answered["probability"], use_case.value))
    expected = confidence.expect(scores, calibration, use_case.value, days=per_day.sum() ** 2 / (per_day**2).sum())
    fields: _Fields = {"estimated": {name: one.of_these_rows for name, one in expected.items()}}
    if reference is not None and use_case.metric in expected:
        traffic = expected[use_case.metric].of_such_traffic
        fall, fell = performance.fell(traffic, reference, ground.policy.tolerated_fall)
        fields |= {"estimated_fall": fall, "estimated_fell": fell}
    return fields


def _trust(fields: _Fields, scores: _Floats, ground: Ground, calibration: Calibration) -> _Fields:
    """Say whether the estimate can be trusted, and why; a fall counts only where it can."""
    if not fields.get("estimated"):
        rows = f"{len(scores):,} rows where {ground.policy.minimum_labelled:,} are needed"
        return {"estimate_words": f"no estimate: {rows}", "estimated_fell": False}
    doubts = [*_unlike_training(scores, ground, calibration), *_lost_calibration(fields, ground.policy)]
    if doubts:
        return {"estimate_words": f"not to be trusted: {'; '.join(doubts)}", "estimated_fell": False}
    judged = fields["judged"]
    checked = f"the {judged:,} labels so far bear them out" if judged else "no label has come yet to check them"
    inputs = "not looked at" if ground.outside is None else "such as in training"
    words = f"inputs are {inputs}, and the scores are taken to come true as at release; {checked}"
    words += _unusual_release(calibration, ground.policy)
    return {"estimate_trusted": True, "estimate_words": words}


def _unlike_training(scores: _Floats, ground: Ground, calibration: Calibration) -> list[str]:
    most = ground.policy.outside_training
    found = support.words(ground.outside or {}, most)
    beyond = float(np.mean((scores < calibration.lowest) | (scores > calibration.highest)))
    unseen = f"{percent(beyond)} of the scores are beyond those whose calibration is known"
    return [*([found] if found else []), *([unseen] if beyond > most else [])]


def _unusual_release(calibration: Calibration, policy: PerformancePolicy) -> str:
    """Tell what no window's inputs can: that the estimate rests on rows in which the scores did not come true."""
    came, promised = calibration.positives / calibration.rows, calibration.promised
    if promised is None or abs(came - promised) <= policy.tolerated_miscalibration:
        return ""
    return (
        f"; at release {percent(came)} of the labels were positive where the scores promised {percent(promised)}, "
        "and the estimate takes that to last"
    )


def _lost_calibration(fields: _Fields, policy: PerformancePolicy) -> list[str]:
    watched = fields["concept"]
    if watched is not None and watched.drifted:
        return [watched.words]
    days: Sequence[ResidualDay] = fields["residuals"]
    rows = sum(day.rows for day in days)
    if rows < policy.minimum_labelled:
        return []
    level, variance, doubt = (sum(getattr(day, f"level{end}") for day in days) for end in ("", "_variance", "_doubt"))
    if abs(level) - Z * math.hypot(math.sqrt(variance), doubt) <= policy.tolerated_miscalibration * rows:
        return []
    often = "more" if level > 0 else "less"
    return [f"positive labels came {100 * abs(level) / rows:.1f} points {often} often than the scores foretold"]


def _miss(scores: _Floats, truth: NDArray[np.bool_], ground: Ground, calibration: Calibration) -> _Fields:
    """Hold the estimate for the judged rows against what their labels showed, in this window and those before."""
    misses = [one.estimate_miss for one in ground.earlier if one.estimate_miss is not None]
    miss = None
    if len(truth) >= ground.policy.minimum_labelled:
        metric, value = ground.use_case.metric, ground.use_case.value
        told = confidence.expect(Profile.of(confidence.score_columns(scores, value)), calibration, value).get(metric)
        came = performance.measure(truth, scores, value).get(metric)
        if told is not None and came is not None:
            miss = told.value - came.value
            misses.append(miss)
    return {"estimate_miss": miss, "estimate_error": float(np.mean(np.abs(misses))) if misses else None}
