"""Commands on production: promotion, the way back, the service."""

from __future__ import annotations

from typing import Annotated

import typer

from roadworthy import project as projects
from roadworthy import registry, terminal
from roadworthy.cli.common import HERE, AsJson, Folder, Reason, Who, me, out, printed_as_json
from roadworthy.serving import server

app = typer.Typer()


@app.command()
def promote(
    version: Annotated[str, typer.Argument(help="A version, the beginning of one, or 'challenger'.")],
    force: Annotated[bool, typer.Option("--force", help="Also what the gate or its smoke request refused.")] = False,
    reason: Reason = "",
    who: Who = "",
    folder: Folder = HERE,
) -> None:
    """Make a version champion; running services follow within seconds. Exit code 1 when the gate says no.

    Example: roadworthy promote challenger --reason "better in June"
    """
    with projects.load(folder) as project:
        entry = registry.promote(project.config, project.state, version, who=who or me(), reason=reason, force=force)
    terminal.show_history(out, [entry])


@app.command()
def rollback(
    to: Annotated[str | None, typer.Option(help="A version; by default the last good one.")] = None,
    reason: Reason = "",
    who: Who = "",
    folder: Folder = HERE,
) -> None:
    """Go back to the last good version, or the one named; running services follow within seconds.

    Example: roadworthy rollback --reason "warns of everything"
    """
    with projects.load(folder) as project:
        entry = registry.rollback(project.config, project.state, who=who or me(), reason=reason, to=to)
    terminal.show_history(out, [entry])


@app.command()
def history(limit: int = 50, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Show who did what to production, when, why and how long it took; newest first.

    Example: roadworthy history --json
    """
    with projects.load(folder) as project:
        entries = project.state.history(limit=limit)
    if not printed_as_json(entries, as_json):
        terminal.show_history(out, entries)


@app.command()
def serve(
    port: Annotated[int | None, typer.Option(help="0 takes a free one; by default the configured one.")] = None,
    host: Annotated[str | None, typer.Option(help="By default 127.0.0.1: this machine alone.")] = None,
    folder: Folder = HERE,
) -> None:
    """Serve the champion by `bentoml serve`, until Ctrl-C.

    Example: roadworthy serve --port 3001
    """
    with projects.load(folder) as project:
        config = project.config
    server.run(config, port=port, host=host)
