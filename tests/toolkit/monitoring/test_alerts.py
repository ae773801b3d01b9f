"""Alerts arrive: at a real webhook and in a file, once a cause; they go on to the backup, rest, and are resolved."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from roadworthy.config import AlertPolicy, Config, Contact
from roadworthy.errors import AlertError
from roadworthy.monitoring import alerts
from roadworthy.monitoring.alerts import tell
from roadworthy.records import Alert, Finding, now
from roadworthy.state import State

# One of Apprise's services imports it when Apprise looks for the service of an address.
pytestmark = pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")

DRIFT = Finding(
    cause="drift:temp", owner="data", severity="warning", title="temp drifted", message="temp is higher: 71.1, was 39.9"
)
FALL = Finding(cause="fall:roc_auc", owner="model", severity="critical", title="Worse", message="roc_auc fell by 0.05")


class Webhook(ThreadingHTTPServer):
    """Keeps what is posted to it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), WebhookHandler)
        self.received: list[dict[str, Any]] = []
        self.status = 200

    @property
    def address(self) -> str:
        return f"json://127.0.0.1:{self.server_address[1]}/hook?+X-Token=s3cret"


class WebhookHandler(BaseHTTPRequestHandler):
    server: Webhook

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.status == 200:
            self.server.received.append(json.loads(body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    server = Webhook()
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with State.open(f"sqlite:///{tmp_path}/state.db") as opened:
        yield opened


def sent_to(config: Config, *addresses: str) -> Config:
    policy = config.policy.model_copy(update={"alerts": AlertPolicy(to=addresses)})
    return config.model_copy(update={"policy": policy})


def lines(config: Config) -> list[dict[str, Any]]:
    path = config.root / ".roadworthy" / "alerts.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def test_the_default_appends_to_a_file_in_the_project(config: Config, state: State) -> None:
    told = tell([DRIFT, FALL], config, state)
    assert [(alert.cause, alert.delivered, alert.count) for alert in told] == [
        ("drift:temp", True, 1),
        ("fall:roc_auc", True, 1),
    ]
    written = {line["cause"]: line for line in lines(config)}
    assert written["drift:temp"]["owner"] == "data: Flight data desk <flight-data@example.org>"
    assert (
        written["fall:roc_auc"] | {"severity": "critical", "message": "roc_auc fell by 0.05"} == written["fall:roc_auc"]
    )
    fields = {"id", "cause", "role", "owner", "severity", "title", "message", "since", "updated", "count"}
    assert set(written["drift:temp"]) == fields | {"escalated", "resolved"}


def test_a_webhook_is_told_once_a_cause(config: Config, state: State, webhook: Webhook) -> None:
    config = sent_to(config, webhook.address)
    tell([DRIFT, DRIFT], config, state)
    again = tell([DRIFT], config, state)
    assert (again[0].count, again[0].delivered) == (3, True)
    (message,) = webhook.received
    assert message["title"] == "temp drifted"
    assert message["type"] == "warning"
    assert "temp is higher: 71.1, was 39.9" in message["message"]
    assert "Owner: data: Flight data desk <flight-data@example.org>" in message["message"]
    state.resolve_alert("drift:temp")
    tell([DRIFT], config, state)
    assert len(webhook.received) == 2


def test_a_failed_delivery_is_seen_and_tried_again_less_and_less_often(
    config: Config, state: State, webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    config = sent_to(config, webhook.address)
    webhook.status = 500
    moment = now()
    alert = told_of("drift:temp", tell([DRIFT], config, state, now=moment))
    assert (alert.delivered, alert.attempts) == (False, 1)
    assert alert.error == "not taken by json, number 1 in alerts.to"
    assert "'drift:temp' was not delivered: not taken by json, number 1 in alerts.to" in caplog.text
    tried = [
        minutes
        for minutes in range(1, 21)  # looked at every minute
        for found in tell([], config, state, now=moment + timedelta(minutes=minutes))
        if found.cause == "drift:temp"
    ]
    assert tried == [1, 3, 7, 15]
    webhook.status = 200
    (retried,) = tell([], config, state, now=moment + timedelta(minutes=31))
    assert (retried.cause, retried.delivered, retried.count, retried.error) == ("drift:temp", True, 1, "")
    assert [message["title"] for message in webhook.received] == ["temp drifted"]
    assert tell([], config, state, now=moment + timedelta(days=1)) == []


def test_that_an_alert_is_not_delivered_is_an_alert_to_monitorings_owner(
    config: Config, state: State, webhook: Webhook
) -> None:
    webhook.status = 500
    config = with_owner(sent_to(config, webhook.address), "monitoring", to=("file://.roadworthy/alerts.jsonl",))
    moment = now()
    tell([DRIFT], config, state, now=moment)
    (line,) = lines(config)
    assert (line["cause"], line["role"], line["severity"]) == (alerts.UNDELIVERED, "monitoring", "critical")
    assert line["title"] == "1 alert was not delivered"
    assert line["message"] == "temp drifted: not taken by json, number 1 in alerts.to (tried once)."
    webhook.status = 200
    tell([], config, state, now=moment + timedelta(minutes=2))
    assert [alert.cause for alert in state.open_alerts()] == ["drift:temp"]
    assert len(lines(config)) == 1


def test_an_address_that_took_an_alert_is_left_in_peace_when_another_fails(config: Config, state: State) -> None:
    config = sent_to(config, "file://.roadworthy/alerts.jsonl", "json://127.0.0.1:9/nobody")
    moment = now()
    alert = told_of("drift:temp", tell([DRIFT], config, state, now=moment))
    assert (alert.delivered, alert.reached) == (False, ("file, number 1 in alerts.to",))
    assert alert.error == "not taken by json, number 2 in alerts.to"
    tell([], config, state, now=moment + timedelta(minutes=5))
    assert [line["cause"] for line in lines(config)] == ["drift:temp", alerts.UNDELIVERED]


@pytest.mark.parametrize(
    "address",
    [
        "slack://s3cret-token/nonsense",
        "nosuch://s3cret:s3cret@host",
        "s3cret",
        "json://s3cret:s3cret@127.0.0.1:9/s3cret",
    ],
)
def test_no_secret_of_an_address_is_written(
    address: str, config: Config, state: State, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    told = tell([DRIFT], sent_to(config, address), state)
    assert [alert.delivered for alert in told] == [False, False]
    assert "was not delivered" in caplog.text
    captured = capfd.readouterr()
    assert "s3cret" not in caplog.text + captured.out + captured.err + "".join(a.model_dump_json() for a in told)


def test_a_file_that_cannot_be_written_does_not_stop_anything(config: Config, state: State) -> None:
    (config.root / "taken").write_text("a file, not a folder")
    assert not told_of("drift:temp", tell([DRIFT], sent_to(config, "file://taken/alerts.jsonl"), state)).delivered


def test_nowhere_to_send_is_said(config: Config, state: State, caplog: pytest.LogCaptureFixture) -> None:
    alert = told_of("drift:temp", tell([DRIFT], sent_to(config), state))
    assert not alert.delivered
    assert "alerts.to is empty" in caplog.text


# --- that it is over -----------------------------------------------------------------------------------------------


def test_who_had_an_alert_hears_once_that_its_cause_has_gone(config: Config, state: State, webhook: Webhook) -> None:
    config = sent_to(config, webhook.address)
    tell([DRIFT, DRIFT], config, state)
    state.resolve_alert("drift:temp")
    tell([], config, state)
    tell([], config, state)
    _, over = webhook.received
    assert (over["title"], over["type"]) == ("Over: temp drifted", "success")
    assert "Its cause has gone by itself at" in over["message"]
    assert "it was found 2 times since" in over["message"]
    assert "It said: temp is higher: 71.1, was 39.9" in over["message"]
    (alert,) = state.alerts()
    assert alert.cleared == alert.reached
    assert alert.all_clear is not None


def test_that_it_is_over_is_tried_again_and_the_failure_is_seen(config: Config, state: State, webhook: Webhook) -> None:
    config = with_owner(sent_to(config, webhook.address), "monitoring", to=("file://.roadworthy/alerts.jsonl",))
    moment = now()
    tell([DRIFT], config, state, now=moment)
    state.resolve_alert("drift:temp")
    webhook.status = 500
    tell([], config, state, now=moment)
    assert "temp drifted: not taken by json, number 1 in alerts.to (tried once)" in lines(config)[0]["message"]
    tell([], config, state, now=moment + timedelta(seconds=30))  # not before its time
    assert state.alerts()[-1].attempts == 1
    webhook.status = 200
    tell([], config, state, now=moment + timedelta(minutes=2))
    assert [message["title"] for message in webhook.received] == ["temp drifted", "Over: temp drifted"]
    assert not state.open_alerts()
    tell([], config, state, now=moment + timedelta(minutes=3))
    assert [(line["cause"], bool(line["resolved"])) for line in lines(config)] == [
        (alerts.UNDELIVERED, False),
        (alerts.UNDELIVERED, True),
    ]


def test_only_those_are_told_that_it_is_over_who_had_it(config: Config, state: State, webhook: Webhook) -> None:
    config = sent_to(config, "file://.roadworthy/alerts.jsonl", webhook.address)
    webhook.status = 500
    tell([DRIFT], config, state)
    webhook.status = 200
    state.resolve_alert("drift:temp")
    tell([], config, state)
    assert webhook.received == []
    assert [bool(line["resolved"]) for line in lines(config) if line["cause"] == "drift:temp"] == [False, True]


def test_of_an_escalated_alert_owner_and_backup_hear_that_it_is_over(
    config: Config, state: State, webhook: Webhook
) -> None:
    file = "file://.roadworthy/alerts.jsonl"
    backup = Contact(name="Bob", contact="bob@example.org", to=(webhook.address,))
    config = with_owner(sent_to(config), "data", to=(file,), backup=backup)
    moment = now()
    tell([DRIFT], config, state, now=moment)
    tell([], config, state, now=moment + timedelta(hours=5))
    state.resolve_alert("drift:temp")
    tell([], config, state, now=moment + timedelta(hours=6))
    assert [message["title"] for message in webhook.received] == ["temp drifted", "Over: temp drifted"]
    assert [bool(line["resolved"]) for line in lines(config)] == [False, True]


def test_nobody_hears_that_it_is_over_who_knows_it_or_has_no_need(config: Config, state: State) -> None:
    tell([DRIFT], config, state)
    alerts.resolve(state, "drift:temp", who="ada")  # by hand
    tell([FALL.model_copy(update={"severity": "info"})], config, state)
    state.resolve_alert("fall:roc_auc")
    tell([DRIFT], config, state)
    alerts.mute(state, "drift:temp", now() + timedelta(hours=1), who="ada")
    state.resolve_alert("drift:temp")
    tell([], config, state)
    assert not any(line["resolved"] for line in lines(config))
    tell([], config, state, now=now() + timedelta(days=2))  # the mute has ended, and it is no news any more
    assert not any(line["resolved"] for line in lines(config))
    silent = config.policy.model_copy(update={"alerts": AlertPolicy(all_clear=False)})
    tell([FALL], config, state)
    state.resolve_alert("fall:roc_auc")
    tell([], config.model_copy(update={"policy": silent}), state)
    assert not any(line["resolved"] for line in lines(config))


def test_what_has_come_back_is_not_over(config: Config, state: State) -> None:
    tell([DRIFT], config, state)
    state.resolve_alert("drift:temp")
    tell([DRIFT], config, state)
    assert [bool(line["resolved"]) for line in lines(config)] == [False, False]
    state.resolve_alert("drift:temp")
    tell([], config, state)
    assert [bool(line["resolved"]) for line in lines(config)] == [False, False, True]


# --- whose it is ---------------------------------------------------------------------------------------------------


def with_owner(config: Config, role: str, **changes: object) -> Config:
    owners = config.policy.owners
    owner = getattr(owners, role).model_copy(update=changes)
    policy = config.policy.model_copy(update={"owners": owners.model_copy(update={role: owner})})
    return config.model_copy(update={"policy": policy})


def told_of(cause: str, told: list[Alert]) -> Alert:
    return next(alert for alert in told if alert.cause == cause)


def test_an_owner_with_addresses_of_their_own_is_told_there(config: Config, state: State, webhook: Webhook) -> None:
    config = with_owner(config, "data", to=(webhook.address,))
    tell([DRIFT, FALL], config, state)
    assert [message["title"] for message in webhook.received] == ["temp drifted"]
    assert [line["cause"] for line in lines(config)] == ["fall:roc_auc"]


def test_what_nobody_acknowledges_goes_on_to_the_backup_once(config: Config, state: State, webhook: Webhook) -> None:
    backup = Contact(name="Head of data", contact="head@example.org", to=(webhook.address,))
    config = with_owner(config, "data", backup=backup)
    moment = now()
    tell([DRIFT, FALL], config, state, now=moment)
    tell([DRIFT], config, state, now=moment + timedelta(hours=3.9))
    assert webhook.received == []
    late = moment + timedelta(hours=4.1)
    alert = told_of("drift:temp", tell([DRIFT], config, state, now=late))
    assert (alert.escalated, alert.delivered) == (late, True)
    (message,) = webhook.received
    assert "Nobody acknowledged it" in message["message"]
    tell([DRIFT], config, state, now=moment + timedelta(days=1))
    assert len(webhook.received) == 1
    assert [line["cause"] for line in lines(config)] == [
        "fall:roc_auc",
        "drift:temp",
        "fall:roc_auc",
    ]  # its backup has no own


def test_who_is_acknowledged_or_for_information_stays_with_the_owner(config: Config, state: State) -> None:
    config = with_owner(config, "data", backup=Contact(name="Head", contact="head@example.org"))
    info = DRIFT.model_copy(update={"cause": "news", "severity": "info"})
    moment = now()
    first, _ = tell([DRIFT, info], config, state, now=moment)
    alerts.acknowledge(state, str(first.id), who="ann", note="on it")
    tell([], config, state, now=moment + timedelta(days=2))
    assert [alert.escalated for alert in state.open_alerts()] == [None, None]
    assert len(lines(config)) == 2


# --- by hand -------------------------------------------------------------------------------------------------------


def test_a_muted_cause_is_counted_and_nobody_is_told_until_it_speaks_again(config: Config, state: State) -> None:
    moment = now()
    tell([DRIFT], config, state, now=moment)
    alerts.mute(state, "drift:temp", moment + timedelta(hours=10), who="ann", note="known")
    state.resolve_alert("drift:temp")
    again = told_of(
        "drift:temp", [*tell([DRIFT], config, state, now=moment + timedelta(hours=9)), *state.open_alerts()]
    )
    assert (again.muted_by, again.delivered, again.count) == ("ann", False, 1)
    assert len(lines(config)) == 1
    tell([], config, state, now=moment + timedelta(hours=11))
    assert len(lines(config)) == 2


def test_every_act_by_hand_is_in_the_audit_log(config: Config, state: State) -> None:
    (alert,) = tell([DRIFT], config, state)
    alerts.acknowledge(state, "drift:temp", who="ann", note="on it")
    alerts.mute(state, str(alert.id), now() + timedelta(hours=1), who="bob")
    with pytest.raises(AlertError, match="has passed"):
        alerts.mute(state, str(alert.id), now() - timedelta(hours=1), who="bob")
    alerts.resolve(state, "drift:temp", who="cy", note="mended")
    with pytest.raises(AlertError, match="No open alert goes by 'drift:temp'") as caught:
        alerts.resolve(state, "drift:temp", who="cy")
    assert "roadworthy alerts list" in caught.value.next_step
    log = [(entry.who, entry.act, entry.target, entry.outcome) for entry in reversed(state.audit())]
    assert log == [
        ("ann", "acknowledge alert", "drift:temp", "done"),
        ("bob", "mute alert", "drift:temp", "done"),
        ("bob", "mute alert", "drift:temp", "refused"),
        ("cy", "resolve alert", "drift:temp", "done"),
        ("cy", "resolve alert", "drift:temp", "refused"),
    ]
    (kept,) = state.alerts()
    assert (kept.resolved_by, kept.note, kept.acknowledged_by, kept.muted_by) == ("cy", "mended", "ann", "bob")
