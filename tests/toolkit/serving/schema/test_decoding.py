"""The short way gives the rows that pydantic gives, and takes nothing that pydantic refuses."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from roadworthy.contract import Column, Dataset
from roadworthy.serving import schema
from roadworthy.serving.schema.columns import MANY

DATASET = Dataset(
    name="d",
    columns=(
        Column(name="id", type="string", role="identifier", required=True),
        Column(name="at", type="timestamp", role="time", required=True),
        Column(name="x", type="number", role="feature", minimum=-20, maximum=20),
        Column(name="wild", type="number", role="feature", minimum=0, out_of_range="accept"),
        Column(name="n", type="integer", role="feature", required=True, minimum=-1.5, maximum=7.5),
        Column(name="model year", type="integer", role="feature"),
        Column(name="b", type="boolean", role="feature"),
        Column(name="c", type="string", role="feature", categories=("EWR", "JFK")),
        Column(name="open", type="string", role="feature", categories=("a",), unseen="accept"),
    ),
)
MODEL, LARGE = schema.request_model(DATASET, 4), schema.request_model(DATASET, 10 * MANY)
GOOD = {"id": "a", "at": "2013-01-01T09:00:00Z", "n": 1}
_ANY = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just([]) | st.just({})
_MOMENTS = st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)).map(lambda moment: moment.isoformat() + "Z")
_VALUES = {
    "id": st.text(max_size=5),
    "at": _MOMENTS | st.sampled_from(["2013-01-01T09:00:00+02:00", "2013-01-01T09:00", "9999-12-31T23:59:59-14:00"]),
    "x": st.floats(-25, 25) | st.integers(-25, 25),
    "wild": st.floats() | st.integers(-(10**20), 10**20),
    "n": st.integers(-3, 9),
    "model year": st.integers() | st.sampled_from([2**53, 2**53 + 1, 2**63]),
    "b": st.booleans(),
    "c": st.sampled_from(["EWR", "JFK", "LGA"]),
    "open": st.text(max_size=3),
}
ROWS = st.lists(
    st.fixed_dictionaries(
        {"id": _VALUES["id"], "at": _VALUES["at"], "n": _VALUES["n"]},
        optional={name: values | _ANY for name, values in _VALUES.items() if name not in ("id", "at", "n")}
        | {"unknown": _ANY},
    ),
    max_size=5,
)


def _both(body: bytes) -> tuple[list[dict[str, Any]] | None, list[dict[str, Any]] | None]:
    taken: Any = MODEL.taken(body)
    try:
        slowly: Any = MODEL.model_validate_json(body)
    except ValueError:
        slowly = None
    return taken and taken.rows, slowly and slowly.rows


@given(ROWS)
@example([GOOD | {"n": 7}])
@example([GOOD | {"at": "2013-01-01T00:00:00.123456+05:30", "x": 5, "c": "EWR", "b": True, "open": "new"}])
def test_both_ways_take_the_same_and_give_the_same(rows: list[dict[str, Any]]) -> None:
    short, slow = _both(json.dumps({"rows": rows}).encode())
    assert short == slow
    assert [{name: type(value) for name, value in row.items()} for row in short or []] == [
        {name: type(value) for name, value in row.items()} for row in slow or []
    ]


@settings(max_examples=40)
@given(ROWS.filter(bool))
@example([GOOD | {"at": "2013-01-01T00:00:00.123456+05:30"}, GOOD | {"x": 5, "c": "EWR", "b": True}])
def test_many_rows_are_the_same_as_few(rows: list[dict[str, Any]]) -> None:
    few: Any = schema.checked(LARGE, json.dumps({"rows": rows}).encode())
    body = json.dumps({"rows": rows * MANY}).encode()
    many: Any = schema.checked(LARGE, body)
    if isinstance(few, schema.Refused):
        assert isinstance(many, schema.Refused)
        assert many.refusal.detail[0] == few.refusal.detail[0]
        return
    names = list(DATASET.dtypes)
    told = [[{name: row.get(name) for name in names} for row in found.rows] for found in (few, many)]
    assert told[1] == told[0] * MANY


@pytest.mark.parametrize(
    "twice", ['"n": 1, "n": 2', '"n": 1, "n" : 2', '"n": 1, "b": null, "b": null', '"n":1,"\\u006e":1']
)
def test_a_field_that_is_there_twice_is_found_among_many(twice: str) -> None:
    row = '{"id": "a", "at": "2013-01-01T09:00:00Z", %s}'
    body = '{"rows": [' + ",".join([row % '"n": 1'] * 5 * MANY + [row % twice]) + "]}"
    assert LARGE.taken(body.encode()) is None
    found = schema.checked(LARGE, body.encode())
    assert isinstance(found, schema.Refused)
    assert found.refusal.error.startswith("A field is there more than once")


def test_many_rows_are_columns_and_with_spaces_before_colons_too() -> None:
    rows = [GOOD | {"id": f"a : {number}"} for number in range(5 * MANY)]
    for separators in ((",", ":"), (", ", ": "), (" , ", "\t:\n")):
        taken: Any = LARGE.taken(json.dumps({"rows": rows}, separators=separators).encode())
        assert isinstance(taken.rows, schema.Columns)
        assert [row["id"] for row in taken.rows] == [row["id"] for row in rows]


def test_moments_are_in_utc() -> None:
    (row,) = _both(json.dumps({"rows": [GOOD | {"at": "2013-01-01T09:00:00+02:00"}]}).encode())[0] or []
    assert (row["at"], row["at"].tzinfo) == (datetime(2013, 1, 1, 7, tzinfo=UTC), UTC)


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\xff", b"null", b"[]", b"{}", b'{"rows": []}', b'{"rows": {}}', b'{"rows": [null]}',
        b'{"rows": [{}], "x": 1}',
        b'{"rows": [{"id": "a", "at": "2013-01-01T09:00:00Z", "n": 1, "n": 2}]}',
        b'{"rows": [{"id": "a", "at": "2013-01-01T09:00:00Z", "n": 1, "x": NaN}]}',
        b'{"rows": [{"id": "a", "at": "2013-01-01T09:00:00Z", "n": 1, "x": 1e999}]}',
        b'{"rows": [{"id": "\\ud800", "at": "2013-01-01T09:00:00Z", "n": 1}]}',
        b'{"rows": [{"id": "\xed\xa0\x80", "at": "2013-01-01T09:00:00Z", "n": 1}]}',
        b'{"rows": [{"id": "a", "at": "2013-01-01T09:00:00Z", "n": 1, "z": ' + b"[" * 100_000,
        b'{"rows": [{"id": "a", "at": "2013-01-01T09:00:00Z", "n": ' + b"1" * 5000 + b"}]}",
        json.dumps({"rows": [GOOD] * 5}).encode(),
    ],
)  # fmt: skip
def test_what_is_wrong_is_left_to_the_closer_look(body: bytes) -> None:
    assert MODEL.taken(body) is None
    assert isinstance(schema.checked(MODEL, body), schema.Refused)


def test_a_key_within_a_text_is_looked_at_closely_and_taken() -> None:
    body = json.dumps({"rows": [GOOD | {"id": 'a": '}]}).encode()
    assert MODEL.taken(body) is None
    assert isinstance(schema.checked(MODEL, body), MODEL)


@pytest.mark.parametrize(
    "column",
    [
        Column(name="x", type="string", role="feature", pattern="^a"),
        Column(name="x", type="integer", role="feature", categories=("1", "2")),
    ],
)
def test_what_only_pydantic_knows_is_left_to_it(column: Column) -> None:
    assert schema.request_model(Dataset(name="d", columns=(column,)), 4).decoder is None
    assert schema.request_model(Dataset(name="d", columns=(column,)), 4).taken(b'{"rows": [{"x": "a"}]}') is None
