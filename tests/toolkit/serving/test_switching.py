"""Versions are switched, tried in the shadow and as a canary, by a service with several workers under full load."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import httpx
import pytest

from roadworthy import registry
from roadworthy.records import HistoryEntry, Rollout, now
from roadworthy.serving import schema
from roadworthy.serving.rollout.assignment import drawn
from roadworthy.serving.server import Server

if TYPE_CHECKING:
    from conftest import Project, ProjectMaker

pytestmark = pytest.mark.slow

WORKERS = 2
SWITCHES = 20
WITHIN_SECONDS = 2.0
SETTINGS = f"""
[tool.roadworthy.service]
workers = {WORKERS}
"""


@dataclass
class Running:
    """A running service with two versions, and what each answers to some rows."""

    project: Project
    server: Server
    tags: tuple[str, str]
    rows: list[dict[str, Any]]
    expected: dict[str, list[float]]


@pytest.fixture(scope="module")
def running(make_project: ProjectMaker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with make_project(tmp_path_factory.mktemp("switching"), SETTINGS) as project:
        tags = (project.release(3).tag, project.release(30).tag)
        project.promote(registry.resolve(project.state, tags[0]))
        rows = project.request(5)
        frame = schema.frame(project.dataset, rows)
        expected = {tag: registry.load(project.config, tag).predict(frame).tolist() for tag in tags}
        with Server.start(project.config) as server:
            yield Running(project, server, tags, rows, expected)


@dataclass
class Traffic:
    """What clients were answered, and when."""

    answers: list[tuple[float, int, dict[str, Any]]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def since(self, moment: float) -> list[tuple[float, int, dict[str, Any]]]:
        """Return the answers to what was asked after a moment."""
        return [answer for answer in self.answers if answer[0] > moment]


@contextmanager
def _traffic(running: Running, clients: int = 6) -> Iterator[Traffic]:
    """Ask without a pause, from several clients, for as long as the context lasts."""
    traffic, ended = Traffic(), threading.Event()

    def ask() -> None:
        with httpx.Client(base_url=running.server.address, timeout=30.0) as client:
            while not ended.is_set():
                began = time.monotonic()
                try:
                    response = client.post("/predict", json={"rows": running.rows})
                    traffic.answers.append((began, response.status_code, response.json()))
                except httpx.TransportError as error:
                    traffic.failures.append(repr(error))

    threads = [threading.Thread(target=ask) for _ in range(clients)]
    for thread in threads:
        thread.start()
    try:
        yield traffic
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def _until(condition: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_twenty_switches_at_full_load_fail_no_request_and_mix_none(running: Running) -> None:
    first, second = running.tags
    slowest = 0.0
    with _traffic(running) as traffic:
        _until(lambda: len(traffic.answers) > 50)
        for number in range(SWITCHES):
            tag = (second, first)[number % 2]
            registry.promote(running.project.config, running.project.state, tag, who="test", reason=f"switch {number}")
            slowest = max(slowest, running.server.wait_for_version(tag))
            moment = time.monotonic()
            _until(lambda moment=moment: len(traffic.since(moment)) >= 10)  # type: ignore[misc]
            assert {answer["model_version"] for _, _, answer in traffic.since(moment)} == {tag}
    assert slowest < WITHIN_SECONDS
    assert traffic.failures == []
    assert {status for _, status, _ in traffic.answers} == {200}
    for _, _, answer in traffic.answers:  # each request by one version throughout
        found = [prediction["probability"] for prediction in answer["predictions"]]
        assert found == running.expected[answer["model_version"]]


@contextmanager
def _rollout(running: Running, mode: Literal["shadow", "canary"], share: float) -> Iterator[Rollout]:
    """Let the second version be tried."""
    first, second = running.tags
    state, moment = running.project.state, now()
    rollout = Rollout(
        id=f"{mode}-{time.monotonic_ns()}",
        mode=mode,
        champion=first,
        challenger=second,
        steps=(share,),
        started=moment,
        since=moment,
        who="test",
    )
    state.start_rollout(rollout, HistoryEntry(who="test", action="rollout", version_to=second))
    _until(lambda: _challengers(running) == [second] * WORKERS)
    try:
        yield rollout
    finally:
        state.save_rollout(rollout.model_copy(update={"state": "aborted", "ended": now()}))
        _until(lambda: _challengers(running) == [None] * WORKERS)


def _challengers(running: Running) -> list[str | None]:
    pids = set(running.server.pids)
    return [each.challenger for each in running.project.state.deployments() if each.pid in pids]


def test_a_shadow_answers_too_and_is_never_heard(running: Running) -> None:
    first, second = running.tags
    rows = [[row | {"flight_id": f"shadow-{number}"} for row in running.rows] for number in range(40)]
    with (
        _rollout(running, "shadow", 0.5) as rollout,
        httpx.Client(base_url=running.server.address, timeout=30.0) as client,
    ):
        answers = [client.post("/predict", json={"rows": each}).json() for each in rows]
        assert {answer["model_version"] for answer in answers} == {first}
        wanted = {answer["request_id"] for number, answer in enumerate(answers) if drawn(rollout, f"shadow-{number}")}
        assert 8 < len(wanted) < 32
        tables = running.project.tables
        _until(
            lambda: (
                tables.exists("shadow") and wanted <= set(tables.read("shadow", columns=["request_id"])["request_id"])
            )
        )
    shadow = tables.read("shadow").sort_values(["request_id", "row"])
    shadow = shadow[shadow["rollout"] == rollout.id]
    assert set(shadow["request_id"]) == wanted
    assert set(shadow["version"]) == {second}
    for _, request in shadow.groupby("request_id"):
        assert request["probability"].tolist() == running.expected[second]
    captured = tables.read("predictions", columns=["request_id", "version", "rollout", "role"])
    captured = captured[captured["rollout"] == rollout.id]
    assert set(captured["version"]) == {first}
    assert set(captured["role"]) == {"champion"}


def test_a_canary_answers_the_share_of_the_sticky_key(running: Running) -> None:
    first, second = running.tags
    with (
        _rollout(running, "canary", 0.3) as rollout,
        httpx.Client(base_url=running.server.address, timeout=30.0) as client,
    ):
        for number in range(60):
            expected = second if drawn(rollout, f"desk-{number}") else first
            for _ in range(2):  # every worker, every time: the same key, the same version
                by_header = client.post(
                    "/predict", json={"rows": running.rows}, headers={"X-Sticky-Key": f"desk-{number}"}
                ).json()
                assert by_header["model_version"] == expected
                found = [prediction["probability"] for prediction in by_header["predictions"]]
                assert found == running.expected[expected]
            row = running.rows[0] | {"flight_id": f"flight-{number}"}
            by_identifier = client.post("/predict", json={"rows": [row]}).json()
            assert by_identifier["model_version"] == (second if drawn(rollout, f"flight-{number}") else first)
    tables = running.project.tables

    def captured() -> Counter[str]:
        rows = tables.read("predictions", columns=["version", "rollout", "role", "row"])
        rows = rows[(rows["rollout"] == rollout.id) & (rows["row"] == 0)]
        assert set(zip(rows["version"], rows["role"], strict=True)) <= {(first, "champion"), (second, "canary")}
        return Counter(rows["role"])

    _until(lambda: captured().total() == 180)
    assert captured()["canary"] > 20


def test_a_challenger_that_cannot_be_loaded_is_refused_and_costs_nobody_an_answer(running: Running) -> None:
    first = running.tags[0]
    broken = running.project.release(6, smoke_off_by=0.01).tag
    state, moment = running.project.state, now()
    rollout = Rollout(
        id="broken",
        mode="canary",
        champion=first,
        challenger=broken,
        steps=(0.9,),
        started=moment,
        since=moment,
        who="t",
    )
    state.start_rollout(rollout, HistoryEntry(who="test", action="rollout", version_to=broken))
    _until(lambda: any(entry.action == "refuse" and entry.version_to == broken for entry in state.history()))
    with httpx.Client(base_url=running.server.address, timeout=30.0) as client:
        for number in range(20):
            answer = client.post("/predict", json={"rows": running.rows}, headers={"X-Sticky-Key": str(number)})
            assert answer.status_code == 200
            assert answer.json()["model_version"] == first
    state.save_rollout(rollout.model_copy(update={"state": "aborted", "ended": now()}))
