"""Whatever is sent to the service: no answer is a failure of its own, and it answers on as before.

Once what schemathesis thinks of by the service's own OpenAPI document, once bodies that no document would lead to.
"""

from __future__ import annotations

import http.client
import json
import random
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis import checks

from roadworthy.serving import tokens
from roadworthy.serving.server import Server

if TYPE_CHECKING:
    from conftest import Project

pytestmark = pytest.mark.slow

CHECKS = [
    checks.not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
]
STRANGE: list[Any] = [
    None, True, False, 0, -1, 1.5, 10**18, 10**400, -(2**63) - 1, 1e308, 5e-324, float("nan"), float("inf"), "", "\0",
    "a\0b", "😀" * 50, "\u202e", "x" * 5000, "2013-01-01T10:00:00Z", "9999-12-31T23:59:59-14:00", "\uff35\uff21",
    "' OR 1=1 --", "../../etc/passwd", "NaN", "1e999", [], {}, [[]], {"": None}, [None] * 50, {"$ref": "#"},
]  # fmt: skip
BYTES = [
    b"\x00", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\\ud800", b"\\u0000", b'"', b"\\", b"{", b"}",
    b"[", b"]", b",", b":", b"1e999", b"-", b"NaN", b"Infinity", b"1" * 5000, b"//", b"\n", b" " * 100, b"null",
]  # fmt: skip


@pytest.fixture
def token(project: Project) -> str:
    return tokens.local(project.config, project.state)


# --- by the document -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/predict", "/feedback", "/livez", "/readyz", "/healthz", "/metrics"])
def test_every_answer_is_one_that_the_document_names(server: Server, token: str, path: str) -> None:
    document = httpx.get(f"{server.address}/docs.json").json()
    schema = schemathesis.openapi.from_dict(document)
    schema.config.base_url = server.address
    (method,) = document["paths"][path]
    cases = schema[path][method.upper()].as_strategy()
    headers = {"Authorization": f"Bearer {token}"}

    @seed(0)
    @settings(
        max_examples=60,
        deadline=None,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=cases)
    def ask(case: schemathesis.Case) -> None:
        case.call_and_validate(headers=headers, checks=CHECKS)

    ask()


# --- by no document ------------------------------------------------------------------------------------------------


class Fuzzer:
    """Bodies made of a seed: valid requests spoilt in many ways, and what never was one."""

    def __init__(self, start: int, valid: list[dict[str, Any]]) -> None:
        self._random = random.Random(start)
        self._valid = valid
        self._ways: list[Callable[[], bytes]] = [
            self._other_value, self._other_fields, self._other_bytes, self._cut, self._noise, self._grammar,
            self._nested, self._number, self._text,
        ]  # fmt: skip

    def bodies(self, number: int) -> Iterator[bytes]:
        """Yield that many."""
        for _ in range(number):
            yield self._random.choice(self._ways)()

    def _request(self) -> dict[str, Any]:
        copied: dict[str, Any] = json.loads(json.dumps(self._random.choice(self._valid)))
        return copied

    def _items(self, request: dict[str, Any]) -> list[dict[str, Any]]:
        (found,) = request.values()
        assert isinstance(found, list)
        return found

    def _other_value(self) -> bytes:
        request = self._request()
        for _ in range(self._random.randint(1, 3)):
            item = self._random.choice(self._items(request))
            item[self._random.choice(list(item))] = self._random.choice(STRANGE)
        return json.dumps(request).encode()

    def _other_fields(self) -> bytes:
        request = self._request()
        items = self._items(request)
        item = self._random.choice(items)
        change = self._random.randrange(5)
        if change == 0:
            del item[self._random.choice(list(item))]
        elif change == 1:
            item[str(self._random.choice(STRANGE))] = self._random.choice(STRANGE)
        elif change == 2:
            items.insert(self._random.randint(0, len(items)), self._random.choice(STRANGE))
        elif change == 3:
            request[str(self._random.choice(STRANGE))] = self._random.choice(STRANGE)
        else:
            items *= self._random.choice([0, 1, 30, 1100])
        return json.dumps(request).encode()

    def _other_bytes(self) -> bytes:
        body = bytearray(json.dumps(self._request()).encode())
        for _ in range(self._random.randint(1, 4)):
            place = self._random.randrange(len(body))
            length = self._random.choice([0, 1, 1, 5])
            body[place : place + length] = self._random.choice([*BYTES, self._random.randbytes(2)])
        return bytes(body)

    def _cut(self) -> bytes:
        body = json.dumps(self._request()).encode()
        start, end = sorted(self._random.randrange(len(body) + 1) for _ in range(2))
        return body[self._random.choice([0, start]) : end]

    def _noise(self) -> bytes:
        return self._random.randbytes(self._random.choice([0, 1, 10, 300]))

    def _grammar(self) -> bytes:
        return json.dumps(self._any_json(5)).encode()

    def _any_json(self, depth: int) -> object:
        kind = self._random.randrange(4) if depth else 0
        if kind == 1:
            return [self._any_json(depth - 1) for _ in range(self._random.randrange(4))]
        if kind == 2:
            names = ["rows", "labels", "carrier", "request_id", "row", "", "\0"]
            return {self._random.choice(names): self._any_json(depth - 1) for _ in range(self._random.randrange(4))}
        return self._random.choice(STRANGE)

    def _nested(self) -> bytes:
        opening = self._random.choice([b"[", b'{"a":', b'{"rows":[', b'[{"rows":'])
        return self._random.choice([b"", b'{"rows":', b'{"labels":[{"row":']) + opening * self._random.choice(
            [10, 9000]
        )

    def _number(self) -> bytes:
        digits = "".join(self._random.choices("0123456789", k=self._random.choice([1, 20, 400, 5000])))
        number = self._random.choice(["", "-", "0.", "1e", "1E-", "0x", "+"]) + digits
        item = self._random.choice(self._items(self._request()))
        name = self._random.choice(list(item))
        return json.dumps({"rows": [item | {name: "@"}]}).replace('"@"', number).encode()

    def _text(self) -> bytes:
        text = "".join(chr(self._random.choice([0, 34, 92, 0x7F, 0x2028, 0xFFFF, 0x1F600, 0xD800])) for _ in range(9))
        item = self._random.choice(self._items(self._request()))
        name = self._random.choice(list(item))
        body = json.dumps({"rows": [item | {name: text}]}, ensure_ascii=self._random.random() < 0.5)
        return body.encode(errors=self._random.choice(["surrogatepass", "replace"]))


class Caller:
    """One connection that is kept open."""

    def __init__(self, address: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=60)

    def post(self, path: str, body: bytes, token: str | None = None) -> tuple[int, dict[str, Any]]:
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._connection.request("POST", path, body, headers)
        response = self._connection.getresponse()
        content: dict[str, Any] = json.loads(response.read())
        return response.status, content

    def close(self) -> None:
        self._connection.close()


@pytest.fixture
def caller(server: Server) -> Iterator[Caller]:
    opened = Caller(server.address)
    yield opened
    opened.close()


@pytest.mark.parametrize("number", [2000, pytest.param(10_000, marks=[pytest.mark.full, pytest.mark.timeout(900)])])
def test_no_body_makes_the_service_fail(caller: Caller, project: Project, token: str, number: int) -> None:
    rows = {"rows": project.request(2)}
    before = caller.post("/predict", json.dumps(rows).encode())
    assert before[0] == 200
    request_id = before[1]["request_id"]
    labels = {"labels": [{"request_id": request_id, "row": row, "label": row == 0} for row in range(2)]}
    dated = {"labels": [{"request_id": request_id, "row": 0, "label": True, "at": "2013-01-02T10:00:00Z"}]}
    fuzzer = Fuzzer(number, [rows, rows, labels, dated])
    answered = {200: 0, 400: 0, 422: 0}
    for count, body in enumerate(fuzzer.bodies(number)):
        path = "/predict" if count % 2 else "/feedback"
        known = token if count % 5 else None
        status, content = caller.post(path, body, known)
        answered[status] = answered.get(status, 0) + 1
        _is_an_answer(status, content, body)
        assert known or path == "/predict" or status == 401
    assert min(answered.values()) > 0, answered
    after = caller.post("/predict", json.dumps(rows).encode())
    assert after[0] == 200
    assert after[1]["predictions"] == before[1]["predictions"]


def _is_an_answer(status: int, content: dict[str, Any], body: bytes) -> None:
    assert status < 500, (status, content, body[:500])
    if status == 200:
        assert content.keys() >= {"accepted"} or content["predictions"], body[:500]
    else:
        assert content["error"], body[:500]
        assert content["next_step"], body[:500]
        assert len(json.dumps(content)) < 1_000_000, body[:500]
