"""Which cell became which."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from roadworthy.pipeline.cells import cell_changes

LOAD = "import pandas as pd\nframe = pd.read_parquet(path)"
FIT = "model = Model(depth=3, seed=1)\nmodel.fit(frame)"
SAVE = "model.save(product)"


def _words(before: list[str], after: list[str]) -> list[str]:
    return [change.words for change in cell_changes(before, after)]


def test_an_edited_cell_is_told_with_its_difference() -> None:
    (change,) = cell_changes([LOAD, FIT, SAVE], [LOAD, FIT.replace("depth=3", "depth=5"), SAVE])
    assert change.words == "code cell 2 changed"
    assert change.diff.splitlines()[2:] == [
        "@@ -1,2 +1,2 @@",
        "-model = Model(depth=3, seed=1)",
        "+model = Model(depth=5, seed=1)",
        " model.fit(frame)",
    ]


def test_a_cell_that_moved_down_and_was_edited_is_the_same_cell() -> None:
    after = [LOAD, "print(len(frame), frame.dtypes)", FIT.replace("depth=3", "depth=5"), SAVE]
    assert _words([LOAD, FIT, SAVE], after) == ["code cell 2 added", "code cell 3 changed (it was cell 2)"]


def test_cells_of_their_own_are_added_and_removed() -> None:
    assert _words([LOAD, FIT, SAVE], [LOAD, SAVE]) == ["code cell 2 removed"]
    assert _words([], [LOAD]) == ["code cell 1 added"]
    other = ["x = {1: 'a'}", "y: int = f(2)[::3]"]
    assert _words([FIT, SAVE], [LOAD, *other]) == [
        "code cell 1 removed",
        "code cell 2 removed",
        "code cell 1 added",
        "code cell 2 added",
        "code cell 3 added",
    ]


def test_one_cell_in_the_place_of_another_is_a_change_however_much_it_changed() -> None:
    assert _words([LOAD, "a", SAVE], [LOAD, "something = else_()", SAVE]) == ["code cell 2 changed"]


CELLS = st.lists(st.sampled_from([LOAD, FIT, SAVE, FIT.replace("3", "4"), "x = 1", "x = 2", ""]), max_size=7)


@settings(max_examples=200, deadline=None)
@given(before=CELLS, after=CELLS)
def test_every_cell_is_accounted_for_once(before: list[str], after: list[str]) -> None:
    changes = cell_changes(before, after)
    assert (changes == ()) == (before == after)
    gone = [change.before for change in changes if change.before]
    come = [change.after for change in changes if change.after]
    assert gone == sorted(set(gone))
    assert come == sorted(set(come))
    kept = [cell for number, cell in enumerate(before, 1) if number not in gone]
    assert kept == [cell for number, cell in enumerate(after, 1) if number not in come]
    assert all(before[c.before - 1] != after[c.after - 1] for c in changes if c.before and c.after)
