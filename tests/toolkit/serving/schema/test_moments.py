"""Many moments at once are the moments that they are one by one, and what is refused alone is refused among many."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from roadworthy.serving.schema.moments import read_moment, read_moments

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
MOMENTS = st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30), timezones=ZONES)
_DATES = st.sampled_from(
    ["2013-01-31", "2012-02-29", "2013-02-29", "0000-01-01", "0001-01-01", "9999-12-31", "20130131"]
)
_TIMES = st.sampled_from(
    ["09:00:00", "09:00", "09", "0900", "24:00:00", "23:59:60", "23:59:59.123456", "00:00:00.1234567"]
)
_SIGNS = st.sampled_from(
    ["Z", "z", "", "+02:00", "-02:00", "+0200", "+02", "+24:00", "+02:60", "+02:00:30", "-00:00", " Z"]
)
_TEXTS = st.tuples(_DATES, st.sampled_from(["T", " ", "t", "_"]), _TIMES, _SIGNS).map("".join) | st.text(
    "0123456789-:TZ. +"
)


@given(st.lists(st.none() | MOMENTS, max_size=5))
def test_they_are_the_same_in_utc(moments: list[datetime | None]) -> None:
    found = read_moments([moment and moment.isoformat() for moment in moments]).to_pylist()
    assert found == [moment and moment.astimezone(UTC) for moment in moments]


@settings(max_examples=200)
@given(_TEXTS)
@example("9999-12-31T23:59:59-14:00")
@example("0001-01-01T00:00:00+14:00")
@example("9999-12-31T23:59:59.999999Z")
@example("0001-01-01T00:00:00Z")
def test_what_many_are_read_by_takes_nothing_that_one_alone_is_refused_for(text: str) -> None:
    try:
        (found,) = read_moments([text]).to_pylist()
    except ValueError:
        return
    assert found == read_moment(text)


@pytest.mark.parametrize("text", ["2013-01-31T09:00:00Z", "2013-01-31T09:00:00.5+02:00", "2013-01-31 09:00:00Z"])
def test_what_is_common_is_read_the_fast_way(text: str) -> None:
    assert read_moments([text, None]).to_pylist() == [read_moment(text), None]
