"""A notebook shows a report as HTML, as text, and as JSON of our own type."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from roadworthy.monitoring.report import Report, ReportView
from roadworthy.monitoring.report.notebook import MIME_TYPE

if TYPE_CHECKING:
    from tests.toolkit.monitoring.report.conftest import Examples


def test_the_output_has_three_forms(report: Report) -> None:
    view = ReportView(report)
    bundle = view._repr_mimebundle_()
    assert list(bundle) == ["text/plain", "text/html", MIME_TYPE]
    assert bundle["text/plain"] == repr(view)
    assert Report.model_validate(json.loads(json.dumps(bundle[MIME_TYPE]))) == report.brief()
    assert repr(view).splitlines() == [
        "late-flights: The traffic has changed; the model still answers as well as is asked of it.",
        "          May 2013  no drift            28,000 rows",
        "         June 2013  drift               28,000 rows",
    ]


def test_styles_do_not_leak_into_the_notebook(report: Report) -> None:
    html = ReportView(report)._repr_html_()
    assert "<html" not in html
    styles = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert styles is not None
    rules = [rule for rule in re.findall(r"([^{}]+)\{", styles[1]) if "@" not in rule]
    assert all(".rw" in selector for rule in rules for selector in rule.split(","))


def test_the_json_stays_small(examples: Examples) -> None:
    columns = [examples.reading(f"column_{i:03}", "drift" if i < 12 else "no drift") for i in range(100)]
    report = examples.report(*(examples.found(month, *columns) for month in range(1, 12)))
    assert len(json.dumps(ReportView(report)._repr_mimebundle_()[MIME_TYPE])) < 300_000
