"""What there is to see of a change after a day, a week, a month: rows, labels, and windows that were judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, inf

import numpy as np

from roadworthy.config import WindowPolicy
from roadworthy.records import Horizon

DAYS_A_MONTH = 365.2425 / 12
HORIZONS = {"a day": 1.0, "a week": 7.0, "a month": DAYS_A_MONTH}
_LENGTHS = {"hour": 1 / 24, "day": 1.0, "week": 7.0, "month": DAYS_A_MONTH}
_ALMOST = 1e-9  # of a window: a month has 30.4 days, whichever way one divides


@dataclass(frozen=True)
class Traffic:
    """How much comes, and what becomes known of it.

    Attributes
    ----------
    rows_per_day
        Rows that are kept, and so are judged.
    label_delays
        A sample of how many days after its row a label comes; one value where all take as long.
    labelled_share
        Share of the rows that ever get a label.
    assumed
        What of this was not measured, in words.
    """

    rows_per_day: float
    label_delays: Sequence[float] = (0.0,)
    labelled_share: float = 1.0
    assumed: tuple[str, ...] = ()

    def labelled_days(self, days: float) -> float:
        """Return how many days' worth of rows have their label ``days`` after the first of them came.

        Examples
        --------
        >>> Traffic(100, label_delays=(1.0, 3.0)).labelled_days(2.0)
        0.5
        """
        return float(np.maximum(days - np.asarray(self.label_delays), 0).mean())


def window_days(policy: WindowPolicy, rows_per_day: float) -> float:
    """Return how many days a window lasts; by rows, until so many have come.

    Examples
    --------
    >>> window_days(WindowPolicy(length="week"), 100), window_days(WindowPolicy(length="week", rows=200), 100)
    (7.0, 2.0)
    """
    length = _LENGTHS[policy.length] if policy.length else inf
    return min(length, policy.rows / rows_per_day if policy.rows else inf)


def window_words(policy: WindowPolicy) -> str:
    """Return in words what is judged together.

    Examples
    --------
    >>> window_words(WindowPolicy(length="day")), window_words(WindowPolicy(length="week", rows=5000))
    ('each day', 'each week, or 5,000 rows if they come sooner')
    """
    by_rows = f"{policy.rows:,} rows" if policy.rows else ""
    if policy.length is None:
        return f"every {by_rows}"
    return f"each {policy.length}" + (f", or {by_rows} if they come sooner" if by_rows else "")


def horizons(traffic: Traffic, policy: WindowPolicy) -> tuple[Horizon, ...]:
    """Return what there is to see by each horizon, of a change that begins with a window.

    A window that is still open is judged on what it has; after that, each whole window is another chance to find the
    change.
    """
    length = window_days(policy, traffic.rows_per_day)
    return tuple(_horizon(name, days, length, traffic) for name, days in HORIZONS.items())


def _horizon(name: str, days: float, length: float, traffic: Traffic) -> Horizon:
    windows, rows_days = _divided(days, length)
    labelled_windows, labelled_days = _divided(traffic.labelled_days(days), length)
    return Horizon(
        name=name,
        days=days,
        windows=windows,
        rows=rows_days * traffic.rows_per_day,
        slices=_slices(rows_days, length),
        labelled_windows=labelled_windows,
        labelled=labelled_days * traffic.rows_per_day * traffic.labelled_share,
    )


def _slices(days: float, length: float) -> int:
    """Return into how many slices a window is divided: days, or hours where it is shorter than a day."""
    return max(round(days if length >= 1 else days * 24), 1)


def _divided(days: float, length: float) -> tuple[int, float]:
    """Return whole windows and how many days each has seen; before the first is whole, the one that is open."""
    whole = floor(days / length + _ALMOST)
    return (whole, length) if whole else (1, days)
