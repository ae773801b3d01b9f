"""Findings made known to those who own them: one alert a cause, delivered once, and handed on when nobody answers.

An alert is open from when its cause is found until the cause has gone, or somebody resolves it. Meanwhile it is counted
and its words are kept up to date. It is sent again only when it has become more severe, and to the owner's backup when
nobody acknowledged it in time. A delivery that fails is tried again, less and less often, and is itself an alert. When
the cause has gone by itself, those who had the alert are told so.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from roadworthy.audit import COMMAND_LINE, recorded
from roadworthy.config import AlertPolicy, Config, Contact
from roadworthy.errors import AlertError
from roadworthy.monitoring import delivery
from roadworthy.monitoring.wording import times
from roadworthy.records import Alert, Finding
from roadworthy.records import now as present
from roadworthy.state import State

log = logging.getLogger(__name__)

UNDELIVERED = "delivery"  # the cause of the alert that others were not delivered
_ALL_CLEAR_FOR = timedelta(days=1)  # what was over earlier is no news
_SENDING_SECONDS = 60.0  # after which a delivery is taken for dead, and another may try


# --- found, told, handed on ----------------------------------------------------------------------------------------


def tell(findings: Sequence[Finding], config: Config, state: State, *, now: datetime | None = None) -> list[Alert]:
    """Raise an alert for each finding, hand on what nobody acknowledged, deliver what is due, and say what is over.

    Parameters
    ----------
    findings
        What was found; findings of one cause make one alert.
    config
        The policy's owners, and the addresses alerts go to.
    state
        Where alerts are kept.
    now
        The moment, by default the present.

    Returns
    -------
    list
        The alerts of the findings and of the deliveries that were tried, as they are now.
    """
    moment = now or present()
    raised = [_raise(finding, config, state) for finding in findings]
    _escalate(config, state, moment)
    tried = _deliver_due([alert for alert in state.open_alerts() if alert.cause != UNDELIVERED], config, state, moment)
    _say_what_is_over(config, state, moment)
    tried += _deliver_due(_of_failures(config, state, moment), config, state, moment)
    known = {alert.cause: alert for alert in state.open_alerts()}
    return [known[cause] for cause in dict.fromkeys([*raised, *tried]) if cause in known]


def failing(alerts: Sequence[Alert]) -> list[Alert]:
    """Return the alerts whose last delivery failed."""
    return [alert for alert in alerts if alert.error]


def _raise(finding: Finding, config: Config, state: State) -> str:
    owner = config.policy.owners.of(finding.owner)
    return state.raise_alert(finding, f"{finding.owner}: {owner.words}")[0].cause


def _escalate(config: Config, state: State, moment: datetime) -> None:
    limit = moment - timedelta(hours=config.policy.alerts.escalate_after_hours)
    for alert in state.open_alerts():
        waits = alert.acknowledged is None and alert.escalated is None and not alert.muted(moment)
        if waits and alert.severity != "info" and alert.since <= limit and _backup(alert, config):
            state.escalate_alert(alert.id, moment)


def _backup(alert: Alert, config: Config) -> Contact | None:
    backup = config.policy.owners.of(alert.role).backup
    return backup if backup and (backup.contact or backup.to) else None


def _deliver_due(alerts: Sequence[Alert], config: Config, state: State, moment: datetime) -> list[str]:
    tried = []
    for alert in alerts:
        if alert.delivered or alert.muted(moment):
            continue
        claim = moment + timedelta(seconds=_SENDING_SECONDS)
        if state.claim_delivery(alert.id, moment, claim):
            _deliver(alert, config, state, claim, moment)
            tried.append(alert.cause)
    return tried


def _deliver(alert: Alert, config: Config, state: State, claim: datetime, moment: datetime) -> None:
    """Send an alert to every address that has not taken it yet, and note what became of it."""
    addresses = dict(_addresses(alert, config))
    took, error = _sent(alert, addresses, alert.reached, config)
    if not addresses:
        error = "the policy names no address (alerts.to is empty)"
    wait = moment + _wait(alert.attempts, config.policy.alerts) if error else None
    state.record_delivery(alert.id, claim, reached=took, error=error, next_attempt=wait)
    if error:
        log.warning("The alert %r was not delivered: %s. It will be tried again.", alert.cause, error)


def _sent(
    alert: Alert, addresses: Mapping[str, str], known: Sequence[str], config: Config
) -> tuple[tuple[str, ...], str]:
    """Send an alert to the addresses that do not know it; return those that know it now, and which did not take it."""
    took = [name for name in addresses if name in known]
    failed: list[str] = []
    for name, address in addresses.items():
        if name not in took:
            (took if delivery.send(alert, address, config) else failed).append(name)
    return tuple(took), f"not taken by {'; '.join(failed)}" if failed else ""


def _say_what_is_over(config: Config, state: State, moment: datetime) -> None:
    """Tell those who had an alert that its cause has gone by itself; information alone never needed anybody."""
    if not config.policy.alerts.all_clear:
        return
    for alert in state.alerts_over(moment - _ALL_CLEAR_FOR):
        claim = moment + timedelta(seconds=_SENDING_SECONDS)
        if alert.severity == "info" or alert.muted(moment) or not state.claim_all_clear(alert.id, moment, claim):
            continue
        told, error = _sent(alert, dict(_who_had(alert, config)), alert.cleared, config)
        wait = moment + _wait(alert.attempts, config.policy.alerts) if error else None
        done = None if error else moment
        state.record_all_clear(alert.id, claim, cleared=told, at=done, error=error, next_attempt=wait)


def _wait(attempts: int, policy: AlertPolicy) -> timedelta:
    """Return how long to wait after a delivery that failed: twice as long each time, up to a limit."""
    doubled: float = policy.retry_minutes * 2.0 ** min(attempts, 30)
    return timedelta(minutes=min(doubled, policy.retry_at_most_minutes))


def _addresses(alert: Alert, config: Config) -> Iterator[tuple[str, str]]:
    """Yield what each address of whoever is to know is called, and the address."""
    owner: Contact = config.policy.owners.of(alert.role)
    place = f"owners.{alert.role}.to"
    if alert.escalated and (backup := _backup(alert, config)):
        owner, place = backup, f"owners.{alert.role}.backup.to"
    given, place = (owner.to, place) if owner.to else (config.policy.alerts.to, "alerts.to")
    for number, address in enumerate(given, start=1):
        yield delivery.label(address, number, place), address


def _who_had(alert: Alert, config: Config) -> Iterator[tuple[str, str]]:
    """Yield the addresses that took an alert: of an escalated one the owner's, too, who had it before the backup."""
    yield from ((name, address) for name, address in _addresses(alert, config) if name in alert.reached)
    if alert.escalated:
        yield from _addresses(alert.model_copy(update={"escalated": None}), config)


def _of_failures(config: Config, state: State, moment: datetime) -> list[Alert]:
    """Raise, or resolve, the alert that others are not delivered; return it while it is open."""
    known = [*state.open_alerts(), *state.alerts_over(moment - _ALL_CLEAR_FOR)]
    failed = [alert for alert in failing(known) if alert.cause != UNDELIVERED]
    if not failed:
        state.resolve_alert(UNDELIVERED)
        return []
    words = "; ".join(f"{alert.title}: {alert.error} (tried {times(alert.attempts)})" for alert in failed[:5])
    title = f"{len(failed)} alert{'s were' if len(failed) > 1 else ' was'} not delivered"
    _raise(
        Finding(cause=UNDELIVERED, owner="monitoring", severity="critical", title=title, message=f"{words}."),
        config,
        state,
    )
    return [alert for alert in state.open_alerts() if alert.cause == UNDELIVERED]


# --- by hand -------------------------------------------------------------------------------------------------------


def acknowledge(state: State, name: str, *, who: str, note: str = "", origin: str = COMMAND_LINE) -> Alert:
    """Say that somebody sees to an open alert: it does not go on to the backup any more.

    Parameters
    ----------
    name
        The alert's id or its cause.
    who, note, origin
        Go into the audit log; the note is kept with the alert.

    Raises
    ------
    AlertError
        When no open alert goes by that name.
    """
    with recorded(state, who=who, act="acknowledge alert", target=name, origin=origin) as act:
        alert = _named(state, name)
        act.target, act.detail = alert.cause, note
        return _still_open(state.acknowledge_alert(alert.id, who, note), name)


def mute(state: State, name: str, until: datetime, *, who: str, note: str = "", origin: str = COMMAND_LINE) -> Alert:
    """Let a cause rest until a moment: it is counted, and nobody is told, also when it comes back meanwhile.

    Raises
    ------
    AlertError
        When no open alert goes by that name, or the moment has passed.
    """
    with recorded(state, who=who, act="mute alert", target=name, origin=origin) as act:
        alert = _named(state, name)
        act.target, act.detail = alert.cause, f"until {until:%Y-%m-%d %H:%M} UTC{f': {note}' if note else ''}"
        if until <= present():
            raise AlertError(f"{until:%Y-%m-%d %H:%M} UTC has passed.", "Give a later moment.")
        return _still_open(state.mute_alert(alert.id, who, note, until), name)


def resolve(state: State, name: str, *, who: str, note: str = "", origin: str = COMMAND_LINE) -> Alert:
    """Close an open alert by hand; when its cause is found again, a new one is opened.

    Raises
    ------
    AlertError
        When no open alert goes by that name.
    """
    with recorded(state, who=who, act="resolve alert", target=name, origin=origin) as act:
        alert = _named(state, name)
        act.target, act.detail = alert.cause, note
        return _still_open(state.close_alert(alert.id, who, note), name)


def _named(state: State, name: str) -> Alert:
    for alert in state.open_alerts():
        if name in (str(alert.id), alert.cause):
            return alert
    raise _unknown(name)


def _still_open(alert: Alert | None, name: str) -> Alert:
    if alert is None:
        raise _unknown(name)
    return alert


def _unknown(name: str) -> AlertError:
    return AlertError(f"No open alert goes by {name!r}.", "See the open ones with `roadworthy alerts list`.")
