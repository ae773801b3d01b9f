"""The edge of a guarded service, over HTTP: tokens, rates, content types, sizes, CORS, administration, logs, traces."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from bentoml.exceptions import BentoMLException

from roadworthy import config as configuration
from roadworthy import registry
from roadworthy.serving import tokens
from roadworthy.serving.server import LOG, Server
from roadworthy.serving.service import build_service

if TYPE_CHECKING:
    from conftest import Project, ProjectMaker

pytestmark = pytest.mark.slow

SETTINGS = """
[tool.roadworthy.service]
predict = "token"
max_rows = 20
max_bytes = 50_000
cors = ["https://desk.example.org"]
log = "all"
rate = {per_second = 5, burst = 200}
"""
PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


@dataclass
class Guarded:
    """A running service that asks for tokens."""

    project: Project
    server: Server
    client: httpx.Client
    tokens: dict[str, str]

    def header(self, scope: str) -> dict[str, str]:
        """Return the header of a token with one scope."""
        return {"Authorization": f"Bearer {self.tokens[scope]}"}

    def predict(self, **headers: str) -> httpx.Response:
        """Ask about a flight."""
        return self.client.post("/predict", json={"rows": self.project.request(1)}, headers=headers)


@pytest.fixture(scope="module")
def guarded(make_project: ProjectMaker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with make_project(tmp_path_factory.mktemp("guarded"), SETTINGS) as project:
        project.promote(project.release(3))
        made = {
            scope: tokens.create(project.state, f"a {scope}", [scope], by="test")[0]
            for scope in ("predict", "feedback", "admin")
        }
        with (
            Server.start(project.config) as server,
            httpx.Client(base_url=server.address, timeout=30.0) as client,
        ):
            yield Guarded(project, server, client, made)


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("POST", "/predict", "predict"),
        ("POST", "/feedback", "feedback"),
        ("GET", "/admin/status", "admin"),
        ("POST", "/admin/promote", "admin"),
        ("POST", "/admin/rollback", "admin"),
    ],
)
def test_each_path_wants_its_scope(guarded: Guarded, method: str, path: str, scope: str) -> None:
    for name, token in guarded.tokens.items():
        response = guarded.client.request(method, path, json={}, headers={"Authorization": f"Bearer {token}"})
        assert (response.status_code == 403) == (name != scope), response.text
        if name != scope:
            assert scope in response.json()["error"]
            assert response.json()["next_step"]
    for header in ({}, {"Authorization": "Bearer rw_00000000_" + "a" * 43}, {"Authorization": "Basic abc"}):
        response = guarded.client.request(method, path, json={}, headers=header)
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"


def test_a_revoked_token_ends_within_two_seconds(guarded: Guarded) -> None:
    token, record = tokens.create(guarded.project.state, "for a moment", ["predict"], by="test")
    header = {"Authorization": f"Bearer {token}"}
    _until(lambda: guarded.predict(**header).status_code == 200)
    tokens.revoke(guarded.project.state, record.id, by="test")
    began = time.monotonic()
    _until(lambda: guarded.predict(**header).status_code == 401)
    assert time.monotonic() - began < 2


def test_health_metrics_and_preflight_are_free(guarded: Guarded) -> None:
    for path in ("/livez", "/readyz", "/metrics", "/docs.json"):
        assert guarded.client.get(path).status_code == 200, path
    preflight = {
        "Origin": "https://desk.example.org",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    response = guarded.client.options("/predict", headers=preflight)
    assert response.status_code == 200
    assert response.headers["access-control-allow-origin"] == "https://desk.example.org"
    answered = guarded.predict(Origin="https://desk.example.org", **guarded.header("predict"))
    assert answered.status_code == 200
    assert answered.headers["access-control-allow-origin"] == "https://desk.example.org"
    foreign = guarded.client.options("/predict", headers=preflight | {"Origin": "https://elsewhere.example.org"})
    assert "access-control-allow-origin" not in foreign.headers


@pytest.mark.parametrize(
    ("kind", "status"),
    [
        ("application/json", 200),
        ("Application/JSON; charset=UTF-8", 200),
        ("application/vnd.desk+json", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("multipart/form-data; boundary=x", 415),
        ("application/vnd.bentoml+pickle", 415),
        ("application/json; charset=latin-1", 415),
    ],
)
def test_what_is_not_json_by_its_type_is_not_read(guarded: Guarded, kind: str, status: int) -> None:
    body = json.dumps({"rows": guarded.project.request(1)})
    headers = guarded.header("predict") | {"Content-Type": kind}
    response = guarded.client.post("/predict", content=body, headers=headers)
    assert response.status_code == status, response.text
    assert status == 200 or "Content-Type: application/json" in response.json()["next_step"]


def test_a_compressed_body_is_not_read(guarded: Guarded) -> None:
    headers = guarded.header("predict") | {"Content-Encoding": "gzip", "Content-Type": "application/json"}
    assert guarded.client.post("/predict", content=b"\x1f\x8b", headers=headers).status_code == 415


def test_a_body_that_is_too_large_is_refused_with_and_without_its_length(guarded: Guarded) -> None:
    def chunks() -> Iterator[bytes]:
        for _ in range(100):
            yield b" " * 1000

    for content in (b" " * 50_001, b" " * 100_000, b" " * 3_000_000, chunks()):
        response = guarded.client.post("/predict", content=content, headers=guarded.header("predict"))
        assert response.status_code == 413
        assert "50,000 bytes" in response.json()["error"]


def test_a_wrong_method_is_named(guarded: Guarded) -> None:
    for method, path, right in (
        ("GET", "/predict", "POST"),
        ("PUT", "/feedback", "POST"),
        ("POST", "/admin/status", "GET"),
    ):
        response = guarded.client.request(method, path)
        assert response.status_code == 405
        assert response.headers["allow"] == right
        assert response.json()["next_step"]


def test_administration_is_the_commands_own(guarded: Guarded) -> None:
    project, header = guarded.project, guarded.header("admin")
    first = registry.resolve(project.state, "champion").tag
    second = project.release(4).tag

    def live() -> str | None:
        found: str | None = guarded.client.get("/admin/status", headers=header).json()["champion"]
        return found

    promoted = guarded.client.post("/admin/promote", json={"version": second, "reason": "more trees"}, headers=header)
    assert promoted.status_code == 200, promoted.text
    assert (promoted.json()["version_from"], promoted.json()["version_to"]) == (first, second)
    _until(lambda: live() == second)
    back = guarded.client.post("/admin/rollback", json={"reason": "fewer trees"}, headers=header)
    assert back.status_code == 200, back.text
    _until(lambda: live() == first)

    who = {entry.who for entry in project.state.history()[:2]}
    assert len(who) == 1
    assert who.pop().startswith("token a admin (")
    audited = [(entry.act, entry.outcome, entry.origin) for entry in project.state.audit()[:2]]
    assert audited == [("rollback", "done", "service"), ("promote", "done", "service")]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/admin/promote", {"version": "none such"}, 404),
        ("/admin/promote", {"version": "champion"}, 409),
        ("/admin/promote", {}, 422),
        ("/admin/promote", {"version": "a", "force": True}, 422),
        ("/admin/rollback", {"to": 3}, 422),
        ("/admin/rollback", [], 422),
    ],
)
def test_an_act_that_cannot_be_done_says_why(guarded: Guarded, path: str, body: object, status: int) -> None:
    response = guarded.client.post(path, json=body, headers=guarded.header("admin"))
    assert response.status_code == status, response.text
    assert response.json()["error"]
    assert response.json()["next_step"]


def test_every_request_has_a_line_with_its_ids_and_none_of_its_values(guarded: Guarded) -> None:
    response = guarded.predict(traceparent=PARENT, **guarded.header("predict"))
    request_id = response.json()["request_id"]
    assert response.headers["x-request-id"] == request_id
    log = Path(guarded.project.config.root / LOG)
    _until(lambda: request_id in log.read_text())
    (line,) = [line for line in log.read_text().splitlines() if request_id in line]
    content = json.loads(line)
    assert content["trace_id"] == PARENT.split("-")[1]
    assert (content["path"], content["status"], content["rows"]) == ("/predict", 200, 1)
    assert content["version"] == response.json()["model_version"]
    text = log.read_text()
    assert guarded.project.request(1)[0]["flight_id"] not in text
    assert not [token for token in guarded.tokens.values() if token in text or token[-20:] in text]


def test_a_caller_who_asks_too_often_is_told_when_to_come_back(guarded: Guarded) -> None:
    token, _ = tokens.create(guarded.project.state, "a crawler", ["predict"], by="test")
    header = {"Authorization": f"Bearer {token}"}
    _until(lambda: guarded.predict(**header).status_code == 200)
    for _ in range(5000):  # 200 at once, and 5 a second: no machine is so slow
        response = guarded.client.post("/predict", json={"rows": []}, headers=header)
        if response.status_code == 429:
            break
    assert response.status_code == 429
    assert int(response.headers["retry-after"]) >= 1
    assert guarded.predict(**guarded.header("predict")).status_code == 200  # another caller is not held back
    refused = [line for line in _metrics(guarded) if line.startswith('roadworthy_refused_total{reason="rate"}')]
    assert float(refused[0].split()[-1]) >= 1


def _metrics(guarded: Guarded) -> list[str]:
    found: list[str] = guarded.client.get("/metrics").text.splitlines()
    return found


def test_requests_are_counted_by_path_status_and_version(guarded: Guarded) -> None:
    version = guarded.predict(**guarded.header("predict")).json()["model_version"]
    guarded.predict()
    lines = [line.rpartition(" ")[0] for line in _metrics(guarded)]
    assert f'roadworthy_requests_total{{path="/predict",status="200",version="{version}"}}' in lines
    assert 'roadworthy_requests_total{path="/predict",status="401",version=""}' in lines
    assert f'roadworthy_version_live{{version="{version}"}}' in lines
    assert f'roadworthy_request_seconds_count{{version="{version}"}}' in lines


def test_the_configuration_is_what_it_says(guarded: Guarded) -> None:
    service: Any = configuration.load(guarded.project.config.root).settings.service
    assert (service.predict, service.host) == ("token", "127.0.0.1")


def test_a_sticky_column_that_is_none_is_told_when_the_service_starts(
    make_project: ProjectMaker, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with make_project(tmp_path_factory.mktemp("sticky"), '\n[tool.roadworthy.service]\nsticky = "desk"\n') as project:
        with pytest.raises(BentoMLException, match="no column 'desk'") as told:
            build_service(project.config.root)
        assert "flight_id" in str(told.value)
