"""How well probabilities foretold the labels, always with a 95 % interval, and whether two such readings differ.

A metric is either the mean of a figure that every row has (log loss, Brier score, business value) or the area
under the ROC curve, whose variance DeLong's method gives.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import special, stats

from roadworthy.config import BusinessValue
from roadworthy.errors import MonitoringError
from roadworthy.records import SMALLER_IS_BETTER, Comparison, MetricReading

_Floats = NDArray[np.float64]
_Bools = NDArray[np.bool_]
_RowFigure = Callable[[_Bools, _Floats, BusinessValue], _Floats]

_DOUBT = 0.05
_Z = float(stats.norm.ppf(1 - _DOUBT / 2))
_AUC = "roc_auc"
_FEWEST = 2  # a variance needs two


def _log_loss(labels: _Bools, probabilities: _Floats, value: BusinessValue) -> _Floats:
    """Surprise of each row in nats; a probability of 0 or 1 is taken as one rounding error away from it."""
    least = np.finfo(np.float64).eps
    clipped = np.clip(probabilities, least, 1 - least)
    loss: _Floats = -np.log(np.where(labels, clipped, 1 - clipped))
    return loss


def _brier(labels: _Bools, probabilities: _Floats, value: BusinessValue) -> _Floats:
    """Squared distance of each row's probability from what came."""
    squares: _Floats = (probabilities - labels) ** 2
    return squares


def _value_per_1000(labels: _Bools, probabilities: _Floats, value: BusinessValue) -> _Floats:
    """What acting on each row was worth, times 1,000; rows below the value's threshold are not acted on."""
    acted = probabilities >= value.threshold
    worth: _Floats = 1000 * np.where(acted, np.where(labels, value.caught, value.false_alarm), 0.0)
    return worth


_PER_ROW: dict[str, _RowFigure] = {"log_loss": _log_loss, "brier": _brier, "value_per_1000": _value_per_1000}
METRICS = (_AUC, *_PER_ROW)


def improves(metric: str) -> bool:
    """Return whether a greater value of the metric is better.

    Raises
    ------
    MonitoringError
        When no such metric is known.

    Examples
    --------
    >>> improves("roc_auc"), improves("log_loss")
    (True, False)
    """
    if metric not in METRICS:
        raise MonitoringError(f"No metric is called {metric!r}.", f"Use one of: {', '.join(METRICS)}.")
    return metric not in SMALLER_IS_BETTER


def measure(labels: ArrayLike, probabilities: ArrayLike, value: BusinessValue) -> dict[str, MetricReading]:
    """Measure labelled rows: ``roc_auc``, ``log_loss`` (nats), ``brier`` and ``value_per_1000`` (the value's unit).

    Parameters
    ----------
    labels
        Booleans, or zeros and ones, of shape (rows,); no label may be missing.
    probabilities
        Probability of the positive class, of shape (rows,), between 0 and 1.
    value
        What acting is worth; a row is acted on when its probability reaches ``value.threshold``.

    Returns
    -------
    dict
        Metric to value and 95 % interval. What cannot have an interval is absent: everything with fewer than two
        rows, ``roc_auc`` with fewer than two rows of a class.

    Raises
    ------
    MonitoringError
        When the shapes differ, a label is missing or not binary, or a probability is not between 0 and 1.

    Notes
    -----
    Means have the normal interval of a mean. ``roc_auc`` has DeLong's variance (DeLong, DeLong and Clarke-Pearson,
    Biometrics 44, 1988, by the midranks of Sun and Xu, IEEE Signal Processing Letters 21, 2014), its interval
    taken on the logit scale, which keeps it between 0 and 1. When every positive outranks every negative that
    variance is 0; the exact binomial bound on the smaller class then stands in for it.

    Examples
    --------
    >>> readings = measure([0, 1, 0, 1], [0.1, 0.8, 0.4, 0.3], BusinessValue(caught=40, false_alarm=-10))
    >>> readings["roc_auc"].value, readings["value_per_1000"].value
    (0.75, 17500.0)
    """
    truth, scores = _checked(labels, probabilities)
    if len(truth) < _FEWEST:
        return {}
    readings = {name: _mean_reading(name, figure(truth, scores, value)) for name, figure in _PER_ROW.items()}
    if _fewer_class(truth) < _FEWEST:
        return readings
    return {_AUC: _auc_reading(truth, scores)} | readings


def compare(
    metric: str,
    labels: ArrayLike,
    champion_p: ArrayLike,
    challenger_p: ArrayLike,
    *,
    champion: str,
    challenger: str,
    value: BusinessValue | None = None,
) -> Comparison:
    """Compare two versions' probabilities on the same labelled rows, paired.

    ``gain`` is above 0 when the challenger is better, whichever direction the metric has. Its 95 % interval is
    that of DeLong's covariance for ``roc_auc`` and of the paired t-test for the others. ``value`` is needed for
    ``value_per_1000`` only.

    Raises
    ------
    MonitoringError
        As for `measure`, and when there are too few rows (of a class, for ``roc_auc``) for an interval.
    """
    direction = 1.0 if improves(metric) else -1.0
    truth, old = _checked(labels, champion_p)
    _, new = _checked(labels, challenger_p)
    rows = _fewer_class(truth) if metric == _AUC else len(truth)
    if rows < _FEWEST:
        raise MonitoringError(
            f"{metric} cannot be compared: {len(truth)} labelled rows, {int(truth.sum())} of them positive.",
            "Wait until more labels have come.",
        )
    if metric == _AUC:
        before, after, margin = _auc_difference(truth, old, new)
    else:
        before, after, margin = _mean_difference(_PER_ROW[metric], truth, old, new, value or BusinessValue())
    gain = direction * (after - before)
    return Comparison(
        metric=metric,
        champion=champion,
        challenger=challenger,
        champion_value=before,
        challenger_value=after,
        gain=gain,
        low=gain - margin,
        high=gain + margin,
        n=len(truth),
    )


def fell(reading: MetricReading, reference: MetricReading, tolerated: float) -> tuple[float, bool]:
    """Return by how much a metric is worse than its reference, and whether that exceeds ``tolerated`` beyond doubt.

    Parameters
    ----------
    reading, reference
        The metric on two independent sets of rows, with 95 % intervals.
    tolerated
        The fall that is accepted, in the metric's unit, at least 0.

    Returns
    -------
    tuple
        The fall (above 0 is worse), and whether the lower end of its 95 % interval lies above ``tolerated``.

    Notes
    -----
    The interval of a difference of independent estimates is put together from theirs, which need not be symmetric
    (MOVER; Zou and Donner, Statistics in Medicine 27, 2008). Where greater is better its lower end is
    ``fall - sqrt((reference.value - reference.low)**2 + (reading.high - reading.value)**2)``,
    elsewhere the other two ends take part.

    Examples
    --------
    >>> release = MetricReading(metric="roc_auc", value=0.80, low=0.79, high=0.81, n=9000)
    >>> now = MetricReading(metric="roc_auc", value=0.70, low=0.68, high=0.72, n=2000)
    >>> fall, beyond = fell(now, release, tolerated=0.03)
    >>> round(fall, 2), beyond
    (0.1, True)
    """
    if improves(reference.metric):
        fall = reference.value - reading.value
        doubt = math.hypot(reference.value - reference.low, reading.high - reading.value)
    else:
        fall = reading.value - reference.value
        doubt = math.hypot(reference.high - reference.value, reading.value - reading.low)
    return fall, fall - doubt > tolerated


def _checked(labels: ArrayLike, probabilities: ArrayLike) -> tuple[_Bools, _Floats]:
    truth, scores = _floats(labels, "label"), _floats(probabilities, "probability")
    if truth.ndim != 1 or truth.shape != scores.shape:
        raise MonitoringError(
            f"Labels have shape {truth.shape} and probabilities {scores.shape}.",
            "Give one label and one probability for each row, both of shape (rows,).",
        )
    _refuse(~np.isin(truth, (0.0, 1.0)), truth, "label", "Give labels as true or false, and only rows that have one.")
    _refuse(~((scores >= 0) & (scores <= 1)), scores, "probability", "Give probabilities between 0 and 1.")
    return truth.astype(bool), scores


def _floats(values: Any, what: str) -> _Floats:  # noqa: ANN401  (whatever numpy can make an array of)
    try:
        missing_as_nan = getattr(values, "to_numpy", None)
        if missing_as_nan is not None:  # pandas refuses pd.NA in a plain conversion
            return np.asarray(missing_as_nan(dtype=np.float64, na_value=np.nan), dtype=np.float64)
        return np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise MonitoringError(f"A {what} is not a number: {error}.", f"Give each {what} as a number.") from error


def _refuse(wrong: _Bools, values: _Floats, what: str, next_step: str) -> None:
    if wrong.any():
        row = int(np.flatnonzero(wrong)[0])
        raise MonitoringError(f"Row {row} has the {what} {values[row]!s} ({wrong.sum()} such rows).", next_step)


def _fewer_class(labels: _Bools) -> int:
    positives = int(labels.sum())
    return min(positives, len(labels) - positives)


def _mean_reading(metric: str, figures: _Floats) -> MetricReading:
    mean = float(figures.mean())
    margin = _Z * float(figures.std(ddof=1)) / math.sqrt(len(figures))
    return MetricReading(metric=metric, value=mean, low=mean - margin, high=mean + margin, n=len(figures))


def _mean_difference(
    figure: _RowFigure, labels: _Bools, old: _Floats, new: _Floats, value: BusinessValue
) -> tuple[float, float, float]:
    """Both means, and half the width of the paired t interval of their difference."""
    before, after = figure(labels, old, value), figure(labels, new, value)
    n = len(labels)
    t = float(stats.t.ppf(1 - _DOUBT / 2, n - 1))
    margin = t * float((after - before).std(ddof=1)) / math.sqrt(n)
    return float(before.mean()), float(after.mean()), margin


def _auc_reading(labels: _Bools, scores: _Floats) -> MetricReading:
    areas, covariance = _delong(labels, scores[None, :])
    area = float(areas[0])
    low, high = _auc_interval(area, math.sqrt(max(float(covariance[0, 0]), 0.0)), _fewer_class(labels))
    return MetricReading(metric=_AUC, value=area, low=low, high=high, n=len(labels))


def _auc_interval(area: float, error: float, fewer: int) -> tuple[float, float]:
    if area in (0.0, 1.0):
        bound = (_DOUBT / 2) ** (1 / fewer)  # Clopper-Pearson, all of `fewer` trials alike
        return (0.0, 1 - bound) if area == 0 else (bound, 1.0)
    centre, margin = special.logit(area), _Z * error / (area * (1 - area))
    return float(special.expit(centre - margin)), float(special.expit(centre + margin))


def _auc_difference(labels: _Bools, old: _Floats, new: _Floats) -> tuple[float, float, float]:
    """Both areas, and half the width of the interval of their difference, from DeLong's covariance."""
    areas, covariance = _delong(labels, np.stack([old, new]))
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    return float(areas[0]), float(areas[1]), _Z * math.sqrt(max(variance, 0.0))


def _delong(labels: _Bools, scores: _Floats) -> tuple[_Floats, _Floats]:
    """Areas under the ROC curve and their covariance matrix, for scores of shape (models, rows).

    Each positive's share of the negatives below it, and each negative's share of the positives above it, come
    from midranks: ranks among all rows less ranks within the class (ties count half).
    """
    positives, negatives = scores[:, labels], scores[:, ~labels]
    m, n = positives.shape[1], negatives.shape[1]
    ranks = stats.rankdata(scores, axis=1)
    above = (ranks[:, labels] - stats.rankdata(positives, axis=1)) / n
    below = 1 - (ranks[:, ~labels] - stats.rankdata(negatives, axis=1)) / m
    covariance = np.atleast_2d(np.cov(above)) / m + np.atleast_2d(np.cov(below)) / n
    return above.mean(axis=1), covariance
