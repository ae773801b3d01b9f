"""Rows as hashes on disk, in parts that fit into memory, so that two versions of any size can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

Hashes = npt.NDArray[Any]
_Bits = npt.NDArray[np.uint64]

_SEEDS = {"high": "roadworthy high!", "low": "roadworthy low!!"}  # pandas wants 16 characters
_MISSING = np.uint64(0x9E3779B97F4A7C15)


def keep(batches: Iterable[pa.RecordBatch], folder: Path, key: Sequence[str], others: Sequence[str], parts: int) -> int:
    """Write one record a row into the files ``0`` to ``parts - 1`` of a new folder, and return how many rows there are.

    Rows of the same key go to the same file.

    Parameters
    ----------
    batches
        All rows.
    key
        The columns that name a row, together 128 bits of hash.
    others
        The columns whose values are hashed one by one, 64 bits each.
    """
    folder.mkdir()
    row = 0
    with ExitStack() as closed:
        files = [closed.enter_context((folder / str(number)).open("wb")) for number in range(parts)]
        for batch in batches:
            hashes = _hashes(batch, key, others, row)
            row += len(hashes)
            goes_to = hashes["low"] % np.uint64(parts)
            for number in np.unique(goes_to):
                files[number].write(hashes[goes_to == number].tobytes())
    return row


def part(folder: Path, number: int, others: Sequence[str]) -> Hashes:
    """Return the records of one part: ``key`` of 16 bytes, ``row``, counted from 0, and ``0``, ``1``... for others."""
    names = ["row", *(str(position) for position in range(len(others)))]
    layout = np.dtype([("key", "V16"), *((name, np.uint64) for name in names)])
    return np.fromfile(folder / str(number), dtype=layout)


def _hashes(batch: pa.RecordBatch, key: Sequence[str], others: Sequence[str], first: int) -> Hashes:
    names = ["high", "low", "row", *(str(position) for position in range(len(others)))]
    hashes: Hashes = np.empty(batch.num_rows, dtype=[(name, np.uint64) for name in names])
    hashes["row"] = np.arange(first, first + batch.num_rows, dtype=np.uint64)
    for half, seed in _SEEDS.items():
        mixed = np.full(batch.num_rows, pd.util.hash_array(np.array([seed], dtype=object))[0], dtype=np.uint64)
        for column in key:
            mixed = _mix(mixed + _bits(batch[column], seed))
        hashes[half] = mixed
    for position, column in enumerate(others):
        hashes[str(position)] = _bits(batch[column], _SEEDS["low"])
    return hashes


def _bits(values: pa.Array, seed: str) -> _Bits:
    """Return 64 bits a value, the same for the same value in any batch; not-a-number counts as missing."""
    kind = values.type
    if pa.types.is_floating(kind):
        numbers = values.cast(pa.float64()).fill_null(np.nan).to_numpy(zero_copy_only=False) + 0.0  # no negative zero
        return np.where(np.isnan(numbers), _MISSING, numbers.view(np.uint64))
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind) or pa.types.is_timestamp(kind):
        whole = values.cast(pa.int64(), safe=False).fill_null(0).to_numpy(zero_copy_only=False).view(np.uint64)
    else:
        whole = pd.util.hash_array(_texts(values), hash_key=seed, categorize=False)
    valid = values.is_valid().to_numpy(zero_copy_only=False)
    return np.where(valid, whole, _MISSING)


def _texts(values: pa.Array) -> npt.NDArray[np.object_]:
    if pa.types.is_nested(values.type):
        return np.array([repr(value) for value in values.to_pylist()], dtype=object)
    texts: npt.NDArray[np.object_] = values.cast(pa.string()).fill_null("").to_numpy(zero_copy_only=False)
    return texts


def _mix(bits: _Bits) -> _Bits:
    """Spread 64 bits evenly over 64 bits (the finalizer of SplitMix64; Steele, Lea and Flood, OOPSLA 2014)."""
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))
