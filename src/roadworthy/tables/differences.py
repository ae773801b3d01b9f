"""What one version of a table has that another has not: columns, rows, and with a key the changed values."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from deltalake import DeltaTable
from pydantic import Field

from roadworthy.errors import TableError
from roadworthy.records import Record
from roadworthy.tables import fingerprints
from roadworthy.tables.commits import ADDING
from roadworthy.tables.files import needs
from roadworthy.tables.fingerprints import Hashes
from roadworthy.tables.reading import Reading

_ROWS_A_PART = 1_000_000
_EXAMPLES = 3


class ColumnChange(Record):
    """A column that came, went, or changed its type; None where it is not there."""

    column: str
    before: str | None
    after: str | None


class Example(Record):
    """One changed value, as text."""

    key: tuple[str, ...]
    before: str
    after: str


class ValueChange(Record):
    """A column whose values changed in rows that both versions have."""

    column: str
    rows: int
    examples: tuple[Example, ...] = Field(description="the first few, in order of the older version's rows")


class Difference(Record):
    """What came, went and changed from one version of a table to another."""

    table: str
    before: int
    after: int
    rows_before: int
    rows_after: int
    added: int
    removed: int
    changed: int = Field(default=0, description="rows of the same key with other values; 0 without a key")
    key: tuple[str, ...] = ()
    columns: tuple[ColumnChange, ...] = ()
    values: tuple[ValueChange, ...] = ()


class Differences(Reading):
    """The part of the tables that compares versions."""

    def diff(self, name: str, before: int, after: int, *, key: str | Sequence[str] | None = None) -> Difference:
        """Return what changed from one version to another; either may be the older.

        Where only appends and compactions lie between, or one version has all of the other's files, this is known
        from the log. Otherwise the rows of both are hashed to disk (8 bytes a column, in the folder for temporary
        files) and compared in parts, so that tables larger than memory can be compared too. Without a key, a changed
        row is one removed and one added. Not-a-number and a missing number are the same.

        Parameters
        ----------
        key
            The columns that name a row, in both versions; rows with the same key are compared value by value.

        Raises
        ------
        TableError
            When there is no such table, version or column, files were removed, or a key names several rows.
        """
        keys = (key,) if isinstance(key, str) else tuple(key or ())
        old, new = self._open(name, before), self._open(name, after)
        rows_before, rows_after = int(old.count()), int(new.count())
        found: dict[str, Any] = {"added": max(rows_after - rows_before, 0), "removed": max(rows_before - rows_after, 0)}
        shared = self._shared(name, old, new, keys)
        if not self._one_in_the_other(name, old, new):
            found = self._compared(name, old, new, keys, shared)
        return Difference(
            table=name,
            before=before,
            after=after,
            rows_before=rows_before,
            rows_after=rows_after,
            key=keys,
            columns=_columns(old, new),
            **found,
        )

    def _shared(self, name: str, old: DeltaTable, new: DeltaTable, keys: tuple[str, ...]) -> list[str]:
        """Return the columns that both have."""
        there = _types(new)
        shared = [column for column in _types(old) if column in there]
        for column in keys:
            if column not in shared:
                raise TableError(
                    f"Versions {old.version()} and {new.version()} of table {name!r} do not both have a column "
                    f"{column!r}.",
                    f"Take as key one or more of: {', '.join(shared)}.",
                )
        return shared

    def _one_in_the_other(self, name: str, old: DeltaTable, new: DeltaTable) -> bool:
        """Return whether the log tells that one version has all rows of the other."""
        first, last = sorted((old.version(), new.version()))
        files, more = sorted((needs(old).keys(), needs(new).keys()), key=len)
        if files <= more:
            return True
        between = [commit for commit in self._commits(name, self._open(name, last)) if commit["version"] > first]
        return {commit["operation"] for commit in between} <= ADDING | {"compacted"}

    def _compared(
        self, name: str, old: DeltaTable, new: DeltaTable, keys: tuple[str, ...], shared: list[str]
    ) -> dict[str, Any]:
        others = [column for column in shared if column not in keys] if keys else []
        parts = 1 + max(int(old.count()), int(new.count())) // _ROWS_A_PART
        account = _Account(keys, others)
        with tempfile.TemporaryDirectory(prefix="roadworthy-diff-") as folder:
            places = Path(folder) / "before", Path(folder) / "after"
            for table, place in zip((old, new), places, strict=True):
                batches = self._batches(name, table, shared)
                fingerprints.keep(batches, place, keys or shared, others, parts)
            for number in range(parts):
                account.take(*(fingerprints.part(place, number, others) for place in places))
        if account.twice:
            raise TableError(
                f"The key {', '.join(keys)} names several rows in {account.twice:,} cases in table {name!r}.",
                "Give more columns as key, or none: rows are then counted as added and removed.",
            )
        return account.figures() | {"values": self._values(name, old, new, account)}

    def _values(self, name: str, old: DeltaTable, new: DeltaTable, account: _Account) -> tuple[ValueChange, ...]:
        changes = []
        for column, rows in account.changes.most_common():
            pairs = account.examples[column]
            wanted = [*account.keys, column]
            then = _picked(self._batches(name, old, wanted), [pair[0] for pair in pairs])
            now = _picked(self._batches(name, new, wanted), [pair[1] for pair in pairs])
            examples = tuple(Example(key=tuple(then[a][:-1]), before=then[a][-1], after=now[b][-1]) for a, b in pairs)
            changes.append(ValueChange(column=column, rows=rows, examples=examples))
        return tuple(changes)


class _Account:
    """Counts, part by part, what came, went and changed."""

    def __init__(self, keys: tuple[str, ...], others: Sequence[str]) -> None:
        self.keys = keys
        self.added = self.removed = self.changed = self.twice = 0
        self.changes: Counter[str] = Counter()
        self.examples: dict[str, list[tuple[int, int]]] = {column: [] for column in others}

    def take(self, before: Hashes, after: Hashes) -> None:
        """Count one part of both versions: all rows of some keys."""
        if not self.keys:
            self._take_whole_rows(before, after)
            return
        for side in (before, after):
            self.twice += len(side) - len(np.unique(side["key"]))
        _, here, there = np.intersect1d(before["key"], after["key"], return_indices=True)
        self.added += len(after) - len(there)
        self.removed += len(before) - len(here)
        self._compare(before[here], after[there])

    def _take_whole_rows(self, before: Hashes, after: Hashes) -> None:
        both, place = np.unique(np.concatenate([before["key"], after["key"]]), return_inverse=True)
        more = np.bincount(place[len(before) :], minlength=len(both)) - np.bincount(
            place[: len(before)], minlength=len(both)
        )
        self.added += int(more[more > 0].sum())
        self.removed -= int(more[more < 0].sum())

    def _compare(self, before: Hashes, after: Hashes) -> None:
        changed: npt.NDArray[np.bool_] = np.zeros(len(before), dtype=bool)
        for number, column in enumerate(self.examples):
            other = before[str(number)] != after[str(number)]
            changed |= other
            if found := int(other.sum()):
                self.changes[column] += found
                rows = zip(before["row"][other].tolist(), after["row"][other].tolist(), strict=True)
                self.examples[column] = sorted([*self.examples[column], *rows])[:_EXAMPLES]
        self.changed += int(changed.sum())

    def figures(self) -> dict[str, Any]:
        """Return the counts."""
        return {"added": self.added, "removed": self.removed, "changed": self.changed}


def _picked(batches: Iterator[pa.RecordBatch], rows: Sequence[int]) -> dict[int, list[str]]:
    """Return the values of some rows as text."""
    found, first = {}, 0
    for batch in batches:
        for row in rows:
            if first <= row < first + batch.num_rows:
                found[row] = [str(value) for value in batch.slice(row - first, 1).to_pylist()[0].values()]
        first += batch.num_rows
        if len(found) == len(set(rows)):
            break
    return found


def _columns(old: DeltaTable, new: DeltaTable) -> tuple[ColumnChange, ...]:
    before, after = _types(old), _types(new)
    names = [*before, *(name for name in after if name not in before)]
    changes = (ColumnChange(column=name, before=before.get(name), after=after.get(name)) for name in names)
    return tuple(change for change in changes if change.before != change.after)


def _types(table: DeltaTable) -> Mapping[str, str]:
    return {field.name: str(getattr(field.type, "type", field.type)) for field in table.schema().fields}
