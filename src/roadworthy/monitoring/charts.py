"""Where things stand in a report's drawings. The templates write the SVG; here are its numbers, in its own units."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from roadworthy.monitoring.wording import figure, percent
from roadworthy.records import Bar, MetricReading, WindowReport

_MOST_TICKS = 12
_ROW = 17.0
_LABELS = 118.0
_BARS = 150.0
_SHARES = 92.0


@dataclass(frozen=True)
class Row:
    """One bar of a pair of histograms: its label, its shares in words, and where its line of text stands."""

    label: str
    shares: str
    y: float


@dataclass(frozen=True)
class Histogram:
    """Two histograms, one laid over the other: a broad path for the reference, a narrow one for the window."""

    width: float
    height: float
    text_x: float
    shares_x: float
    rows: tuple[Row, ...]
    reference: str
    window: str


def histogram(bars: Sequence[Bar]) -> Histogram:
    """Lay out horizontal bars, the longest as long as there is room."""
    longest = max((max(bar.reference, bar.window) for bar in bars), default=0.0) or 1.0
    rows, reference, window = [], [], []
    for i, bar in enumerate(bars):
        top = i * _ROW
        shares = f"{percent(bar.reference)} → {percent(bar.window)}"
        rows.append(Row(bar.label, shares.replace(" %", "").replace("under ", "<"), top + _ROW - 5))
        reference.append(_box(top + 2, _ROW - 4, bar.reference / longest))
        window.append(_box(top + 6, _ROW - 12, bar.window / longest))
    width, height = _LABELS + _BARS + _SHARES, len(bars) * _ROW
    return Histogram(width, height, _LABELS - 6, width, tuple(rows), "".join(reference), "".join(window))


def _box(top: float, height: float, share: float) -> str:
    """Return a path's rectangle that starts where the labels end."""
    length = round(_BARS * share, 1)
    return f"M{_LABELS:g} {top:g}h{length:g}v{height:g}h-{length:g}z" if length > 0 else ""


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Point:
    """One window's value of a series, with what it says in words."""

    x: float
    y: float
    words: str


@dataclass(frozen=True)
class Series:
    """A version's metric over the windows: line, band of its intervals, and its value at release."""

    version: str
    line: str
    band: str
    release: str
    points: tuple[Point, ...]


@dataclass(frozen=True)
class LineChart:
    """A metric over the windows."""

    metric: str
    width: float
    height: float
    left: float
    bottom: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    series: tuple[Series, ...]


_WIDTH, _HEIGHT = 860.0, 250.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 56.0, 24.0, 14.0, 28.0


@dataclass(frozen=True)
class _Scale:
    low: float
    high: float
    windows: int

    def x(self, window: int) -> float:
        room = _WIDTH - _LEFT - _RIGHT
        return round(_LEFT + room * (window + 0.5) / self.windows, 1)

    def y(self, value: float) -> float:
        return round(_TOP + (_HEIGHT - _TOP - _BOTTOM) * (self.high - value) / (self.high - self.low), 1)


def line_chart(reports: Sequence[WindowReport], labels: Sequence[str], metric: str) -> LineChart | None:
    """Lay out a metric of every version over the windows, oldest first; None when it was never measured."""
    found: dict[str, list[tuple[int, MetricReading]]] = {}
    release: dict[str, float] = {}
    for i, report in enumerate(reports):
        for one in report.performance:
            if metric in one.metrics:
                found.setdefault(one.version, []).append((i, one.metrics[metric]))
            if one.reference is not None and one.reference.metric == metric:
                release[one.version] = one.reference.value
    if not found:
        return None
    ends = [end for points in found.values() for _, reading in points for end in (reading.low, reading.high)]
    ends += [value for version, value in release.items() if version in found]
    y_values = _ticks(min(ends), max(ends))
    scale = _Scale(y_values[0], y_values[-1], len(reports))
    every = math.ceil(len(reports) / _MOST_TICKS)
    return LineChart(
        metric=metric,
        width=_WIDTH,
        height=_HEIGHT,
        left=_LEFT,
        bottom=_HEIGHT - _BOTTOM,
        x_ticks=tuple(Tick(scale.x(i), label) for i, label in enumerate(labels) if (len(labels) - 1 - i) % every == 0),
        y_ticks=tuple(Tick(scale.y(value), figure(value)) for value in y_values),
        series=tuple(_series(v, points, release.get(v), labels, scale) for v, points in found.items()),
    )


def _series(
    version: str,
    points: list[tuple[int, MetricReading]],
    release: float | None,
    labels: Sequence[str],
    scale: _Scale,
) -> Series:
    upper = [f"{scale.x(i)} {scale.y(reading.high)}" for i, reading in points]
    lower = [f"{scale.x(i)} {scale.y(reading.low)}" for i, reading in points]
    first, last = scale.x(points[0][0]) - 12, scale.x(points[-1][0]) + 12
    return Series(
        version=version,
        line="M" + "L".join(f"{scale.x(i)} {scale.y(reading.value)}" for i, reading in points),
        band="M" + "L".join(upper + lower[::-1]) + "z",
        release="" if release is None else f"M{first:g} {scale.y(release)}H{last:g}",
        points=tuple(
            Point(scale.x(i), scale.y(reading.value), f"{labels[i]}: {interval(reading)}") for i, reading in points
        ),
    )


def interval(reading: MetricReading) -> str:
    """Write a metric's value with its interval.

    Examples
    --------
    >>> interval(MetricReading(metric="roc_auc", value=0.7213, low=0.7101, high=0.7325, n=900))
    '0.721 (0.710 to 0.733)'
    """
    return f"{value(reading)} ({ends(reading)})"


def value(reading: MetricReading) -> str:
    """Write a metric's value."""
    return difference(reading.value)


def ends(reading: MetricReading) -> str:
    """Write the ends of a metric's interval."""
    return f"{difference(reading.low)} to {difference(reading.high)}"


def difference(number: float) -> str:
    """Write a number of a metric's size, three decimals where it is small."""
    return f"{number:,.0f}" if abs(number) >= 100 else f"{number:.3f}"


def _ticks(low: float, high: float) -> list[float]:
    """Return four to seven round values that enclose the range."""
    span = (high - low) or abs(high) or 1.0
    scale = 10.0 ** math.floor(math.log10(span / 4))
    step = scale * next(factor for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if factor * scale * 4 >= span * (1 - 1e-9))
    first, last = math.floor(low / step), math.ceil(high / step)
    return [i * step for i in range(first, max(last, first + 1) + 1)]
