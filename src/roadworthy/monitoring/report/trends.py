"""Each column over the windows: how far it was from the reference, beside how far counts."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from roadworthy.monitoring.wording import short_label
from roadworthy.records import Reading, Verdict, WindowReport

_AT_THRESHOLD = 4  # of a strip's 12 units of height
_A_DOUBLING = 2.5
_HIGHEST = 12
_KINDS: dict[Verdict, str] = {"drift": "drift", "no drift": "calm", "too little data": "few"}


@dataclass(frozen=True)
class Strip:
    """One bar a window, by verdict, as SVG path data: a window is a unit wide and as high as `height` says."""

    drift: str
    calm: str
    few: str


@dataclass(frozen=True)
class Trend:
    """A column: its readings in the window that is told, worst first, and its largest change in every window."""

    column: str
    verdict: Verdict
    ratio: float
    readings: tuple[Reading, ...]
    strip: Strip
    words: str


def trends(windows: Sequence[WindowReport], told: WindowReport) -> list[Trend]:
    """Return the columns of the told window, what drifted first, then by the size of the change over what counts.

    Parameters
    ----------
    windows
        The windows of the strips, oldest first.
    told
        The window that decides about the order.
    """
    worst = [_worst(found) for found in windows]
    columns = dict.fromkeys(reading.column for reading in told.readings)
    by_column: dict[str, list[Reading]] = {column: [] for column in columns}
    for reading in sorted(told.readings, key=Reading.urgency):
        by_column[reading.column].append(reading)
    found = [_trend(column, readings, windows, worst) for column, readings in by_column.items()]
    return sorted(found, key=lambda trend: trend.readings[0].urgency())


def height(size: float) -> int:
    """Return how high a bar of a strip is: in proportion up to what counts, then a step for each doubling.

    Examples
    --------
    >>> [height(size) for size in (0, 0.5, 1, 2, 4, 1000)]
    [0, 2, 4, 6, 9, 12]
    """
    if size <= 1:
        return round(_AT_THRESHOLD * max(size, 0.0))
    return min(_HIGHEST, int(_AT_THRESHOLD + _A_DOUBLING * math.log2(size))) if math.isfinite(size) else _HIGHEST


def _worst(found: WindowReport) -> dict[str, Reading]:
    """Return each column's worst reading in a window."""
    worst: dict[str, Reading] = {}
    for reading in found.readings:
        held = worst.get(reading.column)
        if held is None or reading.urgency() < held.urgency():
            worst[reading.column] = reading
    return worst


def _trend(
    column: str, readings: list[Reading], windows: Sequence[WindowReport], worst: list[dict[str, Reading]]
) -> Trend:
    over_time = {place: of_window[column] for place, of_window in enumerate(worst) if column in of_window}
    return Trend(
        column=column,
        verdict=readings[0].verdict,
        ratio=readings[0].ratio,
        readings=tuple(readings),
        strip=_strip(over_time),
        words=_words({short_label(windows[place].window): reading.verdict for place, reading in over_time.items()}),
    )


def _strip(over_time: dict[int, Reading]) -> Strip:
    """Draw the outline of each run of windows that have the same verdict."""
    paths: dict[str, str] = dict.fromkeys(_KINDS.values(), "")
    kind, high, end = "", 0, -1
    for place, reading in over_time.items():
        now, now_high = _KINDS[reading.verdict], height(reading.ratio) or 1
        if (now, place) == (kind, end):
            paths[kind] += f"H{place}V{now_high}" if now_high != high else ""
        else:
            if kind:
                paths[kind] += f"H{end}V0z"
            paths[now] += f"M{place} 0V{now_high}"
        kind, high, end = now, now_high, place + 1
    if kind:
        paths[kind] += f"H{end}V0z"
    return Strip(**paths)


def _words(verdicts: dict[str, Verdict]) -> str:
    """Tell since when a column has drifted without a break up to now, or when it last did; windows oldest first."""
    drifted = [label for label, verdict in verdicts.items() if verdict == "drift"]
    windows = f"{len(verdicts)} window{'s' if len(verdicts) != 1 else ''}"
    if not drifted:
        return f"no drift in {windows}"
    running = list(takewhile(lambda label: verdicts[label] == "drift", reversed(verdicts)))
    if not running:
        return f"in {len(drifted)} of {windows}, the last {drifted[-1]}"
    since = f"since {running[-1]}" if len(running) > 1 else f"new in {running[0]}" if len(drifted) == 1 else "again"
    return f"in {len(drifted)} of {windows}, {since}"
