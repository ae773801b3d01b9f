"""The common way from lines to rows: Arrow reads the lines of predictions and shadows, all at once, column by column.

It takes a third of what `roadworthy.serving.capture.lines` takes, and does not hold Python's lock meanwhile, so that
the service answers on beside it. Where a line has packed its rows they are columns already, and are only put one below
the other. It knows only lines as today's service writes them; any others are left to `lines`, which also finds out the
broken ones. A test holds that both give the same rows.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import json

from roadworthy.contract import Column, Dataset
from roadworthy.serving.capture.lines import holds_columns
from roadworthy.serving.capture.spool import Kind
from roadworthy.serving.schema import Columns, schema_of

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
    columns = dataset.request_columns if kind == "predictions" else ()
    try:
        parts = [
            _table(kind, _packed(some, columns) if packed else _plain(kind, some, columns), columns, hashed)
            for packed, some in groupby(lines, holds_columns)
        ]
    except (pa.ArrowException, ValueError, KeyError):  # an older service's, or broken
        return None
    return None if any(part is None for part in parts) else pa.concat_tables(parts)


@dataclass(frozen=True)
class _Read:
    """Lines as they were read: what is once in each, and of their rows each column, and how many there are."""

    lines: pa.Table
    values: Mapping[str, pa.Array]
    lengths: pa.Array | None = None


def _plain(kind: Kind, lines: Iterable[bytes], columns: Sequence[Column]) -> _Read:
    """Read lines of which each has its rows one by one."""
    whole = b"".join(lines)
    whole.decode()  # Arrow takes text for granted that is none
    told = list(_schema(kind))
    if columns:
        told.append(pa.field("rows", pa.list_(pa.struct([(column.name, _TYPES[column.dtype]) for column in columns]))))
    read = json.read_json(
        io.BytesIO(whole),
        read_options=json.ReadOptions(use_threads=False, block_size=len(whole)),
        parse_options=json.ParseOptions(explicit_schema=pa.schema(told), unexpected_field_behavior="ignore"),
    )
    if not columns:
        return _Read(read, {})
    lists = read["rows"].combine_chunks()
    rows = pc.list_flatten(lists)
    if rows.null_count:
        raise ValueError("some row is none")
    values = {column.name: pc.struct_field(rows, column.name) for column in columns}
    return _Read(read.drop_columns("rows"), values, pc.list_value_length(lists))


def _packed(lines: Iterable[bytes], columns: Sequence[Column]) -> _Read:
    """Read lines of predictions of which each has its rows as columns."""
    entries = [orjson.loads(line) for line in lines]
    held = [Columns.unpacked(entry["rows"]) for entry in entries]
    wanted = schema_of(columns)
    if not all(wanted.equals(rows.batch.schema) for rows in held):
        raise ValueError("some rows are of another contract")
    told = _schema("predictions")
    read = pa.table([pa.array([entry[one.name] for entry in entries], one.type) for one in told], schema=told)
    rows = pa.concat_batches([each.batch for each in held])
    values = {column.name: _numbers(rows[column.name], column) for column in columns}
    return _Read(read, values, pa.array(map(len, held), pa.int32()))


def _table(kind: Kind, read: _Read, columns: Sequence[Column], hashed: Sequence[str]) -> pa.Table | None:
    lists = [read.lines[name].combine_chunks() for name in _ANSWERS]
    lengths = [pc.list_value_length(each) for each in lists]
    others = lengths[1:] if read.lengths is None else [*lengths[1:], read.lengths]
    missing = sum(read.lines[name].null_count for name in read.lines.column_names)
    if missing or any(not lengths[0].equals(length) for length in others):
        return None
    line = pc.list_parent_indices(lists[0])
    once = {name: read.lines[name].combine_chunks() for name in _WHOLE if name in read.lines.column_names}
    once["received"] = once["received"].cast(MOMENT)
    found = {name: values.take(line) for name, values in once.items()}
    found |= {name: pc.list_flatten(values) for name, values in zip(_ANSWERS, lists, strict=True)}
    found["row"] = pc.subtract(pa.array(np.arange(len(line))), _starts(lengths[0]).take(line))
    arrays = {name: found[name] for name in _ORDER[kind]}
    if any(each.null_count for each in arrays.values()):
        return None
    values = {column.name: _values(read.values[column.name], column, hashed) for column in columns}
    if any(column.required and values[column.name].null_count for column in columns):
        return None
    return pa.table(arrays | values)


def _schema(kind: Kind) -> pa.Schema:
    told = {name: _WHOLE[name] for name in _WHOLE if name in _ORDER[kind]} | _ANSWERS
    return pa.schema(list(told.items()))


def _starts(lengths: pa.Array) -> pa.Array:
    """Return for each line how many rows come before it."""
    return pc.subtract(pc.cumulative_sum(lengths.cast(pa.int64())), lengths.cast(pa.int64()))


def _numbers(values: pa.Array, column: Column) -> pa.Array:
    return values.cast(pa.float64()) if column.dtype == "float64" else values


def _values(values: pa.Array, column: Column, hashed: Sequence[str]) -> pa.Array:
    if column.name in hashed:
        return pc.if_else(pc.match_substring_regex(values, _HASH), values, pa.scalar(None, pa.string()))
    return values.cast(MOMENT) if column.type == "timestamp" else values
