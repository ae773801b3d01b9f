"""How often the interval of estimated performance holds what the labels then show, and how far the estimate is off.

A version is calibrated on 5,000 held-out rows, then answers a window whose scores may lie elsewhere; its scores are
not right, so that calibration matters. Each metric is estimated from sketches of the
scores and, beside it, from the raw scores; scikit-learn says what the labels show. Nominal coverage is 95 %.

Then the same for a regressor: its loss by direct estimation, whose inputs may lie elsewhere too.

At last the daily test for a changed relation beside River's detectors, when RIVER names a Python that has River: how
often each alarms in a year without a change, and how soon with one.

    python benchmarks/estimation.py --repeats 200
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn import metrics as scikit

from roadworthy.config import BusinessValue, PerformancePolicy
from roadworthy.monitoring.concept import detect, residuals
from roadworthy.monitoring.estimation.calibration import Calibration, fit
from roadworthy.monitoring.estimation.confidence import expect, score_columns
from roadworthy.monitoring.estimation.direct_loss import Loss, learn
from roadworthy.monitoring.metrics import METRICS, Rows, measured
from roadworthy.monitoring.profiles import Profile

VALUE = BusinessValue(caught=30, false_alarm=-10)
HELD_OUT = 5_000
SIZES = (500, 2_000, 5_000, 50_000)
SHIFTS = (0.0, 0.5)
LOSSES: tuple[tuple[Loss, int], ...] = (("mae", 1_000), ("mse", 2_000))
A_DAY, DAYS, CHANGE = 100, 365, 180
Floats = NDArray[np.float64]
Labels = NDArray[np.bool_]


def scores_of(n: int, rng: np.random.Generator, shift: float) -> Floats:
    return 1 / (1 + np.exp(-rng.normal(shift - 1.2, 1, n)))


def labels_of(p: Floats, rng: np.random.Generator) -> Labels:
    return rng.random(len(p)) < p**1.3


def by_scikit(p: Floats, labels: Labels) -> dict[str, float]:
    acted = p >= VALUE.threshold
    found = {
        name: getattr(scikit, f"{name}_score")(labels, acted) for name in ("accuracy", "precision", "recall", "f1")
    }
    worth = np.where(acted, np.where(labels, VALUE.caught, VALUE.false_alarm), 0.0)
    return found | {
        "roc_auc": scikit.roc_auc_score(labels, p),
        "log_loss": scikit.log_loss(labels, p),
        "brier": scikit.brier_score_loss(labels, p),
        "value_per_1000": 1000 * float(worth.mean()),
    }


def coverage(repeats: int) -> None:
    """Print the first table."""
    print("Estimated before labels come: windows in which the 95 % interval held what scikit-learn found later,")
    print("the mean difference of the two, and the largest difference between estimates from sketches and from rows.")
    print(f"{'':16}" + "".join(f"{f'n={n:,}, shift {s:g}':>24}" for n in SIZES for s in SHIFTS))
    rows: dict[str, list[str]] = {name: [f"{name:16}"] for name in METRICS}
    for n in SIZES:
        for shift in SHIFTS:
            rng = np.random.default_rng([n, int(10 * shift)])
            held: dict[str, list[bool]] = {name: [] for name in METRICS}
            off: dict[str, list[float]] = {name: [] for name in METRICS}
            sketch: dict[str, list[float]] = {name: [] for name in METRICS}
            for _ in range(repeats if n < max(SIZES) else max(repeats // 4, 1)):
                held_out = scores_of(HELD_OUT, rng, 0.0)
                curve = fit(held_out, labels_of(held_out, rng))
                p = scores_of(n, rng, shift)
                came = by_scikit(p, labels_of(p, rng))
                expected = expect(Profile.of(score_columns(p, VALUE)), curve, VALUE)
                plain = Rows.of(p, curve.probability(p), VALUE)
                for name in METRICS:
                    interval, from_rows = expected[name].of_these_rows, measured(name, plain)
                    held[name].append(interval.low <= came[name] <= interval.high)
                    off[name].append(interval.value - came[name])
                    sketch[name].append(abs(interval.value - from_rows.value) if from_rows else 0.0)
            for name in METRICS:
                cells = f"{np.mean(held[name]):.1%} {np.mean(off[name]):+.4f} {max(sketch[name]):.5f}"
                rows[name].append(f"{cells:>24}")
    for cells_of in rows.values():
        print("".join(cells_of))


def answered(n: int, rng: np.random.Generator, shift: float) -> tuple[pd.DataFrame, Floats, Floats]:
    """Inputs, a regressor's answers and what came: it is wrong by more where x is large, and for b."""
    x, kind, u = rng.normal(shift, 1, n), rng.choice(["a", "b", "c"], n), rng.uniform(-1, 1, n)
    spread = 0.3 + 0.5 / (1 + np.exp(-x)) + 0.4 * (kind == "b")
    came = 2 * x + np.sin(2 * u) + spread * rng.normal(size=n)
    return pd.DataFrame({"x": x, "kind": kind, "u": u}), 2 * x + 0.6 * u, came


def losses(repeats: int) -> None:
    """Print the second table."""
    print("A regressor's loss, learned from as many held-out rows: windows in which the 95 % interval held what came.")
    print(f"{'':16}" + "".join(f"{f'{name}, n={n:,}, shift {s:g}':>26}" for name, n in LOSSES for s in SHIFTS))
    cells = []
    for name, n in LOSSES:
        scikit_s = {"mae": scikit.mean_absolute_error, "mse": scikit.mean_squared_error}[name]
        for shift in SHIFTS:
            rng, held = np.random.default_rng([n, int(10 * shift)]), 0
            for _ in range(repeats):
                learned = learn(*answered(n, rng, 0.0), loss=name)
                inputs, answers, came = answered(n, rng, shift)
                found = learned.estimate(inputs, answers)
                held += bool(found.low <= scikit_s(came, answers) <= found.high)
            cells.append(f"{held / repeats:>26.1%}")
    print(f"{'held':16}" + "".join(cells), flush=True)


def year(
    rng: np.random.Generator, level: float = 0.0, slope: float = 1.0, inputs: float = 0.0
) -> tuple[Floats, Labels, pd.Series]:
    """A year of a hundred rows a day, whose days share a shock; half-way inputs, or how labels follow, change."""
    day = np.repeat(np.arange(DAYS), A_DAY)
    logits = rng.normal(-1.2 + inputs * (day >= CHANGE), 1, len(day))
    truth = np.where(day >= CHANGE, slope * (logits + 1.2) - 1.2 + level, logits)
    truth += rng.normal(0, np.sqrt(0.05), DAYS)[day]
    times = pd.Series(pd.Timestamp("2013-01-01", tz="UTC") + pd.to_timedelta(day, "D"))
    return 1 / (1 + np.exp(-logits)), rng.random(len(day)) < 1 / (1 + np.exp(-truth)), times


WORLDS: dict[str, dict[str, float]] = {
    "no change": {},
    "other inputs, no change": {"inputs": 0.8},
    "positives 12 points more often": {"level": 0.7},
    "positives 12 points less often": {"level": -0.9},
    "scores tell half as much": {"slope": 0.5},
    "scores tell nothing": {"slope": 0.0},
}


def ours(p: Floats, labels: Labels, times: pd.Series, curve: Calibration) -> int | None:
    """Day of the alarm."""
    found = detect(residuals(p, labels, times, curve), PerformancePolicy())
    return None if found is None or found.found is None else (found.found - times.iloc[0]).days


RIVER = """
import sys, json, numpy as np
from river import drift
from river.drift import binary
p, y = np.load(sys.argv[1]), np.load(sys.argv[2])
made = {"ADWIN on squared error": drift.ADWIN, "Page-Hinkley on squared error": drift.PageHinkley,
        "DDM on wrong decisions": binary.DDM}
out = {}
for name, make in made.items():
    d, at = make(), None
    stream = (p >= 0.25) != y if "wrong" in name else (p - y) ** 2
    for i, x in enumerate(stream):
        d.update(bool(x) if "wrong" in name else float(x))
        if d.drift_detected:
            at = i
            break
    out[name] = at
print(json.dumps(out))
"""


def river(p: Floats, labels: Labels) -> dict[str, int | None]:
    """Day of each of River's detectors' alarm; nothing where there is no River."""
    python = os.environ.get("RIVER")
    if not python:
        return {}
    with tempfile.TemporaryDirectory() as folder:
        files = [Path(folder) / name for name in ("p.npy", "y.npy")]
        np.save(files[0], p)
        np.save(files[1], labels)
        done = subprocess.run([python, "-c", RIVER, *map(str, files)], check=True, capture_output=True, text=True)
    return {name: None if at is None else at // A_DAY for name, at in json.loads(done.stdout).items()}


def alarms(repeats: int) -> Iterator[str]:
    """Yield the lines of the third table."""
    for world, change in WORLDS.items():
        days: dict[str, list[int | None]] = {}
        for i in range(repeats):
            rng = np.random.default_rng([7, i])
            held_out, truth, times = year(rng)
            some = slice(0, 120 * A_DAY)
            curve = fit(held_out[some], truth[some], times[some])
            p, labels, times = year(rng, **change)
            for name, day in {"Roadworthy": ours(p, labels, times, curve), **river(p, labels)}.items():
                days.setdefault(name, []).append(day)
        for name, found in days.items():
            if world.endswith("no change"):
                ever = np.mean([day is not None for day in found])
                yield f"{world:32}{name:32}{ever:>8.0%} of the years have an alarm"
                continue
            early = np.mean([day is not None and day < CHANGE for day in found])
            after = [day - CHANGE for day in found if day is not None and day >= CHANGE]
            soon = f"{np.median(after):.0f} days after" if after else "never after"
            yield f"{world:32}{name:32}{early:>8.0%} before the change, {len(after) / len(found):.0%} found, {soon}"


def main() -> None:
    """Print the three tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=100, help="windows a figure; a quarter of it for 50,000 rows")
    repeats = parser.parse_args().repeats
    start = time.perf_counter()
    coverage(repeats)
    print()
    losses(repeats)
    print()
    print(f"A changed relation, looked for every day; {A_DAY} rows a day, the change on day {CHANGE} of {DAYS}")
    for line in alarms(max(repeats // 5, 1)):
        print(line, flush=True)
    print(f"{repeats} windows a figure, {max(repeats // 5, 1)} years, {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
