"""Which versions of the tables a past is: a version, a moment, a pin's name, or several tables each with its own."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from roadworthy.errors import TableError
from roadworthy.state import State
from roadworthy.tables import Tables


def resolve(tables: Tables, state: State, datasets: Sequence[str], words: str) -> dict[str, int]:
    """Return table to version for what a user calls a past.

    Parameters
    ----------
    tables, state
        The tables, and the state with their pins.
    datasets
        The tables meant when the words name none.
    words
        ``"12"``, ``"flights=12,weather=3"``, ``"2026-11-01"``, ``"2026-11-01T09:30"`` (UTC without a zone), or the
        name of a pin.

    Raises
    ------
    TableError
        When a version does not exist, a table did not exist yet, or the words mean nothing.
    """
    pinned = {pin.dataset: pin.version for pin in state.pins() if pin.name == words}
    if pinned:
        return pinned
    found = {}
    for part in words.split(","):
        table, equals, past = part.strip().rpartition("=")
        for name in [table] if equals else [name for name in datasets if tables.exists(name)]:
            found[name] = _version(tables, state, name, past.strip())
    return found


def _version(tables: Tables, state: State, table: str, words: str) -> int:
    if words.isdecimal():
        version, newest = int(words), tables.version(table)
        if version > newest:
            raise TableError(
                f"Table {table!r} has no version {version}.",
                f"Choose one up to {newest}: `roadworthy data log {table}`.",
            )
        return version
    pinned = [pin.version for pin in state.pins(table) if pin.name == words]
    if pinned:
        return pinned[0]
    try:
        moment = datetime.fromisoformat(words)
    except ValueError as error:
        known = ", ".join(repr(pin.name) for pin in state.pins(table)) or "none is there yet"
        raise TableError(
            f"{words!r} is neither a version, nor a time, nor a pin of table {table!r}.",
            f"Give a number, a time such as 2026-11-01, or a pin ({known}).",
        ) from error
    return tables.version_at(table, moment if moment.tzinfo else moment.replace(tzinfo=UTC))
