"""Cells to types: what becomes of a cell depends on that cell alone."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from typing import get_args

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.contract import ColumnType
from roadworthy.data.casting import ARROW_TYPES, cast, cells_of

KINDS: tuple[ColumnType, ...] = get_args(ColumnType)
ODD = """7 -7 +7 007 7.0 1e3 1e400 inf nan NA null 0x1F 1_0 seven true FALSE 1.0 0 2013-01-01 2013 soon +-7 0.1 1e-7
    2013-01-01T10:00Z 2013-01-01T10:00:00.123456789Z 2013-01-01T10:00:00+05:00 9223372036854775808 9007199254740993"""
TEXTS = st.sampled_from([*ODD.split(), "", " 7", "2013-01-01 10:00:00"])
OBJECTS = st.one_of(
    TEXTS,
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.decimals(allow_nan=False, allow_infinity=False, places=2, min_value=-1000, max_value=1000),
    st.datetimes(min_value=dt.datetime(1900, 1, 1), max_value=dt.datetime(2100, 1, 1)),
    st.dates(),
    st.just({"a": 1}),
)


@pytest.mark.parametrize(
    ("kind", "cells", "values", "failed"),
    [
        (
            "integer",
            ["7", " 7", "+7", "7.0", "1e3", "7.5", "seven", "NA", None],
            [7, 7, 7, 7, 1000] + [None] * 4,
            [5, 6],
        ),
        ("integer", [1.0, 2.5, np.nan, np.inf, 2.0**60], [1, None, None, None, None], [1, 3, 4]),
        ("number", ["0.1", "1e400", "nan", "x", "-.5"], [0.1, None, None, None, -0.5], [1, 3]),
        ("boolean", ["true", "F", "0", "1.0", "NA"], [True, None, False, True, None], [1]),
        ("boolean", [1, 0, 2], [True, False, None], [2]),
        ("string", ["NA", "", None], ["NA", "", None], []),
        ("string", [1, 2], [None, None], [0, 1]),
        ("timestamp", [1356998400], [None], [0]),
        ("number", [True, 1.5, "2", Decimal("0.5"), {"a": 1}], [None, 1.5, 2.0, 0.5, None], [0, 4]),
        ("integer", [2**64, 1], [None, 1], [0]),
    ],
)
def test_cells_become_values_or_fail(
    kind: ColumnType, cells: list[object], values: list[object], failed: list[int]
) -> None:
    found = cast(cells_of(cells), kind)
    assert found.values.type == ARROW_TYPES[kind]
    assert found.values.to_pylist() == values
    assert np.flatnonzero(found.failed).tolist() == failed


def test_moments_are_utc_whatever_they_were_delivered_as() -> None:
    noon = dt.datetime(2013, 1, 1, 12, tzinfo=dt.UTC)
    east = noon.astimezone(dt.timezone(dt.timedelta(hours=5)))
    texts = cast(
        pa.array(["2013-01-01T12:00:00Z", "2013-01-01 12:00", "2013-01-01T17:00:00+05:00", "20130101T12"]), "timestamp"
    )
    assert texts.values.to_pylist() == [noon] * 4
    assert cast(cells_of([noon, east]), "timestamp").values.to_pylist() == [noon] * 2
    assert cast(cells_of([noon, noon.replace(tzinfo=None)]), "timestamp").values.to_pylist() == [noon] * 2
    nanoseconds = pd.Series([noon.replace(tzinfo=None)]).astype("datetime64[ns]")
    assert cast(cells_of(nanoseconds), "timestamp").values.to_pylist() == [noon]
    assert cast(cells_of([dt.date(2013, 1, 1), noon]), "timestamp").values.to_pylist() == [noon.replace(hour=0), noon]


def test_no_truth_value_becomes_a_number_and_no_moment_a_date() -> None:
    assert isinstance(cells_of([1.5, None, True]), pd.Series)
    assert isinstance(cells_of([dt.date(2013, 1, 1), dt.datetime(2013, 1, 1, 5)]), pd.Series)
    assert cells_of([1, None, 2.5]).to_pylist() == [1.0, None, 2.5]


def test_all_kinds_of_arrow_and_pandas_columns_are_understood() -> None:
    for values in (
        pd.Series([1, None], dtype="Int64"),
        pd.Series([1, None], dtype="float32"),
        pa.array([1, None], pa.uint64()),
        pa.array([Decimal(1), None]),
        pa.array(["1", None]).dictionary_encode(),
        pa.array(["1", None], pa.large_string()),
    ):
        cells = values if isinstance(values, pa.Array) else cells_of(values)
        assert cast(cells, "integer").values.to_pylist() == [1, None]
    assert cast(pa.array([2**64 - 1, 1], pa.uint64()), "integer").failed.tolist() == [True, False]
    assert cast(cells_of(pd.Series([1 + 2j])), "number").failed.tolist() == [True]
    assert cast(pa.nulls(2), "string").values.to_pylist() == [None, None]


@settings(max_examples=60, deadline=None)
@given(st.lists(TEXTS | st.none(), min_size=1, max_size=12), st.sampled_from(KINDS))
def test_a_text_means_the_same_whatever_stands_beside_it(texts: list[str | None], kind: ColumnType) -> None:
    together = cast(pa.array(texts, pa.string()), kind)
    alone = [cast(pa.array([text], pa.string()), kind) for text in texts]
    assert together.values.to_pylist() == [part.values[0].as_py() for part in alone]
    assert together.failed.tolist() == [bool(part.failed[0]) for part in alone]


@settings(max_examples=80, deadline=None)
@given(st.lists(OBJECTS, min_size=1, max_size=8), st.sampled_from(KINDS))
def test_an_object_means_the_same_whatever_stands_beside_it(objects: list[object], kind: ColumnType) -> None:
    together = cast(cells_of(objects), kind)
    alone = [cast(cells_of([value]), kind) for value in objects]
    assert together.values.to_pylist() == [part.values[0].as_py() for part in alone]
    assert together.failed.tolist() == [bool(part.failed[0]) for part in alone]
