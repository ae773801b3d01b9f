"""How often the intervals of both parts of a metric's fall hold the true parts, in worlds where these are known.

A version holds out 1,500 labelled rows of 28 days; a window of as many rows follows, with other inputs, with a relation
that is partly gone, with both or with neither. In some worlds the rows of one day share a shock of inputs and
label. The true parts are those of very many rows. Nominal coverage is 95 %.

    python benchmarks/explanation.py --repeats 100
"""

from __future__ import annotations

import argparse
import time
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import expit

from roadworthy.config import BusinessValue
from roadworthy.monitoring import performance
from roadworthy.monitoring.explanation import explain

VALUE = BusinessValue(caught=30, false_alarm=-10)
ROWS, DAYS = 1_500, 28
MANY = 400  # times as many days, and rows, for the true parts


@dataclass(frozen=True)
class World:
    """How far the inputs move, how much of the relation is gone, and how large the shock is that a day's rows share."""

    shift: float = 0.0
    forgotten: float = 0.0
    shared: float = 0.0


WORLDS = [
    ("nothing has changed", "roc_auc", World()),
    ("other inputs", "roc_auc", World(shift=0.8)),
    ("both", "brier", World(shift=0.8, forgotten=0.6)),
    ("nothing, days alike", "brier", World(shared=0.3)),
    ("both, days alike", "roc_auc", World(shift=0.8, forgotten=0.6, shared=0.3)),
]


def rows(rng: np.random.Generator, world: World, times: int = 1) -> pd.DataFrame:
    """Draw rows that are harder to tell the higher ``a`` is."""
    n, day = times * ROWS, rng.integers(0, times * DAYS, times * ROWS)
    of_inputs, of_labels = rng.normal(0, world.shared, (2, times * DAYS))
    frame = pd.DataFrame({"a": rng.normal(world.shift, 1, n) + of_inputs[day], "b": rng.normal(size=n)})
    signal = 2 * np.cos(0.8 * frame["a"]) * frame["b"]
    labels = rng.random(n) < expit(signal * (1 - world.forgotten) + 0.3 + of_labels[day])
    moments = pd.Timestamp("2026-01-01", tz="UTC") + pd.to_timedelta(day, unit="D")
    return frame.assign(c=rng.choice(list("xyz"), n), p=expit(signal + 0.3), y=labels, t=moments)


def true_parts(metric: str, world: World) -> tuple[float, float]:
    """Measure both parts on very many rows."""
    without, inputs = World(shared=world.shared), replace(world, forgotten=0.0)
    many = [rows(np.random.default_rng(0), one, MANY) for one in (without, inputs, world)]
    values = [performance.measure(one["y"], one["p"], VALUE)[metric].value for one in many]
    sign = 1 if performance.improves(metric) else -1
    return sign * (values[0] - values[1]), sign * (values[1] - values[2])


def line(name: str, metric: str, world: World, repeats: int) -> str:
    """Return one line of the table."""
    without = World(shared=world.shared)
    truth, found = true_parts(metric, world), []
    for repeat in range(repeats):
        before = rows(np.random.default_rng([1, repeat]), without)
        after = rows(np.random.default_rng([2, repeat]), world)
        one = explain(before, after, ["a", "b", "c"], label="y", probability="p", time="t", metric=metric, value=VALUE)
        if one.trusted:
            parts = one.inputs, one.inputs_low, one.inputs_high, one.relation, one.relation_low, one.relation_high
            found.append([part or 0.0 for part in parts])
    cells = [f"{name:24}{metric:10}{' '.join(f'{part:+.3f}' for part in truth):>18}"]
    for part, (middle, low, high) in zip(truth, np.array(found).T.reshape(2, 3, -1), strict=True):
        cells.append(f"{np.mean((low <= part) & (part <= high)):>12.1%} {middle.mean() - part:+.4f}")
    return "".join(cells) + f"{len(found) / repeats:>8.0%}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=100, help="windows a figure")
    repeats, start = parser.parse_args().repeats, time.perf_counter()
    print("Windows in which the 95 % interval held the true part, the part's mean error, and windows that were told")
    print(f"{'':24}{'metric':10}{'true parts':>18}{'inputs':>20}{'relation':>20}{'told':>8}")
    for name, metric, world in WORLDS:
        print(line(name, metric, world, repeats), flush=True)
    print(f"{repeats} windows a figure, {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
