"""How long a report of 100 columns and 100 windows takes, and how large it is.

Eighty numeric and twenty categorical columns, windows of a day; a tenth of the columns drifts from the middle on.
Profiles and verdicts are made beforehand from rows, by the toolkit itself, for a few windows that stand for all. Then
each step is taken alone: reading the records from the state, the JSON, the page, a notebook's output, and, as they are
made once a window and not once a report, the verdicts and bars of one window from its profile's file.

    python benchmarks/reports.py --columns 100 --windows 100
"""

from __future__ import annotations

import argparse
import gzip
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TypeVar

import numpy as np
import orjson
import pandas as pd

from roadworthy import config as configuration
from roadworthy.config import DriftPolicy
from roadworthy.contract import Column
from roadworthy.monitoring.drift import compare, drifted, verdict
from roadworthy.monitoring.profiles import Profile
from roadworthy.monitoring.report import ReportView, collect, to_html, to_json
from roadworthy.records import MetricReading, Performance, Reading, Window, WindowReport
from roadworthy.state import State

ROWS = 3_000
KINDS = 4  # of windows: two before the drift begins, two after
POLICY = DriftPolicy()
START = datetime(2026, 1, 1, tzinfo=UTC)
Result = TypeVar("Result")


def columns(count: int) -> list[Column]:
    """Name the columns; every fifth is categorical."""
    return [
        Column(name=f"feature_{i:03}", type="string" if i % 5 == 4 else "number", role="feature") for i in range(count)
    ]


def rows(asked: list[Column], n: int, rng: np.random.Generator, *, drift: bool) -> pd.DataFrame:
    """Draw rows; with ``drift`` every tenth column is half a standard deviation higher."""
    frame = {}
    for i, column in enumerate(asked):
        if column.type == "string":
            frame[column.name] = rng.choice([f"category {k}" for k in range(20)], n)
        else:
            frame[column.name] = rng.normal(50 + 5 * (drift and i % 10 == 0), 10, n)
    return pd.DataFrame(frame)


def profiled(names: list[Column]) -> tuple[Profile, list[Profile]]:
    """Return the profiles of the reference, and of a window of each kind."""
    reference = Profile.of(rows(names, 10 * ROWS, np.random.default_rng(0), drift=False))
    return reference, [
        Profile.of(rows(names, ROWS, np.random.default_rng(1 + i), drift=i >= KINDS // 2)) for i in range(KINDS)
    ]


def read(path: Path) -> Profile:
    return Profile.from_bytes(path.read_bytes())


def report_of(place: int, readings: tuple[Reading, ...]) -> WindowReport:
    """Put a window's readings into its report, with some performance."""
    value = 0.75 - place / 2_000
    auc = {"metric": "roc_auc", "n": ROWS}
    return WindowReport(
        window=Window(start=START + timedelta(days=place), end=START + timedelta(days=place + 1)),
        project="bench",
        rows=ROWS,
        labelled=ROWS,
        open=False,
        versions={"bench:1": ROWS},
        reference="bench:1",
        readings=readings,
        performance=(
            Performance(
                version="bench:1",
                rows=ROWS,
                labelled=ROWS,
                metrics={"roc_auc": MetricReading(value=value, low=value - 0.02, high=value + 0.02, **auc)},
                reference=MetricReading(value=0.75, low=0.74, high=0.76, **auc),
                fall=0.75 - value,
            ),
        ),
        verdict=verdict(readings),
        drifted=drifted(readings),
    )


def timed(what: str, work: Callable[[], Result], repeats: int = 3) -> tuple[Result, float]:
    """Print the least time of a few tries, by the clock and by the processor, and return the processor's, in seconds.

    All of it is one thread's work: on a machine that does nothing else the two are the same.
    """
    tries = []
    for _ in range(repeats):
        clock, processor = time.perf_counter(), time.process_time()
        result = work()
        tries.append((time.process_time() - processor, time.perf_counter() - clock))
    (used, passed) = min(tries)
    print(f"{what:58}{used:8.2f} s{passed:8.2f} s by the clock", flush=True)
    return result, used


def size(what: str, text: str) -> None:
    """Print a text's size."""
    raw = text.encode()
    print(f"{what:58}{len(raw) / 1e3:8.0f} kB{len(gzip.compress(raw)) / 1e3:8.0f} kB gzipped")


def main() -> None:
    """Print times and sizes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--columns", type=int, default=100)
    parser.add_argument("--windows", type=int, default=100)
    asked = parser.parse_args()
    names = columns(asked.columns)
    config = configuration.load(Path(__file__).parents[1])
    reference, profiles = profiled(names)
    readings = [compare(reference, profile, names, None, POLICY) for profile in profiles]
    with tempfile.TemporaryDirectory() as folder, State.open(f"sqlite:///{folder}/state.db") as state:
        for place in range(asked.windows):
            half = KINDS // 2 * (place >= asked.windows // 2)
            state.save_window(report_of(place, readings[half + place % (KINDS // 2)]))
        before, after = Path(folder, "reference.bin"), Path(folder, "window.bin")
        before.write_bytes(reference.to_bytes())
        after.write_bytes(profiles[-1].to_bytes())
        print(f"{asked.columns} columns, {asked.windows} windows of {ROWS:,} rows")
        report, reading = timed("records read from the state", lambda: collect(config, state))
        timed(
            "one window's verdicts and bars from the profiles' files",
            lambda: compare(read(before), read(after), names, None, POLICY),
        )
    document, writing = timed("report.json", lambda: to_json(report))
    page, drawing = timed("report.html", lambda: to_html(report))
    timed("a notebook's output", lambda: ReportView(report)._repr_mimebundle_())
    print(f"{'the report from its records, at most 2.00 s are meant':58}{reading + writing + drawing:8.2f} s")
    size("report.html, at most 300 are meant", page)
    size("report.json", document)
    size("a notebook's JSON", orjson.dumps(report.brief().model_dump(mode="json")).decode())


if __name__ == "__main__":
    main()
