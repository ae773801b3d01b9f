"""The command on why a window is as it is."""

from __future__ import annotations

from typing import Annotated

import typer

from roadworthy import insight
from roadworthy import project as projects
from roadworthy.cli.common import HERE, AsJson, Folder, err, out, printed_as_json
from roadworthy.errors import MonitoringError
from roadworthy.records import Record, WindowReport
from roadworthy.terminal.explanation import show_explanation

app = typer.Typer()


@app.command()
def explain(
    window: Annotated[
        str, typer.Argument(help="A window's start, such as 2013-05-01; by default the newest with rows.")
    ] = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Show what a window's features do together, and whether other inputs or another relation made the metric fall.

    Example: roadworthy explain 2013-05-01
    """
    with projects.load(folder) as project:
        report = _report(project.state.windows(), window)
        separation, pairs = insight.together(project, report)
        try:
            explanation = insight.why(project, report)
        except MonitoringError as error:
            explanation = None
            err.print(error.fact, markup=False, highlight=False)
    records: list[Record] = [separation, *pairs, *([explanation] if explanation else [])]
    if not printed_as_json(records, as_json):
        show_explanation(out, report.window, separation, pairs, explanation)


def _report(reports: list[WindowReport], name: str) -> WindowReport:
    found = [report for report in reports if (report.window.name == name if name else report.rows)]
    if not found:
        raise MonitoringError(
            f"No window {name} has been judged." if name else "No window has been judged yet.",
            "Run `roadworthy observe`, and see the windows with `roadworthy status`.",
        )
    return found[-1]
