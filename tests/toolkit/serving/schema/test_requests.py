"""The models of requests, generated from the contract."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from pydantic import BaseModel, ValidationError

from roadworthy.contract import Column, ColumnType, Dataset
from roadworthy.errors import ContractError
from roadworthy.serving import schema

FLIGHT = {
    "flight_id": "2013-01-01T10:15Z-UA1545-EWR-IAH",
    "scheduled_departure": "2013-01-01T05:15:00-05:00",
    "carrier": "UA",
    "origin": "EWR",
    "dest": "IAH",
    "distance": 1400,
    "departure_hour": 5.25,
    "weekday": 2,
}


def _column(kind: ColumnType, **more: Any) -> Column:  # noqa: ANN401  # whatever a column may be given
    return Column(name="x", type=kind, role="feature", **more)


def _one(column: Column) -> type[BaseModel]:
    return schema.request_model(Dataset(name="d", columns=(column,)), 10)


def _value(column: Column, text: str) -> object:
    request: Any = _one(column).model_validate_json(f'{{"rows": [{{"x": {text}}}]}}')
    return request.rows[0]["x"]


def _problem(model: type[BaseModel], body: str) -> schema.Problem:
    with pytest.raises(ValidationError) as caught:
        model.model_validate_json(body)
    return schema.problems(caught.value)[0]


def test_a_row_of_the_contract_becomes_a_frame_of_its_order_and_dtypes(dataset: Dataset) -> None:
    request = schema.request_model(dataset, 10).model_validate_json(json.dumps({"rows": [FLIGHT, FLIGHT]}))
    found = schema.frame(dataset, request.rows)  # type: ignore[attr-defined]
    assert {name: str(dtype) for name, dtype in found.dtypes.items()} == {
        column.name: column.dtype for column in dataset.request_columns
    }
    assert list(found.columns) == [column.name for column in dataset.request_columns]
    assert found["scheduled_departure"].tolist() == [pd.Timestamp("2013-01-01T10:15Z")] * 2
    assert found["seats"].isna().all()
    assert found["distance"].tolist() == [1400.0, 1400.0]


@pytest.mark.parametrize(
    ("column", "text", "value"),
    [
        (_column("number"), "3", 3.0),
        (_column("number"), "null", None),
        (_column("integer", minimum=1, maximum=7), "7", 7),
        (_column("boolean"), "false", False),
        (_column("string", pattern="^[A-Z]{3}$"), '"IAH"', "IAH"),
        (_column("string", categories=("a", "b")), '"b"', "b"),
        (_column("timestamp"), '"2013-01-01T10:00Z"', pd.Timestamp("2013-01-01T10:00Z")),
        (_column("integer", categories=("1", "2")), "2", 2),
        (_column("number", categories=("1", "2.5")), "1", 1.0),
        (_column("boolean", categories=("true",)), "true", True),
        (_column("string", categories=("a", "b"), unseen="accept"), '"c"', "c"),
        (_column("integer", categories=("1", "2"), unseen="accept"), "3", 3),
        (_column("number", minimum=0, maximum=10, out_of_range="accept"), "-0.5", -0.5),
        (_column("integer", maximum=10, out_of_range="accept"), str(2**53), 2**53),
    ],
)
def test_what_the_contract_allows_is_taken(column: Column, text: str, value: object) -> None:
    assert _value(column, text) == value


@pytest.mark.parametrize(
    ("column", "text"),
    [
        (_column("number"), '"12"'),
        (_column("number"), "true"),
        (_column("number"), "NaN"),
        (_column("number"), "-Infinity"),
        (_column("number"), "1e999"),
        (_column("number", minimum=10), "9.99"),
        (_column("number", maximum=10), "10.01"),
        (_column("integer"), "1.5"),
        (_column("integer"), str(2**53 + 1)),
        (_column("integer", required=True), str(2**63)),
        (_column("integer", maximum=7), "8"),
        (_column("boolean"), "1"),
        (_column("boolean"), '"true"'),
        (_column("string"), "1"),
        (_column("string", required=True), "null"),
        (_column("string", pattern="^[A-Z]{3}$"), '"iah"'),
        (_column("string", pattern="^[A-Z]{3}$"), '"IAH\\n"'),
        (_column("string", categories=("a", "b")), '"c"'),
        (_column("integer", categories=("1", "2")), "3"),
        (_column("number", categories=("1", "2.5")), "2"),
        (_column("boolean", categories=("true",)), "false"),
        (_column("timestamp", categories=("2013-01-01T10:00Z",)), '"2013-01-01T11:00Z"'),
        (_column("string", categories=("a", "b"), unseen="accept", pattern="^[a-c]$"), '"d"'),
        (_column("number", maximum=10, out_of_range="accept"), "1e999"),
        (_column("number", maximum=10, out_of_range="accept"), "NaN"),
        (_column("integer", maximum=10, out_of_range="accept"), str(2**53 + 1)),
        (_column("integer", required=True, maximum=10, out_of_range="accept"), str(2**63)),
        (_column("timestamp"), "1357034400"),
        (_column("timestamp"), '"1357034400"'),
        (_column("timestamp"), '"2013-01-01"'),
        (_column("timestamp"), '"2013-01-01T10:00:00"'),
        (_column("timestamp"), '"0001-01-01T00:00:00+14:00"'),
        (_column("timestamp"), '"soon"'),
    ],
)
def test_what_the_contract_forbids_is_named_by_its_path(column: Column, text: str) -> None:
    found = _problem(_one(column), f'{{"rows": [{{"x": {text}}}]}}')
    assert found.field == "rows.0.x"
    assert found.value is not None
    assert found.rule


def test_missing_and_unknown_fields_are_told_apart() -> None:
    model = _one(_column("number", required=True))
    assert _problem(model, '{"rows": [{}]}') == schema.Problem(field="rows.0.x", rule="This field is required.")
    unknown = _problem(model, '{"rows": [{"x": 1, "y": 2}]}')
    assert (unknown.field, unknown.value, unknown.rule) == ("rows.0.y", "2", "No such field is known.")


@pytest.mark.parametrize("rows", [[], [{"x": 1.0}] * 11])
def test_too_few_and_too_many_rows(rows: list[dict[str, float]]) -> None:
    found = _problem(_one(_column("number")), json.dumps({"rows": rows}))
    assert (found.field, found.value) == ("rows", f"a list of {len(rows)}")


def test_the_document_carries_meaning_unit_range_and_pattern(dataset: Dataset) -> None:
    document = schema.request_model(dataset, 10).model_json_schema()
    row = document["$defs"]["Row"]
    for column in dataset.request_columns:
        field = row["properties"][column.name]
        assert field["description"] == column.meaning
        assert field.get("unit") == column.unit
    assert row["additionalProperties"] is False
    assert row["required"] == [column.name for column in dataset.request_columns if column.required]
    assert row["properties"]["origin"]["enum"] == ["EWR", "JFK", "LGA"]
    assert row["properties"]["dest"]["pattern"] == "^[A-Z]{3}$"
    assert row["properties"]["distance"]["maximum"] == 6000


@pytest.mark.parametrize("name", ["copy", "model_year", "_hidden", "class", "with space", "json"])
def test_a_column_may_have_any_name(name: str) -> None:
    dataset = Dataset(name="d", columns=(Column(name=name, type="number", role="feature"),))
    request = schema.request_model(dataset, 10).model_validate_json(json.dumps({"rows": [{name: 2}]}))
    assert schema.frame(dataset, request.rows)[name].tolist() == [2.0]  # type: ignore[attr-defined]


def test_a_broken_pattern_is_named() -> None:
    with pytest.raises(ContractError, match=r"pattern.*of column 'x'"):
        _one(_column("string", pattern="(?<=a)b"))


def test_a_label_is_true_or_false() -> None:
    model = schema.feedback_model(2)
    assert model.model_validate_json('{"labels": [{"request_id": "a", "row": 0, "label": true}]}')
    for label in ("1", "null", '"true"'):
        found = _problem(model, f'{{"labels": [{{"request_id": "a", "row": 0, "label": {label}}}]}}')
        assert found.field == "labels.0.label"


def test_a_label_may_say_since_when_it_was_known() -> None:
    model = schema.feedback_model(2)
    body = '{"labels": [{"request_id": "a", "row": 0, "label": true, "at": %s}]}'
    request: Any = model.model_validate_json(body % '"2013-01-02T10:00:00+01:00"')
    assert request.labels[0].at == pd.Timestamp("2013-01-02T09:00Z")
    request = model.model_validate_json(body % "null")
    assert request.labels[0].at is None
    for wrong in ('"2013-01-02T10:00:00"', "5", '"soon"'):
        assert _problem(model, body % wrong).field == "labels.0.at"


def test_what_is_accepted_with_a_warning_is_no_limit_in_the_document() -> None:
    columns = (
        Column(name="a", type="string", role="feature", required=True, categories=("x",), unseen="accept"),
        Column(name="b", type="integer", role="feature", categories=("1", "2")),
        Column(name="c", type="number", role="feature", required=True, minimum=0, out_of_range="accept"),
    )
    document = schema.request_model(Dataset(name="d", columns=columns), 10).model_json_schema()
    row = document["$defs"]["Row"]["properties"]
    assert row["a"] == {"title": "A", "type": "string", "x-categories": ["x"], "x-unseen": "accept"}
    assert (row["b"]["enum"], row["b"]["x-unseen"]) == ([1, 2, None], "refuse")
    assert row["c"] == {"title": "C", "type": "number", "x-minimum": 0.0, "x-out-of-range": "accept"}
