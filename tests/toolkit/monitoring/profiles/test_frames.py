"""What pandas holds and whylogs' own logging cannot read, or reads wrongly, is profiled rightly."""

from __future__ import annotations

import datetime
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import whylogs

from roadworthy.monitoring.profiles import ColumnSummary, Count, Profile, ProfileSet


def summary(values: object) -> ColumnSummary:
    return Profile.from_bytes(Profile.of(pd.DataFrame({"x": values})).to_bytes()).column("x")


def objects(*values: object) -> pd.Series:
    return pd.Series(list(values), dtype=object)


COLUMNS: dict[str, tuple[object, str, int]] = {  # values, kind, missing
    "half a float": (pd.Series([1.5, 2, np.nan], dtype="float16"), "numeric", 1),
    "sparse": (pd.Series(pd.arrays.SparseArray([0.0, 0.0, 1.0])), "numeric", 0),
    "arrow decimals": (pd.Series([Decimal("1.25"), None], dtype=pd.ArrowDtype(pa.decimal128(5, 2))), "numeric", 1),
    "arrow text": (pd.Series(["a", None], dtype=pd.ArrowDtype(pa.string())), "categorical", 1),
    "text in Python": (pd.Series(["a", None], dtype=pd.StringDtype("python", na_value=np.nan)), "categorical", 1),
    "nullable text": (pd.Series(["a", None], dtype="string"), "categorical", 1),
    "periods": (pd.Series(pd.period_range("2013-01", periods=3, freq="M")), "categorical", 0),
    "bins": (pd.cut(pd.Series([1.0, 2.0, np.nan]), 2), "categorical", 1),
    "category of truth": (pd.Series([True, None, False], dtype="category"), "categorical", 1),
    "category of times": (pd.Series(pd.to_datetime(["2013-01-01", None])).astype("category"), "numeric", 1),
    "category of nothing": (pd.Series([None, None], dtype="category"), "empty", 2),
    "time zones": (pd.Series(pd.to_datetime(["2013-01-01", None])).dt.tz_localize("US/Eastern"), "numeric", 1),
    "objects: small floats": (objects(np.float32(1.5), None), "numeric", 1),
    "objects: whole and not": (objects(1, 2.5, pd.NA), "numeric", 1),
    "objects: times": (objects(pd.Timestamp("2013-01-01", tz="UTC"), pd.NaT), "numeric", 1),
    "objects: zones": (
        objects(pd.Timestamp("2013-01-01", tz="UTC"), pd.Timestamp("2013-01-01", tz="US/Eastern")),
        "numeric",
        0,
    ),
    "objects: durations": (objects(datetime.timedelta(hours=1), None), "numeric", 1),
    "objects: times of day": (objects(datetime.time(12), None), "numeric", 1),
    "objects: bytes": (objects(b"a", None, b"a"), "categorical", 1),
    "objects: of no kind": (objects(object(), ...), "categorical", 0),
    "objects: decimals of no number": (objects(Decimal("NaN"), Decimal(1)), "numeric", 1),
    "objects: long decimals": (objects(Decimal("1." + "3" * 90), Decimal(10) ** 60), "numeric", 0),
}


@pytest.mark.parametrize("name", COLUMNS)
def test_columns_of_pandas(name: str) -> None:
    values, kind, missing = COLUMNS[name]
    column = summary(values)
    assert (column.n, column.missing, column.kind) == (len(values), missing, kind)  # type: ignore[arg-type]
    if kind == "categorical":
        assert sum(count.lower for count in column.counts().values()) == column.values


def test_the_values_of_columns_of_pandas() -> None:
    assert summary(COLUMNS["arrow decimals"][0]).maximum == 1.25
    assert summary(COLUMNS["sparse"][0]).mean == pytest.approx(1 / 3)
    assert summary(COLUMNS["time zones"][0]).maximum == pd.Timestamp("2013-01-01", tz="US/Eastern").timestamp()
    assert summary(COLUMNS["objects: zones"][0]).maximum == pd.Timestamp("2013-01-01", tz="US/Eastern").timestamp()
    assert summary(COLUMNS["objects: durations"][0]).maximum == 3600
    assert summary(COLUMNS["objects: times of day"][0]).maximum == 12 * 3600
    assert list(summary(COLUMNS["bins"][0]).counts()) == ["(0.999, 1.5]", "(1.5, 2.0]"]
    assert summary(COLUMNS["objects: long decimals"][0]).maximum == 1e60


# --- what whylogs' own logging does not ----------------------------------------------------------------------------


def logged(frame: pd.DataFrame) -> pd.DataFrame:
    """Return whylogs' table of a frame that it logs itself."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table: pd.DataFrame = whylogs.log(pandas=frame).view().to_pandas()
        return table


def broken(frame: pd.DataFrame) -> bool:
    try:
        logged(frame)
    except Exception:
        return True
    return False


BREAKS: dict[str, pd.DataFrame] = {
    "category with gaps": pd.DataFrame({"x": pd.Series(["a", None, "b"], dtype="category")}),
    "category of one": pd.DataFrame({"x": pd.Series(["a", "a"], dtype="category")}),
    "category of several kinds": pd.DataFrame({"x": pd.Series(["a", 1, 2.5], dtype="category")}),
    "large integers": pd.DataFrame({"x": objects(2**63, 1)}),
    "names that are no text": pd.DataFrame({1: [1.0, 2.0]}),
    "lone surrogates": pd.DataFrame({"x": objects("\ud800", "a")}),
}


@pytest.mark.parametrize("name", BREAKS)
def test_what_ends_whylogs_logging(name: str) -> None:
    frame = BREAKS[name]
    assert broken(frame), "whylogs logs it by now: this need no longer be told"
    profile = Profile.of(frame.assign(good=1.0))
    column = profile.column(str(frame.columns[0]))
    assert (column.n, column.missing) == (len(frame), int(frame.isna().sum().sum()))
    assert column.kind == ("numeric" if name in ("large integers", "names that are no text") else "categorical")
    assert profile.column("good").mean == 1.0


def test_segments_with_gaps() -> None:
    frame = pd.DataFrame({"origin": pd.Series(["JFK", None, "JFK"], dtype="str"), "fare": [1.0, 2.0, 3.0]})
    by_origin = frame.groupby("origin", dropna=False, observed=True)
    segments = ProfileSet({str(origin): Profile.of(rows) for origin, rows in by_origin})
    assert {origin: profile.rows for origin, profile in segments.items()} == {"JFK": 2, "nan": 1}


def test_missing_text_is_not_a_missing_number() -> None:
    frame = pd.DataFrame({"x": pd.Series(["a", None, "b"], dtype="str")})
    assert logged(frame).loc["x", "counts/nan"] == 1
    assert (summary(frame["x"]).missing, summary(frame["x"]).not_a_number) == (1, 0)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_one_bad_number_leaves_the_mean(bad: float) -> None:
    column = Profile.merged(Profile.of(pd.DataFrame({"x": [value]})) for value in (1.0, bad, 3.0)).column("x")
    assert (column.mean, column.standard_deviation, column.missing) == (2.0, pytest.approx(2**0.5), 1)


def test_a_part_that_begins_with_nothing_has_a_distribution() -> None:
    parts = [objects(None), objects(pd.NA), objects(1.5), objects(np.float32(2.5))]
    column = Profile.merged(Profile.of(pd.DataFrame({"x": part})) for part in parts).column("x")
    assert (column.kind, column.missing, column.mean) == ("numeric", 2, 2.0)


def test_large_unsigned_integers_do_not_wrap() -> None:
    values = pd.Series([2**63 + 5, 2**64 - 1, 7], dtype="uint64")
    assert (summary(values).minimum, summary(values).maximum) == (7, float(2**64 - 1))
    assert summary(values).counts()[str(2**64 - 1)] == Count(1, 1)


def test_times_have_a_distribution() -> None:
    frame = pd.DataFrame({"x": pd.date_range("2013-01-01", periods=5, tz="UTC")})
    assert "distribution/n" not in logged(frame) or logged(frame).loc["x", "distribution/n"] == 0
    assert summary(frame["x"]).quantiles([0.5])[0] == frame["x"][2].timestamp()


def test_columns_of_one_name_are_all_there() -> None:
    profile = Profile.of(pd.DataFrame([[1.0, 2.0]], columns=["x", "x"]))
    assert {name: profile.column(name).mean for name in profile.columns} == {"x": 1.0, "x.1": 2.0}


def test_no_row_of_many_small_batches_is_lost() -> None:
    batches = [pd.DataFrame({"x": [float(i)]}) for i in range(50)]
    assert Profile.of_batches(batches).column("x").mean == 24.5


def test_numbers_too_far_apart_spoil_no_other_column() -> None:
    one, other = (Profile.of(pd.DataFrame({"far": [far, far], "near": [1.0, 2.0]})) for far in (1e300, -1e300))
    merged = Profile.from_bytes(one.to_bytes()).merge(Profile.from_bytes(other.to_bytes()))
    assert (merged.column("near").n, merged.column("near").mean) == (4, 1.5)
    assert (merged.column("far").n, merged.column("far").minimum, merged.column("far").maximum) == (4, -1e300, 1e300)
    assert merged.column("far").standard_deviation == np.inf
