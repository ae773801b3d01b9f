"""Row checks: what a frame's values must be, from the contract, by pandera.

Values are first cast to the contract's types; what cannot be cast, and what then breaks a rule, is a failure case: the
row's position, the column, the rule in words and the value.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from roadworthy.contract import Column, Dataset, Relation
from roadworthy.data.casting import ARROW_TYPES, Cells, cells_of, whole
from roadworthy.data.casting import cast as cast_cells
from roadworthy.data.layout import KINDS, Change, differences, kind_of
from roadworthy.data.uniqueness import Seen, hashes
from roadworthy.errors import ContractError

if TYPE_CHECKING:
    from pandera.pandas import Check, DataFrameSchema

_FAILURE_DTYPES = {"row": "int64", "column": "str", "rule": "str", "value": "str"}
_LONGEST_VALUE = 200
NO_FAILURES = pd.DataFrame({name: [] for name in _FAILURE_DTYPES}).astype(_FAILURE_DTYPES)
"""Failure cases of rows that break nothing."""
_EXACT = 2**53  # a column of whole numbers with gaps is one of floats, which hold no larger ones exactly
_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
    "!=": operator.ne,
    ">=": operator.ge,
    ">": operator.gt,
}


@dataclass(frozen=True)
class Typed:
    """Rows in the contract's types and order of columns, and what could not be cast to them."""

    values: pa.Table
    failures: pd.DataFrame
    """The failure cases, as from `check`."""
    changes: tuple[Change, ...]
    """The columns of which no value could be cast."""
    present: Mapping[str, int]
    """How many cells of a column held something."""


def typed(cells: Mapping[str, Cells], columns: Sequence[Column]) -> Typed:
    """Cast delivered columns, whose names are among those wanted; one that was not delivered is wholly missing."""
    rows = len(next(iter(cells.values()))) if cells else 0
    values, failures, changes, present = [], [NO_FAILURES], [], {}
    for column in columns:
        given = cells.get(column.name, pa.nulls(rows))
        found, failed, rule = _cast(column, given)
        values.append(found)
        count = int(failed.sum())
        present[column.name] = rows - found.null_count + count
        if count:
            at = np.flatnonzero(failed)
            failures.append(failure_cases(at, column.name, rule, _delivered(given, at)))
            if count == present[column.name]:
                changes.append(Change(column, count, kind_of(given), failures[-1]["value"].iloc[0]))
    table = pa.table(values, schema=pa.schema([(c.name, ARROW_TYPES[c.type]) for c in columns]))
    return Typed(table, _joined(failures), tuple(changes), present)


def cast(
    frame: pd.DataFrame, dataset: Dataset, *, columns: Sequence[Column] | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Cast values to the contract's types; what cannot be cast becomes missing and a failure case.

    Parameters
    ----------
    frame
        Rows with at least the columns wanted; text such as ``"7"`` or ``"true"`` is understood, a moment without a
        zone is taken as UTC.
    columns
        The columns wanted, by default all of the dataset.

    Returns
    -------
    tuple of DataFrame
        The rows in the contract's order of columns, numbered from 0, in dtypes that can hold missing values
        (``float64`` for whole numbers with gaps, ``boolean``); and the failure cases, as from `check`.

    Raises
    ------
    DataError
        When a column is missing, or none of its values is of its type.
    """
    found = _cast_frame(frame, dataset, dataset.columns if columns is None else columns)
    return frame_of(found.values), found.failures


def check(frame: pd.DataFrame, dataset: Dataset) -> pd.DataFrame:
    """Return every broken rule of the contract's rows.

    Returns
    -------
    DataFrame
        One row a failure case, in the order of rows: row (position, counted from 0), column, rule (in words), value.
        Of rows that share a value which must be unique, the first keeps it; a missing value is like no other.

    Raises
    ------
    DataError
        When a column is missing, or none of its values is of its type.
    """
    found = _cast_frame(frame, dataset, dataset.columns)
    return in_order([rules(found, dataset), Uniqueness(dataset).broken(found.values)], dataset)


def rules(found: Typed, dataset: Dataset) -> pd.DataFrame:
    """Return the failure cases of each row by itself: of the cast, of its columns' rules, and of relations."""
    # Imported here: 1.3 s that no command should pay which checks no rows.
    from pandera.errors import SchemaErrors

    values, failures = frame_of(found.values), found.failures
    cases = []
    try:
        _schema(dataset).validate(values, lazy=True)
    except SchemaErrors as error:
        cases.append(_failures(error.failure_cases))
    cases += [_broken_relation(values, relation) for relation in dataset.relations]
    broken = _joined([NO_FAILURES, *cases])
    if len(failures) and len(broken):
        known = pd.MultiIndex.from_frame(failures[["row", "column"]])  # missing only because it could not be cast
        broken = broken[~pd.MultiIndex.from_frame(broken[["row", "column"]]).isin(known)]
    return in_order([failures, broken], dataset)


class Uniqueness:
    """Finds what must be unique and is not, among all rows that it was ever given."""

    def __init__(self, dataset: Dataset) -> None:
        alone = [((column.name,), f"{column.name} must be unique") for column in dataset.columns if column.unique]
        together = [(names, f"{', '.join(names)} must be unique together") for names in dataset.unique_together]
        self._rules = [(names, rule, Seen()) for names, rule in alone + together]

    def broken(self, values: pa.Table) -> pd.DataFrame:
        """Return the failure cases of the next rows, their positions counted from 0."""
        cases = [NO_FAILURES]
        for names, rule, seen in self._rules:
            columns = [whole(values[name]) for name in names]
            at = np.flatnonzero(seen.again(*hashes(columns)))
            if len(at):
                parts = [column.take(pa.array(at)).to_pylist() for column in columns]
                words = [", ".join(map(written, row)) for row in zip(*parts, strict=True)]
                cases.append(failure_cases(at, names[0], rule, words))
        return _joined(cases)


def frame_of(values: pa.Table) -> pd.DataFrame:
    """Return typed rows as a DataFrame, in dtypes that can hold missing values."""
    frame: pd.DataFrame = values.to_pandas(split_blocks=True)
    truths = [field.name for field in values.schema if pa.types.is_boolean(field.type)]
    return frame.astype(dict.fromkeys(truths, "boolean"))


def failure_cases(rows: np.ndarray[Any, Any], column: str, rule: str, values: Sequence[Any]) -> pd.DataFrame:
    """Return failure cases of one column and rule at the given row positions."""
    words = [written(value) for value in values]
    return pd.DataFrame({"row": rows, "column": column, "rule": rule, "value": words}).astype(_FAILURE_DTYPES)


def in_order(failures: list[pd.DataFrame], dataset: Dataset) -> pd.DataFrame:
    """Return failure cases together, in the order of rows and of the contract's columns."""
    together = _joined(failures)
    if len(together) < 2:
        return together
    order = {column.name: position for position, column in enumerate(dataset.columns)}
    places = np.lexsort((together["column"].map(order).to_numpy(), together["row"].to_numpy()))
    return together.iloc[places].reset_index(drop=True)


# --- casting ---------------------------------------------------------------------------------------------------------


def _cast_frame(frame: pd.DataFrame, dataset: Dataset, wanted: Sequence[Column]) -> Typed:
    names = [column.name for column in wanted]
    cells = {name: cells_of(frame[name].reset_index(drop=True)) for name in names if name in frame}
    missing = differences(cells, dataset, wanted)
    if missing:
        raise missing
    found = typed(cells, wanted)
    changed = differences(cells, dataset, wanted, found.changes)
    if changed:
        raise changed
    return found


def _cast(column: Column, given: Cells) -> tuple[pa.Array, np.ndarray[Any, Any], str]:
    """Return the values, which cells are not of the type, and the rule that those break."""
    found = cast_cells(given, column.type)
    rule = f"{column.name} must be {KINDS[column.type]}"
    if column.type != "integer" or column.required:
        return found.values, found.failed, rule
    inexact = pc.fill_null(pc.greater(pc.abs(found.values), _EXACT), False)
    if not pc.any(inexact, min_count=0).as_py():
        return found.values, found.failed, rule
    values = pc.if_else(inexact, None, found.values)
    return values, found.failed | inexact.to_numpy(zero_copy_only=False), f"{rule} up to {_EXACT}"


def _delivered(given: Cells, at: np.ndarray[Any, Any]) -> list[Any]:
    return given.take(pa.array(at)).to_pylist() if isinstance(given, pa.Array) else given.iloc[at].tolist()


# --- rules -----------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=8)
def _schema(dataset: Dataset) -> DataFrameSchema:
    import pandera.pandas as pandera  # heavy, as above

    columns = {
        column.name: pandera.Column(None, _checks(column), nullable=not column.required) for column in dataset.columns
    }
    return pandera.DataFrameSchema(columns)


def _checks(column: Column) -> list[Check]:
    from pandera.pandas import Check  # heavy, as above

    name, rules = column.name, []
    if column.minimum is not None:
        rules.append((f"at least {_figure(column.minimum)}", partial(_below, column.minimum)))
    if column.maximum is not None:
        rules.append((f"at most {_figure(column.maximum)}", partial(_above, column.maximum)))
    if column.categories:
        rules.append((f"one of: {', '.join(column.categories)}", partial(_outside, _allowed(column))))
    checks = [
        Check(partial(_hold, broken), error=f"{name} must be {words}", ignore_na=False) for words, broken in rules
    ]
    if column.pattern is not None:
        broken = partial(_unlike, _pattern(column).search)
        checks.append(Check(partial(_hold, broken), error=f"{name} must match {column.pattern}", ignore_na=False))
    return checks


def _hold(broken: Callable[[pd.Series[Any]], Any], values: pd.Series[Any]) -> pd.Series[bool]:
    """Return which values keep a rule, told which break it; a missing one breaks none.

    Pandera would leave the missing ones out itself, by copying each column for each of its rules.
    """
    return pd.Series(~np.asarray(broken(values), dtype=bool), index=values.index)


def _below(minimum: float, values: pd.Series[Any]) -> Any:  # noqa: ANN401 - truth values, in whatever form
    return values.to_numpy() < minimum


def _above(maximum: float, values: pd.Series[Any]) -> Any:  # noqa: ANN401
    return values.to_numpy() > maximum


def _outside(allowed: list[Any], values: pd.Series[Any]) -> Any:  # noqa: ANN401
    return ~(values.isin(allowed) | values.isna())


def _unlike(fits: Callable[[str], object], values: pd.Series[Any]) -> Any:  # noqa: ANN401
    """Return which values do not match; each distinct one is looked at once."""
    places, distinct = pd.factorize(values)  # a missing one is at -1, the last
    return np.array([fits(value) is None for value in distinct.to_numpy(dtype="object")] + [False])[places]


def _allowed(column: Column) -> list[Any]:
    found = cast_cells(pa.array(column.categories), column.type)
    if found.failed.any():
        raise ContractError(
            f"{column.name}: {column.categories[int(np.argmax(found.failed))]!r} in its enum is not "
            f"{KINDS[column.type]}.",
            f"Correct the enum of {column.name}, or its logicalType.",
        )
    allowed: list[Any] = found.values.to_pylist()
    return allowed


def _pattern(column: Column) -> re.Pattern[str]:
    try:
        return re.compile(column.pattern or "")
    except re.error as error:
        raise ContractError(
            f"{column.name}: the pattern {column.pattern!r} is not a regular expression: {error}.",
            f"Correct logicalTypeOptions.pattern of {column.name}.",
        ) from error


def _broken_relation(values: pd.DataFrame, relation: Relation) -> pd.DataFrame:
    left, right = values[relation.left], values[relation.right]
    kept = np.asarray(_OPERATORS[relation.operator](left, right).fillna(value=True), dtype=bool)
    at = np.flatnonzero(~kept & left.notna().to_numpy() & right.notna().to_numpy())
    words = [
        f"{written(one)}, against {written(other)}" for one, other in zip(left.iloc[at], right.iloc[at], strict=True)
    ]
    return failure_cases(at, relation.left, relation.words, words)


def _failures(cases: pd.DataFrame) -> pd.DataFrame:
    """Return pandera's failure cases with the rules in our words."""
    words = [
        f"{column} is required" if rule == "not_nullable" else rule
        for column, rule in zip(cases["column"], cases["check"], strict=True)
    ]
    values = [written(value) for value in cases["failure_case"]]
    found = {"row": cases["index"], "column": cases["column"], "rule": words, "value": values}
    return pd.DataFrame(found).astype(_FAILURE_DTYPES)


def _joined(failures: list[pd.DataFrame]) -> pd.DataFrame:
    some = [cases for cases in failures if len(cases)]
    return pd.concat(some, ignore_index=True) if some else failures[0]


def _figure(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)


def written(value: Any) -> str:  # noqa: ANN401 - a cell may hold anything
    """Return a cell's value as a failure case has it."""
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return "missing"
    text = str(value)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "..."
