"""How often the drift rule alarms on traffic that comes in days and bursts, and what it finds in it.

Ten numeric and five categorical columns, references of 63 days and 50,000 rows, windows of one day or one week of
about 800 rows a day, or as many as are asked for. Kinds of traffic: independent rows; hours alike (autoregressive,
0.9 from hour to hour); day and night; other weekends; bursts of one client (15 % of the rows, on one day in five);
all of it together. Each figure is the share of windows with any alarm where nothing changed, or in which the changed
column was named: a number a tenth to one standard deviation higher, or spread by a fifth wider, odds of a category
times 1.25 or two.

Where nothing changed, three rules that take rows as independent are asked: Roadworthy's without knowledge of days,
the exact tests on the raw rows with Benjamini-Hochberg at 5 % and the same least effect ("BH"), and whylogs'
defaults; and of an eighth of the windows, as it takes seconds for one, Evidently's report with its defaults, where
EVIDENTLY names a Python that has it. Three are asked about the changes as well: Roadworthy's by days, and two on the
raw rows. These name a column whose distance from the reference, by its usual one, lies beyond the largest of all
columns in all but the allowed share of windows in which nothing changed. One has only the reference's own days for
that, each held against the others ("exact": a permutation test, right where days can be exchanged; of nine weeks none
is rare enough). The other is told what nobody knows, how hundreds of further windows stray from this very reference
("told"). What the exact rule finds less than the one that is told is the price of having seen 63 days alone. What is
usual is taken over the windows without a change and the one that is judged, as only then they can be exchanged.

    python benchmarks/drift_days.py --references 2 --windows 50
"""

from __future__ import annotations

import argparse
import tempfile
from collections import defaultdict
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from drift_rule import COLUMNS, EVIDENTLY, LEVELS, NAMES, NUMBERS, Exact, evidently_says, gap, whylogs_names
from scipy import stats

from roadworthy.config import DriftPolicy
from roadworthy.monitoring.drift import compare, drifted, judge, level, weigh
from roadworthy.monitoring.profiles import Profile
from roadworthy.monitoring.slices import Sliced

POLICY = DriftPolicy(minimum_rows=250)  # half of the default: a day of about 500 rows is judged, however they fall
KINDS = ("independent", "hours alike", "day and night", "weekends", "bursts", "all")
REFERENCE_DAYS, LIKENESS = 63, 0.9
DAYS_A_MONTH = 30.44
CASES = dict.fromkeys(("0.10 sd", "0.25 sd", "0.5 sd", "1 sd", "sd x1.2"), "n0")
CASES |= dict.fromkeys(("odds x1.25", "odds x2"), "c5")
CARELESS, KNOWING = ("independent", "BH", "whylogs", "Evidently"), ("by days", "exact", "told")
RULES = (*CARELESS, *KNOWING)
Figures = dict[tuple[str, str], list[bool]]  # rule, case -> named or not, window by window


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


def traffic(kind: str, days: int, a_day: int, rng: np.random.Generator, first: int = 0) -> list[pd.DataFrame]:
    """Draw days of traffic of so many rows each, the first being so many days after a Monday."""
    hours = np.arange(24 * days)
    light = 1 + 0.8 * np.sin(2 * np.pi * (hours % 24 - 6) / 24)
    hour = np.repeat(hours, rng.poisson(light * a_day / 24))
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


def changed(case: str, day: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """The column that a case is about, drifted, alone."""
    target = CASES[case]
    if case.endswith("sd"):
        return day[[target]] + float(case.removesuffix(" sd"))
    if case.startswith("sd"):
        return day[[target]] * float(case.removeprefix("sd x"))
    odds = float(case.removeprefix("odds x"))
    favoured = np.bincount(day[target] == "v1", minlength=2) / len(day)  # others, and the second
    wanted = odds * favoured[1] / (odds * favoured[1] + favoured[0])
    turned = (day[target] != "v1") & (rng.random(len(day)) < (wanted - favoured[1]) / favoured[0])
    return day[target].mask(turned, "v1").to_frame()


# --- rules ---------------------------------------------------------------------------------------------------------


def sliced(days: list[pd.DataFrame]) -> Sliced:
    return Sliced.merged([Profile.of(day) for day in days], season=7)


class OnRows:
    """Distances on raw rows, held against those of windows in which nothing changed."""

    def __init__(self, reference: list[pd.DataFrame]) -> None:
        rows = pd.concat(reference)
        self.sorted = {name: np.sort(rows[name].to_numpy()) for name in NUMBERS}
        self.shares = {name: rows[name].value_counts(normalize=True) for name in LEVELS}

    def distances(self, window: pd.DataFrame) -> np.ndarray:
        """Of each column of a window that are there, in the order of the names."""
        return np.array([self.distance(name, window[name]) for name in NAMES if name in window])

    def distance(self, name: str, window: pd.Series) -> float:
        if name in LEVELS:
            return float(self.shares[name].sub(window.value_counts(normalize=True), fill_value=0).abs().sum() / 2)
        return gap(self.sorted[name], np.sort(window.to_numpy()))


def named(distances: np.ndarray, unchanged: np.ndarray, at_level: float) -> set[str]:
    """The columns that stray further than anything does in windows without a change, shape (windows, columns)."""
    together = np.vstack([distances, unchanged])
    strayed = (together - together.mean(axis=0)) / (together.std(axis=0) + 0.2 * POLICY.effect)
    as_far = (strayed[1:].max(axis=1)[:, None] >= strayed[0]).sum(axis=0)
    right = ((as_far + 1) / len(together) <= at_level) & (distances >= POLICY.effect)
    return {name for name, one in zip(NAMES, right, strict=True) if one}


def benjamini_hochberg(tests: Exact, window: pd.DataFrame) -> bool:
    """Whether the exact tests name anything at 5 %."""
    effects, p_values = np.array([tests.weigh(name, window[name]) for name in NAMES]).T
    return bool(((effects >= POLICY.effect) & (stats.false_discovery_control(p_values) <= 0.05)).any())


def evidently(reference: pd.DataFrame, windows: list[pd.DataFrame]) -> list[bool]:
    """Whether Evidently's report names anything, window by window."""
    with tempfile.TemporaryDirectory() as folder:
        reference.to_parquet(Path(folder, "reference.parquet"))
        for number, window in enumerate(windows):
            window.to_parquet(Path(folder, f"window-{len(window)}-{number}-nothing.parquet"))
        return [names for _, _, names in evidently_says(Path(folder))]


def of_own_days(drawn: list[pd.DataFrame], days: int) -> np.ndarray:
    """The distances of the reference's own runs of so many days from the rest of it, shape (runs, columns)."""
    runs = [slice(first, first + days) for first in range(0, len(drawn), days)]
    return np.array([OnRows(drawn[: run.start] + drawn[run.stop :]).distances(pd.concat(drawn[run])) for run in runs])


# --- the table -----------------------------------------------------------------------------------------------------


def judged(kind: str, days: int, draw: int, *, windows: int, a_day: int, further: int) -> Figures:
    """Judge windows against one draw of the reference."""
    rng, at_level = np.random.default_rng([7, draw]), level(POLICY, DAYS_A_MONTH / days)
    drawn = traffic(kind, REFERENCE_DAYS, a_day, rng)
    reference = sliced(drawn)

    def next_days() -> list[pd.DataFrame]:
        return traffic(kind, days, a_day, rng, first=0 if days == 7 else int(rng.integers(7)))

    on_rows, tests = OnRows(drawn), Exact(pd.concat(drawn))
    told = np.array([on_rows.distances(pd.concat(next_days())) for _ in range(further)])
    unchanged = {"exact": of_own_days(drawn, days), "told": told}
    figures: Figures = defaultdict(list)
    seen: list[pd.DataFrame] = []
    for number in range(windows):
        one = next_days()
        seen += [pd.concat(one, ignore_index=True)] if number % 8 == 0 else []
        window = sliced(one)
        careless = compare(reference.whole, window.whole, COLUMNS, None, POLICY, at_level=at_level)
        figures["independent", "nothing"].append(bool(drifted(careless)))
        figures["BH", "nothing"].append(benjamini_hochberg(tests, pd.concat(one)))
        figures["whylogs", "nothing"].append(bool(whylogs_names(reference.whole, window.whole)))
        facts = weigh(reference, window, COLUMNS, None, POLICY)
        figures["by days", "nothing"].append(bool(drifted(judge(facts, at_level))))
        distances = on_rows.distances(pd.concat(one))
        for rule, known in unchanged.items():
            figures[rule, "nothing"].append(bool(named(distances, known, at_level)))
        for case, target in CASES.items():
            moved = [changed(case, day, rng) for day in one]
            column = [one for one in COLUMNS if one.name == target]
            of_target = weigh(reference, sliced(moved), column, None, POLICY)
            others = [fact for fact in facts if fact.column != target]
            figures["by days", case].append(target in drifted(judge([*others, *of_target], at_level)))
            now = np.where(np.array(NAMES) == target, on_rows.distances(pd.concat(moved)), distances)
            for rule, known in unchanged.items():
                figures[rule, case].append(target in named(now, known, at_level))
    figures["Evidently", "nothing"] = evidently(pd.concat(drawn, ignore_index=True), seen) if EVIDENTLY else []
    return dict(figures)


def share(values: list[bool], width: int) -> str:
    return f"{np.mean(values):>{width}.1%}" if values else f"{'-':>{width}}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--references", type=int, default=2, help="draws of the reference")
    parser.add_argument("--windows", type=int, default=50, help="windows of each reference")
    parser.add_argument("--rows", type=int, default=800, help="of a day")
    parser.add_argument("--further", type=int, default=400, help="windows without a change that one rule is told of")
    parser.add_argument("--traffic", nargs="+", choices=KINDS, default=KINDS, help="only these kinds of it")
    parser.add_argument("--days", nargs="+", type=int, default=(1, 7), help="of a window")
    asked = parser.parse_args()
    shown = [(rule, "nothing") for rule in RULES] + [(rule, case) for case in CASES for rule in KNOWING]
    print(f"{'':21}{'nothing changed':>84}{'':9}" + "".join(f"{case:>27}" for case in CASES))
    print(f"{'traffic':15}{'days':>6}" + "".join(f"{rule:>12}" for rule in RULES) + f"{'allowed':>9}", end="")
    print("".join(f"{rule:>9}" for _ in CASES for rule in KNOWING) + f"{'windows':>9}")
    with ProcessPoolExecutor(2) as pool:
        for days in asked.days:
            for kind in asked.traffic:
                count = asked.references
                together: Figures = defaultdict(list)
                one_draw = partial(judged, kind, days, windows=asked.windows, a_day=asked.rows, further=asked.further)
                for figures in pool.map(one_draw, range(count)):
                    for key, values in figures.items():
                        together[key] += values
                cells = [share(together[key], 12 if key[1] == "nothing" else 9) for key in shown]
                cells.insert(len(RULES), f"{level(POLICY, DAYS_A_MONTH / days):>9.1%}")
                windows = len(together["told", "nothing"])
                print(f"{kind:15}{days:>6}{''.join(cells)}{windows:>9}", flush=True)


if __name__ == "__main__":
    main()
