"""How often the drift rule alarms where nothing drifted, and what it finds where something did.

Ten numeric and five categorical columns (2, 5, 20, 50, 500 categories), references of 50,000 rows, windows of three
sizes, a window a day. Each figure is the share of windows in which a rule named the drifted column or, without drift,
any column; over several draws of the reference. Seven rules on the same windows: Roadworthy's on profiles with its
default budget, and with one that lets as many windows alarm as may ("at limit"); the same on the raw rows; exact tests
on the raw rows with Benjamini-Hochberg at that limit, and at the usual 5 %; whylogs' drift calculator and Evidently's
data drift preset with their defaults. Evidently runs in the environment whose Python EVIDENTLY names; else it is left
out.

    EVIDENTLY=.venv/evidently/bin/python python benchmarks/drift_rule.py --repeats 200
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import special, stats
from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores

from roadworthy.config import DriftPolicy
from roadworthy.contract import Column
from roadworthy.monitoring import drift
from roadworthy.monitoring.correction import holm
from roadworthy.monitoring.profiles import Profile

POLICY = DriftPolicy()
NUMBERS = [f"n{i}" for i in range(10)]
LEVELS = {"c2": 2, "c5": 5, "c20": 20, "c50": 50, "c500": 500}
NAMES = [*NUMBERS, *LEVELS]
COLUMNS = [Column(name=name, type="number" if name in NUMBERS else "string", role="feature") for name in NAMES]
SIZES = {500: 1.0, 5_000: 0.5, 50_000: 0.1}  # rows -> share of the repeats
REFERENCE_ROWS = 50_000
CASES = {"0.10 sd": "n0", "0.25 sd": "n0", "sd x1.2": "n0", "odds x1.25": "c5", "odds x2": "c5"}
MAY_ALARM = {500: 0.025, 5_000: 0.015, 50_000: 0.005}  # rows -> share of the windows without drift
RULES = (
    "Roadworthy",
    "same, at limit",
    "at limit, raw rows",
    "exact, BH at limit",
    "exact, BH at 5 %",
    "whylogs",
    "Evidently",
)
LEAST_EXPECTED = 5
EVIDENTLY = os.environ.get("EVIDENTLY", "")
Figures = dict[tuple[str, str, int], list[bool]]  # rule, case, rows -> named or not, window by window


def shares(levels: int, odds: float = 1.0) -> np.ndarray:
    """The k-th category comes a k-th as often as the first; ``odds`` favours the second."""
    weights = 1 / np.arange(1, levels + 1)
    changed: np.ndarray = weights / weights.sum()
    changed[1] = odds * changed[1] / (1 - changed[1] + odds * changed[1])
    others = np.arange(levels) != 1
    changed[others] *= (1 - changed[1]) / changed[others].sum()
    return changed


def categories(levels: int, n: int, rng: np.random.Generator, odds: float = 1.0) -> pd.Series:
    names = np.array([f"v{i}" for i in range(levels)], dtype=object)
    return pd.Series(names[rng.choice(levels, n, p=shares(levels, odds))])


def rows(n: int, rng: np.random.Generator) -> pd.DataFrame:
    numbers = {name: rng.normal(size=n) for name in NUMBERS}
    return pd.DataFrame(numbers | {name: categories(levels, n, rng) for name, levels in LEVELS.items()})


def changed(case: str, window: pd.DataFrame, rng: np.random.Generator) -> pd.Series:
    """The column that a case is about, drifted."""
    amount = float(case.replace("sd", "").replace("odds", "").replace("x", "").strip())
    if case.startswith("odds"):
        return categories(LEVELS["c5"], len(window), rng, amount)
    return window["n0"] * amount if "x" in case else window["n0"] + amount


# --- rules ---------------------------------------------------------------------------------------------------------


def named(facts: list[drift.Fact], rows: int) -> list[set[str]]:
    """What our rule names with its default budget, and at the limit."""
    return [set(drift.drifted(drift.judge(facts, level))) for level in (drift.level(POLICY), MAY_ALARM[rows])]


def gap(before: np.ndarray, after: np.ndarray) -> float:
    """The largest gap between the shares of rows up to a value, of sorted rows."""
    both = np.concatenate([before, after])
    gaps = np.searchsorted(before, both, "right") / len(before) - np.searchsorted(after, both, "right") / len(after)
    return float(np.abs(gaps).max())


class Exact:
    """The tests on raw rows: effects and p-values, to which both corrections are applied."""

    def __init__(self, reference: pd.DataFrame) -> None:
        self.sorted = {name: np.sort(reference[name].to_numpy()) for name in NUMBERS}
        self.counts = {name: reference[name].value_counts() for name in LEVELS}

    def weigh(self, name: str, window: pd.Series) -> tuple[float, float]:
        """Effect and p-value of a column."""
        return self._ks(name, window) if name in NUMBERS else self._chi_square(name, window)

    def _ks(self, name: str, window: pd.Series) -> tuple[float, float]:
        before, after = self.sorted[name], np.sort(window.to_numpy())
        distance, root = gap(before, after), np.sqrt(len(before) * len(after) / (len(before) + len(after)))
        return distance, float(special.kolmogorov((root + 0.12 + 0.11 / root) * distance))

    def _chi_square(self, name: str, window: pd.Series) -> tuple[float, float]:
        table = pd.DataFrame({"r": self.counts[name], "w": window.value_counts()}).fillna(0)
        few = table.sum(axis=1) * len(window) / table.to_numpy().sum() < LEAST_EXPECTED
        cells = np.vstack([table[~few], table[few].sum()]).T
        cells = cells[:, cells.sum(axis=0) > 0]
        change, pooled = np.diff(cells / cells.sum(axis=1, keepdims=True), axis=0)[0], cells.sum(axis=0) / cells.sum()
        sure = np.maximum(change**2 - pooled * (1 - pooled) * (1 / cells.sum(axis=1)).sum(), 0) ** 0.5
        effect = max(sure[change > 0].sum(), sure[change < 0].sum())
        return float(effect), float(stats.chi2_contingency(cells, correction=False).pvalue)

    def named(self, found: dict[str, tuple[float, float]], rows: int) -> list[set[str]]:
        """What our rule and what Benjamini-Hochberg with the same least effect name, at the limit and at 5 %."""
        effects, p_values = (np.array(values) for values in zip(*found.values(), strict=True))
        unseen = np.full(len(LEVELS), drift.WEIGHTS["unseen"])  # these are tests too, and find nothing here
        parts = np.concatenate([np.ones(len(found)), unseen])
        ours = holm(np.concatenate([p_values, np.ones(len(LEVELS))]), parts)[: len(found)]
        large, bh = effects >= POLICY.effect, stats.false_discovery_control(p_values)

        def pick(chosen: np.ndarray) -> set[str]:
            return {name for name, one in zip(found, chosen, strict=True) if one}

        return [pick(large & right) for right in (ours <= MAY_ALARM[rows], bh <= MAY_ALARM[rows], bh <= 0.05)]


def whylogs_names(reference: Profile, window: Profile) -> set[str]:
    scores = calculate_drift_scores(target_view=window.view, reference_view=reference.view, with_thresholds=True)
    return {name for name, score in scores.items() if score and score["drift_category"] == "DRIFT"}


# --- the table -----------------------------------------------------------------------------------------------------


def judged(draw: int, repeats: int, folder: Path) -> Figures:
    """Judge windows of every size and case against one draw of the reference; Evidently reads them in the folder."""
    rng = np.random.default_rng([5, draw])
    reference = rows(REFERENCE_ROWS, rng)
    profile, exact = Profile.of(reference), Exact(reference)
    alone = {target: Profile.of(reference[[target]]) for target in set(CASES.values())}
    figures: Figures = defaultdict(list)
    if EVIDENTLY:
        folder.mkdir()
        reference.to_parquet(folder / "reference.parquet")
    for n, share in SIZES.items():
        for number in range(max(round(repeats * share), 1)):
            window = rows(n, rng)
            sketched = Profile.of(window)
            facts = list(drift.weigh(profile, sketched, COLUMNS, None, POLICY))
            tests = {name: exact.weigh(name, window[name]) for name in NAMES}
            said = [*named(facts, n), *exact.named(tests, n), whylogs_names(profile, sketched)]
            for rule, names in zip(RULES, said, strict=False):
                figures[rule, "no drift", n].append(bool(names))
            left = {"no drift": window}
            for case, target in CASES.items():
                left[case] = changed(case, window, rng).to_frame(target)
                small = Profile.of(left[case])
                of_target = drift.weigh(profile, small, [c for c in COLUMNS if c.name == target], None, POLICY)
                others = [fact for fact in facts if fact.column != target]
                in_place = {**tests, target: exact.weigh(target, left[case][target])}
                said = [
                    *named([*others, *of_target], n),
                    *exact.named(in_place, n),
                    whylogs_names(alone[target], small),
                ]
                for rule, names in zip(RULES, said, strict=False):
                    figures[rule, case, n].append(target in names)
            if EVIDENTLY and number < max(round(repeats * share / 4), 1):  # it takes seconds a window
                for case, frame in left.items():
                    frame.to_parquet(folder / f"window-{n}-{number}-{case}.parquet")
    for case, n, was_named in evidently_says(folder) if EVIDENTLY else ():
        figures["Evidently", case, n].append(was_named)
    return dict(figures)


def evidently_says(folder: Path) -> Iterator[tuple[str, int, bool]]:
    """Yield what Evidently says of a folder's windows: the case, the window's rows, whether it names any column."""
    script = Path(__file__).parent / "rivals" / "evidently_report.py"
    done = subprocess.run([EVIDENTLY, script, folder], capture_output=True, text=True, check=True)
    for name, columns in json.loads(done.stdout.splitlines()[-1]).items():
        _, n, _, case = name.split("-", 3)
        yield case, int(n), bool(columns)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=80, help="windows of 500 rows; half of 5,000, a tenth of 50,000")
    parser.add_argument("--references", type=int, default=8, help="draws of the reference that they are spread over")
    asked = parser.parse_args()
    start = time.perf_counter()
    together: Figures = defaultdict(list)
    each = max(asked.repeats // asked.references, 1)
    with tempfile.TemporaryDirectory() as folder, ProcessPoolExecutor(2) as pool:
        folders = [Path(folder) / str(draw) for draw in range(asked.references)]
        for figures in pool.map(judged, range(asked.references), [each] * asked.references, folders):
            for key, values in figures.items():
                together[key] += values
    print(f"{'':14}" + "".join(f"{rule:>24}" for rule in RULES))
    print(f"{'rows':14}" + "".join(f"{n:>8,}" for _ in RULES for n in SIZES))
    for case in ("no drift", *CASES):
        cells = [together.get((rule, case, n), []) for rule in RULES for n in SIZES]
        print(f"{case:14}" + "".join(f"{np.mean(one):>8.1%}" if one else f"{'-':>8}" for one in cells))
    print(f"{'windows':14}" + "".join(f"{len(together.get((r, 'no drift', n), [])):>8,}" for r in RULES for n in SIZES))
    print(f"{asked.references} references, {time.perf_counter() - start:.0f} s")


if __name__ == "__main__":
    main()
