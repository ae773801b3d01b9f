"""The report holds what was found, needs nothing but itself, and is safe and readable."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Browser
from pydantic import TypeAdapter

from roadworthy.monitoring.report import ReportView, performance_words, to_html, to_json, window_label
from roadworthy.records import (
    Bar,
    Comparison,
    MetricReading,
    Performance,
    Reading,
    Verdict,
    Window,
    WindowReport,
)

NASTY = "<img src=x onerror=alert(1)>"


def window(month: int) -> Window:
    return Window(start=datetime(2013, month, 1, tzinfo=UTC), end=datetime(2013, month + 1, 1, tzinfo=UTC))


def reading(column: str, verdict: Verdict = "drift", effect: float = 0.3, bars: int = 12) -> Reading:
    return Reading(
        column=column,
        kind="feature",
        measure="Kolmogorov-Smirnov",
        statistic=effect,
        effect=effect,
        threshold=0.03,
        p_value=1e-9,
        adjusted_p=2e-9,
        n_reference=100_000,
        n_window=28_000,
        verdict=verdict,
        words=f"{column} is higher: half of the values are now at least 71.1, it was 39.9",
        bars=tuple(Bar(label=f"{i * 10} to {i * 10 + 10}", reference=0.083, window=i / 66) for i in range(bars)),
    )


def auc(value: float) -> MetricReading:
    return MetricReading(metric="roc_auc", value=value, low=value - 0.01, high=value + 0.01, n=27_000)


def performance(value: float, version: str = "late-flights:a", *, fell: bool = False) -> Performance:
    metrics = {"roc_auc": auc(value)}
    return Performance(
        version=version,
        rows=28_000,
        labelled=27_000,
        metrics=metrics,
        reference=auc(0.75),
        fall=0.75 - value,
        fell=fell,
    )


def report(month: int, *readings: Reading, **more: object) -> WindowReport:
    drifted = tuple(r.column for r in readings if r.verdict == "drift")
    fields: dict[str, object] = {
        "window": window(month),
        "project": "late-flights",
        "rows": 28_000,
        "labelled": 27_000,
        "open": False,
        "versions": {"late-flights:a": 28_000},
        "reference": "late-flights:a",
        "readings": readings,
        "performance": (performance(0.76 - month / 100),),
        "verdict": "drift" if drifted else "no drift",
        "drifted": drifted,
        "expected_false_alarms": 0.05 * len(drifted),
    }
    return WindowReport.model_validate(fields | more)


class Page(HTMLParser):
    """Collects what the checks need, and holds that tags are closed in order."""

    VOID = frozenset({"meta", "br", "img"})

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


REPORTS = [report(6, reading("temp"), reading("dewp", "no drift", 0.01)), report(5, reading("humid", "no drift", 0.02))]


def test_json_is_the_reports_oldest_first() -> None:
    read = TypeAdapter(list[WindowReport]).validate_json(to_json(REPORTS))
    assert read == [REPORTS[1], REPORTS[0]]


def test_page_tells_the_newest_window_first() -> None:
    page = Page(to_html(REPORTS, title="late-flights"))
    assert page.open == []
    assert "In June 2013 the data drifted from what the model learned from: temp." in page.text
    assert "ROC AUC is 0.700 (0.690 to 0.710) on 27,000 labelled rows; at release it was 0.750" in page.text
    assert [d.get("id") for d in page.all("details") if d.get("id")] == ["window-2013-06-01", "window-2013-05-01"]
    assert [("open" in d) for d in page.all("details") if d.get("id")] == [True, False]
    assert page.text.index("temp is higher") < page.text.index("dewp is higher")
    links = {a["href"] for a in page.all("a")}
    assert links == {"#window-2013-05-01", "#window-2013-06-01"}


@pytest.mark.parametrize("html", [to_html(REPORTS, title="x"), ReportView(REPORTS, title="x")._repr_html_()])
def test_nothing_is_fetched_or_run(html: str) -> None:
    assert re.search(r"<script|https?://|//cdn|@import|url\(|<link|<iframe|\bsrc=|\son\w+=", html) is None


@pytest.mark.parametrize("html", [to_html(REPORTS, title="x"), ReportView(REPORTS, title="x")._repr_html_()])
def test_structure_speaks_to_a_screen_reader(html: str) -> None:
    page = Page(html)
    assert html.count("<table>") == html.count("<caption>") > 0
    assert all(th.get("scope") in ("row", "col") for th in page.all("th"))
    assert all(svg.get("role") == "img" and ({"aria-label", "aria-labelledby"} & set(svg)) for svg in page.all("svg"))
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch(r"h\d", tag)]
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)
    named = {name for _, a in page.tags for name in (a.get("aria-labelledby") or "").split()}
    assert named <= set(ids)
    assert all("tabindex" in div for div in page.all("div") if div.get("class") == "rw-scroll")


def test_names_are_text_wherever_they_stand() -> None:
    bars = (Bar(label=NASTY, reference=0.5, window=0.5),)
    nasty = reading(NASTY).model_copy(update={"bars": bars, "words": f"{NASTY} rose"})
    found = report(6, nasty, performance=(performance(0.7, NASTY),), reference=NASTY, project=NASTY)
    for html in (to_html([found], title=NASTY), ReportView([found], title=NASTY)._repr_html_()):
        page = Page(html)
        assert page.all("img") == []
        assert NASTY in page.text


def test_both_themes_are_legible() -> None:
    html = to_html(REPORTS, title="x")
    light, dark = (dict(re.findall(r"--rw-([a-z-]+): (#\w{6})", part)) for part in html.split("prefers-color-scheme"))
    assert set(light) == set(dark)
    for theme in (light, dark):
        for text in ("text", "muted", "drift", "calm", "few"):
            assert contrast(theme[text], theme["card"]) >= 4.5
        for tile in ("drift", "calm", "few"):
            assert contrast(theme[tile], theme[f"{tile}-tint"]) >= 4.5
            assert contrast(theme["muted"], theme[f"{tile}-tint"]) >= 4.5
        assert contrast(theme["window"], theme["card"]) >= 3


def contrast(one: str, other: str) -> float:
    """WCAG 2.2's contrast ratio."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_a_hundred_columns_over_eight_months_stay_small() -> None:
    columns = [
        reading(f"column_{i:03}", "drift" if i < 12 else "no drift", 0.3 if i < 12 else 0.01) for i in range(100)
    ]
    reports = [report(month, *columns) for month in range(4, 12)]
    assert len(to_html(reports, title="x").encode()) < 450_000
    assert len(to_html(reports[:1], title="x").encode()) < 300_000


def test_every_reading_of_the_newest_window_is_there_and_others_say_what_is_left_out() -> None:
    many = [reading(f"c{i}", "no drift", 0.01, bars=3) for i in range(40)]
    page = Page(to_html([report(5, *many), report(6, *many)], title="x"))
    assert all(f"c{i} is higher" in page.text for i in range(40))
    assert "40 more readings are in report.json" in page.text


def test_a_window_without_verdict_labels_or_anything() -> None:
    bare = report(6, performance=(), verdict="too little data", rows=12, labelled=0, versions={}, open=True)
    text = Page(to_html([bare], title="x")).text
    assert "June 2013 has too little data to say whether anything changed. The window is still open" in text
    unlabelled = Performance(version="v:1", rows=900, labelled=20)
    assert performance_words(unlabelled) == "v:1 answered 900 rows; 20 have a label, too few to judge it."
    empty = Page(to_html([], title="x")).text
    assert "No window of traffic has been judged yet." in empty


def test_performance_words_tell_fall_and_former() -> None:
    assert "fallen by 0.100, beyond doubt more than is tolerated" in performance_words(performance(0.65, fell=True))
    assert "0.010 worse, not beyond doubt" in performance_words(performance(0.74))
    assert "It is no worse now." in performance_words(performance(0.76))
    former = Comparison(
        metric="roc_auc",
        champion="v:2",
        challenger="v:1",
        champion_value=0.7,
        challenger_value=0.72,
        gain=0.02,
        low=0.01,
        high=0.03,
        n=900,
    )
    beaten = performance(0.7).model_copy(update={"against_former": former})
    assert "former version, v:1, would have been better by 0.020 (0.010 to 0.030)" in performance_words(beaten)
    assert (
        "v:1 would have been better by 0.020 in ROC AUC"
        in Page(to_html([report(6, performance=(beaten,))], title="x")).text
    )


def test_notebook_output_has_html_and_text() -> None:
    view = ReportView(REPORTS, title="late-flights")
    bundle = view._repr_mimebundle_()
    assert set(bundle) == {"text/html", "text/plain"}
    assert bundle["text/plain"] == repr(view)
    assert repr(view).splitlines()[1:] == [
        "          May 2013  no drift            28,000 rows",
        "         June 2013  drift               28,000 rows",
    ]
    assert "<html" not in bundle["text/html"]
    assert Page(bundle["text/html"]).open == []
    styles = re.search(r"<style>(.*?)</style>", bundle["text/html"], re.DOTALL)
    assert styles is not None
    rules = [rule for rule in re.findall(r"([^{}]+)\{", styles[1]) if "@" not in rule]
    assert all(".rw" in selector for rule in rules for selector in rule.split(","))  # nothing leaks into the notebook


def test_windows_are_named_as_a_reader_would() -> None:
    start = datetime(2013, 5, 6, tzinfo=UTC)
    assert window_label(Window(start=start, end=start + timedelta(days=7))) == "week of 2013-05-06"
    assert window_label(Window(start=start, end=start + timedelta(days=1))) == "2013-05-06"
    assert window_label(window(5)) == "May 2013"


@pytest.mark.slow
@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_browser_shows_it_without_asking_anybody(browser: Browser, tmp_path: Path, theme: str) -> None:
    page_file = tmp_path / "report.html"
    found = report(6, reading("temp"), reading(NASTY), reading("seats", "no drift", 0.01))
    page_file.write_text(to_html([report(5, reading("dewp")), found], title="late-flights"))
    asked, problems = [], []
    page = browser.new_page(color_scheme=theme)  # type: ignore[arg-type]  # one of its own words
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
    page.on("dialog", lambda dialog: problems.append(dialog.message))
    page.goto(page_file.as_uri())
    background, text = page.evaluate(
        "() => { const style = getComputedStyle(document.body); return [style.backgroundColor, style.color] }"
    )
    brightness = [sum(map(int, re.findall(r"\d+", colour)[:3])) for colour in (background, text)]
    assert (brightness[0] > brightness[1]) == (theme == "light")
    assert page.locator("h1").inner_text() == "late-flights"
    older = page.locator("details").nth(1)
    assert older.get_attribute("open") is None
    older.locator("summary").first.focus()
    page.keyboard.press("Enter")
    assert older.get_attribute("open") is not None
    assert page.get_by_text(NASTY).count() > 0
    assert page.locator("img").count() == 0
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    page.close()
    assert asked == [page_file.as_uri()]
    assert problems == []
