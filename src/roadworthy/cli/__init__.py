"""The command line: each command parses, makes one call, and shows the result.

Exit codes: 0 done, 1 a gate said no, 2 the input or the project is wrong, 130 interrupted.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from roadworthy.cli.common import err
from roadworthy.cli.listing import COMMANDS
from roadworthy.errors import DataRefused, GateRefused, RoadworthyError

INTERRUPTED = 130


class Commands(TyperGroup):
    """The commands, each looked up in its own module when it is called."""

    _listing = False

    def __init__(self, **given: Any) -> None:  # noqa: ANN401 - what Typer makes a group of
        super().__init__(**given)
        self.commands = {name: TyperCommand(name) for name in COMMANDS}  # for "Did you mean" alone

    def list_commands(self, ctx: Any) -> list[str]:  # noqa: ANN401 - of the click that Typer brings along
        """Return the commands' names in the order of the help."""
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ANN401 - as above
        """Return a command, or while they are listed what is said of it; None when there is none of that name."""
        if cmd_name not in COMMANDS:
            return None
        module, words = COMMANDS[cmd_name]
        if self._listing:
            return TyperCommand(cmd_name, help=words)
        return typer.main.get_group(import_module(f"roadworthy.cli.{module}").app).commands[cmd_name]

    def format_help(self, ctx: Any, formatter: Any) -> None:  # noqa: ANN401 - as above
        """Show the list."""
        with self._only_listed():
            super().format_help(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:  # noqa: ANN401 - as above
        """Return the names that begin so."""
        with self._only_listed():
            return super().shell_complete(ctx, incomplete)

    @contextmanager
    def _only_listed(self) -> Iterator[None]:
        self._listing = True
        try:
            yield
        finally:
            self._listing = False


app = typer.Typer(
    cls=Commands,
    help="Takes a notebook that works and turns it into a service that keeps working.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

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
        from roadworthy.terminal import show_error  # with all records, which help and completion do without

        show_error(err, error)
        sys.exit(1 if isinstance(error, GateRefused | DataRefused) else 2)
    except (KeyboardInterrupt, SystemExit) as end:
        if isinstance(end, SystemExit) and end.code != INTERRUPTED:  # Typer turns Ctrl-C into this code
            raise
        err.print("Interrupted. What was done is kept; run the command again to go on.")
        sys.exit(INTERRUPTED)
