"""Alerts on their way to an address, by Apprise.

An address is any that Apprise knows, ``secret:NAME`` for one that [tool.roadworthy.secrets] has, or ``file://PATH``
(relative to the project's root), which appends a JSON line. Addresses hold passwords and tokens: nothing here writes
one out, Apprise's own log included.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import apprise
from apprise.plugins.base import NotifyBase

from roadworthy import secrets
from roadworthy.config import Config
from roadworthy.monitoring.wording import times
from roadworthy.records import Alert

logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it logs addresses that it cannot parse, whole

_FILE = "file://"
_TYPES = {
    "info": apprise.NotifyType.INFO,
    "warning": apprise.NotifyType.WARNING,
    "critical": apprise.NotifyType.FAILURE,
}
_IN_A_LINE = {
    "id",
    "cause",
    "role",
    "owner",
    "severity",
    "title",
    "message",
    "since",
    "updated",
    "count",
    "escalated",
    "resolved",
}


class JsonLines(NotifyBase):  # type: ignore[no-untyped-call]  # Apprise types its base in part
    """An Apprise service that appends an alert to a file, one JSON document a line."""

    service_name = "JSON lines"  # type: ignore[assignment]
    secure_protocol = "file"  # type: ignore[assignment]

    def __init__(self, path: Path, alert: Alert, asset: apprise.AppriseAsset) -> None:
        super().__init__(asset=asset)  # type: ignore[no-untyped-call]
        self.path = path
        self.alert = alert

    def url(self, privacy: bool = False, *args: Any, **kwargs: Any) -> str:  # noqa: ANN401  (Apprise's signature)
        """Return the address."""
        return f"{_FILE}{self.path}"

    def send(
        self,
        body: str,
        title: str = "",
        notify_type: apprise.NotifyType = apprise.NotifyType.INFO,
        **kwargs: Any,  # noqa: ANN401  (Apprise's signature)
    ) -> bool:
        """Append the alert; the text that Apprise would send is left aside for the alert's own fields."""
        line = json.dumps(self.alert.model_dump(mode="json", include=_IN_A_LINE), ensure_ascii=False) + "\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line)
        return True


def label(address: str, number: int, of: str) -> str:
    """Return what an address is called in logs and tables: its kind and its place in the policy, never itself.

    Examples
    --------
    >>> label("slack://token-a/token-b", 2, "alerts.to")
    'slack, number 2 in alerts.to'
    >>> label("secret:pager", 1, "alerts.to")
    'secret, number 1 in alerts.to'
    """
    scheme, separator, _ = address.partition("://")
    kind = "secret" if secrets.reference(address) else scheme if separator else "address"
    return f"{kind}, number {number} in {of}"


def send(alert: Alert, address: str, config: Config) -> bool:
    """Send an alert, or when it is resolved that it is over, to one address; return whether it was taken."""
    asset = apprise.AppriseAsset(
        app_id="Roadworthy", app_desc="Roadworthy", storage_mode=apprise.PersistentStoreMode.MEMORY
    )
    try:
        name = secrets.reference(address)
        service = _service(alert, secrets.value(config, name) if name else address, config, asset)
        return service is not None and bool(
            service.notify(body=_body(alert), title=_title(alert), notify_type=_type(alert))
        )
    except Exception:  # each of Apprise's services raises what it likes, and its text may hold the address
        return False


def _service(alert: Alert, address: str, config: Config, asset: apprise.AppriseAsset) -> NotifyBase | None:
    if address.startswith(_FILE):
        return JsonLines(config.path(address.removeprefix(_FILE)), alert, asset)
    return apprise.Apprise.instantiate(address, asset=asset)


def _title(alert: Alert) -> str:
    return f"Over: {alert.title}" if alert.resolved else alert.title


def _type(alert: Alert) -> apprise.NotifyType:
    return apprise.NotifyType.SUCCESS if alert.resolved else _TYPES[alert.severity]


def _body(alert: Alert) -> str:
    if alert.resolved:
        return (
            f"Its cause has gone by itself at {alert.resolved:%Y-%m-%d %H:%M} UTC; "
            f"it was found {times(alert.count)} since {alert.since:%Y-%m-%d %H:%M} UTC. Nothing is to be done.\n\n"
            f"It said: {alert.message}\n\nOwner: {alert.owner}\nCause: {alert.cause}"
        )
    escalated = "\nNobody acknowledged it, so it comes to you as the owner's backup." if alert.escalated else ""
    return (
        f"{alert.message}\n\nOwner: {alert.owner}\nSeverity: {alert.severity}\nCause: {alert.cause}{escalated}\n"
        f"Acknowledge it with `roadworthy alerts ack {alert.id}`."
    )
