"""A row's JSON Schema, held against the row checks."""

from __future__ import annotations

from typing import Any

import jsonschema
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.contract import Column, Dataset, Relation
from roadworthy.contract.json_schema import json_schema
from roadworthy.data import quality

ROWS = Dataset(
    name="rows",
    meaning="What was seen",
    columns=(
        Column(name="id", type="string", role="identifier", required=True, pattern="^[A-Z]{2}[0-9]+$"),
        Column(name="at", type="timestamp", role="time", required=True),
        Column(name="carrier", type="string", role="feature", categories=("AA", "9E"), meaning="the airline"),
        Column(name="wind", type="number", role="feature", minimum=0, maximum=150.5, unit="knots"),
        Column(name="weekday", type="integer", role="feature", required=True, minimum=1, maximum=7),
        Column(name="engines", type="integer", role="feature", categories=("2", "4")),
        Column(name="delivered", type="timestamp", role="other"),
        Column(name="late", type="boolean", role="label", required=True),
        Column(name="sure", type="boolean", role="other", categories=("True",)),
    ),
)
GOOD = {
    "id": "AA1",
    "at": "2013-01-01T00:00:00Z",
    "carrier": "AA",
    "wind": 1.5,
    "weekday": 1,
    "engines": 2,
    "delivered": "2013-01-01T02:00:00+01:00",
    "late": True,
    "sure": True,
}
# Good and bad values of each column's own type and of others, in the forms in which both sides see the same.
TEXTS = st.sampled_from(["AA1", "AA", "9E", "UA", "aa1", "x", " AA12", "UA77\n"])
MOMENTS = st.sampled_from(["2013-01-31T09:15:00Z", "2013-01-31T09:15:00.123+05:00", "soon", "2013-13-45T00:00:00Z"])
NUMBERS = st.sampled_from([-1, 0, 1, 2, 4, 7, 8, 0.5, 2.0, 150.5, 150.6, 1e300])
TRUTHS = st.booleans()
VALUES: dict[str, st.SearchStrategy[Any]] = {
    "id": TEXTS | NUMBERS,
    "at": MOMENTS,
    "carrier": TEXTS | NUMBERS,
    "wind": NUMBERS | TRUTHS | st.just("strong"),
    "weekday": NUMBERS | TRUTHS | st.just("Monday"),
    "engines": NUMBERS | st.just("two"),
    "delivered": MOMENTS,
    "late": TRUTHS | st.just("perhaps"),
    "sure": TRUTHS | st.just("perhaps"),
}
rows = st.fixed_dictionaries({name: values | st.none() for name, values in VALUES.items()})


@settings(max_examples=30, deadline=None)
@given(st.lists(rows, max_size=6))
def test_a_validator_and_the_row_checks_agree(given_rows: list[dict[str, Any]]) -> None:
    frame = pd.DataFrame([GOOD, *given_rows], dtype="object")
    broken = set(quality.check(frame, ROWS)["row"])
    validator = jsonschema.Draft202012Validator(
        json_schema(ROWS), format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    for number, row in enumerate([GOOD, *given_rows]):
        problems = [error.message for error in validator.iter_errors(row)]
        assert bool(problems) == (number in broken), (row, problems)


def test_it_is_a_json_schema_itself() -> None:
    jsonschema.Draft202012Validator.check_schema(json_schema(ROWS))


def test_meaning_and_unit_are_told(dataset: Dataset) -> None:
    found = json_schema(dataset)
    assert found["title"] == "flights"
    assert found["properties"]["wind_speed"]["unit"] == "miles per hour"
    assert found["properties"]["carrier"]["description"] == "The airline's IATA code"
    assert found["properties"]["weekday"]["maximum"] == 7


@pytest.mark.parametrize(
    ("row", "valid"),
    [
        ({"id": "a"}, True),
        ({"id": "a", "x": None}, True),
        ({"id": None}, False),
        ({"x": 1}, False),
        ({"id": "a", "y": 1}, False),
    ],
)
def test_what_may_be_left_out(row: dict[str, Any], valid: bool) -> None:
    columns = (
        Column(name="id", type="string", role="identifier", required=True),
        Column(name="x", type="number", role="feature"),
    )
    schema = json_schema(Dataset(name="rows", columns=columns))
    assert jsonschema.Draft202012Validator(schema).is_valid(row) == valid


def test_what_no_row_can_tell_by_itself_is_a_comment() -> None:
    columns = (
        Column(name="a", type="integer", role="identifier", unique=True),
        Column(name="b", type="integer", role="feature"),
    )
    relations = (Relation(left="a", operator="<", right="b"),)
    found = json_schema(Dataset(name="rows", columns=columns, relations=relations, unique_together=(("a", "b"),)))
    for rule in ("a must be < b", "a must be unique", "a, b must be unique together"):
        assert rule in found["$comment"]
    assert "$comment" not in json_schema(ROWS)
