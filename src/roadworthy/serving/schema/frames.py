"""Requests as DataFrames: the contract's columns, in its order and dtypes, as the model knows them from training.

A frame is made of whole blocks, and all that does not depend on the values is made once for each dataset: pandas' own
way column by column takes many times as long for the one row that most requests have.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from roadworthy.contract import Column, Dataset
from roadworthy.serving.schema.columns import Columns, Rows

if TYPE_CHECKING:
    import pandas as pd

_PLANS_KEPT = 16
_plans: dict[tuple[int, bool], tuple[Dataset, _Plan]] = {}


def frame(dataset: Dataset, rows: Rows) -> pd.DataFrame:
    """Return rows as a DataFrame of the contract's order and dtypes.

    Parameters
    ----------
    dataset
        Its ``request_columns`` become the columns; other keys of a row are left out.
    rows
        Values as a request has them, moments as text or as datetime, or many as `Columns`. A missing value becomes
        NaN or NaT.

    Returns
    -------
    pd.DataFrame
        Shape (rows, request columns).

    Raises
    ------
    ValueError, TypeError
        When a value cannot be of its column's dtype.
    """
    return _plan(dataset, features_only=False).frame(rows)


def features(dataset: Dataset, rows: Rows) -> pd.DataFrame:
    """Return what the model receives of rows: the same as `frame`, of the dataset's features alone."""
    return _plan(dataset, features_only=True).frame(rows)


def _plan(dataset: Dataset, *, features_only: bool) -> _Plan:
    # By identity: to compare two datasets takes longer than to make a frame of one row.
    key = (id(dataset), features_only)
    known = _plans.get(key)
    if known is not None and known[0] is dataset:
        return known[1]
    if len(_plans) >= _PLANS_KEPT:
        _plans.clear()
    made = _Plan(dataset.with_role("feature") if features_only else dataset.request_columns)
    _plans[key] = (dataset, made)
    return made


class _Plan:
    """What a frame of some columns is made of, whatever its rows."""

    def __init__(self, columns: Sequence[Column]) -> None:
        # Here and below, for it is slow: `bentoml serve` reads the requests' models in a process that answers nothing.
        import pandas as pd

        self._columns = pd.Index([column.name for column in columns], dtype="str" if columns else None)
        places: dict[tuple[str, str], list[int]] = {}
        for place, column in enumerate(columns):
            # Columns of one of numpy's dtypes become one block, any other column is a block of its own.
            own = "" if column.dtype in _NUMPY else column.name
            places.setdefault((column.dtype, own), []).append(place)
        self._blocks = [_block([(place, columns[place]) for place in some]) for some in places.values()]

    def frame(self, rows: Rows) -> pd.DataFrame:
        """Return the frame of some rows."""
        import pandas as pd
        from pandas.api.internals import create_dataframe_from_blocks  # type: ignore[import-not-found]  # not in stubs

        blocks = [(block.array(rows), block.places) for block in self._blocks]
        # A view: whoever names a frame's columns would name those of every other frame.
        made: pd.DataFrame = create_dataframe_from_blocks(blocks, pd.RangeIndex(len(rows)), self._columns.view())
        return made


@dataclass(frozen=True)
class _Block:
    """Columns of one dtype, and where they stand in the frame."""

    names: tuple[str, ...]
    places: Any
    make: Callable[[list[Any]], Any]
    """Of the values of each column: a list, or Arrow's array."""

    def array(self, rows: Rows) -> Any:  # noqa: ANN401  # any of the arrays that a DataFrame takes
        if isinstance(rows, Columns):
            return self.make([rows.array(name) for name in self.names])
        try:
            picked = [[row[name] for row in rows] for name in self.names]
        except KeyError:  # some row is without some field
            picked = [[row.get(name) for row in rows] for name in self.names]
        return self.make(picked)


def _block(columns: Sequence[tuple[int, Column]]) -> _Block:
    import numpy as np  # here, with pandas

    names = tuple(column.name for _, column in columns)
    dtype = columns[0][1].dtype
    return _Block(
        names=names,
        places=np.array([place for place, _ in columns]),
        make=partial(_numbers, dtype) if dtype in _NUMPY else _MAKERS[dtype](),
    )


def _numbers(dtype: str, picked: list[Any]) -> Any:  # noqa: ANN401
    import numpy as np
    import pyarrow as pa

    if isinstance(picked[0], pa.Array):
        if dtype == "float64":
            picked = [values if pa.types.is_float64(values.type) else values.cast(pa.float64()) for values in picked]
        picked = [values.to_numpy(zero_copy_only=False) for values in picked]
    # Told what to make, numpy would cut fractions off whole numbers without a word.
    found = np.array(picked, dtype=dtype if dtype == "float64" or not len(picked[0]) else None)
    if found.dtype != dtype or found.ndim != 2:
        raise TypeError(f"some value of {len(picked)} columns is not of dtype {dtype}")
    return found


def _texts() -> Callable[[list[Any]], Any]:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    dtype: Any = pd.StringDtype(na_value=np.nan)
    kind = pa.large_string()

    def make(columns: list[Any]) -> Any:  # noqa: ANN401
        (values,) = columns
        held = values.cast(kind) if isinstance(values, pa.Array) else pa.array(values, type=kind, from_pandas=True)
        return dtype.__from_arrow__(held)

    return make


def _truths() -> Callable[[list[Any]], Any]:
    import pandas as pd
    import pyarrow as pa

    dtype: Any = pd.BooleanDtype()

    def make(columns: list[Any]) -> Any:  # noqa: ANN401
        (values,) = columns
        if isinstance(values, pa.Array):
            return dtype.__from_arrow__(values)
        return pd.array(values, dtype="boolean")

    return make


def _moments() -> Callable[[list[Any]], Any]:
    import pandas as pd
    import pyarrow as pa

    dtype: Any = pd.DatetimeTZDtype("us", "UTC")
    kind = pa.timestamp("us", "UTC")

    def make(columns: list[Any]) -> Any:  # noqa: ANN401
        (values,) = columns
        if isinstance(values, pa.Array):
            return dtype.__from_arrow__(values.cast(kind))
        if _MOMENTS.issuperset(map(type, values)):
            return dtype.__from_arrow__(pa.array(values, type=kind))
        return pd.to_datetime(values, utc=True, format="ISO8601").as_unit("us").array

    return make


_NUMPY = ("float64", "int64", "bool")
_MOMENTS = frozenset({datetime, type(None)})
_MAKERS: dict[str, Callable[[], Callable[[list[Any]], Any]]] = {
    "str": _texts,
    "boolean": _truths,
    "datetime64[us, UTC]": _moments,
}
