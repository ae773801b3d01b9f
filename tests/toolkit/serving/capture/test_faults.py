"""A real service under load that is killed again and again: what was acknowledged is there once, and nothing twice."""

from __future__ import annotations

import random
import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest

from roadworthy import lifecycle
from roadworthy import project as projects
from roadworthy.monitoring.profiles import Profile
from roadworthy.serving import capture, credentials
from roadworthy.serving.server import Server

if TYPE_CHECKING:
    from conftest import Project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
CLIENTS = 4


@pytest.fixture
def served(fresh: Project) -> Project:
    """A project with a champion, whose service has two workers."""
    fresh.promote(fresh.release(5))
    settings = fresh.config.root / "pyproject.toml"
    settings.write_text(settings.read_text() + "\n[tool.roadworthy.service]\nworkers = 2\n")
    return fresh


class Load:
    """Clients that ask and label for as long as they may, and write down what was acknowledged."""

    def __init__(self, project: Project, address: str) -> None:
        self._project = project
        self._address = address
        self._ended = threading.Event()
        self._guard = threading.Lock()
        self.answered: dict[str, int] = {}
        self.labelled: list[tuple[str, int]] = []
        self.refused: Counter[int] = Counter()
        self._threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(CLIENTS)]

    def __enter__(self) -> Load:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join()

    def wait_for_more(self, answers: int) -> None:
        """Wait until so many more requests were answered."""
        wanted = len(self.answered) + answers
        _until(lambda: len(self.answered) >= wanted)

    def _ask(self, number: int) -> None:
        chance = random.Random(number)
        while not self._ended.is_set():
            try:
                with httpx.Client(base_url=self._address, timeout=10.0, trust_env=False) as client:
                    while not self._ended.is_set():
                        self._round(client, chance)
            except httpx.TransportError:  # killed in the middle of it: nothing was acknowledged
                time.sleep(0.05)

    def _round(self, client: httpx.Client, chance: random.Random) -> None:
        rows = self._project.request(chance.randint(1, 4), start=chance.randint(0, 500))
        response = client.post("/predict", json={"rows": rows})
        if response.status_code != 200:
            self._refuse(response)
            return
        answer = response.json()
        assert answer["warnings"] == []
        with self._guard:
            self.answered[answer["request_id"]] = len(rows)
        labels = [{"request_id": answer["request_id"], "row": row, "label": row == 0} for row in range(len(rows))]
        header = {"Authorization": f"Bearer {credentials.token(self._project.config)}"}
        response = client.post("/feedback", json={"labels": labels}, headers=header)
        if response.status_code != 200:
            self._refuse(response)
            return
        with self._guard:
            self.labelled += [(answer["request_id"], row) for row in range(len(rows))]

    def _refuse(self, response: httpx.Response) -> None:
        with self._guard:
            self.refused[response.status_code] += 1
        time.sleep(0.05)


def _until(condition: Callable[[], bool], seconds: float = 90.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def _workers(server: Server) -> list[psutil.Process]:
    return [process for process in map(psutil.Process, server.pids[1:]) if "worker" in " ".join(process.cmdline())]


@pytest.mark.parametrize("kills", [6, pytest.param(50, marks=pytest.mark.full)])
def test_what_was_acknowledged_is_there_once_whoever_is_killed(served: Project, kills: int) -> None:
    chance = random.Random(kills)
    server = Server.start(served.config)
    port = int(server.address.rpartition(":")[2])
    try:
        with Load(served, server.address) as load:
            for kill in range(kills):
                load.wait_for_more(20)
                time.sleep(chance.uniform(0.0, 0.7))  # anywhere between two collections
                if kill % 2 == 0:
                    _until(lambda: bool(_workers(server)))  # noqa: B023  # called at once
                    chance.choice(_workers(server)).kill()
                else:
                    server.kill()
                    server = Server.start(served.config, port)
            load.wait_for_more(20)
    finally:
        server.stop()
    _check(served, load)


def _check(served: Project, load: Load) -> None:
    with projects.load(served.config.root) as project:
        (report,) = lifecycle.observe(project)
    predictions = served.tables.read("predictions", columns=["request_id", "row", "probability"])
    counted = Counter(zip(predictions["request_id"], predictions["row"], strict=True))
    acknowledged = {(name, row) for name, rows in load.answered.items() for row in range(rows)}
    assert len(load.answered) > 100
    assert set(counted.values()) == {1}
    assert acknowledged <= set(counted)
    wholly = Counter(name for name, _ in counted)
    assert all(wholly[name] == rows for name, rows in load.answered.items())
    labels = served.tables.read("labels", columns=["request_id", "row"])
    told = Counter(zip(labels["request_id"], labels["row"], strict=True))
    assert set(told.values()) == {1}
    assert set(load.labelled) <= set(told)
    folder = served.config.path(served.config.settings.spool)
    assert [path.name for path in folder.glob("*.jsonl") if path.name != capture.BAD] == []
    assert capture.backlog(folder) == capture.Backlog()
    # and what monitoring makes of it counts these rows and no others
    profile = Profile.from_bytes(next(served.config.root.glob("**/2013-01*.profile.bin")).read_bytes())
    assert report.rows == profile.column("probability").n == len(predictions)
    assert report.labelled == len(told)
