"""Alerts arrive: at a real webhook and in a file, once a cause, and their failure is seen without being fatal."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from roadworthy.config import AlertPolicy, Config
from roadworthy.monitoring.alerts import tell
from roadworthy.records import Finding
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
    assert set(written["drift:temp"]) == {"cause", "owner", "severity", "title", "message", "since", "updated", "count"}


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


def test_a_failed_delivery_is_seen_and_tried_again(
    config: Config, state: State, webhook: Webhook, caplog: pytest.LogCaptureFixture
) -> None:
    config = sent_to(config, webhook.address)
    webhook.status = 500
    (alert,) = tell([DRIFT], config, state)
    assert not alert.delivered
    assert "'drift:temp' was not delivered by json, number 1" in caplog.text
    assert [one.delivered for one in state.open_alerts()] == [False]
    webhook.status = 200
    (retried,) = tell([], config, state)
    assert (retried.cause, retried.delivered, retried.count) == ("drift:temp", True, 1)
    assert len(webhook.received) == 1
    assert tell([], config, state) == []


def test_one_address_that_fails_leaves_the_alert_undelivered(
    config: Config, state: State, caplog: pytest.LogCaptureFixture
) -> None:
    config = sent_to(config, "file://.roadworthy/alerts.jsonl", "json://127.0.0.1:9/nobody")
    (alert,) = tell([DRIFT], config, state)
    assert not alert.delivered
    assert len(lines(config)) == 1
    assert "number 2" in caplog.text


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
    (alert,) = tell([DRIFT], sent_to(config, address), state)
    assert not alert.delivered
    assert "was not delivered by" in caplog.text
    captured = capfd.readouterr()
    assert "s3cret" not in caplog.text + captured.out + captured.err + alert.model_dump_json()


def test_a_file_that_cannot_be_written_does_not_stop_anything(config: Config, state: State) -> None:
    (config.root / "taken").write_text("a file, not a folder")
    (alert,) = tell([DRIFT], sent_to(config, "file://taken/alerts.jsonl"), state)
    assert not alert.delivered


def test_nowhere_to_send_is_said(config: Config, state: State, caplog: pytest.LogCaptureFixture) -> None:
    (alert,) = tell([DRIFT], sent_to(config), state)
    assert not alert.delivered
    assert "alerts.to is empty" in caplog.text
