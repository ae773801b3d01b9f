"""A pandas column as Arrow, whatever it holds."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pyarrow as pa
from pandas.api import types as dtypes

from roadworthy.monitoring.profiles.columns import text

_Series = pd.Series  # of anything


def arrow(series: _Series) -> pa.ChunkedArray:
    """Return a column in Arrow.

    A column of objects is taken for what they are, and is text where they are of several kinds or cannot be stored.

    Raises
    ------
    Exception
        Of any kind, when the values are neither numbers nor times nor anything with a text.
    """
    if isinstance(series.dtype, pd.CategoricalDtype):
        return _category(series)
    if isinstance(series.dtype, pd.SparseDtype):
        series = pd.Series(np.asarray(series))
    if dtypes.is_object_dtype(series.dtype):
        return _chunked(_objects(series))
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "fiub":
        return _chunked(pa.array(series.to_numpy()))  # what is not a number stays so
    if isinstance(series.dtype, (pd.PeriodDtype, pd.IntervalDtype)):
        return _chunked(_texts(series))
    return _chunked(pa.array(series))


def _chunked(array: pa.Array | pa.ChunkedArray) -> pa.ChunkedArray:
    return array if isinstance(array, pa.ChunkedArray) else pa.chunked_array([array])


def _category(series: _Series) -> pa.ChunkedArray:
    """Categories are what they are one by one: numbers, times, or text."""
    categories = arrow(pd.Series(series.cat.categories)).combine_chunks()
    codes = pa.array(series.cat.codes.to_numpy(), mask=series.isna().to_numpy())
    return _chunked(pa.DictionaryArray.from_arrays(codes, categories))


def _objects(series: _Series) -> pa.Array:
    try:
        return pa.array(series, from_pandas=True)
    except (pa.ArrowException, OverflowError, UnicodeEncodeError):  # of several kinds, beyond 64 bits, no real text
        return _BY_CONTENT.get(dtypes.infer_dtype(series, skipna=True), _texts)(series)


def _texts(series: _Series) -> pa.Array:
    missing = series.isna().to_numpy()
    texts = [None if gone else text(value) for value, gone in zip(series, missing, strict=True)]
    return pa.array(texts, pa.large_string())


def _numbers(series: _Series) -> pa.Array:
    """Numbers of several kinds; each missing value is null."""
    missing = series.isna().to_numpy()
    values = np.where(missing, 0.0, series.to_numpy(dtype=object)).astype(np.float64)
    return pa.array(values, mask=missing)


def _times(series: _Series) -> pa.Array:
    moments = pd.to_datetime(series, utc=True)
    return pa.array(moments)


_BY_CONTENT: dict[str, Callable[[_Series], pa.Array]] = {
    "integer": _numbers,
    "floating": _numbers,
    "mixed-integer-float": _numbers,
    "decimal": _numbers,
    "datetime": _times,
    "datetime64": _times,
    "date": _times,
}
