"""Real Delta tables in a folder of their own, whose name has a space."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from roadworthy.tables import Tables


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(str(tmp_path / "deep er" / "tables"))


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "id": pd.Series(["a", None, "ü"], dtype="str"),
            "at": pd.to_datetime(["2013-01-01", "2013-02-01", None], utc=True).astype("datetime64[us, UTC]"),
            "x": [1.5, np.nan, -2.0],
            "n": [1, 2, 3],
            "sure": [True, False, True],
            "late": pd.Series([True, None, False], dtype="boolean"),
            "a name": [0.0, 0.0, 0.0],
        }
    )


@pytest.fixture
def numbers(tables: Tables) -> Callable[..., int]:
    """Append a column ``n`` of some numbers to the table ``numbers``, by a writer if one is named."""

    def append(*values: int, writer: str | None = None) -> int:
        rows = pd.DataFrame({"n": pd.Series(values, dtype="int64")})
        return tables.append("numbers", rows, writer=writer, position=0 if writer else None)

    return append
