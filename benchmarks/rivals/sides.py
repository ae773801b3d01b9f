"""The sides: each a running service that is asked, measured, and ended with its context."""

from __future__ import annotations

import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
from rivals.stage import FEATURES, Row, Stage

from roadworthy.config import Config
from roadworthy.serving.capture import backlog
from roadworthy.serving.server import Server

Body = Callable[[list[Row]], dict[str, Any]]
HERE = Path(__file__).parent
LOAD = HERE / "load.py"
CONNECTIONS = 16
REQUESTS = 500  # different ones, sent in turn
START_SECONDS = 90.0
SETTLE_SECONDS = 20.0
OURS, UNCAPTURED = "Roadworthy", "Roadworthy, capture off"
PLAIN, MLFLOW, FASTAPI = "plain BentoML", "mlflow models serve", "FastAPI, pydantic, DataFrame"
CORES: list[int] = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


@dataclass(frozen=True)
class Figures:
    """Requests a second; seconds that half, and 99 of 100, of them took at most; processor seconds for each.

    The last is all that the service's processes used, behind the answers too, and hardly minds a busy machine.
    """

    rate: float
    p50: float
    p99: float
    spent: float

    @classmethod
    def median(cls, found: Sequence[Figures]) -> Figures:
        return cls(*(statistics.median(getattr(each, name) for each in found) for name in cls.__annotations__))


@dataclass
class Side:
    """A running service."""

    name: str
    pid: int
    port: int
    path: str
    body: Body
    headers: dict[str, str] = field(default_factory=dict)
    spool: Path | None = None
    requests: list[tuple[str, str]] = field(default_factory=list)

    def request(self, rows: list[Row], expected: Sequence[float]) -> tuple[str, str]:
        """Return a whole request, and what its answer must hold: the last row's probability, to the last digit."""
        body = json.dumps(self.body(rows))
        headers = {"Host": "127.0.0.1", "Content-Type": "application/json", **self.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST {self.path} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n{body}", repr(expected[-1])

    def prepare(self, stage: Stage) -> None:
        """Write the requests, and send each once."""
        records = stage.records(0, REQUESTS)
        expected = stage.probabilities(records)
        self.requests = [self.request([row], [found]) for row, found in zip(records, expected, strict=True)]
        self.measure(0, count=REQUESTS)

    def measure(
        self,
        seconds: float,
        requests: list[tuple[str, str]] | None = None,
        connections: int = CONNECTIONS,
        count: int = 0,
    ) -> Figures:
        """Warm up, measure, and wait until what the service does behind its answers is done, too."""
        order = {
            "port": self.port,
            "requests": requests or self.requests,
            "connections": connections,
            "warm_seconds": 1.5,
            "seconds": seconds,
            "count": count,
            "cores": CORES[1:],
        }
        before = self.used()
        done = subprocess.run(
            [sys.executable, LOAD], input=json.dumps(order), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SystemExit(f"{self.name}: {done.stderr.strip()}")
        found = json.loads(done.stdout)
        self.settle()  # else what is still to be done behind these answers would slow down the next side
        spent = (self.used() - before) / found["answered"]
        return Figures(found["requests"] / found["seconds"], found["p50"], found["p99"], spent)

    def settle(self) -> None:
        """Wait until the service rests, and all that was captured is in its table."""
        until = time.monotonic() + SETTLE_SECONDS
        while time.monotonic() < until:
            before = self.used()
            time.sleep(0.5)
            if self.used() - before < 0.03 and (self.spool is None or not backlog(self.spool).waiting):
                return

    def used(self) -> float:
        """Return the processor seconds that it has used so far."""
        return sum(sum(process.cpu_times()[:2]) for process in self.tree())

    def memory(self) -> float:
        """Return the MB of the process that answers: it has the model, so it is the largest."""
        return float(max(process.memory_info().rss for process in self.tree())) / 1e6

    def tree(self) -> list[psutil.Process]:
        try:
            root = psutil.Process(self.pid)
            return [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []


def rows_only(rows: list[Row]) -> dict[str, Any]:
    return {"rows": [{name: row[name] for name in FEATURES} for row in rows]}


@contextmanager
def plain(stage: Stage) -> Iterator[Side]:
    command = [sys.executable, "-m", "bentoml", "serve", "plain:Plain", "--host", "127.0.0.1", "--port"]
    with served(stage, PLAIN, command, folder=HERE, path="/predict", body=rows_only) as side:
        yield side


@contextmanager
def fastapi(stage: Stage) -> Iterator[Side]:
    command = [rival("RIVALS"), "-m", "uvicorn", "typed:app", "--no-access-log", "--host", "127.0.0.1", "--port"]
    with served(stage, FASTAPI, command, folder=HERE, path="/predict", body=rows_only) as side:
        yield side


@contextmanager
def mlflow(stage: Stage) -> Iterator[Side]:
    def split(rows: list[Row]) -> dict[str, Any]:
        return {"dataframe_split": {"columns": FEATURES, "data": [[row[name] for name in FEATURES] for row in rows]}}

    python = rival("MLFLOW")
    folder = stage.folder / "mlflow"
    run([python, HERE / "logged.py", stage.model_file, folder])
    command = [python, "-m", "mlflow", "models", "serve", "--model-uri", str(folder), "--env-manager", "local"]
    command += ["--workers", "1", "--host", "127.0.0.1", "--port"]
    with served(stage, MLFLOW, command, folder=stage.folder, path="/invocations", body=split) as side:
        yield side


@contextmanager
def roadworthy(stage: Stage) -> Iterator[Side]:
    with ours(OURS, stage, *stage.project("bench", capture=True)) as side:
        yield side


@contextmanager
def uncaptured(stage: Stage) -> Iterator[Side]:
    with ours(UNCAPTURED, stage, *stage.project("uncaptured", capture=False)) as side:
        yield side


STARTS = (plain, mlflow, fastapi, roadworthy, uncaptured)


@contextmanager
def ours(name: str, stage: Stage, config: Config, token: str) -> Iterator[Side]:
    with Server.start(config, wait=START_SECONDS) as server:
        port = int(server.address.rpartition(":")[2])
        headers = {"Authorization": f"Bearer {token}"}
        side = Side(name, server.pid, port, "/predict", lambda rows: {"rows": rows}, headers)
        side.spool = config.path(config.settings.spool)
        side.prepare(stage)
        yield side


@contextmanager
def served(stage: Stage, name: str, command: list[str], *, folder: Path, path: str, body: Body) -> Iterator[Side]:
    """Start a rival and wait for it; its processes end with the context."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = stage.folder / f"{port}.log"
    # MLflow starts whichever uvicorn it finds
    environment = os.environ | {"PATH": f"{Path(command[0]).parent}{os.pathsep}{os.environ['PATH']}"}
    with log.open("wb") as output:
        process = subprocess.Popen([*command, str(port)], cwd=folder, env=environment, stdout=output, stderr=output)
    side = Side(name, process.pid, port, path, body)
    try:
        until = time.monotonic() + START_SECONDS
        while not answers(port):
            if process.poll() is not None or time.monotonic() > until:
                raise SystemExit(f"{name} did not start:\n{log.read_text()[-3000:]}")
            time.sleep(0.2)
        side.prepare(stage)
        yield side
    finally:
        tree = side.tree()
        for each in tree:
            each.terminate()
        for each in psutil.wait_procs(tree, timeout=10)[1]:
            each.kill()


def answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def rival(variable: str) -> str:
    python = os.environ.get(variable)
    if not python:
        raise SystemExit(f"{variable} names no interpreter. Next: run `make bench`, which makes it.")
    return str(Path(python).absolute())


def run(command: Sequence[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}")
