"""Whether a change that is said to be found four times in five is found four times in five, by the rule itself.

Windows are drawn in which each column has changed by exactly the stated size; each figure is the size, and the share of
such windows that the rule names. The reference is drawn anew for each window.

    python benchmarks/detectability.py --repeats 200
"""

from __future__ import annotations

import argparse
import time

import numpy as np
import pandas as pd
from scipy import stats

from roadworthy.config import BusinessValue, DriftPolicy
from roadworthy.contract import Column
from roadworthy.monitoring import detectability, drift, performance
from roadworthy.monitoring.detectability import Rule, falls
from roadworthy.monitoring.profiles import Profile
from roadworthy.records import DetectableShift, Horizon, MetricReading

POLICY = DriftPolicy()
READINGS = 20  # that share a window's level
REFERENCE_ROWS = 10_000
SIZES = (500, 2_000, 10_000, 50_000)
TOLERATED, LOOKS_FROM = 0.03, 300
SHARES = 1 / np.arange(1, 21) / np.sum(1 / np.arange(1, 21))
COLUMNS = [
    Column(name="normal", type="number", role="feature"),
    Column(name="skewed", type="number", role="feature"),
    Column(name="3 categories", type="string", role="feature"),
    Column(name="20 categories", type="string", role="feature"),
]


def rows(n: int, rng: np.random.Generator, found: dict[str, DetectableShift] | None = None) -> pd.DataFrame:
    """Draw rows; where sizes are given, with each column changed by its own."""
    size = {name: one.effect or 0.0 for name, one in (found or {}).items()}
    odds = {name: one.odds or 1.0 for name, one in (found or {}).items()}
    shift = {name: 2 * stats.norm.ppf((1 + size.get(name, 0.0)) / 2) for name in ("normal", "skewed")}
    return pd.DataFrame(
        {
            "normal": rng.normal(shift["normal"], 1, n),
            "skewed": stats.gamma(0.5).ppf(stats.norm.cdf(rng.normal(shift["skewed"], 1, n))),
            "3 categories": favoured([0.5, 0.3, 0.2], odds.get("3 categories", 1.0), n, rng),
            "20 categories": favoured(SHARES, odds.get("20 categories", 1.0), n, rng),
        }
    )


def favoured(shares: object, odds: float, n: int, rng: np.random.Generator) -> np.ndarray:
    """Draw categories, the odds of the first of which are multiplied."""
    weights = np.array(shares, dtype=float)
    weights[0] *= odds
    return rng.choice([f"v{i}" for i in range(len(weights))], n, p=weights / weights.sum())


def scored(n: int, distance: float, rng: np.random.Generator) -> dict[str, MetricReading]:
    """Measure rows whose classes' scores lie so many deviations apart; their area under the curve follows."""
    labels = rng.random(n) < 0.3
    return performance.measure(labels, stats.norm.cdf(rng.normal(distance * labels)), BusinessValue())


def falls_found(repeats: int) -> float:
    """Return the share of falls of the stated size that are found, released on 6,000 labels, in windows of 1,500."""
    found = 0
    for repeat in range(repeats):
        rng = np.random.default_rng(repeat)
        release = scored(6_000, 1.0, rng)["roc_auc"]
        fall = falls.smallest(release, 1_500, tolerated=TOLERATED, power=0.8, looks_from=LOOKS_FROM)
        if fall is None:
            raise SystemExit("A fall that would be found is expected of so many labels.")
        distance = np.sqrt(2) * stats.norm.ppf(release.value - fall)
        found += performance.fell(
            performance.widened(scored(1_500, distance, rng)["roc_auc"], LOOKS_FROM), release, TOLERATED
        )[1]
    return found / repeats


def main() -> None:
    """Print the table, and how often a fall was found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=60, help="windows a figure; a third of it for 50,000 rows")
    repeats, start = parser.parse_args().repeats, time.perf_counter()
    rule = Rule(drift.level(POLICY) / READINGS, POLICY.effect, POLICY.minimum_rows)
    known = Profile.of(rows(REFERENCE_ROWS, np.random.default_rng(0)))
    print(f"{'rows in the window':22}" + "".join(f"{column.name:>22}" for column in COLUMNS))
    for n in SIZES:
        then = Horizon(name="then", days=1, windows=1, rows=n, slices=1, labelled_windows=1, labelled=0)
        found = {one.column: one for one in detectability.smallest_shifts(known, COLUMNS, None, rule, [then])}
        some = max(repeats // 3, 1) if n == max(SIZES) else repeats
        named = dict.fromkeys(found, 0)
        for repeat in range(some):
            rng = np.random.default_rng([n, repeat])
            reference, window = Profile.of(rows(REFERENCE_ROWS, rng)), Profile.of(rows(n, rng, found))
            for column in COLUMNS:
                asked = drift.compare(reference, window, [column], None, POLICY)
                judged = drift.compare(reference, window, [column], None, POLICY, at_level=rule.level * len(asked))
                named[column.name] += any(one.kind == "feature" and one.verdict == "drift" for one in judged)
        told = (f"{found[c.name].effect:.3f}: {named[c.name] / some:.0%}" for c in COLUMNS)
        print(f"{n:<22,}" + "".join(f"{words:>22}" for words in told), flush=True)
    print(f"a fall of the area under the ROC curve, 1,500 labels: {falls_found(2 * repeats):.0%} of {2 * repeats}")
    print(f"{repeats} windows a figure, {time.perf_counter() - start:.0f} s; each figure is off by some 5 points")


if __name__ == "__main__":
    main()
