"""Profiles say what the rows say, merge as the rows do, and are whylogs' own."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import whylogs
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from roadworthy.errors import MonitoringError
from roadworthy.monitoring.profiles import Count, Profile

SHARES = np.linspace(0.02, 0.98, 49)


def mixed(n: int, seed: int = 0) -> pd.DataFrame:
    """Every dtype the contract has, with missing values where it allows them."""
    rng = np.random.default_rng(seed)
    gaps = rng.random(n) < 0.1
    return pd.DataFrame(
        {
            "number": pd.Series(rng.normal(50, 10, n)).mask(gaps),
            "integer": rng.integers(0, 7, n),
            "boolean": rng.random(n) < 0.3,
            "maybe": pd.Series(rng.random(n) < 0.3, dtype="boolean").mask(gaps),
            "text": pd.Series(rng.choice(["UA", "B6", "EV"], n), dtype="str").mask(gaps),
            "time": pd.Timestamp("2013-01-01", tz="UTC") + pd.to_timedelta(rng.integers(0, 10**6, n), unit="s"),
        }
    )


def exact_cdf(values: NDArray[np.float64], points: NDArray[np.float64], side: str = "right") -> NDArray[np.float64]:
    return np.searchsorted(np.sort(values), points, side=side) / len(values)  # type: ignore[call-overload,no-any-return]


def test_every_kind_of_column_is_counted() -> None:
    frame = mixed(5000)
    profile = Profile.of(frame)
    assert (profile.rows, profile.columns) == (5000, tuple(sorted(frame)))
    for name in frame:
        column = profile.column(name)
        assert (column.n, column.missing) == (5000, frame[name].isna().sum())
        assert column.kind == ("categorical" if name in ("boolean", "maybe", "text") else "numeric")
    assert profile.column("text").counts() == {
        name: Count(count, count) for name, count in frame["text"].value_counts().items()
    }
    assert profile.column("maybe").counts()["True"] == Count(*[int(frame["maybe"].sum())] * 2)
    assert list(profile.column("integer").quantiles([0, 1])) == [0, 6]
    assert profile.column("time").quantiles([0])[0] == frame["time"].min().timestamp()


@pytest.mark.parametrize("n", [1, 700, 60_000])
def test_distribution_is_within_the_sketch_error(n: int) -> None:
    values = np.random.default_rng(1).gamma(2, 10, n).round(1)
    column = Profile.of(pd.DataFrame({"x": values})).column("x")
    points = np.unique(np.quantile(values, SHARES))
    tolerated = 4 * column.rank_error
    assert np.abs(column.cdf(points) - exact_cdf(values, points)).max() <= tolerated + 1e-12
    below = column.cdf(points, inclusive=False)
    assert np.abs(below - exact_cdf(values, points, "left")).max() <= tolerated + 1e-12
    assert (tolerated == 0) == (n <= 2048)
    assert np.abs(exact_cdf(values, column.quantiles(SHARES)) - SHARES).max() <= tolerated + 0.02 + (n == 1)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.integers(0, 900), max_size=4), st.integers(0, 99))
def test_profiles_of_parts_merge_to_the_profile_of_the_whole(cuts: list[int], seed: int) -> None:
    frame = mixed(900, seed)
    edges = [0, *sorted(cuts), 900]
    parts = [Profile.of(frame.iloc[a:b]) for a, b in pairwise(edges)]
    merged, whole = Profile.merged(parts), Profile.of(frame)
    assert merged.columns == whole.columns
    for name in whole.columns:
        one, all_ = merged.column(name), whole.column(name)
        assert (one.n, one.missing, one.kind) == (all_.n, all_.missing, all_.kind)
        if one.kind == "categorical":
            assert one.counts() == all_.counts()
        else:
            assert list(one.quantiles(SHARES)) == list(all_.quantiles(SHARES))
        assert one.cardinality.estimate == pytest.approx(all_.cardinality.estimate, rel=0.05)
    assert sum(part.rows for part in parts) == merged.rows == 900


def test_merging_large_parts_stays_within_the_sketch_error_and_changes_neither() -> None:
    frames = [mixed(20_000, seed) for seed in range(3)]
    parts = [Profile.of(frame) for frame in frames]
    before = [part.to_bytes() for part in parts]
    merged = Profile.merged(parts).column("number")
    assert [part.to_bytes() for part in parts] == before
    values = pd.concat(frames)["number"].dropna().to_numpy()
    points = np.unique(np.quantile(values, SHARES))
    assert np.abs(merged.cdf(points) - exact_cdf(values, points)).max() <= 4 * merged.rank_error


def test_bytes_are_whylogs_own_both_ways(tmp_path: Path, same: Callable[[Profile, Profile], None]) -> None:
    frame = mixed(3000)
    Profile.of(frame).write(tmp_path / "reference.profile.bin")
    view = whylogs.DatasetProfileView.read(str(tmp_path / "reference.profile.bin"))
    table = view.to_pandas()
    assert table.loc["number", "counts/n"] == 3000
    assert table.loc["number", "counts/null"] == frame["number"].isna().sum()
    assert table.loc["number", "distribution/mean"] == pytest.approx(frame["number"].mean())
    assert table.loc["number", "distribution/stddev"] == pytest.approx(frame["number"].std())
    assert table.loc["boolean", "counts/true"] == frame["boolean"].sum()
    assert table.loc["text", "types/string"] == frame["text"].notna().sum()
    again = Profile.read(tmp_path / "reference.profile.bin")
    same(again, Profile.of(frame))
    same(Profile.from_bytes(again.to_bytes()), again)
    theirs = whylogs.log(frame[["number", "text"]].dropna()).view()
    logged = Profile.from_bytes(theirs.serialize())
    assert (
        logged.column("text").counts() == Profile.of(frame[["text"]][frame["number"].notna()]).column("text").counts()
    )
    assert logged.merge(again).rows == 3000 + frame["number"].notna().sum()


HARD: dict[str, tuple[object, str, int]] = {  # what whylogs' own logging gets wrong: kind, missing
    "str with gaps": (pd.Series(["a", None, "b", None], dtype="str"), "categorical", 2),
    "category with gaps": (pd.Series(["a", None, "a", "a"], dtype="category"), "categorical", 1),
    "category of numbers": (pd.Series([1, 2, None, 4]).astype("category"), "numeric", 1),
    "infinities": (pd.Series([1.0, np.inf, -np.inf, np.nan]), "numeric", 3),
    "only infinities": (pd.Series([np.inf] * 4), "empty", 4),
    "nullable integers": (pd.Series([1, None, 3, 4], dtype="Int64"), "numeric", 1),
    "nullable floats": (pd.Series([1.5, None, 3, 4], dtype="Float32"), "numeric", 1),
    "float32": (pd.Series([1.5, 2, 3, 4], dtype="float32"), "numeric", 0),
    "large unsigned": (pd.Series([2**63 + 5, 1, 2, 3], dtype="uint64"), "numeric", 0),
    "huge integers": (pd.Series([2**70, 1, None, 3], dtype=object), "numeric", 1),
    "decimals": (pd.Series([Decimal("1.25"), None, Decimal(3), Decimal(4)], dtype=object), "numeric", 1),
    "times with gaps": (pd.Series(pd.to_datetime(["2013-01-01", None, "2013-01-02", "2013-01-03"])), "numeric", 1),
    "dates": (pd.Series([datetime.date(2013, 1, day) for day in (1, 2, 3, 4)], dtype=object), "numeric", 0),
    "durations": (pd.Series(pd.to_timedelta([1, 2, None, 4], unit="h")), "numeric", 1),
    "objects of true": (pd.Series([True, None, False, True], dtype=object), "categorical", 1),
    "mixed objects": (pd.Series(["a", 1, None, 2.5], dtype=object), "categorical", 1),
    "lists": (pd.Series([[1], [1], {"a": 1}, None], dtype=object), "categorical", 1),
    "lone surrogates": (pd.Series(["\ud800", "a", "\ud800", "a"], dtype=object), "categorical", 0),
    "long text": (pd.Series(["x" * 5000, "y", "y", "y"], dtype="str"), "categorical", 0),
    "all missing numbers": (pd.Series([np.nan] * 4), "empty", 4),
    "all missing text": (pd.Series([None] * 4, dtype="str"), "empty", 4),
    "all missing objects": (pd.Series([None] * 4, dtype=object), "empty", 4),
    "complex": (pd.Series([1 + 2j, 2, 3, 4]), "unreadable", 0),
    "beyond numbers": (pd.Series([10**400, 1, 2, 3], dtype=object), "unreadable", 0),
}


def test_one_bad_column_never_spoils_the_others() -> None:
    frame = pd.DataFrame({name: series for name, (series, _, _) in HARD.items()})
    read = Profile.from_bytes(Profile.of(frame).to_bytes())
    doubled = read.merge(Profile.of(frame))
    expected = {name: (4, missing, kind) for name, (_, kind, missing) in HARD.items()}
    assert {c: (read.column(c).n, read.column(c).missing, read.column(c).kind) for c in read.columns} == expected
    assert {c: (doubled.column(c).n, doubled.column(c).missing) for c in doubled.columns} == {
        name: (8, 2 * missing) for name, (_, _, missing) in HARD.items()
    }


def test_values_of_hard_columns_are_right() -> None:
    read = Profile.of(pd.DataFrame({name: series for name, (series, _, _) in HARD.items()}))
    assert list(read.column("infinities").quantiles([0, 1])) == [1.0, 1.0]
    assert read.column("large unsigned").quantiles([1])[0] == float(2**63 + 5)
    assert list(read.column("decimals").quantiles([0, 1])) == [1.25, 4.0]
    assert read.column("durations").quantiles([1])[0] == 4 * 3600
    assert read.column("lone surrogates").counts() == {"\\ud800": Count(2, 2), "a": Count(2, 2)}
    assert read.column("str with gaps").counts() == {"a": Count(1, 1), "b": Count(1, 1)}
    assert read.view.get_column("str with gaps").get_metric("counts").nan.value == 0


def test_column_names_that_are_no_strings_or_not_unique() -> None:
    assert Profile.of(pd.DataFrame({1: [2.0]})).column("1").n == 1
    frame = pd.DataFrame([[1, 2, 3, 4, 5]], columns=pd.Index(["a", "a", "a.1", "\ud800", "a"], dtype=object))
    for rows in (frame, pa.table([[1], [2], [3], [4], [5]], names=["a", "a", "a.1", "\\ud800", "a"])):
        profile = Profile.from_bytes(Profile.of(rows).to_bytes())
        assert {name: profile.column(name).maximum for name in profile.columns} == {
            "a": 1,
            "a.2": 2,
            "a.1": 3,
            "\\ud800": 4,
            "a.3": 5,
        }


def test_many_categories_are_known_within_bounds() -> None:
    rng = np.random.default_rng(3)
    codes = rng.zipf(1.3, 60_000) % 20_000
    column = Profile.of(pd.DataFrame({"id": [f"id-{code}" for code in codes]})).column("id")
    truth = pd.Series(codes).map("id-{}".format).value_counts()
    assert not column.exact
    for item, count in column.counts().items():
        assert count.lower <= truth[item] <= count.upper
    assert truth.drop(list(column.counts())).max() <= column.most_of_a_forgotten_category
    cardinality = column.cardinality
    assert cardinality.low <= len(truth) <= cardinality.high
    assert column.joint_cardinality(column).estimate == pytest.approx(cardinality.estimate, rel=0.01)


def test_three_thousand_categories_are_exact() -> None:
    column = Profile.of(pd.DataFrame({"id": [f"id-{i % 3000}" for i in range(9000)]})).column("id")
    assert column.exact
    assert set(column.counts().values()) == {Count(3, 3)}


def test_a_column_asked_for_what_it_has_not_says_so() -> None:
    profile = Profile.of(pd.DataFrame({"text": ["a"], "number": [1.0]}))
    with pytest.raises(MonitoringError, match="text holds no numbers"):
        profile.column("text").quantiles([0.5])
    with pytest.raises(MonitoringError, match="number holds no categories"):
        profile.column("number").counts()
    absent = profile.column("absent")
    assert (absent.n, absent.values, absent.kind, absent.cardinality.estimate) == (0, 0, "empty", 0)


def test_no_rows_at_all() -> None:
    profile = Profile.from_bytes(Profile.of(mixed(5).iloc[:0]).to_bytes())
    assert profile.rows == 0
    assert {profile.column(name).kind for name in profile.columns} == {"empty"}
    assert Profile.of(pd.DataFrame()).rows == 0


@pytest.mark.parametrize("content", [b"", b"nonsense", b"WHY1nonsense"])
def test_bytes_that_are_no_profile_are_refused(content: bytes) -> None:
    with pytest.raises(MonitoringError, match="not a readable whylogs profile"):
        Profile.from_bytes(content)


def test_a_truncated_or_missing_file_is_refused(tmp_path: Path) -> None:
    whole = Profile.of(mixed(100)).to_bytes()
    (tmp_path / "half").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(MonitoringError, match="not a readable"):
        Profile.read(tmp_path / "half")
    with pytest.raises(MonitoringError, match="cannot be read: No such file"):
        Profile.read(tmp_path / "none")
