"""What the parts of the tables share: an address, a table opened at a version, and who reads and writes noted."""

from __future__ import annotations

import getpass
import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from deltalake import DeltaTable
from deltalake.exceptions import DeltaError, TableNotFoundError

from roadworthy.errors import TableError

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}")


class Store:
    """The tables below one address; safe to use from several processes at once.

    Parameters
    ----------
    address
        A folder, or an object store's address such as ``s3://bucket/tables``.
    as_of
        Table to the version that `read`, `version`, `count` and their like take where none is named; a table that is
        not listed is read at its newest. Appends are not affected.
    log
        A file that gets one JSON line for each read and each append: ``table``, ``version``, ``act`` ("read" or
        "append"), and ``explicit``, whether the caller named the version.

    Raises
    ------
    TableError
        When the folder's name holds a percent sign, which Delta would read as another folder.
    """

    def __init__(self, address: str, *, as_of: Mapping[str, int] | None = None, log: Path | None = None) -> None:
        if "%" in address and "://" not in address:
            raise TableError(
                f"Tables cannot be kept in {address}: Delta takes its percent sign for an escape.",
                "Set `tables` in [tool.roadworthy] to a folder without one.",
            )
        self.address = address.rstrip("/")
        self.as_of = dict(as_of or {})
        self._log = log

    def exists(self, name: str) -> bool:
        """Return whether there is a table of that name."""
        return DeltaTable.is_deltatable(self._place(name))

    def version(self, name: str) -> int:
        """Return the number of the version that a read takes: the newest, unless ``as_of`` lists the table.

        Who asks will go by it, so it is noted like a read.

        Raises
        ------
        TableError
            When there is no such table, or no such version.
        """
        version = self._open(name, self.as_of.get(name)).version()
        self._note(name, version, "read", explicit=False)
        return version

    def newest(self, name: str) -> int:
        """Return the newest version's number, whatever ``as_of`` says.

        Raises
        ------
        TableError
            When there is no such table.
        """
        return self._open(name).version()

    def count(self, name: str, *, version: int | None = None) -> int:
        """Return the number of rows; 0 when there is no table."""
        return int(self._at(name, version).count()) if self.exists(name) else 0

    def position(self, name: str, writer: str) -> int | None:
        """Return the position ``writer`` last committed, and whose rows were not restored away since.

        None when it never did, or there is no table.
        """
        return reached(self._open(name), writer) if self.exists(name) else None

    def _at(self, name: str, version: int | None) -> DeltaTable:
        """Return a table at the version to read."""
        return self._open(name, self.as_of.get(name) if version is None else version)

    def _open(self, name: str, version: int | None = None) -> DeltaTable:
        place = self._place(name)
        try:
            table = DeltaTable(place)
            newest = table.version()
            if version is not None and 0 <= version < newest:
                table.load_as_version(version)
        except TableNotFoundError as error:
            raise TableError(
                f"There is no table {name!r} in {self.address}.", "Ingest data into it first: `roadworthy ingest FILE`."
            ) from error
        except DeltaError as error:
            raise TableError(
                f"Table {name!r} in {place} cannot be opened: {first_line(error)}",
                "Restore its folder from a backup.",
            ) from error
        if version is not None and not 0 <= version <= newest:
            raise TableError(
                f"Table {name!r} has no version {version}.", f"Choose one from 0 to {newest}, or leave it out."
            )
        return table

    def _place(self, name: str) -> str:
        if not _NAME.fullmatch(name):
            raise TableError(
                f"{name!r} cannot be a table's name.", "Use up to 100 letters, digits, underscores and hyphens."
            )
        return f"{self.address}/{name}"

    def _note(self, name: str, version: int, act: Literal["read", "append"], *, explicit: bool) -> None:
        if self._log is None:
            return
        line = json.dumps({"table": name, "version": version, "act": act, "explicit": explicit}) + "\n"
        descriptor = os.open(self._log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        try:
            os.write(descriptor, line.encode())  # one write: lines of several processes never mix
        finally:
            os.close(descriptor)


def reached(table: DeltaTable, writer: str) -> int | None:
    """Return a writer's position; a restore notes -1 for a writer whose rows it took away."""
    position: int | None = table.transaction_version(writer)
    return None if position is None or position < 0 else position


def user() -> str:
    """Return the name of the one who runs this process."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container's user may have no name
        return f"user {os.getuid()}"


def first_line(error: Exception) -> str:
    """Return an engine's error as one sentence."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".") + "."
