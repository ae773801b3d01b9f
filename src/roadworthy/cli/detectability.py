"""The command on what monitoring would find, and how soon."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from roadworthy import detectability as outlooks
from roadworthy import project as projects
from roadworthy.cli.common import HERE, AsJson, Folder, err, out, printed_as_json
from roadworthy.monitoring.detectability import POWER
from roadworthy.records import CHAMPION
from roadworthy.terminal.detectability import show_detectability

app = typer.Typer()


@app.command()
def detectability(
    version: Annotated[str, typer.Argument(help="A version, or the beginning of one.")] = CHAMPION,
    rows_per_day: Annotated[float | None, typer.Option(help="By default measured on captured traffic.")] = None,
    label_delay: Annotated[
        float | None, typer.Option(help="Hours until a label comes; by default measured on labels.")
    ] = None,
    labelled_share: Annotated[
        float | None, typer.Option(help="Share of the rows that ever get a label; by default measured.")
    ] = None,
    power: Annotated[float, typer.Option(min=0.5, max=0.99, help="Chance with which it is found.")] = POWER,
    output: Annotated[Path | None, typer.Option(help="Draw it too, into a file .svg or .png.")] = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Show the smallest shift of each feature, and fall of the metric, found within a day, a week, a month.

    At your traffic, your label delay and the policy's budget of false alarms, on the version's own training data.

    Example: roadworthy detectability --rows-per-day 20000 --label-delay 48 --output detectability.svg
    """
    with projects.load(folder) as project:
        found = outlooks.outlook(
            project,
            version,
            rows_per_day=rows_per_day,
            label_delay=None if label_delay is None else timedelta(hours=label_delay),
            labelled_share=labelled_share,
            power=power,
        )
    if output is not None:
        outlooks.draw(found, output)
    if not printed_as_json(found, as_json):
        show_detectability(out, found)
    if output is not None:
        err.print(f"Drawn into {output}", markup=False, highlight=False)
