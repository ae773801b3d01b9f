"""Connecting to the state database and bringing it to the present schema."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError

from roadworthy.errors import StateError
from roadworthy.state.schema import HEAD, REVISION_TABLE

if TYPE_CHECKING:
    from sqlalchemy.engine.interfaces import DBAPIConnection
    from sqlalchemy.pool import ConnectionPoolEntry

_MIGRATIONS = Path(__file__).parents[1] / "migrations"
_DRIVERS = {"sqlite": "sqlite", "postgresql": "postgresql+psycopg"}
_SECONDS_TO_WAIT = 30
_MIGRATION_LOCK = 7_205_759_403  # any constant; PostgreSQL's advisory lock while a migration runs


def connected(address: str) -> Engine:
    """Return an engine on the database at ``address``, its tables at the present schema.

    Raises
    ------
    StateError
        When the address cannot be understood or reached, or the database belongs to a newer Roadworthy.
    """
    url = _url(address)
    _create_folder(url)
    engine = _engine(url)
    try:
        with failures_named(url):
            _migrate(engine)
    except BaseException:  # Ctrl-C too: its connections would stay open
        engine.dispose()
        raise
    return engine


@contextmanager
def failures_named(url: URL) -> Iterator[None]:
    """Turn a driver's failure into one that names the database and the next step, never its password."""
    try:
        yield
    except DBAPIError as error:
        reason = (str(error.orig).strip().splitlines() or [type(error.orig).__name__])[0].rstrip(".")
        raise StateError(
            f"The state database {url.render_as_string()} cannot be used: {reason}.", _next_step(url, reason)
        ) from error


def _next_step(url: URL, reason: str) -> str:
    if "not a database" in reason:
        return f"Move {url.database} away, or set `state` in [tool.roadworthy] to another file."
    if "locked" in reason:
        return "Wait for the other process that writes to it, then try again."
    return "See that it runs and can be written, or correct `state` in [tool.roadworthy]."


def _url(address: str) -> URL:
    try:
        url = make_url(address)
    except (ArgumentError, ValueError) as error:
        raise StateError(
            f"`state` is not a database address: {str(error).rstrip('.')}.",
            "Write it as sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE.",
        ) from error
    kind = url.get_backend_name()
    if kind not in _DRIVERS:
        raise StateError(f"A state database of kind {kind!r} is not supported.", "Use sqlite or postgresql.")
    return url if "+" in url.drivername else url.set(drivername=_DRIVERS[kind])


def _create_folder(url: URL) -> None:
    if url.get_backend_name() != "sqlite" or url.database in (None, "", ":memory:"):
        return
    folder = Path(str(url.database)).parent
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StateError(
            f"The folder {folder} of the state database cannot be created: {error.strerror}.",
            "Make room for it, or set `state` in [tool.roadworthy] to another place.",
        ) from error


def _engine(url: URL) -> Engine:
    try:
        if url.get_backend_name() == "sqlite":
            return _sqlite_engine(url)
        # Checked before use: a server that was restarted must not fail the first request afterwards.
        return create_engine(url, pool_pre_ping=True, connect_args={"connect_timeout": _SECONDS_TO_WAIT})
    except (ModuleNotFoundError, NoSuchModuleError) as error:
        raise StateError(
            f"The driver of {url.render_as_string()} is not installed: {error}.",
            "Run `pip install 'roadworthy[postgres]'`.",
        ) from error


def _sqlite_engine(url: URL) -> Engine:
    engine = create_engine(url, connect_args={"timeout": _SECONDS_TO_WAIT})

    def prepare(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # transactions begin below, not where the driver thinks fit
        _write_ahead(connection)

    def begin(connection: Connection) -> None:
        # A transaction that reads first and writes later fails at once when another wrote in between;
        # one that takes the write lock at its start waits for it instead.
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    event.listen(engine, "connect", prepare)
    event.listen(engine, "begin", begin)
    return engine


def _write_ahead(connection: DBAPIConnection) -> None:
    """Let readers and a writer work side by side; SQLite keeps the setting in the file."""
    cursor = connection.cursor()
    deadline = time.monotonic() + _SECONDS_TO_WAIT
    while cursor.execute("PRAGMA journal_mode").fetchone() != ("wal",):
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            break  # granted, or this kind of storage has none: SQLite then keeps its older journal
        except sqlite3.OperationalError:  # SQLite does not wait here for another process that does the same
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    cursor.close()


def _migrate(engine: Engine) -> None:
    with engine.connect() as connection:
        if _revision(connection) == HEAD:
            return
    with engine.execution_options(writes=True).begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION_LOCK})
        revision = _revision(connection)  # another process may have migrated while this one waited
        if revision != HEAD:
            _upgrade(connection, revision)


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table(REVISION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {REVISION_TABLE}")).scalar()  # noqa: S608 - a constant


def _upgrade(connection: Connection, revision: str | None) -> None:
    # Imported here: 0.4 s that no command should pay whose database is up to date already.
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    settings = Config(attributes={"connection": connection})
    settings.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    known = {script.revision for script in ScriptDirectory.from_config(settings).walk_revisions()}
    if revision is not None and revision not in known:
        raise StateError(
            f"The state database {connection.engine.url.render_as_string()} is of schema {revision}, "
            f"newer than this Roadworthy's {HEAD}.",
            "Run `pip install --upgrade roadworthy`.",
        )
    command.upgrade(settings, "head")
