"""The command that shows how a project stands."""

from __future__ import annotations

import typer

from roadworthy import project as projects
from roadworthy import terminal
from roadworthy.cli.common import HERE, AsJson, Folder, out, printed_as_json
from roadworthy.status import status as read_status

app = typer.Typer()


@app.command()
def status(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Show champion, last run, windows, retrainings, questions, open alerts, running services and observers.

    Example: roadworthy status --json
    """
    with projects.load(folder) as project:
        found = read_status(project)
        metric = project.config.settings.use_case.metric
    if not printed_as_json(found, as_json):
        terminal.show_status(out, found, metric)
