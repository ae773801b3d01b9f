"""The state's part on monitoring: the windows that were judged."""

from __future__ import annotations

from sqlalchemy import select

from roadworthy.records import WindowReport
from roadworthy.state.base import Database, document
from roadworthy.state.schema import windows


class Monitoring(Database):
    """What was found in the traffic."""

    def save_window(self, record: WindowReport) -> None:
        """Keep a window's report; one of the same start and end is replaced."""
        row = {"start": record.window.start, "end": record.window.end, "document": document(record)}
        self._put(windows, row, ("start", "end"))

    def windows(self) -> list[WindowReport]:
        """Return the reports of all windows, oldest first."""
        return self._many(WindowReport, select(windows.c.document).order_by(windows.c.start, windows.c.end))
