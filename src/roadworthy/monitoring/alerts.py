"""Findings made known to those who own them: one alert a cause, delivered once, through Apprise.

An address is any that Apprise knows, or ``file://PATH`` (relative to the project's root), which appends a JSON line.
Addresses hold passwords and tokens: nothing here, Apprise's own log included, writes one out.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import apprise
from apprise.plugins.base import NotifyBase

from roadworthy.config import Config
from roadworthy.records import Alert, Finding
from roadworthy.state import State

log = logging.getLogger(__name__)
logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it logs addresses that it cannot parse, whole

_FILE = "file://"
_TYPES = {
    "info": apprise.NotifyType.INFO,
    "warning": apprise.NotifyType.WARNING,
    "critical": apprise.NotifyType.FAILURE,
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
        fields = self.alert.model_dump(mode="json", exclude={"delivered", "resolved"})
        line = json.dumps(fields, ensure_ascii=False) + "\n"
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(line)
        return True


def tell(findings: Sequence[Finding], config: Config, state: State) -> list[Alert]:
    """Raise an alert for each finding, and deliver those that their owner has not had.

    A cause that has an open alert is counted, not sent again. An alert whose delivery failed stays undelivered,
    which its record and the log show, and is tried again at the next call, whatever is found then.

    Parameters
    ----------
    findings
        What was found; findings of one cause make one alert.
    config
        The policy's owners, and the addresses alerts go to.
    state
        Where alerts are kept.

    Returns
    -------
    list
        The alerts of the findings and of the deliveries tried again, as they are now.
    """
    raised = [state.raise_alert(finding, _owner(finding, config))[0].cause for finding in findings]
    waiting = [alert.cause for alert in state.open_alerts() if not alert.delivered]
    for alert in state.open_alerts():
        if not alert.delivered and _deliver(alert, config):
            state.mark_delivered(alert.cause)
    known = {alert.cause: alert for alert in state.open_alerts()}
    return [known[cause] for cause in dict.fromkeys([*raised, *waiting]) if cause in known]


def _owner(finding: Finding, config: Config) -> str:
    owner = config.policy.owners.of(finding.owner)
    return f"{finding.owner}: {owner.name} <{owner.contact}>"


def _deliver(alert: Alert, config: Config) -> bool:
    """Send an alert to every address; whether each of them took it."""
    addresses = config.policy.alerts.to
    if not addresses:
        log.warning("The alert %r goes nowhere: the policy's alerts.to is empty.", alert.cause)
    failed = [number for number, address in enumerate(addresses, start=1) if not _send(alert, address, config)]
    for number in failed:
        scheme = addresses[number - 1].partition("://")[0] if "://" in addresses[number - 1] else "address"
        log.warning(
            "The alert %r was not delivered by %s, number %d in the policy's alerts.to. It will be tried again.",
            alert.cause,
            scheme,
            number,
        )
    return bool(addresses) and not failed


def _send(alert: Alert, address: str, config: Config) -> bool:
    asset = apprise.AppriseAsset(
        app_id="Roadworthy", app_desc="Roadworthy", storage_mode=apprise.PersistentStoreMode.MEMORY
    )
    try:
        service = _service(alert, address, config, asset)
        return service is not None and bool(
            service.notify(body=_body(alert), title=alert.title, notify_type=_TYPES[alert.severity])
        )
    except Exception:  # each of Apprise's services raises what it likes, and its text may hold the address
        return False


def _service(alert: Alert, address: str, config: Config, asset: apprise.AppriseAsset) -> NotifyBase | None:
    if address.startswith(_FILE):
        return JsonLines(config.path(address.removeprefix(_FILE)), alert, asset)
    return apprise.Apprise.instantiate(address, asset=asset)


def _body(alert: Alert) -> str:
    return f"{alert.message}\n\nOwner: {alert.owner}\nSeverity: {alert.severity}\nCause: {alert.cause}"
