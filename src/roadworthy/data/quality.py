"""Row checks: what a frame's values must be, from the contract, by pandera.

Values are first cast to the contract's types; what cannot be cast, and what then breaks a rule, is a failure case: the
row's position, the column, the rule in words and the value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from roadworthy.contract import Column, ColumnType, Dataset
from roadworthy.errors import ContractError, DataError

if TYPE_CHECKING:
    from pandera.pandas import Check, DataFrameSchema

_FAILURE_DTYPES = {"row": "int64", "column": "str", "rule": "str", "value": "str"}
_KINDS: dict[ColumnType, str] = {
    "string": "text",
    "number": "a finite number",
    "integer": "a whole number",
    "boolean": "true or false",
    "timestamp": "a moment such as 2013-01-31T09:15:00Z",
}
_MISSING = ("", "NA", "N/A", "NaN", "nan", "null", "None", "NULL")
_TRUTH = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False}
_LONGEST_VALUE = 200


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
    wanted = dataset.columns if columns is None else columns
    given = frame.reset_index(drop=True)
    missing = [column.name for column in wanted if column.name not in given]
    if missing:
        raise DataError(
            f"Column {', '.join(map(repr, missing))} of dataset {dataset.name!r} is missing.",
            "Deliver it, or take it out of the contract.",
        )
    series, failures = {}, []
    for column in wanted:
        found = given[column.name]
        series[column.name], failed = _CASTS[column.type](found)
        failures.append(_cast_failures(column, found, failed))
    return pd.DataFrame(series, index=given.index), _joined(failures)


def conform(frame: pd.DataFrame, dataset: Dataset, *, columns: Sequence[Column] | None = None) -> pd.DataFrame:
    """Return the frame in the contract's order of columns and in its dtypes; rules are not checked.

    Raises
    ------
    DataError
        When a column is missing, or a value cannot be cast or is missing where the dtype has no room for that; names
        column, row (counted from 0) and value.
    """
    wanted = dataset.columns if columns is None else columns
    conformed, failures = cast(frame, dataset, columns=wanted)
    if len(failures):
        first = failures.sort_values("row", kind="stable").iloc[0]
        raise DataError(
            f"Row {first['row']}: {first['rule']}, it is {first['value']!r}.", f"Correct {first['column']} there."
        )
    for column in wanted:
        gaps = conformed[column.name].isna()
        if column.dtype in ("int64", "bool") and gaps.any():
            raise DataError(
                f"Row {int(np.argmax(gaps))}: {column.name} is required, it is missing.", f"Fill in {column.name}."
            )
    return conformed.astype({column.name: column.dtype for column in wanted})


def check(frame: pd.DataFrame, dataset: Dataset) -> pd.DataFrame:
    """Return every broken rule of the contract.

    Returns
    -------
    DataFrame
        One row a failure case, in the order of rows: row (position, counted from 0), column, rule (in words), value.
        Of rows that share a value which must be unique, the first keeps it.

    Raises
    ------
    DataError
        When a column is missing, or none of its values is of its type.
    """
    values, failed = cast(frame, dataset)
    return rules(values, dataset, failed)


def rules(values: pd.DataFrame, dataset: Dataset, failed: pd.DataFrame) -> pd.DataFrame:
    """Return the failure cases of rows that went through `cast`, those of the cast included."""
    # Imported here: 1.3 s that no command should pay which checks no rows.
    from pandera.errors import SchemaErrors

    try:
        _schema(dataset).validate(values, lazy=True)
    except SchemaErrors as error:
        found = _failures(error.failure_cases)
        known = pd.MultiIndex.from_frame(failed[["row", "column"]])  # missing only because it could not be cast
        found = found[~pd.MultiIndex.from_frame(found[["row", "column"]]).isin(known)]
        failed = _joined([failed, found])
    order = {name: position for position, name in enumerate(values.columns)}
    positions = failed["column"].map(order)
    return (
        failed.assign(_at=positions).sort_values(["row", "_at"], kind="stable", ignore_index=True).drop(columns="_at")
    )


def failure_cases(rows: np.ndarray[Any, Any], column: str, rule: str, values: pd.Series[Any]) -> pd.DataFrame:
    """Return failure cases of one column and rule at the given row positions."""
    words = [_words(value) for value in values]
    return pd.DataFrame({"row": rows, "column": column, "rule": rule, "value": words}).astype(_FAILURE_DTYPES)


# --- casting -------------------------------------------------------------------------------------------------------


def _cast_failures(column: Column, found: pd.Series[Any], failed: pd.Series[bool]) -> pd.DataFrame:
    if not failed.any():
        return failure_cases(np.array([], dtype="int64"), column.name, "", found.iloc[:0])
    if failed.sum() == found.notna().sum():
        value = _words(found[failed].iloc[0])
        raise DataError(
            f"Column {column.name!r} must be {_KINDS[column.type]}, and none of its {failed.sum()} values is: "
            f"the first is {value!r}.",
            f"Deliver {column.name} as {_KINDS[column.type]}, or correct its type in the contract.",
        )
    rule = f"{column.name} must be {_KINDS[column.type]}"
    return failure_cases(np.flatnonzero(failed), column.name, rule, found[failed])


def _as_text(found: pd.Series[Any]) -> tuple[pd.Series[Any], pd.Series[bool]]:
    if isinstance(found.dtype, pd.StringDtype):
        return found.astype("str"), pd.Series(False, index=found.index)
    if pd.api.types.is_numeric_dtype(found) or isinstance(found.dtype, pd.DatetimeTZDtype):
        return pd.Series(None, index=found.index, dtype="str"), found.notna()
    failed = found.notna() & ~found.map(lambda value: isinstance(value, str)).astype(bool)
    return found.astype("object").mask(failed | found.isna(), None).astype("str"), failed


def _as_number(found: pd.Series[Any]) -> tuple[pd.Series[Any], pd.Series[bool]]:
    present, plain = _plain(found)
    if not pd.api.types.is_numeric_dtype(plain):
        plain = plain.where(~plain.map(lambda value: isinstance(value, bool)).astype(bool), "a truth value")
    numbers = pd.to_numeric(plain, errors="coerce").astype("float64")
    numbers = numbers.mask(np.isinf(numbers))
    return numbers, present & numbers.isna()


def _as_integer(found: pd.Series[Any]) -> tuple[pd.Series[Any], pd.Series[bool]]:
    if pd.api.types.is_integer_dtype(found) and not found.isna().any():
        return found.astype("int64"), pd.Series(False, index=found.index)
    present, plain = _plain(found)
    exact = pd.to_numeric(plain, errors="coerce")
    if pd.api.types.is_integer_dtype(exact) and present.all():  # text of whole numbers, kept to the last digit
        return exact.astype("int64"), ~present
    numbers, _ = _as_number(found)
    numbers = numbers.where(numbers == np.floor(numbers))
    return numbers, present & numbers.isna()


def _as_truth(found: pd.Series[Any]) -> tuple[pd.Series[Any], pd.Series[bool]]:
    if pd.api.types.is_bool_dtype(found.dtype):
        return found.astype("boolean"), pd.Series(False, index=found.index)
    present, plain = _plain(found)
    truth = plain.map(lambda value: _TRUTH.get(str(value).strip().lower()), na_action="ignore").astype("boolean")
    return truth, present & truth.isna()


def _as_moment(found: pd.Series[Any]) -> tuple[pd.Series[Any], pd.Series[bool]]:
    if pd.api.types.is_datetime64_any_dtype(found):
        moments = found if found.dt.tz is not None else found.dt.tz_localize("UTC")
        return moments.dt.tz_convert("UTC").astype("datetime64[us, UTC]"), pd.Series(False, index=found.index)
    present, plain = _plain(found)
    if pd.api.types.is_numeric_dtype(plain):  # seconds or milliseconds, since when? never guessed
        return pd.Series(pd.NaT, index=found.index, dtype="datetime64[us, UTC]"), present
    moments = pd.to_datetime(plain.astype("object"), utc=True, errors="coerce", format="ISO8601")
    return moments.astype("datetime64[us, UTC]"), present & moments.isna()


def _plain(found: pd.Series[Any]) -> tuple[pd.Series[bool], pd.Series[Any]]:
    """Return which values are there, and the values with the spellings of a missing one made missing."""
    if pd.api.types.is_numeric_dtype(found) and not pd.api.types.is_bool_dtype(found):
        return found.notna(), found
    values = found.astype("object")
    values = values.mask(values.isin(_MISSING) | values.isna(), None)
    return values.notna(), values


_Cast = Callable[["pd.Series[Any]"], "tuple[pd.Series[Any], pd.Series[bool]]"]
_CASTS: dict[ColumnType, _Cast] = {
    "string": _as_text,
    "number": _as_number,
    "integer": _as_integer,
    "boolean": _as_truth,
    "timestamp": _as_moment,
}


# --- rules ---------------------------------------------------------------------------------------------------------


def _schema(dataset: Dataset) -> DataFrameSchema:
    import pandera.pandas as pandera  # heavy, as above

    return pandera.DataFrameSchema(
        {
            column.name: pandera.Column(
                None,
                _checks(column),
                nullable=not column.required,
                unique=column.unique,
                report_duplicates="exclude_first",
            )
            for column in dataset.columns
        }
    )


def _checks(column: Column) -> list[Check]:
    from pandera.pandas import Check  # heavy, as above

    name, checks = column.name, []
    if column.minimum is not None:
        checks.append(Check.ge(column.minimum, error=f"{name} must be at least {_figure(column.minimum)}"))
    if column.maximum is not None:
        checks.append(Check.le(column.maximum, error=f"{name} must be at most {_figure(column.maximum)}"))
    if column.categories:
        allowed = _allowed(column)
        checks.append(Check.isin(allowed, error=f"{name} must be one of: {', '.join(column.categories)}"))
    if column.pattern is not None:
        fits = _pattern(column).search
        checks.append(
            Check(
                lambda values: values.map(lambda value: fits(value) is not None, na_action="ignore").astype(bool),
                error=f"{name} must match {column.pattern}",
            )
        )
    return checks


def _allowed(column: Column) -> list[Any]:
    values, failed = _CASTS[column.type](pd.Series(column.categories, dtype="str"))
    if failed.any():
        raise ContractError(
            f"{column.name}: {column.categories[int(np.argmax(failed))]!r} in its enum is not {_KINDS[column.type]}.",
            f"Correct the enum of {column.name}, or its logicalType.",
        )
    return values.tolist()


def _pattern(column: Column) -> re.Pattern[str]:
    try:
        return re.compile(column.pattern or "")
    except re.error as error:
        raise ContractError(
            f"{column.name}: the pattern {column.pattern!r} is not a regular expression: {error}.",
            f"Correct logicalTypeOptions.pattern of {column.name}.",
        ) from error


def _failures(cases: pd.DataFrame) -> pd.DataFrame:
    """Return pandera's failure cases with the rules in our words."""
    general = {"not_nullable": " is required", "field_uniqueness": " must be unique"}
    words = [
        f"{column}{general[rule]}" if rule in general else rule
        for column, rule in zip(cases["column"], cases["check"], strict=True)
    ]
    values = [_words(value) for value in cases["failure_case"]]
    found = {"row": cases["index"], "column": cases["column"], "rule": words, "value": values}
    return pd.DataFrame(found).astype(_FAILURE_DTYPES)


def _joined(failures: list[pd.DataFrame]) -> pd.DataFrame:
    return pd.concat(failures, ignore_index=True)


def _figure(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)


def _words(value: Any) -> str:  # noqa: ANN401 - a cell may hold anything
    if pd.api.types.is_scalar(value) and pd.isna(value):
        return "missing"
    text = str(value)
    return text if len(text) <= _LONGEST_VALUE else text[:_LONGEST_VALUE] + "..."
