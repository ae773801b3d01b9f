"""The command line: every command is documented, mistakes are told without a traceback, exit codes mean something."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from roadworthy import cli

REPOSITORY = Path(__file__).parents[2]
READING = {
    "history", "observe", "status", "ingest", "build", "release", "replay", "trace", "runs", "runs show", "runs diff",
    "contract diff", "data log", "data diff", "data restore", "data pin", "data compact", "data vacuum",
}  # fmt: skip


def _run(*arguments: str) -> int:
    """Run the command line in this process, and return its exit code."""
    sys.argv = ["roadworthy", *arguments]
    try:
        cli.main()
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def _commands() -> dict[str, Any]:
    """Every command by its words, also those of a group."""
    group: Any = typer.main.get_command(cli.app)
    found = {name: group.get_command(None, name) for name in group.list_commands(None)}
    return found | {
        f"{name} {inner}": command for name, outer in found.items() for inner, command in _inner(outer).items()
    }


def _inner(command: object) -> dict[str, Any]:
    return dict(getattr(command, "commands", {}))


def test_the_commands_are_those_of_the_readme() -> None:
    readme = (REPOSITORY / "README.md").read_text()
    assert [name for name in _commands() if " " not in name and f"| `roadworthy {name}" not in readme] == []


@pytest.mark.parametrize("name", sorted(_commands()))
def test_every_command_has_help_with_an_example(name: str) -> None:
    command = _commands()[name]
    assert command.help
    if _inner(command) and not command.invoke_without_command:
        return  # a group: its commands have the examples
    assert f"Example: roadworthy {name}" in command.help
    options = {option for parameter in command.params for option in parameter.opts}
    assert ("--json" in options) == (name in READING)


def test_help_is_plain_and_complete(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--help") == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in _commands() if " " not in name)


def test_outside_a_project_the_next_step_is_init(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _run("status") == 2
    told = capsys.readouterr().err
    assert "is not inside a Roadworthy project" in told
    assert "roadworthy init" in told
    assert "Traceback" not in told


def test_status_of_a_new_project(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("status", "-C", str(root), "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["champion"] is None
    assert found["last_run"] is None
    assert found["windows"] == found["alerts"] == found["deployments"] == []
    assert _run("status", "-C", str(root)) == 0
    assert "champion    none" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "fact", "step"),
    [
        (["promote", "nobody"], "nobody", "roadworthy"),
        (["rollback"], "", ""),
        (["observe"], "No traffic has been captured yet", "roadworthy serve"),
        (["release"], "", "ploomber build"),
        (["ingest", "none.csv"], "none.csv", ""),
        (["replay", "none.parquet"], "none.parquet", ""),
        (["build", "--env", "train_end"], "KEY=VALUE", "--env train_end="),
        (["build", "--env", "colour=red"], "colour", "train_end"),
    ],
)
def test_a_mistake_is_told_with_the_next_step(
    root: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], fact: str, step: str
) -> None:
    assert _run(*arguments, "-C", str(root)) == 2
    told = capsys.readouterr().err
    assert fact in told
    before, _, after = told.partition("Next:")
    assert before.strip()
    assert step in after
    assert "Traceback" not in told


def test_a_bad_file_is_named(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = root / "bad.csv"
    bad.write_text("flight_id,carrier\na,UA\n")
    assert _run("ingest", str(bad), "-C", str(root)) == 2
    assert "scheduled_departure" in capsys.readouterr().err


def test_init_says_what_comes_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert _run("init", "my-project") == 0
    assert "ploomber build" in capsys.readouterr().out
    assert _run("init", "my-project") == 2
    assert "not empty" in capsys.readouterr().err
