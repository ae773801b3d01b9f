"""Delivery to a real HTTP server that takes, refuses, hangs or is not there."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from roadworthy.config import Config, LineageExport
from roadworthy.pipeline import outbox


class Listener:
    """A collector's server: what it received, and how it answers an event."""

    def __init__(self) -> None:
        self.received: list[tuple[str, dict[str, str], bytes]] = []
        self.answer: Callable[[bytes], int] = lambda _: 201
        listener = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status = listener.answer(body)
                listener.received.append((self.path, dict(self.headers), body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()

    @property
    def bodies(self) -> list[bytes]:
        return [body for _, _, body in self.received]

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def listener() -> Iterator[Listener]:
    found = Listener()
    yield found
    found.close()


@pytest.fixture
def dead() -> str:
    """An address where nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}"


@pytest.fixture
def hanging() -> Iterator[str]:
    """An address that takes connections and never answers."""
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        yield f"http://127.0.0.1:{silent.getsockname()[1]}"


def collector(config: Config, to: str) -> outbox.Collector:
    settings = config.settings.model_copy(update={"openlineage": LineageExport(to=to)})
    found = outbox.collector(config.model_copy(update={"settings": settings}))
    assert found is not None
    return found


def lines(start: int, end: int) -> list[bytes]:
    return [json.dumps({"event": number}).encode() + b"\n" for number in range(start, end)]


def add(taker: outbox.Collector, some: list[bytes]) -> None:
    for line in some:
        taker.add(line)


def test_events_arrive_in_order_and_nothing_is_left(
    config: Config, listener: Listener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(outbox.TOKEN_VARIABLE, "t0ken")
    taker = collector(config, listener.address)
    add(taker, lines(0, 20))
    assert taker.close() is None
    assert listener.bodies == lines(0, 20)
    assert {path for path, _, _ in listener.received} == {"/api/v1/lineage"}
    assert {headers["Authorization"] for _, headers, _ in listener.received} == {"Bearer t0ken"}
    assert not config.path(outbox.OUTBOX).exists()


def test_an_address_with_a_path_of_its_own_is_taken_as_it_is(config: Config, listener: Listener) -> None:
    taker = collector(config, f"{listener.address}/collect?team=air")
    add(taker, lines(0, 1))
    assert taker.close() is None
    ((path, headers, _),) = listener.received
    assert path == "/collect?team=air"
    assert "Authorization" not in headers


def test_what_a_dead_address_did_not_take_is_sent_first_by_the_next_build(
    config: Config, dead: str, listener: Listener
) -> None:
    taker = collector(config, dead)
    add(taker, lines(0, 3))
    warning = taker.close()
    assert warning is not None
    assert warning.count("\n") == 0
    assert dead in warning
    assert "3 are kept in" in warning
    second = collector(config, listener.address)
    add(second, lines(3, 5))
    assert second.close() is None
    assert listener.bodies == lines(0, 5)
    assert not config.path(outbox.OUTBOX).exists()


def test_a_silent_address_holds_nobody_up_for_long(config: Config, hanging: str) -> None:
    taker = collector(config, hanging)
    add(taker, lines(0, 50))
    warning = taker.close()
    assert warning is not None
    assert "50 are kept" in warning
    assert config.path(outbox.OUTBOX).read_bytes() == b"".join(lines(0, 50))


def test_what_was_taken_before_an_address_failed_is_not_sent_again(config: Config, listener: Listener) -> None:
    listener.answer = lambda body: 503 if body in lines(2, 3) else 200
    taker = collector(config, listener.address)
    add(taker, lines(0, 5))
    warning = taker.close()
    assert warning is not None
    assert "HTTP 503" in warning
    assert config.path(outbox.OUTBOX).read_bytes() == b"".join(lines(2, 5))
    listener.answer = lambda _: 200
    listener.received.clear()
    idle = collector(config, listener.address)
    assert idle.close() is None
    assert listener.bodies == []
    again = collector(config, listener.address)
    add(again, lines(5, 6))
    assert again.close() is None
    assert listener.bodies == lines(2, 6)


def test_an_event_that_is_refused_for_what_it_is_holds_up_no_other(config: Config, listener: Listener) -> None:
    listener.answer = lambda body: 422 if body in lines(1, 2) else 200
    taker = collector(config, listener.address)
    add(taker, lines(0, 3))
    warning = taker.close()
    assert warning is not None
    assert "refused 1 lineage events" in warning
    assert listener.bodies == lines(0, 3)
    assert not config.path(outbox.OUTBOX).exists()
    refused = json.loads(config.path(outbox.REFUSED).read_text())
    assert refused["answer"].startswith("HTTP 422")
    assert json.loads(refused["event"]) == {"event": 1}


def test_a_password_in_the_address_is_not_told(config: Config, dead: str) -> None:
    taker = collector(config, dead.replace("http://", "http://ada:pw-9@"))
    add(taker, lines(0, 1))
    warning = taker.close()
    assert warning is not None
    assert dead in warning
    assert "pw-9" not in warning


def test_a_file_that_cannot_be_written_is_a_warning(config: Config, root: Path) -> None:
    (root / "taken").write_text("a file, no folder")
    taker = collector(config, "taken/events.jsonl")
    add(taker, lines(0, 1))
    warning = taker.close()
    assert warning is not None
    assert "taken/events.jsonl" in warning


def test_nobody_is_told_unless_configured(config: Config) -> None:
    assert outbox.collector(config) is None
