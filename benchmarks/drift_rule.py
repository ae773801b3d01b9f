"""How often the drift rule alarms where nothing drifted, and what it finds where something did.

Ten numeric and five categorical columns, a reference of 50,000 rows, windows of three sizes; each figure is the share
of windows in which the rule named a drifted column (or, without drift, any column). Three rules on the same windows:
Roadworthy's on profiles, the same on the raw rows (exact), and whylogs' drift calculator with its defaults.

    python benchmarks/drift_rule.py --repeats 40
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import numpy as np
import pandas as pd
from scipy import stats
from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores

from roadworthy.config import DriftPolicy
from roadworthy.contract import Column
from roadworthy.monitoring.drift import compare, drifted
from roadworthy.monitoring.profiles import Profile

POLICY = DriftPolicy()
NUMBERS = [f"n{i}" for i in range(10)]
CATEGORIES = [f"c{i}" for i in range(5)]
COLUMNS = [Column(name=name, type="number", role="feature") for name in NUMBERS] + [
    Column(name=name, type="string", role="feature") for name in CATEGORIES
]
SHARES = 1 / np.arange(1, 51) / np.sum(1 / np.arange(1, 51))  # 50 categories, the k-th a k-th as frequent
LEAST_EXPECTED = 5
SIZES = (500, 5_000, 50_000)
Named = set[str]
Rule = Callable[[pd.DataFrame, pd.DataFrame, Profile], Named]


def rows(n: int, rng: np.random.Generator, shift: float = 0.0, odds: float = 1.0) -> pd.DataFrame:
    """Draw rows; ``shift`` moves the first number by that many standard deviations, ``odds`` favours one category."""
    frame = {name: rng.normal(size=n) for name in NUMBERS}
    frame["n0"] += shift
    changed = SHARES * np.where(np.arange(50) == 2, odds, 1.0)
    for name in CATEGORIES:
        shares = changed / changed.sum() if name == "c0" else SHARES
        frame[name] = rng.choice([f"v{i}" for i in range(50)], n, p=shares)
    return pd.DataFrame(frame)


def roadworthy(reference: pd.DataFrame, window: pd.DataFrame, profile: Profile) -> Named:
    return set(drifted(compare(profile, Profile.of(window), COLUMNS, None, POLICY)))


def exact(reference: pd.DataFrame, window: pd.DataFrame, profile: Profile) -> Named:
    """The same rule on the raw rows: no sketches, scipy's tests."""
    effects, p_values = [], []
    for name in NUMBERS:
        found = stats.ks_2samp(reference[name], window[name], method="asymp")
        effects.append(found.statistic)
        p_values.append(found.pvalue)
    for name in CATEGORIES:
        table = pd.DataFrame({"r": reference[name].value_counts(), "w": window[name].value_counts()}).fillna(0)
        shares = table / table.sum()
        effects.append(float((shares["r"] - shares["w"]).abs().sum() / 2))
        few = table.sum(axis=1) * len(window) / table.to_numpy().sum() < LEAST_EXPECTED
        cells = np.vstack([table[~few], table[few].sum()])
        p_values.append(stats.chi2_contingency(cells[cells.sum(axis=1) > 0], correction=False).pvalue)
    adjusted = stats.false_discovery_control(p_values)
    names = NUMBERS + CATEGORIES
    return {n for n, e, p in zip(names, effects, adjusted, strict=True) if e >= POLICY.effect and p <= 0.05}


def whylogs_defaults(reference: pd.DataFrame, window: pd.DataFrame, profile: Profile) -> Named:
    scores = calculate_drift_scores(
        target_view=Profile.of(window).view, reference_view=profile.view, with_thresholds=True
    )
    return {name for name, score in scores.items() if score and score["drift_category"] == "DRIFT"}


RULES: dict[str, Rule] = {"Roadworthy": roadworthy, "exact rows": exact, "whylogs": whylogs_defaults}
CASES: dict[str, tuple[dict[str, float], str | None]] = {
    "no drift: any alarm": ({}, None),
    "0.10 sd: found": ({"shift": 0.10}, "n0"),
    "0.25 sd: found": ({"shift": 0.25}, "n0"),
    "odds x2: found": ({"odds": 2.0}, "c0"),
}


def share(named: list[Named], target: str | None) -> float:
    """Share of windows in which the rule named the drifted column, or without drift any."""
    return sum(target in names if target else bool(names) for names in named) / len(named)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=40, help="windows a figure; a quarter of it for 50,000 rows")
    repeats = parser.parse_args().repeats
    few = max(repeats // 4, 1)
    start = time.perf_counter()
    reference = rows(50_000, np.random.default_rng(0))
    profile = Profile.of(reference)
    print(f"{'':22}" + "".join(f"{name:>24}" for name in RULES))
    print(f"{'rows in the window':22}" + "".join(f"{n:>8,}" for _ in RULES for n in SIZES))
    for case, (change, target) in CASES.items():
        figures = []
        for rule in RULES.values():
            for n in SIZES:
                generators = (np.random.default_rng([n, i]) for i in range(few if n == max(SIZES) else repeats))
                windows = (rows(n, rng, **change) for rng in generators)
                figures.append(share([rule(reference, window, profile) for window in windows], target))
        print(f"{case:22}" + "".join(f"{figure:>8.1%}" for figure in figures), flush=True)
    print(f"{repeats} windows a figure ({few} of 50,000 rows), {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
