"""Windows partition the rows, whatever the times and zones, and an edge that was drawn stands."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.config import WindowPolicy
from roadworthy.errors import MonitoringError
from roadworthy.monitoring.windows import Length, is_open, slices, split, window_of
from roadworthy.records import Window

MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
LENGTHS: st.SearchStrategy[Length] = st.sampled_from(["hour", "day", "week", "month"])
# Few distinct moments, so that several rows have the same one.
NEAR = st.integers(0, 200).map(lambda minutes: datetime(2013, 5, 1, 22, tzinfo=UTC) + timedelta(minutes=7 * minutes))
POLICIES = st.builds(
    WindowPolicy, length=st.sampled_from([None, "hour", "day", "week", "month"]), rows=st.integers(1, 9)
) | st.builds(WindowPolicy, length=LENGTHS)
MONTH = WindowPolicy(length="month")


def _times(moments: list[datetime]) -> pd.Series[pd.Timestamp]:
    return pd.Series(moments, dtype="datetime64[us, UTC]")


def _closed(moments: list[datetime], parts: dict[Window, np.ndarray], policy: WindowPolicy) -> list[Window]:
    latest = max(moments)
    return [w for w, rows in parts.items() if not is_open(w, len(rows), policy, latest=latest, clock=latest)]


@settings(max_examples=30)
@given(st.lists(MOMENTS, max_size=40), LENGTHS)
def test_windows_partition_the_rows(moments: list[datetime], length: Length) -> None:
    times = _times(moments)
    parts = split(times, WindowPolicy(length=length))
    positions = np.concatenate([*parts.values(), np.array([], dtype=int)])
    assert sorted(positions) == list(range(len(times)))
    assert list(parts) == sorted(parts, key=lambda window: window.start)
    for window, rows in parts.items():
        assert len(rows) > 0
        assert list(rows) == sorted(rows)
        assert all(window.start <= moments[row] < window.end for row in rows)
        assert {window_of(moments[row], length) for row in rows} == {window}


@settings(max_examples=30)
@given(MOMENTS, LENGTHS)
def test_windows_follow_one_another_without_gap(moment: datetime, length: Length) -> None:
    window = window_of(moment, length)
    assert window_of(window.start, length) == window
    assert window_of(window.end - timedelta(microseconds=1), length) == window
    assert window_of(window.end, length).start == window.end
    if length == "week":
        assert (window.start.isoweekday(), window.end - window.start) == (1, timedelta(days=7))
    if length == "hour":
        assert (window.start.minute, window.end - window.start) == (0, timedelta(hours=1))
    if length == "month":
        assert (window.start.day, window.end.day) == (1, 1)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_resolution_makes_no_difference(unit: str) -> None:
    times = pd.Series(pd.date_range("1969-12-20", periods=40, freq="17h", tz="UTC").as_unit(unit))
    assert [len(rows) for rows in split(times, WindowPolicy(length="week")).values()] == [3, 10, 10, 10, 7]
    assert next(iter(split(times, WindowPolicy(length="week")))).start == datetime(1969, 12, 15, tzinfo=UTC)


def test_other_zones_are_read_as_utc() -> None:
    late_evening = datetime(2013, 1, 31, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    assert window_of(late_evening, "month").name == "2013-02-01"
    times = pd.Series([late_evening]).dt.tz_convert("America/New_York")
    assert [window.name for window in split(times, MONTH)] == ["2013-02-01"]
    assert window_of(datetime(2013, 2, 1), "month") == window_of(datetime(2013, 2, 1, tzinfo=UTC), "month")


def test_no_rows_no_windows() -> None:
    assert split(_times([]), MONTH) == {}
    assert split(_times([]), WindowPolicy(length=None, rows=5)) == {}
    assert slices(_times([]), window_of(datetime(2013, 5, 1), "day")) == []


def test_a_missing_time_names_its_row() -> None:
    with pytest.raises(MonitoringError, match="Row 1 has no event time"):
        split(pd.Series(pd.to_datetime(["2013-01-01", None], utc=True)), MONTH)


@pytest.mark.parametrize("moment", ["9999-12-31", "12013-01-01"])
def test_a_time_at_the_end_of_the_calendar_is_refused(moment: str) -> None:
    times = pd.Series(np.array([moment], dtype="datetime64[us]")).dt.tz_localize("UTC")
    with pytest.raises(MonitoringError, match=r"9999|10000"):
        split(times, MONTH)


# --- where rows count ----------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(st.lists(NEAR, min_size=1, max_size=60), POLICIES)
def test_every_row_is_in_one_window_and_windows_do_not_overlap(moments: list[datetime], policy: WindowPolicy) -> None:
    parts = split(_times(moments), policy)
    assert sorted(np.concatenate(list(parts.values()))) == list(range(len(moments)))
    found = list(parts)
    assert all(one.end <= later.start for one, later in pairwise(found))
    for window, rows in parts.items():
        assert all(window.start <= moments[row] < window.end for row in rows)
        if policy.length is not None:
            assert window_of(window.start, policy.length).end >= window.end
        if policy.rows is not None and len(rows) > policy.rows:  # only rows of its last moment are over
            last = max(moments[row] for row in rows)
            assert sum(moments[row] < last for row in rows) < policy.rows


@settings(max_examples=30)
@given(st.lists(NEAR, min_size=1, max_size=60), st.integers(1, 9))
def test_by_rows_alone_only_the_last_window_may_lack_rows(moments: list[datetime], size: int) -> None:
    policy = WindowPolicy(length=None, rows=size)
    parts = split(_times(moments), policy)
    counts = [len(rows) for rows in parts.values()]
    assert min(counts[:-1], default=size) >= size
    assert len(_closed(moments, parts, policy)) == len(parts) - (counts[-1] < size)


@settings(max_examples=30)
@given(st.lists(NEAR, min_size=1, max_size=40, unique=True), st.integers(1, 9))
def test_by_rows_alone_windows_of_distinct_moments_are_exact(moments: list[datetime], size: int) -> None:
    parts = list(split(_times(moments), WindowPolicy(length=None, rows=size)).values())
    order = np.argsort(moments)
    assert [set(rows) for rows in parts] == [set(order[i : i + size]) for i in range(0, len(order), size)]


@settings(max_examples=30)
@given(st.lists(NEAR, min_size=1, max_size=40), st.lists(NEAR, max_size=20), POLICIES)
def test_closed_windows_stand_whatever_comes(
    earlier: list[datetime], later: list[datetime], policy: WindowPolicy
) -> None:
    before = split(_times(earlier), policy)
    closed = _closed(earlier, before, policy)
    after = split(_times(earlier + later), policy, closed)
    assert sorted(np.concatenate(list(after.values()))) == list(range(len(earlier) + len(later)))
    for window in closed:
        own = [row for row, moment in enumerate(earlier + later) if window.start <= moment < window.end]
        assert list(after[window]) == own


@settings(max_examples=30)
@given(st.lists(NEAR, min_size=10, max_size=40), st.integers(0, 99), POLICIES)
def test_a_late_row_changes_one_window_only(moments: list[datetime], place: int, policy: WindowPolicy) -> None:
    before = split(_times(moments), policy)
    closed = _closed(moments, before, policy)
    if not closed:
        return
    joined = closed[place % len(closed)]
    late = joined.start + (joined.end - joined.start) * place // 100  # before its end, however short it is
    after = split(_times([*moments, late]), policy, closed)
    assert list(before) == list(after)
    assert [w for w in after if list(after[w]) != list(before[w])] == [joined]


def test_rows_before_the_first_window_are_windows_up_to_its_start() -> None:
    policy = WindowPolicy(length=None, rows=2)
    hours = [datetime(2013, 5, 1, hour, tzinfo=UTC) for hour in (10, 11, 12)]
    first = next(iter(split(_times(hours), policy)))
    parts = split(_times([*hours, *(hour - timedelta(hours=6) for hour in hours)]), policy, [first])
    assert [(w.start.hour, w.end.hour, list(rows)) for w, rows in parts.items()] == [
        (4, 5, [3, 4]),
        (5, 10, [5]),
        (10, 11, [0, 1]),
        (11, 12, [2]),
    ]


def test_a_day_ends_a_window_that_lacks_rows() -> None:
    policy = WindowPolicy(length="day", rows=3)
    hours = pd.Series(pd.date_range("2013-05-01T15:00Z", periods=14, freq="2h"))
    assert [(w.name, len(rows)) for w, rows in split(hours, policy).items()] == [
        ("2013-05-01", 3),
        ("2013-05-01T190000.000001Z", 2),
        ("2013-05-02", 3),
        ("2013-05-02T050000.000001Z", 3),
        ("2013-05-02T110000.000001Z", 3),
    ]


def test_a_month_judged_before_stands_when_rows_begin_to_count() -> None:
    may = window_of(datetime(2013, 5, 1), "month")
    days = pd.Series(pd.date_range("2013-05-01", periods=40, freq="D", tz="UTC"))
    parts = split(days, WindowPolicy(length=None, rows=5), [may, window_of(datetime(2013, 5, 31), "week")])
    assert [len(rows) for rows in parts.values()] == [31, 5, 4]
    assert next(iter(parts)) == may


def test_open_is_what_more_rows_are_expected_for() -> None:
    latest = datetime(2013, 5, 9, tzinfo=UTC)
    may = window_of(latest, "month")
    assert is_open(may, 10, MONTH, latest=latest, clock=latest)
    assert not is_open(may, 10, MONTH, latest=latest, clock=may.end)
    both = WindowPolicy(length="month", rows=10)
    assert not is_open(may, 10, both, latest=latest, clock=latest)
    counted = Window(start=may.start, end=latest + timedelta(microseconds=1))
    rows = WindowPolicy(length=None, rows=20)
    assert is_open(counted, 10, rows, latest=latest, clock=may.end)  # however late it is, rows are missing


# --- slices --------------------------------------------------------------------------------------------------------


@settings(max_examples=30)
@given(st.lists(MOMENTS, min_size=1, max_size=40), LENGTHS)
def test_slices_partition_a_window(moments: list[datetime], length: Length) -> None:
    window = window_of(moments[0], length)
    own = [moment for moment in moments if window.start <= moment < window.end]
    parts = slices(_times(own), window)
    assert sorted(np.concatenate([rows for _, rows in parts])) == list(range(len(own)))
    for part, rows in parts:
        assert part.rows == len(rows)
        assert window.start <= part.start < part.end <= window.end
        assert all(part.start <= own[row] < part.end for row in rows)
        span = {"hour": timedelta(minutes=5), "day": timedelta(hours=1)}.get(length, timedelta(days=1))
        assert part.end - part.start == span


def test_slices_begin_and_end_with_the_window() -> None:
    start = datetime(2013, 5, 1, 20, tzinfo=UTC)
    window = Window(start=start, end=start + timedelta(days=20, hours=1))
    days = slices(_times([start, start + timedelta(days=20)]), window)
    assert [(part.start, part.end - part.start) for part, _ in days] == [
        (start, timedelta(hours=4)),
        (start + timedelta(days=19, hours=4), timedelta(hours=21)),
    ]
    (weeks,) = slices(_times([start]), window, unit=timedelta(days=7))
    assert weeks[0].end.isoweekday() == 1
