"""The rule: what counts as drift, how often it errs, and what it says."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from roadworthy.config import DriftPolicy, QualityPolicy
from roadworthy.contract import Column
from roadworthy.monitoring import quality
from roadworthy.monitoring.drift import (
    SEEN_IN_RUNS,
    Fact,
    compare,
    drifted,
    expected_false_alarms,
    level,
    verdict,
    weigh,
)
from roadworthy.monitoring.measures import Evidence
from roadworthy.monitoring.profiles import Profile
from roadworthy.monitoring.quality import with_facts
from roadworthy.monitoring.slices import Sliced
from roadworthy.records import Reading

POLICY = DriftPolicy()
NUMBERS = [f"n{i}" for i in range(10)]
CATEGORIES = [f"c{i}" for i in range(5)]
COLUMNS = tuple(
    [Column(name=name, type="number", role="feature") for name in NUMBERS]
    + [Column(name=name, type="string", role="feature") for name in CATEGORIES]
)


def rows(n: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    """Ten correlated numbers, the first shifted, and five columns of categories."""
    rng = np.random.default_rng(seed)
    common = rng.normal(size=n)
    frame = {name: 0.6 * common + 0.8 * rng.normal(size=n) for name in NUMBERS}
    frame["n0"] += shift
    frame |= {
        name: rng.choice(list("abcdefgh"), n, p=np.array([40, 20, 12, 10, 8, 5, 3, 2]) / 100) for name in CATEGORIES
    }
    return pd.DataFrame(frame | {"probability": rng.beta(2, 8, n)})


REFERENCE = Profile.of(rows(30_000, 0))


def readings_of(n: int, seed: int, shift: float = 0.0, policy: DriftPolicy = POLICY) -> tuple[Reading, ...]:
    return compare(REFERENCE, Profile.of(rows(n, seed, shift)), COLUMNS, "probability", policy)


@pytest.mark.parametrize("n", [500, 5000])
def test_windows_without_drift_seldom_alarm(n: int) -> None:
    alarms = sum(verdict(readings_of(n, 100 + seed)) == "drift" for seed in range(30))
    assert alarms <= 3  # 99 % of binomial(30, 0.0164) lie at or below


def test_a_quarter_of_a_standard_deviation_is_found() -> None:
    found = sum("n0" in drifted(readings_of(500, 300 + seed, shift=0.25)) for seed in range(15))
    assert found >= 7  # the power is about 75 %
    assert all("n0" in drifted(readings_of(5000, 400 + seed, shift=0.25)) for seed in range(5))


def test_p_values_are_corrected_over_all_readings() -> None:
    found = readings_of(2000, 1, shift=0.1)
    smallest = sorted(found, key=lambda reading: reading.p_value)
    assert smallest[0].adjusted_p == pytest.approx(min(smallest[0].p_value * (10 + 5 + 1 + 5 / 10), 1))
    values = [reading.adjusted_p for reading in smallest if reading.kind != "unseen"]
    assert values == sorted(values)
    assert {reading.kind for reading in found} == {"feature", "prediction", "unseen"}
    assert len(found) == 10 + 2 * 5 + 1


def test_unseen_categories_take_little_of_the_level_and_are_found_all_the_same() -> None:
    window = rows(500, 18)
    window.loc[window.index[:8], "c2"] = "never before"
    found = compare(REFERENCE, Profile.of(window), COLUMNS, None, POLICY)
    unseen = next(r for r in found if (r.column, r.kind) == ("c2", "unseen"))
    assert unseen.verdict == "drift"
    assert unseen.adjusted_p == pytest.approx(unseen.p_value * 10 * (10 + 5 + 5 / 10))


def test_both_size_and_evidence_are_needed() -> None:
    large_but_chance = readings_of(600, 2, policy=DriftPolicy(effect=0.001))
    assert any(r.effect >= r.threshold for r in large_but_chance)
    assert verdict(large_but_chance) == "too little data"
    assert all(
        "too little data to rule out a change that matters (0.001)" in r.words for r in large_but_chance if r.effect
    )
    sure_but_small = readings_of(20_000, 3, shift=0.06, policy=DriftPolicy(effect=0.2))
    n0 = next(r for r in sure_but_small if r.column == "n0")
    assert n0.adjusted_p < 1e-3
    assert (n0.verdict, "much as before" in n0.words) == ("no drift", True)


def test_worst_comes_first_and_is_told() -> None:
    window = rows(3000, 4, shift=2.0)
    window.loc[window.index[:360], "n1"] = np.nan
    window.loc[window.index[:90], "c0"] = "new"
    window["probability"] += 0.05
    found = compare(REFERENCE, Profile.of(window), COLUMNS, "probability", POLICY)
    assert [r.verdict != "drift" for r in found] == sorted(r.verdict != "drift" for r in found)
    assert drifted(found) == ("n0", "probability", "n1", "c0")
    words = {(r.column, r.kind): r.words for r in found}
    assert words["n0", "feature"].startswith("n0 is higher: half of the values are now at least 2.0")
    assert words["n1", "missing"] == "missing values of n1 rose: 12.0 % of the rows have none, it was 0 %"
    assert words["c0", "unseen"] == "c0 has categories never seen in training: 3.0 % of the rows, such as new"
    assert words["probability", "prediction"].startswith("the predicted probability is higher: half of")
    assert {r.threshold for r in found if r.kind == "unseen"} == {POLICY.unseen}


def test_too_little_data_is_never_no_drift() -> None:
    found = readings_of(499, 5, shift=3.0)
    assert {r.verdict for r in found} == {"too little data"}
    assert (verdict(found), drifted(found)) == ("too little data", ())
    assert found[0].words == "n0: too little data, 499 values in the window where 500 are needed"
    small = compare(Profile.of(rows(80, 6)), Profile.of(rows(900, 7)), COLUMNS, None, POLICY)
    assert {r.verdict for r in small} == {"too little data"}
    assert "80 values in the training data" in small[0].words


def test_a_window_without_rows_or_columns_says_nothing() -> None:
    empty = compare(REFERENCE, Profile.of(rows(0, 8)), COLUMNS, "probability", POLICY)
    assert (empty, verdict(empty), drifted(empty)) == ((), "too little data", ())
    unknown = Column(name="unknown", type="number", role="feature")
    assert compare(REFERENCE, Profile.of(rows(900, 9)), [unknown], None, POLICY) == ()


def test_a_column_that_went_all_missing_is_drift_by_that() -> None:
    window = rows(900, 10).assign(n0=np.nan, c0=None)
    found = compare(REFERENCE, Profile.of(window), COLUMNS, None, POLICY)
    assert set(drifted(found)) == {"n0", "c0"}
    assert {r.kind for r in found if r.verdict == "drift"} == {"missing"}


def test_a_changed_type_is_drift() -> None:
    window = rows(900, 11)
    found = compare(REFERENCE, Profile.of(window.assign(n0=window["n0"].map(str))), COLUMNS, None, POLICY)
    assert drifted(found) == ("n0",)
    assert found[0].words == "n0 holds another kind of values: its values are now categorical, they were numeric"


def test_the_budget_is_spread_over_windows_and_families() -> None:
    assert level(DriftPolicy(false_alarms_per_month=0.5), 30) == pytest.approx(0.5 / 30)
    assert level(DriftPolicy(false_alarms_per_month=0.5), 30, families=5) == pytest.approx(0.1 / 30)
    assert level(DriftPolicy(false_alarms_per_month=3.0), 1) == 0.05
    found = compare(REFERENCE, Profile.of(rows(3000, 12)), COLUMNS, None, POLICY, at_level=0.001)
    assert expected_false_alarms(found) == 0.001
    assert expected_false_alarms(readings_of(3000, 13)) == level(POLICY)


def test_what_has_not_changed_is_seldom_named_beside_what_has() -> None:
    named = sum(bool(set(drifted(readings_of(1500, 600 + seed, shift=0.5))) - {"n0"}) for seed in range(15))
    assert named <= 3  # 99.9 % of binomial(15, 0.0164) lie at or below


def test_no_drift_is_said_only_where_it_can_be() -> None:
    for n in (600, 40_000):
        for reading in readings_of(n, 14):
            sure = reading.effect_high < reading.threshold or reading.detectable <= reading.threshold
            assert reading.verdict == ("no drift" if sure else "too little data")
            assert reading.effect_low <= reading.effect <= reading.effect_high
    assert verdict(readings_of(600, 14)) == "too little data"
    assert verdict(readings_of(40_000, 14)) == "no drift"


def test_what_is_called_detectable_is_found_four_times_out_of_five() -> None:
    n0 = next(r for r in readings_of(2000, 15) if (r.column, r.kind) == ("n0", "feature"))
    shift = 2 * stats.norm.isf(0.5 - n0.detectable / 2)  # normals that far apart have that distance
    found = sum("n0" in drifted(readings_of(2000, 700 + seed, shift=shift)) for seed in range(30))
    assert 18 <= found <= 29


def test_facts_are_judged_with_the_rest() -> None:
    evidence = Evidence(9.0, 0.4, 0.3, 0.5, 1e-9, 30, 1, 30, 1, "rows", "fewer rows came", "900, it was 1,500")
    fact = Fact("rows", "volume", "quasi-Poisson", 0.2, evidence)
    found = compare(REFERENCE, Profile.of(rows(900, 16)), COLUMNS, None, POLICY, facts=[fact])
    assert (found[0].column, found[0].kind, found[0].verdict) == ("rows", "volume", "drift")
    assert found[0].words == "fewer rows came: 900, it was 1,500"
    assert found[0].adjusted_p == pytest.approx(1e-9 * (10 + 5 + 5 / 10 + 1))


# --- traffic that comes in days ------------------------------------------------------------------------------------


def moody_days(number: int, rng: np.random.Generator, shift: float = 0.0) -> list[Profile]:
    """Days of 300 rows, each with a mood of its own, so that its rows are alike."""
    days = []
    for mood in rng.normal(size=(number, 2)):
        favoured = rng.random(300) < 0.1 * abs(mood[1])
        names = np.where(favoured, "abcdefgh"[int(mood[1] > 0)], rng.choice(list("abcdefgh"), 300))
        days.append(Profile.of(pd.DataFrame({"n0": rng.normal(0.3 * mood[0] + shift, 1, 300), "c0": names})))
    return days


MOODY = (COLUMNS[0], COLUMNS[10])
LIVELY = DriftPolicy(minimum_rows=100)


def test_days_that_differ_by_themselves_are_no_drift() -> None:
    rng = np.random.default_rng(20)
    reference = Sliced.merged(moody_days(50, rng))
    careless, careful = 0, 0
    for _ in range(40):
        day = Sliced.of(moody_days(1, rng)[0])
        careless += bool(drifted(compare(reference.whole, day.whole, MOODY, None, LIVELY)))
        careful += bool(drifted(compare(reference, Sliced(day.whole, (day.whole,)), MOODY, None, LIVELY)))
    assert careless > 10
    assert careful <= 4  # 99.9 % of binomial(40, 0.0164) lie at or below


def test_a_change_beyond_what_days_do_is_found() -> None:
    rng = np.random.default_rng(21)
    reference = Sliced.merged(moody_days(50, rng))
    found = [compare(reference, Sliced.merged(moody_days(14, rng, 0.6)), MOODY, None, LIVELY) for _ in range(5)]
    assert all(drifted(readings) == ("n0",) for readings in found)
    n0 = next(reading for reading in found[0] if reading.column == "n0")
    assert 14 < n0.effective_n < 1000
    assert (n0.n_window, n0.effective_n_reference < n0.n_reference) == (4200, True)


def weekends(number: int, rng: np.random.Generator, first: int = 0, shift: float = 0.0) -> list[Profile]:
    """Days of 300 rows of ten numbers, a third of a standard deviation higher on two of seven; the first shifted."""
    moods = [0.33 * ((first + day) % 7 >= 5) for day in range(number)]
    days = [pd.DataFrame(rng.normal(mood, 1, (300, 10)), columns=NUMBERS) for mood in moods]
    return [Profile.of(day.assign(n0=day["n0"] + shift)) for day in days]


def test_with_two_months_of_days_their_ranks_decide() -> None:
    rng = np.random.default_rng(25)
    few, enough = (Sliced.merged(weekends(days, rng)) for days in (49, 91))
    by_evidence, by_rank, calm = 0, 0, 0
    for number in range(28):
        (moved,) = weekends(1, rng, number, 0.65)
        (like,) = weekends(1, rng, number)
        found = [compare(side, Sliced(moved, (moved,)), COLUMNS[:10], None, LIVELY) for side in (few, enough)]
        by_evidence += bool(drifted(found[0]) == ("n0",))
        by_rank += bool(drifted(found[1]) == ("n0",))
        calm += bool(drifted(compare(enough, Sliced(like, (like,)), COLUMNS[:10], None, LIVELY)))
    assert by_rank >= 25
    assert by_evidence <= 20  # two kinds of days are no normal distribution
    assert calm <= 3  # 99.9 % of binomial(28, 0.0164) lie at or below
    assert {one.ranked_among for one in found[0]} == {0}
    n0 = found[1][0]
    assert n0.ranked_among == 91
    assert n0.adjusted_p <= n0.level


def test_what_is_known_to_be_seen_in_runs_has_a_precedent_and_nothing_else() -> None:
    rng, columns = np.random.default_rng(26), [COLUMNS[0].model_copy(update={"minimum": -1.0}), COLUMNS[10]]

    def day(name: str) -> Profile:
        drawn = pd.DataFrame({"n0": rng.normal(size=300), "c0": rng.choice(list("abc"), 300), "probability": 0.5})
        drawn.loc[:9, "n0"] = np.nan
        drawn.loc[10, "c0"] = name
        moment = pd.Series(pd.date_range("2026-01-01", periods=150, tz="UTC").repeat(2))
        return Profile.of(with_facts(drawn.assign(time=moment), ["n0", "c0", "probability"], "time"))

    reference, window = Sliced.merged([day("a") for _ in range(20)]), Sliced.merged([day("new")])
    facts = [
        *weigh(reference, window, columns, "probability", LIVELY),
        *quality.facts(reference, window, columns, QualityPolicy(), minimum_rows=100),
    ]
    assert {fact.kind for fact in facts} >= {"feature", "prediction", "missing", "unseen", "range", "cardinality"}
    for fact in facts:
        assert (fact.evidence.precedent is not None) == (fact.kind in SEEN_IN_RUNS), fact.kind


def test_bursts_that_come_again_and_again_are_no_news() -> None:
    rng = np.random.default_rng(22)

    def day(burst: bool) -> Profile:
        numbers = rng.normal(size=400)
        numbers[:60] = np.where(burst, rng.normal(), numbers[:60])
        return Profile.of(pd.DataFrame({"n0": numbers}))

    reference = Sliced.merged([day(number % 6 == 0) for number in range(60)])
    days = [day(burst=True) for _ in range(25)]
    careless = sum(bool(drifted(compare(reference.whole, one, MOODY[:1], None, LIVELY))) for one in days)
    careful = sum(bool(drifted(compare(reference, Sliced(one, (one,)), MOODY[:1], None, LIVELY))) for one in days)
    assert careless >= 2 * careful
    assert careful <= 10


def test_what_is_called_detectable_among_bursts_is_found_among_them() -> None:
    rng = np.random.default_rng(24)

    def day(burst: bool, shift: float = 0.0) -> Profile:
        numbers = rng.normal(size=400)
        numbers[:60] = np.where(burst, rng.normal(), numbers[:60])
        return Profile.of(pd.DataFrame({"n0": numbers + shift}))

    def read(one: Profile) -> Reading:
        return compare(reference, Sliced(one, (one,)), MOODY[:1], None, LIVELY)[0]

    reference = Sliced.merged([day(number % 6 == 0) for number in range(60)])
    detectable = read(day(burst=False)).detectable
    shift = 2 * float(stats.norm.ppf((1 + detectable) / 2))  # between two normals that far apart lies this distance
    found = sum(read(day(number % 6 == 0, shift)).verdict == "drift" for number in range(60))
    assert found >= 0.8 * 60 - 3 * (60 * 0.8 * 0.2) ** 0.5
    less = [read(day(number % 6 == 0, shift * 0.8)) for number in range(60)]
    assert sum(reading.verdict == "drift" for reading in less) < 48  # it is no more than what is found so often
    assert all(reading.verdict != "no drift" for reading in less)


# --- what whylogs' own drift gets wrong ----------------------------------------------------------------------------


def compared(reference: object, window: object) -> dict[str, Reading]:
    sides = (Profile.of(pd.DataFrame({"x": values})) for values in (reference, window))
    found = compare(*sides, [Column(name="x", type="string", role="feature")], None, POLICY)
    return {reading.kind: reading for reading in found}


def test_one_unseen_row_in_fifty_thousand_is_no_drift() -> None:
    rng = np.random.default_rng(30)
    common = rng.choice(list("abcd"), 50_000)
    found = compared(common, [*rng.choice(list("abcd"), 49_999), "new"])
    assert {kind: reading.verdict for kind, reading in found.items()} == {"feature": "no drift", "unseen": "no drift"}


def test_the_same_long_tail_in_few_rows_is_no_drift() -> None:
    shares = 1 / np.arange(1, 51) / (1 / np.arange(1, 51)).sum()
    draw = lambda n, seed: np.random.default_rng(seed).choice(50, n, p=shares).astype(str).astype(object)  # noqa: E731
    found = compared(draw(50_000, 31), draw(500, 32))
    assert found["feature"].p_value > 0.01
    assert "drift" not in {reading.verdict for reading in found.values()}


def test_ids_that_are_all_new_are_drift_and_ever_new_ones_are_not() -> None:
    ids = lambda low, high: [f"id-{number}" for number in range(low, high)]  # noqa: E731
    assert compared(ids(0, 2000) * 10, ids(2000, 4000))["unseen"].verdict == "drift"
    assert compared(ids(0, 20_000) * 2, ids(20_000, 40_000))["unseen"].verdict == "drift"
    assert "drift" not in {one.verdict for one in compared(ids(0, 20_000), ids(20_000, 25_000)).values()}


def test_values_gone_missing_are_drift() -> None:
    rng = np.random.default_rng(33)
    found = compared(rng.normal(size=5000), np.where(rng.random(2000) < 0.6, np.nan, rng.normal(size=2000)))
    assert (found["missing"].verdict, round(found["missing"].effect, 1)) == ("drift", 0.6)
    assert found["feature"].verdict != "drift"


def test_numbers_turned_text_are_drift_by_their_type() -> None:
    numbers = np.arange(3000)
    assert compared(numbers, numbers.astype(str).astype(object))["type"].verdict == "drift"


def test_an_outlier_hides_nothing() -> None:
    rng = np.random.default_rng(34)
    assert compared(np.append(rng.normal(size=5000), 1e12), rng.normal(1, 1, 2000))["feature"].verdict == "drift"
