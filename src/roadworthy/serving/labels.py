"""Labels: which one of a row counts, and labels that come many at a time, by request or by identifier.

All labels are kept. Of one row the one counts that was known last; of those that were known at the same moment, the
one that was received last.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from roadworthy.config import Config
from roadworthy.contract import Dataset
from roadworthy.records import Record, now
from roadworthy.serving import credentials
from roadworthy.serving.capture import Keeper, Kind
from roadworthy.tables import Tables

KEY = ["request_id", "row"]
_MOMENT = "datetime64[us, UTC]"
_ADDED = 0  # the only position that some labels, as a writer of their own, ever reach


class LabelProblem(Record):
    """A row whose label could not be taken."""

    row: int = Field(description="position in the source, from 0")
    column: str
    value: str
    rule: str


class LabelAccount(Record):
    """What became of a source's labels."""

    source: str
    rows: int = 0
    taken: int = Field(default=0, description="labels that are new, or correct an earlier one")
    repeated: int = Field(default=0, description="labels that were there already")
    unmatched: int = Field(default=0, description="labels that belong to no prediction; kept in table unmatched")
    unlabelled: int = Field(default=0, description="rows whose label is not known yet")
    bad: int = Field(default=0, description="rows with a value that is none")
    problems: tuple[LabelProblem, ...] = Field(default=(), description="the first of them")


class Added(Record):
    """What became of some labels."""

    taken: int = 0
    repeated: int = 0
    unmatched: int = 0


def newest(tables: Tables) -> pd.DataFrame:
    """Return the label that counts of each row that has any: columns request_id, row, label, and at, when it was known.

    Raises
    ------
    TableError
        When the table of labels cannot be read.
    """
    if not tables.exists("labels"):
        dtypes = {"request_id": "str", "row": "int64", "label": "boolean", "at": _MOMENT}
        return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in dtypes.items()})
    return _counting(tables.read("labels"))


class Loader:
    """Takes labels into the tables: what is there already is not added again, whoever is killed, and when.

    Parameters
    ----------
    config
        The project: its policy says how an identifier is kept, its secret which requests were its own.
    dataset
        The contract's.
    tables
        ``predictions``, ``labels`` and ``unmatched``.
    """

    def __init__(self, config: Config, dataset: Dataset, tables: Tables) -> None:
        self._secret = credentials.secret(config)
        self._keeper = Keeper(config.policy.capture, dataset, self._secret)
        self._identifier = dataset.column(dataset.identifier)
        self._tables = tables
        self._received = pd.Timestamp(now()).as_unit("us")

    def by_request(self, labels: pd.DataFrame) -> Added:
        """Add labels of answered rows.

        Parameters
        ----------
        labels
            Columns request_id, row, label, and at, which is missing where it was not said.

        Raises
        ------
        TableError
            When a table cannot be read or written.
        """
        found = [self._known(name, row) for name, row in zip(labels["request_id"], labels["row"], strict=True)]
        problems = pd.Series(found, index=labels.index, dtype="object")
        unsure = labels[problems == "unknown request"]  # signed elsewhere, or before the secret was lost
        captured = self._rows("predictions", "request_id", unsure["request_id"], KEY)
        here = unsure.reset_index().merge(captured.drop_duplicates(), on=KEY)["index"]
        problems[here] = "known"
        matched = problems == "known"
        return self._add(labels[matched], labels[~matched].assign(problem=problems[~matched]))

    def by_identifier(self, labels: pd.DataFrame) -> Added:
        """Add labels of things: every prediction that was made of a thing gets its label.

        Parameters
        ----------
        labels
            The dataset's identifier, label, and at, which is missing where it was not said.

        Raises
        ------
        TableError
            When a table cannot be read or written.
        """
        name = self._identifier.name
        stored = [self._keeper.value(self._identifier, value) for value in labels[name]]
        labels = labels.assign(**{name: pd.Series(stored, index=labels.index)})
        captured = self._rows("predictions", name, stored, [*KEY, name]).astype(
            {name: labels[name].dtype, "row": "int64"}
        )
        matched = labels.merge(captured.drop_duplicates(), on=name)
        lost = labels[~labels[name].isin(captured[name])]
        unmatched = lost.assign(request_id=lost[name].astype("str"), row=0, problem=f"no prediction has this {name}")
        return self._add(matched, unmatched)

    def _known(self, request_id: str, row: int) -> credentials.Known:
        return credentials.verify(self._secret, request_id, row)

    def _add(self, matched: pd.DataFrame, unmatched: pd.DataFrame) -> Added:
        taken = self._append("labels", matched)
        aside = self._append("unmatched", unmatched)
        repeated = len(matched) + len(unmatched) - taken - aside
        return Added(taken=taken, repeated=repeated, unmatched=aside)

    def _append(self, kind: Kind, labels: pd.DataFrame) -> int:
        """Add the labels that are not in the table; return how many they are."""
        if labels.empty:
            return 0
        stored = self._rows(kind, "request_id", labels["request_id"], None)
        fresh = _unknown(labels, stored)
        if fresh.empty:
            return 0
        content = hashlib.blake2b(pd.util.hash_pandas_object(fresh, index=False).to_numpy().tobytes(), digest_size=16)
        # Two processes that load the same labels find the same ones there before them, and so are one writer.
        writer = f"labels {content.hexdigest()} after {len(stored)}"
        rows = pd.DataFrame(
            {
                "request_id": fresh["request_id"].astype("str"),
                "row": fresh["row"].astype("int64"),
                "label": fresh["label"].astype("bool"),
                "received": pd.Series([self._received] * len(fresh), index=fresh.index, dtype=_MOMENT),
                "at": pd.to_datetime(fresh["at"].fillna(self._received), utc=True).dt.as_unit("us"),
            }
        )
        if kind == "unmatched":
            rows["problem"] = fresh["problem"].astype("str")
        self._tables.append(kind, rows, writer=writer, position=_ADDED)
        return len(rows)

    def _rows(self, table: Kind, column: str, values: Collection[Any], columns: list[str] | None) -> pd.DataFrame:
        """Return the rows of a table whose column has one of some values; the table may be larger than memory."""
        found: list[pa.Table] = []
        if len(values) and self._tables.exists(table):
            found = [_where(batch, column, values) for batch in self._tables.stream(table, columns=columns)]
        if not found:
            return pd.DataFrame(columns=columns or [*KEY, "label", "received", "at"])
        rows: pd.DataFrame = pa.concat_tables(found).to_pandas()
        return rows


def _where(batch: pa.RecordBatch, column: str, values: Collection[Any]) -> pa.Table:
    rows = pa.table({name: _text(batch[name]) for name in batch.schema.names})
    wanted = pa.array(pd.unique(pd.Series(list(values))), type=rows.schema.field(column).type)
    return rows.filter(pc.is_in(rows[column], value_set=wanted))


def _text(cells: pa.Array) -> pa.Array:
    """Arrow neither compares nor filters string views."""
    return cells.cast(pa.string()) if pa.types.is_string_view(cells.type) else cells


def _unknown(labels: pd.DataFrame, stored: pd.DataFrame) -> pd.DataFrame:
    """Return the labels that say something new: another label, or the same of another moment that was said."""
    labels = labels.drop_duplicates([*KEY, "at"], keep="last").reset_index(drop=True)
    if stored.empty:
        return labels
    stored = _in_order(stored)
    counting = labels[KEY].merge(_counting(stored), on=KEY, how="left")["label"]
    there = stored[[*KEY, "label", "at"]].drop_duplicates()
    exact = labels[[*KEY, "label", "at"]].merge(there, on=[*KEY, "label", "at"], how="left", indicator=True)
    same = (counting == labels["label"].astype("boolean")).fillna(value=False)
    known = same.where(labels["at"].isna(), exact["_merge"] == "both")
    return labels[~known.astype("bool")]


def _counting(labels: pd.DataFrame) -> pd.DataFrame:
    found = _in_order(labels).drop_duplicates(KEY, keep="last")[[*KEY, "label", "at"]]
    return found.astype({"label": "boolean"})


def _in_order(labels: pd.DataFrame) -> pd.DataFrame:
    """Return labels from the one that was known first; without such a moment, it was known when it was received."""
    at = labels["at"].fillna(labels["received"]) if "at" in labels else labels["received"]
    return labels.assign(at=at).sort_values(["at", "received"])
