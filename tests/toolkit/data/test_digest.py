"""The content hash: the same for the same values, and for no others."""

from __future__ import annotations

import pandas as pd
import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.contract import Column
from roadworthy.data.casting import cells_of
from roadworthy.data.digest import Digest
from roadworthy.data.quality import typed

COLUMNS = (
    Column(name="s", type="string", role="other"),
    Column(name="t", type="string", role="other"),
    Column(name="n", type="number", role="other"),
    Column(name="i", type="integer", role="other"),
    Column(name="b", type="boolean", role="other"),
    Column(name="at", type="timestamp", role="other"),
)
ROWS = st.lists(
    st.tuples(
        st.text("ab", max_size=2) | st.none(),
        st.text("ab", max_size=2) | st.none(),
        st.floats(allow_nan=False, allow_infinity=False, width=16) | st.none(),
        st.integers(-5, 5) | st.just("many") | st.none(),
        st.booleans() | st.none(),
        st.sampled_from(["2013-01-01", "2013-01-02T05:00:00Z"]) | st.none(),
    ),
    min_size=1,
    max_size=8,
)
Row = tuple[object, ...]


def hashed(rows: list[Row], cut: int = 100) -> str:
    digest = Digest(COLUMNS)
    for start in range(0, len(rows), cut):
        part = rows[start : start + cut]
        found = typed({c.name: cells_of([row[i] for row in part]) for i, c in enumerate(COLUMNS)}, COLUMNS)
        digest.add(found.values, found.failures)
    return digest.hexdigest()


@settings(max_examples=60, deadline=None)
@given(ROWS, st.integers(1, 5))
def test_it_does_not_depend_on_the_cuts(rows: list[Row], cut: int) -> None:
    assert hashed(rows, cut) == hashed(rows)


@settings(max_examples=60, deadline=None)
@given(ROWS, ROWS)
def test_other_values_give_another_hash(rows: list[Row], others: list[Row]) -> None:
    def plain(row: Row) -> Row:
        return tuple(0.0 if value == 0 and isinstance(value, float) else value for value in row)

    same = [plain(row) for row in rows] == [plain(row) for row in others]
    if same or hashed(rows) == hashed(others):
        assert [list(map(str, plain(row))) for row in rows] == [list(map(str, plain(row))) for row in others]


def test_what_lies_under_a_gap_does_not_count() -> None:
    column = COLUMNS[2:3]
    none = pd.DataFrame({"row": [], "column": [], "value": []})
    results = set()
    for hidden in (1.0, 2.0):
        values = pa.Array.from_buffers(pa.float64(), 2, [pa.py_buffer(b"\x01"), pa.array([5.0, hidden]).buffers()[1]])
        digest = Digest(column)
        digest.add(pa.table({"n": values}), none)
        results.add(digest.hexdigest())
    assert values.to_pylist() == [5.0, None]
    assert len(results) == 1
