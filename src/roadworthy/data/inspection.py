"""One batch read, checked and set aside, chunk by chunk, before anything of it is written."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from roadworthy.config import QuarantinePolicy
from roadworthy.contract import Column, Dataset
from roadworthy.data import quality
from roadworthy.data.casting import Cells, cast, whole
from roadworthy.data.digest import Digest
from roadworthy.data.layout import Change, differences
from roadworthy.data.sources import Batch
from roadworthy.data.staging import Stage
from roadworthy.data.uniqueness import Seen, hashes, seen_in
from roadworthy.errors import DataError, DataRefused
from roadworthy.records import now
from roadworthy.tables import Tables

_TOP_REASONS = 3
SET_ASIDE = pa.schema([("row", pa.int64()), *((name, pa.string()) for name in ("column", "rule", "value", "content"))])


class Inspection:
    """Takes a batch in, chunk by chunk; its good rows and its bad ones wait until it is known to be good. A context.

    Attributes
    ----------
    good
        The rows that break nothing, in the contract's types.
    bad
        One line a broken rule: row (position in the batch, from 0), column, rule, value, and content (the row as it was
        delivered, as JSON).
    rows, bad_rows
        How many were read, and how many of them break a rule.
    reasons
        How many rows broke each rule.
    """

    def __init__(self, batch: Batch, dataset: Dataset, tables: Tables) -> None:
        folder = None if "://" in tables.address else Path(tables.address)
        self.batch = batch
        self.good, self.bad = Stage(folder), Stage(folder)
        self.rows = self.bad_rows = 0
        self.reasons: Counter[str] = Counter()
        self._dataset, self._tables = dataset, tables
        self._digest = Digest(dataset.columns)
        self._uniqueness = quality.Uniqueness(dataset)
        self._in_table = _identifiers(dataset, tables)
        self._delivered: dict[str, None] = {}
        self._present: Counter[str] = Counter()
        self._changes: dict[str, list[Change]] = {}
        self._newest: pd.Timestamp | None = None

    @property
    def content(self) -> str:
        """The hash of all rows so far."""
        return self._digest.hexdigest()

    @property
    def absent(self) -> tuple[str, ...]:
        """The contract's columns that were not delivered at all."""
        return tuple(column.name for column in self._dataset.columns if column.name not in self._delivered)

    def add(self, chunk: Mapping[str, Cells]) -> None:
        """Take in the next rows.

        Raises
        ------
        DataError
            When the columns are not the contract's, or there is no room for the rows.
        """
        self._expect_columns(chunk)
        found = quality.typed(chunk, self._dataset.columns)
        self._digest.add(found.values, found.failures)
        self._notice(found)
        broken = [quality.rules(found, self._dataset), self._uniqueness.broken(found.values), self._there(found.values)]
        failures = quality.in_order(broken, self._dataset)
        if len(failures):
            self._part(chunk, found.values, failures)
        else:
            self.good.add(found.values)
        self.rows += len(found.values)

    def finish(self) -> None:
        """Look at the batch as a whole, now that all its rows are there.

        Raises
        ------
        DataError
            When there were no rows, or a column is missing or of another type in all of them.
        """
        if not self.rows:
            raise DataError(f"{self.batch.name}: there are no rows.", "Give a batch with rows.")
        changes = [
            Change(some[0].column, self._present[name], some[0].kind, some[0].first)
            for name, some in self._changes.items()
            if sum(change.values for change in some) == self._present[name]
        ]
        cells = dict.fromkeys(self._delivered, pa.nulls(0))
        self._named(differences(cells, self._dataset, self._dataset.columns, changes), self.batch.name)

    def refuse_if_worse(self, policy: QuarantinePolicy) -> None:
        """Refuse a batch of too few or too many rows, of old rows, or of too many bad ones.

        Raises
        ------
        DataRefused
            With the figure and its limit.
        """
        dataset, name = self._dataset, self.batch.name
        least, most = dataset.minimum_rows, dataset.maximum_rows
        if least is not None and self.rows < least:
            raise _refused(f"{name}: {self.rows:,} rows are fewer than the {least:,} that the contract demands.")
        if most is not None and self.rows > most:
            raise _refused(f"{name}: {self.rows:,} rows are more than the {most:,} that the contract allows.")
        if dataset.freshness is not None:
            self._refuse_old(timedelta(seconds=dataset.freshness))
        if self.bad_rows > policy.refuse_over * self.rows:
            top = self.reasons.most_common(_TOP_REASONS)
            raise DataRefused(
                f"{name}: {self.bad_rows:,} of {self.rows:,} rows break the contract, more than the "
                f"{policy.refuse_over:.0%} that the policy tolerates: "
                f"{'; '.join(f'{rule} ({count:,} rows)' for rule, count in top)}. Nothing was added.",
                "Have the source corrected, or change quarantine.refuse_over in the policy.",
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.good.close()
        self.bad.close()

    def _expect_columns(self, chunk: Mapping[str, Cells]) -> None:
        columns = self._dataset.columns
        problem = differences(chunk, self._dataset, columns, gaps=self.batch.gaps)
        if problem:  # seldom: then the types are looked at too, so that everything is named at once
            changes = quality.typed(chunk, [column for column in columns if column.name in chunk]).changes
            problem = differences(chunk, self._dataset, columns, changes, gaps=self.batch.gaps)
        self._named(problem, f"{self.batch.name}, from row {self.rows:,} on" if self.rows else self.batch.name)
        self._delivered |= dict.fromkeys(chunk)

    def _named(self, problem: DataError | None, place: str) -> None:
        if problem:
            raise DataError(f"{place}: {problem.fact}", problem.next_step)

    def _notice(self, found: quality.Typed) -> None:
        """Remember what can be judged only of the batch as a whole."""
        self._present.update(found.present)
        for change in found.changes:
            self._changes.setdefault(change.column.name, []).append(change)
        if self._dataset.freshness is not None:
            latest = pc.max(found.values[self._dataset.time]).as_py()
            self._newest = max(filter(None, (self._newest, latest)), default=None)

    def _there(self, values: pa.Table) -> pd.DataFrame:
        """Return failure cases for the rows whose identifier the table already has."""
        if self._in_table is None:
            return quality.NO_FAILURES
        column, seen = self._in_table
        given, present = hashes([whole(values[column.name])])
        at = np.flatnonzero(seen.met(given) & present)
        words = values[column.name].take(pa.array(at)).to_pylist()
        return quality.failure_cases(at, column.name, f"{column.name} is already in the table", words)

    def _part(self, chunk: Mapping[str, Cells], values: pa.Table, failures: pd.DataFrame) -> None:
        """Set the good rows of a chunk aside for the table, the bad ones for quarantine."""
        bad = failures["row"].unique()
        good = np.ones(len(values), dtype=bool)
        good[bad] = False
        self.good.add(values.filter(pa.array(good)))
        content = dict(zip(bad, lines_of(chunk, bad), strict=True))
        lines = failures.assign(row=failures["row"] + self.rows, content=failures["row"].map(content))
        self.bad.add(pa.Table.from_pandas(lines, schema=SET_ASIDE, preserve_index=False))
        self.bad_rows += len(bad)
        self.reasons.update(reasons_of(failures))

    def _refuse_old(self, oldest: timedelta) -> None:
        name, time = self.batch.name, self._dataset.time
        if self._newest is None:
            raise _refused(f"{name}: no row has a {time}, so that nothing says how old the batch is.")
        age = now() - self._newest
        if age > oldest:
            raise _refused(
                f"{name}: its newest {time} is {self._newest:%Y-%m-%dT%H:%M:%SZ}, {_days(age)} ago; "
                f"the contract allows {_days(oldest)}."
            )


def reasons_of(failures: pd.DataFrame) -> Counter[str]:
    """Count the rows that broke each rule."""
    return Counter(failures.drop_duplicates(["row", "rule"])["rule"].tolist())


def _identifiers(dataset: Dataset, tables: Tables) -> tuple[Column, Seen] | None:
    """Return the identifier's column and its values in the table, eight bytes each; None where there are none."""
    identifiers = dataset.with_role("identifier")
    if not identifiers or not tables.exists(dataset.name):
        return None
    column = identifiers[0]
    # The newest version, whatever the run reads otherwise: that is the one that the rows are added to.
    batches = tables.stream(dataset.name, version=tables.newest(dataset.name), columns=[column.name])
    return column, seen_in(cast(batch.column(0), column.type).values for batch in batches)


def lines_of(chunk: Mapping[str, Cells], at: np.ndarray[Any, Any]) -> list[str]:
    """Return rows of a chunk as JSON, as they were delivered."""
    columns = [
        cells.take(pa.array(at)).to_pylist() if isinstance(cells, pa.Array) else cells.iloc[at].tolist()
        for cells in chunk.values()
    ]
    return [_line(dict(zip(chunk, row, strict=True))) for row in zip(*columns, strict=True)]


def _line(row: dict[str, Any]) -> str:
    try:
        return orjson.dumps(row, default=str).decode()
    except TypeError:  # a whole number of more than 64 bits, or text that is no Unicode
        return json.dumps(row, default=str)


def _refused(fact: str) -> DataRefused:
    return DataRefused(f"{fact} Nothing was added.", "Have the source corrected, or change the contract.")


def _days(span: timedelta) -> str:
    for unit, seconds in (("days", 86_400), ("hours", 3600), ("minutes", 60)):
        if span.total_seconds() >= 2 * seconds:
            return f"{span.total_seconds() / seconds:,.0f} {unit}"
    return f"{span.total_seconds():,.0f} seconds"
