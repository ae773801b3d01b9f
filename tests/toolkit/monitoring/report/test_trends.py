"""Strips show every window where it belongs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.monitoring.report.trends import Strip, height, trends
from roadworthy.records import Verdict

if TYPE_CHECKING:
    from tests.toolkit.monitoring.report.conftest import Examples

CELL = st.none() | st.tuples(st.sampled_from(["drift", "no drift", "too little data"]), st.floats(0, 1))


def drawn(path: str) -> dict[int, int]:
    """Read an outline back: window to height."""
    cells: dict[int, int] = {}
    at = high = 0
    for command, x, y in re.findall(r"([MHV])(\d+)(?: (\d+))?", path):
        if command == "M":
            at, high = int(x), int(y)
        elif command == "V":
            high = int(x)
        else:
            cells |= dict.fromkeys(range(at, int(x)), high)
            at = int(x)
    return cells


@given(cells=st.lists(CELL, min_size=1, max_size=11))
def test_a_strip_has_a_bar_for_each_window(examples: Examples, cells: list[tuple[Verdict, float] | None]) -> None:
    windows = [
        examples.found(month, *([examples.reading("temp", *cell, bars=0)] if cell else []))
        for month, cell in enumerate(cells, start=1)
    ]
    told = examples.found(12 - 1, examples.reading("temp"))
    strip = trends(windows, told)[0].strip
    kinds = {"drift": strip.drift, "no drift": strip.calm, "too little data": strip.few}
    for verdict, path in kinds.items():
        expected = {
            i: max(height(cell[1] / 0.03), 1) for i, cell in enumerate(cells) if cell is not None and cell[0] == verdict
        }
        assert drawn(path) == expected


def test_the_worst_column_is_first_and_its_worst_reading_stands_for_it(examples: Examples) -> None:
    found = examples.found(
        6,
        examples.reading("calm", "no drift", 0.9),
        examples.reading("mild", effect=0.04),
        examples.reading("bad", effect=0.2),
        examples.reading("mild", "no drift", 0.01, kind="missing"),
        examples.reading("bad", effect=0.9, kind="missing"),
    )
    columns = trends([found], found)
    assert [column.column for column in columns] == ["bad", "mild", "calm"]
    assert [reading.kind for reading in columns[0].readings] == ["missing", "feature"]
    assert columns[0].strip == Strip(drift="M0 0V12H1V0z", calm="", few="")


@pytest.mark.parametrize(
    ("verdicts", "words"),
    [
        ("nnn", "no drift in 3 windows"),
        ("n", "no drift in 1 window"),
        ("dnn", "in 1 of 3 windows, the last Jan 2013"),
        ("nnd", "in 1 of 3 windows, new in Mar 2013"),
        ("dnd", "in 2 of 3 windows, again"),
        ("ndd", "in 2 of 3 windows, since Feb 2013"),
    ],
)
def test_words_tell_since_when(examples: Examples, verdicts: str, words: str) -> None:
    windows = [
        examples.found(month, examples.reading("temp", "drift" if letter == "d" else "no drift"))
        for month, letter in enumerate(verdicts, start=1)
    ]
    assert trends(windows, windows[-1])[0].words == words


def test_a_column_that_the_told_window_lacks_is_left_out(examples: Examples) -> None:
    windows = [examples.found(5, examples.reading("gone")), examples.found(6, examples.reading("temp"))]
    assert [column.column for column in trends(windows, windows[-1])] == ["temp"]
