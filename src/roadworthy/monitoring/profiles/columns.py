"""One Arrow column, profiled by its type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from whylogs.core.view.column_profile_view import ColumnProfileView

from roadworthy.monitoring.profiles import sketches
from roadworthy.monitoring.profiles.sketches import Floats, Integers, Tally

_SECONDS = {"s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}  # of a unit in one second
_DAY = 86_400.0  # seconds
_NARROW = 1 << 16  # integers within so wide a range are counted, wider ones are sorted


def profiled(array: pa.ChunkedArray) -> ColumnProfileView:
    """Profile a column; one whose values cannot be read says so and spoils no other."""
    try:
        if pa.types.is_dictionary(array.type) and not _is_coded_text(array):
            array = array.cast(array.type.value_type)
        return _builder(array.type)(array)
    except Exception:  # a column may hold anything
        return sketches.unreadable(len(array), array.null_count)


def text(value: object) -> str:
    """Return any value as text that fits a file: lone surrogates do not."""
    return str(value).encode("utf-8", "backslashreplace").decode()


def _builder(kind: pa.DataType) -> Callable[[pa.ChunkedArray], ColumnProfileView]:
    return next((build for fits, build in _BY_TYPE if fits(kind)), _anything)


def _is_text(kind: pa.DataType) -> bool:
    known: bool = pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    return known


def _is_texts(kind: pa.DataType) -> bool:
    return _is_text(kind.value_type if pa.types.is_dictionary(kind) else kind)


def _is_coded_text(array: pa.ChunkedArray) -> bool:
    """Return whether each code of a dictionary stands for a text of its own."""
    dictionaries = [chunk.dictionary for chunk in array.chunks]
    return _is_text(array.type.value_type) and all(
        each.null_count == 0 and len(each.unique()) == len(each) for each in dictionaries
    )


# --- numbers -------------------------------------------------------------------------------------------------------


def _floats(array: pa.ChunkedArray) -> ColumnProfileView:
    return _fractions(array, _values(array))


def _decimals(array: pa.ChunkedArray) -> ColumnProfileView:
    return _fractions(array, _values(array.cast(pa.float64())))


def _times(array: pa.ChunkedArray) -> ColumnProfileView:
    """A moment is a number of seconds since 1970, a time of day one since midnight; a duration is one of seconds."""
    kind = array.type
    values = _values(array.cast(pa.int32() if kind.bit_width == 32 else pa.int64()))
    if pa.types.is_date32(kind):
        return _fractions(array, values * _DAY)
    return _fractions(array, values / _SECONDS["ms" if pa.types.is_date64(kind) else kind.unit])


def _fractions(array: pa.ChunkedArray, values: NDArray[Any]) -> ColumnProfileView:
    """Profile the values that are not missing, shape (present,); they may be infinite or not a number."""
    ordered = np.sort(values)  # infinities at the ends, then what is not a number
    numbers = int(np.searchsorted(ordered, np.nan))
    first, last = np.searchsorted(ordered, -np.inf, "right"), np.searchsorted(ordered[:numbers], np.inf)
    finite: Floats = ordered[first:last].astype(np.float64, copy=False)
    return sketches.view(
        len(array),
        len(array) - numbers,
        {"fractional": numbers},
        sketches.distribution(Tally(finite)),
        sketches.cardinality_of_numbers(_distinct(finite)),
        nan=len(ordered) - numbers,
        inf=numbers - len(finite),
    )


def _distinct(ordered: Floats) -> Floats:
    """Return sorted numbers without their repetitions, where that is worth it."""
    first = _firsts(ordered)
    return ordered if np.count_nonzero(first) > len(ordered) // 2 else ordered[first]


def _firsts(ordered: NDArray[Any]) -> NDArray[np.bool_]:
    """Return where in sorted numbers another value begins, shape (values,)."""
    first = np.ones(len(ordered), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return first


def _integers(array: pa.ChunkedArray) -> ColumnProfileView:
    values, counts = _counted(_values(array))
    bounds = [sketches.integers(int(values[0]), int(values[-1]))] if len(values) else []
    return sketches.view(
        len(array),
        array.null_count,
        {"integral": len(array) - array.null_count},
        sketches.distribution(Tally(values.astype(np.float64), counts)),
        sketches.cardinality_of_integers(values),
        sketches.frequent_integers(values, counts),
        *bounds,
    )


def _counted(values: NDArray[Any]) -> tuple[NDArray[Any], Integers]:
    """Return the distinct integers, increasing, and how often each came."""
    if len(values) == 0:
        return values, np.zeros(0, dtype=np.int64)
    if values.dtype.itemsize < 8:
        values = values.astype(np.int64)  # where a difference has room
    low, high = int(values.min()), int(values.max())
    if high - low >= min(_NARROW, len(values)):
        ordered = np.sort(values)
        starts = np.flatnonzero(_firsts(ordered))
        return ordered[starts], np.diff(starts, append=len(ordered))
    counts = np.bincount((values - values.dtype.type(low)).astype(np.int64))
    places = np.flatnonzero(counts)
    return places.astype(values.dtype) + values.dtype.type(low), counts[places]


def _truths(array: pa.ChunkedArray) -> ColumnProfileView:
    true, present = pc.sum(array).as_py() or 0, len(array) - array.null_count
    found = {False: present - true, True: true}
    counts = np.array([present - true, true])
    came = counts > 0
    return sketches.view(
        len(array),
        array.null_count,
        {"boolean": present},
        sketches.distribution(Tally(np.array([0.0, 1.0])[came], counts[came])),
        sketches.cardinality_of_truths(found),
        sketches.frequent_texts(pa.array(["False", "True"]).filter(pa.array(came)), counts[came]),
        true=true,
    )


def _values(array: pa.ChunkedArray) -> NDArray[Any]:
    """Return the values that are not missing, shape (present,)."""
    present = array.drop_null() if array.null_count else array
    return np.asarray(present.to_numpy())


# --- text ----------------------------------------------------------------------------------------------------------


def _texts(array: pa.ChunkedArray) -> ColumnProfileView:
    texts, counts = _coded(array) if pa.types.is_dictionary(array.type) else _found(array)
    return sketches.view(
        len(array),
        array.null_count,
        {"string": len(array) - array.null_count},
        sketches.cardinality_of_texts(texts),
        sketches.frequent_texts(texts, counts),
    )


def _found(array: pa.ChunkedArray) -> tuple[pa.Array, Integers]:
    """Return the distinct texts and how often each came."""
    if pa.types.is_string_view(array.type):
        array = array.cast(pa.large_string())  # Arrow counts no views
    found = pc.value_counts(array.drop_null() if array.null_count else array)
    return found.field(0), np.asarray(found.field(1)).astype(np.int64)


def _coded(array: pa.ChunkedArray) -> tuple[pa.Array, Integers]:
    """Return the texts of a dictionary that came, and how often each did."""
    whole = array.unify_dictionaries().combine_chunks()
    codes = np.asarray(whole.indices.drop_null())
    counts = np.bincount(codes, minlength=len(whole.dictionary))
    came = counts > 0
    return whole.dictionary.filter(pa.array(came)), counts[came]


def _anything(array: pa.ChunkedArray) -> ColumnProfileView:
    """Profile what has no order and no text of its own, such as bytes and nested values, by how Python shows it."""
    return _texts(
        pa.chunked_array([[None if value is None else text(value) for value in array.to_pylist()]], pa.large_string())
    )


def _nothing(array: pa.ChunkedArray) -> ColumnProfileView:
    return sketches.view(len(array), len(array), {})


_BY_TYPE: tuple[tuple[Callable[[pa.DataType], bool], Callable[[pa.ChunkedArray], ColumnProfileView]], ...] = (
    (pa.types.is_floating, _floats),
    (pa.types.is_integer, _integers),
    (pa.types.is_boolean, _truths),
    (_is_texts, _texts),
    (pa.types.is_timestamp, _times),
    (pa.types.is_date, _times),
    (pa.types.is_time, _times),
    (pa.types.is_duration, _times),
    (pa.types.is_decimal, _decimals),
    (pa.types.is_null, _nothing),
)
