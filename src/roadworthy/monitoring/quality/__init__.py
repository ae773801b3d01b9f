"""Facts about a window's data, apart from how its values are distributed: limits, repeats, variety, volume, freshness.

Each is a `Fact` that `drift.compare` judges with the others, within the one budget of false alarms. They come from
profiles and counts alone: what a row must be looked at for is a column of the profile, see `with_facts`.
"""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from roadworthy.config import QualityPolicy
from roadworthy.contract import Column
from roadworthy.monitoring.drift import Fact
from roadworthy.monitoring.quality.freshness import AGE, DELAY, age, lateness
from roadworthy.monitoring.quality.shares import limits, repeated_ids, repeats
from roadworthy.monitoring.quality.variety import variety
from roadworthy.monitoring.quality.volume import FEWEST_WINDOWS, volume
from roadworthy.monitoring.slices import Sliced

__all__ = [
    "ADDED",
    "AGE",
    "DELAY",
    "FEWEST_WINDOWS",
    "REPEATS",
    "age",
    "facts",
    "lateness",
    "repeated_ids",
    "volume",
    "with_facts",
]

REPEATS = "(repeats another row)"
ADDED = (REPEATS, DELAY)  # the columns that `with_facts` adds to captured rows


def with_facts(rows: pd.DataFrame, columns: Sequence[str], time: str) -> pd.DataFrame:
    """Return the columns to profile, and beside them what must be known of each row.

    These are whether a row repeats an earlier one, of the same moment and with the same values, and, for captured
    rows, the seconds from the event to its capture (below 0 where the request came before the event).

    Parameters
    ----------
    rows
        With the columns, the time and, for captured rows, ``received``; all rows of a moment are there.
    columns
        To profile.
    time
        Name of the event time's column.
    """
    told = rows[list(columns)].copy()
    own = [name for name in columns if name in rows and name != "probability"]
    told[REPEATS] = rows.duplicated([time, *own])
    if "received" in rows:
        told[DELAY] = (rows["received"] - rows[time]).dt.total_seconds()
    return told


def facts(
    reference: Sliced, window: Sliced, columns: Sequence[Column], policy: QualityPolicy, *, minimum_rows: int
) -> list[Fact]:
    """Return what a window's profile tells beside its distributions: values beyond limits, repeats, distinct values.

    Parameters
    ----------
    reference, window
        Profiles of the columns and of what `with_facts` adds.
    columns
        The contract's columns to look at.
    policy
        The least change that matters, of each kind.
    minimum_rows
        With fewer on either side nothing is said.
    """
    found: list[Fact | None] = [repeats(reference.column(REPEATS), window.column(REPEATS), policy, minimum_rows)]
    for column in columns:
        before, after = reference.column(column.name), window.column(column.name)
        found += [limits(before, after, column, policy, minimum_rows), variety(before, after, policy, minimum_rows)]
    return [fact for fact in found if fact is not None]
