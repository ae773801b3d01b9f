"""The command to begin with: a new project."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from roadworthy import project as projects
from roadworthy.cli.common import out

app = typer.Typer()


@app.command()
def init(name: Annotated[str, typer.Argument(help="The project's name, which becomes its folder's.")]) -> None:
    """Start a project: a copy of the reference project, with a blank use case to fill in.

    Example: roadworthy init my-project
    """
    target = projects.init(name, Path.cwd())
    out.print(f"Made {target}. Next: cd {name}, then ploomber build; jupyter lab opens its notebooks.")
    out.print("Fill in the use case in pyproject.toml and the owners in monitoring/policy.yaml before a release.")
