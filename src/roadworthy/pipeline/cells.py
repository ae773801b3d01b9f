"""Code by cell, before and after: which cell was edited, which is new, which is gone."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Literal

from roadworthy.records import Record

Kind = Literal["added", "removed", "changed"]

_WORD = re.compile(r"\w+|[^\w\s]")
# Two cells are one that was edited when at least half of their words stand in the same order; below that most readers
# see a new cell (difflib's own rule of thumb for "close" is 0.6, for lines).
_ALIKE = 0.5


class CellChange(Record):
    """One code cell that is not the same in both runs. Cells are counted from 1, code cells alone."""

    kind: Kind
    before: int | None = None
    after: int | None = None
    diff: str = ""

    @property
    def words(self) -> str:
        """The change in words, without the difference itself.

        Examples
        --------
        >>> CellChange(kind="changed", before=3, after=4).words
        'code cell 4 changed (it was cell 3)'
        """
        moved = f" (it was cell {self.before})" if self.kind == "changed" and self.before != self.after else ""
        return f"code cell {self.after or self.before} {self.kind}{moved}"


def cell_changes(before: Sequence[str], after: Sequence[str]) -> tuple[CellChange, ...]:
    """Return the cells that were changed, added or removed, in their order.

    Equal cells are matched first; between them, those that have most words in common are taken for one that was
    edited.

    Examples
    --------
    >>> [change.words for change in cell_changes(["a = 1", "print(a)"], ["a = 2", "b = a", "print(a)"])]
    ['code cell 1 changed', 'code cell 2 added']
    """
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    found = []
    for tag, i, i_end, j, j_end in matcher.get_opcodes():
        if tag != "equal":
            pairs = _pairs(before, after, (i, i_end), (j, j_end))
            found += [_cell_change(before, after, *pair) for pair in pairs]
    return tuple(found)


def _pairs(
    before: Sequence[str], after: Sequence[str], rows: tuple[int, int], columns: tuple[int, int]
) -> Iterator[tuple[int | None, int | None]]:
    """Yield which cell of the one block became which of the other, in order; None for one that has no counterpart."""
    if rows[1] - rows[0] == columns[1] - columns[0] == 1:
        yield rows[0], columns[0]
        return
    words = {i: _WORD.findall(before[i]) for i in range(*rows)}
    others = {j: _WORD.findall(after[j]) for j in range(*columns)}
    alike = {(i, j): _likeness(words[i], others[j]) for i in words for j in others}
    corners = [(rows[0] - 1, columns[0] - 1), *_matched(alike, rows, columns), (rows[1], columns[1])]
    for (i, j), (next_i, next_j) in pairwise(corners):
        yield from ((lone, None) for lone in range(i + 1, next_i))
        yield from ((None, lone) for lone in range(j + 1, next_j))
        if next_i < rows[1]:
            yield next_i, next_j


def _matched(
    alike: Mapping[tuple[int, int], float], rows: tuple[int, int], columns: tuple[int, int]
) -> list[tuple[int, int]]:
    """Return the pairs that are most alike, none crossing another: the best one first, then those on its two sides."""
    within = [(i, j) for i in range(*rows) for j in range(*columns)]
    best = max(within, key=lambda pair: alike[pair], default=None)
    if best is None or alike[best] < _ALIKE:
        return []
    i, j = best
    left = _matched(alike, (rows[0], i), (columns[0], j))
    return [*left, best, *_matched(alike, (i + 1, rows[1]), (j + 1, columns[1]))]


def _likeness(words: list[str], others: list[str]) -> float:
    matcher = difflib.SequenceMatcher(None, words, others, autojunk=False)
    if min(matcher.real_quick_ratio(), matcher.quick_ratio()) < _ALIKE:
        return 0.0
    return matcher.ratio()


def _cell_change(before: Sequence[str], after: Sequence[str], i: int | None, j: int | None) -> CellChange:
    old = "" if i is None else before[i]
    new = "" if j is None else after[j]
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), "before", "after", lineterm="")
    kind: Kind = "added" if i is None else "removed" if j is None else "changed"
    return CellChange(
        kind=kind, before=None if i is None else i + 1, after=None if j is None else j + 1, diff="\n".join(lines)
    )
