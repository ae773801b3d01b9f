"""How delivered columns differ from the contract's: every difference is named, at once, and none is guessed away."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

import pyarrow as pa

from roadworthy.contract import Column, ColumnType, Dataset
from roadworthy.data.casting import Cells, cast
from roadworthy.errors import DataError

KINDS: dict[ColumnType, str] = {
    "string": "text",
    "number": "a finite number",
    "integer": "a whole number",
    "boolean": "true or false",
    "timestamp": "a moment such as 2013-01-31T09:15:00Z",
}
_ALIKE = 0.6  # of Ratcliff and Obershelp's similarity of two names, between 0 and 1


@dataclass(frozen=True)
class Change:
    """A column of which no value is of its type any more."""

    column: Column
    values: int
    kind: str
    """What it holds now, in words."""
    first: str

    @property
    def words(self) -> str:
        """The change as a clause."""
        return (
            f"Column {self.column.name!r} must be {KINDS[self.column.type]}, and none of its {self.values:,} values "
            f"is: it holds {self.kind} now, the first is {self.first!r}"
        )


def differences(
    cells: Mapping[str, Cells],
    dataset: Dataset,
    wanted: Sequence[Column],
    changes: Sequence[Change] = (),
    *,
    gaps: bool = False,
) -> DataError | None:
    """Return an error that names all differences of the delivered columns from those wanted; None without any.

    A column that may be missing may also be left out: whoever adds one to the contract breaks nobody. Beside an unknown
    column it is named all the same, as that may be the one under another name.

    Parameters
    ----------
    cells
        The delivered columns, in their order, and some of their values.
    changes
        Columns whose type was found to have changed.
    gaps
        Whether a column may be left out, as in JSON lines, where a missing value often has no key at all.
    """
    known = [column.name for column in dataset.columns]
    unknown = [name for name in cells if name not in known]
    missing = [c for c in wanted if c.name not in cells and not gaps and (c.required or unknown)]
    if not (unknown or missing or changes):
        return None
    clauses = []
    for column, name in _renamed(cells, unknown, missing, known).items():
        clauses.append(f"Column {column.name!r} of dataset {dataset.name!r} is missing; {name!r} looks like it")
        unknown.remove(name)
        missing.remove(column)
    if missing:
        clauses.append(f"Column {_listed([c.name for c in missing])} of dataset {dataset.name!r} is missing")
    if unknown:
        clauses.append(f"the contract of dataset {dataset.name!r} has no column {_listed(unknown)}")
    clauses += [change.words for change in changes]
    return DataError(
        f"{'; '.join(clauses)}.",
        "Have the source corrected; or, where this is meant, change the contract: "
        "`roadworthy contract diff` says whom that breaks.",
    )


def kind_of(cells: Cells) -> str:
    """Return what a column holds, in words."""
    if not isinstance(cells, pa.Array):
        return "values of several kinds"
    return next((words for words, test in _HELD.items() if test(cells.type)), f"values of type {cells.type}")


_HELD = {
    "text": lambda kind: pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_dictionary(kind),
    "whole numbers": pa.types.is_integer,
    "numbers": lambda kind: pa.types.is_floating(kind) or pa.types.is_decimal(kind),
    "truth values": pa.types.is_boolean,
    "moments": pa.types.is_temporal,
}


def _renamed(
    cells: Mapping[str, Cells], unknown: list[str], missing: list[Column], known: list[str]
) -> dict[Column, str]:
    """Return which unknown column looks like which missing one; it is said, and never acted upon."""
    pairs = sorted(
        ((_likeness(column.name, name), column, name) for column in missing for name in unknown),
        key=lambda pair: -pair[0],
    )
    found: dict[Column, str] = {}
    for likeness, column, name in pairs:
        free = column not in found and name not in found.values()
        if free and (likeness >= _ALIKE or _in_its_place(cells, name, column, known)):
            found[column] = name
    return found


def _likeness(one: str, other: str) -> float:
    first, second = (re.sub(r"[^a-z0-9]", "", name.casefold()) for name in (one, other))
    return SequenceMatcher(None, first, second).ratio()


def _in_its_place(cells: Mapping[str, Cells], name: str, column: Column, known: list[str]) -> bool:
    """Return whether an unknown column stands where a missing one should, and its values are of that one's type."""
    if list(cells).index(name) != known.index(column.name) or len(cells) != len(known):
        return False
    return column.type != "string" and not cast(cells[name], column.type).failed.any()


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names))
