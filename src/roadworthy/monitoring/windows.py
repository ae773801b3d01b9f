"""Stretches of event time by which traffic is judged: days, ISO weeks (from Monday) and months, all in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from datetime import date as Date
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from roadworthy.errors import MonitoringError
from roadworthy.records import Window

Length = Literal["day", "week", "month"]

_MONDAY = 4  # 1970-01-01, day 0 of numpy's count, was a Thursday: the first Monday is day 4


def window_of(moment: datetime, length: Length) -> Window:
    """Return the window that a moment lies in; a moment without a time zone is taken as UTC.

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
    day = in_utc.replace(hour=0, minute=0, second=0, microsecond=0)
    try:
        if length == "month":
            start = day.replace(day=1)
            end = (start + timedelta(days=32)).replace(day=1)
        else:
            start = day if length == "day" else day - timedelta(days=day.weekday())
            end = start + timedelta(days=1 if length == "day" else 7)
    except OverflowError as error:
        raise MonitoringError(
            f"{moment.isoformat()} lies in a {length} that does not end before the year 10000.",
            "Correct such event times where they are made, or leave those rows out.",
        ) from error
    return Window(start=start, end=end)


def split(times: pd.Series[pd.Timestamp], length: Length) -> dict[Window, NDArray[np.int64]]:
    """Split rows by event time: every row is in exactly one window.

    Parameters
    ----------
    times
        Event times of shape (rows,), with or without a zone (then UTC).
    length
        How long a window is.

    Returns
    -------
    dict
        Window to the positions of its rows, in their order; windows without rows are absent; earliest first.

    Raises
    ------
    MonitoringError
        When an event time is missing, or too far in the future for a window.
    """
    if times.isna().any():
        row = int(np.flatnonzero(times.isna())[0])
        raise MonitoringError(
            f"Row {row} has no event time ({int(times.isna().sum())} such rows).",
            "Make the time column required in the contract, so that such rows are quarantined.",
        )
    if times.empty:
        return {}
    starts, window_numbers = np.unique(_starts(times, length), return_inverse=True)
    order = np.argsort(window_numbers, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(window_numbers))[:-1])
    windows = [window_of(_moment(start), length) for start in starts]
    return dict(zip(windows, parts, strict=True))


def _starts(times: pd.Series[pd.Timestamp], length: Length) -> NDArray[np.datetime64]:
    in_utc = pd.to_datetime(times, utc=True).dt.tz_localize(None).to_numpy()
    if length == "month":
        return in_utc.astype("datetime64[M]").astype("datetime64[D]")
    days = in_utc.astype("datetime64[D]")
    if length == "day":
        return days
    number = days.astype(np.int64)
    return ((number - _MONDAY) // 7 * 7 + _MONDAY).astype("datetime64[D]")


def _moment(day: np.datetime64) -> datetime:
    date = day.item()
    if not isinstance(date, Date):  # numpy hands back a bare number where the calendar ends
        raise MonitoringError(
            f"The event time {day} is beyond the years 1 to 9999.", "Correct it where it is made, or leave it out."
        )
    return datetime.combine(date, datetime.min.time(), UTC)
