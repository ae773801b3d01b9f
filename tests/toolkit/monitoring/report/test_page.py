"""The page holds what was found, needs nothing but itself, and is safe and readable."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from roadworthy.monitoring.report import Report, ReportView, to_html
from roadworthy.records import AssociationChange, Bar, HistoryEntry, Reading, Segment, SegmentReport, Window

if TYPE_CHECKING:
    from tests.toolkit.monitoring.report.conftest import Examples


class Parsed(HTMLParser):
    """Collects what the checks need, and holds that tags are closed in order."""

    VOID = frozenset({"meta", "br", "img", "input"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.text = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(params=["page", "notebook"])
def html(request: pytest.FixtureRequest, full: Report) -> str:
    """The report as a page and as a notebook's output."""
    return to_html(full) if request.param == "page" else ReportView(full)._repr_html_()


def test_the_worst_comes_first(full: Report) -> None:
    page = Parsed(to_html(full))
    assert page.open == []
    order = [
        "The traffic has changed; the model still answers as well as is asked of it.",
        "What happened",
        "roc_auc fell",
        "2 columns drifted",
        "How well the model answers",
        "temp is higher",
        "dewp is higher",
        "All windows, newest first",
        "How to read it",
    ]
    place = page.text.index("The traffic")
    for words in order:
        place = page.text.index(words, place)
    assert "Retraining: 2 columns drifted. Outcome: trained late-flights:b, promoted." in page.text
    assert [("open" in details) for details in page.all("details")] == [True, False]


def test_what_was_done_is_marked_over_its_window(examples: Examples, full: Report) -> None:
    assert _marks(full) == ["↑", "↻"]
    moment = datetime(2013, 5, 4, tzinfo=UTC)
    promoted = examples.retraining(6, version="late-flights:b", promoted=moment)
    by_itself = HistoryEntry(who="watch", action="promote", version_to="late-flights:b", at=moment)
    assert _marks(full.model_copy(update={"retrainings": (promoted,), "history": (by_itself,)})) == ["↻↑"]


def _marks(report: Report) -> list[str]:
    return re.findall(r"<text [^>]*>([↻↑↩]+)</text>", to_html(report))


def test_nothing_is_fetched_or_run(html: str) -> None:
    assert re.search(r"https?://|//cdn|@import|url\(|<link|<iframe|\bsrc=|\son\w+=", html) is None


def test_a_notebook_gets_no_script_and_nothing_that_needs_one(report: Report) -> None:
    html = ReportView(report)._repr_html_()
    assert re.search("<script|<form|<input|<select", html) is None


def test_structure_speaks_to_a_screen_reader(html: str) -> None:
    page = Parsed(html)
    assert len(page.all("table")) == len(page.all("caption")) > 0
    assert all(th.get("scope") in ("row", "col") for th in page.all("th"))
    pictures = [svg for svg in page.all("svg") if svg.get("aria-hidden") != "true"]
    assert pictures
    assert all(svg.get("role") == "img" and svg.get("aria-label") for svg in pictures)
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    named = {name for _, a in page.tags for name in (a.get("aria-labelledby") or "").split()}
    linked = {(a["href"] or "").removeprefix("#") for a in page.all("a")}
    assert named | linked <= set(ids)
    scrolled = [div for div in page.all("div") if "rw-scroll" in (div.get("class") or "")]
    assert all("tabindex" in div and "aria-label" in div for div in scrolled)


def test_two_outputs_of_a_notebook_do_not_share_ids(examples: Examples, report: Report) -> None:
    other = examples.report(examples.found(6, examples.reading("temp")))
    ids = [set(re.findall(r'\sid="([^"]+)"', ReportView(one)._repr_html_())) for one in (report, other)]
    assert ids[0].isdisjoint(ids[1])


def test_names_are_text_wherever_they_stand(examples: Examples) -> None:
    nasty = examples.nasty
    bars = (Bar(label=nasty, reference=0.5, window=0.5),)
    reading = examples.reading(nasty).model_copy(update={"bars": bars, "words": f"{nasty} rose"})
    found = examples.found(
        6, reading, performance=(examples.performance(0.7, nasty),), reference=nasty, versions={nasty: 1}
    )
    report = examples.report(
        found,
        project=nasty,
        owners={"model": nasty},
        decisions=(examples.decision(6, "retrain", nasty, outcome=nasty),),
        alerts=(examples.alert(title=nasty, message=nasty, owner=nasty),),
    )
    for html in (to_html(report), ReportView(report)._repr_html_()):
        page = Parsed(html)
        assert page.all("img") == []
        assert page.text.count(nasty) > 10


def test_both_themes_are_legible(report: Report) -> None:
    html = to_html(report)
    light, dark = (dict(re.findall(r"--rw-([a-z-]+): (#\w{6})", part)) for part in html.split("prefers-color-scheme"))
    assert set(light) == set(dark)
    for theme in (light, dark):
        for text in ("text", "muted", "bad", "changed", "fine", "unknown", "window"):
            assert contrast(theme[text], theme["card"]) >= 4.5
        for text in ("text", "muted"):
            assert contrast(theme[text], theme["hover"]) >= 4.5
        for mood in ("bad", "changed", "fine", "unknown"):
            assert contrast(theme[mood], theme[f"{mood}-tint"]) >= 4.5
        assert contrast(theme["second"], theme["card"]) >= 3


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def days(examples: Examples, windows: int, *readings: Reading) -> Report:
    """So many windows of a day each, all alike."""
    first = datetime(2026, 1, 1, tzinfo=UTC)
    stretches = [Window(start=first + timedelta(i), end=first + timedelta(i + 1)) for i in range(windows)]
    return examples.report(*(examples.found(6, *readings, window=window) for window in stretches))


def test_a_hundred_columns_over_a_hundred_windows_stay_small(examples: Examples) -> None:
    columns = [
        examples.reading(f"a_column_with_a_name_{i:03}", "drift" if i < 12 else "no drift", 0.4 if i < 12 else i / 4000)
        for i in range(100)
    ]
    report = days(examples, 100, *columns)
    html = to_html(report)
    assert len(html.encode()) <= 300_000
    assert len(ReportView(report)._repr_html_().encode()) <= 300_000
    assert html.count("<details") == 100
    assert html.count('<table class="rw-bars"') == 100
    assert html.count("<tr id=") == 100


def test_a_page_is_bounded_whatever_it_tells(examples: Examples) -> None:
    long = "ü" * 200
    columns = [examples.reading(f"{long}{i}", words=long * 3) for i in range(300)]
    html = to_html(days(examples, 110, *columns))
    assert len(html.encode()) <= 300_000
    assert html.count("<details") == 100
    assert Parsed(html).open == []
    assert "200 columns with smaller changes are in report.json" in html
    assert "10 older windows are in report.json" in html
    assert "Its histogram is in report.json." in html


def test_histograms_are_tables_with_lengths_in_proportion(examples: Examples) -> None:
    bars = (Bar(label="a", reference=0.5, window=0.25), Bar(label="b", reference=0.0, window=0.0001))
    html = to_html(examples.report(examples.found(6, examples.reading("temp").model_copy(update={"bars": bars}))))
    cells = re.findall(r'<th scope="row">(\w)</th><td style="--r:([\d.]+);--w:([\d.]+)">([^<]+)</td><td>([^<]+)', html)
    assert cells == [("a", "1", ".5", "50.0", "25.0"), ("b", "0", "0", "0", "&lt;0.1")]


def test_other_versions_and_the_former_one_are_told(examples: Examples) -> None:
    both = (
        examples.performance(0.7, against_former=examples.former(), fell=True),
        examples.performance(0.72, "v:3", metrics={"roc_auc": examples.auc(0.72), "other": examples.auc(1.0)}),
    )
    text = Parsed(to_html(examples.report(examples.found(6, performance=both)))).text
    assert "v:1 would have been better by 0.020 in ROC AUC" in text
    assert "0.700 (0.690 to 0.710), fallen" in text
    assert "v:3: 0.720 (0.710 to 0.730)" in text


def test_figures_stand_with_their_estimates_and_what_must_be_known_of_them(examples: Examples) -> None:
    one = examples.performance(
        0.7,
        estimated={"roc_auc": examples.auc(0.72)},
        estimate_words="all rows are such as the model learned from",
        estimate_trusted=True,
        estimate_miss=-0.02,
        estimate_error=0.015,
        label_words="96 % of the rows have a label",
    )
    early = examples.performance(0.7, metrics={}, fall=None, estimated={"roc_auc": examples.auc(0.68)})
    html = to_html(examples.report(examples.found(5, performance=(early,)), examples.found(6, performance=(one,))))
    text = Parsed(html).text
    assert html.count('class="rw-first rw-estimated"') == 1
    for words in (
        "96\u00a0% of the rows have a label",
        "The estimate can be trusted: all rows are such as the model learned from",
        "The estimate was off by 0.020; over the windows so far by 0.015 on average.",
        "estimated 0.680 (0.670 to 0.690)",
        "how well the model tells cases apart",
    ):
        assert words in text


def test_a_reading_tells_its_interval_what_its_rows_are_worth_and_its_importance(examples: Examples) -> None:
    reading = examples.reading(
        "temp", effect_low=0.28, effect_high=0.321, effective_n=900.4, importance=0.8, effective_n_reference=9e4
    )
    text = Parsed(to_html(examples.report(examples.found(6, reading)))).text
    assert "Size 0.3 (0.28 to 0.32), counts from 0.03" in text
    assert "28,000 rows, worth 900 independent ones, against 100,000. Importance to the model: 0.8." in text
    assert "by its rank" not in text
    of_rows = examples.reading("rows", kind="volume", n_window=1, n_reference=26)
    late = examples.reading("departure", kind="freshness", effective_n=900.4)
    text = Parsed(to_html(examples.report(examples.found(6, of_rows, late)))).text
    assert "1 window against 26 before it." in text
    assert "28,000 rows, worth 900 independent ones." in text
    ranked = Parsed(to_html(examples.report(examples.found(6, examples.reading("temp", ranked_among=1240))))).text
    assert "(Kolmogorov-Smirnov), by its rank among 1,240 stretches of the reference." in ranked


def test_false_alarms_of_a_month_are_added_up(examples: Examples) -> None:
    report = days(examples, 40, examples.reading("temp"))
    assert "In the 30 days up to 2026-02-10 at most 1.5 false alarms must be expected." in to_html(report)


def test_of_a_window_longer_than_a_month_that_part_counts(examples: Examples) -> None:
    text = to_html(examples.report(examples.found(7, examples.reading("temp"))))
    assert "In the 30 days up to 2013-08-01 at most 0.048 false alarms must be expected." in text


def test_parts_of_the_traffic_have_a_table_what_drifted_first(examples: Examples) -> None:
    parts = tuple(
        SegmentReport(
            segment=Segment(column="origin", value=value),
            rows=900 + i,
            labelled=0,
            baseline_rows=900,
            verdict="drift" if drifted else "no drift",
            drifted=drifted,
            performance=(examples.performance(0.71),),
        )
        for i, (value, drifted) in enumerate(((examples.nasty, ()), ("JFK", ("temp",)), *[(None, ())] * 20))
    )
    html = to_html(examples.report(examples.found(6, segments=parts)))
    section = html[html.index('id="rw-segments"') : html.index('id="rw-windows"')]
    assert re.findall(r'<tr><th scope="row">([^<]+)', section)[0] == "origin JFK"
    assert "2 more are in report.json" in section
    assert "<img" not in section


def test_what_features_do_together_has_its_section(examples: Examples) -> None:
    nasty = examples.nasty
    pair = AssociationChange(
        first=nasty,
        second="dewp",
        measure="rank correlation",
        reference=0.9,
        window=-0.1,
        effect=1.0,
        threshold=0.1,
        adjusted_p=1e-6,
        level=0.02,
        verdict="drift",
        words=f"{nasty} and dewp went together",
    )
    calm = pair.model_copy(update={"first": "seats", "verdict": "no drift"})
    both = examples.found(6, separation=examples.separation(), associations=(pair, calm))
    page = Parsed(to_html(examples.report(both)))
    assert page.open == []
    assert page.all("img") == []
    assert f"{nasty}, dewp0.9-0.1rank correlation" in page.text
    assert "0.710 (0.680 to 0.740), counts from 0.55" in page.text
    assert "seats, dewp" not in page.text
    none = Parsed(to_html(examples.report(examples.found(6, associations=(calm,))))).text
    assert "No pair of features goes together otherwise than before; 1 pairs were looked at." in none


def test_an_alert_tells_how_far_it_has_come(examples: Examples) -> None:
    moment = datetime(2026, 7, 1, 12, tzinfo=UTC)
    told = {"acknowledged": moment, "acknowledged_by": "ada", "note": "a broken sensor", "escalated": moment}
    alerts = (
        examples.alert(delivered=False, attempts=3, muted_until=moment, muted_by="bo"),
        examples.alert("x", **told),
    )
    text = Parsed(to_html(examples.report(examples.found(6), alerts=alerts))).text
    assert "could not be delivered in 3 attempts, muted until 2026-07-01 12:00 by bo" in text
    assert "delivered, acknowledged by ada, handed on to the backup, a broken sensor" in text


def test_a_report_without_anything(examples: Examples) -> None:
    page = Parsed(to_html(examples.report()))
    assert page.open == []
    assert "No window of traffic has been judged yet." in page.text
    bare = examples.found(6, performance=(), verdict="too little data", rows=12, labelled=0, versions={}, open=True)
    assert "June 2013 has too little data" in Parsed(to_html(examples.report(bare))).text
