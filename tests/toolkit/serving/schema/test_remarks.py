"""What an answer says of values that the contract accepts, or that the model has never seen."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from roadworthy.contract import Column, Dataset
from roadworthy.serving.schema import Inspection, Inspector, Remark, columnar
from roadworthy.serving.schema.columns import MANY

COLUMNS = (
    Column(name="id", type="string", role="identifier", categories=("1", "2"), unseen="accept"),
    Column(name="carrier", type="string", role="feature", categories=("AA", "9E"), unseen="accept"),
    Column(name="origin", type="string", role="feature", categories=("EWR", "JFK")),
    Column(name="dest", type="string", role="feature"),
    Column(name="stops", type="integer", role="feature", categories=("0", "1"), unseen="accept"),
    Column(name="wind", type="number", role="feature", minimum=0, maximum=150, out_of_range="accept"),
    Column(name="temp", type="number", role="feature", maximum=130, out_of_range="accept"),
    Column(name="distance", type="number", role="feature", minimum=10),
)
ROW: dict[str, Any] = {"id": "1", "carrier": "AA", "origin": "EWR", "dest": "IAH", "stops": 0, "wind": 5.0, "temp": 1.0}
SEEN = {"carrier": frozenset({"AA"}), "origin": frozenset({"EWR"}), "dest": frozenset({"IAH", "LAX"})}
INSPECTOR = Inspector(Dataset(name="flights", columns=COLUMNS), SEEN)


def test_of_what_is_known_there_is_nothing_to_say() -> None:
    rows = [ROW, ROW | {"wind": 0, "temp": 130.0}, dict.fromkeys(ROW), {}]
    assert INSPECTOR.inspect(rows) == Inspection()
    assert INSPECTOR.inspect([]) == Inspection()


@pytest.mark.parametrize(
    ("changed", "kind", "message"),
    [
        ({"id": "3"}, "unseen", '"3" is not among the contract\'s categories.'),
        ({"carrier": "ZZ"}, "unseen", '"ZZ" is not among the contract\'s categories.'),
        ({"carrier": "9E"}, "unseen", 'The model has never seen "9E" in training.'),
        ({"origin": "JFK"}, "unseen", 'The model has never seen "JFK" in training.'),
        ({"dest": "x" * 500}, "unseen", f'The model has never seen "{"x" * 79}... in training.'),
        ({"stops": 2}, "unseen", "2 is not among the contract's categories."),
        ({"wind": -0.5}, "out of range", "-0.5 is below the contract's minimum of 0."),
        ({"wind": 200}, "out of range", "200 is above the contract's maximum of 150."),
        ({"temp": 1e300}, "out of range", "1e+300 is above the contract's maximum of 130."),
    ],
)
def test_a_strange_value_is_named(changed: dict[str, Any], kind: str, message: str) -> None:
    found = INSPECTOR.inspect([ROW, ROW | changed])
    (name,) = changed
    assert [remark.model_dump() for remark in found.remarks] == [
        {"row": 1, "field": name, "kind": kind, "message": message}
    ]
    assert found.unseen == ({name: 1} if kind == "unseen" else {})
    assert found.out_of_range == ({name: 1} if kind == "out of range" else {})


def test_without_what_was_seen_only_the_contract_speaks() -> None:
    inspector = Inspector(Dataset(name="flights", columns=COLUMNS), {})
    assert inspector.inspect([ROW | {"dest": "XYZ", "carrier": "9E"}]) == Inspection()
    assert inspector.inspect([ROW | {"carrier": "ZZ"}]).unseen == {"carrier": 1}


def test_a_hundred_are_told_by_row_and_all_are_counted() -> None:
    rows = [ROW | {"dest": "XYZ", "wind": 200.0}] * 300
    found = INSPECTOR.inspect(rows)
    assert (found.unseen, found.out_of_range) == ({"dest": 300}, {"wind": 300})
    assert [remark.row for remark in found.remarks] == [row for row in range(50) for _ in range(2)] + [None, None]
    assert found.remarks[-2:] == (
        Remark(field="dest", kind="unseen", message="So it is in 250 more rows."),
        Remark(field="wind", kind="out of range", message="So it is in 250 more rows."),
    )


rows = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "carrier": st.sampled_from(["AA", "9E", "ZZ", None]),
            "dest": st.sampled_from(["IAH", "XYZ", None]),
            "wind": st.sampled_from([None, -1.0, 0.0, 150, 151]),
        },
    ),
    max_size=20,
)


@settings(max_examples=30, deadline=None)
@given(rows.filter(bool))
@example([{"stops": 2}, {"id": "3", "temp": 1e300}])
def test_of_columns_is_said_what_is_said_of_rows(found: list[dict[str, Any]]) -> None:
    plain = [{"wind": 1.0} for _ in range(MANY)]
    given = [row | ({"wind": float(row["wind"])} if row.get("wind") is not None else {}) for row in plain + found]
    assert INSPECTOR.inspect(columnar(COLUMNS, given)) == INSPECTOR.inspect(given)


@settings(max_examples=100, deadline=None)
@given(rows, rows)
def test_rows_are_judged_each_by_itself(first: list[dict[str, Any]], second: list[dict[str, Any]]) -> None:
    alone = [INSPECTOR.inspect(some) for some in (first, second)]
    together = INSPECTOR.inspect(first + second)
    for name in ("carrier", "dest", "wind"):
        for kind in ("unseen", "out_of_range"):
            counts = [getattr(found, kind).get(name, 0) for found in (*alone, together)]
            assert counts[0] + counts[1] == counts[2]
    assert [remark.message for found in alone for remark in found.remarks] == [r.message for r in together.remarks]
