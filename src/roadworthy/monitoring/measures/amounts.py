"""Change of how many rows there are: a fact for whoever knows the windows; `drift.compare` judges it with the rest."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import special

from roadworthy.monitoring.measures.base import CONFIDENCE, NORMAL_POWER, Evidence

_FEWEST_WINDOWS = 4  # from which on their spread says something


def relative(before: float, after: float) -> float:
    """Return the size of a change as a share of the larger of two amounts, from 0 to 1.

    Examples
    --------
    >>> relative(1500, 900), relative(900, 1500), relative(0, 0)
    (0.4, 0.4, 0.0)
    """
    return abs(after - before) / max(before, after) if max(before, after) > 0 else 0.0


def volume(earlier: Sequence[int], now: int) -> Evidence:
    """Hold a window's rows against those of earlier windows alike.

    Traffic varies by a factor, and more than independent requests would: the logarithms of the counts are taken as
    normal, with the spread that the earlier windows show and never less than a Poisson count has. The test is that
    of one more observation (Student's t on ``k - 1`` degrees of freedom; Geisser, Predictive Inference, 1993).

    Parameters
    ----------
    earlier
        Rows of ``k`` earlier windows, of the same length, best of the same season.
    now
        Rows of this window.

    Examples
    --------
    >>> found = volume([1000, 1100, 950, 1050, 980, 1020], 300)
    >>> round(found.effect, 2), found.p_value < 1e-4
    (0.7, True)
    """
    logs = np.log(np.asarray(earlier, dtype=np.float64) + 0.5)
    usual = float(np.exp(logs.mean())) - 0.5 if len(logs) else 0.0
    told = f"{f'{now:,} rows' if now else 'no row'} came, usually {usual:,.0f}"
    effect = relative(usual, now)
    if len(logs) < _FEWEST_WINDOWS:
        low, high, p_value, freedom, spread, t = 0.0, 1.0, 1.0, 0, np.inf, 0.0
    else:
        freedom = len(logs) - 1
        spread = float(np.sqrt(max(logs.var(ddof=1), 1 / max(usual, 1)) * (1 + 1 / len(logs))))
        ratio = float(np.log(now + 0.5) - logs.mean())
        t = ratio / spread
        p_value = float(2 * special.stdtr(freedom, -abs(t)))
        margin = -float(special.stdtrit(freedom, (1 - CONFIDENCE) / 2)) * spread
        low, high = 1 - float(np.exp(-max(abs(ratio) - margin, 0))), 1 - float(np.exp(-abs(ratio) - margin))

    def detectable(level: float) -> float:
        if freedom == 0:
            return 1.0
        return 1 - float(np.exp(-(-float(special.stdtrit(freedom, level / 2)) + NORMAL_POWER) * spread))

    return Evidence(
        statistic=t,
        effect=effect,
        effect_low=min(low, effect),
        effect_high=max(high, effect),
        p_value=p_value,
        n_reference=len(logs),
        n_window=1,
        effective_n_reference=len(logs),
        effective_n=1,
        subject="the number of rows",
        headline=f"{'fewer' if now < usual else 'more'} rows came than usual",
        fact=told,
        detectable=detectable,
    )
