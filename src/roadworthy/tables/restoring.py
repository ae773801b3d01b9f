"""Going back: a new version with the rows that an old one has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from deltalake import CommitProperties, DeltaTable, Transaction
from deltalake.exceptions import CommitFailedError, DeltaError

from roadworthy.errors import TableError
from roadworthy.tables.appending import ATTEMPTS, NO_CLEANUP, contended
from roadworthy.tables.base import first_line, user
from roadworthy.tables.files import Files

_GONE = -1  # the position noted for a writer whose rows went away: Delta cannot forget a writer


class Restoring(Files):
    """The part of the tables that goes back."""

    def restore(self, name: str, version: int, *, who: str | None = None, reason: str = "") -> int:
        """Make a new version with the rows and columns of an old one, and return its number; no version is lost.

        Writers' positions go back too: a batch whose rows are taken away by this can be appended again, and one whose
        rows come back cannot.

        Parameters
        ----------
        who, reason
            For the log; by default the user who runs this process.

        Raises
        ------
        TableError
            When there is no such table or version, or the version's files were removed.
        """
        said = {"userName": who or user(), "reason": reason}
        for _ in range(ATTEMPTS):
            with self._alone(name):
                table, target = self._open(name), self._open(name, version)
                if version == table.version():
                    return version
                if missing := self._missing(name, target):
                    raise self._gone(name, version, missing)
                try:
                    return self._restored(name, table, version, said)
                except CommitFailedError:  # rows were appended meanwhile: they are to go too, so look again
                    continue
                except DeltaError as error:
                    raise TableError(
                        f"Table {name!r} cannot be restored to version {version}: {first_line(error)}",
                        "See that its folder can be written.",
                    ) from error
        raise contended(name)

    def _restored(self, name: str, table: DeltaTable, target: int, said: dict[str, str]) -> int:
        moved = _moved(self._commits(name, table), target)
        properties = CommitProperties(
            custom_metadata={**said, "positions": moved},
            app_transactions=[Transaction(writer, position) for writer, position in moved.items()],
            max_commit_retries=0,
        )
        table.restore(target, commit_properties=properties, post_commithook_properties=NO_CLEANUP)
        return int(table.version())


def _moved(commits: Sequence[Mapping[str, Any]], target: int) -> dict[str, int]:
    """Return the writers who had another position at the target than now, and that position.

    Read from what the commits say of themselves, as asking the table is one pass over its log for each writer.
    """
    now: dict[str, int] = {}
    then: dict[str, int] = {}
    for commit in reversed(commits):
        if "writer" in commit:
            now[commit["writer"]] = commit["position"]
        now |= commit.get("positions", {})
        if commit["version"] == target:
            then = dict(now)
    return {writer: then.get(writer, _GONE) for writer, position in now.items() if position != then.get(writer, _GONE)}
