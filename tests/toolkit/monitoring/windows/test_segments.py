"""Segments divide rows exactly, and no more finely than the policy lets them."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.contract import Column
from roadworthy.errors import MonitoringError
from roadworthy.monitoring.profiles import Profile
from roadworthy.monitoring.windows import divide, segments_of
from roadworthy.records import Segment

ORIGIN = Column(name="origin", type="string", role="feature")
HEAVY = Column(name="heavy", type="boolean", role="feature")
VALUES = st.sampled_from(["JFK", "EWR", "LGA", "other", "", "a/b=c", None])


@settings(max_examples=30)
@given(st.lists(st.tuples(VALUES, st.booleans() | st.none()), min_size=1, max_size=40), st.integers(1, 3))
def test_each_column_divides_all_rows_exactly(rows: list[tuple[str | None, bool | None]], most: int) -> None:
    frame = pd.DataFrame(rows, columns=["origin", "heavy"]).astype({"origin": "str", "heavy": "boolean"})
    segments = segments_of([ORIGIN, HEAVY], Profile.of(frame), most)
    parts = dict(divide(frame, segments))
    for name in ("origin", "heavy"):
        own = [part for segment, part in parts.items() if segment.column == name]
        assert sorted(np.concatenate([part.index for part in own])) == list(range(len(frame)))
        assert len(own) <= most + 1
    for segment, part in parts.items():
        if segment.value is not None:
            assert set(part[segment.column].map(str)) == {segment.value}


def test_the_most_frequent_values_of_the_reference_have_segments_and_new_ones_are_in_the_rest() -> None:
    trained_on = pd.DataFrame({"origin": ["JFK"] * 5 + ["EWR"] * 5 + ["LGA"] * 3})
    segments = segments_of([ORIGIN], Profile.of(trained_on), most=2)
    assert [segment.value for segment in segments] == ["EWR", "JFK", None]
    later = pd.DataFrame({"origin": ["BOS", "LGA", None, "JFK"]})
    parts = {segment.value: list(part.index) for segment, part in divide(later, segments)}
    assert parts == {"EWR": [], "JFK": [3], None: [0, 1, 2]}


def test_numbers_do_not_divide() -> None:
    with pytest.raises(MonitoringError, match="distance: it is of type number"):
        segments_of([Column(name="distance", type="number", role="feature")], Profile.of(pd.DataFrame()), 3)


def test_a_value_called_other_is_not_the_rest() -> None:
    segments = segments_of([ORIGIN], Profile.of(pd.DataFrame({"origin": ["other"]})), most=1)
    assert segments == (Segment(column="origin", value="other"), Segment(column="origin", value=None))
