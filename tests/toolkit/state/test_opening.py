"""What can be wrong with an address."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from roadworthy.errors import StateError
from roadworthy.state import State


@pytest.mark.parametrize(
    ("address", "fact"),
    [
        ("nonsense", "not a database address"),
        ("postgresql://host:port/x", "not a database address"),
        ("mysql://host/x", "kind 'mysql' is not supported"),
        ("postgresql+nodriver://host/x", "driver"),
        ("postgresql://someone:secret@127.0.0.1:1/x", "cannot be used"),
        ("sqlite:////proc/nowhere/state.db", "cannot be created"),
    ],
)
def test_a_wrong_address_is_named(address: str, fact: str) -> None:
    with pytest.raises(StateError, match=fact) as caught:
        State.open(address)
    assert "secret" not in str(caught.value)
    assert caught.value.next_step


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    file.write_bytes(b"these are notes, not a database" * 100)
    with pytest.raises(StateError, match="not a database") as caught:
        State.open(f"sqlite:///{file}")
    assert str(file) in caught.value.next_step
    assert file.read_bytes().startswith(b"these are notes")


def test_a_folder_is_not_a_database(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="unable to open"):
        State.open(f"sqlite:///{tmp_path}")


def test_a_database_that_goes_away_is_named(tmp_path: Path) -> None:
    file = tmp_path / "state.db"
    with State.open(f"sqlite:///{file}") as state:
        connection = sqlite3.connect(file)
        connection.execute("DROP TABLE runs")
        connection.commit()
        connection.close()
        with pytest.raises(StateError, match="no such table: runs"):
            state.runs()


def test_a_folder_with_a_percent_sign_is_fine(tmp_path: Path) -> None:
    with State.open(f"sqlite:///{tmp_path}/100% mine/state.db") as state:
        assert state.runs() == []
