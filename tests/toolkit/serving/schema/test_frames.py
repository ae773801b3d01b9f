"""Requests as DataFrames: fast, and the same as the straightforward way and as training makes them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.contract import Column, ColumnType, Dataset
from roadworthy.data import quality
from roadworthy.serving import schema
from roadworthy.serving.schema.columns import MANY, columnar

if TYPE_CHECKING:
    from conftest import Project

KINDS: tuple[ColumnType, ...] = ("string", "number", "integer", "boolean", "timestamp")
VALUES: dict[ColumnType, st.SearchStrategy[Any]] = {
    "string": st.text(max_size=8),
    "number": st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**53), 2**53),
    "integer": st.integers(-(2**53), 2**53),
    "boolean": st.booleans(),
    "timestamp": st.datetimes(datetime(1700, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
}
columns = st.lists(st.tuples(st.sampled_from(KINDS), st.booleans(), st.booleans()), min_size=1, max_size=8).map(
    lambda found: tuple(
        Column(name=f"c{n}", type=kind, required=required, role="feature" if feature else "identifier")
        for n, (kind, required, feature) in enumerate(found)
    )
)


def _straightforward(columns: tuple[Column, ...], rows: list[dict[str, Any]]) -> pd.DataFrame:
    """Column by column, each made by pandas alone."""

    def made(column: Column) -> Any:  # noqa: ANN401  # a column, in whatever form
        values = [row.get(column.name) for row in rows]
        if column.type == "timestamp":
            return pd.to_datetime(values, utc=True, format="ISO8601").as_unit("us")
        return pd.Series(values, dtype=column.dtype)

    return pd.DataFrame({column.name: made(column) for column in columns})


def _rows(dataset: Dataset) -> st.SearchStrategy[list[dict[str, Any]]]:
    given = {column.name: VALUES[column.type] for column in dataset.columns if column.required}
    missing = {c.name: st.none() | VALUES[c.type] for c in dataset.columns if not c.required}
    return st.lists(st.fixed_dictionaries(given, optional=missing), max_size=5)


@settings(max_examples=100, deadline=None)
@given(st.data(), columns)
def test_it_equals_the_straightforward_way(data: st.DataObject, columns: tuple[Column, ...]) -> None:
    dataset = Dataset(name="d", columns=columns)
    rows = data.draw(_rows(dataset))
    pd.testing.assert_frame_equal(schema.frame(dataset, rows), _straightforward(columns, rows))
    features = dataset.with_role("feature")
    if features:
        pd.testing.assert_frame_equal(schema.features(dataset, rows), _straightforward(features, rows))


@settings(max_examples=30, deadline=None)
@given(st.data(), columns)
def test_it_is_the_same_of_rows_as_columns(data: st.DataObject, columns: tuple[Column, ...]) -> None:
    dataset = Dataset(name="d", columns=columns)
    rows = data.draw(_rows(dataset).filter(bool)) * MANY
    held = columnar(dataset.request_columns, rows)
    assert isinstance(held, schema.Columns)
    pd.testing.assert_frame_equal(schema.frame(dataset, held), schema.frame(dataset, rows))
    pd.testing.assert_frame_equal(schema.features(dataset, held), schema.features(dataset, rows))


def test_a_version_of_another_contract_gets_what_it_knows_also_of_columns() -> None:
    sent = (Column(name="x", type="integer", role="feature"), Column(name="z", type="string", role="feature"))
    names: tuple[tuple[str, ColumnType], ...] = (("x", "number"), ("y", "number"), ("t", "string"), ("b", "boolean"))
    dataset = Dataset(name="d", columns=tuple(Column(name=name, type=kind, role="feature") for name, kind in names))
    rows = [{"x": 1, "z": "a"}, {"x": None}] * MANY
    pd.testing.assert_frame_equal(schema.features(dataset, columnar(sent, rows)), schema.features(dataset, rows))


@settings(max_examples=50, deadline=None)
@given(st.data(), columns)
def test_a_spool_line_makes_the_frame_that_the_request_made(data: st.DataObject, columns: tuple[Column, ...]) -> None:
    dataset = Dataset(name="d", columns=columns)
    rows = data.draw(_rows(dataset).filter(bool))
    body = json.dumps({"rows": rows}, default=datetime.isoformat)
    request: Any = schema.request_model(dataset, 10).model_validate_json(body)
    expected = schema.frame(dataset, rows)
    pd.testing.assert_frame_equal(schema.frame(dataset, request.rows), expected)
    pd.testing.assert_frame_equal(schema.frame(dataset, json.loads(body)["rows"]), expected)


def test_the_model_receives_what_it_was_trained_on(fresh: Project) -> None:
    """Rows as a client sends them, and the same rows as ingestion casts them for the training data."""
    sent = fresh.request(200)
    names = [column.name for column in fresh.dataset.request_columns]
    trained, failures = quality.cast(fresh.flights.iloc[:200].reset_index(drop=True), fresh.dataset)
    assert failures.empty
    request: Any = schema.request_model(fresh.dataset, 200).model_validate_json(json.dumps({"rows": sent}))
    found = schema.frame(fresh.dataset, request.rows)
    pd.testing.assert_frame_equal(found, trained[names])
    features = list(fresh.dataset.features)
    pd.testing.assert_frame_equal(schema.features(fresh.dataset, request.rows), trained[features])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("row", [{}, {"x": None}])
def test_a_missing_value_is_missing_in_the_frame(kind: ColumnType, row: dict[str, None]) -> None:
    column = Column(name="x", type=kind, role="feature")
    found = schema.frame(Dataset(name="d", columns=(column,)), [row])
    assert str(found["x"].dtype) == column.dtype
    assert found["x"].isna().all()


@pytest.mark.parametrize(
    ("kind", "required", "value"),
    [
        ("integer", True, 1.5),
        ("integer", True, None),
        ("integer", True, 2**63),
        ("integer", True, "1"),
        ("boolean", True, None),
        ("boolean", False, "maybe"),
        ("number", True, "calm"),
        ("number", True, [1.0]),
        ("string", True, 1),
        ("string", True, "\ud800"),
        ("timestamp", True, "soon"),
    ],
)
def test_what_is_not_of_a_columns_dtype_is_refused(kind: ColumnType, required: bool, value: object) -> None:
    dataset = Dataset(name="d", columns=(Column(name="x", type=kind, role="feature", required=required),))
    for rows in ([{"x": value}], [{"x": value}, {"x": value}]):
        with pytest.raises((ValueError, TypeError)):
            schema.frame(dataset, rows)


def test_a_frame_is_its_receivers_own(dataset: Dataset) -> None:
    row = {"carrier": "UA", "distance": 1400, "weekday": 1}
    wanted = Dataset(name="d", columns=tuple(dataset.column(name) for name in row))
    first, second = (schema.features(wanted, [row]) for _ in range(2))
    first.columns.name = "mine"
    first.loc[0, "distance"] = np.nan
    first["new"] = 1
    assert second.columns.name is None
    assert schema.features(wanted, [row]).columns.name is None
    pd.testing.assert_frame_equal(second, schema.features(wanted, [row]))
