"""What there is to see of a change by each horizon."""

from __future__ import annotations

import pytest

from roadworthy.config import WindowPolicy
from roadworthy.monitoring.detectability import Traffic, horizons
from roadworthy.monitoring.detectability.horizons import DAYS_A_MONTH


def test_an_open_window_has_what_came_and_whole_ones_are_so_many_chances() -> None:
    day, week, month = horizons(Traffic(100), WindowPolicy(length="week"))
    assert (day.windows, day.rows, day.slices) == (1, 100, 1)
    assert (week.windows, week.rows, week.slices) == (1, 700, 7)
    assert (month.windows, month.rows, month.slices) == (4, 700, 7)
    by_month = horizons(Traffic(100), WindowPolicy(length="month"))
    assert [one.windows for one in by_month] == [1, 1, 1]
    assert by_month[2].rows == pytest.approx(100 * DAYS_A_MONTH)


def test_windows_by_rows_end_when_they_have_come() -> None:
    day, *_ = horizons(Traffic(1000), WindowPolicy(length="day", rows=250))
    assert (day.windows, day.rows, day.slices) == (4, 250, 6)
    day, week, _ = horizons(Traffic(10), WindowPolicy(length=None, rows=50))
    assert (day.windows, day.rows) == (1, 10)
    assert (week.windows, week.rows) == (1, 50)


def test_labels_are_those_that_have_come_by_then() -> None:
    late = Traffic(100, label_delays=(2.0,), labelled_share=0.5)
    day, week, month = horizons(late, WindowPolicy(length="week"))
    assert (day.labelled, day.labelled_windows) == (0, 1)
    assert (week.labelled, week.labelled_windows) == (250, 1)
    assert (month.labelled, month.labelled_windows) == (350, 4)
    spread = Traffic(100, label_delays=(0.0, 14.0))
    assert horizons(spread, WindowPolicy(length="month"))[1].labelled == pytest.approx(350)
