"""A window's profiles are those of its rows, however they are sliced, kept and put together again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from roadworthy.monitoring.profiles import Profile, ProfileSet
from roadworthy.monitoring.windows import ALL, DAY, HOUR, SlicedProfiles, slices, window_of
from roadworthy.records import Segment, Slice

SEGMENTS = tuple(Segment(column="origin", value=value) for value in ("JFK", "a/b=c é", None))
DAY_ONE = window_of(datetime(2013, 5, 1), "day")


@pytest.fixture
def rows() -> pd.DataFrame:
    """Two days of rows, by time."""
    rng = np.random.default_rng(7)
    start = pd.Timestamp("2013-05-01", tz="UTC")
    return pd.DataFrame(
        {
            "at": start + pd.to_timedelta(np.sort(rng.uniform(0, 48, 400)), unit="h"),
            "temp": rng.normal(60, 10, 400),
            "origin": rng.choice(["JFK", "a/b=c é", "EWR"], 400),
        }
    )


def _profiled(rows: pd.DataFrame) -> SlicedProfiles:
    window = DAY_ONE.model_copy(update={"end": DAY_ONE.end + DAY})
    return SlicedProfiles.joined(
        SlicedProfiles.of(part.start, rows.iloc[own][["temp", "origin"]], SEGMENTS)
        for part, own in slices(rows["at"], window, unit=HOUR)
    )


def test_slices_and_segments_add_up_to_the_whole(rows: pd.DataFrame) -> None:
    found = _profiled(rows)
    by_day = found.sliced(DAY)
    assert by_day is not None
    assert [part.rows for part in by_day.slices] == rows["at"].dt.day.value_counts(sort=False).tolist()
    assert by_day.whole.column("temp").quantiles([0, 0.5, 1]).tolist() == pytest.approx(
        Profile.of(rows[["temp"]]).column("temp").quantiles([0, 0.5, 1]).tolist()
    )
    assert found.number(DAY) == 2
    assert found.number(HOUR) == rows["at"].dt.floor("h").nunique()
    parts = [found.sliced(DAY, segment) for segment in SEGMENTS]
    assert sum(part.whole.rows for part in parts if part is not None) == found.rows == 400
    jfk = found.sliced(HOUR, SEGMENTS[0], season=24)
    assert jfk is not None
    assert jfk.season == 24
    assert jfk.whole.column("origin").counts()["JFK"].lower == (rows["origin"] == "JFK").sum()


def test_what_is_kept_comes_back(rows: pd.DataFrame) -> None:
    found = _profiled(rows)
    content = found.to_bytes()
    again = SlicedProfiles.from_bytes(content)
    assert (list(again.kept), again.starts, again.rows) == (list(found.kept), found.starts, found.rows)
    before, after = found.sliced(DAY, SEGMENTS[1]), again.sliced(DAY, SEGMENTS[1])
    assert before is not None
    assert after is not None
    assert before.whole.column("temp").quantiles([0.1, 0.9]).tolist() == pytest.approx(
        after.whole.column("temp").quantiles([0.1, 0.9]).tolist()
    )
    assert set(ProfileSet.from_bytes(content)) == set(found.kept)


def test_only_slices_that_still_hold_their_rows_are_current(rows: pd.DataFrame) -> None:
    found = _profiled(rows)
    window = DAY_ONE.model_copy(update={"end": DAY_ONE.end + DAY})
    parts = [part for part, _ in slices(rows["at"], window, unit=HOUR)]
    columns = ["origin", "temp"]
    assert list(found.current(parts, columns, SEGMENTS).kept) == list(found.kept)
    late = parts[3].model_copy(update={"rows": parts[3].rows + 1})
    kept = found.current([*parts[:3], late, *parts[5:]], columns, SEGMENTS)
    assert kept.starts == [part.start for part in (*parts[:3], *parts[5:])]
    assert found.current(parts, [*columns, "wind"], SEGMENTS).starts == []
    assert found.current(parts, columns, SEGMENTS[1:]).starts == []
    assert found.current(parts, columns, ()).starts == []


def test_a_segment_without_rows_has_nothing_to_compare() -> None:
    rows = pd.DataFrame({"temp": [1.0], "origin": ["EWR"]})
    found = SlicedProfiles.of(datetime(2013, 5, 1, tzinfo=UTC), rows, SEGMENTS)
    assert found.sliced(DAY, SEGMENTS[0]) is None
    assert found.sliced(DAY, ALL) is not None
    part = Slice(start=datetime(2013, 5, 1, tzinfo=UTC), end=datetime(2013, 5, 1, tzinfo=UTC) + timedelta(1), rows=1)
    assert found.current([part], ["origin", "temp"], SEGMENTS).starts == [part.start]
