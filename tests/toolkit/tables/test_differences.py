"""What changed between two versions, against pandas as the judge."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Callable

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.errors import TableError
from roadworthy.tables import Tables, differences

ROWS = st.lists(st.tuples(st.integers(0, 5), st.sampled_from(["a", "b", None])), max_size=8)


def replaced(tables: Tables, name: str, rows: pd.DataFrame) -> int:
    """Put other rows in place of all that a table has."""
    tables.restore(name, 0)
    return tables.append(name, rows)


def test_appends_are_told_from_the_log(tables: Tables, numbers: Callable[..., int]) -> None:
    first = numbers(1, 2)
    tables.append("numbers", pd.DataFrame({"n": [3], "gate": ["A"]}))
    last = tables.compact("numbers").version
    found = tables.diff("numbers", first, last, key="n")
    assert (found.rows_before, found.rows_after, found.added, found.removed, found.changed) == (2, 3, 1, 0, 0)
    assert [(c.column, c.before, c.after) for c in found.columns] == [("gate", None, "string")]
    back = tables.diff("numbers", last, first)
    assert (back.added, back.removed) == (0, 1)
    assert [(c.column, c.before, c.after) for c in back.columns] == [("gate", "string", None)]


def test_the_same_rows_in_other_files_are_no_difference(tables: Tables, numbers: Callable[..., int]) -> None:
    numbers(1, 1, 2)
    second = numbers(3)
    last = replaced(tables, "numbers", pd.DataFrame({"n": [3, 2, 1, 1]}))
    found = tables.diff("numbers", second, last)
    assert (found.added, found.removed) == (0, 0)
    assert tables.diff("numbers", second, second).added == 0


def test_changed_values_are_told_by_column_with_examples(tables: Tables) -> None:
    rows = pd.DataFrame(
        {
            "id": [f"f{number}" for number in range(10)],
            "day": pd.to_datetime(["2013-01-01"] * 10, utc=True),
            "delay": [float(number) for number in range(10)],
            "late": pd.Series([True, None] * 5, dtype="boolean"),
        }
    )
    first = tables.append("flights", rows)
    other = rows.copy()
    other.loc[2:6, "delay"] = -1.0
    other.loc[6, "late"] = False
    other.loc[9, "id"] = "f99"
    last = replaced(tables, "flights", other.sample(frac=1, random_state=1))
    found = tables.diff("flights", first, last, key=["id", "day"])
    assert (found.added, found.removed, found.changed) == (1, 1, 5)
    assert [(value.column, value.rows) for value in found.values] == [("delay", 5), ("late", 1)]
    assert [(e.key[0], e.before, e.after) for e in found.values[0].examples] == [
        ("f2", "2.0", "-1.0"),
        ("f3", "3.0", "-1.0"),
        ("f4", "4.0", "-1.0"),
    ]
    assert found.values[1].examples[0].key == ("f6", "2013-01-01 00:00:00+00:00")
    whole = tables.diff("flights", first, last)
    assert (whole.added, whole.removed, whole.changed) == (6, 6, 0)


def test_a_key_that_does_not_serve_is_named(tables: Tables, numbers: Callable[..., int]) -> None:
    first = numbers(1, 1, 2)
    last = replaced(tables, "numbers", pd.DataFrame({"n": [5]}))
    with pytest.raises(TableError, match="The key n names several rows in 1 cases"):
        tables.diff("numbers", first, last, key="n")
    with pytest.raises(TableError, match="do not both have a column 'id'"):
        tables.diff("numbers", first, last, key="id")
    with pytest.raises(TableError, match="no version 99"):
        tables.diff("numbers", first, 99)


@settings(max_examples=20, deadline=None)
@given(before=ROWS, after=ROWS)
def test_rows_are_counted_as_often_as_they_are_there(
    before: list[tuple[int, str | None]], after: list[tuple[int, str | None]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        tables = Tables(folder)
        types = {"n": "int64", "s": "str"}
        first = tables.append("t", pd.DataFrame(before, columns=["n", "s"]).astype(types))
        last = replaced(tables, "t", pd.DataFrame(after, columns=["n", "s"]).astype(types))
        found = tables.diff("t", first, last)
    assert found.added == (Counter(after) - Counter(before)).total()
    assert found.removed == (Counter(before) - Counter(after)).total()


def test_versions_larger_than_a_part_are_compared_in_parts(tables: Tables, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(differences, "_ROWS_A_PART", 50_000)
    size = 2 * differences._ROWS_A_PART + 10
    first = tables.append("big", pd.DataFrame({"n": range(size), "x": 0}))
    last = replaced(tables, "big", pd.DataFrame({"n": range(5, size + 5), "x": [1] * 7 + [0] * (size - 7)}))
    found = tables.diff("big", first, last, key="n")
    assert (found.added, found.removed, found.changed) == (5, 5, 7)
    assert [example.key for example in found.values[0].examples] == [("5",), ("6",), ("7",)]
    assert tables.diff("big", first, last).added == 12
