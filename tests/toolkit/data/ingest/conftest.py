"""A small dataset, rows of it, and real tables to take them into."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from roadworthy.contract import Column, Dataset
from roadworthy.tables import Tables


@pytest.fixture(scope="session")
def small() -> Dataset:
    """A dataset of three columns."""
    return Dataset(
        name="small",
        columns=(
            Column(name="id", type="string", role="identifier", required=True, unique=True),
            Column(name="x", type="number", role="feature", maximum=100),
            Column(name="late", type="boolean", role="label", required=True),
        ),
    )


@pytest.fixture(scope="session")
def frame_of() -> Callable[..., pd.DataFrame]:
    """Make rows of the small dataset, good ones unless told otherwise."""

    def make(ids: str = "abcde", x: list[object] | None = None) -> pd.DataFrame:
        return pd.DataFrame({"id": list(ids), "x": x or [1.0] * len(ids), "late": [True] * len(ids)})

    return make


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(str(tmp_path / "tables"))
