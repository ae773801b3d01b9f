"""Differences of the columns: all of them, by name, at once."""

from __future__ import annotations

import pyarrow as pa

from roadworthy.contract import Column, Dataset
from roadworthy.data.layout import Change, differences, kind_of

FLIGHTS = Dataset(
    name="flights",
    columns=(
        Column(name="id", type="string", role="identifier"),
        Column(name="departure_delay", type="number", role="feature"),
        Column(name="seats", type="integer", role="feature"),
        Column(name="gate", type="string", role="other"),
    ),
)


def said(cells: dict[str, pa.Array], *changes: Change, gaps: bool = False) -> str:
    error = differences(cells, FLIGHTS, FLIGHTS.columns, changes, gaps=gaps)
    return "" if error is None else str(error)


def columns(*names: str) -> dict[str, pa.Array]:
    return {name: pa.array(["1"]) for name in names}


def test_columns_in_another_order_are_no_difference() -> None:
    assert said(columns("gate", "seats", "departure_delay", "id")) == ""


def test_everything_that_differs_is_said_at_once() -> None:
    change = Change(FLIGHTS.column("seats"), 12, "text", "many")
    words = said(columns("id", "seats", "dep_delay", "airline"), change)
    assert "Column 'departure_delay' of dataset 'flights' is missing; 'dep_delay' looks like it" in words
    assert "Column 'gate' of dataset 'flights' is missing" in words
    assert "has no column 'airline'" in words
    assert (
        "'seats' must be a whole number, and none of its 12 values is: it holds text now, the first is 'many'" in words
    )
    assert "roadworthy contract diff" in words


def test_a_column_under_another_name_in_its_place_is_recognised_by_its_values() -> None:
    renamed = columns("id", "departure_delay", "n", "gate")
    assert "'seats' of dataset 'flights' is missing; 'n' looks like it" in said(renamed)
    words = said(renamed | {"n": pa.array(["many"])})
    assert "'seats' of dataset 'flights' is missing;" in words
    assert "looks like" not in words


def test_gaps_leave_only_the_unknown() -> None:
    assert said(columns("id"), gaps=True) == ""
    assert "has no column 'airline'" in said(columns("airline"), gaps=True)


def test_what_a_column_holds_is_said_in_words() -> None:
    assert kind_of(pa.array(["a"])) == "text"
    assert kind_of(pa.array([1])) == "whole numbers"
    assert kind_of(pa.array([True])) == "truth values"
