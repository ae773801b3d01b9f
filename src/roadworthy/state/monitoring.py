"""The state's part on monitoring: the windows that were judged."""

from __future__ import annotations

from sqlalchemy import delete, select

from roadworthy.records import Window, WindowReport
from roadworthy.state.base import Database, RecordType, document, put
from roadworthy.state.schema import windows


class Monitoring(Database):
    """What was found in the traffic."""

    def save_window(self, record: WindowReport, *, instead_of: Window | None = None) -> None:
        """Keep a window's report; one of the same start and end is replaced.

        Parameters
        ----------
        instead_of
            An open window whose report goes, as this one has taken its place.
        """
        row = {"start": record.window.start, "end": record.window.end, "document": document(record)}
        with self._writing() as connection:
            if instead_of is not None and instead_of != record.window:
                gone = (windows.c.start == instead_of.start) & (windows.c.end == instead_of.end)
                connection.execute(delete(windows).where(gone))
            put(connection, windows, row, ("start", "end"))

    def windows(self) -> list[WindowReport]:
        """Return the reports of all windows, oldest first."""
        return self._many(WindowReport, select(windows.c.document).order_by(windows.c.start, windows.c.end))

    def newest_windows(self, kind: type[RecordType], limit: int) -> list[RecordType]:
        """Return the newest windows' reports, oldest first, as a record that has some of a report's fields.

        One that lets the others be is read in a fraction of the time: most of a report are its readings.
        """
        newest = select(windows.c.document).order_by(windows.c.start.desc(), windows.c.end.desc()).limit(limit)
        return self._many(kind, newest)[::-1]
