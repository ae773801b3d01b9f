"""A dataset's row as JSON Schema, for those who deliver or read rows and have no reader of contracts.

Only what can be said of one row by itself is in it, and that in full: a row that a validator accepts breaks none of the
contract's rules for a single value. Validators must be told to check formats, or moments are not looked at. What rows
must be together, and columns to one another, JSON Schema has no words for; it stands in ``$comment``.
"""

from __future__ import annotations

from typing import Any

from roadworthy.contract.dataset import Column, ColumnType, Dataset

_DIALECT = "https://json-schema.org/draft/2020-12/schema"
_TYPES: dict[ColumnType, str] = {
    "string": "string",
    "number": "number",
    "integer": "integer",
    "boolean": "boolean",
    "timestamp": "string",
}


def json_schema(dataset: Dataset) -> dict[str, Any]:
    """Return the JSON Schema (draft 2020-12) of one row of a dataset.

    A column that may be missing may be left out or be null. A unit is the keyword ``unit``, which validators ignore.

    Examples
    --------
    >>> wind = Column(name="wind", type="number", role="feature", minimum=0, unit="knots")
    >>> json_schema(Dataset(name="weather", columns=(wind,)))["properties"]
    {'wind': {'type': ['number', 'null'], 'minimum': 0, 'unit': 'knots'}}
    """
    schema: dict[str, Any] = {
        "$schema": _DIALECT,
        "title": dataset.name,
        "description": dataset.meaning,
        "$comment": _together(dataset),
        "type": "object",
        "properties": {column.name: _property(column) for column in dataset.columns},
        "required": [column.name for column in dataset.columns if column.required],
        "additionalProperties": False,
    }
    return {keyword: value for keyword, value in schema.items() if value != ""}


def enum(column: Column) -> list[Any]:
    """Return a column's categories as JSON has them; null is one where a value may be missing."""
    values: list[Any] = list(column.categories)
    if column.type in ("number", "integer"):
        values = [_number(float(value)) for value in column.categories]
    if column.type == "boolean":
        values = list(column.values)
    return [*values, None] if values and not column.required else values


def _property(column: Column) -> dict[str, Any]:
    kind = _TYPES[column.type]
    keywords: dict[str, Any] = {
        "type": kind if column.required else [kind, "null"],
        "description": column.meaning or None,
        "format": "date-time" if column.type == "timestamp" else None,
        "enum": enum(column) or None,
        "pattern": column.pattern,
        "minimum": _number(column.minimum),
        "maximum": _number(column.maximum),
        "unit": column.unit,
    }
    return {keyword: value for keyword, value in keywords.items() if value is not None}


def _number(value: float | None) -> float | int | None:
    return int(value) if value is not None and float(value).is_integer() else value


def _together(dataset: Dataset) -> str:
    """Return in words what must hold beyond a row's single values."""
    rules = [relation.words for relation in dataset.relations]
    rules += [f"{column.name} must be unique" for column in dataset.columns if column.unique]
    rules += [f"{', '.join(names)} must be unique together" for names in dataset.unique_together]
    return f"Beside what this schema says: {'; '.join(rules)}." if rules else ""
