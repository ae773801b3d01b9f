"""The command line: every command is documented, mistakes are told without a traceback, exit codes mean something."""

import json
import os
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any, get_args

import pytest
import typer

from roadworthy import cli
from roadworthy.cli.access import Right
from roadworthy.cli.listing import COMMANDS
from roadworthy.config import Config
from roadworthy.records import Finding, Scope
from roadworthy.state import State

REPOSITORY = Path(__file__).parents[2]
READING = {
    "history", "observe", "status", "ingest", "build", "release", "replay", "trace", "runs", "runs show", "runs diff",
    "contract diff", "data log", "data diff", "data restore", "data pin", "data compact", "data vacuum",
    "token create", "token list", "audit", "rollout status", "score", "client", "consumers", "labels",
    "alerts list", "alerts ack", "alerts mute", "alerts resolve", "approve",
    "detectability", "explain",
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


def test_it_tells_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("--version") == 0
    assert capsys.readouterr().out == f"roadworthy {version('roadworthy')}\n"


def test_the_list_says_what_the_commands_say_of_themselves() -> None:
    told = {name: _commands()[name].help.split("\n\n")[0].replace("\n", " ") for name in COMMANDS}
    assert {name: listed.words for name, listed in COMMANDS.items()} == told


def test_the_list_is_shown_and_completed_without_the_commands() -> None:
    code = "import sys; from roadworthy import cli\n"
    code += "try: cli.main()\nexcept SystemExit: print('pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code, "--help"], capture_output=True, text=True, check=True)
    assert "detectability" in done.stdout
    assert done.stdout.endswith("False\n")
    asked = {"_ROADWORTHY_COMPLETE": "complete_bash", "COMP_WORDS": "roadworthy r", "COMP_CWORD": "1"}
    program = [str(Path(sys.executable).with_name("roadworthy"))]
    done = subprocess.run(program, env=os.environ | asked, capture_output=True, text=True, check=False)
    assert done.stdout.split() == [name for name in COMMANDS if name.startswith("r")]


def test_a_mistyped_command_is_answered_with_what_is_like_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("relaese") == 2
    assert "Did you mean 'release'" in capsys.readouterr().err


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


# --- access ------------------------------------------------------------------------------------------------------


def test_a_token_is_made_listed_used_and_revoked(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    here = ("-C", str(root))
    wanted = ("--scope", "predict", "--scope", "feedback", "--expires-days", "90", "--who", "ann")
    assert _run("token", "create", "rebooking desk", *wanted, *here) == 0
    shown = capsys.readouterr().out
    made = shown.splitlines()[0]
    assert made.startswith("rw_")
    assert "cannot be shown again" in shown

    assert _run("token", "list", *here) == 0
    listed = capsys.readouterr().out
    assert made.split("_")[1] in listed
    assert "rebooking desk" in listed
    assert "predict, feedback  until 20" in listed
    assert made.split("_", 2)[2] not in listed

    assert _run("token", "revoke", "rebooking desk", "--who", "bob", *here) == 0
    assert "revoked" in capsys.readouterr().out
    assert _run("token", "revoke", "rebooking desk", "--who", "bob", *here) == 2
    told = capsys.readouterr().err
    assert "is revoked already" in told
    assert "Traceback" not in told

    assert _run("audit", *here, "--json") == 0
    log = json.loads(capsys.readouterr().out)
    assert [(entry["who"], entry["act"], entry["outcome"]) for entry in log] == [
        ("bob", "revoke token", "refused"),
        ("bob", "revoke token", "done"),
        ("ann", "create token", "done"),
    ]
    assert {entry["origin"] for entry in log} == {"command line"}
    assert _run("audit", *here, "--limit", "1") == 0
    shown = capsys.readouterr().out
    assert "refused" in shown
    assert "ann" not in shown


def test_programs_get_a_token_as_json_and_never_a_hash(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _run("token", "create", "grafana", "--scope", "admin", "-C", str(root), "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert made["token"].startswith(f"rw_{made['id']}_")
    assert (made["scopes"], made["expires"]) == (["admin"], None)
    assert _run("token", "list", "-C", str(root), "--json") == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert listed == {key: value for key, value in made.items() if key != "token"}
    assert "hash" not in listed


def test_every_scope_can_be_given() -> None:
    assert list(Right) == list(get_args(Scope))


@pytest.mark.parametrize("wrong", [(), ("--scope", "everything"), ("--scope", "predict", "--expires-days", "0")])
def test_a_token_that_makes_no_sense_is_refused(
    root: Path, capsys: pytest.CaptureFixture[str], wrong: tuple[str, ...]
) -> None:
    assert _run("token", "create", "desk", *wrong, "-C", str(root)) == 2
    assert "Traceback" not in capsys.readouterr().err
    assert _run("token", "list", "-C", str(root)) == 0
    assert capsys.readouterr().out == ""


# --- alerts ------------------------------------------------------------------------------------------------------


def test_an_alert_is_listed_acknowledged_muted_and_resolved(
    root: Path, config: Config, capsys: pytest.CaptureFixture[str]
) -> None:
    here = ("-C", str(root), "--who", "ann")
    assert _run("alerts", "list", "-C", str(root)) == 0
    assert "no open alerts" in capsys.readouterr().out
    finding = Finding(cause="drift:m:1", owner="model", severity="warning", title="3 columns drifted", message="temp")
    with State.open(config.state_address) as state:
        alert, _ = state.raise_alert(finding, "model: Ada <ada@example.org>")
    assert _run("alerts", "ack", str(alert.id), "--note", "on it", *here) == 0
    assert "acknowledged by ann" in capsys.readouterr().out
    assert _run("alerts", "mute", "drift:m:1", "--until", "2999-01-01", *here, "--json") == 0
    muted = json.loads(capsys.readouterr().out)
    assert (muted["muted_until"], muted["muted_by"]) == ("2999-01-01T00:00:00Z", "ann")
    assert _run("alerts", "list", "-C", str(root), "--json") == 0
    (listed,) = json.loads(capsys.readouterr().out)
    assert (listed["id"], listed["acknowledged_by"], listed["role"]) == (alert.id, "ann", "model")
    assert _run("alerts", "resolve", str(alert.id), "--note", "mended", *here) == 0
    assert "resolved by ann" in capsys.readouterr().out
    assert _run("alerts", "list", "-C", str(root), "--all") == 0
    assert "mended" in capsys.readouterr().out
    assert _run("alerts", "resolve", str(alert.id), *here) == 2
    told = capsys.readouterr().err
    assert "No open alert goes by" in told
    assert "Traceback" not in told
