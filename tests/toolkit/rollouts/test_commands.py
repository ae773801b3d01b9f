"""Rollouts at the command line, and under `roadworthy watch`."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import pytest

from roadworthy import lifecycle, registry, rollouts
from roadworthy.cli import main
from roadworthy.errors import MonitoringError
from roadworthy.project import Project

if TYPE_CHECKING:
    from conftest import Crew


def _command(monkeypatch: pytest.MonkeyPatch, project: Project, *words: str, of: str = "rollout") -> int:
    monkeypatch.setattr(sys, "argv", ["roadworthy", of, *words, "-C", str(project.root)])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


def test_status_judges_and_does_nothing(
    project: Project,
    pair: tuple[str, str],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    crew: Crew,
) -> None:
    assert rollouts.status(project) == rollouts.Standing(reason="No rollout was started yet.")
    rollout = crew.start(project, pair[1], 0.5)
    crew.answer(project, rollout)
    found = rollouts.status(project, now=rollout.since + crew.later)
    assert found.act == "promote"
    assert found.rollout is not None
    assert [evidence.verdict for evidence in found.rollout.evidence] == ["kept", "kept", "too little data"]
    assert project.state.running_rollout() == rollout
    assert crew.champion(project) == pair[0]
    assert _command(monkeypatch, project, "status", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["rollout"]["id"], told["act"]) == (rollout.id, "wait")


def test_commands_start_and_abort(
    project: Project, pair: tuple[str, str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    steps = ("--step", "0.05", "--step", "0.5", "--reason", "better in June", "--who", "ann")
    assert _command(monkeypatch, project, "start", pair[1], *steps) == 0
    rollout = project.state.running_rollout()
    assert rollout is not None
    assert (rollout.mode, rollout.steps, rollout.reason) == ("canary", (0.05, 0.5), "better in June")
    assert "step 1 of 2 (5 % of the traffic)" in capsys.readouterr().out
    assert _command(monkeypatch, project, "--once", of="watch") == 0
    assert "error rate  -" in capsys.readouterr().out
    assert _command(monkeypatch, project, "abort", "--reason", "no", "--who", "ann") == 0
    assert "aborted by ann: no" in capsys.readouterr().out
    assert _command(monkeypatch, project, "start", pair[1], "--shadow") == 0
    shadow = project.state.running_rollout()
    assert shadow is not None
    assert (shadow.mode, shadow.steps) == ("shadow", (1.0,))


def test_watch_looks_also_where_nothing_was_answered(project: Project, pair: tuple[str, str], crew: Crew) -> None:
    crew.start(project, pair[1])
    registry.promote(project.config, project.state, pair[1], who="bob", reason="")
    with pytest.raises(MonitoringError, match="No traffic"):
        lifecycle.watch_once(project, who="watch")
    assert project.state.rollouts()[0].state == "promoted"
