"""The content hash of a batch: the same values give the same hash, however they were delivered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from blake3 import blake3

from roadworthy.contract import Column
from roadworthy.data.casting import whole


class Digest:
    """A BLAKE3 hash over typed rows, fed chunk by chunk.

    It depends on the values and their order alone: not on how rows are cut into chunks, nor on the kind of file that
    they came in. Each column is hashed by itself, in streams that only grow at their end: its values, and which of them
    are missing. Of texts the lengths are hashed as well, so that no two columns run together alike.
    """

    def __init__(self, columns: Sequence[Column]) -> None:
        self._columns = tuple(columns)
        self._streams = {column.name: [blake3() for _ in range(4)] for column in columns}
        self._rows = 0

    def add(self, values: pa.Table, failures: pd.DataFrame) -> None:
        """Take in the next rows, and what in them could not be cast: those cells are hashed as they were delivered."""
        for column in self._columns:
            contents, shapes, gaps, _ = self._streams[column.name]
            cells = whole(values[column.name])
            content, shape = _bytes(cells)
            contents.update(content)
            shapes.update(shape)
            if cells.null_count:
                missing = np.flatnonzero(cells.is_null().to_numpy(zero_copy_only=False)) + self._rows
                gaps.update(missing.astype("<i8").tobytes())
        for row, name, value in zip(failures["row"], failures["column"], failures["value"], strict=True):
            self._streams[name][3].update(json.dumps([row + self._rows, value]).encode())
        self._rows += len(values)

    def hexdigest(self) -> str:
        """Return the hash of the rows so far."""
        parts = [[c.name, c.type, *(s.hexdigest() for s in self._streams[c.name])] for c in self._columns]
        return blake3(json.dumps([self._rows, parts]).encode()).hexdigest()


def _bytes(cells: pa.Array) -> tuple[Any, Any]:
    """Return a column's values as bytes, and their lengths where those differ; what lies under a gap is blanked."""
    if not len(cells):
        return b"", b""
    if pa.types.is_string(cells.type):
        texts = pc.fill_null(cells, "")
        offsets = np.frombuffer(texts.buffers()[1], dtype="int32")[texts.offset : texts.offset + len(texts) + 1]
        content = memoryview(texts.buffers()[2] or b"")[offsets[0] : offsets[-1]]
        return content, np.diff(offsets).astype("<i4").tobytes()
    if pa.types.is_timestamp(cells.type):
        cells = cells.cast(pa.int64())
    if pa.types.is_boolean(cells.type):
        cells = cells.cast(pa.uint8())
    return np.ascontiguousarray(pc.fill_null(cells, 0).to_numpy(zero_copy_only=False)).view("uint8"), b""
