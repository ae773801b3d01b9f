"""Where things stand in the drawing of performance over time. The template writes the SVG; here are its numbers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from roadworthy.monitoring.wording import figure
from roadworthy.records import MetricReading, WindowReport

_MOST_TICKS = 12
_WIDTH, _HEIGHT = 860.0, 270.0
_LEFT, _RIGHT, _TOP, _BOTTOM = 56.0, 34.0, 30.0, 28.0
_OVERHANG = 12  # of the line of the value at release, so that a single window has one too


@dataclass(frozen=True)
class Tick:
    """A labelled place on an axis."""

    at: float
    label: str


@dataclass(frozen=True)
class Series:
    """A version's metric over the windows, as SVG path data: line, band of its intervals, dots, value at release."""

    version: str
    ink: int
    estimated: bool
    line: str
    band: str
    dots: str
    release: str


@dataclass(frozen=True)
class LineChart:
    """A metric over the windows, and marks where something was done."""

    metric: str
    width: float
    height: float
    left: float
    top: float
    bottom: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    series: tuple[Series, ...]
    marks: tuple[Tick, ...]


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


def line_chart(
    reports: Sequence[WindowReport], labels: Sequence[str], metric: str, marks: Mapping[int, str]
) -> LineChart | None:
    """Lay out a metric of every version over the windows, realised and estimated; None when there is neither.

    Parameters
    ----------
    reports
        The windows, oldest first.
    labels
        What stands below each window.
    metric
        One that performance was measured in.
    marks
        Position of a window to the mark above it.
    """
    found: dict[tuple[str, bool], list[tuple[int, MetricReading]]] = {}
    release: dict[str, float] = {}
    for i, report in enumerate(reports):
        for one in report.performance:
            for estimated, metrics in ((False, one.metrics), (True, one.estimated)):
                if metric in metrics:
                    found.setdefault((one.version, estimated), []).append((i, metrics[metric]))
            if one.reference is not None and one.reference.metric == metric:
                release[one.version] = one.reference.value
    if not found:
        return None
    ends = [end for points in found.values() for _, reading in points for end in (reading.low, reading.high)]
    versions = list(dict.fromkeys(version for version, _ in found))
    ends += [value for version, value in release.items() if version in versions]
    y_values = _ticks(min(ends), max(ends))
    scale = _Scale(y_values[0], y_values[-1], len(reports))
    every = math.ceil(len(reports) / _MOST_TICKS)
    return LineChart(
        metric=metric,
        width=_WIDTH,
        height=_HEIGHT,
        left=_LEFT,
        top=_TOP,
        bottom=_HEIGHT - _BOTTOM,
        x_ticks=tuple(Tick(scale.x(i), label) for i, label in enumerate(labels) if (len(labels) - 1 - i) % every == 0),
        y_ticks=tuple(Tick(scale.y(value), figure(value)) for value in y_values),
        series=tuple(
            _series(
                version,
                points,
                scale,
                ink=versions.index(version),
                estimated=estimated,
                release=None if estimated else release.get(version),
            )
            for (version, estimated), points in found.items()
        ),
        marks=tuple(Tick(scale.x(i), words) for i, words in marks.items()),
    )


def _series(
    version: str,
    points: list[tuple[int, MetricReading]],
    scale: _Scale,
    *,
    ink: int,
    estimated: bool,
    release: float | None,
) -> Series:
    first, last = scale.x(points[0][0]) - _OVERHANG, scale.x(points[-1][0]) + _OVERHANG
    runs = _runs(points)
    return Series(
        version=version,
        ink=ink,
        estimated=estimated,
        line="".join(f"M{'L'.join(_places(run, scale))}" for run in runs),
        band="".join(_band(run, scale) for run in runs),
        dots="".join(f"M{at}h0" for at in _places(points, scale)),
        release="" if release is None else f"M{first:g} {scale.y(release)}H{last:g}",
    )


def _places(points: list[tuple[int, MetricReading]], scale: _Scale) -> list[str]:
    return [f"{scale.x(i)} {scale.y(reading.value)}" for i, reading in points]


def _band(points: list[tuple[int, MetricReading]], scale: _Scale) -> str:
    upper = [f"{scale.x(i)} {scale.y(reading.high)}" for i, reading in points]
    lower = [f"{scale.x(i)} {scale.y(reading.low)}" for i, reading in points]
    return f"M{'L'.join(upper + lower[::-1])}z"


def _runs(points: list[tuple[int, MetricReading]]) -> list[list[tuple[int, MetricReading]]]:
    """Divide points where windows between them have none, so that no line leads over them."""
    runs: list[list[tuple[int, MetricReading]]] = []
    for point in points:
        if runs and runs[-1][-1][0] == point[0] - 1:
            runs[-1].append(point)
        else:
            runs.append([point])
    return runs


def _ticks(low: float, high: float) -> list[float]:
    """Return four to seven round values that enclose the range."""
    span = (high - low) or abs(high) or 1.0
    scale = 10.0 ** math.floor(math.log10(span / 4))
    step = scale * next(factor for factor in (1.0, 2.0, 2.5, 5.0, 10.0) if factor * scale * 4 >= span * (1 - 1e-9))
    first, last = math.floor(low / step), math.ceil(high / step)
    return [i * step for i in range(first, max(last, first + 1) + 1)]
