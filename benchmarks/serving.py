"""What an answer costs: one model behind plain BentoML, `mlflow models serve`, FastAPI and Roadworthy, in one run.

Every side has one worker and answers requests of one row of ten features over 16 connections; the model is gradient
boosting of scikit-learn. The sides take turns, each warmed up before it is measured, and medians and ratios are
printed. Where the system allows it, all servers share one core and whoever sends has another. Roadworthy checks the
contract and the token, captures every request and brings it into its table, counts, and answers with more than the
others do; each answer of each side is held against the probability that the model gives in process.

MLflow and FastAPI stand in environments of their own, which `make bench` makes:

    MLFLOW=.venv/mlflow/bin/python RIVALS=.venv/rivals/bin/python python benchmarks/serving.py --soak 1000000
"""

from __future__ import annotations

import argparse
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import psutil
import yaml
from sklearn.ensemble import HistGradientBoostingClassifier
from skops import io
from threadpoolctl import threadpool_limits

from roadworthy import config as configuration
from roadworthy import contract as contracts
from roadworthy import project, registry
from roadworthy.config import Config
from roadworthy.records import GateCheck, GateVerdict, RunRecord, now
from roadworthy.serving import schema, tokens
from roadworthy.serving.server import Server
from roadworthy.state import State

HERE = Path(__file__).parent / "rivals"
LOAD = HERE / "load.py"
FEATURES = tuple(f"x{number}" for number in range(10))
CONNECTIONS = 16
REQUESTS = 500  # different ones, sent in turn
CHUNKS = 10  # of the soak
START_SECONDS = 90.0
OURS, UNCAPTURED = "Roadworthy", "Roadworthy, capture off"
PLAIN, MLFLOW, FASTAPI = "plain BentoML", "mlflow models serve", "FastAPI, pydantic, DataFrame"
Row = dict[str, Any]
Body = Callable[[list[Row]], dict[str, Any]]
CORES: list[int] = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
ALONE = len(CORES) > 1


def main() -> None:
    options = arguments()
    if ALONE:
        os.sched_setaffinity(0, CORES[:1])  # the servers inherit it
    os.environ["OMP_NUM_THREADS"] = "1"  # for the servers; in this process the library is loaded already
    threadpool_limits(1)
    with tempfile.TemporaryDirectory(prefix="rw-bench-") as name, ExitStack() as stack:
        stage = Stage.make(Path(name))
        sides = [stack.enter_context(start(stage)) for start in STARTS]
        print(f"one row of ten features, {CONNECTIONS} connections, one worker each; {machine()}")
        compare(sides, options.rounds, options.seconds)
        capture(sides, options.pairs, options.seconds)
        many_rows(stage, sides, options.seconds)
        soak(next(side for side in sides if side.name == OURS), options.soak)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="in which every side is measured once")
    parser.add_argument("--pairs", type=int, default=10, help="of runs with and without capture")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--soak", type=int, default=100_000, help="requests over which the worker's memory is watched")
    return parser.parse_args()


# --- what is measured -----------------------------------------------------------------------------------------------


def compare(sides: Sequence[Side], rounds: int, seconds: float) -> None:
    measured: dict[str, list[Figures]] = {side.name: [] for side in sides}
    for _ in range(rounds):
        for side in sides:
            measured[side.name].append(side.measure(seconds))
    figures = {name: Figures.median(found) for name, found in measured.items()}
    print(f"  {'medians of ' + str(rounds):<30} {'requests/s':>10} {'p50':>9} {'p99':>9} {'processor':>9} a request")
    for name, found in figures.items():
        times = " ".join(f"{seconds * 1000:6.1f} ms" for seconds in (found.p50, found.p99, found.spent))
        print(f"  {name:<30} {found.rate:>10,.0f} {times}")
    ours = figures[OURS]
    for name in (PLAIN, MLFLOW, FASTAPI):
        other = figures[name]
        print(
            f"  {OURS} / {name:<30} {ours.rate / other.rate:5.2f} x requests/s, {ours.p99 / other.p99:5.2f} x p99,"
            f" {ours.spent / other.spent:5.2f} x processor"
        )


def capture(sides: Sequence[Side], pairs: int, seconds: float) -> None:
    """Measure with and without capture side by side: what disturbs one half of a pair mostly disturbs the other."""
    kept, free = (next(side for side in sides if side.name == name) for name in (OURS, UNCAPTURED))
    ratios, spent = [], []
    for number in range(pairs):
        # the one that comes second may find a warmer machine: take turns
        first, second = (kept, free) if number % 2 else (free, kept)
        found = {side.name: side.measure(seconds) for side in (first, second)}
        ratios.append(1 - found[OURS].rate / found[UNCAPTURED].rate)
        spent.append(found[OURS].spent / found[UNCAPTURED].spent - 1)
    print(f"what capture costs, medians of {pairs} pairs")
    for name, shares in (("requests/s", ratios), ("processor", spent)):
        low, middle, high = np.quantile(shares, [0.25, 0.5, 0.75])
        print(f"  {name:<30} {middle:>10.1%}   half of the pairs {low:.1%} to {high:.1%}")


def many_rows(stage: Stage, sides: Sequence[Side], seconds: float) -> None:
    """Ask for 1,000 rows at once, and the model in this process for the same rows."""
    rows, dataset = stage.records(0, 1000), stage.dataset
    expected = stage.probabilities(rows)
    whole = pd.DataFrame([{name: row[name] for name in FEATURES} for row in rows])
    in_process = {
        "the model in process, on a DataFrame": lambda: stage.model.predict_proba(whole),
        "the same, with making the DataFrame": lambda: stage.model.predict_proba(schema.features(dataset, rows)),
    }
    print("a request of 1,000 rows")
    rates = {name: 1000 / per_call(call, seconds) for name, call in in_process.items()}
    for connections in (1, CONNECTIONS):
        for side in sides:
            if side.name in (OURS, FASTAPI):
                found = side.measure(seconds, [side.request(rows, expected)], connections)
                rates[f"{side.name}, {connections} connection{'s' * (connections > 1)}"] = found.rate * 1000
    alone = next(iter(rates.values()))
    for name, rate in rates.items():
        print(f"  {name:<44} {rate:>10,.0f} rows/s   {rate / alone:5.2f} x")


def per_call(call: Callable[[], object], seconds: float) -> float:
    call()
    times, ends = [], time.perf_counter() + seconds
    while time.perf_counter() < ends:
        began = time.perf_counter()
        call()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def soak(side: Side, count: int) -> None:
    """Send many requests and watch the memory of the process that answers."""
    if count < CHUNKS:
        return
    sent, sizes = [0], [side.memory()]
    for _ in range(CHUNKS):
        side.measure(0, count=count // CHUNKS)
        sent.append(sent[-1] + count // CHUNKS)
        sizes.append(side.memory())
    half = len(sent) // 2
    slope = np.polyfit(sent[half:], sizes[half:], 1)[0] * 100_000
    print(f"memory of {OURS}'s worker over {sent[-1]:,} requests, MB, at every {sent[1]:,}")
    print("  " + " ".join(f"{size:.0f}" for size in sizes))
    print(f"  in the second half {slope:+.1f} MB for each 100,000 requests")


# --- one side -------------------------------------------------------------------------------------------------------


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
    requests: list[tuple[str, str]] = field(default_factory=list)

    def request(self, rows: list[Row], expected: Sequence[float]) -> tuple[str, str]:
        """Return a whole request, and what its answer must hold: the last row's probability, to the last digit."""
        body = json.dumps(self.body(rows))
        headers = {"Host": "127.0.0.1", "Content-Type": "application/json", **self.headers}
        head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return f"POST {self.path} HTTP/1.1\r\n{head}Content-Length: {len(body)}\r\n\r\n{body}", repr(expected[-1])

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
        """Wait until the service rests."""
        until = time.monotonic() + 10
        while time.monotonic() < until:
            before = self.used()
            time.sleep(0.5)
            if self.used() - before < 0.03:
                return

    def used(self) -> float:
        """Return the processor seconds that it has used so far."""
        return sum(sum(process.cpu_times()[:2]) for process in self.tree())

    def memory(self) -> float:
        """Return the MB of the process that answers: it has the model, so it is the largest."""
        return max(process.memory_info().rss for process in self.tree()) / 1e6

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
    with Server.start(config) as server:
        port = int(server.address.rpartition(":")[2])
        headers = {"Authorization": f"Bearer {token}"}
        side = Side(name, server.pid, port, "/predict", lambda rows: {"rows": rows}, headers)
        stage.prepare(side)
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
        stage.prepare(side)
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


def machine() -> str:
    where = "servers on one, who sends on the rest" if ALONE else "not pinned"
    return f"{psutil.cpu_count()} cores ({where}), {psutil.virtual_memory().total / 2**30:.0f} GB"


# --- the stage ------------------------------------------------------------------------------------------------------


@dataclass
class Stage:
    """The model, the rows, and the projects that serve them."""

    folder: Path
    model: HistGradientBoostingClassifier
    rows: pd.DataFrame

    @classmethod
    def make(cls, folder: Path) -> Stage:
        kept = [name for name in os.environ if name.startswith("ROADWORTHY_")]
        for name in kept:
            del os.environ[name]
        model_file = folder / "model.skops"
        os.environ |= {
            "BENTOML_HOME": str(folder / "bentoml"),
            "BENTOML_DO_NOT_TRACK": "true",
            "MLFLOW_DISABLE_TELEMETRY": "true",
            "BENCH_MODEL": str(model_file),
        }
        random = np.random.default_rng(0)
        rows = pd.DataFrame(random.normal(size=(20_000, len(FEATURES))).round(4), columns=list(FEATURES))
        score = rows["x0"] - rows["x1"] * rows["x2"] + np.sin(rows["x3"] * 2) + random.normal(size=len(rows))
        model = HistGradientBoostingClassifier(random_state=0).fit(rows, score > 0)
        model_file.write_bytes(io.dumps(model))
        return cls(folder, model, rows)

    @property
    def model_file(self) -> Path:
        return self.folder / "model.skops"

    @property
    def dataset(self) -> contracts.Dataset:
        return contracts.parse(contract(), "the bench's contract").dataset("readings")

    def records(self, start: int, count: int) -> list[Row]:
        found = self.rows.iloc[start : start + count].to_dict("records")
        return [
            {"reading": f"r{start + row:06}", "taken": "2026-01-31T09:00:00Z", **record}
            for row, record in enumerate(found)
        ]

    def probabilities(self, records: list[Row]) -> list[float]:
        return self.model.predict_proba(pd.DataFrame(records)[list(FEATURES)])[:, 1].tolist()

    def prepare(self, side: Side) -> None:
        """Give a side its requests, and send each once."""
        records = self.records(0, REQUESTS)
        expected = self.probabilities(records)
        side.requests = [side.request([row], [found]) for row, found in zip(records, expected, strict=True)]
        side.measure(0, count=REQUESTS)

    def project(self, name: str, *, capture: bool) -> tuple[Config, str]:
        """Return a project with the model as its champion, and a token for it."""
        root = project.init(name, self.folder, filled=True)
        settings = root / "pyproject.toml"
        text = settings.read_text().replace('dataset = "flights"', 'dataset = "readings"')
        settings.write_text(text + '\n[tool.roadworthy.service]\npredict = "token"\n')
        (root / "monitoring/contract.yaml").write_text(contract())
        policy = root / "monitoring/policy.yaml"
        content = yaml.safe_load(policy.read_text()) | {"capture": {"sample": 1.0 if capture else 0.0}}
        policy.write_text(yaml.safe_dump(content))
        config = configuration.load(root)
        with State.open(config.state_address) as state:
            self.release(config, state)
            token, _ = tokens.create(state, "bench", ["predict"], by="bench")
        return config, token

    def release(self, config: Config, state: State) -> None:
        first = self.records(0, 3)
        smoke = {
            "rows": [{name: row[name] for name in FEATURES} for row in first],
            "probabilities": self.probabilities(first),
        }
        version = registry.add(
            config,
            state,
            run=RunRecord(id="bench", project=config.settings.name, state="done", started=now()),
            verdict=GateVerdict(checks=(GateCheck(name="bench", passed=True, fact="it is a benchmark"),)),
            metrics={},
            files={
                "model.skops": self.model_file,
                "contract.yaml": contract().encode(),
                "smoke.json": json.dumps(smoke).encode(),
            },
            contract_hash=contracts.parse(contract(), "the bench's contract").hash,
            tables={},
            trained_from=None,
            trained_until=None,
            who="bench",
        )
        registry.promote(config, state, version.tag, who="bench", reason="to be measured")


def contract() -> str:
    def column(name: str, kind: str, role: str, **more: object) -> dict[str, object]:
        roles = [{"property": "role", "value": role}]
        return {"name": name, "logicalType": kind, "required": True, "customProperties": roles, **more}

    limits = {"minimum": -20, "maximum": 20}
    columns = [column("reading", "string", "identifier", unique=True), column("taken", "timestamp", "time")]
    columns += [column(name, "number", "feature", logicalTypeOptions=limits) for name in FEATURES]
    columns += [column("positive", "boolean", "label")]
    return yaml.safe_dump(
        {
            "kind": "DataContract",
            "apiVersion": "v3.2.0",
            "id": "bench",
            "name": "Readings",
            "version": "1.0.0",
            "status": "active",
            "schema": [{"name": "readings", "logicalType": "object", "properties": columns}],
        },
        sort_keys=False,
    )


if __name__ == "__main__":
    main()
