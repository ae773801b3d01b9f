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
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from rivals.sides import CONNECTIONS, CORES, FASTAPI, MLFLOW, OURS, PLAIN, STARTS, UNCAPTURED, Figures, Side
from rivals.stage import FEATURES, Stage
from threadpoolctl import threadpool_limits

from roadworthy.serving import schema

CHUNKS = 10  # of the soak
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
        if options.pairs:
            capture(sides, options.pairs, options.seconds)
        many_rows(stage, sides, options.seconds)
        if options.soak >= CHUNKS:
            soak(next(side for side in sides if side.name == OURS), options.soak)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="in which every side is measured once")
    parser.add_argument("--pairs", type=int, default=6, help="of runs with and without capture")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each measurement")
    parser.add_argument("--soak", type=int, default=100_000, help="requests over which the worker's memory is watched")
    return parser.parse_args()


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
        # longer than the others: what is captured is brought into the table every few seconds
        found = {side.name: side.measure(2 * seconds) for side in (first, second)}
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


def machine() -> str:
    where = "servers on one, who sends on the rest" if ALONE else "not pinned"
    return f"{psutil.cpu_count()} cores ({where}), {psutil.virtual_memory().total / 2**30:.0f} GB"


if __name__ == "__main__":
    main()
