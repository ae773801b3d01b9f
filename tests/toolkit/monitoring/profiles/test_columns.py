"""Columns of every Arrow type are profiled, as whylogs does where it is right."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import whylogs

from roadworthy.monitoring.profiles import ColumnSummary, Count, Profile

TEXT = [pa.string(), pa.large_string(), pa.string_view()]
WHOLE = [pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64()]
DECIMAL = [pa.decimal32(5, 2), pa.decimal64(5, 2), pa.decimal128(5, 2), pa.decimal256(50, 2)]
SECONDS = {  # of the number 5
    pa.timestamp("s"): 5.0,
    pa.timestamp("ms", "UTC"): 5e-3,
    pa.timestamp("us"): 5e-6,
    pa.timestamp("ns", "America/New_York"): 5e-9,
    pa.date32(): 5 * 86_400.0,
    pa.date64(): 5e-3,
    pa.time32("s"): 5.0,
    pa.time64("us"): 5e-6,
    pa.duration("ms"): 5e-3,
}


def summary(array: pa.Array | pa.ChunkedArray) -> ColumnSummary:
    return Profile.from_bytes(Profile.of(pa.table({"x": array})).to_bytes()).column("x")


def told(column: ColumnSummary) -> tuple[int, int, str]:
    return column.n, column.missing, column.kind


@pytest.mark.parametrize("kind", TEXT, ids=str)
def test_text(kind: pa.DataType) -> None:
    for array in (pa.array(["a", None, "b", "a"], kind), pa.array(["a", None, "b", "a"]).dictionary_encode()):
        column = summary(array)
        assert told(column) == (4, 1, "categorical")
        assert column.counts() == {"a": Count(2, 2), "b": Count(1, 1)}
        assert column.cardinality.estimate == pytest.approx(2, rel=0.01)


@pytest.mark.parametrize("kind", [*WHOLE, pa.float16(), pa.float32(), pa.float64(), *DECIMAL], ids=str)
def test_numbers(kind: pa.DataType) -> None:
    column = summary(pa.array([5.0, None, 7.0, 5.0]).cast(kind))
    assert told(column) == (4, 1, "numeric")
    assert (column.minimum, column.maximum) == (5, 7)
    assert column.mean == pytest.approx(17 / 3)
    assert column.standard_deviation == pytest.approx(np.std([5, 5, 7], ddof=1))
    assert column.cardinality.estimate == pytest.approx(2, rel=0.01)
    assert column.types["integral" if pa.types.is_integer(kind) else "fractional"] == 3


@pytest.mark.parametrize("kind", WHOLE, ids=str)
def test_the_ends_of_whole_numbers(kind: pa.DataType) -> None:
    info = np.iinfo(kind.to_pandas_dtype())
    for repeats in (1, 70_000):
        column = summary(pa.array([info.min, info.max] * repeats, kind))
        assert (column.minimum, column.maximum) == (float(info.min), float(info.max))
        assert column.counts() == {str(bound): Count(repeats, repeats) for bound in (info.min, info.max)}


@pytest.mark.parametrize(("kind", "seconds"), SECONDS.items(), ids=map(str, SECONDS))
def test_times_are_distributions_in_time(kind: pa.DataType, seconds: float) -> None:
    width = pa.int32() if kind.bit_width == 32 else pa.int64()
    column = summary(pa.array([5, None, 10], width).cast(kind))
    assert told(column) == (3, 1, "numeric")
    assert list(column.quantiles([0, 1])) == pytest.approx([seconds, 2 * seconds], abs=1e-12)


def test_days_are_whole_seconds() -> None:
    days = np.arange(-20_000, 40_000)
    column = summary(pa.array(days, pa.int32()).cast(pa.date32()))
    assert {float(value) % 86_400 for value in column.quantiles(np.linspace(0, 1, 500))} == {0.0}


OTHERS: dict[str, tuple[pa.Array, tuple[int, int, str], list[str]]] = {
    "truth": (pa.array([True, None, False, True]), (4, 1, "categorical"), ["True", "False"]),
    "nothing": (pa.nulls(3), (3, 3, "empty"), []),
    "no text at all": (pa.array([None, None], pa.string()), (2, 2, "empty"), []),
    "no rows": (pa.array([], pa.float64()), (0, 0, "empty"), []),
    "bytes": (pa.array([b"\xff", None, b"\xff"]), (3, 1, "categorical"), ["b'\\xff'"]),
    "view of bytes": (pa.array([b"\xff", None], pa.binary_view()), (2, 1, "categorical"), ["b'\\xff'"]),
    "lists": (pa.array([[1, 2], None, [1, 2]]), (3, 1, "categorical"), ["[1, 2]"]),
    "records": (pa.array([{"a": 1}, None]), (2, 1, "categorical"), ["{'a': 1}"]),
    "runs": (
        pa.RunEndEncodedArray.from_arrays(pa.array([2, 3], pa.int32()), pa.array(["a", "b"])),
        (3, 0, "categorical"),
        ["a", "b"],
    ),
    "a dictionary with gaps and doubles": (
        pa.DictionaryArray.from_arrays(pa.array([0, 1, 2, None]), pa.array(["a", "a", None])),
        (4, 2, "categorical"),
        ["a"],
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_types(name: str) -> None:
    array, expected, categories = OTHERS[name]
    column = summary(array)
    assert told(column) == expected
    if expected[2] == "categorical":
        assert list(column.counts()) == categories
        assert sum(count.lower for count in column.counts().values()) == column.values


def test_a_dictionary_of_numbers_and_one_in_chunks() -> None:
    assert told(summary(pa.array([1, 2, None, 1]).dictionary_encode())) == (4, 1, "numeric")
    chunks = [pa.array(texts).dictionary_encode() for texts in (["a", "b"], ["b", None, "c"])]
    counts = summary(pa.chunked_array(chunks)).counts()
    assert counts == {"b": Count(2, 2), "a": Count(1, 1), "c": Count(1, 1)}


def test_what_is_missing_is_not_what_is_no_number_nor_infinite() -> None:
    column = summary(pa.array([None, np.nan, np.nan, np.inf, -np.inf, 1.0, 3.0]))
    assert (column.n, column.missing, column.not_a_number, column.infinite, column.values) == (7, 5, 2, 2, 2)
    assert (column.mean, column.minimum, column.maximum) == (2.0, 1.0, 3.0)
    assert column.types["fractional"] == 4


def test_negative_zero_is_zero() -> None:
    assert summary(pa.array([0.0, -0.0] * 2000)).cardinality.estimate == pytest.approx(1, rel=0.01)


def test_what_whylogs_logs_rightly_is_the_same() -> None:
    rng = np.random.default_rng(0)
    n = 5000
    frame = pd.DataFrame(
        {
            "number": rng.normal(50, 10, n),
            "gaps": pd.Series(rng.normal(size=n)).mask(rng.random(n) < 0.1),
            "whole": rng.integers(-5, 300, n),
            "truth": rng.random(n) < 0.3,
            "text": rng.choice(["UA", "B6", "EV"], n),
        }
    )
    ours, theirs = Profile.of(frame).view.to_pandas(), whylogs.log(pandas=frame).view().to_pandas()
    exact = [name for name in theirs if name.split("/")[0] in ("counts", "types", "ints")]
    exact += ["distribution/n", "distribution/min", "distribution/max"]
    for column in frame:
        for name in exact:
            assert agree(ours, theirs, column, name, 0), (column, name)
        for name in ("distribution/mean", "distribution/stddev"):
            assert agree(ours, theirs, column, name, 1e-9), (column, name)
        assert agree(ours, theirs, column, "cardinality/est", 0.06)
        if column in ("truth", "text", "whole"):
            assert items(ours, column) == items(theirs, column)
    for column in ("number", "gaps"):  # whylogs' sketch is off by up to 1 % of the ranks, ours is not
        for share, name in ((0.05, "q_05"), (0.5, "median"), (0.95, "q_95")):
            low, high = frame[column].quantile([share - 0.02, share + 0.02])
            assert low <= ours.loc[column, f"distribution/{name}"] <= high
            assert low <= theirs.loc[column, f"distribution/{name}"] <= high


def agree(ours: pd.DataFrame, theirs: pd.DataFrame, column: object, name: str, rel: float) -> bool:
    """Whether a figure is the same, or whylogs says nothing but of empty sketches."""
    there: Any = theirs.loc[column, name]
    here: Any = ours.loc[column, name]
    unset = pd.isna(there) or abs(there) >= sys.maxsize
    nothing = unset or (pd.isna(here) and theirs.loc[column, "distribution/n"] == 0)
    return bool(nothing or here == pytest.approx(there, rel=rel, abs=0))


def items(table: pd.DataFrame, column: str) -> dict[str, int]:
    return {item.value: item.est for item in table.loc[column, "frequent_items/frequent_strings"]}
