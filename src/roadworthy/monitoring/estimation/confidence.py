"""Performance of a classifier before labels come, from the scores alone: confidence-based estimation (CBPE).

Where a score of 0.2 comes true in one row of five, the scores themselves say what the labels will show. What is
needed of a window is how its scores are distributed among the rows that were acted on and those that were not: two
columns of a profile, which merge like any other and hold no rows.

The idea is NannyML's (Performance estimation, confidence-based, in its documentation); the intervals are ours.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from roadworthy.config import BusinessValue
from roadworthy.monitoring import metrics
from roadworthy.monitoring.estimation.calibration import Calibration
from roadworthy.monitoring.metrics import METRICS, Measured, Rows
from roadworthy.monitoring.profiles import ColumnSummary, Profile
from roadworthy.records import MetricReading

_Floats = NDArray[np.float64]

_POINTS = 2048  # at most, at which each distribution is read
_FEWEST = 2


@dataclass(frozen=True)
class Expectation:
    """What a metric is expected to be, and what keeps it from being certain: standard errors, in its own unit.

    Attributes
    ----------
    metric, value, n
        The metric, its expected value, and on how many rows.
    of_labels
        That each label may come out either way, although its probability is known.
    of_curve
        That the probabilities were learned from finitely many held-out rows.
    of_sketch
        That the scores are known by a sketch.
    of_sample
        That other rows of the same traffic would have other scores.
    trials
        As of `metrics.reading`.
    """

    metric: str
    value: float
    n: int
    of_labels: float
    of_curve: float
    of_sketch: float
    of_sample: float
    trials: float

    @property
    def of_these_rows(self) -> MetricReading:
        """The value, with the interval in which the realised one lies once all of these rows have their label."""
        error = math.hypot(self.of_labels, self.of_curve, self.of_sketch)
        return metrics.reading(self.metric, self.value, error, self.n, self.trials)

    @property
    def of_such_traffic(self) -> MetricReading:
        """The value, with the interval for all traffic of which these rows are a sample."""
        error = math.hypot(self.of_sample, self.of_curve, self.of_sketch)
        return metrics.reading(self.metric, self.value, error, self.n, self.trials)


def score_names(value: BusinessValue) -> tuple[str, str]:
    """Return the names of the two columns of `score_columns`; they tell the threshold that divides them.

    Examples
    --------
    >>> score_names(BusinessValue(caught=30, false_alarm=-10))
    ('score from 0.25', 'score below 0.25')
    """
    return f"score from {value.threshold:g}", f"score below {value.threshold:g}"


def score_columns(scores: ArrayLike, value: BusinessValue) -> pd.DataFrame:
    """Return the two columns to profile: the scores of rows acted on, and of those not, missing in the other rows.

    Examples
    --------
    >>> value = BusinessValue(caught=30, false_alarm=-10)
    >>> profile = Profile.of(score_columns([0.1, 0.3, 0.6], value))
    >>> [profile.column(name).values for name in score_names(value)]
    [2, 1]
    """
    given = np.asarray(scores, dtype=np.float64)
    acted = given >= value.threshold
    names, nan = score_names(value), np.nan
    return pd.DataFrame({names[0]: np.where(acted, given, nan), names[1]: np.where(acted, nan, given)})


def expect(
    scores: Profile, calibration: Calibration, value: BusinessValue, *, days: float | None = None
) -> dict[str, Expectation]:
    """Expect every metric of rows whose labels are not known.

    Parameters
    ----------
    scores
        A profile with the columns of `score_columns`; others are not looked at.
    calibration
        How often scores come true, of the version that answered.
    value
        What acting is worth; the one by which the columns were made.
    days
        Over how many days the rows are spread. Where rows of one day share their fate, fewer days leave more doubt;
        None takes labels as independent, given their scores.

    Returns
    -------
    dict
        Metric to its expectation; what is not defined is absent, as everything is of fewer than two rows.

    Notes
    -----
    A label comes out at its probability ``c(score)``, so a metric that is a ratio of sums is expected at the ratio of
    the expected sums, and the area under the ROC curve at that of rows that count ``c`` as a positive and ``1 - c``
    as a negative; both are off by the order of ``1 / n``. Errors are those of the first derivatives: by each label
    for the labels' own variance ``c (1 - c)`` and, through the curve, for its coefficients; by each row's weight for
    the sample of scores; and by the total variation of the latter times the sketch's rank error, which is the most
    that error can do. In one day's rows a shared shock of the logit adds its variance times the square of its effect.
    """
    columns = [scores.column(name) for name in score_names(value)]
    points, weights, sizes = _read(columns)
    n = int(sum(sizes))
    if n < _FEWEST:
        return {}
    chances = calibration.probability(points)
    rows = Rows.of(points, chances, value, weights)
    acted = np.repeat([True, False], [len(points) - _shown(sizes[1]), _shown(sizes[1])])
    rows = Rows(rows.scores, rows.labels, acted, rows.weights, value)
    found = {name: metrics.measured(name, rows) for name in METRICS}
    ranks = [column.rank_error if column.values else 0.0 for column in columns]
    return {
        name: _expectation(name, one, rows, calibration, ranks=ranks, n=n, days=days)
        for name, one in found.items()
        if one is not None
    }


def _shown(size: int) -> int:
    return min(size, _POINTS)


def _read(columns: Sequence[ColumnSummary]) -> tuple[_Floats, _Floats, list[int]]:
    """Return points of both distributions, the rows that each stands for, and both numbers of rows."""
    sizes = [column.values for column in columns]
    points, weights = [], []
    for column, size in zip(columns, sizes, strict=True):
        count = _shown(size)
        if count:
            points.append(column.quantiles((np.arange(count) + 0.5) / count))
            weights.append(np.full(count, size / count))
    if not points:
        return np.array([]), np.array([]), sizes
    return np.concatenate(points), np.concatenate(weights), sizes


def _expectation(
    metric: str,
    found: Measured,
    rows: Rows,
    calibration: Calibration,
    *,
    ranks: list[float],
    n: int,
    days: float | None,
) -> Expectation:
    w, variance = rows.weights, rows.labels * (1 - rows.labels)
    pulled = w * found.by_label * variance  # by a change of the logit
    by_coefficient = pulled @ calibration.basis(rows.scores)
    curve = by_coefficient @ np.asarray(calibration.covariance) @ by_coefficient
    shared = calibration.shock * float(pulled.sum()) ** 2 / days if days else 0.0
    labels = float(np.sum(w * found.by_label**2 * variance)) / n + shared
    sketch = sum(
        rank * float(w[part].sum()) * float(np.abs(np.diff(found.by_row[part])).sum())
        for rank, part in zip(ranks, (rows.acted, ~rows.acted), strict=True)
    )
    return Expectation(
        metric=metric,
        value=found.value,
        n=n,
        of_labels=math.sqrt(labels),
        of_curve=math.sqrt(max(float(curve), 0.0)),
        of_sketch=sketch,
        of_sample=math.sqrt(float(np.sum(w * found.by_row**2)) / n),
        trials=found.trials * n,
    )
