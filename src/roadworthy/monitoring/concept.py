"""Whether labels still follow from the scores as they did at release: a test that may be looked at every day.

Each day's labels are held against what the version's calibration foretold for its rows, so that a change of inputs
alone, which the scores tell by themselves, is no finding. Two sums are watched: of labels less probabilities (do
positives come more often?), and of the same with each row counted by its score (do scores tell less, or more?).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import groupby
from operator import attrgetter
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy import special

from roadworthy.config import PerformancePolicy
from roadworthy.monitoring.estimation.calibration import Calibration
from roadworthy.records import ConceptDrift, ResidualDay

_Floats = NDArray[np.float64]
_DAYS_A_YEAR = 365.0
_DEVIATIONS = 2.0  # by which the curve may be wrong
_FARTHEST = 3.0  # deviations from the mean at which a score counts no more
_LONGEST = 730  # days that are looked back on
_SUMS = ("rows", "level", "level_variance", "level_doubt", "slope", "slope_variance", "slope_doubt")


def residuals(
    scores: ArrayLike, labels: ArrayLike, times: pd.Series[Any], calibration: Calibration
) -> tuple[ResidualDay, ...]:
    """Sum up, day by day of event time in UTC, by how much labels differ from what their scores foretold.

    Parameters
    ----------
    scores, labels, times
        Of labelled rows, each of shape (rows,).
    calibration
        Of the version that answered.
    """
    given, truth = np.asarray(scores, dtype=np.float64), np.asarray(labels, dtype=np.float64)
    chances = calibration.probability(given)
    far = np.clip(calibration.deviations(given), -_FARTHEST, _FARTHEST)
    residual, variance, basis = truth - chances, chances * (1 - chances), calibration.basis(given)
    numbers, days = pd.factorize(pd.to_datetime(times, utc=True).dt.floor("D"), sort=True)
    level = _sums(numbers, residual, variance, np.ones_like(far), basis=basis, calibration=calibration)
    slope = _sums(numbers, residual, variance, far, basis=basis, calibration=calibration)
    return tuple(
        ResidualDay(
            day=f"{day:%Y-%m-%d}",
            rows=int(rows),
            level=one.value,
            level_variance=one.variance,
            level_doubt=one.doubt,
            slope=other.value,
            slope_variance=other.variance,
            slope_doubt=other.doubt,
        )
        for day, rows, one, other in zip(days, np.bincount(numbers), level, slope, strict=True)
    )


def detect(days: Iterable[ResidualDay], policy: PerformancePolicy) -> ConceptDrift | None:
    """Test whether the relation of labels to scores has changed on some day; None without days.

    Parameters
    ----------
    days
        Of one version; days that come several times, as from windows that share them, are put together.
    policy
        How large a miscalibration is tolerated, and how often chance may raise the alarm.

    Notes
    -----
    For each day on which a change may have begun, the evidence since is how many times likelier the labels are under
    a miscalibration beyond the tolerated one than at it: a mixture over its size, normal and one-sided (Robbins,
    Statistical methods related to the law of the iterated logarithm, 1970; Howard, Ramdas, McAuliffe and Sekhon,
    Time-uniform, nonparametric, nonasymptotic confidence sequences, Annals of Statistics 49, 2021), averaged over
    both directions of both sums. The alarm is raised when the total over all beginnings reaches the days that, on
    average, shall at least pass between false alarms (Shiryaev and Roberts' rule as an e-detector; Shin, Ramdas and
    Rinaldo, New England Journal of Statistics in Data Science 2, 2024). So it holds however often one looks. What it
    takes for granted: a day's labels vary as they did between days at release (`Calibration.shock`), and days that
    follow each other do not share more than that.
    """
    known = _by_day(days)[-_LONGEST:]
    if not known:
        return None
    evidence = _evidence(known, policy.tolerated_miscalibration)
    totals = evidence.sum(axis=1)
    limit = _DAYS_A_YEAR / policy.false_alarms_a_year
    drifted = bool(totals.max() >= limit)
    at = int(np.argmax(totals >= limit)) if drifted else len(known) - 1
    begun = int(np.argmax(evidence[at]))
    since = known[begun:]
    rows = sum(day.rows for day in since)
    level, slope = (sum(getattr(day, name) for day in since) / rows for name in ("level", "slope"))
    found = ConceptDrift(
        drifted=drifted,
        evidence=float(totals.max()),
        limit=limit,
        level=level,
        slope=slope,
        since=_moment(known[begun]) if drifted else None,
        found=_moment(known[at]) if drifted else None,
        days=len(known),
        words="",
    )
    return found.model_copy(update={"words": _words(found, policy)})


def _moment(day: ResidualDay) -> datetime:
    return datetime.fromisoformat(f"{day.day}T00:00:00+00:00")


class _Sum(NamedTuple):
    value: float
    variance: float
    doubt: float


def _sums(
    days: NDArray[np.intp],
    residual: _Floats,
    variance: _Floats,
    by: _Floats,
    *,
    basis: _Floats,
    calibration: Calibration,
) -> list[_Sum]:
    """Each day's sum of residuals, each counted ``by`` something; its variance; what the curve may be wrong by."""
    pulled = by * variance  # by a change of the logit
    values, own, pulls = (np.bincount(days, one) for one in (by * residual, by * pulled, pulled))
    by_coefficient = np.column_stack([np.bincount(days, pulled * column) for column in basis.T])
    doubts = np.einsum("di,ij,dj->d", by_coefficient, np.asarray(calibration.covariance), by_coefficient)
    variances = own + calibration.shock * pulls**2
    return [
        _Sum(float(value), float(spread), float(max(doubt, 0.0)) ** 0.5)
        for value, spread, doubt in zip(values, variances, doubts, strict=True)
    ]


def _by_day(days: Iterable[ResidualDay]) -> list[ResidualDay]:
    ordered = sorted(days, key=attrgetter("day"))
    return [
        ResidualDay(day=day, **{name: sum(getattr(one, name) for one in same) for name in _SUMS})
        for day, parts in groupby(ordered, key=attrgetter("day"))
        for same in [list(parts)]
    ]


def _evidence(days: Sequence[ResidualDay], tolerated: float) -> _Floats:
    """Return the evidence on each day (down) for a change that began on each day up to it (across)."""
    rows = np.array([day.rows for day in days], dtype=np.float64)
    found = []
    for name in ("level", "slope"):
        values, variances, doubts = (
            np.array([getattr(day, f"{name}{end}") for day in days]) for end in ("", "_variance", "_doubt")
        )
        allowed = tolerated * rows + _DEVIATIONS * doubts
        width = max(variances[0] / (rows[0] * tolerated), 1.0)  # of a change that is twice the tolerated one
        found += [_mixture(sign * values - allowed, variances, width) for sign in (1, -1)]
    return np.asarray(np.mean(found, axis=0), dtype=np.float64)


def _mixture(excess: _Floats, variances: _Floats, width: float) -> _Floats:
    begun = np.tri(len(excess))  # a change that began on a day is over nothing before it
    s, v = (
        np.cumsum(one)[:, None] - np.concatenate([[0.0], np.cumsum(one)[:-1]])[None, :] for one in (excess, variances)
    )
    total = np.where(begun > 0, v, 0.0) + width**2
    score = s / np.sqrt(total)
    logs = np.log(2 * width) - np.log(total) / 2 + score**2 / 2 + special.log_ndtr(score)
    return np.where(begun > 0, np.exp(np.minimum(logs, 500.0)), 0.0)


def _words(found: ConceptDrift, policy: PerformancePolicy) -> str:
    if not found.drifted or found.since is None:
        return f"labels follow from the scores as they did at release, over {found.days} days of labels"
    tolerated = policy.tolerated_miscalibration
    parts = []
    if abs(found.level) >= tolerated / 2:
        parts.append(
            f"positive labels come {100 * abs(found.level):.1f} points {'more' if found.level > 0 else 'less'} often "
            "than the scores foretell"
        )
    if abs(found.slope) >= tolerated / 2 or not parts:
        parts.append(f"high scores hold {'less' if found.slope < 0 else 'more'} than they did")
    return f"since {found.since:%Y-%m-%d} {' and '.join(parts)}"
