"""The edge: what the web has to do with a request, before the desk sees it and after it has answered.

The front stands before BentoML's own router, as a middleware, and takes the paths that are ours: method, token, rate,
content type and size are looked at before a body is read, in this order. Everything else (/docs.json apart, which it
completes) is BentoML's. Why: docs/decisions/0013-the-front.md.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from traceback import format_tb
from typing import Any

import orjson

from roadworthy.config import Service
from roadworthy.records import AccessToken, Scope
from roadworthy.serving import metrics, telemetry
from roadworthy.serving.exchange import Call, Reply, refusal
from roadworthy.serving.limits import Limiter
from roadworthy.serving.telemetry import Trace, Tracing
from roadworthy.serving.tokens import Refusal, TokenBook

Scope_ = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope_, Receive, Send], Awaitable[None]]
Answer = Callable[[Call], Awaitable[Reply]]

DOCUMENT = "/docs.json"
_ERROR = 400
_READ_AT_MOST_BESIDE = 2**20
"""Of a body that is refused, so that its sender may finish and read why."""


@dataclass(frozen=True)
class Door:
    """A path that is ours."""

    method: str
    scope: Scope
    answer: Answer


@dataclass(frozen=True)
class _Visit:
    """A request at one of our doors."""

    door: Door
    scope: Scope_
    headers: dict[bytes, bytes]
    receive: Receive
    trace: Trace
    started: float

    @property
    def path(self) -> str:
        return str(self.scope["path"])

    def header(self, name: bytes, otherwise: str = "") -> str:
        """Return a header's value; the last one where it is given twice."""
        value = self.headers.get(name)
        return otherwise if value is None else value.decode("latin-1")


class Front:
    """An ASGI middleware.

    Parameters
    ----------
    app
        BentoML's application.
    house
        What is behind the doors; see `House`.
    """

    def __init__(self, app: App, house: House) -> None:
        self._app = app
        self._house = house

    async def __call__(self, scope: Scope_, receive: Receive, send: Send) -> None:
        """Answer a request at one of our doors; hand on any other."""
        door = self._house.doors.get(scope["path"]) if scope["type"] == "http" else None
        if door is not None and scope["method"] != "OPTIONS":
            await self._answer(door, scope, receive, send)
        elif scope["type"] == "http" and scope["path"] == DOCUMENT and scope["method"] == "GET":
            await _send(send, Reply(200, self._house.document()))
        else:
            await self._app(scope, receive, send)

    async def _answer(self, door: Door, scope: Scope_, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        path, house = scope["path"], self._house
        headers = dict(scope["headers"])
        parent = headers.get(b"traceparent", b"").decode("latin-1")
        with house.tracing.following(f"{scope['method']} {path}", parent) as trace:
            found = await _reply(house, _Visit(door, scope, headers, receive, trace, started))
            await _send(send, found)
            trace.facts["status"] = found.status
            version = str(trace.facts.get("version", ""))
            metrics.REQUESTS.labels(path, str(found.status), version).inc()
        if house.settings.log == "all" or found.status >= _ERROR:
            telemetry.log_request(path, trace, time.perf_counter() - started)


class House:
    """What is behind the front: filled when the service's worker has opened its desk."""

    def __init__(self, settings: Service, name: str, document: Callable[[], dict[str, Any]]) -> None:
        self.settings = settings
        self.tracing = Tracing(settings.traces, name)
        self.limiter = Limiter(settings.rate, settings.workers)
        self.doors: Mapping[str, Door] = {}
        self.tokens = TokenBook()
        self._make_document = document
        self._document = b""

    def open(self, tokens: TokenBook, doors: Mapping[str, Door]) -> None:
        """Let callers in."""
        self.tokens, self.doors = tokens, doors

    def close(self) -> None:
        """Send the traces that are left."""
        self.tracing.close()

    def document(self) -> bytes:
        """Return the OpenAPI document, made once."""
        if not self._document:
            self._document = orjson.dumps(self._make_document(), option=orjson.OPT_NON_STR_KEYS)
        return self._document


async def _reply(house: House, visit: _Visit) -> Reply:
    turned_away = _wrong_method(visit)
    token: AccessToken | None = None
    if turned_away is None:
        token, turned_away = _admitted(house, visit)
    if turned_away is None:
        turned_away = _unreadable(house.settings, visit)
    if turned_away is not None:
        await _pour_away(visit.receive)
        return turned_away
    body = await _body(visit.receive, house.settings.max_bytes)
    if body is None:
        return _too_large(house.settings)
    try:
        return await visit.door.answer(Call(body, visit.started, visit.trace, token, visit.header(b"x-sticky-key")))
    except Exception as error:  # whatever it is, the sender gets an answer; the text may hold values, so no text
        where = "".join(format_tb(error.__traceback__))
        telemetry.LOG.error("Answering %s failed: %s.\n%s", visit.path, type(error).__name__, where)
        return refusal(500, "The service failed at this request.", "Look into the service's log.")


# --- what is looked at before the body -----------------------------------------------------------------------------


def _wrong_method(visit: _Visit) -> Reply | None:
    wanted = visit.door.method
    if visit.scope["method"] == wanted:
        return None
    return refusal(405, f"{visit.path} takes {wanted} only.", f"Send a {wanted}.", headers={"Allow": wanted})


def _admitted(house: House, visit: _Visit) -> tuple[AccessToken | None, Reply | None]:
    """Return the token that is let in, or why nobody is."""
    caller, token = str((visit.scope.get("client") or ("unknown",))[0]), None
    given = visit.header(b"authorization")
    if given or visit.door.scope != "predict" or house.settings.predict == "token":
        found = house.tokens.check(given, visit.door.scope)
        if isinstance(found, Refusal):
            metrics.REFUSED.labels("token").inc()
            challenge = {"WWW-Authenticate": "Bearer"} if found.status == 401 else {}
            return None, refusal(found.status, found.fact, found.next_step, headers=challenge)
        token, caller = found, found.id
    wait = house.limiter.wait(caller)
    if wait > 0:
        metrics.REFUSED.labels("rate").inc()
        seconds = str(int(wait) + 1)
        fact = f"More requests than {house.settings.rate.per_second:g} a second from one caller."
        return None, refusal(429, fact, f"Send it again after {seconds} s.", headers={"Retry-After": seconds})
    return token, None


def _unreadable(settings: Service, visit: _Visit) -> Reply | None:
    if visit.door.method == "GET":
        return None
    given, encoding = visit.header(b"content-type"), visit.header(b"content-encoding", "identity").lower()
    kind, _, parameters = given.lower().partition(";")
    kind, charset = kind.strip(), parameters.partition("charset=")[2].strip(' "')
    json = kind in ("", "application/json") or (kind.startswith("application/") and kind.endswith("+json"))
    if not json or charset not in ("", "utf-8", "utf8") or encoding != "identity":
        fact = f"A body of content type {given!r}, encoding {encoding!r}, is not read here."
        return refusal(415, fact, "Send JSON in UTF-8 with the header Content-Type: application/json, uncompressed.")
    length = visit.header(b"content-length")
    if length.isdigit() and int(length) > settings.max_bytes:
        return _too_large(settings)
    return None


def _too_large(settings: Service) -> Reply:
    metrics.REFUSED.labels("size").inc()
    return refusal(
        413,
        f"The body is larger than {settings.max_bytes:,} bytes.",
        f"Send fewer rows in one request; it may have {settings.max_rows:,}.",
    )


# --- body and answer -----------------------------------------------------------------------------------------------


async def _body(receive: Receive, limit: int) -> bytes | None:
    """Return the body; None when it is larger than the limit."""
    message = await receive()
    parts: list[bytes] = [message.get("body", b"")]
    size = len(parts[0])
    while size <= limit and message.get("more_body"):
        message = await receive()
        parts.append(message.get("body", b""))
        size += len(parts[-1])
    if size <= limit:
        return parts[0] if len(parts) == 1 else b"".join(parts)
    if message.get("more_body"):
        await _pour_away(receive)
    return None


async def _pour_away(receive: Receive) -> None:
    """Take a little of a body that nobody reads: an answer to one who is still sending may not arrive."""
    taken, more = 0, True
    while more and taken < _READ_AT_MOST_BESIDE:
        message = await receive()
        taken += len(message.get("body", b""))
        more = message["type"] == "http.request" and bool(message.get("more_body"))


async def _send(send: Send, found: Reply) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(found.body)).encode())]
    headers += [(name.lower().encode(), value.encode("latin-1", "replace")) for name, value in found.headers.items()]
    await send({"type": "http.response.start", "status": found.status, "headers": headers})
    await send({"type": "http.response.body", "body": found.body})
