"""Drawings stand where their values say."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from roadworthy.monitoring.report import charts
from roadworthy.records import MetricReading, Performance, Window, WindowReport

VALUES = (0.71, 0.70, 0.69)


def auc(value: float) -> MetricReading:
    return MetricReading(metric="roc_auc", value=value, low=value - 0.01, high=value + 0.01, n=27_000)


def performance(value: float, version: str = "late-flights:a") -> Performance:
    metrics = {"roc_auc": auc(value)}
    return Performance(version=version, rows=28_000, labelled=27_000, metrics=metrics, reference=auc(0.75))


def report(month: int, *performances: Performance) -> WindowReport:
    start, end = (datetime(2013, m, 1, tzinfo=UTC) for m in (month, month + 1))
    return WindowReport(
        window=Window(start=start, end=end),
        project="late-flights",
        rows=28_000,
        labelled=27_000,
        open=False,
        versions={"late-flights:a": 28_000},
        reference="late-flights:a",
        performance=performances,
        verdict="no drift",
    )


def test_line_chart_places_values_where_they_belong() -> None:
    reports = [report(month, performance(value)) for month, value in zip((5, 6, 7), VALUES, strict=True)]
    chart = charts.line_chart(reports, ["May", "Jun", "Jul"], "roc_auc", {})
    assert chart is not None
    (series,) = chart.series
    ticks = {float(tick.label): tick.at for tick in chart.y_ticks}
    (low, low_y), (high, high_y) = min(ticks.items()), max(ticks.items())
    points = [tuple(map(float, at.split())) for at in series.line.removeprefix("M").split("L")]
    for (_, y), value in zip(points, VALUES, strict=True):
        share = (value - low) / (high - low)
        assert y == pytest.approx(low_y + share * (high_y - low_y), abs=0.1)
    assert [x for x, _ in points] == [tick.at for tick in chart.x_ticks]
    assert series.dots == "".join(f"M{at}h0" for at in series.line.removeprefix("M").split("L"))
    assert low <= min(VALUES)
    assert high >= 0.75
    assert charts.line_chart([report(5)], ["May"], "roc_auc", {}) is None
    assert charts.line_chart(reports, ["a", "b", "c"], "brier", {}) is None


def test_a_gap_between_windows_and_two_versions_are_drawn() -> None:
    both = (performance(0.7, "v:1"), performance(0.74, "v:2"))
    reports = [report(5, both[0]), report(6), report(7, *both)]
    chart = charts.line_chart(reports, ["May", "Jun", "Jul"], "roc_auc", {})
    assert chart is not None
    assert [(series.version, series.dots.count("M")) for series in chart.series] == [("v:1", 2), ("v:2", 1)]
    assert [series.line.count("M") for series in chart.series] == [2, 1]
    assert [series.band.count("z") for series in chart.series] == [2, 1]


def test_marks_stand_over_their_windows() -> None:
    reports = [report(month, performance(value)) for month, value in zip((5, 6, 7), VALUES, strict=True)]
    chart = charts.line_chart(reports, ["May", "Jun", "Jul"], "roc_auc", {1: "↻"})
    assert chart is not None
    assert [(mark.at, mark.label) for mark in chart.marks] == [(chart.x_ticks[1].at, "↻")]


def test_estimates_are_drawn_beside_what_came_in_the_versions_own_colour() -> None:
    both = performance(0.7, "v:1").model_copy(update={"estimated": {"roc_auc": auc(0.72)}})
    early = performance(0.7, "v:2").model_copy(update={"estimated": {"roc_auc": auc(0.72)}, "metrics": {}})
    chart = charts.line_chart([report(5, both), report(6, early)], ["May", "Jun"], "roc_auc", {})
    assert chart is not None
    assert [(series.version, series.ink, series.estimated, bool(series.release)) for series in chart.series] == [
        ("v:1", 0, False, True),
        ("v:1", 0, True, False),
        ("v:2", 1, True, False),
    ]
