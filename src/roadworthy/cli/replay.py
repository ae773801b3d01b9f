"""The command that sends a file's rows to the service as if they came now."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from roadworthy import lifecycle
from roadworthy import project as projects
from roadworthy.cli.common import HERE, AsJson, Folder, out, printed_as_json

app = typer.Typer()


@app.command()
def replay(
    file: Path,
    address: Annotated[str | None, typer.Option(help="The service; by default the configured host and port.")] = None,
    label_delay: Annotated[float, typer.Option(help="Hours after the event at which its label is sent.")] = 24.0,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Send a file's rows to the service in the order of their time, and their labels late.

    Example: roadworthy replay flights-2013-05.parquet
    """
    with projects.load(folder) as project:
        account = lifecycle.replay(project, file, address, label_delay=timedelta(hours=label_delay))
    if not printed_as_json(account, as_json):
        out.print(
            f"{account.requests_sent:,} requests sent, {account.requests_answered:,} answered "
            f"({account.rows_answered:,} rows); {account.labels_sent:,} labels sent, {account.labels_accepted:,} taken"
        )
