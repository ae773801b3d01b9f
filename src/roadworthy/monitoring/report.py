"""What the windows of traffic said, for readers: JSON for programs, one HTML page, and output in a notebook.

The page is a single file without scripts and without anything from the network.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import TypeAdapter

from roadworthy.monitoring import charts
from roadworthy.monitoring.wording import figure, percent
from roadworthy.records import Performance, Reading, Window, WindowReport

_METRICS = {
    "roc_auc": "ROC AUC",
    "log_loss": "log loss",
    "brier": "Brier score",
    "value_per_1000": "value per 1,000 cases",
}
_NAMED = 5  # columns in a summary
_OLDER_READINGS = 30  # of an older window, its drift only: the whole is in the JSON
_OLDER_DRAWINGS = 8
_DETAILED = 36  # newest windows that are shown in detail
_REPORTS = TypeAdapter(list[WindowReport])


def to_json(reports: Sequence[WindowReport]) -> str:
    """Return the reports as a JSON list, oldest window first, each with the fields of `WindowReport`."""
    return _REPORTS.dump_json(_oldest_first(reports), indent=1).decode()


def to_html(reports: Sequence[WindowReport], *, title: str) -> str:
    """Return one HTML page about all windows: summary, verdicts and performance over time, and each window's detail.

    Parameters
    ----------
    reports
        Reports of any number of windows, in any order.
    title
        What the page is about, usually the project's name.

    Returns
    -------
    str
        A whole document: script-free, self-contained, light and dark.
    """
    return _TEMPLATES.get_template("page.html.j2").render(_content(reports, title))


class ReportView:
    """Reports as a notebook's output: script-free HTML that fits light and dark notebooks, and plain text.

    Its title is the project's name unless another is given.

    Examples
    --------
    >>> ReportView([], title="late-flights")
    late-flights: no window of traffic has been judged yet.
    """

    def __init__(self, reports: Sequence[WindowReport], *, title: str = "") -> None:
        self.reports = tuple(reports)
        self.title = title or (self.reports[0].project if self.reports else "traffic")

    def __repr__(self) -> str:
        lines = [f"{self.title}: {_summary(self.reports)}"]
        lines += [
            f"{window_label(r.window):>18}  {r.verdict:15}  {r.rows:>9,} rows" for r in _oldest_first(self.reports)
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return _TEMPLATES.get_template("notebook.html.j2").render(_content(self.reports, self.title))

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, str]:
        return {"text/html": self._repr_html_(), "text/plain": repr(self)}


def window_label(window: Window) -> str:
    """Name a window as a reader would.

    Examples
    --------
    >>> from datetime import datetime, UTC
    >>> window_label(Window(start=datetime(2013, 5, 1, tzinfo=UTC), end=datetime(2013, 6, 1, tzinfo=UTC)))
    'May 2013'
    """
    length = window.end - window.start
    if length == timedelta(days=7):
        return f"week of {window.start:%Y-%m-%d}"
    return f"{window.start:%B %Y}" if length > timedelta(days=7) else f"{window.start:%Y-%m-%d}"


def _oldest_first(reports: Sequence[WindowReport]) -> list[WindowReport]:
    return sorted(reports, key=lambda report: report.window.start)


def _content(reports: Sequence[WindowReport], title: str) -> dict[str, Any]:
    ordered = _oldest_first(reports)
    newest = ordered[-1] if ordered else None
    metric = _metric(ordered)
    labels = [_short_label(report.window) for report in ordered]
    return {
        "title": title,
        "reports": ordered,
        "newest": newest,
        "summary": _summary(ordered),
        "performance": [performance_words(one) for one in newest.performance] if newest else [],
        "metric": metric,
        "chart": charts.line_chart(ordered, labels, metric),
        "details": [_detail(report, report is newest) for report in reversed(ordered[-_DETAILED:])],
        "left_out": max(len(ordered) - _DETAILED, 0),
    }


def _summary(reports: Sequence[WindowReport]) -> str:
    if not reports:
        return "no window of traffic has been judged yet."
    newest = _oldest_first(reports)[-1]
    label = window_label(newest.window)
    opening = {
        "drift": f"In {label} the data drifted from what the model learned from: {_listed(newest.drifted)}.",
        "no drift": f"In {label} nothing that counts has changed in the data.",
        "too little data": f"{label} has too little data to say whether anything changed.",
    }[newest.verdict]
    return opening + (" The window is still open: more rows may come." if newest.open else "")


def _listed(names: Sequence[str]) -> str:
    if len(names) <= _NAMED:
        return ", ".join(names)
    return f"{', '.join(names[:_NAMED])} and {len(names) - _NAMED} more"


def performance_words(one: Performance) -> str:
    """Tell a version's performance in a window in a sentence or two."""
    reference = one.reference
    reading = one.metrics.get(reference.metric) if reference else next(iter(one.metrics.values()), None)
    if reading is None:
        return f"{one.version} answered {one.rows:,} rows; {one.labelled:,} have a label, too few to judge it."
    name = _METRICS.get(reading.metric, reading.metric)
    words = f"{one.version}: {name} is {charts.interval(reading)} on {reading.n:,} labelled rows"
    if reference is None or one.fall is None:
        return f"{words}."
    words += f"; at release it was {charts.interval(reference)}. {_fall_words(one.fall, one.fell)}"
    former = one.against_former
    if former is not None and former.better:
        gain = f"{charts.difference(former.gain)} ({charts.difference(former.low)} to {charts.difference(former.high)})"
        words += f" The former version, {former.challenger}, would have been better by {gain} on the same rows."
    return words


def _fall_words(fall: float, fell: bool) -> str:
    if fell:
        return f"It has fallen by {charts.difference(fall)}, beyond doubt more than is tolerated."
    if fall > 0:
        return f"That is {charts.difference(fall)} worse, not beyond doubt more than is tolerated."
    return "It is no worse now."


def _metric(reports: Sequence[WindowReport]) -> str:
    """Return the use case's metric: the one that versions had at release."""
    references = [one.reference.metric for r in reversed(reports) for one in r.performance if one.reference is not None]
    return references[0] if references else "roc_auc"


def _detail(report: WindowReport, newest: bool) -> dict[str, Any]:
    """Choose what of a window is shown: of the newest everything, of others what drifted."""
    readings = sorted(report.readings, key=lambda reading: -reading.effect / reading.threshold)
    drift = [reading for reading in readings if reading.verdict == "drift"]
    calm = [reading for reading in readings if reading.verdict != "drift"] if newest else []
    shown = drift if newest else drift[:_OLDER_READINGS]
    drawn = [reading for reading in shown if reading.bars]
    return {
        "report": report,
        "newest": newest,
        "drift": shown,
        "calm": calm,
        "drawn": drawn if newest else drawn[:_OLDER_DRAWINGS],
        "more": len(readings) - len(shown) - len(calm),
        "metrics": [name for name in _METRICS if any(name in one.metrics for one in report.performance)],
        "former": [one.against_former for one in report.performance if one.against_former is not None],
    }


def _short_label(window: Window) -> str:
    return f"{window.start:%b %Y}" if window.end - window.start > timedelta(days=7) else f"{window.start:%Y-%m-%d}"


def _p_value(p: float) -> str:
    return "under 0.0001" if p < 0.0001 else figure(p, 2)


def _kind(reading: Reading) -> str:
    return {"missing": "missing values", "unseen": "unseen categories"}.get(reading.kind, reading.kind)


_TEMPLATES = Environment(
    loader=PackageLoader("roadworthy.monitoring"),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=StrictUndefined,
)
_TEMPLATES.filters |= {
    "percent": percent,
    "figure": figure,
    "p_value": _p_value,
    "value": charts.value,
    "ends": charts.ends,
    "difference": charts.difference,
    "kind": _kind,
    "window_label": window_label,
    "short_label": _short_label,
    "histogram": charts.histogram,
    "unbroken": lambda words: words.replace(" %", "\u00a0%"),
    "metric_name": lambda name: _METRICS.get(name, name),
}
