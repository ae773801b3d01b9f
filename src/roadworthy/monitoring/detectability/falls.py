"""How small a fall of a metric is found, from the width that its interval has."""

from __future__ import annotations

import math

import scipy

from roadworthy.monitoring import performance
from roadworthy.records import MetricReading

_NORMAL_95 = -float(scipy.special.ndtri(0.025))
_LOWEST = {"roc_auc": 0.5, "accuracy": 0.0, "precision": 0.0, "recall": 0.0, "f1": 0.0}
_STEPS = 60  # halvings: beyond a float's own digits


def smallest(
    release: MetricReading,
    rows: float,
    *,
    tolerated: float,
    power: float,
    looks_from: int,
    rows_worth: float = 1.0,
) -> float | None:
    """Return the least true fall that is called one with probability ``power``; None when none is.

    `performance.fell` is asked for the least fall in a window that it calls one; the true fall is larger by what the
    window's own chance takes away in all but ``power`` of the windows.

    Parameters
    ----------
    release
        The metric at release, with its interval. A window's interval is as wide as this one was, on so many rows; that
        of a share or an area ``v`` wider by the root of ``v * (1 - v)`` (for areas the leading term of Hanley and
        McNeil, The meaning and use of the area under a ROC curve, Radiology 143, 1982).
    rows
        Labelled rows in the window.
    tolerated
        The fall that is accepted, in the metric's unit.
    power
        Between 0 and 1.
    looks_from
        Labelled rows at which the window is first judged. Its interval is widened for every look from then on, as by
        `performance.widened`; that the fall may be found at an earlier look is not counted on.
    rows_worth
        How many independent rows a row is worth, where rows of a day are alike.

    Examples
    --------
    >>> release = MetricReading(metric="roc_auc", value=0.75, low=0.74, high=0.76, n=10_000)
    >>> asked = {"tolerated": 0.03, "power": 0.8, "looks_from": 300}
    >>> [round(smallest(release, rows, **asked), 3) for rows in (1_000, 10_000, 1_000_000)]
    [0.101, 0.054, 0.041]
    """
    scale = math.sqrt(release.n / (rows * rows_worth))
    below, above = (release.value - release.low) * scale, (release.high - release.value) * scale

    def called(fall: float) -> bool:
        value, wider = after(release, fall), _wider(release, fall)
        reading = MetricReading(
            metric=release.metric,
            value=value,
            low=value - wider * below,
            high=value + wider * above,
            n=max(round(rows), 1),
        )
        return performance.fell(performance.widened(reading, looks_from), release, tolerated)[1]

    enough, low = 2 * tolerated + 20 * (below + above) + (release.high - release.low), 0.0
    if not called(enough):
        return None
    for _ in range(_STEPS):
        middle = (low + enough) / 2
        low, enough = (low, middle) if called(middle) else (middle, enough)
    error = _wider(release, enough) * (below + above) / 2 / _NORMAL_95
    fall = enough + float(scipy.stats.norm.ppf(power)) * error
    return fall if _LOWEST.get(release.metric, -math.inf) <= after(release, fall) else None


def _wider(release: MetricReading, fall: float) -> float:
    """Return by what factor a metric's interval is wider after a fall."""
    lowest, was = _LOWEST.get(release.metric), release.value * (1 - release.value)
    if lowest is None or was <= 0:
        return 1.0
    now = max(after(release, fall), lowest)
    return math.sqrt(now * (1 - now) / was)


def after(release: MetricReading, fall: float) -> float:
    """Return what a metric is after a fall, whichever direction is the worse."""
    return release.value - fall if performance.improves(release.metric) else release.value + fall
