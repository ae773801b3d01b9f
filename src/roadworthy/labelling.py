"""Labels of a file, a query or a table of the project: read, checked, and joined to what was predicted."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import numpy as np
import pandas as pd
import pyarrow as pa

from roadworthy.contract import ColumnType
from roadworthy.data import readers, sources
from roadworthy.data.casting import Cells, cast
from roadworthy.data.readers import Chunk, Format
from roadworthy.errors import DataError
from roadworthy.project import Project
from roadworthy.serving import capture
from roadworthy.serving.labels import LabelAccount, LabelProblem, Loader

_TABLE = "table:"
_PROBLEMS_TOLD = 20
_BY_REQUEST: dict[str, ColumnType] = {"request_id": "string", "row": "integer"}
_RULES: dict[ColumnType, str] = {
    "string": "must be text",
    "integer": "must be a whole number",
    "number": "must be a number",
    "boolean": "must be true or false",
    "timestamp": "must be a moment such as 2013-01-31T09:00:00Z",
}


def load(
    project: Project, address: str, *, query: str | None = None, format: Format | None = None, rows: int = 0
) -> LabelAccount:
    """Take labels into the table ``labels``, some at a time; what is there already is not added again.

    A row names what it labels by ``request_id`` and ``row`` (0 when there is no such column), or by the dataset's
    identifier: then every prediction that was made of that thing gets the label. Its label stands in the column
    ``label`` or in the one of the contract's name, and may be empty: not known yet. ``at``, from when it was known,
    may be left out: then the label is the newest.

    Parameters
    ----------
    project
        The project.
    address
        As for `roadworthy.data.sources.open_source`, or ``table:NAME`` for a table of the project.
    query, format
        As there.
    rows
        How many are read at a time; 0 is the sources' own number.

    Returns
    -------
    LabelAccount
        What became of the rows. Labels that belong to no prediction are kept in the table ``unmatched``, and are
        looked up anew when the same source is loaded again.

    Raises
    ------
    DataError
        When the source cannot be read, or lacks a column.
    TableError
        When a table cannot be read or written. What was taken until then is not taken twice by another attempt.
    """
    capture.collect(project.config, project.dataset, project.tables)
    loader = Loader(project.config, project.dataset, project.tables)
    account = LabelAccount(source=sources.shown(address))
    for chunk in _chunks(project, address, query, format, rows or readers.CHUNK_ROWS):
        account = _taken(project, loader, account, chunk)
    return account


def _chunks(project: Project, address: str, query: str | None, format: Format | None, rows: int) -> Iterator[Chunk]:
    if address.startswith(_TABLE):
        batches = project.tables.stream(address.removeprefix(_TABLE))
        yield from readers.chunks_of((_without_views(batch) for batch in batches), rows)
        return
    for batch in sources.open_source(address, query=query, format=format, rows=rows).batches():
        yield from batch.chunks()


def _without_views(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return text as Arrow's own functions take it."""
    columns = [c.cast(pa.string()) if pa.types.is_string_view(c.type) else c for c in batch.columns]
    return pa.RecordBatch.from_arrays(columns, batch.schema.names)


def _taken(project: Project, loader: Loader, account: LabelAccount, chunk: Chunk) -> LabelAccount:
    """Take a chunk's labels, and return the account with them."""
    identifier = project.dataset.column(project.dataset.identifier)
    by_request = "request_id" in chunk
    keys = _BY_REQUEST if by_request else {identifier.name: identifier.type}
    label = "label" if "label" in chunk else project.dataset.label
    _check_columns(account.source, chunk, identifier.name, label)
    labels, problems = _cast(chunk, {**keys, label: "boolean", "at": "timestamp"}, account.rows)
    bad = {problem.row - account.rows for problem in problems}
    labels = labels.rename(columns={label: "label"}).drop(index=sorted(bad))
    whole = {"row": "int64"} if by_request else {}  # as floats while some of them were none
    known = labels[labels["label"].notna()].astype({"label": "bool", **whole})
    added = loader.by_request(known) if by_request else loader.by_identifier(known)
    return account.model_copy(
        update={
            "rows": account.rows + len(labels) + len(bad),
            "taken": account.taken + added.taken,
            "repeated": account.repeated + added.repeated,
            "unmatched": account.unmatched + added.unmatched,
            "unlabelled": account.unlabelled + len(labels) - len(known),
            "bad": account.bad + len(bad),
            "problems": (*account.problems, *islice(problems, _PROBLEMS_TOLD))[:_PROBLEMS_TOLD],
        }
    )


def _check_columns(source: str, chunk: Chunk, identifier: str, label: str) -> None:
    if ("request_id" in chunk or identifier in chunk) and label in chunk:
        return
    raise DataError(
        f"{source} has no labels that could be joined: its columns are {', '.join(chunk)}.",
        f"Give the columns request_id, row and label, or {identifier} and {label}; at may say from when it was known.",
    )


def _cast(chunk: Chunk, kinds: dict[str, ColumnType], before: int) -> tuple[pd.DataFrame, list[LabelProblem]]:
    """Return the columns in their types, and what in them is none; a problem's row counts from the source's start."""
    size = len(next(iter(chunk.values())))
    found, problems = {}, []
    for name, kind in kinds.items():
        column = cast(chunk.get(name, _absent(name, size)), kind)
        wrong = column.failed.copy()
        if name != "at" and kind != "boolean":
            wrong |= ~np.asarray(column.values.is_valid())
        if name == "row":
            wrong |= np.asarray(column.values.fill_null(0)) < 0
        problems += [_problem(chunk[name], name, kind, int(row), before) for row in np.flatnonzero(wrong)]
        found[name] = column.values.to_pandas()
    problems.sort(key=lambda problem: problem.row)
    return pd.DataFrame(found), problems


def _absent(name: str, size: int) -> Cells:
    return pa.array([0] * size) if name == "row" else pa.nulls(size, pa.string())


def _problem(cells: Cells, column: str, kind: ColumnType, row: int, before: int) -> LabelProblem:
    value = cells[row].as_py() if isinstance(cells, pa.Array) else cells.iloc[row]
    rule = "must be a whole number from 0 on" if column == "row" else _RULES[kind]
    return LabelProblem(row=before + row, column=column, value="" if value is None else str(value), rule=rule)
