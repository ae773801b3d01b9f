"""A body as its model, or why it is refused; never more is said, or done, than is useful."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.contract import Column, Dataset
from roadworthy.serving import schema
from roadworthy.serving.schema import Body, Refused, checked

DATASET = Dataset(
    name="d",
    columns=(
        Column(name="x", type="number", role="feature", required=True),
        Column(name="y", type="string", role="feature"),
    ),
)
MODEL = schema.request_model(DATASET, 100)
LABELS = schema.feedback_model(100)


def _refused(body: bytes | str, model: type[Body] = MODEL) -> Refused:
    found = checked(model, body.encode() if isinstance(body, str) else body)
    assert isinstance(found, Refused)
    return found


def _rows(text: str) -> list[dict[str, Any]]:
    found: Any = checked(MODEL, text.encode())
    assert isinstance(found, MODEL), found
    rows: list[dict[str, Any]] = found.rows  # type: ignore[attr-defined]  # the model is generated
    return rows


@pytest.mark.parametrize(
    "body",
    [
        b"", b"{", b"\xff", b"\xef\xbb\xbf{}", b"[" * 9000, b'{"rows":' * 9000, b'{"rows": [{"y": "\\ud800"}]}', b"[]",
        b"null", b"NaN", b'"rows"', b"1" * 6000, b'{"rows": [{"x": ' + b"1" * 6000 + b"}]}",
    ],
)  # fmt: skip
def test_what_is_no_json_object_is_refused_with_400(body: bytes) -> None:
    found = _refused(body)
    assert found.status == 400
    assert found.refusal.error.startswith("The body is not")
    assert found.refusal.next_step
    assert found.refusal.detail == []


def test_every_field_is_named_with_value_and_rule_and_the_total_is_stated() -> None:
    found = _refused('{"rows": [{"x": "a"}, {"y": 5}, {"x": 1, "z": [1, 2]}], "more": {}}')
    assert found.status == 422
    assert found.refusal.error.startswith("5 fields break the contract, the first: rows.0.x: ")
    assert [(problem.field, problem.value) for problem in found.refusal.detail] == [
        ("rows.0.x", '"a"'),
        ("rows.1.x", None),
        ("rows.1.y", "5"),
        ("rows.2.z", "a list of 2"),
        ("more", "an object of 0"),
    ]
    assert all(problem.rule.endswith(".") for problem in found.refusal.detail)
    assert _refused('{"rows": []}').refusal.error.startswith("1 field breaks the contract, the first: rows: ")


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1" * 400])
def test_a_number_is_finite(number: str) -> None:
    assert _refused(f'{{"rows": [{{"x": {number}}}]}}').refusal.detail[0].field == "rows.0.x"


def test_characters_that_are_no_mistake_are_taken() -> None:
    assert _rows('{"rows": [{"x": 1, "y": "a\\u0000b\\ud83d\\ude00"}]}') == [{"x": 1.0, "y": "a\0b\U0001f600"}]


def test_at_most_a_thousand_problems_are_listed() -> None:
    model = schema.request_model(DATASET, 5000)
    found = _refused(json.dumps({"rows": [{}] * 3000}), model)
    assert found.refusal.error.startswith("3000 fields break the contract of which the first 1000 are listed")
    assert len(found.refusal.detail) == 1000


def test_whatever_was_sent_the_answer_is_short() -> None:
    row = {"x": "v" * 10**6, "k" * 10**6: "v" * 10**6, "y": ["v"] * 500}
    assert len(_refused(json.dumps({"rows": [row]})).refusal.model_dump_json()) < 2000
    many = Dataset(
        name="d", columns=(Column(name="x", type="string", role="feature", categories=tuple(map(str, range(5000)))),)
    )
    found = _refused('{"rows": [{"x": "no"}]}', schema.request_model(many, 5))
    assert len(found.refusal.model_dump_json()) < 2000


FLOODS = {
    "rows": b'{"rows": [' + b",".join([b"{}"] * 10**6) + b"]}",
    "unknown fields": b'{"rows": [{' + b",".join(b'"%d":1' % n for n in range(10**6)) + b"}]}",
    "the same field": b'{"rows": [{' + b",".join([b'"x":1'] * 10**6) + b"}]}",
    "keys": b"{" + b",".join(b'"%d":1' % n for n in range(10**6)) + b"}",
    "lists": b'{"rows": [' + b",".join([b"[]"] * 10**6) + b"]}",
    "texts": b'{"rows": [' + b",".join([b'"\\"["'] * 10**6) + b"]}",
}


@pytest.mark.parametrize("flood", FLOODS)
def test_a_flood_is_not_looked_at_value_by_value(flood: str) -> None:
    body = FLOODS[flood]
    tracemalloc.start()
    found = _refused(body)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 5 * 2**20
    assert found.status == 422
    assert found.refusal.error.startswith("The body holds too much: There should be no more than 100 rows of 2 fields")
    assert found.refusal.detail[0].field == "rows"


@pytest.mark.parametrize("text", [",", "\\\\,", '\\",', ',"'.replace('"', '\\"'), "{,}"])
def test_commas_in_a_text_are_no_flood(text: str) -> None:
    row = '{"x": 1, "y": "' + text * 3000 + '"}'
    assert len(_rows(f'{{"rows": [{row}, {row}]}}')) == 2


@pytest.mark.parametrize("end", ['"', '"\\', '"\\"', '"' * 10001, ""])
def test_a_text_without_an_end_is_no_json(end: str) -> None:
    assert _refused('{"rows": ["' + "," * 3000 + '", ' + end).status == 400


# --- repeated fields -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ('{"rows": [{"x": 1, "x": 2}]}', "rows.0.x"),
        ('{"rows": [{"x":1,"x" :1}]}', "rows.0.x"),
        ('{"rows": [{"x": 1}, {"x": 1, "y": "a", "y"\n:\t"b"}]}', "rows.1.y"),
        ('{"rows": [{"x": 1, "\\u0078": 1}]}', "rows.0.x"),
        ('{"rows": [{"x": 1}], "rows": [{"x": 2}]}', "rows"),
    ],
)
def test_a_field_that_is_there_twice_is_refused(body: str, field: str) -> None:
    found = _refused(body)
    assert found.status == 422
    assert [problem.field for problem in found.refusal.detail] == [field]


def test_a_label_has_no_field_twice() -> None:
    label = '{"request_id": "a", "row": 0, "label": true, "label": false}'
    assert _refused(f'{{"labels": [{label}]}}', LABELS).refusal.detail[0].field == "labels.0.label"
    assert isinstance(checked(LABELS, b'{"labels": [{"request_id": "a", "row": 0, "label": true}]}'), LABELS)


texts = st.text(st.sampled_from('":, \\x\n{}[]'), max_size=8)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.fixed_dictionaries({"x": st.just(1.0)}, optional={"y": texts}), min_size=1, max_size=4))
@pytest.mark.parametrize("layout", [{}, {"indent": 1}, {"separators": (" , ", " :\n")}, {"separators": (",", ":")}])
def test_what_looks_like_a_field_within_a_text_is_none(layout: dict[str, Any], rows: list[dict[str, Any]]) -> None:
    assert _rows(json.dumps({"rows": rows}, **layout)) == rows
