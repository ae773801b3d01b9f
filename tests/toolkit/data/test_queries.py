"""Queries on SQLite, and on a real PostgreSQL."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from sqlalchemy import create_engine, text

from roadworthy.data.queries import Query, quoted
from roadworthy.errors import DataError


@pytest.fixture
def database(tmp_path: Path) -> str:
    address = f"sqlite:///{tmp_path}/source.db"
    engine = create_engine(address)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE flights (id TEXT, seats INTEGER, late BOOLEAN)"))
        connection.execute(text("INSERT INTO flights VALUES ('a', 1, 1), ('b', NULL, 0), ('c', 3, NULL)"))
    engine.dispose()
    return address


def test_rows_come_in_chunks(database: str) -> None:
    chunks = list(Query(database, "SELECT * FROM flights ORDER BY id").chunks(2))
    assert [chunk["seats"].to_pylist() for chunk in chunks] == [[1, None], [3]]
    some = Query(database, "SELECT id FROM flights WHERE seats > :least", {"least": 1})
    assert next(some.chunks())["id"].to_pylist() == ["c"]
    assert list(Query(database, "SELECT * FROM flights WHERE 0").chunks()) == []


def test_what_a_query_changes_is_not_kept(database: str) -> None:
    with pytest.raises(DataError, match="cannot be run"):
        list(Query(database, "DELETE FROM flights").chunks())
    assert sum(len(chunk["id"]) for chunk in Query(database, "SELECT id FROM flights").chunks()) == 3


def test_a_wrong_query_is_named(database: str) -> None:
    with pytest.raises(DataError, match=r"source\.db: the query cannot be run: no such table: gone"):
        list(Query(database, "SELECT * FROM gone").chunks())
    with pytest.raises(DataError, match="column 'id' is there twice"):
        list(Query(database, "SELECT id, id FROM flights").chunks())


@pytest.mark.parametrize(
    ("address", "fact", "next_step"),
    [
        ("nowhere://me:geheim@host/db", "no SQL driver for nowhere://", "dialect"),
        ("mysql://me:geheim@host/db", "driver of mysql:// is not installed", "pip install 'mysqlclient'"),
        ("postgresql://me:geheim@127.0.0.1:1/db?application_name=geheim", "postgresql.*cannot be run", "reached"),
        ("geheim", "not one of a database", "sqlite:///FILE"),
        ("sqlite:///no/such/folder/a.db", "unable to open database file", "reached"),
    ],
)
def test_what_cannot_be_reached_is_named_without_its_password(address: str, fact: str, next_step: str) -> None:
    with pytest.raises(DataError, match=fact) as caught:
        list(Query(address, "SELECT 1").chunks())
    assert next_step in caught.value.next_step
    assert "geheim" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert "geheim" not in repr(Query(address, "SELECT 1"))


def test_a_name_holds_no_password() -> None:
    assert Query("postgresql://me:geheim@host:5432/db?sslpassword=geheim", "").name == "postgresql://host:5432/db"


def test_columns_are_quoted_as_the_database_does_it() -> None:
    assert quoted("sqlite://", "a b") == '"a b"'
    assert quoted("sqlite://", "plain") == "plain"


@pytest.mark.slow
def test_postgresql_streams_its_own_types(postgres: str) -> None:
    sql = """
        SELECT n AS id, (n * 1.5)::numeric AS amount, TIMESTAMPTZ '2013-01-01 05:00+05' AS at, gen_random_uuid() AS key
        FROM generate_series(1, 2500) AS n
    """
    for address in (postgres, postgres.replace("+psycopg", "", 1)):
        chunks = list(Query(address, sql).chunks(1000))
        assert [len(chunk["id"]) for chunk in chunks] == [1000, 1000, 500]
        first = chunks[0]
        assert pa.types.is_decimal(first["amount"].type)
        assert first["at"][0].as_py().isoformat().endswith("+00:00") or first["at"].type.tz
        assert len(first["key"][0].as_py()) == 36
