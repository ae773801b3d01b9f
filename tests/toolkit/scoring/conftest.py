"""The small project with a champion on which serving is tested too, opened as the command line opens one."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from roadworthy import project as projects
from roadworthy.project import Project

if TYPE_CHECKING:
    from types import ModuleType


def _shared() -> ModuleType:
    name = "conftest_of_serving"
    spec = importlib.util.spec_from_file_location(name, Path(__file__).parents[1] / "serving" / "conftest.py")
    assert spec is not None
    assert spec.loader is not None
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


_serving = _shared()
flights = _serving.flights
fresh = _serving.fresh


@pytest.fixture
def opened(fresh: object) -> Iterator[Project]:
    """A project of its own, with a champion."""
    fresh.promote(fresh.release())  # type: ignore[attr-defined]
    with projects.load(fresh.config.root) as project:  # type: ignore[attr-defined]
        yield project


@pytest.fixture
def requests(opened: Project, flights: pd.DataFrame) -> pd.DataFrame:
    """Rows to be scored: what a request carries, without the outcome."""
    found: pd.DataFrame = flights[[column.name for column in opened.dataset.request_columns]]
    return found
