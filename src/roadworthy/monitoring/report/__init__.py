"""What the traffic said, for readers: a document for programs, one HTML page, and output in a notebook."""

from roadworthy.monitoring.report.document import Report, collect, schema, to_json
from roadworthy.monitoring.report.notebook import ReportView
from roadworthy.monitoring.report.page import to_html

__all__ = ["Report", "ReportView", "collect", "schema", "to_html", "to_json"]
