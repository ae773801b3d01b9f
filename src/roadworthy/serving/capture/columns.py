"""The common way from lines to rows: Arrow reads the lines of predictions and shadows, all at once, column by column.

It takes a third of what `roadworthy.serving.capture.lines` takes, and does not hold Python's lock meanwhile, so that
the service answers on beside it. It knows only lines as today's service writes them; any others are left to `lines`,
which also finds out the broken ones. A test holds that both give the same rows.
"""

from __future__ import annotations

import io
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json

from roadworthy.contract import Column, Dataset
from roadworthy.serving.capture.spool import Kind

MOMENT = pa.timestamp("us", tz="UTC")
_ANSWERS = {"probability": pa.list_(pa.float64()), "prediction": pa.list_(pa.bool_())}
_WHOLE = {
    "request_id": pa.string(),
    "received": pa.string(),
    "version": pa.string(),
    "role": pa.string(),
    "rollout": pa.string(),
    "seconds": pa.float64(),
}
_TYPES = {
    "str": pa.string(),
    "float64": pa.float64(),
    "int64": pa.int64(),
    "bool": pa.bool_(),
    "boolean": pa.bool_(),
    "datetime64[us, UTC]": pa.string(),
}
_BEGIN, _END = b'{"received":"', b"}\n"
_HASH = "^[0-9a-f]{64}$"
# The columns of each table, as `lines` has them; what stands between is once in a line, and the same for all its rows.
_ORDER: dict[Kind, tuple[str, ...]] = {
    "predictions": (
        "request_id", "row", "received", "version", "probability", "prediction", "role", "rollout", "seconds",
    ),
    "shadow": ("request_id", "row", "received", "version", "rollout", "probability", "prediction", "seconds"),
}  # fmt: skip


def table_of(kind: Kind, lines: Sequence[bytes], dataset: Dataset, hashed: Sequence[str]) -> pa.Table | None:
    """Return the rows of lines as the table of their kind has them; None when the lines want a closer look.

    Parameters
    ----------
    lines
        Whole lines of one spool.
    dataset
        Its request columns are those of the table ``predictions``.
    hashed
        Those of them that hold hashes; what is none is left out.
    """
    # Arrow's reader does not survive a line that is no object.
    if kind not in _ORDER or not lines or not all(line.startswith(_BEGIN) and line.endswith(_END) for line in lines):
        return None
    try:
        return _table(kind, b"".join(lines), dataset, hashed)
    except (pa.ArrowException, ValueError, KeyError):  # an older service's, or broken
        return None


def _table(kind: Kind, lines: bytes, dataset: Dataset, hashed: Sequence[str]) -> pa.Table | None:
    lines.decode()  # Arrow takes text for granted that is none
    columns = dataset.request_columns if kind == "predictions" else ()
    read = json.read_json(
        io.BytesIO(lines),
        read_options=json.ReadOptions(use_threads=False, block_size=len(lines)),
        parse_options=json.ParseOptions(explicit_schema=_schema(kind, columns), unexpected_field_behavior="ignore"),
    ).combine_chunks()
    lists = [read[name].combine_chunks() for name in (*_ANSWERS, *(("rows",) if columns else ()))]
    lengths = [pc.list_value_length(each) for each in lists]
    missing = sum(read[name].null_count for name in read.column_names)
    if missing or any(not lengths[0].equals(length) for length in lengths[1:]):
        return None
    line = pc.list_parent_indices(lists[0])
    found = {name: read[name].take(line) for name in _WHOLE if name in read.column_names}
    found |= {name: pc.list_flatten(values) for name, values in zip(_ANSWERS, lists, strict=False)}
    found["received"] = found["received"].cast(MOMENT)
    found["row"] = pc.subtract(pa.array(range(len(line)), pa.int64()), _starts(lengths[0]).take(line))
    arrays = {name: found[name] for name in _ORDER[kind]}
    if any(each.null_count for each in arrays.values()):
        return None
    rows = pc.list_flatten(lists[2]) if columns else None
    if rows is not None and rows.null_count:
        return None
    values = {column.name: _values(pc.struct_field(rows, column.name), column, hashed) for column in columns}
    if any(column.required and values[column.name].null_count for column in columns):
        return None
    return pa.table(arrays | values)


def _schema(kind: Kind, columns: Sequence[Column]) -> pa.Schema:
    told = {name: _WHOLE[name] for name in _WHOLE if name in _ORDER[kind]} | _ANSWERS
    if columns:
        told["rows"] = pa.list_(pa.struct([(column.name, _TYPES[column.dtype]) for column in columns]))
    return pa.schema(list(told.items()))


def _starts(lengths: pa.Array) -> pa.Array:
    """Return for each line how many rows come before it."""
    return pc.subtract(pc.cumulative_sum(lengths.cast(pa.int64())), lengths.cast(pa.int64()))


def _values(values: pa.Array, column: Column, hashed: Sequence[str]) -> pa.Array:
    if column.name in hashed:
        return pc.if_else(pc.match_substring_regex(values, _HASH), values, pa.scalar(None, pa.string()))
    return values.cast(MOMENT) if column.type == "timestamp" else values
