"""The report for readers: one HTML page that needs nothing but itself, and the part of it that a notebook shows.

Its size is bounded whatever it tells: the newest windows, the columns that changed most, as many histograms as fit.
The whole is in report.json.
"""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from roadworthy.monitoring import wording
from roadworthy.monitoring.report import charts, story
from roadworthy.monitoring.report.document import Report
from roadworthy.monitoring.report.trends import Trend, trends
from roadworthy.records import Alert, Performance, Reading, SegmentReport, Window, WindowReport

_MOST_WINDOWS = 100
_MOST_COLUMNS = 100
_OPENED = 6  # columns that are open from the start
_MOST_BYTES = 300_000  # of a page
_BAR_BYTES = 70  # of a histogram's bar, without its label, at least
_LONGEST_NAME = 60
_LONGEST_WORDS = 240
_MOST_ALERTS = 20
_MOST_PARTS = 20
_MOST_PAIRS = 10
_MOST_VERSIONS = 3  # of the told window
_MOST_KEYS = 4  # versions named below the chart
_NOTICED = 0.9  # of the rows; above, their worth is not told
_MONTH = timedelta(days=30)
_MARKS = {"retrain": "↻", "promote": "↑", "rollback": "↩"}
_SEVERITIES = ("critical", "warning", "info")


@dataclass(frozen=True)
class Row:
    """A window in the table of all windows."""

    window: WindowReport
    performance: str
    others: tuple[str, ...]
    changed: str
    done: str


def to_html(report: Report) -> str:
    """Return the report as a whole HTML document: self-contained, light and dark, without a need for its script."""
    script = _source("script.js")
    digest = b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return _fitting("page.html.j2", _content(report) | {"script": script, "script_hash": digest})


def to_fragment(report: Report) -> str:
    """Return the report as script-free HTML that stands inside another page and fits light and dark notebooks."""
    digest = hashlib.sha256(f"{report.project} {report.made} {len(report.windows)}".encode()).hexdigest()
    return _fitting("notebook.html.j2", _content(report) | {"prefix": f"rw-{digest[:8]}"})


def _fitting(name: str, content: dict[str, Any]) -> str:
    """Render a template; when the page is too large, again without the histograms of what changed least."""
    template, columns = _TEMPLATES.get_template(name), content["columns"]
    page = template.render(content | {"drawn": {column.column for column in columns}})
    excess = len(page.encode()) - _MOST_BYTES
    return page if excess <= 0 else template.render(content | {"drawn": _drawn(columns, excess)})


def _content(report: Report) -> dict[str, Any]:
    windows = report.windows[-_MOST_WINDOWS:]
    told = report.told
    metric = _metric(report.windows)
    columns = trends(windows, told) if told else []
    labels = [wording.short_label(found.window) for found in windows]
    waiting = _waiting(report)
    chart = charts.line_chart(windows, labels, metric, _marks(report, windows))
    return {
        "prefix": "rw",
        "script": "",
        "report": report,
        "told": told,
        "label": wording.window_label(told.window) if told else "",
        "story": story.tell(report),
        "metric": metric,
        "chart": chart,
        "keys": _keys(chart),
        "versions": _versions(told) if told else [],
        "alerts": waiting[:_MOST_ALERTS],
        "alerts_left_out": max(len(waiting) - _MOST_ALERTS, 0),
        "columns": columns[:_MOST_COLUMNS],
        "columns_left_out": max(len(columns) - _MOST_COLUMNS, 0),
        "pairs": [pair for pair in told.associations if pair.verdict == "drift"][:_MOST_PAIRS] if told else [],
        "parts": _worst_parts(told)[:_MOST_PARTS] if told else [],
        "parts_left_out": max(len(told.segments) - _MOST_PARTS, 0) if told else 0,
        "against": story.held_against(told) if told else "",
        "expected": _expected(windows, told) if told else 0.0,
        "drifted": sum(column.verdict == "drift" for column in columns),
        "opened": _OPENED,
        "trended": len(windows),
        "rows": [_row(report, found, metric) for found in reversed(windows)],
        "windows_left_out": len(report.windows) - len(windows),
    }


def _waiting(report: Report) -> list[Alert]:
    """Return the open alerts, the most severe first, then the newest."""
    waiting = [alert for alert in report.alerts if alert.resolved is None]
    return sorted(waiting, key=lambda alert: (_SEVERITIES.index(alert.severity), -alert.updated.timestamp()))


def _metric(windows: Sequence[WindowReport]) -> str:
    """Return the use case's metric: the one that versions had at release."""
    references = [one.reference.metric for r in reversed(windows) for one in r.performance if one.reference is not None]
    return references[0] if references else "roc_auc"


def _versions(told: WindowReport) -> list[Performance]:
    """Return what the versions did in a window, the one it is judged for first."""
    return sorted(told.performance, key=lambda one: one is not story.live(told))[:_MOST_VERSIONS]


def _figures(one: Performance) -> list[str]:
    """Return the metrics of a version, the use case's first."""
    names = dict.fromkeys([*one.metrics, *one.estimated])
    return sorted(names, key=lambda name: one.reference is None or name != one.reference.metric)


def _drawn(columns: Sequence[Trend], excess: int) -> set[str]:
    """Return the columns, worst first, that keep their histograms when so many bytes have to go."""
    drawn = {column.column for column in columns}
    for column in reversed(columns):
        if excess <= 0:
            break
        excess -= sum(_BAR_BYTES + len(bar.label) for reading in column.readings for bar in reading.bars)
        drawn.discard(column.column)
    return drawn


def _row(report: Report, found: WindowReport, metric: str) -> Row:
    decision = story.decision_about(report, found)
    live = story.live(found)
    measured = [one for one in found.performance if metric in one.metrics]
    return Row(
        window=found,
        performance=_measured(live, metric) if live else "",
        others=tuple(f"{one.version}: {_measured(one, metric)}" for one in measured if one is not live),
        changed=_listed(found.drifted),
        done=wording.shortened(story.decision_words(report, decision), _LONGEST_WORDS) if decision else "",
    )


def _listed(names: Sequence[str]) -> str:
    return wording.listed([wording.shortened(name, _LONGEST_NAME) for name in names])


def _remarks(one: Performance) -> Iterator[str]:
    """Say what must be known to read a version's figures."""
    if one.label_words:
        yield one.label_words
    if one.estimated or one.estimate_words:
        yield f"The estimate can{'' if one.estimate_trusted else 'not'} be trusted: {one.estimate_words}"
    if one.estimate_miss is not None:
        error = one.estimate_error
        mean = f"; over the windows so far by {wording.difference(error)} on average" if error is not None else ""
        miss = f"The estimate was off by {wording.difference(abs(one.estimate_miss))}"
        yield f"{miss}{mean}."
    if one.concept is not None and one.concept.words:
        yield one.concept.words
    if one.explanation is not None:
        yield one.explanation.words


def _keys(chart: charts.LineChart | None) -> list[charts.Series]:
    """Return one series for each of the newest versions."""
    versions = {series.version: series for series in chart.series} if chart else {}
    return list(versions.values())[-_MOST_KEYS:]


def _measured(one: Performance, metric: str) -> str:
    if metric not in one.metrics:
        estimate = one.estimated.get(metric)
        return f"estimated {wording.interval(estimate)}" if estimate else "not known"
    return f"{wording.interval(one.metrics[metric])}{', fallen' if one.fell else ''}"


def _marks(report: Report, windows: Sequence[WindowReport]) -> dict[int, str]:
    """Return what was done, by the position of the window that it was done for, or in which it was done by hand."""
    marks: dict[int, dict[str, None]] = {}
    for act, place in _acts(report, windows):
        marks.setdefault(place, {})[_MARKS[act]] = None
    return {place: "".join(what) for place, what in sorted(marks.items())}


def _acts(report: Report, windows: Sequence[WindowReport]) -> Iterator[tuple[str, int]]:
    place = {found.window: i for i, found in enumerate(windows)}
    for decision in report.decisions:
        if decision.window in place and (act := story.acted(decision)):
            yield act, place[decision.window]
    for one in report.retrainings:
        if one.promoted is not None and one.window in place:
            yield "promote", place[one.window]
    told = {decision.reason for decision in report.decisions} | {one.version for one in report.retrainings}
    for entry in report.history:
        if entry.action in _MARKS and entry.reason not in told and entry.version_to not in told:
            within = (i for window, i in place.items() if window.start <= entry.at < window.end)
            yield from ((entry.action, i) for i in within)


def _scaled(reading: Reading) -> list[tuple[str, float, float, str, str]]:
    """Return each bar's label, both lengths as a share of the longest, and both shares in percent."""
    longest = max((max(bar.reference, bar.window) for bar in reading.bars), default=0.0) or 1.0
    return [
        (bar.label, bar.reference / longest, bar.window / longest, _bare(bar.reference), _bare(bar.window))
        for bar in reading.bars
    ]


def _bare(share: float) -> str:
    return wording.percent(share).removesuffix(" %").replace("under ", "<")


def _length(share: float) -> str:
    return f"{share:.2f}".lstrip("0").rstrip("0").rstrip(".") or "0"


def _p_value(p: float) -> str:
    return "under 0.0001" if p < 0.0001 else wording.figure(p, 2)


def _sides(reading: Reading) -> str:
    """Say how many rows each side has, and how many independent ones the window's are worth, if noticeably fewer."""
    if reading.kind == "volume":
        return f"1 window against {reading.n_reference:,} before it"
    rows, worth = f"{reading.n_window:,} rows", reading.effective_n
    if worth is not None and worth <= _NOTICED * reading.n_window:
        rows += f", worth {worth:,.0f} independent ones,"
    if reading.kind == "freshness":  # it is held against the contract
        return rows.removesuffix(",")
    return f"{rows} against {reading.n_reference:,}"


def _source(name: str) -> str:
    assert _TEMPLATES.loader is not None  # noqa: S101  (it is given below)
    return _TEMPLATES.loader.get_source(_TEMPLATES, name)[0]


def _alert_state(alert: Alert) -> Iterator[str]:
    """Tell how far an alert has come."""
    yield "delivered" if alert.delivered else f"could not be delivered in {alert.attempts} attempts"
    if alert.acknowledged is not None:
        yield f"acknowledged by {alert.acknowledged_by}"
    if alert.escalated is not None:
        yield "handed on to the backup"
    if alert.muted_until is not None:
        yield f"muted until {alert.muted_until:%Y-%m-%d %H:%M} by {alert.muted_by}"
    if alert.note:
        yield alert.note


def _worst_parts(told: WindowReport) -> list[SegmentReport]:
    return sorted(told.segments, key=lambda part: (part.verdict != "drift", -len(part.drifted), -part.rows))


def _expected(windows: Sequence[WindowReport], told: WindowReport) -> float:
    """Return how many windows of a month, the told one the last, are at most named although nothing changed.

    A window that began before that month counts by the share of it that lies within.
    """
    month = Window(start=told.window.end - _MONTH, end=told.window.end)
    return sum(found.expected_false_alarms * _share(found.window, month) for found in windows)


def _share(window: Window, month: Window) -> float:
    within = min(window.end, month.end) - max(window.start, month.start)
    length = window.end - window.start
    return max(within / length, 0.0) if length else float(month.start <= window.start <= month.end)


_TEMPLATES = Environment(
    loader=PackageLoader("roadworthy.monitoring.report"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)
_TEMPLATES.filters |= {
    "percent": wording.percent,
    "figure": wording.figure,
    "p_value": _p_value,
    "value": wording.value,
    "ends": wording.ends,
    "difference": wording.difference,
    "window_label": wording.window_label,
    "short_label": wording.short_label,
    "scaled": _scaled,
    "sides": _sides,
    "figures": _figures,
    "remarks": _remarks,
    "measured_in": _measured,
    "listed": _listed,
    "length_of": _length,
    "alert_state": lambda alert: ", ".join(_alert_state(alert)),
    "name": lambda name: wording.shortened(name, _LONGEST_NAME),
    "words": lambda words: wording.shortened(words, _LONGEST_WORDS).replace(" %", "\u00a0%"),
    "metric_name": wording.metric_name,
    "metric_meaning": wording.metric_meaning,
    "begun": lambda words: words[:1].upper() + words[1:],
    "count": "{:,}".format,
}
