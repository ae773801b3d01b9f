"""Windows partition the rows, whatever the times and zones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.errors import MonitoringError
from roadworthy.monitoring.windows import Length, split, window_of

MOMENTS = st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC))
LENGTHS = st.sampled_from(["day", "week", "month"])


@given(st.lists(MOMENTS, max_size=40), LENGTHS)
def test_windows_partition_the_rows(moments: list[datetime], length: Length) -> None:
    times = pd.Series(moments, dtype="datetime64[us, UTC]")
    parts = split(times, length)
    positions = np.concatenate([*parts.values(), np.array([], dtype=int)])
    assert sorted(positions) == list(range(len(times)))
    assert list(parts) == sorted(parts, key=lambda window: window.start)
    for window, rows in parts.items():
        assert len(rows) > 0
        assert list(rows) == sorted(rows)
        assert all(window.start <= moments[row] < window.end for row in rows)
        assert {window_of(moments[row], length) for row in rows} == {window}


@given(MOMENTS, LENGTHS)
def test_windows_follow_one_another_without_gap(moment: datetime, length: Length) -> None:
    window = window_of(moment, length)
    assert window_of(window.start, length) == window
    assert window_of(window.end - timedelta(microseconds=1), length) == window
    assert window_of(window.end, length).start == window.end
    if length == "week":
        assert (window.start.isoweekday(), window.end - window.start) == (1, timedelta(days=7))
    if length == "month":
        assert (window.start.day, window.end.day) == (1, 1)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_resolution_makes_no_difference(unit: str) -> None:
    times = pd.Series(pd.date_range("1969-12-20", periods=40, freq="17h", tz="UTC").as_unit(unit))
    assert [len(rows) for rows in split(times, "week").values()] == [3, 10, 10, 10, 7]
    assert next(iter(split(times, "week"))).start == datetime(1969, 12, 15, tzinfo=UTC)


def test_other_zones_are_read_as_utc() -> None:
    late_evening = datetime(2013, 1, 31, 23, 30, tzinfo=timezone(timedelta(hours=-5)))
    assert window_of(late_evening, "month").name == "2013-02-01"
    times = pd.Series([late_evening]).dt.tz_convert("America/New_York")
    assert [window.name for window in split(times, "month")] == ["2013-02-01"]
    assert window_of(datetime(2013, 2, 1), "month") == window_of(datetime(2013, 2, 1, tzinfo=UTC), "month")


def test_no_rows_no_windows() -> None:
    assert split(pd.Series([], dtype="datetime64[us, UTC]"), "day") == {}


def test_a_missing_time_names_its_row() -> None:
    with pytest.raises(MonitoringError, match="Row 1 has no event time"):
        split(pd.Series(pd.to_datetime(["2013-01-01", None], utc=True)), "day")


@pytest.mark.parametrize("moment", ["9999-12-31", "12013-01-01"])
def test_a_time_at_the_end_of_the_calendar_is_refused(moment: str) -> None:
    times = pd.Series(np.array([moment], dtype="datetime64[us]")).dt.tz_localize("UTC")
    with pytest.raises(MonitoringError, match=r"9999|10000"):
        split(times, "month")
