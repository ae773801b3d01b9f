"""What metrics are: figures of scored rows whose labels are known, or are only expected with some probability.

All but one are a ratio of two means, such as what acting was worth a row, or the positives that were acted on among
all that were acted on; the other is the area under the ROC curve. Each tells, beside its value, how it moves with a
row's label and with a row's weight. The one gives what is not known before labels have come, the other what another
sample of rows would change; so realised and estimated performance have the same formulas.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import scipy
from numpy.typing import NDArray

from roadworthy.config import BusinessValue
from roadworthy.records import MetricReading

_Floats = NDArray[np.float64]
_Bools = NDArray[np.bool_]

DOUBT = 0.05
Z = -float(scipy.special.ndtri(DOUBT / 2))
AUC = "roc_auc"
_ONE = np.float64(1.0)


@dataclass(frozen=True)
class Rows:
    """Scored rows, each array of shape (rows,).

    Attributes
    ----------
    scores
        Probability of the positive class that was answered, between 0 and 1.
    labels
        1 for a positive row and 0 for a negative one; or the probability that it is positive.
    acted
        Whether the row is acted on: its probability reaches the business value's threshold.
    weights
        What each row counts for; they sum to 1.
    value
        What acting is worth.
    """

    scores: _Floats
    labels: _Floats
    acted: _Bools
    weights: _Floats
    value: BusinessValue

    @classmethod
    def of(cls, scores: _Floats, labels: _Floats, value: BusinessValue, weights: _Floats | None = None) -> Rows:
        """Take rows that count alike, or for their weights, whose sum may be any."""
        shares = np.full(len(scores), 1 / max(len(scores), 1)) if weights is None else weights / weights.sum()
        return cls(scores, labels.astype(np.float64), scores >= value.threshold, shares, value)


class Measured(NamedTuple):
    """A metric's value, and its derivatives.

    ``value`` changes by the sum of ``weights * by_label`` times a change of each row's label, and by the sum of
    ``by_row`` times a change of each row's weight, both of shape (rows,). The second is the metric's influence
    function; its weighted mean is 0. ``trials`` is the weight of the rows that the metric is about.
    """

    value: float
    by_label: _Floats
    by_row: _Floats
    trials: float


class _Line(NamedTuple):
    """A figure of each row that is a straight line in its label: ``base + slope * label``."""

    base: _Floats | np.float64
    slope: _Floats | np.float64


_Ratio = Callable[[Rows], tuple[_Line, _Line]]
_EACH = _Line(_ONE, np.float64(0.0))


def _log_loss(rows: Rows) -> tuple[_Line, _Line]:
    """Surprise of each row in nats; a probability of 0 or 1 is taken as one rounding error away from it."""
    least = np.finfo(np.float64).eps
    p = np.clip(rows.scores, least, 1 - least)
    when_positive, when_negative = (np.asarray(-np.log(chance), dtype=np.float64) for chance in (p, 1 - p))
    return _Line(when_negative, when_positive - when_negative), _EACH


def _brier(rows: Rows) -> tuple[_Line, _Line]:
    """Squared distance of each row's probability from what came."""
    return _Line(rows.scores**2, 1 - 2 * rows.scores), _EACH


def _value_per_1000(rows: Rows) -> tuple[_Line, _Line]:
    """What acting on each row was worth, times 1,000; rows below the value's threshold are not acted on."""
    stake, value = 1000 * rows.acted.astype(np.float64), rows.value
    return _Line(stake * value.false_alarm, stake * (value.caught - value.false_alarm)), _EACH


def _accuracy(rows: Rows) -> tuple[_Line, _Line]:
    """Share of the rows that were acted on and positive, or neither."""
    acted = rows.acted.astype(np.float64)
    return _Line(1 - acted, 2 * acted - 1), _EACH


def _precision(rows: Rows) -> tuple[_Line, _Line]:
    """Share of positives among the rows that were acted on."""
    acted = rows.acted.astype(np.float64)
    return _Line(np.float64(0.0), acted), _Line(acted, np.float64(0.0))


def _recall(rows: Rows) -> tuple[_Line, _Line]:
    """Share of the positives that were acted on."""
    return _Line(np.float64(0.0), rows.acted.astype(np.float64)), _Line(np.float64(0.0), _ONE)


def _f1(rows: Rows) -> tuple[_Line, _Line]:
    """Harmonic mean of precision and recall."""
    acted = rows.acted.astype(np.float64)
    return _Line(np.float64(0.0), 2 * acted), _Line(acted, _ONE)


_RATIOS: dict[str, _Ratio] = {
    "log_loss": _log_loss,
    "brier": _brier,
    "value_per_1000": _value_per_1000,
    "accuracy": _accuracy,
    "precision": _precision,
    "recall": _recall,
    "f1": _f1,
}
METRICS = (AUC, *_RATIOS)
_SHARES = frozenset({AUC, "accuracy", "precision", "recall", "f1"})  # intervals on the logit scale: between 0 and 1


def measured(metric: str, rows: Rows) -> Measured | None:
    """Return a metric of rows with its derivatives; None where it is not defined, as precision with nothing acted on.

    Examples
    --------
    >>> value = BusinessValue(caught=40, false_alarm=-10)
    >>> rows = Rows.of(np.array([0.1, 0.8, 0.4, 0.3]), np.array([0, 1, 0, 1]), value)
    >>> measured("roc_auc", rows).value, measured("recall", rows).value
    (0.75, 1.0)
    """
    return _area(rows) if metric == AUC else _ratio(rows, *_RATIOS[metric](rows))


def reading(metric: str, value: float, error: float, n: int, trials: float) -> MetricReading:
    """Put a 95 % interval around a metric.

    Parameters
    ----------
    metric, value, n
        The metric, its value, and on how many rows.
    error
        Its standard error.
    trials
        Number of the rows that the metric is about, such as those acted on for precision, or the smaller class for
        the area under the ROC curve.

    Notes
    -----
    Shares and areas have their interval on the logit scale, which keeps it between 0 and 1. At 0 or 1 the error is 0;
    the exact binomial bound (Clopper and Pearson, 1934) of so many trials that all went alike then stands in for it.
    """
    if metric not in _SHARES:
        return MetricReading(metric=metric, value=value, low=value - Z * error, high=value + Z * error, n=n)
    if value <= 0 or value >= 1:
        bound = (DOUBT / 2) ** (1 / max(trials, 1.0))
        low, high = (0.0, 1 - bound) if value <= 0 else (bound, 1.0)
        return MetricReading(metric=metric, value=float(np.clip(value, 0, 1)), low=low, high=high, n=n)
    centre, margin = scipy.special.logit(value), Z * error / (value * (1 - value))
    ends = scipy.special.expit([centre - margin, centre + margin])
    return MetricReading(metric=metric, value=value, low=float(ends[0]), high=float(ends[1]), n=n)


def error_of_sample(rows: Rows, found: Measured) -> float:
    """Return the standard error of a metric whose rows, with their labels, are a sample."""
    n = len(rows.weights)
    return math.sqrt(float(np.sum((rows.weights * found.by_row) ** 2)) * n / max(n - 1, 1))


def _ratio(rows: Rows, above: _Line, below: _Line) -> Measured | None:
    w, y = rows.weights, rows.labels
    over, under = above.base + above.slope * y, below.base + below.slope * y
    total = float(np.sum(w * under))
    if total <= 0:
        return None
    value = float(np.sum(w * over)) / total
    by_label = np.broadcast_to((above.slope - value * below.slope) / total, w.shape)
    return Measured(value, by_label, np.broadcast_to((over - value * under) / total, w.shape), min(total, 1.0))


def _area(rows: Rows) -> Measured | None:
    """Area under the ROC curve: a row counts as a positive by its label, as a negative by the rest; ties count half."""
    w, y = rows.weights, rows.labels
    positives, negatives = float(np.sum(w * y)), float(np.sum(w * (1 - y)))
    if positives <= 0 or negatives <= 0:
        return None
    _, places = np.unique(rows.scores, return_inverse=True)
    positive, negative = np.bincount(places, w * y), np.bincount(places, w * (1 - y))
    below = (np.cumsum(negative) - negative / 2)[places]  # negatives that rank below each row
    above = (positives - np.cumsum(positive) + positive / 2)[places]
    pairs = positives * negatives
    value = float(np.sum(w * y * below)) / pairs
    by_label = (below - above - value * (negatives - positives)) / pairs
    by_row = (y * below + (1 - y) * above - value * (y * negatives + (1 - y) * positives)) / pairs
    return Measured(value, by_label, by_row, min(positives, negatives))
