"""What the commands share: options, consoles, and how records become JSON.

Help and completion import this too, so that nothing is imported here which they have no need of.
"""

from __future__ import annotations

import getpass
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from roadworthy.errors import ConfigError

if TYPE_CHECKING:
    from pydantic import BaseModel

    from roadworthy.state import State

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)

Folder = Annotated[Path, typer.Option("--project", "-C", help="A folder inside the project.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Who = Annotated[str, typer.Option(help="Who does it; goes into the history.", envvar="ROADWORTHY_WHO")]
Reason = Annotated[str, typer.Option(help="Why; goes into the history.")]
HERE = Path()


def printed_as_json(content: BaseModel | Sequence[BaseModel], wanted: bool) -> bool:
    """Print records as JSON when that is wanted; return whether it was."""
    if wanted:
        from pydantic import BaseModel

        items = [content] if isinstance(content, BaseModel) else content
        values = [item.model_dump(mode="json") for item in items]
        typer.echo(json.dumps(values[0] if isinstance(content, BaseModel) else values, indent=2))
    return wanted


@contextmanager
def opened_state(folder: Path) -> Iterator[State]:
    """Open a project's state without the rest of the project, where neither contract nor tables have a part."""
    from roadworthy import config as configuration
    from roadworthy.state import State

    config = configuration.load(configuration.find_root(folder))
    with State.open(config.state_address) as state:
        yield state


def pairs(given: Sequence[str], option: str) -> dict[str, str]:
    """Return KEY=VALUE texts as a mapping.

    Raises
    ------
    ConfigError
        When one of them is not of that form.
    """
    found = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise ConfigError(f"{option} {text!r} is not KEY=VALUE.", f"Write it as {option} train_end=2013-06-01.")
        found[key] = value
    return found


def me() -> str:
    """Return who gives the command."""
    return os.environ.get("ROADWORTHY_WHO") or getpass.getuser()
