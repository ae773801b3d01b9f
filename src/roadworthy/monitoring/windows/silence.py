"""Silence: the calendar's windows in which no row came."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from roadworthy.config import WindowPolicy
from roadworthy.monitoring.windows.stretches import window_of
from roadworthy.records import Window

LONGEST = 72  # windows on end: of hours three days, so that a silent weekend does not hide that Monday is silent too


def silent(known: Iterable[Window], policy: WindowPolicy, until: datetime) -> Iterator[Window]:
    """Yield the windows without rows that have passed, earliest first: between those that have some, and since then.

    Of a longer silence its first 72 windows are named; more of them would say nothing new. Before the first row there
    are none, and neither are where windows end by their number of rows alone.

    Parameters
    ----------
    known
        The windows that have rows.
    policy
        ``length``.
    until
        Event time that has passed, and up to which all rows have come.

    Examples
    --------
    >>> from datetime import UTC
    >>> may = [window_of(datetime(2013, 5, day, tzinfo=UTC), "day") for day in (1, 4)]
    >>> found = silent(may, WindowPolicy(length="day"), datetime(2013, 5, 6, 12, tzinfo=UTC))
    >>> [window.name for window in found]
    ['2013-05-02', '2013-05-03', '2013-05-05']
    """
    if policy.length is None:
        return
    spans = sorted({window_of(window.start, policy.length) for window in known}, key=lambda window: window.start)
    for window, following in zip(spans, [*spans[1:], None], strict=False):  # of none known, none
        end, found = min(following.start, until) if following else until, window
        for _ in range(LONGEST):
            if found.end >= end:
                break
            found = window_of(found.end, policy.length)
            if found.end <= end:
                yield found
