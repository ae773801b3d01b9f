"""Cells to the contract's types, a column of a chunk at a time, on Arrow.

What becomes of a cell depends on nothing but that cell and its column's type, so the result is the same however rows
are cut into chunks: whole columns are converted at once, and only where that fails cell by cell, by the same parser.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeAlias

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from roadworthy.contract import ColumnType

Cells: TypeAlias = "pa.Array | pd.Series[Any]"
"""Delivered values: one Arrow array where they are of one kind, a Series of objects where they are not."""

ARROW_TYPES: dict[ColumnType, pa.DataType] = {
    "string": pa.string(),
    "number": pa.float64(),
    "integer": pa.int64(),
    "boolean": pa.bool_(),
    "timestamp": pa.timestamp("us", tz="UTC"),
}
_MISSING = pa.array(["", "NA", "N/A", "NaN", "nan", "null", "None", "NULL"])
_NAIVE = pa.timestamp("us")
_FIRST, _LAST = (
    (moment - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1) for moment in (dt.datetime.min, dt.datetime.max)
)
_EXACT = 2**53  # beyond it a float no longer holds every whole number
_TRUTH = {"1.0": True, "0.0": False}
_NUMERIC, _TEXT, _TRUTHS, _MOMENTS = "number", "text", "truth", "moment"
_KINDS: dict[type, str] = {str: _TEXT, bool: _TRUTHS, int: _NUMERIC, float: "float", Decimal: "decimal"}


@dataclass(frozen=True)
class Column:
    """A column's cells in the contract's type: missing where there was nothing, or where ``failed``."""

    values: pa.Array
    failed: np.ndarray[Any, Any]
    """Whether a cell held something that is not of the type."""


def cast(cells: Cells, kind: ColumnType) -> Column:
    """Convert cells to a type of the contract; a cell that is not of that type becomes missing and ``failed``.

    Text such as ``"7"`` or ``"true"`` is understood, and so are the usual spellings of a missing value where no text is
    wanted; a moment without a zone is taken as UTC.

    Examples
    --------
    >>> cast(pa.array(["7", "NA", "seven"]), "integer").values.to_pylist()
    [7, None, None]
    """
    if not isinstance(cells, pa.Array):
        return _of_mixed(cells, kind)
    found = _plain(cells)
    if pa.types.is_string(found.type) and kind != "string":
        converted = _at_once(found, kind)  # mostly every cell converts, and nothing else has to be asked
        if converted is not None:
            return Column(converted, np.zeros(len(found), dtype=bool))
    found = _present(found, kind)
    converted = _FROM_TYPE[_group(found.type)](found, kind)
    if converted.null_count == found.null_count:
        return Column(converted, np.zeros(len(found), dtype=bool))
    return Column(converted, _numpy(pc.and_(pc.is_valid(found), pc.is_null(converted))))


def cells_of(values: Sequence[Any] | pd.Series[Any]) -> Cells:
    """Return Python values as one Arrow array where all are of one kind, as a Series of objects otherwise.

    Arrow's own guess is not asked for a mixture: it takes ``True`` among floats for 1.0, and cuts a moment among dates.
    """
    series = values if isinstance(values, pd.Series) else pd.Series(values, dtype="object")
    if not pd.api.types.is_object_dtype(series):
        return _of_series(series)
    kinds = {type(value) for value in series} - {type(None)}
    if not kinds <= {int, float} and len(kinds) != 1:
        return series
    try:
        array = pa.array(series, from_pandas=True)
    except (pa.ArrowException, OverflowError):
        return series
    return series if pa.types.is_nested(array.type) else array


def whole(column: pa.ChunkedArray) -> pa.Array:
    """Return a column in one piece; it is copied only when it is in several."""
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _of_series(series: pd.Series[Any]) -> Cells:
    try:
        array = pa.Array.from_pandas(series)
    except pa.ArrowException:  # a dtype that Arrow does not have, such as complex numbers
        return series.astype("object")
    if isinstance(array, pa.ChunkedArray):
        array = whole(array)
    return array


# --- from one kind of cells ------------------------------------------------------------------------------------------


def _plain(cells: pa.Array) -> pa.Array:
    """Return the cells without the forms that change nothing about their values: dictionaries, other widths."""
    kind = cells.type
    if pa.types.is_dictionary(kind):
        return _plain(cells.dictionary_decode())
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return cells.cast(pa.string())
    if pa.types.is_float16(kind) or pa.types.is_float32(kind) or pa.types.is_decimal(kind):
        return cells.cast(pa.float64(), safe=False)
    if pa.types.is_date(kind):
        return cells.cast(pa.timestamp("ms"))
    return cells


def _present(cells: pa.Array, kind: ColumnType) -> pa.Array:
    """Return the cells with the spellings of a missing value made missing, where no text is wanted."""
    if pa.types.is_floating(cells.type):
        unknown = pc.is_nan(cells)
    elif pa.types.is_string(cells.type) and kind != "string":
        unknown = _spelt_missing(cells)
    else:
        return cells
    return pc.if_else(unknown, None, cells) if _any(unknown) else cells


def _spelt_missing(text: pa.Array) -> pa.Array:
    """Return which cells spell that they are missing; only those are compared that are blank or begin with an N."""
    _, places, letters = text.buffers()
    starts = np.frombuffer(places, "int32", len(text) + 1, 4 * text.offset)
    content = np.append(np.frombuffer(letters or b"", "uint8"), np.uint8(0))
    possible = np.flatnonzero((content[starts[:-1]] | 0x20 == ord("n")) | (starts[1:] == starts[:-1]))
    spelt = np.zeros(len(text), dtype=bool)
    spelt[possible] = _numpy(pc.is_in(text.take(pa.array(possible)), _MISSING))
    return pa.array(spelt)


def _group(kind: pa.DataType) -> str:
    for group, test in _GROUPS.items():
        if test(kind):
            return group
    return "other"


_GROUPS: dict[str, Callable[[pa.DataType], bool]] = {
    "null": pa.types.is_null,
    _TEXT: pa.types.is_string,
    "float": pa.types.is_floating,
    _NUMERIC: pa.types.is_integer,
    _TRUTHS: pa.types.is_boolean,
    _MOMENTS: pa.types.is_timestamp,
}


def _from_floats(found: pa.Array, kind: ColumnType) -> pa.Array:
    if kind == "boolean":
        return _from_text(found.cast(pa.string()), kind)
    if kind not in ("number", "integer"):
        return _nothing(found, kind)
    numbers = pc.if_else(pc.is_finite(found), found, None) if not _all(pc.is_finite(found)) else found
    return numbers if kind == "number" else _whole(numbers)


def _from_integers(found: pa.Array, kind: ColumnType) -> pa.Array:
    if kind == "number":
        return found.cast(pa.float64(), safe=False)
    if kind == "integer":
        if found.type == pa.uint64():
            found = pc.if_else(pc.less_equal(found, pa.scalar(2**63 - 1, pa.uint64())), found, None)
        return found.cast(pa.int64())
    # Seconds or milliseconds, since when? A number is no moment: never guessed.
    return _from_text(found.cast(pa.string()), kind) if kind == "boolean" else _nothing(found, kind)


def _from_truths(found: pa.Array, kind: ColumnType) -> pa.Array:
    return found if kind == "boolean" else _nothing(found, kind)


def _from_moments(found: pa.Array, kind: ColumnType) -> pa.Array:
    if kind != "timestamp":
        return _nothing(found, kind)
    zone = found.type.tz or "UTC"
    return _in_calendar(found.cast(pa.timestamp("us", tz=zone), safe=False).cast(ARROW_TYPES["timestamp"]))


def _in_calendar(moments: pa.Array) -> pa.Array:
    """Return the moments of the years 1 to 9999; Python has no others, though pandas takes -7 for a year."""
    span = pc.min_max(moments.cast(pa.int64()))
    first, last = span["min"].as_py(), span["max"].as_py()
    if first is None or (first >= _FIRST and last <= _LAST):
        return moments
    numbers = moments.cast(pa.int64())
    fitting = pc.and_(pc.greater_equal(numbers, _FIRST), pc.less_equal(numbers, _LAST))
    return pc.if_else(fitting, moments, None)


def _nothing(found: pa.Array, kind: ColumnType) -> pa.Array:
    return pa.nulls(len(found), ARROW_TYPES[kind])


def _whole(numbers: pa.Array) -> pa.Array:
    """Return the whole ones among floats; a float of 2**53 and more may stand for several whole numbers."""
    exact = pc.and_(pc.equal(numbers, pc.floor(numbers)), pc.less_equal(pc.abs(numbers), float(_EXACT)))
    return pc.if_else(exact, numbers, None).cast(pa.int64())


# --- from text -------------------------------------------------------------------------------------------------------


def _from_text(found: pa.Array, kind: ColumnType) -> pa.Array:
    if kind == "string":
        return found
    converted = _at_once(found, kind)
    return _cell_by_cell(found, kind) if converted is None else converted


def _at_once(text: pa.Array, kind: ColumnType) -> pa.Array | None:
    """Return the text converted by Arrow's parser, None when a single cell is not of the type."""
    for target in (ARROW_TYPES["timestamp"], _NAIVE) if kind == "timestamp" else (ARROW_TYPES[kind],):
        try:
            converted = pc.cast(text, target)
        except pa.ArrowInvalid:
            continue
        if kind == "number" and not _all(pc.is_finite(converted)):
            return None
        converted = converted.cast(ARROW_TYPES[kind])
        if kind == "timestamp" and _in_calendar(converted) is not converted:
            return None
        return converted
    return None


def _cell_by_cell(text: pa.Array, kind: ColumnType) -> pa.Array:
    """Convert what can be converted; each distinct cell is looked at once."""
    encoded = text.dictionary_encode()
    words = pc.utf8_trim_whitespace(encoded.dictionary)
    if kind in ("number", "integer"):  # a quick end for words; what remains is parsed
        words = pc.if_else(pc.match_substring_regex(words, r"^[-+]?[0-9.]"), words, None)
        words = pc.replace_substring_regex(words, r"^\+", "")
    converted = _parts(words, kind)
    left = pc.and_(pc.is_null(converted), pc.is_valid(words))
    if _any(left):
        converted = pc.coalesce(converted, _otherwise(pc.if_else(left, words, None), kind))
    return converted.take(encoded.indices)


def _parts(words: pa.Array, kind: ColumnType) -> pa.Array:
    """Convert by halves, and halves of those that do not convert, down to the single word."""
    converted = _at_once(words, kind)
    if converted is not None:
        return converted
    if len(words) == 1:
        return _nothing(words, kind)
    half = len(words) // 2
    return pa.concat_arrays([_parts(words[:half], kind), _parts(words[half:], kind)])


def _otherwise(words: pa.Array, kind: ColumnType) -> pa.Array:
    """Convert words that Arrow's parser leaves: ``7.0`` and ``1e3`` as whole numbers, moments as pandas reads them."""
    if kind == "integer":
        return _whole(_parts(words, "number"))
    if kind == "boolean":
        return pa.array([_TRUTH.get(word) for word in words.to_pylist()], pa.bool_())
    if kind == "timestamp":
        moments = pd.to_datetime(
            pd.Series(words.to_pylist(), dtype="object"), utc=True, errors="coerce", format="ISO8601"
        )
        return _in_calendar(pa.Array.from_pandas(moments.astype("datetime64[us, UTC]")))
    return _nothing(words, kind)


_FROM_TYPE: dict[str, Callable[[pa.Array, ColumnType], pa.Array]] = {
    "null": _nothing,
    _TEXT: _from_text,
    "float": _from_floats,
    _NUMERIC: _from_integers,
    _TRUTHS: _from_truths,
    _MOMENTS: _from_moments,
    "other": _nothing,
}


# --- from a mixture --------------------------------------------------------------------------------------------------


def _of_mixed(cells: pd.Series[Any], kind: ColumnType) -> Column:
    """Convert the cells of each kind of Python value by themselves, and put them together again."""
    groups: dict[str, list[int]] = {}
    objects = [value.item() if isinstance(value, np.generic) else value for value in cells]
    for place, value in enumerate(objects):
        groups.setdefault(_kind(value), []).append(place)
    failed = np.zeros(len(objects), dtype=bool)
    order, parts = [], []
    for group, places in groups.items():
        part = _of_group(group, [objects[place] for place in places], kind)
        failed[places] = part.failed
        order += places
        parts.append(part.values)
    if not parts:
        return Column(pa.nulls(0, ARROW_TYPES[kind]), failed)
    return Column(pa.concat_arrays(parts).take(pa.array(np.argsort(order))), failed)


def _kind(value: Any) -> str:  # noqa: ANN401 - a cell may hold anything
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return "missing"
    if isinstance(value, dt.date):  # a datetime and a pandas Timestamp are dates too
        return _MOMENTS if getattr(value, "tzinfo", None) is None else "zoned moment"
    return _KINDS.get(type(value), "other")


def _of_group(group: str, values: list[Any], kind: ColumnType) -> Column:
    if group in ("missing", "other"):
        return Column(pa.nulls(len(values), ARROW_TYPES[kind]), np.full(len(values), group == "other"))
    if group in (_MOMENTS, "zoned moment"):
        moments = pd.Series(pd.to_datetime(values, utc=True)).astype("datetime64[us, UTC]")
        return cast(pa.Array.from_pandas(moments), kind)
    try:
        return cast(pa.array(values), kind)
    except (OverflowError, pa.ArrowInvalid):  # a whole number of more than 64 bits
        return cast(pa.array([float(value) for value in values]), kind)


def _all(truths: pa.Array) -> bool:
    return pc.all(truths, min_count=0).as_py() is not False


def _any(truths: pa.Array) -> bool:
    return pc.any(truths, min_count=0).as_py() is True


def _numpy(truths: pa.Array) -> np.ndarray[Any, Any]:
    found: np.ndarray[Any, Any] = truths.to_numpy(zero_copy_only=False)
    return found
