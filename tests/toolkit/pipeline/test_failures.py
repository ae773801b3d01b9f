"""The cell that failed, as a task's words tell it."""

from roadworthy.pipeline.failures import failed_cell, parts


def test_what_is_no_cell_has_no_index() -> None:
    assert failed_cell(None) is None
    assert failed_cell("Task 'a' failed (notebooks/a.ipynb): the kernel died") is None


def test_words_without_a_next_step_are_the_fact() -> None:
    assert parts("It failed.") == ("It failed.", "")
