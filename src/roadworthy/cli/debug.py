"""The command that opens a failed task again."""

from __future__ import annotations

import subprocess
import sys
from typing import Annotated

import typer

from roadworthy import project as projects
from roadworthy.cli.common import HERE, Folder, out
from roadworthy.pipeline import debug as debugging
from roadworthy.pipeline import runs as found_runs

app = typer.Typer()


@app.command()
def debug(
    task: Annotated[str, typer.Argument(help="A task of the pipeline.")],
    run: Annotated[str, typer.Option(help="Restore this run; by default the newest that executed the task.")] = "",
    no_open: Annotated[bool, typer.Option("--no-open", help="Write the notebook, without JupyterLab.")] = False,
    folder: Folder = HERE,
) -> None:
    """Open a copy of a task's notebook in JupyterLab, with the inputs of the run in which it failed.

    Example: roadworthy debug train
    """
    with projects.load(folder) as project:
        chosen = found_runs.find(project.state, run) if run else None
        notebook = debugging.prepare(project.config, project.state, task, run=chosen)
        root = project.root
    out.print(f"Wrote {notebook.path}", highlight=False)
    for warning in notebook.warnings:
        out.print(f"[yellow]![/] {warning}", highlight=False)
    if not no_open:
        subprocess.run([sys.executable, "-m", "jupyterlab", str(notebook.path)], cwd=root, check=False)
