"""Stretches in slices: the whole is their sum, and a column is known slice by slice."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from roadworthy.monitoring.profiles import Profile
from roadworthy.monitoring.slices import Sliced

DAYS = [
    pd.DataFrame({"x": [1.0, 2.0, 3.0, None], "c": ["a", "a", "b", "c"]}),
    pd.DataFrame({"x": [2.0, 9.0], "c": ["a", None]}),
    pd.DataFrame({"x": ["text"], "c": ["d"]}),
]
SLICED = Sliced.merged([Profile.of(day) for day in DAYS], season=7)


def test_slices_together_are_the_whole() -> None:
    assert SLICED.whole.rows == 7
    assert SLICED.column("c").whole.missing == 1
    assert (SLICED.season, SLICED.column("c").season) == (7, 7)


def test_a_profile_alone_has_no_slices() -> None:
    profile = Profile.of(DAYS[0])
    assert Sliced.of(profile) == Sliced(profile)
    assert Sliced.of(SLICED) is SLICED
    assert Sliced.of(profile).column("x").slices == ()
    assert Sliced.of(profile).column("x").at_points[0].shape == (0, len(Sliced.of(profile).column("x").points))


def test_numbers_are_known_by_their_shares_below_points() -> None:
    shares, rows = SLICED.column("x").below(np.array([2.0, 5.0]))
    assert shares == pytest.approx(np.array([[2 / 3, 1], [0.5, 0.5], [0, 0]]))
    assert rows.tolist() == [3, 2, 0]


def test_categories_are_known_by_their_counts() -> None:
    positions, table, rows = SLICED.column("c").counts
    assert rows.tolist() == [4, 1, 1]
    assert {name: table[:, place].tolist() for name, place in positions.items()} == {
        "a": [2, 1, 0],
        "b": [1, 0, 0],
        "c": [1, 0, 0],
        "d": [0, 0, 1],
    }
    assert SLICED.column("c") is SLICED.column("c")
