"""One served request, found again by its id: in the spool while it has not been collected, afterwards in the table."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import orjson
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import ValidationError

from roadworthy.records import Moment, Record
from roadworthy.tables import Tables

# The ids that a service gives out begin with their time in milliseconds; rows that are days away are not looked at.
_OURS = re.compile(r"([0-9a-f]{12})[0-9a-f]{12}-\d+-[0-9a-f]{12}")
_AROUND = timedelta(days=1)
_COLUMNS = ("request_id", "row", "received", "version", "probability", "prediction")


class Answer(Record):
    """A request's answer as it was captured; the values of the request itself are left out."""

    request_id: str
    received: Moment
    version: str
    probability: tuple[float, ...]
    prediction: tuple[bool, ...]
    place: Literal["spool", "table"]
    labelled: int = 0


def looks_like_ours(request_id: str) -> bool:
    """Return whether an id is of the form that a service gives out."""
    return _OURS.fullmatch(request_id) is not None


def find(spool: Path, tables: Tables, request_id: str) -> Answer | None:
    """Return the answer that was given under an id; None when none was captured.

    Parameters
    ----------
    spool
        The folder of the services' spools.
    tables
        The tables ``predictions`` and ``labels``.
    request_id
        As the service answered it.

    Raises
    ------
    TableError
        When a table is there and cannot be read.
    """
    # The spool first: a line stays there until its rows are in the table, so that it is always in one of them.
    return _spooled(spool, request_id) or _collected(tables, request_id)


def _spooled(spool: Path, request_id: str) -> Answer | None:
    wanted = request_id.encode()
    for path in sorted(spool.glob("predictions-*.jsonl")):
        for line in _lines(path):
            if wanted in line and (found := _answer(line)) is not None and found.request_id == request_id:
                return found
    return None


def _lines(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as file:
            yield from file
    except FileNotFoundError:  # collected and removed in the meantime
        return


def _answer(line: bytes) -> Answer | None:
    try:
        entry = orjson.loads(line)
        return Answer(
            request_id=entry["request_id"],
            received=entry["received"],
            version=entry["version"],
            probability=entry["probability"],
            prediction=entry["prediction"],
            place="spool",
        )
    except (ValueError, TypeError, KeyError, ValidationError):  # half a line, or none of ours
        return None


def _collected(tables: Tables, request_id: str) -> Answer | None:
    rows = sorted(_rows(tables, "predictions", _COLUMNS, request_id), key=lambda row: row["row"])
    if not rows:
        return None
    labels = _rows(tables, "labels", ("request_id", "row"), request_id)
    return Answer(
        request_id=request_id,
        received=rows[0]["received"],
        version=rows[0]["version"],
        probability=tuple(row["probability"] for row in rows),
        prediction=tuple(row["prediction"] for row in rows),
        place="table",
        labelled=len({label["row"] for label in labels}),
    )


def _rows(tables: Tables, name: str, columns: Sequence[str], request_id: str) -> list[dict[str, Any]]:
    if not tables.exists(name):
        return []
    ours = _OURS.fullmatch(request_id)
    between = None
    if ours and "received" in columns:
        made = datetime.fromtimestamp(int(ours[1], 16) / 1000, UTC)
        between = ("received", made - _AROUND, made + _AROUND)
    found: list[dict[str, Any]] = []
    for batch in tables.stream(name, columns=columns, between=between):
        ids = batch["request_id"].cast(pa.string())  # Arrow neither compares nor filters string views
        positions = pc.indices_nonzero(pc.equal(ids, request_id)).to_pylist()
        found += [{column: batch[column][position].as_py() for column in columns} for position in positions]
    return found
