"""Rows in stretches of time."""

from __future__ import annotations

import numpy as np
import pandas as pd

from roadworthy.monitoring.blocks import Blocks, as_floats, columns_of_kind, encoded


def rows(days: float, each_day: int, start: str = "2026-01-01") -> pd.DataFrame:
    n = round(days * each_day)
    times = pd.date_range(start, periods=n, freq=pd.Timedelta(days=1) / each_day, tz="UTC")
    return pd.DataFrame({"x": np.arange(n, dtype=float), "t": times})


def test_each_stretch_gives_about_as_many_rows_and_belongs_to_one_side() -> None:
    blocks = Blocks.of(rows(100, 20), rows(30, 500, "2026-06-01"), ["x"], "t", most=2500)
    assert blocks is not None
    assert blocks.in_window.sum() == 30
    assert len(blocks.in_window) == 130
    assert set(np.bincount(blocks.block)) == {20}
    sides = pd.Series(blocks.of_window).groupby(blocks.block).nunique()
    assert (sides == 1).all()
    assert list(blocks.rows.columns) == ["x"]


def test_shorter_windows_come_in_hours_and_too_short_ones_say_nothing() -> None:
    reference = rows(20, 200)
    hours = Blocks.of(reference, rows(1, 400, "2026-06-01"), ["x"], "t")
    assert hours is not None
    assert hours.in_window.sum() == 24
    assert Blocks.of(reference, rows(0.2, 400, "2026-06-01"), ["x"], "t") is None
    assert Blocks.of(rows(0.1, 400), rows(30, 20, "2026-06-01"), ["x"], "t") is None


def test_a_sample_is_the_same_at_each_call() -> None:
    first, second = (Blocks.of(rows(20, 99), rows(20, 99, "2026-03-01"), ["x"], "t", most=400) for _ in range(2))
    assert first is not None
    assert second is not None
    pd.testing.assert_frame_equal(first.rows, second.rows)


def test_columns_of_any_kind_become_numbers() -> None:
    frame = pd.DataFrame(
        {
            "number": [1, 2, None],
            "truth": pd.array([True, None, False], dtype="boolean"),
            "time": pd.to_datetime(["1970-01-02", None, "1970-01-01"], utc=True),
            "text": ["a", "b", "a"],
            "category": pd.Categorical(["x", None, "x"]),
        }
    )
    numbers, texts = columns_of_kind(frame)
    assert (numbers, texts) == (["number", "truth", "time"], ["text", "category"])
    assert as_floats(frame["time"])[0] == 86_400
    found = encoded(frame)
    np.testing.assert_array_equal(found[:, 3], [0, 1, 0])
    assert np.isnan(found[1, [1, 2, 4]]).all()
