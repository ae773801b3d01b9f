"""Rows of a SQL query, streamed from any database that SQLAlchemy has a driver for; passwords are never told."""

from __future__ import annotations

import uuid
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import URL, Engine, create_engine, make_url, text
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from roadworthy.data.casting import cells_of
from roadworthy.data.readers import CHUNK_ROWS, Chunk, once
from roadworthy.errors import DataError

BACKENDS = ("sqlite", "postgresql", "mysql", "mariadb", "mssql", "oracle", "duckdb", "snowflake", "redshift")
_DRIVERS = {"postgresql": "postgresql+psycopg"}  # rather than psycopg2, which SQLAlchemy would take
_PACKAGES = {"psycopg": "psycopg[binary]", "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}


@dataclass(frozen=True)
class Query:
    """A query at a database.

    Parameters
    ----------
    address
        SQLAlchemy address, such as ``postgresql://USER:PASSWORD@HOST/DATABASE``. Nothing that the query changes is
        kept.
    sql
        One SELECT statement, with ``:name`` for each of its parameters.
    """

    address: str = field(repr=False)
    sql: str
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The database without user, password and options."""
        url = _url(self.address)
        host = (url.host or "") + (f":{url.port}" if url.port else "")
        return f"{url.get_backend_name()}://{host}/{url.database or ''}"

    def chunks(self, rows: int = CHUNK_ROWS) -> Generator[Chunk, None, None]:
        """Yield the query's rows, so many at a time, as the database gives them.

        Raises
        ------
        DataError
            When the database cannot be reached, its driver is not installed, or the query fails.
        """
        engine = _engine(self.address)
        try:
            with self.failures_named(), engine.connect() as connection:
                options = {"stream_results": True, "yield_per": rows}
                asking = connection.execution_options(**options)
                with asking.execute(text(self.sql), dict(self.parameters)) as result:
                    names = once(list(result.keys()), self.name)
                    for part in result.partitions(rows):
                        columns = zip(*part, strict=True)
                        yield {name: cells_of(_plain(values)) for name, values in zip(names, columns, strict=True)}
        finally:
            engine.dispose()

    @contextmanager
    def failures_named(self) -> Iterator[None]:
        """Turn a driver's failure into one that names the database, and never its password."""
        try:
            yield
        except SQLAlchemyError as error:
            origin = error.orig if isinstance(error, DBAPIError) else error
            reason = (str(origin).strip().splitlines() or [type(origin).__name__])[0].rstrip(".")
            for secret in _secrets(_url(self.address)):
                reason = reason.replace(secret, "***")
            raise DataError(
                f"{self.name}: the query cannot be run: {reason}.",
                "See that the database can be reached, and correct the query.",
            ) from None  # what SQLAlchemy raised may hold the whole address


def quoted(address: str, column: str) -> str:
    """Return a column's name as the database at an address takes it."""
    url = _url(address)
    try:
        return str(url.get_dialect()().identifier_preparer.quote(column))
    except NoSuchModuleError:
        raise _no_dialect(url) from None


def _plain(values: tuple[Any, ...]) -> list[Any]:
    if any(isinstance(value, uuid.UUID) for value in values):
        return [str(value) if isinstance(value, uuid.UUID) else value for value in values]
    return list(values)


def _secrets(url: URL) -> list[str]:
    options = [value for values in url.normalized_query.values() for value in values]
    return [str(secret) for secret in (url.password, *options) if secret]


def _url(address: str) -> URL:
    try:
        url = make_url(address)
    except (ArgumentError, ValueError):
        raise DataError(
            "The address is not one of a database.",
            "Write it as sqlite:///FILE or postgresql://USER:PASSWORD@HOST/DATABASE.",
        ) from None  # SQLAlchemy's own words may hold the address with its password
    return url if "+" in url.drivername else url.set(drivername=_DRIVERS.get(url.drivername, url.drivername))


def _no_dialect(url: URL) -> DataError:
    return DataError(
        f"There is no SQL driver for {url.drivername}:// addresses.",
        "Install its SQLAlchemy dialect, or leave the query out where no database is meant.",
    )


def _engine(address: str) -> Engine:
    url = _url(address)
    try:
        return create_engine(url)
    except NoSuchModuleError:
        raise _no_dialect(url) from None
    except ModuleNotFoundError as error:
        package = _PACKAGES.get(error.name or "", error.name)
        raise DataError(
            f"The driver of {url.drivername}:// is not installed.", f"Run `pip install '{package}'`."
        ) from None
    except SQLAlchemyError as error:
        raise DataError(
            f"The address of {url.get_backend_name()}:// cannot be used: {type(error).__name__}.", "Correct it."
        ) from None
