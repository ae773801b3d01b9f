"""The short way to read a request: msgspec takes one that keeps to the contract in a fraction of pydantic's time.

Of any other request it says nothing; pydantic then reads it again and names every field that is wrong. A test holds
that both give the same rows, and that what the short way takes pydantic takes too.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain
from math import ceil, floor
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType
from msgspec.structs import astuple

from roadworthy.contract import Column, Dataset
from roadworthy.serving.schema.columns import MANY, Columns, Rows
from roadworthy.serving.schema.moments import read_moment

# What int64 holds, and what float64 holds exactly: the dtype of an integer column that may be missing.
_LARGEST_INTEGER = {True: 2**63 - 1, False: 2**53}
_SPACE = b" \t\r\n"
# From so many bytes on numpy is the faster reader.
_LONG = 10_000
# What msgspec lets no field be called by.
_UNNAMED = re.compile(r'["\\\x00-\x1f]')


class Decoder:
    """Reads the rows of requests that keep to the contract.

    Parameters
    ----------
    columns
        The fields of a row.
    most_rows
        The largest number of rows in one request.
    """

    def __init__(self, columns: Sequence[Column], most_rows: int) -> None:
        fields = [(f"f{place}", *_field(column)) for place, column in enumerate(columns)]
        self._columns = columns
        renamed = {field[0]: column.name for field, column in zip(fields, columns, strict=True)}
        # Not looked at by Python's collector of garbage: a row holds nothing that could hold the row.
        row = msgspec.defstruct("Row", fields, rename=renamed, forbid_unknown_fields=True, kw_only=True, gc=False)
        rows = Annotated[list[row], Meta(min_length=1, max_length=most_rows)]  # type: ignore[valid-type]
        request = msgspec.defstruct("Request", [("rows", rows)], forbid_unknown_fields=True)
        self._decoder = msgspec.json.Decoder(request)
        self._moments = [column.name for column in columns if column.type == "timestamp"]
        self._optional = [place for place, column in enumerate(columns) if not column.required]

    def rows(self, body: bytes) -> Rows | None:
        """Return a request's rows, moments in UTC, many as `Columns`; None when the body wants a closer look."""
        try:
            rows = self._decoder.decode(body).rows  # type: ignore[attr-defined]  # the class is generated
            found, given = self._many(rows) if len(rows) >= MANY else self._few(rows)
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None
        return found if keys_in(body) == given + 1 else None  # some field is there twice

    def _few(self, rows: Sequence[Any]) -> tuple[Rows, int]:
        """Return rows as they are, and how many fields were given."""
        found = msgspec.to_builtins(rows)
        for row in found:
            for name in self._moments:
                if row.get(name) is not None:
                    row[name] = read_moment(row[name])
        return found, sum(map(len, found))

    def _many(self, rows: Sequence[Any]) -> tuple[Rows, int]:
        """Return rows as columns, and how many fields were given."""
        flat, width = list(chain.from_iterable(map(astuple, rows))), len(self._columns)
        values = [flat[place::width] for place in range(width)]
        left_out = 0
        for place in self._optional:
            given = [value for value in values[place] if value is not UNSET]
            if len(given) < len(rows):
                left_out += len(rows) - len(given)
                values[place] = [None if value is UNSET else value for value in values[place]]
        return Columns.of(self._columns, values), len(rows) * len(values) - left_out


def decoder(dataset: Dataset, most_rows: int) -> Decoder | None:
    """Return the decoder of a dataset's requests; None where the contract asks what only pydantic looks at."""
    columns = dataset.request_columns
    if any(column.pattern or (_closed(column) and column.type != "string") for column in columns):
        return None
    if any(_UNNAMED.search(column.name) for column in columns):
        return None
    return Decoder(columns, most_rows)


def keys_in(body: bytes) -> int:
    """Return how many keys the objects of a JSON document have, or more: what is in a text may look like one."""
    if len(body) > _LONG:
        import numpy as np  # here, as pandas in `frames`

        read = np.frombuffer(body, np.uint8)
        before, colons = read[:-1], read[1:] == ord(":")
        if not np.count_nonzero(colons & (before <= ord(" "))):
            return int(np.count_nonzero(colons & (before == ord('"'))))
    return body.translate(None, _SPACE).count(b'":')


def _closed(column: Column) -> bool:
    return bool(column.categories) and column.unseen == "refuse"


def integer_limits(column: Column) -> tuple[int, int]:
    """Return the least and the largest value of an integer column: the contract's where it refuses what is beyond."""
    largest = _LARGEST_INTEGER[column.required]
    low, high = (None, None) if column.out_of_range == "accept" else (column.minimum, column.maximum)
    least = -largest if low is None else max(ceil(low), -largest)
    return least, largest if high is None else min(floor(high), largest)


def _field(column: Column) -> tuple[Any, ...]:
    """Return the type of a field, and what it is where it is left out."""
    kind = _type(column)
    return (kind,) if column.required else (kind | None | UnsetType, UNSET)


def _type(column: Column) -> Any:  # noqa: ANN401  # a type expression has no type of its own
    low, high = (None, None) if column.out_of_range == "accept" else (column.minimum, column.maximum)
    if column.type == "timestamp":
        return str  # which Arrow reads fastest, where there are many
    if column.type == "boolean":
        return bool
    if column.type == "integer":
        least, most = integer_limits(column)
        return Annotated[int, Meta(ge=least, le=most)]
    if column.type == "number":
        return Annotated[float, Meta(ge=low, le=high)]
    return Literal[column.categories] if _closed(column) else str
