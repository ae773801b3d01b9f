"""The short way to read a request: msgspec takes one that keeps to the contract in a fraction of pydantic's time.

Of any other request it says nothing; pydantic then reads it again and names every field that is wrong. A test holds
that both give the same rows, and that what the short way takes pydantic takes too.
"""

from __future__ import annotations

from datetime import UTC, datetime
from math import ceil, floor
from typing import Annotated, Any, Literal, NotRequired, Required

import msgspec
from msgspec import Meta
from typing_extensions import TypedDict  # as for pydantic: both know it from Python 3.11 on

from roadworthy.contract import Column, Dataset

_TYPED_DICT: Any = TypedDict
# What int64 holds, and what float64 holds exactly: the dtype of an integer column that may be missing.
_LARGEST_INTEGER = {True: 2**63 - 1, False: 2**53}
_SPACE = b" \t\r\n"
Row = dict[str, Any]


class Decoder:
    """Reads the rows of requests that keep to the contract.

    Parameters
    ----------
    columns
        The fields of a row.
    most_rows
        The largest number of rows in one request.
    """

    def __init__(self, columns: tuple[Column, ...], most_rows: int) -> None:
        row = _TYPED_DICT("Row", {column.name: _field(column) for column in columns})
        rows = Annotated[list[row], Meta(min_length=1, max_length=most_rows)]  # type: ignore[valid-type]
        request = msgspec.defstruct("Request", [("rows", rows)], forbid_unknown_fields=True)
        self._decoder = msgspec.json.Decoder(request)
        self._moments = [column.name for column in columns if column.type == "timestamp"]

    def rows(self, body: bytes) -> list[Row] | None:
        """Return a request's rows, moments in UTC; None when the body wants a closer look."""
        try:
            rows: list[Row] = self._decoder.decode(body).rows  # type: ignore[attr-defined]  # the class is generated
            if keys_in(body) != sum(map(len, rows)) + 1:  # some field is not known, or is there twice
                return None
            for name in self._moments:
                for row in rows:
                    moment = row.get(name)
                    if moment is not None and moment.tzinfo is not UTC:
                        row[name] = moment.astimezone(UTC)
        except (msgspec.MsgspecError, ValueError, RecursionError, OverflowError):
            return None
        return rows


def decoder(dataset: Dataset, most_rows: int) -> Decoder | None:
    """Return the decoder of a dataset's requests; None where the contract asks what only pydantic looks at."""
    columns = dataset.request_columns
    if any(column.pattern or (_closed(column) and column.type != "string") for column in columns):
        return None
    return Decoder(columns, most_rows)


def keys_in(body: bytes) -> int:
    """Return how many keys the objects of a JSON document have, or more: what is in a text may look like one."""
    return body.translate(None, _SPACE).count(b'":')


def _closed(column: Column) -> bool:
    return bool(column.categories) and column.unseen == "refuse"


def integer_limits(column: Column) -> tuple[int, int]:
    """Return the least and the largest value of an integer column: the contract's where it refuses what is beyond."""
    largest = _LARGEST_INTEGER[column.required]
    low, high = (None, None) if column.out_of_range == "accept" else (column.minimum, column.maximum)
    least = -largest if low is None else max(ceil(low), -largest)
    return least, largest if high is None else min(floor(high), largest)


def _field(column: Column) -> Any:  # noqa: ANN401  # a type expression has no type of its own
    kind = _type(column)
    return Required[kind] if column.required else NotRequired[kind | None]


def _type(column: Column) -> Any:  # noqa: ANN401  # a type expression has no type of its own
    low, high = (None, None) if column.out_of_range == "accept" else (column.minimum, column.maximum)
    if column.type == "timestamp":
        return Annotated[datetime, Meta(tz=True)]
    if column.type == "boolean":
        return bool
    if column.type == "integer":
        least, most = integer_limits(column)
        return Annotated[int, Meta(ge=least, le=most)]
    if column.type == "number":
        return Annotated[float, Meta(ge=low, le=high)]
    return Literal[column.categories] if _closed(column) else str
