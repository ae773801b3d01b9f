"""What is said to be found four times in five is found four times in five: by the rule itself, on drawn windows."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from scipy import stats

from roadworthy.config import DriftPolicy
from roadworthy.contract import Column
from roadworthy.monitoring import detectability, drift
from roadworthy.monitoring.detectability import Rule
from roadworthy.monitoring.detectability.categories import Bar, Favour
from roadworthy.monitoring.detectability.numbers import Sampled, Shift
from roadworthy.monitoring.profiles import Profile
from roadworthy.monitoring.slices import Sliced
from roadworthy.records import DetectableShift, FeatureImportance, Horizon, Importance, MetricReading

POLICY = DriftPolicy()
SHARES = 1 / np.arange(1, 21) / np.sum(1 / np.arange(1, 21))
NAMES = [f"v{i}" for i in range(20)]
KINDS = {"normal": "number", "skewed": "number", "hour": "integer", "few": "string", "many": "string"}
COLUMNS = [Column.model_validate({"name": name, "type": kind, "role": "feature"}) for name, kind in KINDS.items()]
REFERENCE_ROWS = 10_000


def rows(n: int, rng: np.random.Generator) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "normal": rng.normal(50, 10, n),
            "skewed": rng.gamma(0.5, size=n),
            "hour": rng.integers(0, 24, n),
            "few": rng.choice(["a", "b", "c"], n, p=[0.5, 0.3, 0.2]),
            "many": rng.choice(NAMES, n, p=SHARES),
        }
    )


def shifted(n: int, rng: np.random.Generator, found: dict[str, DetectableShift]) -> pd.DataFrame:
    """Draw rows in which every column has changed by just as much as is said to be found."""
    frame = rows(n, rng)
    for name in ("normal", "skewed"):
        frame[name] = PPF[name](stats.norm.cdf(rng.normal(SIZES[name](found[name]), 1, n)))
    hours = Shift.of(KNOWN.column("hour"))
    frame["hour"] = rng.choice(hours.values, n, p=hours.after(SIZES["hour"](found["hour"])))
    for name, own in (("few", "a"), ("many", "v0")):
        favour = Favour.of(KNOWN.column(name))
        assert favour.name == own
        categories = list(KNOWN.column(name).counts())
        frame[name] = rng.choice(categories, n, p=favour.after(float(found[name].odds or 1.0)))
    return frame


PPF: dict[str, Callable[..., np.ndarray]] = {"normal": stats.norm(50, 10).ppf, "skewed": stats.gamma(0.5).ppf}
KNOWN = Profile.of(rows(REFERENCE_ROWS, np.random.default_rng(0)))


def _size(name: str) -> Callable[[DetectableShift], float]:
    """Return the size of a shift that has a change's distance, in standard deviations of the normal scores."""
    shift = Shift.of(KNOWN.column(name))
    sizes = np.linspace(0, 2, 2001)
    distances = [shift.distance(size) for size in sizes]
    return lambda found: float(np.interp(float(found.effect or 0.0), distances, sizes))


SIZES = {name: _size(name) for name in ("normal", "skewed", "hour")}


def horizon(rows: float, windows: int = 1, name: str = "then") -> Horizon:
    return Horizon(name=name, days=1, windows=windows, rows=rows, slices=1, labelled_windows=windows, labelled=rows)


def rule(policy: DriftPolicy = POLICY, tests: int = 8) -> Rule:
    return Rule(drift.level(policy) / tests, policy.effect, policy.minimum_rows)


def found_at(n: float, windows: int = 1, asked: Rule | None = None) -> dict[str, DetectableShift]:
    found = detectability.smallest_shifts(KNOWN, COLUMNS, None, asked or rule(), [horizon(n, windows)])
    return {one.column: one for one in found}


def is_found(reference: Profile, window: Profile, column: Column, asked: Rule) -> bool:
    """Ask the rule about one column alone, at the level that it would have among all."""
    shared = float(drift.weights(drift.compare(reference, window, [column], None, POLICY)).sum())
    readings = drift.compare(reference, window, [column], None, POLICY, at_level=asked.level * shared)
    return any(reading.kind == "feature" and reading.verdict == "drift" for reading in readings)


@pytest.mark.parametrize("n", [600, 4000])
def test_a_change_of_the_stated_size_is_found_four_times_in_five(n: int) -> None:
    found, asked, repeats = found_at(n), rule(), 36
    times = dict.fromkeys(KINDS, 0)
    for repeat in range(repeats):
        rng = np.random.default_rng([n, repeat])
        reference = Profile.of(rows(REFERENCE_ROWS, rng))
        window = Profile.of(shifted(n, rng, found))
        for column in COLUMNS:
            times[column.name] += is_found(reference, window, column, asked)
    shares = {name: count / repeats for name, count in times.items()}
    assert all(0.58 <= share <= 0.97 for share in shares.values()), shares
    assert 0.73 <= np.mean(list(shares.values())) <= 0.88, shares


def test_more_rows_find_less_down_to_what_matters() -> None:
    effects = [found_at(n)["normal"].effect or 0.0 for n in (500, 2000, 10_000, 1_000_000)]
    steps = np.diff(effects)
    assert (steps < 0.001).all()  # where size alone decides, a little noise helps what is a little too small
    assert effects[-1] == pytest.approx(POLICY.effect, abs=0.005)


def test_one_of_many_windows_is_enough() -> None:
    once, often = found_at(1000), found_at(1000, windows=30)
    assert all((often[name].effect or 1) < (once[name].effect or 0) for name in KINDS)


def test_fewer_false_alarms_cost_sharpness() -> None:
    strict = rule(DriftPolicy(false_alarms_per_month=0.01))
    assert (found_at(1000, asked=strict)["few"].effect or 0) > (found_at(1000)["few"].effect or 1)


def test_it_is_told_in_the_columns_own_terms() -> None:
    found = found_at(6000)
    normal, few = found["normal"], found["few"]
    assert normal.sd == pytest.approx(2 * stats.norm.ppf((1 + (normal.effect or 0)) / 2), abs=0.01)
    assert normal.words == f"mean from {normal.before:.3g} to {normal.after:.3g} ({normal.sd:+.2f} sd)"
    assert (normal.after or 0) - (normal.before or 0) == pytest.approx(10 * (normal.sd or 0), rel=0.02)
    assert few.before == pytest.approx(0.5, abs=0.01)
    assert (
        few.words == f"a from {100 * (few.before or 0):.1f} % to {100 * (few.after or 0):.1f} % (odds x{few.odds:.3g})"
    )
    assert few.odds == pytest.approx(
        (few.after or 0) / (1 - (few.after or 0)) / ((few.before or 0) / (1 - (few.before or 0)))
    )


def test_too_few_rows_find_nothing_and_say_so() -> None:
    found = found_at(499)
    assert {one.effect for one in found.values()} == {None}
    assert found["hour"].words == "none: 499 values by then, 500 are needed"
    constant = Profile.of(pd.DataFrame({"normal": np.full(5000, 3.0), "few": ["a"] * 5000, "hour": [None] * 5000}))
    nothing = detectability.smallest_shifts(constant, COLUMNS, None, rule(), [horizon(5000)])
    assert {one.column: one.words for one in nothing} == {"normal": "none, however large", "few": "none, however large"}


def test_what_matters_most_comes_first() -> None:
    weights = {"normal": 0.0, "skewed": 0.1, "hour": 0.2, "few": 0.3, "many": 0.05}
    importance = Importance(
        metric="roc_auc",
        rows=900,
        repeats=3,
        features={name: FeatureImportance(mean=mean, sd=0.0) for name, mean in weights.items()},
    )
    horizons = [horizon(900, name="a day"), horizon(9000, name="a week")]
    found = detectability.smallest_shifts(KNOWN, COLUMNS, None, rule(), horizons, importance=importance)
    assert [one.column for one in found[::2]] == ["few", "hour", "skewed", "many", "normal"]
    assert [one.horizon for one in found[:2]] == ["a day", "a week"]
    assert found[0].importance == 1.0


@pytest.mark.parametrize("bar", [Bar(0.001, 0.0), Bar(0.05, 0.03), Bar(0.001, 0.03)])
def test_size_and_evidence_are_asked_of_the_same_rows(bar: Bar) -> None:
    favour, rng, sizes = Favour("v0", SHARES), np.random.default_rng(0), (6000, 10_000)
    odds = favour.smallest(0.8, rows=sizes[0], rows_reference=sizes[1], bar=bar)
    assert odds is not None
    found = []
    for _ in range(1000):
        counts = [rng.multinomial(n, p) for n, p in zip(sizes, (favour.after(odds), SHARES), strict=True)]
        test = stats.contingency.chi2_contingency(counts, correction=False)
        change, pooled = counts[0] / sizes[0] - counts[1] / sizes[1], sum(counts) / sum(sizes)
        beyond = np.sqrt(np.maximum(change**2 - pooled * (1 - pooled) * (1 / sizes[0] + 1 / sizes[1]), 0))
        distance = max(beyond[change > 0].sum(), beyond[change < 0].sum())
        found.append(test.pvalue <= bar.level and distance >= bar.distance)
    assert np.mean(found) == pytest.approx(0.8, abs=0.04)  # three standard errors of so many


def test_where_all_are_at_the_top_a_shift_down_is_asked() -> None:
    values = np.array([0.0] * 10 + [1.0] * 990)
    down = Shift.of(Profile.of(pd.DataFrame({"x": np.tile(values, 20)})).column("x"))
    size = down.smallest(0.8, Sampled((5000, 20_000), (5000, 20_000)), 0.03)
    assert size is not None
    assert size < 0
    mostly = Favour("a", np.array([0.95, 0.05]))
    odds = mostly.smallest(0.8, rows=5000, rows_reference=20_000, bar=Bar(0.001, 0.03))
    assert odds is not None
    assert odds < 1


RELEASE = MetricReading(metric="roc_auc", value=0.75, low=0.735, high=0.765, n=4000)


def test_falls_are_told_for_each_horizon() -> None:
    horizons = [horizon(100, name="a day"), horizon(2000, name="a week"), horizon(20_000, name="a month")]
    day, week, month = detectability.smallest_falls(RELEASE, horizons, tolerated=0.03, minimum_labelled=500)
    assert (day.fall, day.words) == (None, "none: 100 labels by then, 500 are needed")
    assert week.fall is not None
    assert month.fall is not None
    assert 0.03 < month.fall < week.fall
    assert week.value == pytest.approx(0.75 - week.fall)
    assert month.words == f"roc_auc from 0.750 to {month.value:.3f}"


def test_where_rows_of_a_day_are_alike_larger_changes_are_needed_and_found_as_often() -> None:
    days, each, column = 14, 120, COLUMNS[0]
    asked = Rule(0.002, POLICY.effect, POLICY.minimum_rows)
    wanted = Horizon(name="then", days=days, windows=1, rows=days * each, slices=days, labelled_windows=1, labelled=0)

    def alike(count: int, rng: np.random.Generator, size: float = 0.0) -> Sliced:
        of_day = rng.normal(0, 0.25, count)
        drawn = [rng.normal(one + size, 1, each) for one in of_day]
        return Sliced.merged([Profile.of(pd.DataFrame({"normal": values})) for values in drawn])

    found, expected = 0, []
    for repeat in range(24):
        rng = np.random.default_rng(repeat)
        reference = alike(60, rng)
        (smallest,) = detectability.smallest_shifts(reference, [column], None, asked, [wanted])
        expected.append(float(smallest.sd or 9.0))
        window = alike(days, rng, size=float(smallest.sd or 9.0) * float(np.sqrt(1 + 0.25**2)))
        readings = drift.compare(reference, window, [column], None, POLICY, at_level=asked.level)
        found += readings[0].verdict == "drift"
    assert np.mean(expected) > 1.3 * float(found_at(days * each, asked=asked)["normal"].sd or 9.0)
    assert 0.6 <= found / 24 <= 0.97, (found, np.mean(expected))


def _days(kind: str, moods: NDArray[np.float64], change: float, rng: np.random.Generator) -> list[Profile]:
    """Days of 600 rows, of a number whose mean each mood moves, or of categories of which it favours the first."""
    if kind == "normal":
        drawn = [rng.normal(mood + change, 1, 600) for mood in moods]
    else:
        favoured = [Favour("v0", SHARES).after(float(np.exp(mood)) * change) for mood in moods]
        drawn = [rng.choice(NAMES, 600, p=shares) for shares in favoured]
    return [Profile.of(pd.DataFrame({kind: values})) for values in drawn]


@pytest.mark.parametrize("kind", ["normal", "many"])
def test_where_the_ranks_of_days_decide_what_is_said_to_be_found_is_found(kind: str) -> None:
    column, level = next(one for one in COLUMNS if one.name == kind), drift.level(POLICY)
    asked = Rule(level / 1.1, POLICY.effect, POLICY.minimum_rows, of_window=level, of_runs=level / 1.1)
    wanted = Horizon(name="then", days=1, windows=1, rows=600, slices=1, labelled_windows=1, labelled=0)
    found, repeats = 0, 40
    for repeat in range(repeats):
        rng = np.random.default_rng(repeat)
        reference = Sliced.merged(_days(kind, rng.uniform(-0.3, 0.3, 70), float(kind == "many"), rng))
        (smallest,) = detectability.smallest_shifts(reference, [column], None, asked, [wanted])
        change = float(smallest.odds or float(smallest.sd or 9.0) * np.sqrt(1.03))
        (window,) = _days(kind, rng.uniform(-0.3, 0.3, 1), change, rng)
        readings = drift.compare(reference, Sliced(window, (window,)), [column], None, POLICY, at_level=level)
        (reading,) = (one for one in readings if one.kind == "feature")
        assert reading.ranked_among == 70
        found += reading.verdict == "drift"
    assert 0.6 <= found / repeats <= 0.97
