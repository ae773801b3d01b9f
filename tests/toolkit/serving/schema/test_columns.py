"""Rows that are held as columns are the rows that they were, also as a text, and joined with others."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from roadworthy.contract import Column
from roadworthy.serving.capture.lines import BROKEN
from roadworthy.serving.schema import Columns, columnar, joined, schema_of
from roadworthy.serving.schema.columns import MANY

COLUMNS = (
    Column(name="id", type="string", role="identifier", required=True),
    Column(name="at", type="timestamp", role="time", required=True),
    Column(name="x", type="number", role="feature"),
    Column(name="n", type="integer", role="feature"),
    Column(name="b", type="boolean", role="feature"),
)
AT = datetime(2013, 1, 31, 9, 0, 0, 123456, tzinfo=UTC)


def _rows(count: int) -> list[dict[str, Any]]:
    odd = [
        {"id": "a\0é\U0001f600", "at": AT, "x": 1.5, "n": 2**53, "b": True},
        {"id": "", "at": AT, "x": None, "n": None, "b": None},
    ]
    return [odd[number % 2] | {"id": f"{number}"} for number in range(count)]


def test_few_rows_stay_as_they_are_and_many_become_columns() -> None:
    few, many = _rows(MANY - 1), _rows(MANY)
    assert columnar(COLUMNS, few) is few
    found = columnar(COLUMNS, many)
    assert isinstance(found, Columns)
    assert (list(found), len(found), found[1]) == (many, MANY, many[1])
    assert columnar(COLUMNS, found) is found


def test_a_field_that_no_row_has_is_missing_in_all() -> None:
    found = columnar(COLUMNS, [{"id": "a", "at": AT}] * MANY)
    assert isinstance(found, Columns)
    assert found.array("x").null_count == found.array("unheard of").null_count == MANY


def test_they_come_back_from_a_text() -> None:
    rows = columnar(COLUMNS, _rows(MANY))
    assert isinstance(rows, Columns)
    found = Columns.unpacked(rows.packed())
    assert list(found) == list(rows)
    assert found.batch.schema.equals(schema_of(COLUMNS))
    assert list(Columns.unpacked(rows.only(["x"]).packed())) == [{"x": row["x"]} for row in rows]


def test_what_is_no_such_text_is_refused() -> None:
    rows = columnar(COLUMNS, _rows(MANY))
    assert isinstance(rows, Columns)
    packed, nothing = rows.packed(), pa.BufferOutputStream()
    pa.ipc.new_stream(nothing, rows.batch.schema).close()
    texts = [
        "",
        "00",
        "xyz",
        packed[:-1],
        packed[: len(packed) // 2],
        packed[::-1],
        nothing.getvalue().to_pybytes().hex(),
    ]
    for text in (*texts, None, 1, []):
        with pytest.raises(ValueError, match="no rows"):
            Columns.unpacked(text)  # type: ignore[arg-type]  # what a broken line may hold


def test_what_was_changed_on_the_disk_is_refused_or_read_but_ends_nothing() -> None:
    rows = columnar(COLUMNS, _rows(MANY))
    assert isinstance(rows, Columns)
    packed = rows.packed()
    for place in range(0, len(packed), 7):
        changed = packed[:place] + ("f" if packed[place] != "f" else "0") + packed[place + 1 :]
        try:
            list(Columns.unpacked(changed))
        except BROKEN:
            continue


def test_requests_are_joined_in_their_order() -> None:
    few, many = _rows(3), _rows(MANY)
    columns = columnar(COLUMNS, many)
    assert joined([few]) is few
    assert joined([few, few]) == [*few, *few]
    assert list(joined([few, columns, few])) == [*few, *many, *few]
    assert list(joined([columns, columns])) == [*many, *many]
