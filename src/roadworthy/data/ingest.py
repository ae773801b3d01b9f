"""Ingestion: a batch goes through the contract into the dataset's table, its bad rows into quarantine.

The table is the truth: the batch's content hash is committed together with its rows, so that a batch is added once
even when the process dies between the table and the state database.
"""

from __future__ import annotations

import hashlib
import json
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa

from roadworthy.config import QuarantinePolicy
from roadworthy.contract import Dataset
from roadworthy.data import quality
from roadworthy.errors import DataError, DataRefused
from roadworthy.records import Ingestion, now
from roadworthy.state import State
from roadworthy.tables import Tables

_TOP_REASONS = 3
_ADDED = 0  # the only position that a batch, as a writer of its own, ever reaches


def read_file(path: Path) -> pd.DataFrame:
    """Read a file of rows: .csv, .csv.gz, .parquet or .jsonl.

    A CSV file's values stay text, as nothing in it says their types; `ingest` and `quality.cast` turn them into what
    the contract names. Only an empty field is missing.

    Raises
    ------
    DataError
        When the file is missing, of another kind, unreadable or without rows.
    """
    ending = next((ending for ending in _READERS if path.name.lower().endswith(ending)), None)
    if ending is None:
        raise DataError(f"{path}: files of this kind are not read.", f"Give one of: {', '.join(_READERS)}.")
    try:
        rows = _READERS[ending](path)
    except pd.errors.EmptyDataError as error:
        raise DataError(f"{path} is empty.", "Give a file with rows.") from error
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist.", "Correct the path.") from error
    except (OSError, ValueError, EOFError, zlib.error, pa.ArrowException) as error:
        reason = str(error).splitlines()[0].rstrip(".") if str(error) else type(error).__name__
        raise DataError(f"{path} cannot be read as {ending}: {reason}.", "Have it delivered again.") from error
    if rows.empty:
        raise DataError(f"{path} has no rows.", "Give a file with rows.")
    return rows


def ingest(
    rows: pd.DataFrame, *, dataset: Dataset, tables: Tables, state: State, policy: QuarantinePolicy, source: str
) -> Ingestion:
    """Add a batch to the dataset's table; rows that break the contract go to the table ``<dataset>_quarantine``.

    The quarantine has one line a broken rule: batch, source, row (position in the batch, from 0), column, rule, value,
    at, and content (the row as JSON). Of rows with the same identifier the first is taken, and none whose identifier
    is in the table already.

    Parameters
    ----------
    rows
        Exactly the contract's columns, in any order.
    policy
        The share of bad rows above which the batch is refused whole.
    source
        Where the rows come from, for the record and for messages.

    Returns
    -------
    Ingestion
        The account; with ``repeated`` when the same content had been ingested before, and nothing was added.

    Raises
    ------
    DataError
        When there are no rows, a column is missing or unknown, or a whole column is of a wrong type.
    DataRefused
        When more rows are bad than the policy tolerates; nothing is written.
    """
    values, failed = _conformed(rows, dataset, source)
    batch = _Batch(_content_hash(values, failed), source, len(values), dataset, tables)
    if tables.position(dataset.name, batch.writer) == _ADDED:
        return _repeated(batch, state)
    failures = quality.rules(values, dataset, failed)
    failures = pd.concat([failures, _present_already(values, dataset, tables)], ignore_index=True)
    _refuse_if_worse(batch, failures, policy)
    _quarantine(batch, rows, failures)
    good = values.drop(index=failures["row"].unique().tolist())
    version = tables.append(dataset.name, good.astype(dataset.dtypes), writer=batch.writer, position=_ADDED)
    return state.record_ingestion(_account(batch, failures, version))


# --- reading -------------------------------------------------------------------------------------------------------


def _read_csv(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, dtype="str", keep_default_na=False, na_values=[""], encoding="utf-8-sig")


def _read_json_lines(path: Path) -> pd.DataFrame:
    rows = []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                rows.append(orjson.loads(line))
            except orjson.JSONDecodeError as error:
                raise ValueError(f"line {number}: {error}") from error
            if not isinstance(rows[-1], dict):
                raise ValueError(f"line {number} is not an object")
    return pd.DataFrame(rows)


_READERS: dict[str, Callable[[Path], pd.DataFrame]] = {
    ".csv": _read_csv,
    ".csv.gz": _read_csv,
    ".parquet": pd.read_parquet,
    ".jsonl": _read_json_lines,
}


# --- the batch -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Batch:
    hash: str
    source: str
    rows: int
    dataset: Dataset
    tables: Tables

    @property
    def writer(self) -> str:
        return f"batch {self.hash}"

    @property
    def quarantine(self) -> str:
        return f"{self.dataset.name}_quarantine"


def _conformed(rows: pd.DataFrame, dataset: Dataset, source: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    unknown = [str(name) for name in rows.columns if name not in dataset.dtypes]
    if unknown:
        raise DataError(
            f"{source}: the contract of dataset {dataset.name!r} has no column {', '.join(map(repr, unknown))}.",
            "Add it to the contract, or have it left out of the data.",
        )
    if rows.columns.has_duplicates:
        twice = rows.columns[rows.columns.duplicated()][0]
        raise DataError(f"{source}: column {twice!r} is there twice.", "Have it delivered once.")
    if rows.empty:
        raise DataError(f"{source}: there are no rows.", "Give a batch with rows.")
    try:
        return quality.cast(rows, dataset)
    except DataError as error:
        raise DataError(f"{source}: {error.fact}", error.next_step) from error


def _content_hash(values: pd.DataFrame, failed: pd.DataFrame) -> str:
    """Return the SHA-256 of the rows in the contract's columns and types, and of what could not be cast to them."""
    digest = hashlib.sha256(json.dumps([[name, str(dtype)] for name, dtype in values.dtypes.items()]).encode())
    for frame in (values, failed):
        digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().tobytes())
    return digest.hexdigest()


def _present_already(values: pd.DataFrame, dataset: Dataset, tables: Tables) -> pd.DataFrame:
    """Return failure cases for the rows whose identifier the table already has."""
    identifiers = [column.name for column in dataset.with_role("identifier")]
    none = quality.failure_cases(np.array([], dtype="int64"), "", "", pd.Series(dtype="str"))
    if not identifiers or not tables.exists(dataset.name):
        return none
    name = identifiers[0]
    found = values[name].isin(tables.read(dataset.name, columns=[name])[name]) & values[name].notna()
    if not found.any():
        return none
    return quality.failure_cases(np.flatnonzero(found), name, f"{name} is already in the table", values[name][found])


def _refuse_if_worse(batch: _Batch, failures: pd.DataFrame, policy: QuarantinePolicy) -> None:
    bad = failures["row"].nunique()
    if bad <= policy.refuse_over * batch.rows:
        return
    top = list(_reasons(failures).items())[:_TOP_REASONS]
    raise DataRefused(
        f"{batch.source}: {bad:,} of {batch.rows:,} rows break the contract, more than the {policy.refuse_over:.0%} "
        f"that the policy tolerates: {'; '.join(f'{rule} ({count:,} rows)' for rule, count in top)}. "
        "Nothing was added.",
        "Have the source corrected, or change quarantine.refuse_over in the policy.",
    )


def _quarantine(batch: _Batch, rows: pd.DataFrame, failures: pd.DataFrame) -> None:
    """Set aside the bad rows as they were delivered, before the good ones are added: none is ever lost."""
    if failures.empty:
        return
    positions = failures["row"].unique()
    lines = rows.iloc[positions].to_json(
        orient="records", lines=True, date_format="iso", double_precision=15, default_handler=str
    )
    content = dict(zip(positions, lines.splitlines(), strict=True))
    origin = pd.DataFrame({"batch": batch.hash, "source": batch.source}, index=failures.index, dtype="str")
    set_aside = origin.join(failures)
    set_aside["at"] = pd.Series(now(), index=failures.index).astype("datetime64[us, UTC]")
    set_aside["content"] = failures["row"].map(content).astype("str")
    batch.tables.append(batch.quarantine, set_aside, writer=batch.writer, position=_ADDED)


# --- the account ---------------------------------------------------------------------------------------------------


def _repeated(batch: _Batch, state: State) -> Ingestion:
    """Return the first account of a batch; write it anew when the process died before it could."""
    first = state.ingestion(batch.dataset.name, batch.hash)
    if first is None:
        version = batch.tables.version(batch.dataset.name)
        first = state.record_ingestion(_account(batch, _set_aside(batch), version))
    return first.model_copy(update={"repeated": True})


def _set_aside(batch: _Batch) -> pd.DataFrame:
    if not batch.tables.exists(batch.quarantine):
        return pd.DataFrame({"row": [], "rule": []})
    lines = batch.tables.read(batch.quarantine, columns=["batch", "row", "rule"])
    return lines[lines["batch"] == batch.hash]


def _account(batch: _Batch, failures: pd.DataFrame, version: int) -> Ingestion:
    quarantined = int(failures["row"].nunique())
    return Ingestion(
        dataset=batch.dataset.name,
        batch=batch.hash,
        source=batch.source,
        rows=batch.rows,
        accepted=batch.rows - quarantined,
        quarantined=quarantined,
        reasons=_reasons(failures),
        table_version=version,
    )


def _reasons(failures: pd.DataFrame) -> dict[str, int]:
    """Count the rows that broke each rule."""
    return dict(Counter(failures.drop_duplicates(["row", "rule"])["rule"].tolist()).most_common())
