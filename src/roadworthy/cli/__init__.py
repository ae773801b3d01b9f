"""The command line: each command parses, makes one call, and shows the result.

Exit codes: 0 done, 1 a gate said no, 2 the input or the project is wrong, 130 interrupted.
"""

from __future__ import annotations

import sys
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from roadworthy.cli.common import err
from roadworthy.errors import DataRefused, GateRefused, RoadworthyError
from roadworthy.terminal import show_error

INTERRUPTED = 130
# Each command and the module that has it, in the order of the help. A module is imported when one of its commands is
# called: a build with nothing to do then takes half a second, where importing everything takes three.
COMMANDS = {
    "demo": "demo",
    "init": "start",
    "contract": "contract",
    "ingest": "data",
    "data": "data",
    "build": "build",
    "runs": "runs",
    "trace": "runs",
    "debug": "debug",
    "release": "release",
    "promote": "production",
    "rollback": "production",
    "rollout": "rollout",
    "history": "production",
    "serve": "production",
    "token": "access",
    "audit": "access",
    "score": "scoring",
    "client": "client",
    "consumers": "client",
    "replay": "replay",
    "labels": "labels",
    "observe": "watching",
    "explain": "explain",
    "detectability": "detectability",
    "watch": "watching",
    "alerts": "alerts",
    "approve": "watching",
    "status": "status",
}


class Commands(TyperGroup):
    """The commands, each looked up in its own module."""

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - of the click that Typer brings along
        """Return the commands' names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - as above
        """Return a command; None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(f"roadworthy.cli.{COMMANDS[cmd_name]}")
        return typer.main.get_group(module.app).commands[cmd_name]


app = typer.Typer(
    cls=Commands,
    help="Takes a notebook that works and turns it into a service that keeps working.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"roadworthy {version('roadworthy')}")
        raise typer.Exit


@app.callback()
def roadworthy(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and end.")
    ] = False,
) -> None:
    """Take a notebook that works and turn it into a service that keeps working."""


def main() -> None:
    """Run the command line; failures the user can mend are told in two lines, without a traceback."""
    try:
        app()
    except RoadworthyError as error:
        show_error(err, error)
        sys.exit(1 if isinstance(error, GateRefused | DataRefused) else 2)
    except (KeyboardInterrupt, SystemExit) as end:
        if isinstance(end, SystemExit) and end.code != INTERRUPTED:  # Typer turns Ctrl-C into this code
            raise
        err.print("Interrupted. What was done is kept; run the command again to go on.")
        sys.exit(INTERRUPTED)
