"""The command that puts a build through the gate."""

from __future__ import annotations

from typing import Annotated

import typer

from roadworthy import lifecycle, terminal
from roadworthy import project as projects
from roadworthy.cli.common import HERE, AsJson, Folder, Who, me, out, printed_as_json
from roadworthy.records import CHALLENGER, CHAMPION

app = typer.Typer()


@app.command()
def release(
    products: Annotated[str | None, typer.Option(help="Folder of the build's products.")] = None,
    promote: Annotated[bool, typer.Option("--promote", help="Make it champion when it passes.")] = False,
    who: Who = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Put the last build through the gate and into the registry. Exit code 1 when the gate says no.

    The first version that passes becomes champion, a later one challenger.

    Example: roadworthy release --promote
    """
    with projects.load(folder) as project:
        version = lifecycle.release(project, who=who or me(), products=products, promote=promote)
        alias = project.state.alias(CHAMPION)
    if not printed_as_json(version, as_json):
        out.print(f"Version {version.tag}")
        terminal.show_gate(out, version.gate)
        role = CHAMPION if alias and alias.version == version.tag else CHALLENGER
        out.print(f"It is {role} now." if version.gate.passed else "The gate says no; it stays out of production.")
    if not version.gate.passed:
        raise typer.Exit(1)
