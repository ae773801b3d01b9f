"""How many rows came, against what is usual."""

from __future__ import annotations

from collections.abc import Sequence

from roadworthy.config import QualityPolicy
from roadworthy.monitoring import measures
from roadworthy.monitoring.drift import Fact
from roadworthy.monitoring.quality.shares import ROWS

FEWEST_WINDOWS = 4  # earlier ones that tell what volume is usual
_MOST_WINDOWS = 26  # the newest; what is usual changes


def volume(rows: int, days: float, earlier: Sequence[tuple[int, float]], policy: QualityPolicy) -> Fact | None:
    """Return whether as many rows came as in earlier windows; None where these are fewer than four.

    Rows a day are compared, by `measures.volume`, so that months of unequal length are alike. The effect is the share
    by which rows are fewer, or by which the usual ones are fewer than these: 0.5 is half as many, or twice as many.

    Parameters
    ----------
    rows, days
        Of the window, and how long it is.
    earlier
        The same of earlier windows, of the same season if there are enough; the newest 26 are taken. Those without
        rows belong to them where this one has none either: whether none is usual, all of them tell together.
    policy
        ``volume``.

    Examples
    --------
    >>> usual = [(rows, 1.0) for rows in (980, 1040, 1010, 950, 1020)]
    >>> found = volume(400, 1.0, usual, QualityPolicy())
    >>> found.evidence.fact, found.evidence.p_value < 0.001
    ('400 rows came, usually 999', True)
    """
    known = earlier[-_MOST_WINDOWS:]
    if len(known) < FEWEST_WINDOWS:
        return None
    as_long = [round(count * days / length) for count, length in known]
    return Fact(ROWS, "volume", "Student's t, log rows", policy.volume, measures.volume(as_long, rows))
