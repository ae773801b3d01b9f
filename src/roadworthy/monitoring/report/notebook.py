"""The report as a notebook's output."""

from __future__ import annotations

from typing import Any

from roadworthy.monitoring.report import story
from roadworthy.monitoring.report.document import Report
from roadworthy.monitoring.report.page import to_fragment
from roadworthy.monitoring.wording import window_label

MIME_TYPE = "application/vnd.roadworthy.report+json"


class ReportView:
    """A report as a notebook shows it: HTML without script, plain text, and JSON for a renderer of our own type.

    The JSON is what `roadworthy.monitoring.report.schema` describes, without what is large. Where a notebook is not
    trusted, Jupyter takes styles and drawings away: what remains are headings, sentences and tables.

    Examples
    --------
    >>> ReportView(Report(project="late-flights"))
    late-flights: No window of traffic has been judged yet.
    """

    def __init__(self, report: Report) -> None:
        self.report = report

    def __repr__(self) -> str:
        told = story.tell(self.report)
        lines = [f"{self.report.project}: {told.headline}"]
        lines += [
            f"{window_label(found.window):>18}  {found.verdict:15}  {found.rows:>9,} rows"
            for found in self.report.windows
        ]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        return to_fragment(self.report)

    def _repr_mimebundle_(self, include: object = None, exclude: object = None) -> dict[str, Any]:
        return {
            "text/plain": repr(self),
            "text/html": self._repr_html_(),
            MIME_TYPE: self.report.brief().model_dump(mode="json"),
        }
