"""Uniqueness across chunks, held against a set."""

from __future__ import annotations

import datetime as dt

import numpy as np
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.data.uniqueness import Seen, hashes, seen_in

ROWS = st.lists(st.tuples(st.sampled_from("abc") | st.none(), st.integers(0, 3) | st.none()), max_size=30)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.integers(1, 7))
def test_a_row_repeats_what_a_set_has_met_however_rows_are_cut(
    rows: list[tuple[str | None, int | None]], cut: int
) -> None:
    seen, found = Seen(), []
    for start in range(0, len(rows), cut):
        part = rows[start : start + cut]
        columns = [pa.array([row[0] for row in part], pa.string()), pa.array([row[1] for row in part], pa.int64())]
        found += seen.again(*hashes(columns)).tolist()
    met: set[tuple[str | None, int | None]] = set()
    expected = []
    for row in rows:
        expected.append(None not in row and row in met)
        met.add(row)
    assert found == expected


def test_many_runs_are_merged_and_nothing_is_forgotten() -> None:
    numbers = np.random.default_rng(0).permutation(50_000).astype("uint64")
    seen = Seen()
    for part in np.array_split(numbers, 137):
        seen.add(part)
    assert seen.met(numbers).all()
    assert not seen.met(numbers + np.uint64(50_000)).any()


def test_hashes_tell_values_columns_and_gaps_apart() -> None:
    def of(*columns: pa.Array) -> int:
        return int(hashes(list(columns))[0][0])

    one, other = pa.array(["a"]), pa.array(["b"])
    assert len({of(one, other), of(other, one), of(one, one), of(one)}) == 4
    assert of(pa.array([0.0])) == of(pa.array([-0.0]))
    moment = pa.array([dt.datetime(2013, 1, 1, tzinfo=dt.UTC)], pa.timestamp("us", tz="UTC"))
    assert of(moment) == of(moment)
    assert of(pa.array([True])) != of(pa.array([False]))
    assert hashes([pa.array([None, "a"]), pa.array([1, None])])[1].tolist() == [False, False]


def test_a_column_is_taken_in_piece_by_piece() -> None:
    seen = seen_in([pa.array(["a", None]), pa.array([], pa.string()), pa.array(["b"])])
    assert seen.met(hashes([pa.array(["a", "b", "c"])])[0]).tolist() == [True, True, False]
