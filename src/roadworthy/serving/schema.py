"""What a request must be, generated from the contract; and requests as the model's DataFrame.

A row is checked by the same document that the training data had to obey. Nothing is converted silently:
``"12"`` is not a number, a moment without a zone is not a moment, an unknown field is not ignored.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal, NotRequired, Required

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationError,
    WithJsonSchema,
    create_model,
)
from pydantic.config import JsonDict
from pydantic_core import ErrorDetails, PydanticCustomError, SchemaError
from typing_extensions import TypedDict  # pydantic refuses typing's own before Python 3.12

from roadworthy.contract import Column, Dataset
from roadworthy.errors import ContractError

if TYPE_CHECKING:
    import pandas as pd

_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)
# Ours are made when the contract is read; a type checker knows literal ones only.
_TYPED_DICT: Any = TypedDict
_PROBLEMS_TOLD = 20
_VALUE_LENGTH = 80
# What int64 holds, and what float64 holds exactly: the dtype of an integer column that may be missing.
_INTEGER_LIMIT = {True: 2**63 - 1, False: 2**53}


@dataclass(frozen=True)
class Incoming:
    """A request as it came."""

    body: bytes
    authorization: str = ""
    too_large: bool = False


class Problem(BaseModel):
    """One field of a request that breaks the contract."""

    field: str = Field(description="path in the request's body, such as rows.0.carrier")
    value: str | None = Field(default=None, description="what was given, as JSON; null when it is missing")
    rule: str = Field(description="the rule that it breaks")


class Prediction(BaseModel):
    """The answer to one row."""

    row: int = Field(description="position in the request, from 0")
    probability: float = Field(description="probability that the label is true, between 0 and 1")
    prediction: bool = Field(description="whether acting pays: the probability reaches the use case's threshold")


class PredictAnswer(BaseModel):
    """The answer to a request."""

    request_id: str = Field(description="to be named in /feedback when the outcome is known")
    model_version: str = Field(description="the model version that answered every row of this request")
    predictions: list[Prediction]
    warnings: list[str] = []


class Label(BaseModel):
    """What came of one predicted row."""

    model_config = _STRICT

    request_id: str = Field(max_length=100, description="as answered by /predict")
    row: int = Field(ge=0, description="position in that request, from 0")
    label: bool = Field(description="the outcome")


class FeedbackAnswer(BaseModel):
    """How many labels are now stored."""

    accepted: int


def request_model(dataset: Dataset, max_rows: int) -> type[BaseModel]:
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
    row.__pydantic_config__ = _STRICT
    row.__doc__ = dataset.meaning
    limits = Field(min_length=1, max_length=max_rows, description=dataset.meaning)
    rows = Annotated[list[row], limits]  # type: ignore[valid-type]  # the same reason
    return create_model("PredictRequest", __config__=_STRICT, rows=(rows, ...))


def feedback_model(max_labels: int) -> type[BaseModel]:
    """Generate the model of a feedback request: ``{"labels": [{request_id, row, label}, ...]}``."""
    labels = Annotated[list[Label], Field(min_length=1, max_length=max_labels)]
    return create_model("FeedbackRequest", __config__=_STRICT, labels=(labels, ...))


def frame(dataset: Dataset, rows: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    """Return rows as a DataFrame of the contract's order and dtypes.

    Parameters
    ----------
    dataset
        Its ``request_columns`` become the columns; other keys of a row are left out.
    rows
        Values as a request has them, moments as text or as datetime. A missing value becomes NaN or NaT.

    Returns
    -------
    pd.DataFrame
        Shape (rows, request columns).

    Raises
    ------
    ValueError, TypeError
        When a value cannot be of its column's dtype.
    """
    # Here, for it is slow: `bentoml serve` reads the models above in a process that answers nothing.
    import pandas as pd

    return pd.DataFrame({c.name: _array(c, [row.get(c.name) for row in rows]) for c in dataset.request_columns})


def problems(error: ValidationError) -> list[Problem]:
    """Return what was wrong with a request, field by field, at most the first twenty."""
    found = error.errors(include_url=False, include_context=False)
    return [_problem(detail) for detail in found[:_PROBLEMS_TOLD]]


# --- one column ----------------------------------------------------------------------------------------------------


def _field(column: Column) -> Any:  # noqa: ANN401  # a type expression has no type of its own
    extra: JsonDict | None = {"unit": column.unit} if column.unit else None
    described = Field(description=column.meaning or None, json_schema_extra=extra)
    if column.required:
        return Required[Annotated[_type(column), described]]
    return NotRequired[Annotated[_type(column) | None, described]]


def _type(column: Column) -> Any:  # noqa: ANN401  # a type expression has no type of its own
    if column.type == "timestamp":
        return Annotated[datetime, PlainValidator(_moment), WithJsonSchema({"type": "string", "format": "date-time"})]
    if column.type == "boolean":
        return bool
    if column.type == "integer":
        limit = _INTEGER_LIMIT[column.required]
        low = -limit if column.minimum is None else column.minimum
        high = limit if column.maximum is None else column.maximum
        return Annotated[int, Field(ge=low, le=high)]
    if column.type == "number":
        return Annotated[float, Field(ge=column.minimum, le=column.maximum)]
    if column.categories:
        return Literal[column.categories]
    return Annotated[str, StringConstraints(pattern=column.pattern)]


def _check_pattern(column: Column) -> None:
    try:
        create_model("Pattern", value=(_type(column), ...))
    except SchemaError as error:
        raise ContractError(
            f"The pattern {column.pattern!r} of column {column.name!r} is not a regular expression that is known here.",
            "Correct it in the contract; look-around is not supported.",
        ) from error


def _moment(value: object) -> datetime:
    """Accept ISO 8601 text with a zone, nothing else: a bare number could be seconds or milliseconds."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise PydanticCustomError("moment", "Input should be a date and time with a zone, such as 2013-01-31T09:00:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise PydanticCustomError("moment", "Input should be within the years 1 to 9999 in UTC") from None


def _array(column: Column, values: list[Any]) -> Any:  # noqa: ANN401  # any of the arrays that a DataFrame takes
    # Arrays, where they can be had, not Series: a request's frame is made in half the time.
    import numpy as np  # here, with pandas
    import pandas as pd

    if column.type == "timestamp":
        return pd.to_datetime(values, utc=True, format="ISO8601").as_unit("us")
    if column.dtype == "float64":
        return np.array(values, dtype="float64")
    return pd.Series(values, dtype=column.dtype).array


# --- errors --------------------------------------------------------------------------------------------------------


def _problem(detail: ErrorDetails) -> Problem:
    field = ".".join(str(part) for part in detail["loc"])
    if detail["type"] == "missing":
        return Problem(field=field, rule="This field is required.")
    if detail["type"] == "extra_forbidden":
        return Problem(field=field, value=_short(detail["input"]), rule="No such field is known.")
    return Problem(field=field, value=_short(detail["input"]), rule=detail["msg"] + ".")


def _short(value: object) -> str:
    if isinstance(value, list | dict):
        return f"{'a list' if isinstance(value, list) else 'an object'} of {len(value)}"
    text = json.dumps(value, default=str)
    return text if len(text) <= _VALUE_LENGTH else text[:_VALUE_LENGTH] + "..."
