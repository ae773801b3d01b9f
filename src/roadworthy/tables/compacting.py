"""Compaction: many small files become few large ones; the rows stay the same."""

from __future__ import annotations

import uuid
from typing import Any

from deltalake import CommitProperties, DeltaTable
from deltalake.exceptions import CommitFailedError, DeltaError
from pydantic import Field

from roadworthy.errors import TableError
from roadworthy.records import Record
from roadworthy.tables.appending import ATTEMPTS, NO_CLEANUP, contended, pause
from roadworthy.tables.base import first_line, user
from roadworthy.tables.files import Files, needs


class Compaction(Record):
    """What a compaction came to."""

    table: str
    version: int = Field(description="the version with the new files; the newest when nothing was to be done")
    replaced: int = Field(description="files that later versions need no more; earlier ones still do")
    written: int = Field(description="files that stand in for them")


class Compacting(Files):
    """The part of the tables that compacts."""

    def compact(self, name: str, *, who: str | None = None) -> Compaction:
        """Write the rows of many small files into few large ones, as a new version; rows can be appended meanwhile.

        Earlier versions keep their files until `vacuum`. The order of rows stays.

        Raises
        ------
        TableError
            When there is no such table, or it cannot be read or written.
        """
        for _ in range(ATTEMPTS):
            with self._alone(name) as alone:
                table = self._open(name)
                try:
                    if not alone and len(needs(table)) > 1:
                        _barred(table)
                    return self._compacted(name, table, who or user())
                except CommitFailedError:  # the table was widened, restored or compacted meanwhile
                    pause()
                except DeltaError as error:
                    raise TableError(
                        f"Table {name!r} in {self._place(name)} cannot be compacted: {first_line(error)}",
                        "See that its folder can be read and written and has room.",
                    ) from error
        raise contended(name)

    def _compacted(self, name: str, table: DeltaTable, who: str) -> Compaction:
        version, mark = table.version(), uuid.uuid4().hex
        figures: dict[str, Any] = table.optimize.compact(
            commit_properties=CommitProperties(custom_metadata={"userName": who, "mark": mark}),
            post_commithook_properties=NO_CLEANUP,
        )
        if figures["numFilesRemoved"]:
            made = (commit["version"] for commit in self._commits(name, table) if commit.get("mark") == mark)
            version = next(made)  # rows may have been appended since: it need not be the newest
            self._expect_same_rows(name, version)
        return Compaction(
            table=name, version=version, replaced=figures["numFilesRemoved"], written=figures["numFilesAdded"]
        )

    def _expect_same_rows(self, name: str, version: int) -> None:
        before, after = (self._open(name, number).count() for number in (version - 1, version))
        if before != after:
            raise TableError(
                f"Another tool compacted table {name!r} at the same time: version {version} has {after:,} rows, "
                f"version {version - 1} has {before:,}.",
                f"Go back with `roadworthy data restore {name} {version - 1}`; see that only one tool compacts it.",
            )


def _barred(table: DeltaTable) -> None:
    """Make every compaction fail that has begun and not committed, where no lock keeps others out.

    delta-rs (seen in 1.6.6) lets two compactions that began at the same version both commit: both write the same
    rows, and the table then has them twice. A commit that changes the table's metadata is the one thing that they look
    out for. So each compaction changes a property first: of two, the later change stops the other, or comes after it.
    """
    table.alter.set_table_properties(
        {"roadworthy.compaction": uuid.uuid4().hex},
        raise_if_not_exists=False,
        commit_properties=CommitProperties(custom_metadata={"userName": user(), "act": "prepared"}),
        post_commithook_properties=NO_CLEANUP,
    )
