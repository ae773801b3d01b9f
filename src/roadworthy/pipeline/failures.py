"""What a failed task's words tell: the cell, the fact, the next step."""

from __future__ import annotations

import re

_FAILED_CELL = re.compile(r"\bin cell (\d+) of ")
_NEXT = "\nNext: "


def failed_cell(error: str | None) -> int | None:
    """Return the index, from 0, of the cell of the source that failed; None when it was not a cell.

    Examples
    --------
    >>> failed_cell("Task 'train' failed in cell 3 of notebooks/train.ipynb, line 2: KeyError")
    2
    """
    found = _FAILED_CELL.search(error or "")
    return int(found[1]) - 1 if found else None


def parts(error: str) -> tuple[str, str]:
    r"""Return the fact and the next step of an error's words.

    Examples
    --------
    >>> parts("It failed.\nNext: Mend it.")
    ('It failed.', 'Mend it.')
    """
    fact, _, step = error.partition(_NEXT)
    return fact, step
