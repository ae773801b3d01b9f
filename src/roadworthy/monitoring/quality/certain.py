"""Facts that no chance is in, and figures in words."""

from __future__ import annotations

from roadworthy.monitoring.measures import Evidence
from roadworthy.monitoring.wording import figure


def certain(*, effect: float, rows: int, there: bool, subject: str, headline: str, fact: str) -> Evidence:
    """Return the evidence of what is so, or is not, without any doubt."""
    return Evidence(
        statistic=effect,
        effect=effect,
        effect_low=effect,
        effect_high=effect,
        p_value=0.0 if there else 1.0,
        n_reference=rows,
        n_window=rows,
        effective_n_reference=float(rows),
        effective_n=float(rows),
        subject=subject,
        headline=headline,
        fact=fact,
    )


def duration(seconds: float) -> str:
    """Write a number of seconds in the largest unit that it has one of.

    Examples
    --------
    >>> duration(7200.0), duration(40.0)
    ('2 hours', '40 seconds')
    """
    for unit, name in ((86400.0, "days"), (3600.0, "hours"), (60.0, "minutes")):
        if abs(seconds) >= unit:
            return f"{figure(seconds / unit, 2)} {name}"
    return f"{figure(seconds, 2)} seconds"
