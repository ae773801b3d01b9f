"""Bars show what the rows hold, in ranges a reader can read."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.contract import Column
from roadworthy.monitoring import bars
from roadworthy.monitoring.profiles import ColumnSummary, Profile
from roadworthy.records import Bar

NUMBER = Column(name="x", type="number", role="feature")


def summary(values: object) -> ColumnSummary:
    return Profile.of(pd.DataFrame({"x": values})).column("x")


def test_ranges_are_round_and_hold_the_exact_shares() -> None:
    rng = np.random.default_rng(0)
    before, after = rng.normal(40, 10, 1500), rng.normal(70, 8, 1500)
    found = bars.numeric(summary(before), summary(after), NUMBER)
    inner = {bar.label: bar for bar in found}["50 to 60"]
    assert inner.reference == pytest.approx(np.mean((before >= 50) & (before < 60)))
    assert inner.window == pytest.approx(np.mean((after >= 50) & (after < 60)))
    assert (inner.low, inner.high) == (50, 60)
    assert len(found) <= 13


def test_ranges_begin_where_the_one_before_ends_and_outer_ones_are_open() -> None:
    rows = np.append(np.linspace(0.05, 0.85, 500), [-9.0, 9.0, 9.0])
    found = bars.numeric(summary(rows), summary(rows), NUMBER)
    assert [bar.low for bar in found[1:]] == [bar.high for bar in found[:-1]]
    assert found[0].low is None
    assert found[-1].high is None
    assert 0.3 in {bar.low for bar in found}  # and not what adding tenths up comes to


def test_ends_of_moments_are_moments_as_long_as_a_calendar_has_them() -> None:
    time = Column(name="x", type="timestamp", role="feature")
    rows = np.arange(0, 40, 0.25) * 86_400 + 1_357_000_000
    found = bars.numeric(summary(rows), summary(rows), time)
    inner = next(bar for bar in found if bar.low and bar.high)
    assert isinstance(inner.low, datetime)
    assert inner.label == f"{inner.low:%Y-%m-%d} to {inner.high:%Y-%m-%d}"
    assert Bar.model_validate_json(inner.model_dump_json()) == inner
    beyond = bars.numeric(summary([1e15, 1e15]), summary([1e15, 1e15]), time)
    assert (beyond[0].low, beyond[0].high) == (None, None)


def test_few_values_have_a_bar_each() -> None:
    found = bars.numeric(summary([1.0, 1, 2, 7]), summary([2.0, 2, 2, 7.5]), NUMBER)
    assert [(b.low, b.high) for b in found] == [(value, value) for value in (1.0, 2.0, 7.0, 7.5)]
    assert [(b.label, b.reference, b.window) for b in found] == [
        ("1", 0.5, 0.0),
        ("2", 0.25, 0.75),
        ("7", 0.25, 0.0),
        ("7.5", 0.0, 0.25),
    ]


def test_an_outlier_gets_the_open_bar() -> None:
    rng = np.random.default_rng(1)
    rows = rng.uniform(0, 10, 2000)
    found = bars.numeric(summary(rows), summary(np.append(rows, 1e9)), NUMBER)
    assert found[-1].label == "10 and more"
    assert found[-1].window == pytest.approx(1 / 2001)


def test_top_categories_and_the_rest() -> None:
    before = [f"c{i:02}" for i in range(30) for _ in range(30 - i)] + [""] * 60
    found = bars.categories(summary(before), summary(["c00"] * 3 + ["new" * 30]))
    assert len(found) == 11
    assert [found[0].label, found[-1].label] == ["c00", "all others"]
    assert found[0].window == 0.75
    assert {(bar.low, bar.high) for bar in found} == {(None, None)}
    assert {"(empty text)", "new" * 13 + "…"} <= {bar.label for bar in found}
    assert {bar.label: bar.stands_for for bar in found if bar.stands_for} == {
        "(empty text)": "empty",
        "all others": "rest",
    }


def test_a_category_that_is_called_as_the_rest_is_not_the_rest() -> None:
    rows = ["all others"] * 60 + ["(empty text)"] * 50 + [""] * 40 + [f"c{i:02}" for i in range(30) for _ in range(9)]
    found = bars.categories(summary(rows), summary(rows))
    told = [(bar.label, bar.stands_for) for bar in found]
    assert told[:3] == [("all others", None), ("(empty text)", None), ("(empty text)", "empty")]
    assert told[-1] == ("all others", "rest")


def test_a_bar_of_before_it_said_what_it_stands_for_is_read() -> None:
    assert Bar.model_validate({"label": "all others", "reference": 0.4, "window": 0.6}).stands_for is None


NUMBERS = st.lists(st.floats(-1e9, 1e9, allow_nan=False), min_size=1, max_size=60)


@settings(max_examples=150, deadline=None)
@given(NUMBERS, NUMBERS)
def test_shares_add_up_whatever_the_numbers(before: list[float], after: list[float]) -> None:
    found = bars.numeric(summary(before), summary(after), NUMBER)
    assert 1 <= len(found) <= 15
    assert sum(bar.reference for bar in found) == pytest.approx(1)
    assert sum(bar.window for bar in found) == pytest.approx(1)
    labels = [bar.label for bar in found]
    assert len(set(labels)) == len(labels)
