"""Commands on runs: what ran, what changed between two, and what something came from."""

from __future__ import annotations

from typing import Annotated

import typer

from roadworthy import project as projects
from roadworthy import terminal
from roadworthy import trace as tracing
from roadworthy.cli.common import HERE, AsJson, Folder, out, printed_as_json
from roadworthy.pipeline import runs as found_runs
from roadworthy.terminal import runs as shown

app = typer.Typer()
runs = typer.Typer()
app.add_typer(runs, name="runs", invoke_without_command=True)


@runs.callback(invoke_without_command=True)
def listed(context: typer.Context, limit: int = 20, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Show the runs, newest first; `runs show` shows one, `runs diff` what changed between two.

    Example: roadworthy runs --limit 5
    """
    if context.invoked_subcommand:
        return
    with projects.load(folder) as project:
        newest = project.state.runs(limit=limit)
    if not printed_as_json(newest, as_json):
        shown.show_runs(out, newest)


@runs.command()
def show(run: Annotated[str, typer.Argument()] = "last", folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Show one run: its tasks, times, memory and metrics.

    Example: roadworthy runs show last~1
    """
    with projects.load(folder) as project:
        found = found_runs.find(project.state, run)
    if not printed_as_json(found, as_json):
        terminal.show_run(out, found)


@runs.command()
def diff(
    before: str, after: Annotated[str, typer.Argument()] = "last", folder: Folder = HERE, as_json: AsJson = False
) -> None:
    """Show what changed from one run to another: parameters, code by cell, data, environment, metrics.

    A run goes by its id, the beginning of one, last, or last~1.

    Example: roadworthy runs diff last~1 last
    """
    with projects.load(folder) as project:
        products = project.config.settings.pipeline.products
        first, second = (found_runs.find(project.state, name) for name in (before, after))
        found = found_runs.diff(project.state, first, second, folder=products)
    if not printed_as_json(found, as_json):
        shown.show_diff(out, found)


@app.command()
def trace(
    what: Annotated[str, typer.Argument(help="A product's path, a version, a bento's tag, or a request's id.")],
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Show what something came from: run, notebook, code, data, contract and owner.

    Example: roadworthy trace champion
    """
    with projects.load(folder) as project:
        found = tracing.trace(project, what)
    if not printed_as_json(found, as_json):
        shown.show_trace(out, found)
