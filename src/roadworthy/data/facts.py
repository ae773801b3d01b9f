"""What was seen of each column of some rows: which type holds all its values, its limits, its few texts.

Rows come in chunks, and of a column only counts, limits, a capped number of distinct texts and eight bytes a row are
kept, so that data larger than memory can be looked at.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any, TypeAlias

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from roadworthy.contract import ColumnType
from roadworthy.data.casting import Cells, cast, cells_of
from roadworthy.data.uniqueness import Seen, hashes
from roadworthy.errors import DataError

Rows: TypeAlias = pd.DataFrame | Mapping[str, Cells]
"""Some rows: a frame, or the cells of each column."""

# How text must look to be taken for more than text. A leading zero or plus sign belongs to a code, such as a ZIP or a
# phone number; a year by itself is a number; a moment has its whole date.
_LOOKS: dict[ColumnType, str] = {
    "integer": r"^(0|-?[1-9][0-9]{0,17})$",
    "number": r"^-?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?$",
    "boolean": r"^(?i:true|false)$",
    "timestamp": r"^[0-9]{4}(-[0-9]{2}){2}([T ][0-9]{2}(:[0-9]{2}){1,2}(\.[0-9]+)? ?(Z|[-+][0-9]{2}(:?[0-9]{2})?)?)?$",
}
_HELD: tuple[tuple[Any, ColumnType], ...] = (
    (pa.types.is_boolean, "boolean"),
    (pa.types.is_integer, "integer"),
    (pa.types.is_floating, "number"),
    (pa.types.is_decimal, "number"),
    (pa.types.is_timestamp, "timestamp"),
    (pa.types.is_date, "timestamp"),
)
_EXACT = 2**53  # floats, which limits and whole numbers with gaps are kept in, hold no larger whole number exactly
_MOST_CATEGORIES = 50
_ROWS_A_CATEGORY = 10  # on average at least, before a text counts as one of a few
_MOST_TEXTS = 1000  # distinct ones that are kept of a column
_SAMPLE = 1000  # cells that tell text which is nothing but text


@dataclass
class Facts:
    """What was seen of one column so far."""

    name: str
    type: ColumnType | None = None
    rows: int = 0
    nulls: int = 0
    """Cells that hold nothing at all."""
    absent: int = 0
    """Cells that hold nothing, or a usual spelling of a missing value: what is missing unless text is wanted."""
    least: float = inf
    most: float = -inf
    all_text: bool = True
    texts: dict[str, None] | None = field(default_factory=dict)
    """The distinct ones, None when there are too many."""
    seen: Seen | None = field(default_factory=Seen)
    """The values so far, None when one came twice."""

    def add(self, cells: Cells) -> None:
        """Look at the next cells.

        Raises
        ------
        DataError
            When no type holds them, or none holds them together with those before.
        """
        self.rows += len(cells)
        nulls = cells.null_count if isinstance(cells, pa.Array) else int(cells.isna().sum())
        self.nulls += nulls
        if nulls == len(cells):  # nothing is learnt, whatever the empty column's kind
            self.absent += nulls
            return
        cells = _without_nulls(cells)
        kind = _type(cells, self.name)
        self.all_text &= _is_text(cells)
        self.type = _joined(self.type, kind, all_text=self.all_text, name=self.name)
        values = cast(cells, kind or "number").values
        self.absent += nulls + values.null_count
        if kind in ("integer", "number"):
            limits = pc.min_max(values).as_py()
            self.least, self.most = min(self.least, limits["min"]), max(self.most, limits["max"])
        self._remember(cells)

    def _remember(self, cells: Cells) -> None:
        if self.texts is not None and _is_text(cells) and isinstance(cells, pa.Array):
            self.texts.update(dict.fromkeys(pc.unique(cells).to_pylist()))
        if self.texts is not None and (not self.all_text or len(self.texts) > _MOST_TEXTS):
            self.texts = None
        # Hashes of text and of numbers cannot be compared: uniqueness is told of columns that are of one kind.
        comparable = isinstance(cells, pa.Array) and (_is_text(cells) or pa.types.is_integer(cells.type))
        if not comparable or (_is_text(cells) != self.all_text):
            self.seen = None
        if self.seen is not None and self.seen.again(*hashes([_plain(cells)])).any():
            self.seen = None

    @property
    def missing(self) -> int:
        """How many values are missing."""
        return self.nulls if self.settled == "string" else self.absent

    @property
    def settled(self) -> ColumnType:
        """The type in the end: text where nothing was seen, or where a whole number would lose its last digits."""
        if self.type is None:
            return "string"
        if self.type == "integer" and self.absent and not self.exact:
            return "string" if self.all_text else "number"
        return self.type

    @property
    def unique(self) -> bool:
        """Whether it is text or whole numbers of which none came twice or was missing."""
        return self.seen is not None and self.rows > 1 and not self.missing and self.settled in ("string", "integer")

    @property
    def exact(self) -> bool:
        """Whether a float holds its least and its greatest value, and so any whole number between, exactly."""
        return max(-self.least, self.most) <= _EXACT

    @property
    def categories(self) -> list[str]:
        """The texts of a column of text that has few of them; none otherwise."""
        texts = list(self.texts or {}) if self.settled == "string" else []
        few = len(texts) <= _MOST_CATEGORIES and len(texts) * _ROWS_A_CATEGORY <= self.rows - self.missing
        return sorted(texts) if few else []

    @property
    def scattered(self) -> bool:
        """Whether it is text of which hardly any comes twice: nothing to learn from."""
        return self.settled == "string" and (self.texts is None or 2 * len(self.texts) > self.rows - self.missing)


def look(chunks: Rows | Iterable[Rows], *, gaps: bool = False) -> list[Facts]:
    """Look at rows and return what was seen of each column.

    Parameters
    ----------
    chunks
        The rows, at once or in pieces.
    gaps
        Whether a piece may lack columns of which it has no value, as JSON lines do.

    Raises
    ------
    DataError
        When there are no rows, the pieces have different columns, or no type holds a column's values.
    """
    columns: dict[str, Facts] = {}
    rows = 0
    for chunk in [chunks] if isinstance(chunks, pd.DataFrame | Mapping) else chunks:
        cells = _cells(chunk)
        if columns and not gaps and set(cells) != set(columns):
            raise DataError(
                f"The columns change on the way: {', '.join(columns)} at first, then {', '.join(cells)}.",
                "Give data that has the same columns throughout.",
            )
        for name in cells:
            if name not in columns:
                columns[name] = Facts(name)
                columns[name].add(pa.nulls(rows))
        length = len(next(iter(cells.values()), ()))
        for name, column in columns.items():
            column.add(cells.get(name, pa.nulls(length)))
        rows += length
    if not rows:
        raise DataError("There are no rows to infer a contract from.", "Give data with rows.")
    return list(columns.values())


def _cells(chunk: Rows) -> dict[str, Cells]:
    names = list(chunk.columns if isinstance(chunk, pd.DataFrame) else chunk)
    for name in names:
        if not isinstance(name, str) or not name.strip():
            raise DataError(f"The column {name!r} has no name in words.", "Give the data a header with names.")
        if names.count(name) > 1:
            raise DataError(f"The column {name!r} is there twice.", "Give each column a name of its own.")
    if isinstance(chunk, pd.DataFrame):
        return {name: cells_of(chunk[name].reset_index(drop=True)) for name in names}
    return dict(chunk)


# --- types ---------------------------------------------------------------------------------------------------------


def _type(cells: Cells, name: str) -> ColumnType | None:
    """Return the narrowest type that holds all cells of a chunk; None when they only say that they are missing."""
    if not isinstance(cells, pa.Array):
        return _type_of_mixture(cells, name)
    if _is_text(cells):
        return _type_of_text(cells)
    kind = next((kind for test, kind in _HELD if test(cells.type)), None)
    if kind == "integer" and cast(cells, kind).failed.any():  # of 64 bits without a sign
        kind = "number"
    if kind is None or cast(cells, kind).failed.any():
        raise _no_type(name, cells[0].as_py() if kind is None else "an infinite number")
    return kind


def _type_of_text(cells: pa.Array) -> ColumnType | None:
    text = _plain(cells)
    looked_at = _present(text[:_SAMPLE])
    if len(looked_at) and not _looks_like(looked_at):
        return "string"  # most columns of text end here, and are not looked at cell by cell
    present = _present(text)
    if not len(present):
        return None
    kinds = (kind for kind in _looks_like(present) if not cast(present, kind).failed.any())
    return next(kinds, "string")


def _present(text: pa.Array) -> pa.Array:
    """Return the cells that are there, the usual spellings of a missing value left out."""
    numbers = cast(text, "number")
    return text.filter(pa.array(pc.is_valid(numbers.values).to_numpy(zero_copy_only=False) | numbers.failed))


def _looks_like(present: pa.Array) -> list[ColumnType]:
    return [kind for kind, looks in _LOOKS.items() if pc.all(pc.match_substring_regex(present, looks)).as_py()]


def _type_of_mixture(cells: pd.Series[Any], name: str) -> ColumnType | None:
    texts = cells.map(lambda value: isinstance(value, str)).astype(bool)
    others = cells[~texts]
    kind = _type_of_text(pa.array(cells[texts], pa.string())) if texts.any() else None
    kinds: tuple[ColumnType, ...] = ("integer", "number", "boolean", "timestamp")
    found = next((kind for kind in kinds if not cast(others, kind).failed.any()), None)
    if found is None:
        raise _no_type(name, others.iloc[0])
    return _joined(kind, found, all_text=False, name=name)


def _joined(one: ColumnType | None, other: ColumnType | None, *, all_text: bool, name: str) -> ColumnType | None:
    """Return the narrowest type that holds what two parts of a column hold."""
    if one is None or other is None or one == other:
        return one or other
    if {one, other} == {"integer", "number"}:
        return "number"
    if all_text:
        return "string"
    raise DataError(
        f"Column {name!r} holds values of several types: {one} and {other}.", "Deliver it in one, or leave it out."
    )


def _without_nulls(cells: Cells) -> Cells:
    """Return the cells that hold something: what is left of a mixture is often of one kind."""
    return cells.drop_null() if isinstance(cells, pa.Array) else cells_of(cells[cells.notna()])


def _is_text(cells: Cells) -> bool:
    if not isinstance(cells, pa.Array):
        return False
    kind = cells.type.value_type if pa.types.is_dictionary(cells.type) else cells.type
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def _plain(cells: Cells) -> pa.Array:
    return cells.cast(pa.string()) if _is_text(cells) else cells


def _no_type(name: str, value: object) -> DataError:
    return DataError(
        f"Column {name!r} holds {value!r}: a contract has no type for that.", "Leave the column out of the data."
    )
