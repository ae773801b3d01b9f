"""Which rows are judged together: by event time, by number of rows, or by whichever of the two ends a window first.

Hours, days, ISO weeks from Monday and months are those of UTC.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from roadworthy.config import WindowPolicy
from roadworthy.errors import MonitoringError
from roadworthy.records import Slice, Window

Length = Literal["hour", "day", "week", "month"]

_Moments = NDArray[np.int64]  # microseconds since 1970
_Rows = NDArray[np.int64]  # positions

_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_UNITS = (_SECOND, 10 * _SECOND, 300 * _SECOND, 3600 * _SECOND, _DAY, 7 * _DAY)  # of slices
_MOST_SLICES = 62  # so that two months have days
_MONDAY = 4 * _DAY  # 1970-01-01 was a Thursday: the first Monday is four days later
_EARLIEST, _LATEST = -(2**62), 2**62
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def window_of(moment: datetime, length: Length) -> Window:
    """Return the window of a length that a moment lies in; a moment without a time zone is taken as UTC.

    Raises
    ------
    MonitoringError
        When the window would end after the year 9999.

    Examples
    --------
    >>> window = window_of(datetime(2013, 5, 15, 23, 30), "week")
    >>> window.start.isoformat(), window.end.isoformat()
    ('2013-05-13T00:00:00+00:00', '2013-05-20T00:00:00+00:00')
    """
    in_utc = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    hour = in_utc.replace(minute=0, second=0, microsecond=0)
    day = hour.replace(hour=0)
    try:
        if length == "month":
            start = day.replace(day=1)
            end = (start + timedelta(days=32)).replace(day=1)
        elif length == "hour":
            start, end = hour, hour + timedelta(hours=1)
        else:
            start = day if length == "day" else day - timedelta(days=day.weekday())
            end = start + timedelta(days=1 if length == "day" else 7)
    except OverflowError as error:
        raise MonitoringError(
            f"{moment.isoformat()} lies in a {length} that does not end before the year 10000.",
            "Correct such event times where they are made, or leave those rows out.",
        ) from error
    return Window(start=start, end=end)


def split(
    times: pd.Series[pd.Timestamp], policy: WindowPolicy, closed: Iterable[Window] = ()
) -> dict[Window, NDArray[np.int64]]:
    """Split rows into windows: every row is in exactly one.

    By a length, windows are the calendar's. By a number of rows, a window ends just after the event time at which it
    has so many, in the order of event time; rows of the same moment stay together, so it may have a few more. By both,
    the calendar's windows are divided in that way, and the last part of each ends with it.

    Where rows count, an edge that was once drawn stands: a window that has closed keeps its start and its end. A late
    row joins the window that its event time lies in, which then has one row more, and no other window changes. Rows
    from before the first window are windows of their own, up to its start. So the windows follow from the rows and
    from which of them were there when each window closed; without ``closed`` they follow from the rows alone.

    Parameters
    ----------
    times
        Event times of shape (rows,), with or without a zone (then UTC).
    policy
        How long a window is, and how many rows it has.
    closed
        Windows that have closed before. They matter only where rows count.

    Returns
    -------
    dict
        Window to the positions of its rows, in their order; windows without rows are absent; earliest first. By
        number of rows alone, the last window ends with its last row for as long as it lacks rows.

    Raises
    ------
    MonitoringError
        When an event time is missing, or too far in the future for a window.
    """
    moments = _moments(times)
    if policy.rows is None and policy.length is not None:
        return _by_calendar(moments, policy.length)
    spans: list[tuple[Window | None, _Rows]] = [(None, np.arange(len(moments)))]
    if policy.length is not None:
        spans = list(_by_calendar(moments, policy.length).items())
    found: dict[Window, _Rows] = {}
    standing = _apart(closed)
    for span, rows in spans:
        within = [window for window in standing if span is None or _holds(span, window)]
        found |= dict(_by_rows(moments, rows, policy.rows or len(moments), span, within))
    return found


def is_open(window: Window, rows: int, policy: WindowPolicy, *, latest: datetime, clock: datetime) -> bool:
    """Return whether more rows are to be expected: it neither has its number of rows nor has its time passed.

    Parameters
    ----------
    window, rows
        From `split`: a window, and how many rows it has.
    latest
        The newest event time.
    clock
        Event time up to which all rows have come, not before ``latest``.
    """
    if policy.rows is not None and rows >= policy.rows:
        return False
    return (latest if policy.length is None else clock) < window.end


def slices(
    times: pd.Series[pd.Timestamp], window: Window, *, unit: timedelta | None = None
) -> list[tuple[Slice, _Rows]]:
    """Divide a window's rows by event time into slices, of which each is profiled by itself.

    Parameters
    ----------
    times
        Event times of the window's rows, shape (rows,).
    window
        The window; the first slice starts with it and the last ends with it at the latest.
    unit
        How long a slice is: weeks from Monday, days, hours, 5 minutes, 10 seconds or a second. By default the
        shortest of which the window has at most 62: days of a month or a week, hours of a day, 5 minutes of an hour.

    Returns
    -------
    list
        Each slice that has rows, earliest first, with the positions of its rows in their order.
    """
    moments = _moments(times)
    start, end = _as_microseconds(window.start), _as_microseconds(window.end)
    length = unit // timedelta(microseconds=1) if unit else _slice_length(end - start)
    offset = _MONDAY if length % (7 * _DAY) == 0 else 0
    firsts, parts = _grouped((moments - offset) // length * length + offset)
    return [
        (Slice(start=_moment(max(first, start)), end=_moment(min(first + length, end)), rows=len(rows)), rows)
        for first, rows in zip(firsts.tolist(), parts, strict=True)
    ]


# --- by the calendar -----------------------------------------------------------------------------------------------


def _by_calendar(moments: _Moments, length: Length) -> dict[Window, _Rows]:
    firsts, parts = _grouped(_starts(moments, length))
    return dict(zip((window_of(_moment(first), length) for first in firsts.tolist()), parts, strict=True))


def _starts(moments: _Moments, length: Length) -> _Moments:
    if length == "month":
        months = moments.astype("datetime64[us]").astype("datetime64[M]")
        return months.astype("datetime64[us]").astype(np.int64)
    unit, offset = {"hour": (_DAY // 24, 0), "day": (_DAY, 0), "week": (7 * _DAY, _MONDAY)}[length]
    return (moments - offset) // unit * unit + offset


def _grouped(keys: _Moments) -> tuple[_Moments, list[_Rows]]:
    """Return the distinct keys in order, and for each the positions that have it."""
    if not len(keys):
        return keys, []
    distinct, numbers = np.unique(keys, return_inverse=True)
    order = np.argsort(numbers, kind="stable")
    return distinct, np.split(order, np.cumsum(np.bincount(numbers))[:-1])


# --- by number of rows ---------------------------------------------------------------------------------------------


def _by_rows(
    moments: _Moments, rows: _Rows, size: int, span: Window | None, closed: Sequence[Window]
) -> Iterator[tuple[Window, _Rows]]:
    """Divide the rows of a span: those of closed windows stay with them, the gaps are filled with new windows."""
    order = rows[np.argsort(moments[rows], kind="stable")]
    sorted_moments = moments[order]
    start, end = (_as_microseconds(span.start), _as_microseconds(span.end)) if span else (_EARLIEST, _LATEST)
    reached = start
    for window in closed:
        first, last = _as_microseconds(window.start), _as_microseconds(window.end)
        yield from _filled(sorted_moments, order, size, reached, first)
        here = slice(*np.searchsorted(sorted_moments, [first, last]))
        if here.start < here.stop:
            yield window, np.sort(order[here])
        reached = last
    yield from _filled(sorted_moments, order, size, reached, end)


def _filled(moments: _Moments, order: _Rows, size: int, start: int, end: int) -> Iterator[tuple[Window, _Rows]]:
    """Fill a gap with windows of so many rows; ``moments`` are in order, ``order`` their rows' positions."""
    first, stop = np.searchsorted(moments, [start, end]).tolist()
    begin = int(moments[first]) if start == _EARLIEST and first < stop else start
    while first < stop:
        full = first + size <= stop
        after = int(moments[first + size - 1] if full else moments[stop - 1]) + 1
        finish = after if full or end == _LATEST else end
        last = int(np.searchsorted(moments, finish))
        yield Window(start=_moment(begin), end=_moment(finish)), np.sort(order[first:last])
        first, begin = last, finish


def _apart(windows: Iterable[Window]) -> list[Window]:
    """Return windows in order, without those that reach into an earlier one: of another policy's time."""
    found: list[Window] = []
    for window in sorted(windows, key=lambda window: (window.start, window.end)):
        if not found or found[-1].end <= window.start:
            found.append(window)
    return found


def _holds(span: Window, window: Window) -> bool:
    return span.start <= window.start and window.end <= span.end


# --- moments -------------------------------------------------------------------------------------------------------


def _moments(times: pd.Series[pd.Timestamp]) -> _Moments:
    if times.isna().any():
        row = int(np.flatnonzero(times.isna())[0])
        raise MonitoringError(
            f"Row {row} has no event time ({int(times.isna().sum())} such rows).",
            "Make the time column required in the contract, so that such rows are quarantined.",
        )
    in_utc = pd.to_datetime(times, utc=True).dt.tz_localize(None)
    return in_utc.astype("datetime64[us]").to_numpy().astype(np.int64)


def _slice_length(duration: int) -> int:
    return next((unit for unit in _UNITS if duration <= _MOST_SLICES * unit), _UNITS[-1])


def _as_microseconds(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _moment(microseconds: int) -> datetime:
    try:
        return _EPOCH + timedelta(microseconds=microseconds)
    except OverflowError as error:
        year = np.datetime64(microseconds, "us").astype("datetime64[Y]")
        raise MonitoringError(
            f"An event time in the year {year} is beyond the years 1 to 9999.",
            "Correct it where it is made, or leave it out.",
        ) from error
