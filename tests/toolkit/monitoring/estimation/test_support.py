"""What training never had, against exact counts."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from roadworthy.monitoring.estimation.support import outside, words
from roadworthy.monitoring.profiles import Profile


def share(training: list[object], window: list[object]) -> float:
    frames = [pd.DataFrame({"x": pd.Series(values)}) for values in (training, window)]
    return outside(Profile.of(frames[0]), Profile.of(frames[1]), ["x"]).get("x", 0.0)


def test_numbers_beyond_either_end_count() -> None:
    assert share([1.0, 2.0, 3.0], [0.5, 1.0, 2.5, 3.0, 9.0]) == pytest.approx(0.4)
    assert share([1.0, 2.0, 3.0], [1.0, 3.0]) == 0


def test_of_many_rows_the_share_is_exact_within_the_sketch() -> None:
    rng = np.random.default_rng(1)
    training, window = rng.uniform(0, 1, 50_000), rng.uniform(0, 1.25, 50_000)
    exact = np.mean((window < training.min()) | (window > training.max()))
    found = outside(*(Profile.of(pd.DataFrame({"x": x})) for x in (training, window)), ["x"])["x"]
    assert found == pytest.approx(exact, abs=0.004)
    same = outside(*(Profile.of(pd.DataFrame({"x": x})) for x in (training, rng.uniform(0, 1, 50_000))), ["x"])
    assert same.get("x", 0) < 0.001


def test_new_categories_count_and_known_ones_do_not() -> None:
    assert share(["a", "b"], ["a", "c", "c", "d"]) == pytest.approx(0.75)


def test_missing_values_count_where_training_had_none() -> None:
    assert share([1.0, 2.0], [1.0, None, None, 2.0]) == pytest.approx(0.5)
    assert share([1.0, None], [1.0, None, None, 2.0]) == pytest.approx(0.25)
    assert share(["a", None], ["a", None]) == 0
    assert share(["a", "b"], [None, None]) == 1


def test_another_kind_of_values_is_all_new() -> None:
    assert share([1.0, 2.0], ["1", "2"]) == 1
    assert share([], [1.0]) == 0
    assert share([1.0], []) == 0


def test_the_worst_columns_are_named() -> None:
    shares = {"a": 0.1, "b": 0.5, "c": 0.2, "d": 0.3, "e": 0.01}
    assert (
        words(shares, 0.05)
        == "values that training never had make up 50.0 % of b, 30.0 % of d, 20.0 % of c and 1 more columns"
    )
    assert words(shares, 0.6) == ""
