"""The lines of the spools: how they are made, and the rows of a table that they become."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal

import orjson
import pandas as pd

from roadworthy.contract import Dataset
from roadworthy.records import now
from roadworthy.serving.capture.spool import Kind
from roadworthy.serving.schema import Columns, Rows, frame

Role = Literal["champion", "canary", "shadow"]
Entry = Mapping[str, Any]

_MOMENT = "datetime64[us, UTC]"
_KEY = {"request_id": "str", "row": "int64"}
_DTYPES: dict[Kind, dict[str, str]] = {
    "predictions": {
        **_KEY,
        "received": _MOMENT,
        "version": "str",
        "probability": "float64",
        "prediction": "bool",
        "role": "str",
        "rollout": "str",
        "seconds": "float64",
    },
    "shadow": {
        **_KEY,
        "received": _MOMENT,
        "version": "str",
        "rollout": "str",
        "probability": "float64",
        "prediction": "bool",
        "seconds": "float64",
    },
    "failures": {
        "request_id": "str",
        "received": _MOMENT,
        "version": "str",
        "role": "str",
        "rollout": "str",
        "rows": "int64",
        "error": "str",
        "seconds": "float64",
    },
    "labels": {**_KEY, "label": "bool", "received": _MOMENT, "at": _MOMENT},
    "unmatched": {**_KEY, "label": "bool", "received": _MOMENT, "at": _MOMENT, "problem": "str"},
}
PREDICTION_COLUMNS = tuple(_DTYPES["predictions"])
_LARGEST_ROW = 2**63 - 1
_HASHED = re.compile(r"[0-9a-f]{64}")
# What reading a line can raise when it is not one of ours.
BROKEN = (ValueError, TypeError, KeyError, AttributeError, OverflowError)


# --- written -------------------------------------------------------------------------------------------------------


def prediction_entry(
    request_id: str,
    version: str,
    rows: Rows,
    probabilities: Sequence[float],
    predictions: Sequence[bool],
    *,
    seconds: float,
    role: Role = "champion",
    rollout: str = "",
) -> dict[str, Any]:
    """Return a request and its answer as a line of the spool.

    Parameters
    ----------
    rows
        The request's rows, as `Keeper.rows` lets them be stored; many are packed, see `Columns.packed`.
    seconds
        How long the request took in the service.
    role
        As what the version answered.
    rollout
        Id of the rollout that was running.
    """
    return {
        "received": now(),
        "request_id": request_id,
        "version": version,
        "probability": probabilities,
        "prediction": predictions,
        "role": role,
        "rollout": rollout,
        "seconds": seconds,
        "rows": rows.packed() if isinstance(rows, Columns) else rows,
    }


def holds_columns(line: bytes) -> bool:
    """Return whether the rows of a line of predictions are packed, as many are: they stand at its end, as a text."""
    return line.endswith(b'"}\n')


def shadow_entry(
    request_id: str,
    version: str,
    probabilities: Sequence[float],
    predictions: Sequence[bool],
    *,
    seconds: float,
    rollout: str,
) -> dict[str, Any]:
    """Return what a challenger would have answered; the request itself stands in its prediction."""
    return {
        "received": now(),
        "request_id": request_id,
        "version": version,
        "rollout": rollout,
        "probability": probabilities,
        "prediction": predictions,
        "seconds": seconds,
    }


def failure_entry(
    request_id: str, version: str, rows: int, *, error: str, seconds: float, role: Role, rollout: str = ""
) -> dict[str, Any]:
    """Return a request that a version could not answer; ``error`` is a type's name, for a text may hold values."""
    return {
        "received": now(),
        "request_id": request_id,
        "version": version,
        "role": role,
        "rollout": rollout,
        "rows": rows,
        "error": error,
        "seconds": seconds,
    }


def label_entry(labels: Sequence[tuple[str, int, bool, datetime | None]]) -> dict[str, Any]:
    """Return labels, each as request id, row, label and moment from which it was known, as a line of the spool.

    Without a moment it is the one at which it was received.
    """
    return {"received": now(), "labels": labels}


def unmatched_entry(labels: Sequence[tuple[str, int, bool, datetime | None, str]]) -> dict[str, Any]:
    """Return labels whose requests nobody knows, each with its problem, as a line of the spool."""
    return {"received": now(), "labels": [(name, min(row, _LARGEST_ROW), *rest) for name, row, *rest in labels]}


# --- read ----------------------------------------------------------------------------------------------------------


def rows_of(kind: Kind, lines: Iterable[bytes], dataset: Dataset, hashed: Sequence[str]) -> pd.DataFrame:
    """Return the rows of lines as the table of their kind has them.

    Parameters
    ----------
    dataset
        Its request columns are those of the table ``predictions``.
    hashed
        Those of them that hold hashes; what is none, as of a line that is older than the policy, is left out.

    Raises
    ------
    ValueError, TypeError, KeyError, AttributeError, OverflowError
        When a line is not one of ours; see ``BROKEN``.
    """
    entries = [_opened(orjson.loads(line)) for line in lines]
    found = [values for entry in entries for values in _VALUES[kind](entry)]
    answers = _typed(found, _DTYPES[kind])
    if kind != "predictions":
        return answers
    rows = [row for entry in entries for row in entry["rows"]]
    requests = frame(dataset, [_only_hashes(row, hashed) for row in rows] if hashed else rows)
    return pd.concat([answers, requests], axis="columns")


def _opened(entry: dict[str, Any]) -> Entry:
    """Return a line with its rows one by one, however they were written."""
    packed = entry.get("rows")
    return entry | {"rows": list(Columns.unpacked(packed))} if isinstance(packed, str) else entry


def _predictions(entry: Entry) -> Iterator[tuple[Any, ...]]:
    told = entry.get("role", "champion"), entry.get("rollout", ""), entry.get("seconds")
    head = entry["received"], entry["version"]
    for row, (probability, prediction, _) in enumerate(
        zip(entry["probability"], entry["prediction"], entry["rows"], strict=True)
    ):
        yield entry["request_id"], row, *head, probability, prediction, *told


def _shadow(entry: Entry) -> Iterator[tuple[Any, ...]]:
    head = entry["received"], entry["version"], entry["rollout"]
    for row, (probability, prediction) in enumerate(zip(entry["probability"], entry["prediction"], strict=True)):
        yield entry["request_id"], row, *head, probability, prediction, entry["seconds"]


def _failure(entry: Entry) -> Iterator[tuple[Any, ...]]:
    yield tuple(entry[name] for name in _DTYPES["failures"])


def _labels(entry: Entry) -> Iterator[tuple[Any, ...]]:
    received = entry["received"]
    for request_id, row, label, *at in entry["labels"]:
        yield request_id, row, label, received, (at and at[0]) or received


def _unmatched(entry: Entry) -> Iterator[tuple[Any, ...]]:
    received = entry["received"]
    for request_id, row, label, at, problem in entry["labels"]:
        yield request_id, row, label, received, at or received, problem


_VALUES: dict[Kind, Callable[[Entry], Iterator[tuple[Any, ...]]]] = {
    "predictions": _predictions,
    "shadow": _shadow,
    "failures": _failure,
    "labels": _labels,
    "unmatched": _unmatched,
}


def _only_hashes(row: Mapping[str, Any], hashed: Sequence[str]) -> dict[str, Any]:
    return {name: None if name in hashed and not _is_hash(value) else value for name, value in row.items()}


def _is_hash(value: object) -> bool:
    return isinstance(value, str) and _HASHED.fullmatch(value) is not None


def _typed(rows: Sequence[tuple[Any, ...]], dtypes: Mapping[str, str]) -> pd.DataFrame:
    columns = dict(zip(dtypes, zip(*rows, strict=True), strict=True)) if rows else {}
    return pd.DataFrame({name: _series(columns.get(name, ()), dtype) for name, dtype in dtypes.items()})


def _series(values: Sequence[Any], dtype: str) -> pd.Series[Any]:
    if dtype == _MOMENT:
        return pd.Series(pd.to_datetime(list(values), utc=True, format="ISO8601").as_unit("us"))
    if dtype == "bool" and not all(isinstance(value, bool) for value in values):
        raise ValueError("a value that must be true or false is neither")
    return pd.Series(list(values), dtype=dtype)
