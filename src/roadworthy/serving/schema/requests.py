"""The models of requests, generated from the contract."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Annotated, Any, Literal, NotRequired, Required

from pydantic import AfterValidator, Field, StringConstraints, create_model
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError, SchemaError
from typing_extensions import TypedDict  # pydantic refuses typing's own before Python 3.12

from roadworthy.contract import Column, Dataset, json_schema
from roadworthy.errors import ContractError
from roadworthy.serving.schema.bodies import STRICT, Body, Label
from roadworthy.serving.schema.decoding import decoder, integer_limits
from roadworthy.serving.schema.moments import Moment

# Ours are made when the contract is read; a type checker knows literal ones only.
_TYPED_DICT: Any = TypedDict
# Beyond what keeps to the model: so much may be wrong and is still told field by field.
_MORE_FIELDS = 2
_MORE_VALUES = 1000


def request_model(dataset: Dataset, max_rows: int) -> type[Body]:
    """Generate the request's model: ``{"rows": [{column: value, ...}, ...]}``.

    Parameters
    ----------
    dataset
        Its ``request_columns`` are the fields of a row, with their meaning, unit, range, categories and pattern.
    max_rows
        The largest number of rows in one request.

    Raises
    ------
    ContractError
        When a column's pattern is not a regular expression.
    """
    for column in dataset.request_columns:
        _check_pattern(column)
    fields = {column.name: _field(column) for column in dataset.request_columns}
    # A TypedDict rather than a model: a column may be named `copy` or `model_year`, and rows stay plain dicts.
    row = _TYPED_DICT("Row", fields)
    row.__pydantic_config__ = STRICT
    row.__doc__ = dataset.meaning
    limits = Field(min_length=1, max_length=max_rows, description=dataset.meaning)
    rows = Annotated[list[row], limits]  # type: ignore[valid-type]  # the same reason
    model = create_model("PredictRequest", __base__=Body, rows=(rows, ...))
    model.decoder = decoder(dataset, max_rows)
    return _bounded(model, f"{max_rows} rows of {len(fields)} fields", max_rows, len(fields))


def feedback_model(max_labels: int) -> type[Body]:
    """Generate the model of a feedback request: ``{"labels": [{request_id, row, label, at}, ...]}``."""
    labels = Annotated[list[Label], Field(min_length=1, max_length=max_labels)]
    model = create_model("FeedbackRequest", __base__=Body, labels=(labels, ...))
    return _bounded(model, f"{max_labels} labels", max_labels, len(Label.model_fields))


def _bounded(model: type[Body], most: str, items: int, fields: int) -> type[Body]:
    model.listed = next(iter(model.model_fields))
    model.most, model.most_values = most, items * (fields + _MORE_FIELDS) + _MORE_VALUES
    return model


# --- one column ----------------------------------------------------------------------------------------------------


def _field(column: Column) -> Any:  # noqa: ANN401  # a type expression has no type of its own
    described = Field(description=column.meaning or None, json_schema_extra=_extra(column) or None)
    if column.required:
        return Required[Annotated[_type(column), described]]
    return NotRequired[Annotated[_type(column) | None, described]]


def _extra(column: Column) -> JsonDict:
    """Return what the document says of a column beside its type: what is accepted with a warning is no limit there."""
    extra: JsonDict = {"unit": column.unit} if column.unit else {}
    if column.categories:
        names = json_schema.enum(column)
        extra["x-unseen"] = column.unseen
        if column.unseen == "accept":
            extra["x-categories"] = names
        elif column.type != "string":
            extra["enum"] = names
    limits: JsonDict = {"x-minimum": column.minimum, "x-maximum": column.maximum}
    given = {name: limit for name, limit in limits.items() if limit is not None}
    if given:
        extra["x-out-of-range"] = column.out_of_range
        extra |= given if column.out_of_range == "accept" else {}
    return extra


def _type(column: Column) -> Any:  # noqa: ANN401  # a type expression has no type of its own
    kind = _plain_type(column)
    if not column.categories or column.unseen == "accept" or column.type == "string":
        return kind
    return Annotated[kind, AfterValidator(partial(_one_of, frozenset(column.values), column.categories))]


def _plain_type(column: Column) -> Any:  # noqa: ANN401  # a type expression has no type of its own
    low, high = (None, None) if column.out_of_range == "accept" else (column.minimum, column.maximum)
    if column.type == "timestamp":
        return Moment
    if column.type == "boolean":
        return bool
    if column.type == "integer":
        least, most = integer_limits(column)
        return Annotated[int, Field(ge=least, le=most)]
    if column.type == "number":
        return Annotated[float, Field(ge=low, le=high)]
    if column.categories and column.unseen == "refuse":
        return Literal[column.categories]
    return Annotated[str, StringConstraints(pattern=column.pattern)]


def _one_of(known: frozenset[Any], names: Sequence[str], value: Any) -> Any:  # noqa: ANN401  # of any column's type
    if value not in known:
        raise PydanticCustomError("category", "Input should be one of {names}", {"names": ", ".join(names)})
    return value


def _check_pattern(column: Column) -> None:
    try:
        create_model("Pattern", value=(_type(column), ...))
    except SchemaError as error:
        raise ContractError(
            f"The pattern {column.pattern!r} of column {column.name!r} is not a regular expression that is known here.",
            "Correct it in the contract; look-around is not supported.",
        ) from error
