"""Which earlier windows a window is held against, how often windows come, and how finely both sides are looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Literal

import numpy as np

from roadworthy.config import WindowPolicy
from roadworthy.errors import MonitoringError
from roadworthy.monitoring.windows.stretches import window_of
from roadworthy.records import Window, WindowReport

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
_MONTH = timedelta(days=365.2425 / 12)
_A_MONTH = {"hour": _MONTH / HOUR, "day": _MONTH / DAY, "week": _MONTH / timedelta(days=7), "month": 1.0}
_SEASONS = {"hour": "hour of the day", "day": "day of the week", "week": "week of the year", "month": "month"}


def referred(policy: WindowPolicy, window: Window, reports: Iterable[WindowReport]) -> tuple[WindowReport, ...]:
    """Return the windows that a window is held against, earliest first; none where it is the training data.

    Whatever was found in them, drift included, they are taken: against the windows before, a change counts in the
    window that brought it and is what later ones are used to. A frozen window is held against the training data
    itself, as is what came before it.

    Parameters
    ----------
    policy
        ``reference``, and what belongs to it.
    window
        The window to judge.
    reports
        Of the windows judged so far, in any order; open ones and those without rows do not count.

    Raises
    ------
    MonitoringError
        When no window has the name of the frozen one, though later ones are there.
    """
    known = (r for r in reports if r.rows and not r.open and r.window != window)
    closed = sorted(known, key=lambda report: report.window.start)
    if policy.reference == "frozen":
        return _frozen(policy.frozen, window, closed)
    earlier = [report for report in closed if report.window.end <= window.start]
    if policy.reference == "season" and policy.length is not None:
        earlier = [report for report in earlier if same_season(report.window, window, policy.length)]
    return tuple(earlier[-policy.earlier :]) if policy.reference in ("before", "season") else ()


def same_season(one: Window, other: Window, length: Literal["hour", "day", "week", "month"]) -> bool:
    """Return whether two windows of a length are the same hour of the day, day of the week, week or month of a year.

    Examples
    --------
    >>> from datetime import UTC
    >>> wednesday, thursday = (window_of(datetime(2013, 5, day, tzinfo=UTC), "day") for day in (1, 2))
    >>> next_week = window_of(datetime(2013, 5, 8, tzinfo=UTC), "day")
    >>> same_season(wednesday, next_week, "day"), same_season(wednesday, thursday, "day")
    (True, False)
    """
    return all(window == window_of(window.start, length) for window in (one, other)) and (
        _season(one.start, length) == _season(other.start, length)
    )


def words(policy: WindowPolicy, window: Window, found: Sequence[WindowReport], version: str) -> str:
    """Tell what a window is held against.

    Parameters
    ----------
    found
        What `referred` returned.
    version
        Whose training data stands in where there is nothing.
    """
    if found and policy.reference == "frozen":
        return f"the window of {found[0].window.name}, which is frozen"
    if found and policy.reference == "season" and policy.length is not None:
        return f"{_number(len(found), 'earlier window')} of the same {_SEASONS[policy.length]}"
    if found:
        return f"{_number(len(found), 'window')} before"
    trained = f"what {version} was trained on"
    wanted = {
        "training": "",
        "frozen": f", as the window is not later than that of {policy.frozen}",
        "before": ", as no window before it has closed",
        "season": ", as no earlier window of its season has closed",
    }
    return trained + wanted[policy.reference]


def windows_a_month(policy: WindowPolicy, windows: Iterable[Window]) -> float:
    """Return how many windows are judged in a month: by the calendar, or where rows count, as their lengths tell.

    Parameters
    ----------
    windows
        Those that are known; the median of their lengths is taken where rows count.

    Examples
    --------
    >>> round(windows_a_month(WindowPolicy(length="day"), []), 1)
    30.4
    """
    by_calendar = _A_MONTH[policy.length] if policy.length else 1.0
    lengths = [(window.end - window.start) / _MONTH for window in windows]
    if policy.rows is None or not lengths:
        return by_calendar
    return max(by_calendar, 1 / max(float(np.median(lengths)), 1e-9))


def unit_of(window: Window) -> timedelta:
    """Return how long the slices are by which a window is compared: days, or hours where it is shorter than a day."""
    return DAY if window.end - window.start >= DAY else HOUR


def training_file(unit: timedelta) -> str:
    """Return the name of a version's file with the profiles of its training data, in slices of a unit.

    Examples
    --------
    >>> training_file(DAY), training_file(HOUR)
    ('reference.by-day.zip', 'reference.by-hour.zip')
    """
    return f"reference.by-{'day' if unit == DAY else 'hour'}.zip"


def _frozen(name: str, window: Window, closed: Sequence[WindowReport]) -> tuple[WindowReport, ...]:
    found = tuple(report for report in closed if report.window.name == name)
    if found and found[0].window.end <= window.start:
        return found[:1]
    if not found and name != window.name and any(report.window.name > name for report in closed):
        names = ", ".join(report.window.name for report in closed[:5])
        raise MonitoringError(
            f"There is no window {name!r} to hold others against.",
            f"Set `window.frozen` in the policy to the start of one that has closed, such as {names}.",
        )
    return ()


def _season(start: datetime, length: str) -> int:
    return {"hour": start.hour, "day": start.weekday(), "week": start.isocalendar().week, "month": start.month}[length]


def _number(count: int, noun: str) -> str:
    return f"the {noun}" if count == 1 else f"the {count} {noun}s"
