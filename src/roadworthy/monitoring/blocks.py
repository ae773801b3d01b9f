"""Rows in stretches of time: rows of one stretch are alike, so it is stretches that are drawn, held out and counted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

_LENGTHS = (pd.Timedelta(days=1), pd.Timedelta(hours=6), pd.Timedelta(hours=1))
_MOST_CATEGORIES = 200  # of a feature; the rest is one more
LEAST = 8  # stretches that a side must have, for anything to be said


@dataclass(frozen=True)
class Blocks:
    """A sample of the rows of reference and window, and the stretch of time that each came in.

    Attributes
    ----------
    rows
        The features, shape (rows, features), the reference's rows first.
    block
        Number of each row's stretch, from 0, shape (rows,); no stretch has rows of both sides.
    in_window
        Whether each stretch is the window's, shape (stretches,).
    """

    rows: pd.DataFrame
    block: NDArray[np.intp]
    in_window: NDArray[np.bool_]

    @classmethod
    def of(
        cls,
        reference: pd.DataFrame,
        window: pd.DataFrame,
        features: list[str],
        time: str,
        *,
        most: int = 10_000,
        seed: int = 0,
    ) -> Self | None:
        """Sample rows of both sides, about as many from each stretch; None where a side has too few stretches.

        A stretch is a day, or in shorter windows six hours or one: the longest of which the window has eight. What
        varies from one stretch to the next is chance; what varies only over longer times is not known to be.

        Parameters
        ----------
        reference, window
            Rows with the features and the event time.
        features, time
            Names of columns.
        most
            Rows of each side, at most.
        seed
            Of the sample.
        """
        for length in _LENGTHS:
            stretches = [pd.to_datetime(side[time], utc=True).dt.floor(length) for side in (reference, window)]
            if stretches[1].nunique() >= LEAST:
                break
        else:
            return None
        if stretches[0].nunique() < LEAST:
            return None
        sizes = [stretch.value_counts() for stretch in stretches]
        each = int(max(min(size.median() for size in sizes), 1))
        each = max(min(each, *(most // len(size) for size in sizes)), 1)
        rng = np.random.default_rng(seed)
        chosen = [_some_of_each(stretch, each, rng) for stretch in stretches]
        numbers = [
            pd.factorize(stretch.iloc[rows], sort=True)[0] for stretch, rows in zip(stretches, chosen, strict=True)
        ]
        before = int(numbers[0].max()) + 1
        after = int(numbers[1].max()) + 1
        rows = pd.concat([reference[features].iloc[chosen[0]], window[features].iloc[chosen[1]]], ignore_index=True)
        return cls(rows, np.concatenate([numbers[0], numbers[1] + before]), np.arange(before + after) >= before)

    @property
    def of_window(self) -> NDArray[np.bool_]:
        """Whether each row is the window's, shape (rows,)."""
        return self.in_window[self.block]

    def relabelled(self, rng: np.random.Generator) -> NDArray[np.bool_]:
        """Return the stretches' sides, dealt out anew."""
        return rng.permutation(self.in_window)


def _some_of_each(stretch: pd.Series[pd.Timestamp], each: int, rng: np.random.Generator) -> NDArray[np.intp]:
    order = rng.permutation(len(stretch))
    rank = stretch.iloc[order].groupby(stretch.iloc[order].to_numpy()).cumcount().to_numpy()
    chosen: NDArray[np.intp] = np.sort(order[rank < each])
    return chosen


def columns_of_kind(rows: pd.DataFrame) -> tuple[list[str], list[str]]:
    """Return the names of the columns of numbers (times and truth values among them), and of those of categories."""
    texts = [
        name
        for name in rows.columns
        if not (
            pd.api.types.is_numeric_dtype(rows[name].dtype) or pd.api.types.is_datetime64_any_dtype(rows[name].dtype)
        )
    ]
    return [name for name in rows.columns if name not in texts], texts


def as_floats(column: pd.Series[Any]) -> NDArray[np.float64]:
    """Return a column of numbers, times or truth values as floats, missing ones as NaN."""
    if pd.api.types.is_datetime64_any_dtype(column.dtype):
        seconds = (column - pd.Timestamp(0, tz=column.dt.tz)).dt.total_seconds()
        return np.asarray(seconds, dtype=np.float64)
    return np.asarray(column.to_numpy(dtype=np.float64, na_value=np.nan))


def encoded(rows: pd.DataFrame) -> NDArray[np.float64]:
    """Return the features as the trees take them: categories as their rank by frequency, shape (rows, features)."""
    numbers, _ = columns_of_kind(rows)
    columns = [as_floats(rows[name]) if name in numbers else _ranked(rows[name]) for name in rows.columns]
    return np.column_stack(columns)


def _ranked(column: pd.Series[Any]) -> NDArray[np.float64]:
    names = column.value_counts().index[:_MOST_CATEGORIES]
    place = pd.Series(np.arange(len(names), dtype=np.float64), index=names)
    found = column.map(place)
    return np.asarray(found.where(found.notna() | column.isna(), float(len(names))), dtype=np.float64)
