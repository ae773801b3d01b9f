"""What must be unique, across the chunks of a batch and against a table, in eight bytes a row.

Values are remembered by 64-bit hashes, so that a batch may be larger than memory. Two values that differ then count as
equal with probability 2**-64 a pair: among 100 million rows some pair does with a chance of about 3 in 10,000.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

Hashes = np.ndarray[Any, np.dtype[np.uint64]]

_SPREAD = np.uint64(0x9E3779B97F4A7C15)  # 2**64 divided by the golden ratio: columns in another order hash differently


class Seen:
    """The hashes met so far, kept as sorted runs that are merged as they grow."""

    def __init__(self) -> None:
        self._runs: list[Hashes] = []

    def met(self, hashes: Hashes) -> np.ndarray[Any, Any]:
        """Return which of the hashes were met before."""
        found = np.zeros(len(hashes), dtype=bool)
        for run in self._runs:
            places = np.minimum(np.searchsorted(run, hashes), len(run) - 1)
            found |= run[places] == hashes
        return found

    def add(self, hashes: Hashes) -> None:
        """Remember hashes."""
        self._remember(np.sort(hashes))

    def again(self, hashes: Hashes, present: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
        """Return which rows repeat an earlier row, of these or of those before, and remember them all.

        Parameters
        ----------
        hashes
            One a row.
        present
            Whether the row has a value at all: a missing one repeats nothing.
        """
        ordered = np.sort(hashes[present])
        twice = ordered[1:][ordered[1:] == ordered[:-1]]
        found = np.zeros(len(hashes), dtype=bool)
        if len(twice) or self.met(ordered).any():  # seldom: only then it matters which row came first
            found[present] = self.met(hashes[present]) | pd.Series(hashes[present]).duplicated().to_numpy()
        self._remember(ordered)
        return found

    def _remember(self, ordered: Hashes) -> None:
        if not len(ordered):
            return
        self._runs.append(ordered)
        while len(self._runs) > 1 and len(self._runs[-2]) <= 2 * len(self._runs[-1]):
            last = self._runs.pop()
            merged = np.concatenate([self._runs[-1], last])
            merged.sort(kind="stable")  # which is quick on what is sorted in parts
            self._runs[-1] = merged


def hashes(columns: Sequence[pa.Array]) -> tuple[Hashes, np.ndarray[Any, Any]]:
    """Return a hash for each row over typed columns, and whether the row has a value in every one of them."""
    combined: Hashes = np.zeros(len(columns[0]), dtype="uint64")
    present = np.ones(len(columns[0]), dtype=bool)
    for column in columns:
        combined = pd.util.hash_array(combined * _SPREAD + _hashed(column), categorize=False)
        present &= pc.is_valid(column).to_numpy(zero_copy_only=False)
    return combined, present


def seen_in(batches: Iterable[pa.Array]) -> Seen:
    """Return the hashes of a column that is given piece by piece."""
    seen = Seen()
    for values in batches:
        found, present = hashes([values])
        seen.add(found[present])
    return seen


def _hashed(column: pa.Array) -> Hashes:
    if pa.types.is_string(column.type):
        encoded = column.dictionary_encode()
        words = pd.util.hash_array(encoded.dictionary.to_numpy(zero_copy_only=False), categorize=False)
        places = pc.fill_null(encoded.indices, 0).to_numpy(zero_copy_only=False)
        return words[places] if len(words) else np.zeros(len(column), dtype="uint64")
    if pa.types.is_timestamp(column.type):
        column = column.cast(pa.int64())
    if pa.types.is_boolean(column.type):
        column = column.cast(pa.uint8())
    values = pc.fill_null(column, 0).to_numpy(zero_copy_only=False)
    if values.dtype.kind == "f":
        values = values + 0.0  # minus zero is zero
    return pd.util.hash_array(values, categorize=False)
