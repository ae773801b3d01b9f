"""How often the drift rule alarms on traffic that comes in days and bursts, with and without knowledge of the days.

Ten numeric and five categorical columns, references of 63 days and 50,000 rows, windows of one day or one week of about
800 rows a day. Kinds of traffic: independent rows; hours alike (autoregressive, 0.9 from hour to hour); day and night;
other weekends; bursts of one client (15 % of the rows, on one day in five); all of it together. Each figure is the
share of windows with any alarm where nothing changed.

    python benchmarks/drift_days.py --references 2 --windows 10
"""

from __future__ import annotations

import argparse

import numpy as np
import pandas as pd

from roadworthy.config import DriftPolicy
from roadworthy.contract import Column
from roadworthy.monitoring.drift import compare, drifted, level
from roadworthy.monitoring.profiles import Profile
from roadworthy.monitoring.slices import Sliced

POLICY = DriftPolicy()
NUMBERS = [f"n{i}" for i in range(10)]
LEVELS = {"c2": 2, "c5": 5, "c20": 20, "c50": 50, "c500": 500}
COLUMNS = [Column(name=name, type="number", role="feature") for name in NUMBERS] + [
    Column(name=name, type="string", role="feature") for name in LEVELS
]
KINDS = ("independent", "hours alike", "day and night", "weekends", "bursts", "all")
REFERENCE_DAYS, ROWS_A_DAY, LIKENESS = 63, 800, 0.9
DAYS_A_MONTH = 30.44


def moods(kind: str, days: int, first: int, rng: np.random.Generator) -> np.ndarray:
    """How far each column's mean is off in each hour, shape (hours, columns)."""
    hour, columns = np.arange(24 * days), len(COLUMNS)
    alike = rng.normal(size=(len(hour), columns))
    for now in range(1, len(hour)):
        alike[now] = LIKENESS * alike[now - 1] + np.sqrt(1 - LIKENESS**2) * alike[now]
    mood = np.zeros((len(hour), columns))
    if kind in ("hours alike", "all"):
        mood += 0.3 * alike
    if kind in ("day and night", "all"):
        mood += 0.5 * np.sin(2 * np.pi * hour / 24)[:, None]
    if kind in ("weekends", "all"):
        mood += 0.3 * ((hour // 24 + first) % 7 >= 5)[:, None]
    return mood


def traffic(kind: str, days: int, rng: np.random.Generator, first: int = 0) -> list[pd.DataFrame]:
    """Draw days of traffic, the first being so many days after a Monday."""
    hours = np.arange(24 * days)
    light = 1 + 0.8 * np.sin(2 * np.pi * (hours % 24 - 6) / 24)
    hour = np.repeat(hours, rng.poisson(light * ROWS_A_DAY / 24))
    day, mood = hour // 24, moods(kind, days, first, rng)
    busy = rng.random(days) < (0.2 if kind in ("bursts", "all") else 0.0)
    burst = busy[day] & (rng.random(len(hour)) < 0.15)
    frame = {}
    for number, name in enumerate(NUMBERS):
        client = rng.normal(size=days)[day] + 0.05 * rng.normal(size=len(hour))
        frame[name] = np.where(burst, client, rng.normal(size=len(hour)) + mood[hour, number])
    for number, (name, levels) in enumerate(LEVELS.items()):
        shares = 1 / np.arange(1, levels + 1) / (1 / np.arange(1, levels + 1)).sum()
        tilt = np.clip(0.15 * mood[hour, len(NUMBERS) + number], -0.5, 0.5)
        own = np.where(
            rng.random(len(hour)) < np.abs(tilt), (tilt < 0).astype(int), rng.choice(levels, len(hour), p=shares)
        )
        codes = np.where(burst, rng.choice(levels, days, p=shares)[day], own)
        frame[name] = np.char.add("v", codes.astype(str)).astype(object)
    rows = pd.DataFrame(frame)
    return [rows[day == one] for one in range(days)]


def sliced(days: list[pd.DataFrame]) -> Sliced:
    return Sliced.merged([Profile.of(day) for day in days], season=7)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--references", type=int, default=2, help="draws of the reference")
    parser.add_argument("--windows", type=int, default=10, help="windows of each reference")
    asked = parser.parse_args()
    print(f"{'traffic':16}{'days':>6}{'rows independent':>18}{'by days':>9}{'allowed':>9}{'windows':>9}")
    for days in (1, 7):
        at_level = level(POLICY, DAYS_A_MONTH / days)
        for kind in KINDS:
            alarms = []
            for draw in range(asked.references):
                rng = np.random.default_rng([7, draw])
                reference = sliced(traffic(kind, REFERENCE_DAYS, rng))
                for _ in range(asked.windows):
                    window = sliced(traffic(kind, days, rng, first=0 if days == 7 else int(rng.integers(7))))
                    pairs = (reference.whole, window.whole), (reference, window)
                    alarms.append([bool(drifted(compare(*p, COLUMNS, None, POLICY, at_level=at_level))) for p in pairs])
            careless, careful = np.mean(alarms, axis=0)
            print(f"{kind:16}{days:>6}{careless:>18.1%}{careful:>9.1%}{at_level:>9.1%}{len(alarms):>9}", flush=True)


if __name__ == "__main__":
    main()
