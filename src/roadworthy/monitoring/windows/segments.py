"""Segments: the rows with one value of a column, for the most frequent values; all others together are one more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pandas as pd

from roadworthy.contract import Column
from roadworthy.errors import MonitoringError
from roadworthy.monitoring.profiles import Profile
from roadworthy.records import Segment

_LONGEST = 128  # characters of a text that a profile remembers
_DIVIDING = ("string", "boolean")


def segments_of(columns: Sequence[Column], reference: Profile, most: int) -> tuple[Segment, ...]:
    """Return the segments of some columns: of each its most frequent values in a reference, and the rest.

    Parameters
    ----------
    columns
        Columns of text or truth values.
    reference
        A profile with the columns.
    most
        Values of each column that have a segment of their own. Of equally frequent ones, the first by name have.

    Raises
    ------
    MonitoringError
        When a column holds neither text nor truth values.

    Examples
    --------
    >>> flights = pd.DataFrame({"origin": ["JFK", "EWR", "JFK", "LGA", "EWR", "JFK"]})
    >>> origin = Column(name="origin", type="string", role="feature")
    >>> [segment.name for segment in segments_of([origin], Profile.of(flights), most=2)]
    ['origin JFK', 'origin EWR', 'origin other']
    """
    found = []
    for column in columns:
        if column.type not in _DIVIDING:
            raise MonitoringError(
                f"Traffic cannot be divided by {column.name}: it is of type {column.type}.",
                "Name columns of text or truth values as `window.segments` in the policy.",
            )
        summary = reference.column(column.name)
        counts = summary.counts() if summary.kind == "categorical" else {}
        values = sorted(counts, key=lambda value: (-counts[value].lower, value))[:most]
        found += [Segment(column=column.name, value=value) for value in (*values, None)]
    return tuple(found)


def divide(frame: pd.DataFrame, segments: Sequence[Segment]) -> Iterator[tuple[Segment, pd.DataFrame]]:
    """Divide rows into segments: by each column, every row is in exactly one.

    A missing value is in the rest, like a value without a segment of its own.

    Parameters
    ----------
    frame
        Rows with the segments' columns.
    segments
        From `segments_of`; of each column its values, and the rest.

    Yields
    ------
    tuple
        Each segment and its rows, which may be none.
    """
    texts = {name: _texts(frame[name]) for name in dict.fromkeys(segment.column for segment in segments)}
    for segment in segments:
        values = texts[segment.column]
        if segment.value is None:
            named = [one.value for one in segments if one.column == segment.column and one.value is not None]
            yield segment, frame[~values.isin(named)]
        else:
            yield segment, frame[values == segment.value]


def _texts(values: pd.Series) -> pd.Series:
    """Return values as a profile names them; a missing one stays missing."""
    return values.map(lambda value: str(value)[:_LONGEST], na_action="ignore").astype("str")
