"""The schema, its migrations, and databases of other versions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config as AlembicConfig
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, text

import roadworthy
from roadworthy.errors import StateError
from roadworthy.records import RunRecord
from roadworthy.state import State
from roadworthy.state.schema import HEAD, METADATA, REVISION_TABLE


def test_the_migrations_make_the_schema(state: State, state_address: str) -> None:
    engine = create_engine(state_address)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": REVISION_TABLE})
        differences = compare_metadata(context, METADATA)
        # those that only the migrations name, as schema.py says
        partial = {"ix_alerts_open_cause", "ix_rollouts_running"}
        assert {(kind, index.name) for kind, index in differences} == {("remove_index", name) for name in partial}
        assert context.get_current_revision() == HEAD
    engine.dispose()


def test_an_older_database_keeps_its_alerts_with_the_role_of_their_owner(state_address: str) -> None:
    engine = create_engine(state_address)
    settings = AlembicConfig()
    settings.set_main_option("script_location", str(Path(roadworthy.__file__).parent / "migrations"))
    Path(str(engine.url.database)).parent.mkdir(parents=True, exist_ok=True)
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "0003")
        columns = "cause, owner, severity, title, message, since, updated, count, delivered"
        for cause, owner in (("a", "data: Ada <ada@example.org>"), ("b", "monitoring: Bob <bob@example.org>")):
            values = f"'{cause}', '{owner}', 'info', '', '', '2013-01-01', '2013-01-01', 1, '1'"
            connection.execute(text(f"INSERT INTO alerts ({columns}) VALUES ({values})"))  # noqa: S608 - constants
    with State.open(state_address) as state:
        assert {alert.cause: alert.role for alert in state.open_alerts()} == {"a": "data", "b": "monitoring"}
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.downgrade(settings, "0003")
    engine.dispose()


def test_the_head_is_the_newest_migration() -> None:
    settings = AlembicConfig()
    settings.set_main_option("script_location", str(Path(roadworthy.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(settings).get_current_head() == HEAD


def test_a_newer_schema_is_refused(state: State, state_address: str) -> None:
    engine = create_engine(state_address)
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {REVISION_TABLE} SET version_num = '9999'"))  # noqa: S608 - a constant
    engine.dispose()
    with pytest.raises(StateError, match=r"schema 9999, newer than this Roadworthy's") as caught:
        State.open(state_address)
    assert "upgrade" in caught.value.next_step


def test_a_document_of_another_version_is_refused(
    state: State, state_address: str, run: Callable[..., RunRecord]
) -> None:
    state.save_run(run("r1"))
    engine = create_engine(state_address)
    with engine.begin() as connection:
        connection.execute(text("UPDATE runs SET document = '{\"colour\": 1}'"))
    engine.dispose()
    with pytest.raises(StateError, match="A RunRecord in the state database cannot be read"):
        state.runs()
