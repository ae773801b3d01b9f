"""What the tests of profiles share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from roadworthy.monitoring.profiles import Profile

SHARES = np.linspace(0, 1, 51)


@pytest.fixture
def same() -> Callable[[Profile, Profile], None]:
    """Assert that two profiles know the same of every column; of at most 2,048 rows, as sketches are exact then."""
    return assert_same


def assert_same(one: Profile, other: Profile) -> None:
    """Assert that two profiles know the same of every column."""
    assert one.columns == other.columns
    for name in one.columns:
        here, there = one.column(name), other.column(name)
        assert (here.n, here.missing, here.infinite, here.kind, here.types) == (
            (there.n, there.missing, there.infinite, there.kind, there.types)
        )
        assert here.cardinality.estimate == pytest.approx(there.cardinality.estimate, rel=0.03)
        if here.kind == "categorical":
            assert here.counts() == there.counts()
        elif here.kind == "numeric":
            assert list(here.quantiles(SHARES)) == list(there.quantiles(SHARES))
            assert (here.minimum, here.maximum) == (there.minimum, there.maximum)
            assert here.mean == pytest.approx(there.mean)
            assert here.standard_deviation == pytest.approx(there.standard_deviation)
