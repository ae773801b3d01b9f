"""Appending rows: one atomic commit, at most once a position, among any number of writers."""

from __future__ import annotations

import random
import time

import pyarrow as pa
from deltalake import (
    CommitProperties,
    DeltaTable,
    PostCommitHookProperties,
    Transaction,
    WriterProperties,
    write_deltalake,
)
from deltalake.exceptions import CommitFailedError

from roadworthy.errors import TableError
from roadworthy.tables.base import Store, first_line, reached, user
from roadworthy.tables.rows import Delivery, Rows

ATTEMPTS = 60
_LONGEST_PAUSE = 0.2
# Commits are kept for ever: without them a version that a model was trained on could not be read again.
KEPT = {"delta.logRetentionDuration": "interval 36500 days", "delta.enableExpiredLogCleanup": "false"}
# Whoever opens a table reads each commit since the last checkpoint, a millisecond or more for each.
_CHECKPOINTS = {"delta.checkpointInterval": "10"}
NO_CLEANUP = PostCommitHookProperties(cleanup_expired_logs=False)
# A column whose values do not repeat is soon written without a list of them: by default it is 1 MB, which takes half
# of the time and room, and more rows than are mostly appended at once.
_WRITTEN = WriterProperties(compression="SNAPPY", dictionary_page_size_limit=16 * 2**10)


class Appending(Store):
    """The part of the tables that appends."""

    def append(
        self,
        name: str,
        rows: Rows,
        *,
        writer: str | None = None,
        position: int | None = None,
        after: int | None = None,
    ) -> int:
        """Add rows in one commit, creating the table or widening it by new columns where needed.

        With ``writer`` and ``position`` the append happens at most once: the position is stored in the same commit,
        and an append at or below the writer's stored position adds nothing, whichever processes race or die.

        Parameters
        ----------
        rows
            Any number of rows, none included: a frame, whose index is not stored; an Arrow table; or, for rows that
            do not fit into memory, an Arrow reader or a function that gives a fresh one. A reader gives its rows once,
            so that an append that meets another writer's at the wrong moment fails; with a function it starts again.
        writer, position
            Name of the one who writes, and how far in its own input it has come: from 0, and only ever rising.
        after
            The position at which the rows begin: when the writer's stored one is another, nothing is added, as when
            the table was away while the writer asked how far it had come.

        Returns
        -------
        int
            The version that holds the rows.

        Raises
        ------
        TableError
            When a column's values do not fit the table, or the table cannot be written.
        RoadworthyError
            As the rows' own source raises it; nothing is added then.
        """
        version = self._append(name, Delivery(name, rows), writer, position, after)
        self._note(name, version, "append", explicit=False)
        return version

    def _append(self, name: str, rows: Delivery, writer: str | None, position: int | None, after: int | None) -> int:
        place = self._place(name)
        for _ in range(ATTEMPTS):
            try:
                reader = rows.reader()
                table = _opened_or_created(place, reader.schema)
                if writer is None or position is None:
                    _commit(table, reader, None)
                elif position > (stored := _reached(table, writer)):
                    if after is not None and after != max(stored, 0):
                        raise _moved(name, writer)
                    _commit(table, reader, Transaction(writer, position))
                return int(table.version())
            except CommitFailedError:  # somebody else's commit came first: look again, then try again
                pause()
            except Exception as error:  # deltalake raises bare Exception from its engine, for casts among others
                raise rows.failure or _unwritable(name, place, error) from error
        raise contended(name)


def _opened_or_created(place: str, schema: pa.Schema) -> DeltaTable:
    # Created empty first: when two processes create at once, a write that also creates does not look for conflicts.
    if not DeltaTable.is_deltatable(place):
        who = CommitProperties(custom_metadata={"userName": user()})
        DeltaTable.create(place, schema, mode="ignore", configuration=KEPT | _CHECKPOINTS, commit_properties=who)
    return DeltaTable(place)


def _reached(table: DeltaTable, writer: str) -> int:
    position = reached(table, writer)
    return -1 if position is None else position


def _commit(table: DeltaTable, reader: pa.RecordBatchReader, transaction: Transaction | None) -> None:
    write_deltalake(
        table,
        reader,
        mode="append",
        schema_mode="merge",
        writer_properties=_WRITTEN,
        commit_properties=CommitProperties(
            custom_metadata=_said(table, reader.schema, transaction),
            app_transactions=None if transaction is None else [transaction],
        ),
        post_commithook_properties=NO_CLEANUP,
    )


def _said(table: DeltaTable, schema: pa.Schema, transaction: Transaction | None) -> dict[str, object]:
    """Return what a commit says of itself; nothing else in a table lists its writers."""
    said: dict[str, object] = {"userName": user()}
    if transaction is not None:
        said |= {"writer": transaction.app_id, "position": transaction.version}
    known = {field.name for field in table.schema().fields}
    if new := [column for column in schema.names if column not in known]:
        said |= {"act": "widened", "columns": new}
    return said


def pause() -> None:
    """Wait a little while, so that processes that met at a commit do not meet at the next."""
    time.sleep(random.uniform(0, _LONGEST_PAUSE))  # noqa: S311 - spreads writers, hides nothing


def contended(name: str) -> TableError:
    """Return the error of one who never came first."""
    return TableError(
        f"Table {name!r} was changed by others at each of {ATTEMPTS} attempts to change it.",
        "Try again when fewer processes write to it.",
    )


def _moved(name: str, writer: str) -> TableError:
    return TableError(
        f"Table {name!r} holds another part of {writer} than it did a moment ago. Nothing was added.",
        "Try again; the table was away, or another process wrote the same.",
    )


def _unwritable(name: str, place: str, error: Exception) -> Exception:
    if isinstance(error, TableError):
        return error
    return TableError(
        f"Rows cannot be appended to table {name!r} in {place}: {first_line(error)}",
        "Give the columns the types that the table has, and see that its folder can be written.",
    )
