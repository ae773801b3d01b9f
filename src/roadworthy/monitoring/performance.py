"""How well probabilities foretold the labels, always with a 95 % interval, and whether two such readings differ."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import scipy
from numpy.typing import ArrayLike, NDArray

from roadworthy.config import BusinessValue
from roadworthy.errors import MonitoringError, TooFewRows
from roadworthy.monitoring import metrics as formulas
from roadworthy.monitoring.metrics import AUC, DOUBT, METRICS, Rows, Z
from roadworthy.records import SMALLER_IS_BETTER, Comparison, MetricReading

_Floats = NDArray[np.float64]
_Bools = NDArray[np.bool_]

_FEWEST = 2  # a variance needs two
_FEWEST_GROUPS = 2  # Student's t of one degree of freedom is the widest that says anything


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


def measure(
    labels: ArrayLike, probabilities: ArrayLike, value: BusinessValue, weights: ArrayLike | None = None
) -> dict[str, MetricReading]:
    """Measure labelled rows in every metric that is known.

    These are ``roc_auc``, ``log_loss`` (nats), ``brier``, ``value_per_1000`` (the value's unit) and, of acting from
    the value's threshold on, ``accuracy``, ``precision``, ``recall`` and ``f1``.

    Parameters
    ----------
    labels
        Booleans, or zeros and ones, of shape (rows,); no label may be missing.
    probabilities
        Probability of the positive class, of shape (rows,), between 0 and 1.
    value
        What acting is worth; a row is acted on when its probability reaches ``value.threshold``.
    weights
        What each row counts for, of shape (rows,), above 0; by default all count alike.

    Returns
    -------
    dict
        Metric to value and 95 % interval. Absent is everything with fewer than two rows, ``roc_auc`` with fewer than
        two rows of a class, ``precision`` when no row was acted on, ``recall`` when none was positive.

    Raises
    ------
    MonitoringError
        When the shapes differ, a label is missing or not binary, or a probability is not between 0 and 1.

    Notes
    -----
    Means have the normal interval of a mean, ratios of means that of the delta method. ``roc_auc`` has DeLong's
    variance (DeLong, DeLong and Clarke-Pearson, Biometrics 44, 1988, by the midranks of Sun and Xu, IEEE Signal
    Processing Letters 21, 2014). For how they become intervals see `metrics.reading`. Weights are taken as given.

    Examples
    --------
    >>> readings = measure([0, 1, 0, 1], [0.1, 0.8, 0.4, 0.3], BusinessValue(caught=40, false_alarm=-10))
    >>> readings["roc_auc"].value, readings["value_per_1000"].value
    (0.75, 17500.0)
    """
    truth, scores = _checked(labels, probabilities)
    if len(truth) < _FEWEST:
        return {}
    rows = Rows.of(scores, truth.astype(np.float64), value, None if weights is None else _floats(weights, "weight"))
    names = METRICS if _fewer_class(truth) >= _FEWEST else tuple(name for name in METRICS if name != AUC)
    found = {name: _reading(name, rows, weighted=weights is not None) for name in names}
    return {name: reading for name, reading in found.items() if reading is not None}


def compare(
    metric: str,
    labels: ArrayLike,
    champion_p: ArrayLike,
    challenger_p: ArrayLike,
    *,
    champion: str,
    challenger: str,
    value: BusinessValue | None = None,
    groups: ArrayLike | None = None,
) -> Comparison:
    """Compare two versions' probabilities on the same labelled rows, paired.

    ``gain`` is above 0 when the challenger is better, whichever direction the metric has. Its 95 % interval is
    that of DeLong's covariance for ``roc_auc`` and of the paired t-test of the rows' influences for the others, which
    for a mean is that of the rows' figures. ``value`` is needed for what depends on acting.

    ``groups`` tells, in shape (rows,), which rows may be alike, such as the day of each: the interval is then that of
    groups which are independent of one another, and at least that of independent rows.

    Raises
    ------
    MonitoringError
        As for `measure`.
    TooFewRows
        When there are too few rows (of a class, for ``roc_auc``), or groups, for an interval.

    Notes
    -----
    The influences are summed by group (for areas: Obuchowski, Biometrics 53, 1997), with the factor ``g / (g - 1)`` for
    ``g`` groups. Student's t has as many degrees of freedom, less one, as there are groups of equal size that are worth
    as much, ``n**2 / sum(n_g**2)`` (Carter, Schnepel and Steigerwald, Review of Economics and Statistics 99, 2017); at
    least two are asked for.
    """
    direction = 1.0 if improves(metric) else -1.0
    truth, old = _checked(labels, champion_p)
    _, new = _checked(labels, challenger_p)
    rows = _fewer_class(truth) if metric == AUC else len(truth)
    if rows < _FEWEST:
        raise TooFewRows(
            f"{metric} cannot be compared: {len(truth)} labelled rows, {int(truth.sum())} of them positive.",
            "Wait until more labels have come.",
        )
    before, after = _both(metric, truth, old, new, value or BusinessValue())
    by_row = after.by_row - before.by_row
    margin = _auc_margin(truth, old, new) if metric == AUC else _margin(by_row)
    if groups is not None:
        margin = max(margin, _margin_of_groups(by_row, np.asarray(groups)))
    gain = direction * (after.value - before.value)
    return Comparison(
        metric=metric,
        champion=champion,
        challenger=challenger,
        champion_value=before.value,
        challenger_value=after.value,
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


def widened(reading: MetricReading, looks_from: int) -> MetricReading:
    """Widen an interval, so that it holds however often one looks while labels come.

    Parameters
    ----------
    reading
        A metric of the rows so far, with its 95 % interval for one look.
    looks_from
        Rows at which the first look is taken.

    Notes
    -----
    The asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas (Time-uniform central limit
    theory and asymptotic confidence sequences, Annals of Statistics 52, 2024), tuned to the first look: with
    ``x = n / looks_from`` the normal quantile becomes ``sqrt((1 + 1/x) * log((1 + x) / 0.05**2))``.

    Examples
    --------
    >>> once = MetricReading(metric="brier", value=0.10, low=0.08, high=0.12, n=5000)
    >>> always = widened(once, looks_from=500)
    >>> round(always.low, 3), round(always.high, 3)
    (0.069, 0.131)
    """
    x = max(reading.n / looks_from, 1.0)
    factor = math.sqrt((1 + 1 / x) * math.log((1 + x) / DOUBT**2)) / Z
    ends = (reading.value + factor * (end - reading.value) for end in (reading.low, reading.high))
    low, high = ends
    return reading.model_copy(update={"low": low, "high": high})


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


def _reading(metric: str, rows: Rows, *, weighted: bool) -> MetricReading | None:
    found, n = formulas.measured(metric, rows), len(rows.scores)
    if found is None:
        return None
    error, trials = formulas.error_of_sample(rows, found), found.trials * n
    if metric == AUC and not weighted:
        _, covariance = _delong(rows.labels > 0, rows.scores[None, :])
        error = math.sqrt(max(float(covariance[0, 0]), 0.0))
    elif weighted:
        trials /= n * float(np.sum(rows.weights**2))  # rows that count unequally are worth fewer (Kish, 1965)
    return formulas.reading(metric, found.value, error, n, trials)


def _both(
    metric: str, labels: _Bools, old: _Floats, new: _Floats, value: BusinessValue
) -> tuple[formulas.Measured, formulas.Measured]:
    truth = labels.astype(np.float64)
    before, after = (formulas.measured(metric, Rows.of(scores, truth, value)) for scores in (old, new))
    if before is None or after is None:
        raise TooFewRows(
            f"{metric} cannot be compared: on these {len(labels)} rows it is not defined for both.",
            "Wait until more labels have come, or compare by another metric.",
        )
    return before, after


def _margin(by_row: _Floats) -> float:
    """Half the width of the paired t interval of a difference, from its influences."""
    n = len(by_row)
    return float(scipy.stats.t.ppf(1 - DOUBT / 2, n - 1)) * float(by_row.std(ddof=1)) / math.sqrt(n)


def _margin_of_groups(by_row: _Floats, groups: NDArray[Any]) -> float:
    """Half the width of the t interval of a difference, where only groups of rows are independent."""
    _, places, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    n, worth = len(by_row), len(by_row) ** 2 / float(np.sum(sizes.astype(np.float64) ** 2))
    if worth < _FEWEST_GROUPS:
        raise TooFewRows(
            f"The {n} labelled rows are worth {worth:.1f} days or other slices of equal size; rows of one may be "
            f"alike, and {_FEWEST_GROUPS} are the least that can be compared.",
            "Wait until more labels have come.",
        )
    sums = np.bincount(places, by_row)
    error = math.sqrt(len(sums) / (len(sums) - 1) * float(np.sum(sums**2))) / n
    return float(scipy.stats.t.ppf(1 - DOUBT / 2, worth - 1)) * error


def _auc_margin(labels: _Bools, old: _Floats, new: _Floats) -> float:
    """Half the width of the interval of the difference of two areas, from DeLong's covariance."""
    _, covariance = _delong(labels, np.stack([old, new]))
    variance = float(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    return Z * math.sqrt(max(variance, 0.0))


def _delong(labels: _Bools, scores: _Floats) -> tuple[_Floats, _Floats]:
    """Areas under the ROC curve and their covariance matrix, for scores of shape (models, rows).

    Each positive's share of the negatives below it, and each negative's share of the positives above it, come
    from midranks: ranks among all rows less ranks within the class (ties count half).
    """
    positives, negatives = scores[:, labels], scores[:, ~labels]
    m, n = positives.shape[1], negatives.shape[1]
    ranks = scipy.stats.rankdata(scores, axis=1)
    above = (ranks[:, labels] - scipy.stats.rankdata(positives, axis=1)) / n
    below = 1 - (ranks[:, ~labels] - scipy.stats.rankdata(negatives, axis=1)) / m
    covariance = np.atleast_2d(np.cov(above)) / m + np.atleast_2d(np.cov(below)) / n
    return above.mean(axis=1), covariance
