"""Row checks, held against exact counts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.contract import Column, Dataset
from roadworthy.data import quality
from roadworthy.errors import ContractError, DataError

FLIGHTS = Dataset(
    name="flights",
    columns=(
        Column(name="id", type="string", role="identifier", required=True, unique=True, pattern="^[A-Z]{2}[0-9]+$"),
        Column(name="at", type="timestamp", role="time", required=True),
        Column(name="carrier", type="string", role="feature", required=True, categories=("AA", "9E")),
        Column(name="wind", type="number", role="feature", minimum=0, maximum=150),
        Column(name="weekday", type="integer", role="feature", required=True, minimum=1, maximum=7),
        Column(name="seats", type="integer", role="feature"),
        Column(name="late", type="boolean", role="label", required=True),
    ),
)


def rows(**changes: list[object]) -> pd.DataFrame:
    good: dict[str, list[object]] = {
        "id": ["AA1", "AA2", "AA3"],
        "at": ["2013-01-01T00:00:00Z", "2013-01-01T05:00:00+05:00", "2013-01-02"],
        "carrier": ["AA", "9E", "AA"],
        "wind": [0, 150.0, None],
        "weekday": [1, 7, 3],
        "seats": [100, None, 90],
        "late": [True, False, True],
    }
    return pd.DataFrame(good | changes)


def found(**changes: list[object]) -> list[tuple[int, str, str]]:
    cases = quality.check(rows(**changes), FLIGHTS)
    assert cases.dtypes.astype(str).tolist() == ["int64", "str", "str", "str"]
    return list(cases[["row", "rule", "value"]].itertuples(index=False, name=None))


def test_good_rows_break_nothing() -> None:
    assert found() == []


@pytest.mark.parametrize(
    ("column", "values", "expected"),
    [
        ("late", [True, None, False], [(1, "late is required", "missing")]),
        ("wind", [150.1, -0.5, 3], [(0, "wind must be at most 150", "150.1"), (1, "wind must be at least 0", "-0.5")]),
        ("carrier", ["AA", "XX", "9E"], [(1, "carrier must be one of: AA, 9E", "XX")]),
        ("id", ["AA1", "AA2", "aa3"], [(2, "id must match ^[A-Z]{2}[0-9]+$", "aa3")]),
        ("id", ["AA1", "AA1", "AA1"], [(1, "id must be unique", "AA1"), (2, "id must be unique", "AA1")]),
        ("wind", [1, "strong", 2], [(1, "wind must be a finite number", "strong")]),
        ("wind", [1, np.inf, 2], [(1, "wind must be a finite number", "inf")]),
        ("wind", [1, True, 2], [(1, "wind must be a finite number", "True")]),
        ("weekday", [1, 2.5, 3], [(1, "weekday must be a whole number", "2.5")]),
        ("late", [True, "maybe", False], [(1, "late must be true or false", "maybe")]),
        ("at", ["2013-01-01", "soon", "2013"], [(1, "at must be a moment such as 2013-01-31T09:15:00Z", "soon")]),
        ("carrier", ["AA", 9, "9E"], [(1, "carrier must be text", "9")]),
        ("carrier", ["AA", {"code": "9E"}, "9E"], [(1, "carrier must be text", "{'code': '9E'}")]),
    ],
)
def test_each_rule_is_named_with_row_and_value(
    column: str, values: list[object], expected: list[tuple[int, str, str]]
) -> None:
    assert found(**{column: values}) == expected


def test_a_row_may_break_several_rules_in_the_contracts_order() -> None:
    broken = found(id=["AA1", "?", "AA3"], wind=[1, 999, 2], late=[True, None, True])
    assert broken == [
        (1, "id must match ^[A-Z]{2}[0-9]+$", "?"),
        (1, "wind must be at most 150", "999.0"),
        (1, "late is required", "missing"),
    ]


def test_rows_are_positions_whatever_the_index() -> None:
    frame = rows(wind=[1, 2, 999])
    frame.index = pd.Index([7, 7, 7])
    assert quality.check(frame, FLIGHTS)["row"].tolist() == [2]


def test_text_is_cast_as_a_csv_file_holds_it() -> None:
    text = rows(
        wind=["0", "1.5e1", "NA"], weekday=["1", " 2", "+3"], seats=["100", None, "90.0"], late=["true", "False", "1"]
    )
    values, failures = quality.cast(text, FLIGHTS)
    assert failures.empty
    assert values.astype(FLIGHTS.dtypes).dtypes.astype(str).to_dict() == FLIGHTS.dtypes
    assert values["wind"].tolist()[:2] == [0.0, 15.0]
    assert np.isnan(values["wind"].iloc[2])
    assert values["late"].tolist() == [True, False, True]
    assert values["weekday"].tolist() == [1, 2, 3]
    assert values["at"].tolist() == [pd.Timestamp("2013-01-01", tz="UTC")] * 2 + [pd.Timestamp("2013-01-02", tz="UTC")]


def test_the_word_na_is_text_where_text_is_wanted() -> None:
    values, failures = quality.cast(rows(carrier=["NA", "nan", None]), FLIGHTS)
    assert values["carrier"].tolist()[:2] == ["NA", "nan"]
    assert values["carrier"].isna().tolist() == [False, False, True]
    assert failures.empty


def test_large_whole_numbers_keep_their_last_digit() -> None:
    for values in ([2**53 + 1, 1, 2], [str(2**53 + 1), "1", "2"]):
        assert quality.cast(rows(weekday=list(values)), FLIGHTS)[0]["weekday"].iloc[0] == 2**53 + 1


def test_rows_are_cast_into_the_contracts_order_of_columns() -> None:
    shuffled = rows()[["late", "seats", "weekday", "wind", "carrier", "at", "id"]]
    assert quality.cast(shuffled, FLIGHTS)[0].columns.tolist() == list(FLIGHTS.dtypes)
    some, _ = quality.cast(shuffled, FLIGHTS, columns=FLIGHTS.with_role("feature"))
    assert some.columns.tolist() == ["carrier", "wind", "weekday", "seats"]


def test_a_missing_column_and_a_column_of_a_wrong_type_are_named() -> None:
    with pytest.raises(DataError, match="Column 'at' of dataset 'flights' is missing"):
        quality.check(rows().drop(columns="at"), FLIGHTS)
    with pytest.raises(DataError, match=r"'wind' must be a finite number, and none of its 2 values is.*'calm'"):
        quality.check(rows(wind=["calm", "strong", None]), FLIGHTS)
    with pytest.raises(DataError, match="'at' must be a moment"):
        quality.check(rows(at=[1356998400, 1356998401, 1356998402]), FLIGHTS)


def test_a_contract_that_cannot_be_checked_is_named() -> None:
    def with_column(**fields: object) -> Dataset:
        column = Column.model_validate({"name": "wind", "type": "number", "role": "feature"} | fields)
        return Dataset(name="flights", columns=(column,))

    with pytest.raises(ContractError, match="not a regular expression"):
        quality.check(rows(), with_column(pattern="("))
    with pytest.raises(ContractError, match="'calm' in its enum is not a finite number"):
        quality.check(rows(), with_column(categories=("1", "calm")))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-300, 300) | st.none(), min_size=1, max_size=30))
def test_limits_catch_exactly_what_is_outside(winds: list[float | None]) -> None:
    dataset = Dataset(name="flights", columns=(FLIGHTS.column("wind"),))
    cases = quality.check(pd.DataFrame({"wind": pd.Series(winds, dtype="float64")}), dataset)
    assert cases["row"].tolist() == [i for i, wind in enumerate(winds) if wind is not None and not 0 <= wind <= 150]


@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(["AA1", "AA2", "AA3"]), min_size=1, max_size=12))
def test_of_equal_values_the_first_stays(ids: list[str]) -> None:
    dataset = Dataset(name="flights", columns=(FLIGHTS.column("id"),))
    cases = quality.check(pd.DataFrame({"id": ids}), dataset)
    assert cases["row"].tolist() == [i for i, value in enumerate(ids) if value in ids[:i]]
