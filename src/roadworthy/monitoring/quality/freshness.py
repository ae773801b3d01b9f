"""How soon after its event a row is captured, and how old the newest event is, against what the contract promises."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import scipy

from roadworthy.config import QualityPolicy
from roadworthy.contract import Column
from roadworthy.monitoring.design_effect import DesignEffect, Slices
from roadworthy.monitoring.drift import Fact, judge
from roadworthy.monitoring.measures import Evidence
from roadworthy.monitoring.measures.base import NORMAL_POWER
from roadworthy.monitoring.measures.shares import quantile, wilson
from roadworthy.monitoring.quality.certain import certain, duration
from roadworthy.monitoring.quality.shares import above, share_of
from roadworthy.monitoring.slices import Sliced
from roadworthy.monitoring.wording import percent
from roadworthy.records import Reading

AGE = "age of the newest event"
DELAY = "(seconds until captured)"
_DOUBT = 0.05


def lateness(window: Sliced, promised: float, time: Column, policy: QualityPolicy, *, minimum_rows: int) -> Fact | None:
    """Return the share of rows captured later after their event than the contract promises; None without such times.

    The test is the binomial's, one-sided, against the share that the policy tolerates, on as many rows as the rows
    are worth.

    Parameters
    ----------
    promised
        Seconds.
    """
    delays = window.column(DELAY)
    if delays.whole.kind != "numeric":
        return None
    late = share_of(delays, lambda one: above(one, promised))
    nothing = Slices(np.zeros((0, 1)), np.zeros(0))
    design = DesignEffect.of(nothing, late.by_slice, np.array([late.value]), np.ones(1))
    rows = max(design.rows(late.n, design.window), 1.0)
    low, high = wilson(late.value, rows, quantile(_DOUBT, design))
    p_value = design.careful(float(scipy.stats.binom.sf(round(late.value * rows) - 1, round(rows), policy.late)))
    middle = delays.whole.quantiles([0.5])[0]
    return Fact(
        time.name,
        "freshness",
        "binomial, one-sided",
        policy.late,
        Evidence(
            statistic=late.hits,
            effect=late.value,
            effect_low=low if late.hits else 0.0,
            effect_high=high,
            p_value=p_value,
            n_reference=int(late.n),
            n_window=int(late.n),
            effective_n_reference=rows,
            effective_n=rows,
            subject=f"delay after {time.name}",
            headline="rows come later than the contract promises",
            fact=f"{percent(late.value)} of them more than {duration(promised)} after {time.name}, "
            f"half of them within {duration(float(middle))}",
            detectable=lambda level: min(
                policy.late
                + (quantile(2 * level, design) + NORMAL_POWER) * (policy.late * (1 - policy.late) / rows) ** 0.5,
                1.0,
            ),
        ),
        minimum_rows,
    )


def age(latest: datetime, at: datetime, promised: float, time: Column, rows: int) -> tuple[Reading, ...]:
    """Return how old the newest event is, against what the contract promises; its size is in seconds.

    It is a reading by itself: no chance is in it, so that it takes nothing of the budget of false alarms.

    Parameters
    ----------
    latest
        The newest event time.
    at
        The moment to judge it at.
    promised
        Seconds.
    rows
        Of the window that holds the newest event.
    """
    seconds = max((at - latest).total_seconds(), 0.0)
    evidence = certain(
        effect=seconds,
        rows=rows,
        there=seconds > promised,
        subject=f"age of the newest {time.name}",
        headline="no new traffic has come",
        fact=f"the newest event is {duration(seconds)} old, at most {duration(promised)} is promised",
    )
    return judge([Fact(time.name, "freshness", AGE, promised, evidence)], at_level=0.0)
