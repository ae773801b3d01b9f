"""The family of drift measures: every member, found in the registry, passes the same checks; each against scipy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from _pytest.mark import ParameterSet
from numpy.typing import NDArray
from scipy import stats

from roadworthy.contract import Column
from roadworthy.monitoring.measures import MEASURES, Evidence, Measure
from roadworthy.monitoring.profiles import ColumnSummary, Profile
from roadworthy.monitoring.slices import SlicedColumn

NUMBER = Column(name="x", type="number", role="feature")
Values = pd.Series | NDArray[np.float64]


def summary(values: object) -> ColumnSummary:
    return Profile.of(pd.DataFrame({"x": values})).column("x")


def weigh(name: str, reference: object, window: object, column: Column = NUMBER) -> Evidence:
    measure = next(one for one in MEASURES if one.name == name)
    before, after = summary(reference), summary(window)
    assert measure.applies(before, after)
    return measure.weigh(SlicedColumn(before), SlicedColumn(after), column)


def draw(kind: str, n: int, seed: int, change: float = 0.0) -> pd.Series:
    """Rows of a kind of column; ``change`` from 0 (none) to 1 (all that there can be)."""
    rng = np.random.default_rng(seed)
    changed = rng.random(n) < change
    numbers = pd.Series(rng.normal(0, 1, n))
    if kind == "numbers":
        return numbers.mask(changed, numbers + 20)
    if kind == "missing":
        return numbers.mask(changed | (rng.random(n) < 0.02))
    if kind == "ties":
        return pd.Series(rng.integers(0, 5, n)).mask(changed, 9).astype(float)
    if kind == "kinds":
        return numbers if change == 0 else numbers.map(str)
    size = {"categories": 8, "tail": 400, "many": 6000}[kind]
    codes = pd.Series(np.minimum(rng.zipf(1.4, n), size) if kind != "many" else rng.integers(0, size, n))
    return codes.mask(changed, codes + 10**6).map("id-{}".format)


KINDS = ["numbers", "ties", "missing", "kinds", "categories", "tail", "many"]


def pairs(change: float) -> list[ParameterSet]:
    """Every measure of the registry with every kind of column that it applies to."""
    return [
        pytest.param(measure, kind, id=f"{measure.name}-{kind}")
        for measure in MEASURES
        for kind in KINDS
        if measure.applies(summary(draw(kind, 500, 9)), summary(draw(kind, 500, 9, change)))
    ]


SAME, CHANGED = pairs(change=0.0), pairs(change=0.5)


def applying(measure: Measure, reference: pd.Series, window: pd.Series) -> Evidence:
    before, after = summary(reference), summary(window)
    assert measure.applies(before, after)
    return measure.weigh(SlicedColumn(before), SlicedColumn(after), NUMBER)


@pytest.mark.parametrize(("measure", "kind"), CHANGED)
def test_every_measure_stays_in_range_and_speaks(measure: Measure, kind: str) -> None:
    found = applying(measure, draw(kind, 4000, 1), draw(kind, 1500, 2, change=0.4))
    assert 0 <= found.effect <= 1
    assert 0 <= found.p_value <= 1
    assert np.isfinite(found.statistic)
    assert (found.n_reference <= 4000, found.n_window <= 1500) == (True, True)
    assert "x" in found.headline
    assert "x" in found.subject
    assert found.fact == found.fact.strip()
    assert found.fact
    for side in ("reference", "window"):
        assert sum(getattr(bar, side) for bar in found.bars) == pytest.approx(1 if found.bars else 0, abs=1e-6)


@pytest.mark.parametrize(("measure", "kind"), SAME)
def test_every_measure_finds_nothing_in_the_same_rows(measure: Measure, kind: str) -> None:
    rows = draw(kind, 3000, 3)
    found = applying(measure, rows, rows)
    assert found.effect < 0.005
    assert found.p_value > 0.5


@pytest.mark.parametrize(("measure", "kind"), CHANGED)
def test_every_measure_sees_more_in_a_larger_change(measure: Measure, kind: str) -> None:
    changes = [0.5] if kind == "kinds" else [0.0, 0.2, 0.8]
    found = [applying(measure, draw(kind, 12_000, 4), draw(kind, 2000, 5, change)) for change in changes]
    about = {"missing": "missing", "many": "unseen", "kinds": measure.kind}.get(kind, measure.kind)
    if measure.kind == about:
        assert [one.effect for one in found] == sorted(one.effect for one in found)
        assert found[-1].p_value < 1e-5


@pytest.mark.parametrize(("measure", "kind"), SAME)
def test_every_measure_is_seldom_sure_where_nothing_changed(measure: Measure, kind: str) -> None:
    reference = draw(kind, 8000, 6)
    sure = sum(applying(measure, reference, draw(kind, 800, 100 + i)).p_value <= 0.05 for i in range(30))
    assert sure <= 6  # 99.9 % of binomial(30, 0.05) lie at or below


@pytest.mark.parametrize("measure", MEASURES, ids=lambda measure: measure.name)
@pytest.mark.parametrize("rows", [0, 1, 2])
def test_every_measure_bears_hardly_any_rows(measure: Measure, rows: int) -> None:
    for kind in KINDS:
        for before, after in ((rows, 50), (50, rows), (rows, rows)):
            sides = summary(draw(kind, before, 7)), summary(draw(kind, after, 8))
            if measure.applies(*sides):
                assert 0 <= measure.weigh(SlicedColumn(sides[0]), SlicedColumn(sides[1]), NUMBER).p_value <= 1


def test_every_measure_takes_part_in_these_checks() -> None:
    assert {parameters.values[0] for parameters in CHANGED} == set(MEASURES)
    assert len({measure.name for measure in MEASURES}) == len(MEASURES)


# --- Kolmogorov-Smirnov --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shift", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("digits", [8, 0])
def test_ks_of_exact_sketches_is_that_of_scipy(shift: float, digits: int) -> None:
    rng = np.random.default_rng(10)
    reference, window = rng.normal(0, 2, 2000).round(digits), rng.normal(shift, 2, 900).round(digits)
    found, expected = (
        weigh("Kolmogorov-Smirnov", reference, window),
        stats.ks_2samp(reference, window, method="asymp"),
    )
    assert found.effect == pytest.approx(expected.statistic, abs=1 / 512)
    assert np.log10(found.p_value) == pytest.approx(np.log10(expected.pvalue), rel=0.1, abs=0.15)
    if digits == 0:
        assert found.effect == pytest.approx(expected.statistic)
        assert found.p_value == pytest.approx(expected.pvalue, rel=0.05)


@pytest.mark.parametrize("seed", range(5))
def test_ks_of_large_sketches_is_within_their_error(seed: int) -> None:
    rng = np.random.default_rng(seed)
    reference, window = rng.gamma(2, 1, 50_000), rng.gamma(2.1, 1, 20_000)
    found, expected = weigh("Kolmogorov-Smirnov", reference, window), stats.ks_2samp(reference, window)
    tolerated = 4 * (summary(reference).rank_error + summary(window).rank_error)
    assert found.effect == pytest.approx(expected.statistic, abs=tolerated)
    assert expected.pvalue / 10 < found.p_value or found.p_value < 1e-8


def test_sketch_error_makes_ks_more_careful_not_blind() -> None:
    rng = np.random.default_rng(11)
    rows = rng.normal(size=400_000)
    assert weigh("Kolmogorov-Smirnov", rows[:200_000], rows[200_000:]).p_value > 0.005
    assert weigh("Kolmogorov-Smirnov", rows[:200_000], rows[200_000:] + 0.05).p_value < 1e-12


def test_an_outlier_does_not_hide_a_shift() -> None:
    rng = np.random.default_rng(12)
    found = weigh("Kolmogorov-Smirnov", np.append(rng.normal(0, 1, 3000), 1e12), rng.normal(1, 1, 3000))
    assert found.effect > 0.3
    assert found.p_value < 1e-12


def test_numeric_words_give_the_medians_or_the_place() -> None:
    temp = Column(name="temp", type="number", role="feature", unit="degrees Fahrenheit")
    rng = np.random.default_rng(13)
    reference = rng.normal(39.9, 5, 1500)
    higher = weigh("Kolmogorov-Smirnov", reference, reference + 31.2, temp)
    median = f"{np.median(reference + 31.2):.1f}"
    assert higher.headline == "temp is higher"
    assert (
        higher.fact == f"half of the values are now at least {median} degrees Fahrenheit, it was {median_of(reference)}"
    )
    lower = weigh("Kolmogorov-Smirnov", reference + 31.2, reference, temp)
    assert (
        lower.fact == f"half of the values are now at most {median_of(reference)} degrees Fahrenheit, it was {median}"
    )
    spread = weigh("Kolmogorov-Smirnov", [0.0] * 300 + [1.0] * 700, [0.0] * 400 + [1.0] * 600, NUMBER)
    assert spread.headline == "x is spread differently"
    assert spread.fact == "40.0 % of the values are now at most 0, it was 30.0 %"


def median_of(values: NDArray[np.float64]) -> str:
    return f"{np.median(values):.1f}"


def test_times_are_told_as_dates() -> None:
    day = Column(name="booked", type="timestamp", role="feature")
    times = pd.Series(pd.date_range("2013-01-01", periods=900, freq="h", tz="UTC"))
    found = weigh("Kolmogorov-Smirnov", times, times + pd.Timedelta(days=60), day)
    assert found.fact == "half of the values are now at least 2013-03-20, it was 2013-01-19"
    assert found.bars[0].label == "2012-12-22 to 2013-01-03"


# --- chi-square ----------------------------------------------------------------------------------------------------


def categories(shares: list[float], n: int, seed: int) -> pd.Series:
    names = [f"c{i}" for i in range(len(shares))]
    return pd.Series(np.random.default_rng(seed).choice(names, n, p=shares))


@pytest.mark.parametrize("shares", [[0.5, 0.3, 0.2], [0.5, 0.28, 0.22]])
def test_chi_square_is_that_of_scipy(shares: list[float]) -> None:
    reference, window = categories([0.5, 0.3, 0.2], 9000, 1), categories(shares, 2000, 2)
    table = pd.crosstab(np.repeat(["r", "w"], [9000, 2000]), pd.concat([reference, window]).to_numpy()).to_numpy()
    expected = stats.chi2_contingency(table, correction=False)
    found = weigh("chi-square homogeneity", reference, window)
    assert (found.statistic, found.p_value) == pytest.approx((expected.statistic, expected.pvalue))
    change, shares_of_both = table[1] / 2000 - table[0] / 9000, table.sum(axis=0) / 11_000
    by_chance = shares_of_both * (1 - shares_of_both) * (1 / 2000 + 1 / 9000)
    sure = np.sqrt(np.maximum(change**2 - by_chance, 0))
    assert found.effect == pytest.approx(max(sure[change > 0].sum(), sure[change < 0].sum()))
    assert found.effect_low <= found.effect <= np.abs(change).sum() / 2 <= found.effect_high


def test_rare_categories_are_pooled_until_the_pool_expects_five() -> None:
    reference = pd.Series(["a"] * 5000 + ["b"] * 3000 + [f"rare{i}" for i in range(40)])
    window = pd.Series(["a"] * 500 + ["b"] * 300 + ["new"] * 4)
    found = weigh("chi-square homogeneity", reference, window)
    # the 44 rare rows expect 4.0 of the window's together, so b joins them
    expected = stats.chi2_contingency([[5000, 3040], [500, 304]], correction=False)
    assert (found.statistic, found.p_value) == pytest.approx((expected.statistic, expected.pvalue))


def test_one_unseen_row_in_many_is_not_drift_of_the_column() -> None:
    reference = categories([0.6, 0.4], 50_000, 3)
    window = pd.concat([reference[:49_999], pd.Series(["new"])])
    assert weigh("chi-square homogeneity", reference, window).p_value > 0.9
    assert weigh("unseen categories", reference, window).p_value > 0.1


def test_category_words_name_the_movers() -> None:
    found = weigh("chi-square homogeneity", ["UA"] * 60 + ["MQ"] * 40, ["UA"] * 75 + ["MQ"] * 25)
    assert found.headline == "x is made up differently"
    assert found.fact == "MQ fell from 40.0 % to 25.0 %, UA rose from 60.0 % to 75.0 %"


def test_many_categories_that_shift_are_seen_and_others_are_not() -> None:
    rng = np.random.default_rng(4)
    codes = lambda n, a: pd.Series(rng.zipf(a, n) % 20_000).map("id-{}".format)  # noqa: E731
    reference = codes(60_000, 1.3)
    assert not summary(reference).exact
    assert weigh("chi-square homogeneity", reference, codes(5000, 1.3)).p_value > 0.01
    changed = weigh("chi-square homogeneity", reference, codes(5000, 1.6))
    assert changed.p_value < 1e-12
    assert changed.effect > 0.1


# --- missing, unseen, kind -----------------------------------------------------------------------------------------


def test_missing_is_the_two_proportion_test() -> None:
    reference = pd.Series(range(10_000), dtype=float).mask(np.arange(10_000) < 40)
    window = pd.Series(range(1000), dtype=float).mask(np.arange(1000) < 120)
    found = weigh("two-proportion z", reference, window)
    expected = stats.chi2_contingency([[40, 9960], [120, 880]], correction=False)
    assert (found.statistic**2, found.p_value) == pytest.approx((expected.statistic, expected.pvalue))
    assert found.effect == pytest.approx(0.12 - 0.004)
    assert f"{found.headline}: {found.fact}" == ("missing values of x rose: 12.0 % of the rows have none, it was 0.4 %")


def test_unseen_is_fishers_test_against_what_came_once() -> None:
    reference = pd.Series(["a"] * 900 + ["b"] * 95 + [f"once{i}" for i in range(5)])
    window = pd.Series(["a"] * 180 + ["once1"] * 2 + ["new"] * 10 + ["newer"] * 8)
    found = weigh("unseen categories", reference, window)
    assert found.effect == 18 / 200
    assert found.p_value == pytest.approx(stats.fisher_exact([[18, 182], [5, 995]], alternative="greater").pvalue)
    assert found.fact == "9.0 % of the rows, such as new, newer"


def test_of_more_categories_than_a_sketch_names_chance_rarely_brings_new_ones() -> None:
    rng = np.random.default_rng(8)
    names = np.array([f"id-{number}" for number in range(40_000)])
    alarms = found = 0
    for _ in range(20):
        reference = pd.Series(rng.choice(names[:20_000], 200_000))
        alarms += weigh("unseen categories", reference, pd.Series(rng.choice(names[:20_000], 4000))).p_value <= 0.01
        half_new = np.where(rng.random(4000) < 0.5, rng.choice(names[20_000:], 4000), rng.choice(names[:20_000], 4000))
        found += weigh("unseen categories", reference, pd.Series(half_new)).p_value <= 0.01
    assert alarms <= 1
    assert found >= 19


def test_twenty_thousand_ids_all_new_are_unseen_and_ever_new_ids_are_not() -> None:
    rng = np.random.default_rng(5)
    ids = lambda low, high, n: pd.Series(rng.integers(low, high, n)).map("id-{}".format)  # noqa: E731
    reference = ids(0, 20_000, 50_000)
    assert weigh("unseen categories", reference, ids(0, 20_000, 5000)).p_value > 0.05
    found = weigh("unseen categories", reference, ids(20_000, 40_000, 5000))
    assert found.p_value < 1e-6
    assert found.effect > 0.5
    assert found.fact.startswith("at least ")
    unique = pd.Series(range(30_000)).map("row-{}".format)
    later = pd.Series(range(30_000, 35_000)).map("row-{}".format)
    assert weigh("unseen categories", unique, later).p_value > 0.05


def test_numbers_turned_text_are_drift() -> None:
    found = weigh("kind of values", [1.0, 2.0], ["1", "2"])
    assert (found.effect, found.p_value) == (1.0, 0.0)
    assert found.fact == "its values are now categorical, they were numeric"
