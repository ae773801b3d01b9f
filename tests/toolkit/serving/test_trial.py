"""A challenger on trial in a running service, from its start to what the rule makes of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import httpx
import pytest

from roadworthy import project as projects
from roadworthy import rollouts
from roadworthy.records import Evidence, now
from roadworthy.serving.server import Server

if TYPE_CHECKING:
    from conftest import Project, ProjectMaker

pytestmark = pytest.mark.slow

LATER = timedelta(minutes=11)  # than a step lasts at least


@pytest.fixture
def trial(make_project: ProjectMaker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Project, Server]]:
    """A running service with a champion."""
    with make_project(tmp_path_factory.mktemp("trial")) as project:
        project.promote(project.release(3))
        with Server.start(project.config, wait=180) as server:
            yield project, server


def _ask(server: Server, rows: list[dict[str, Any]], times: int, clients: int = 8) -> list[httpx.Response]:
    """Ask about the rows, each request under a key of its own."""
    answers: list[httpx.Response] = []

    def ask(number: int) -> None:
        with httpx.Client(base_url=server.address, timeout=60.0) as client:
            for turn in range(times // clients):
                headers = {"X-Sticky-Key": f"{number}-{turn}"}
                answers.append(client.post("/predict", json={"rows": rows}, headers=headers))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers


def _start(project: Project, server: Server, version: str, mode: Literal["shadow", "canary"]) -> projects.Project:
    """Start a rollout, and wait until the service knows of it."""
    opened = projects.load(project.config.root)
    rollouts.start(opened, version, who="test", reason="a trial", mode=mode, steps=(0.5,))
    pids = set(server.pids)
    while not any(each.challenger == version for each in project.state.deployments() if each.pid in pids):
        pass
    return opened


def test_a_challenger_that_does_well_becomes_champion(trial: tuple[Project, Server]) -> None:
    project, server = trial
    version = project.release(4).tag
    with closing(_start(project, server, version, "canary")) as opened:
        answers = _ask(server, project.request(1), 2400)
        assert {answer.status_code for answer in answers} == {200}
        assert {answer.json()["model_version"] for answer in answers} > {version}
        ended = rollouts.look(opened, who="policy", now=now() + LATER)
        assert ended is not None
        assert (ended.state, ended.challenger) == ("promoted", version), ended.outcome
        assert ("error rate", "kept") in {(found.bound, found.verdict) for found in ended.evidence}
    server.wait_for_version(version)
    assert _ask(server, project.request(1), 8)[0].json()["model_version"] == version
    entry = project.state.history(limit=1)[0]
    assert (entry.action, entry.version_to) == ("promote", version)
    assert "requests failed" in entry.reason


def test_a_challenger_that_fails_goes_and_nobody_noticed(trial: tuple[Project, Server]) -> None:
    project, server = trial
    (champion,) = {each.version for each in project.state.deployments()}
    version = project.release(5, knows_all=False).tag
    rows = [project.request(1)[0] | {"dest": "ZZZ"}]
    with closing(_start(project, server, version, "canary")) as opened:
        answers = _ask(server, rows, 160)
        assert {(answer.status_code, answer.json()["model_version"]) for answer in answers} == {(200, champion)}
        assert {remark["kind"] for answer in answers for remark in answer.json()["warnings"]} == {"unseen"}
        ended = rollouts.look(opened, who="policy")
        assert ended is not None
        assert ended.state == "rolled back", ended.outcome
        assert "requests failed" in ended.outcome
    with httpx.Client(base_url=server.address) as client:
        metrics = client.get("/metrics").text
    assert f'roadworthy_model_errors_total{{role="canary",version="{version}"}}' in metrics
    assert project.state.alias("champion").version == champion  # type: ignore[union-attr]


def test_a_shadow_that_decides_otherwise_is_found_out(trial: tuple[Project, Server]) -> None:
    project, server = trial
    version = project.release(60).tag
    with closing(_start(project, server, version, "shadow")) as opened:
        answers = _ask(server, project.request(20, start=700), 800)
        assert version not in {answer.json()["model_version"] for answer in answers}
        difference = _difference(opened)
        while difference is None or difference.n < 200:  # it answers behind the champion; some requests pass it by
            difference = _difference(opened)
        assert 0 <= difference.low <= difference.value <= difference.high
        assert difference.value > 0
        rollouts.abort(opened, who="test", reason="enough")
    while any(each.challenger for each in project.state.deployments()):
        pass


def _difference(opened: projects.Project) -> Evidence | None:
    looked = rollouts.look(opened, who="policy")
    assert looked is not None
    assert looked.state == "running"  # before the minutes that a step lasts at least
    return next((found for found in looked.evidence if found.bound == "difference"), None)
