"""Several processes on one database, and their death."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable

import pytest

from roadworthy.records import HistoryEntry
from roadworthy.state import State

RACER = """
import sys
from roadworthy.records import Finding, HistoryEntry
from roadworthy.state import State
address, me = sys.argv[1:]
sys.stdin.readline()
with State.open(address) as state:
    for step in range(10):
        state.move_alias("champion", f"m:{me}{step}", HistoryEntry(who=me, action="promote"))
        finding = Finding(cause="drift", owner="data", severity="info", title=me, message=str(step))
        print(state.raise_alert(finding, "desk")[1])
"""
DYING = """
import os, signal, sys
from sqlalchemy import event
from roadworthy.records import HistoryEntry
from roadworthy.state import State
state = State.open(sys.argv[1])
def die(connection, cursor, statement, *rest):
    if statement.startswith("INSERT INTO history"):
        os.kill(os.getpid(), signal.SIGKILL)
event.listen(state._engine, "after_cursor_execute", die)
state.move_alias("champion", "m:new", HistoryEntry(who="me", action="promote"))
"""
OPENER = """
import sys
from roadworthy.state import State
sys.stdin.readline()
with State.open(sys.argv[1]) as state:
    print("alembic" in sys.modules, state.alias("champion"))
"""


def processes(script: str, *arguments: list[str]) -> list[str]:
    """Run the script in processes that start together; return what they wrote, line by line."""
    started = [
        subprocess.Popen(
            [sys.executable, "-c", script, *given], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for given in arguments
    ]
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    written = [line for process in started for line in process.communicate(timeout=90)[0].splitlines()]
    assert [process.returncode for process in started] == [0] * len(started)
    return written


@pytest.mark.slow
def test_racing_processes_keep_the_history_a_chain_and_a_cause_open_once(state_address: str) -> None:
    written = processes(RACER, [state_address, "ann"], [state_address, "bob"])
    assert sorted(written) == ["False"] * 19 + ["True"]
    with State.open(state_address) as state:
        entries = state.history()[::-1]
        assert [e.version_from for e in entries] == [None, *[e.version_to for e in entries[:-1]]]
        alias, alerts = state.alias("champion"), state.alerts()
    assert len(entries) == 20
    assert alias is not None
    assert alias.version == entries[-1].version_to
    assert [a.count for a in alerts] == [20]


@pytest.mark.slow
def test_processes_may_open_a_fresh_database_at_once(state_address: str) -> None:
    opened = processes(OPENER, *[[state_address]] * 3)
    assert [line.split()[1] for line in opened] == ["None"] * 3
    assert processes(OPENER, [state_address]) == ["False None"]  # up to date: Alembic was not even imported


@pytest.mark.slow
def test_a_killed_process_leaves_neither_half(state_address: str, entry: Callable[..., HistoryEntry]) -> None:
    with State.open(state_address) as state:
        state.move_alias("champion", "m:old", entry())
        died = subprocess.run([sys.executable, "-c", DYING, state_address], check=False, timeout=60)
        assert died.returncode == -signal.SIGKILL
        alias = state.alias("champion")
        assert alias is not None
        assert alias.version == "m:old"
        assert [h.version_to for h in state.history()] == ["m:old"]
        state.move_alias("champion", "m:new", entry())
        assert len(state.history()) == 2
