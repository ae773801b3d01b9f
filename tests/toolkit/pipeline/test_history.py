"""A task's executions, newest first, without secrets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from roadworthy import config as configuration
from roadworthy.config import Config
from roadworthy.pipeline import history
from roadworthy.records import RunRecord, TaskRecord, now
from roadworthy.state import State


@pytest.fixture
def project(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Config, State]]:
    monkeypatch.setenv("DB_PASS", "hunter2-and-more")
    pyproject = tiny / "pyproject.toml"
    pyproject.write_text(pyproject.read_text() + '\n[tool.roadworthy.secrets]\ndb = {env = "DB_PASS"}\n')
    config = configuration.load(tiny)
    with State.open(config.state_address) as state:
        yield config, state


def ran(state: State, number: int, *tasks: str, **facts: Any) -> None:  # noqa: ANN401 - of a record
    moment = now() + timedelta(seconds=number)
    records = [
        TaskRecord(
            name=name, state="done", started=moment, seconds=number, source="a", source_hash="",
            **({"notebook": "products/first.ipynb", "reads": {"flights": number}} | facts),
        )
        for name in tasks
    ]  # fmt: skip
    run = RunRecord(
        id=f"r{number}", project="p", who="ann", state="done", started=moment, tasks=tuple(records),
        metrics={"score": number}, environment={"numpy": "2"},
    )  # fmt: skip
    state.save_run(run)
    state.add_artifacts(run.id, "first", {"products/first.ipynb": str(number)})


def test_the_newest_execution_comes_first(project: tuple[Config, State]) -> None:
    config, state = project
    for number in range(1, 61):
        ran(state, number, *(("first", "second") if number % 2 else ("second",)))
    found = history.of_task(config, state, "first")
    assert [one.run.id for one in found] == [f"r{number}" for number in range(59, 0, -2)]
    assert [one.run.id for one in history.of_task(config, state, "first", limit=2)] == ["r59", "r57"]
    one = found[0]
    assert (one.who, one.metrics, one.reads, one.seconds) == ("ann", {"score": 59}, {"flights": 59}, 59)
    assert one.run.tasks == ()  # what the others did is not its history
    assert {one.task for one in history.of_task(config, state, "", limit=4)} == {"first", "second"}
    assert history.of_task(config, state, "third") == ()


def test_executions_of_long_ago_are_found(project: tuple[Config, State]) -> None:
    config, state = project
    for number in range(1, 91):
        ran(state, number, "first" if number in (2, 9, 88) else "second")
    for limit, runs in ((1, ["r88"]), (2, ["r88", "r9"]), (5, ["r88", "r9", "r2"])):
        assert [one.run.id for one in history.of_task(config, state, "first", limit=limit)] == runs


def test_an_executed_notebook_is_the_newest_runs_own(project: tuple[Config, State]) -> None:
    config, state = project
    for number in (1, 2):
        ran(state, number, "first")
    assert {one.notebook for one in history.of_task(config, state, "first")} == {None}
    (config.root / "products").mkdir()
    (config.root / "products/first.ipynb").write_text("{}")
    assert [(one.notebook, one.kept) for one in history.of_task(config, state, "first")] == [
        ("products/first.ipynb", True),
        ("products/first.ipynb", False),
    ]


def test_no_secret_is_told(project: tuple[Config, State]) -> None:
    config, state = project
    ran(state, 1, "first", parameters={"key": "secret:db", "plain": "hunter2-and-more"}, error="with hunter2-and-more")
    (found,) = history.of_task(config, state, "first")
    assert found.parameters == {"key": "secret:db", "plain": "[secret db]"}
    assert found.error == "with [secret db]"
    run = state.run("r1")
    assert run is not None
    assert "hunter2" not in history.without_secrets(config, run).model_dump_json()
