"""Drawings stand where their values say."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest

from roadworthy.monitoring import charts
from roadworthy.records import Bar, MetricReading, Performance, Window, WindowReport

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
    chart = charts.line_chart(reports, ["May", "Jun", "Jul"], "roc_auc")
    assert chart is not None
    (series,) = chart.series
    ticks = {float(tick.label): tick.at for tick in chart.y_ticks}
    (low, low_y), (high, high_y) = min(ticks.items()), max(ticks.items())
    for point, value in zip(series.points, VALUES, strict=True):
        share = (value - low) / (high - low)
        assert point.y == pytest.approx(low_y + share * (high_y - low_y), abs=0.1)
    assert [point.x for point in series.points] == [tick.at for tick in chart.x_ticks]
    assert low <= min(VALUES)
    assert high >= 0.75
    assert charts.line_chart([report(5)], ["May"], "roc_auc") is None
    assert charts.line_chart(reports, ["a", "b", "c"], "brier") is None


def test_a_gap_between_windows_and_two_versions_are_drawn() -> None:
    both = (performance(0.7, "v:1"), performance(0.74, "v:2"))
    reports = [report(5, both[0]), report(6), report(7, *both)]
    chart = charts.line_chart(reports, ["May", "Jun", "Jul"], "roc_auc")
    assert chart is not None
    assert [(series.version, len(series.points)) for series in chart.series] == [("v:1", 2), ("v:2", 1)]


def test_histogram_lengths_are_in_proportion() -> None:
    drawn = charts.histogram([Bar(label="a", reference=0.5, window=0.25), Bar(label="b", reference=0.0, window=0.1)])
    lengths = [float(length) for length in re.findall(r"h([\d.]+)v", drawn.reference + drawn.window)]
    assert lengths == pytest.approx([150, 75, 30])
    assert drawn.rows[0].shares == "50.0 → 25.0"
