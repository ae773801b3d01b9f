"""The state's part on alerts: one open alert a cause, who has had it, and what people did about it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, RowMapping, Select, case, exists, or_, select, update

from roadworthy.records import Alert, Finding, Severity, now
from roadworthy.state.base import Database, insert_unless_there
from roadworthy.state.schema import alerts

_LESS_SEVERE: dict[Severity, tuple[Severity, ...]] = {
    "info": (),
    "warning": ("info",),
    "critical": ("info", "warning"),
}
_NOBODY_YET = {  # has had it
    "delivered": False,
    "reached": "",
    "attempts": 0,
    "next_attempt": None,
    "error": "",
    "acknowledged": None,
    "acknowledged_by": "",
    "escalated": None,
}
_LISTS = ("reached", "cleared")  # of addresses, one a line


class Alerts(Database):
    """What somebody must know, until it is resolved."""

    def raise_alert(self, finding: Finding, owner: str) -> tuple[Alert, bool]:
        """Make sure that the finding's cause has exactly one open alert.

        Returns
        -------
        tuple of Alert and bool
            The alert, and whether it is new; when it was open already its count and its words are brought up to date.
            One that has become more severe is new to its owner: it counts as neither delivered nor acknowledged.
        """
        words = {
            "role": finding.owner,
            "owner": owner,
            "severity": finding.severity,
            "title": finding.title,
            "message": finding.message,
        }
        with self._writing() as connection:
            while True:  # twice only when the open alert is resolved between the two statements
                muted = _newest(finding.cause).with_only_columns(alerts.c.muted_until, alerts.c.muted_by)
                mute = connection.execute(muted).mappings().one_or_none()
                new = insert_unless_there(
                    connection, alerts, _fresh(finding.cause, mute) | words, ("cause",), alerts.c.resolved.is_(None)
                )
                if new or connection.execute(_again(finding, words)).rowcount:
                    break
            row = connection.execute(select(alerts).where(*_open(finding.cause))).mappings().one()
        return _alert(row), new

    def claim_delivery(self, alert_id: int, moment: datetime, until: datetime) -> bool:
        """Take it upon oneself to send an alert, until a moment; return whether it was due, and nobody else's."""
        waits = (alerts.c.id == alert_id, alerts.c.resolved.is_(None), alerts.c.delivered.is_(False), _due(moment))
        return self._changed(waits, {"next_attempt": until})

    def record_delivery(
        self, alert_id: int, claim: datetime, *, reached: tuple[str, ...], error: str, next_attempt: datetime | None
    ) -> bool:
        """Note what became of a delivery that was claimed until ``claim``; a blank error is success.

        Nothing is noted when the alert has meanwhile become another's, or more severe: it is sent anew then.
        """
        values = {
            "delivered": not error,
            "reached": "\n".join(reached),
            "error": error,
            "attempts": alerts.c.attempts + 1 if error else 0,
            "next_attempt": next_attempt,
        }
        return self._changed((alerts.c.id == alert_id, alerts.c.next_attempt == claim), values)

    def claim_all_clear(self, alert_id: int, moment: datetime, until: datetime) -> bool:
        """Take it upon oneself to say that an alert is over, until a moment; return whether it was due."""
        return self._changed((alerts.c.id == alert_id, *_over(), _due(moment)), {"next_attempt": until})

    def record_all_clear(
        self,
        alert_id: int,
        claim: datetime,
        *,
        cleared: tuple[str, ...],
        at: datetime | None,
        error: str,
        next_attempt: datetime | None,
    ) -> bool:
        """Note who knows that an alert is over; ``at`` is when all do, None while one does not."""
        values = {
            "cleared": "\n".join(cleared),
            "all_clear": at,
            "error": error,
            "attempts": alerts.c.attempts + 1 if error else 0,
            "next_attempt": next_attempt,
        }
        return self._changed((alerts.c.id == alert_id, alerts.c.next_attempt == claim), values)

    def escalate_alert(self, alert_id: int, moment: datetime) -> bool:
        """Hand an open alert that nobody acknowledged to the backup; return whether this call did."""
        waits = (
            alerts.c.id == alert_id,
            alerts.c.resolved.is_(None),
            alerts.c.acknowledged.is_(None),
            alerts.c.escalated.is_(None),
        )
        return self._changed(waits, _NOBODY_YET | {"escalated": moment})

    def acknowledge_alert(self, alert_id: int, who: str, note: str) -> Alert | None:
        """Note who sees to an open alert; None when no alert of that id is open."""
        return self._change(alert_id, {"acknowledged": now(), "acknowledged_by": who, "note": note})

    def mute_alert(self, alert_id: int, who: str, note: str, until: datetime) -> Alert | None:
        """Let an open alert, and later ones of its cause, rest until a moment; None when no such alert is open."""
        return self._change(alert_id, {"muted_until": until, "muted_by": who, "note": note})

    def close_alert(self, alert_id: int, who: str, note: str) -> Alert | None:
        """Resolve an open alert by hand; None when no alert of that id is open."""
        return self._change(alert_id, {"resolved": now(), "resolved_by": who, "note": note})

    def resolve_alert(self, cause: str, who: str = "") -> None:
        """Close the cause's open alert because the cause has gone, by itself or by whom; nothing where there is none.

        When it has gone by itself, those who had the alert are still to be told.
        """
        untold = {"attempts": 0, "next_attempt": None, "error": ""}
        self._changed(_open(cause), {"resolved": now(), "resolved_by": who} | untold)

    def open_alerts(self) -> list[Alert]:
        """Return the alerts that are not resolved, newest first."""
        return self._alerts(select(alerts).where(alerts.c.resolved.is_(None)))

    def alerts_over(self, since: datetime) -> list[Alert]:
        """Return the alerts whose cause has gone by itself since a moment, and who had them does not know it yet."""
        return self._alerts(select(alerts).where(alerts.c.resolved >= since, *_over()))

    def alerts(self, limit: int = 100) -> list[Alert]:
        """Return alerts, open and resolved, newest first."""
        return self._alerts(select(alerts).limit(limit))

    def _change(self, alert_id: int, change: Mapping[str, Any]) -> Alert | None:
        still_open = (alerts.c.id == alert_id, alerts.c.resolved.is_(None))
        with self._writing() as connection:
            if connection.execute(update(alerts).where(*still_open).values(change)).rowcount == 0:
                return None
            return _alert(connection.execute(select(alerts).where(alerts.c.id == alert_id)).mappings().one())

    def _changed(self, where: tuple[ColumnElement[bool], ...], change: Mapping[str, Any]) -> bool:
        with self._writing() as connection:
            return connection.execute(update(alerts).where(*where).values(change)).rowcount > 0

    def _alerts(self, query: Select[Any]) -> list[Alert]:
        with self._reading() as connection:
            return [_alert(row) for row in connection.execute(query.order_by(alerts.c.id.desc())).mappings()]


def _open(cause: str) -> tuple[ColumnElement[bool], ...]:
    return alerts.c.cause == cause, alerts.c.resolved.is_(None)


def _due(moment: datetime) -> ColumnElement[bool]:
    """Whether nobody has it in hand, and no failure asks for patience."""
    return or_(alerts.c.next_attempt.is_(None), alerts.c.next_attempt <= moment)


def _over() -> tuple[ColumnElement[bool], ...]:
    """Whether an alert's cause has gone by itself and not come back, and who had the alert is still to hear of it."""
    by_itself = (alerts.c.resolved.is_not(None), alerts.c.resolved_by == "")
    later = alerts.alias("later")
    back = exists().where(later.c.cause == alerts.c.cause, later.c.id > alerts.c.id)
    return *by_itself, alerts.c.reached != "", alerts.c.all_clear.is_(None), ~back


def _newest(cause: str) -> Select[Any]:
    return select(alerts).where(alerts.c.cause == cause).order_by(alerts.c.id.desc()).limit(1)


def _fresh(cause: str, mute: RowMapping | None) -> dict[str, Any]:
    moment = now()
    kept = dict(mute) if mute is not None else {"muted_until": None, "muted_by": ""}
    blank = dict.fromkeys(("note", "resolved_by", "cleared"), "")
    return {"cause": cause, "since": moment, "updated": moment, "count": 1} | blank | _NOBODY_YET | kept


def _again(finding: Finding, words: Mapping[str, Any]) -> Any:  # noqa: ANN401 - SQLAlchemy's Update is not generic
    worse = alerts.c.severity.in_(_LESS_SEVERE[finding.severity])
    anew = {name: case((worse, value), else_=alerts.c[name]) for name, value in _NOBODY_YET.items()}
    values = dict(words) | {"updated": now(), "count": alerts.c.count + 1} | anew
    return update(alerts).where(*_open(finding.cause)).values(values)


def _alert(row: RowMapping) -> Alert:
    return Alert.model_validate(dict(row) | {name: tuple(filter(None, row[name].split("\n"))) for name in _LISTS})
