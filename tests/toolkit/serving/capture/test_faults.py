"""A real service under load that is killed again and again: what was acknowledged is there once, and nothing twice."""

from __future__ import annotations

import random
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import psutil
import pytest

from roadworthy import lifecycle
from roadworthy import project as projects
from roadworthy.monitoring.profiles import Profile
from roadworthy.serving import capture, tokens
from roadworthy.serving.server import Server

if TYPE_CHECKING:
    from conftest import Project

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]
CLIENTS = 4
START_SECONDS = 180.0


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
        self._header = _authorization(project)
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
        assert _recorded(answer)
        with self._guard:
            self.answered[answer["request_id"]] = len(rows)
        labels = [{"request_id": answer["request_id"], "row": row, "label": row == 0} for row in range(len(rows))]
        response = client.post("/feedback", json={"labels": labels}, headers=self._header)
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


def _recorded(answer: dict[str, Any]) -> bool:
    return not any(warning["kind"] == "not recorded" for warning in answer["warnings"])


def _authorization(project: Project) -> dict[str, str]:
    return {"Authorization": f"Bearer {tokens.local(project.config, project.state)}"}


def _workers(server: Server) -> list[psutil.Process]:
    found = []
    for pid in server.pids[1:]:
        with suppress(psutil.NoSuchProcess):  # one that was just killed
            process = psutil.Process(pid)
            if "worker" in " ".join(process.cmdline()):
                found.append(process)
    return found


@pytest.mark.parametrize("kills", [3, pytest.param(50, marks=pytest.mark.full)])
def test_what_was_acknowledged_is_there_once_whoever_is_killed(served: Project, kills: int) -> None:
    chance = random.Random(kills)
    server = Server.start(served.config, wait=START_SECONDS)
    port = int(server.address.rpartition(":")[2])
    try:
        with Load(served, server.address) as load:
            for kill in range(kills):
                load.wait_for_more(20)
                time.sleep(chance.uniform(0.0, 0.7))  # anywhere between two collections
                if kill % 3 < 2:
                    _until(lambda: bool(_workers(server)))  # noqa: B023  # called at once
                    chance.choice(_workers(server)).kill()
                else:
                    server.kill()
                    server = Server.start(served.config, port, wait=START_SECONDS)
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


# --- disk full, stores away ----------------------------------------------------------------------------------------


class Caller:
    """One client of a service."""

    def __init__(self, project: Project, client: httpx.Client) -> None:
        self._project = project
        self._client = client
        self._header = _authorization(project)

    def predict(self, rows: int = 2) -> tuple[str, bool]:
        """Return the request's id, and whether the answer says nothing of not being recorded."""
        response = self._client.post("/predict", json={"rows": self._project.request(rows)})
        assert response.status_code == 200, response.text
        answer: dict[str, Any] = response.json()
        assert len(answer["predictions"]) == rows
        return answer["request_id"], _recorded(answer)

    def label(self, request_id: str) -> int:
        """Return the status of feedback on the request's first row."""
        labels = [{"request_id": request_id, "row": 0, "label": True}]
        return self._client.post("/feedback", json={"labels": labels}, headers=self._header).status_code

    def lost(self) -> float:
        """Return the rows that were answered and not recorded, as /metrics has them."""
        lines = self._client.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith("roadworthy_capture_lost_total"))

    def recorded(self, request_id: str, kind: str = "predictions") -> bool:
        """Whether a request's rows, or its labels, are in their table."""
        tables = self._project.tables
        return tables.exists(kind) and request_id in set(tables.read(kind, columns=["request_id"])["request_id"])


@contextmanager
def _calling(project: Project, server: Server) -> Iterator[Caller]:
    with httpx.Client(base_url=server.address, timeout=30.0, trust_env=False) as client:
        yield Caller(project, client)


def _told(project: Project) -> bool:
    """Whether a running service has told the state what is wrong."""
    return any(each.problem or each.lost for each in project.state.deployments(within_seconds=60))


@contextmanager
def _full_disk(processes: list[psutil.Process]) -> Iterator[None]:
    """Let processes write no byte more to any file, as on a full disk."""
    before = [process.rlimit(psutil.RLIMIT_FSIZE) for process in processes]
    for process, (_, hard) in zip(processes, before, strict=True):
        process.rlimit(psutil.RLIMIT_FSIZE, (0, hard))
    try:
        yield
    finally:
        for process, limits in zip(processes, before, strict=True):
            process.rlimit(psutil.RLIMIT_FSIZE, limits)


@pytest.mark.skipif(not hasattr(psutil, "RLIMIT_FSIZE"), reason="Only Linux lets a process limit another one's files.")
def test_on_a_full_disk_the_service_answers_on_and_counts_what_it_loses(served: Project) -> None:
    with Server.start(served.config, wait=START_SECONDS) as server, _calling(served, server) as caller:
        before, recorded = caller.predict()
        assert recorded
        _until(lambda: caller.recorded(before))
        with _full_disk(_workers(server)):
            lost, recorded = caller.predict(3)
            assert not recorded
            assert caller.label(before) == 503
            assert caller.lost() == 3
        after, recorded = caller.predict()
        assert recorded
        assert caller.label(after) == 200
        _until(lambda: _told(served))  # only now: the state database was on that disk too
        _until(lambda: caller.recorded(after) and caller.recorded(after, "labels"))
        assert not caller.recorded(lost)
        assert not caller.recorded(before, "labels")
        assert caller.lost() == 3


def test_while_the_tables_are_away_the_spool_fills_up_to_its_bound_and_is_collected_afterwards(
    served: Project,
) -> None:
    policy = served.config.path(served.config.settings.policy)
    policy.write_text(re.sub(r"most_bytes: \d+", f"most_bytes: {2**20}", policy.read_text()))
    folder = served.config.path(served.config.settings.spool)
    place = Path(served.config.tables_address)
    with Server.start(served.config, wait=START_SECONDS) as server, _calling(served, server) as caller:
        first, _ = caller.predict()
        _until(lambda: caller.recorded(first))
        away = place.rename(place.with_name("away"))
        place.write_text("a file where the folder should be")
        recorded, lost = [], 0
        while not lost:
            request_id, taken = caller.predict(1000)
            recorded += [request_id] if taken else []
            lost += 0 if taken else 1000
        assert 1 <= len(recorded) <= 20
        assert capture.backlog(folder).waiting <= 2 * 2**20  # each worker looks once a second
        assert caller.label(first) in (200, 503)  # it is small, and may just fit
        assert caller.lost() == lost
        _until(lambda: _told(served))
        place.unlink()
        away.rename(place)
        _until(lambda: all(caller.recorded(request_id) for request_id in recorded))
        _until(lambda: caller.predict()[1])
        _until(lambda: caller.label(first) == 200)
    found = served.tables.read("predictions", columns=["request_id", "row"])
    assert not found.duplicated().any()
    assert len(found[found["request_id"].isin(recorded)]) == 1000 * len(recorded)
