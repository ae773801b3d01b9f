"""The state's part on monitoring: windows, decisions and alerts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import RowMapping, Select, select, update

from roadworthy.records import Alert, Decision, Finding, WindowReport, now
from roadworthy.state.base import Database, document, insert_unless_there
from roadworthy.state.schema import alerts, decisions, windows


class Monitoring(Database):
    """What was found in the traffic, what was decided, and whom it was told."""

    def save_window(self, record: WindowReport) -> None:
        """Keep a window's report; one of the same start and end is replaced."""
        row = {"start": record.window.start, "end": record.window.end, "document": document(record)}
        self._put(windows, row, ("start", "end"))

    def windows(self) -> list[WindowReport]:
        """Return the reports of all windows, oldest first."""
        return self._many(WindowReport, select(windows.c.document).order_by(windows.c.start, windows.c.end))

    def save_decision(self, record: Decision) -> None:
        """Keep a decision; one of the same window and moment is replaced, so that an outcome can be added."""
        row = {"start": record.window.start, "end": record.window.end, "at": record.at, "document": document(record)}
        self._put(decisions, row, ("start", "end", "at"))

    def decisions(self) -> list[Decision]:
        """Return all decisions, oldest first."""
        return self._many(Decision, select(decisions.c.document).order_by(decisions.c.id))

    def raise_alert(self, finding: Finding, owner: str) -> tuple[Alert, bool]:
        """Make sure that the finding's cause has exactly one open alert.

        Returns
        -------
        tuple of Alert and bool
            The alert, and whether it is new; when it was open already its count and its words are brought up to date.
        """
        moment = now()
        words = {"owner": owner, "severity": finding.severity, "title": finding.title, "message": finding.message}
        first = {"cause": finding.cause, "since": moment, "updated": moment, "count": 1, "delivered": False} | words
        again = words | {"updated": moment, "count": alerts.c.count + 1}
        still_open = (alerts.c.cause == finding.cause) & alerts.c.resolved.is_(None)
        with self._writing() as connection:
            while True:  # twice only when the open alert is resolved between the two statements
                new = insert_unless_there(connection, alerts, first, ("cause",), alerts.c.resolved.is_(None))
                if new or connection.execute(update(alerts).where(still_open).values(again)).rowcount:
                    break
            row = connection.execute(select(alerts).where(still_open)).mappings().one()
        return _alert(row), new

    def mark_delivered(self, cause: str) -> None:
        """Note that the cause's open alert reached its owner."""
        self._change_open_alert(cause, {"delivered": True})

    def resolve_alert(self, cause: str) -> None:
        """Close the cause's open alert; nothing happens when there is none."""
        self._change_open_alert(cause, {"resolved": now()})

    def open_alerts(self) -> list[Alert]:
        """Return the alerts that are not resolved, newest first."""
        return self._alerts(select(alerts).where(alerts.c.resolved.is_(None)))

    def alerts(self, limit: int = 100) -> list[Alert]:
        """Return alerts, open and resolved, newest first."""
        return self._alerts(select(alerts).limit(limit))

    def _change_open_alert(self, cause: str, change: Mapping[str, Any]) -> None:
        still_open = (alerts.c.cause == cause) & alerts.c.resolved.is_(None)
        with self._writing() as connection:
            connection.execute(update(alerts).where(still_open).values(change))

    def _alerts(self, query: Select[Any]) -> list[Alert]:
        with self._reading() as connection:
            return [_alert(row) for row in connection.execute(query.order_by(alerts.c.id.desc())).mappings()]


def _alert(row: RowMapping) -> Alert:
    return Alert.model_validate({name: value for name, value in row.items() if name != "id"})
