"""How often a classifier tells a window from its reference where nothing has changed, and where something has.

Windows of 28 days against 60, forty rows a day, a fifth of whose variance is the day's; days are independent of one
another or like their neighbours. Two of the features go together; where something has changed they do so less, and each
looks as before. The level is 1 %. A window takes some 10 s.

    python benchmarks/multivariate.py --repeats 160
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd

from roadworthy.monitoring.multivariate import separation

FEATURES = ["x0", "x1", "x2", "kind"]
A_DAY, ALIKE, TOGETHER = 40, 0.2, 0.7


def rows(days: int, rng: np.random.Generator, neighbours: float, together: float, start: str) -> pd.DataFrame:
    """Draw so many days: three numbers, two of which go together, and a category with missing values."""
    day = np.repeat(np.arange(days), A_DAY)
    of_day, own = rng.normal(size=(days, 3)), rng.normal(size=(len(day), 3))
    for i in range(1, days):
        of_day[i] = neighbours * of_day[i - 1] + np.sqrt(1 - neighbours**2) * of_day[i]
    x = np.sqrt(ALIKE) * of_day[day] + np.sqrt(1 - ALIKE) * own
    x[:, 1] = together * x[:, 0] + np.sqrt(1 - together**2) * x[:, 1]
    frame = pd.DataFrame(x, columns=FEATURES[:3])
    frame["kind"] = pd.Series(rng.choice(list("abc"), len(day))).mask(rng.random(len(day)) < 0.1)
    return frame.assign(t=pd.Timestamp(start, tz="UTC") + pd.to_timedelta(day + rng.random(len(day)), unit="D"))


def named(repeats: int, neighbours: float, together: float) -> float:
    """Return the share of windows that are told apart."""
    found = 0
    for repeat in range(repeats):
        rng = np.random.default_rng([repeat, int(10 * neighbours)])
        reference = rows(60, rng, neighbours, TOGETHER, "2026-01-01")
        found += (
            separation(reference, rows(28, rng, neighbours, together, "2026-06-01"), FEATURES, "t").verdict == "drift"
        )
    return found / repeats


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=20, help="windows a figure; a quarter of it where it changed")
    repeats, start = parser.parse_args().repeats, time.perf_counter()
    print(f"{'days':44}{'nothing changed':>18}{'two go together otherwise':>28}")
    for words, neighbours in (("independent of one another", 0.0), ("alike (autoregressive, 0.5 to the next)", 0.5)):
        alarms, found = named(repeats, neighbours, TOGETHER), named(max(repeats // 4, 1), neighbours, 0.4)
        print(f"{words:44}{alarms:>18.1%}{found:>28.0%}", flush=True)
    print(f"{repeats} windows a figure, {max(repeats // 4, 1)} where it changed, {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
