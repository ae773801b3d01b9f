"""How many rows came, against what is usual."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

from roadworthy.config import QualityPolicy
from roadworthy.monitoring.drift import Fact
from roadworthy.monitoring.measures import Evidence
from roadworthy.monitoring.measures.base import NORMAL_POWER
from roadworthy.monitoring.quality.shares import ROWS
from roadworthy.monitoring.wording import figure

_DOUBT = 0.05
FEWEST_WINDOWS = 4  # earlier ones that tell what volume is usual
_MOST_WINDOWS = 26  # the newest; what is usual changes


def volume(rows: int, days: float, earlier: Sequence[tuple[int, float]], policy: QualityPolicy) -> Fact | None:
    """Return whether as many rows came as in earlier windows; None where these are fewer than four.

    The logarithm of rows a day is held against the earlier windows' by Student's prediction interval. How much they
    vary among themselves, in bursts and from season to season, is what chance brings; it is never taken to be less
    than counts of independent rows vary (Poisson). The effect is the share by which rows are fewer, or by which the
    usual ones are fewer than these: 0.5 is half as many, or twice as many.

    Parameters
    ----------
    rows, days
        Of the window, and how long it is.
    earlier
        The same of earlier windows with rows, of the same season if there are enough; the newest 26 are taken.
    policy
        ``volume``.

    Examples
    --------
    >>> usual = [(rows, 1.0) for rows in (980, 1040, 1010, 950, 1020)]
    >>> found = volume(400, 1.0, usual, QualityPolicy())
    >>> found.evidence.fact, found.evidence.p_value < 0.001
    ('400 rows a day, usually 999', True)
    """
    known = np.array(earlier[-_MOST_WINDOWS:], dtype=np.float64).reshape(-1, 2)
    k = len(known)
    if k < FEWEST_WINDOWS:
        return None
    rates = np.log(known[:, 0] / known[:, 1])
    usual, rate = float(rates.mean()), float(np.log(max(rows, 0.5) / days))
    spread = max(float(rates.var(ddof=1)), float((1 / known[:, 0]).mean()))
    error = (spread * (1 + 1 / k)) ** 0.5
    change = rate - usual
    margin = float(stats.t.isf(_DOUBT / 2, k - 1)) * error
    low, high = abs(change) - margin, abs(change) + margin
    return Fact(
        ROWS,
        "volume",
        "prediction interval, log rows a day",
        policy.volume,
        Evidence(
            statistic=change / error,
            effect=_share(change),
            effect_low=_share(max(low, 0.0)),
            effect_high=_share(high),
            p_value=float(2 * stats.t.sf(abs(change) / error, k - 1)),
            n_reference=int(known[:, 0].sum()),
            n_window=rows,
            effective_n_reference=float(k),
            effective_n=1.0,
            subject="volume",
            headline=f"{'more' if change > 0 else 'fewer'} rows came than usual",
            fact=f"{figure(float(np.exp(rate)))} rows a day, usually {figure(float(np.exp(usual)))}",
            detectable=lambda level: _share((float(stats.t.isf(level / 2, k - 1)) + NORMAL_POWER) * error),
        ),
    )


def _share(change: float) -> float:
    """Return a change of a logarithm as the share by which the smaller is less than the larger."""
    return float(-np.expm1(-abs(change)))
