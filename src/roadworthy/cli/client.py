"""Commands for those who call the service: a client, and whether what they rely on still holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from roadworthy import project as projects
from roadworthy import registry
from roadworthy.cli.common import HERE, AsJson, Folder, out, printed_as_json
from roadworthy.records import CHAMPION
from roadworthy.serving import client as clients
from roadworthy.serving import consumers as consuming
from roadworthy.terminal.serving import show_consumers

app = typer.Typer()


@app.command()
def client(
    output: Annotated[Path, typer.Option(help="The folder to write to.")] = Path("client"),
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Write a typed Python client and curl examples for the service, from the contract.

    Example: roadworthy client --output client
    """
    with projects.load(folder) as project:
        written = clients.write(project.config, project.dataset, output)
    if not printed_as_json(written, as_json):
        out.print(f"{written.folder}: {', '.join(written.files)}", markup=False, highlight=False)


@app.command()
def consumers(
    version: Annotated[str, typer.Option(help="A version, or the beginning of one.")] = CHAMPION,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Show for each consumer of the service whether a version answers it as it relies on. Exit code 1 when one breaks.

    Example: roadworthy consumers --version challenger
    """
    with projects.load(folder) as project:
        settings = project.config.settings
        found = consuming.read(project.config.path(settings.service.consumers))
        model = registry.load(project.config, registry.resolve(project.state, version).tag)
        threshold, most = settings.use_case.value.threshold, settings.service.max_rows
        checked = consuming.check(found, project.dataset, model, threshold, most)
    if not printed_as_json(checked, as_json):
        show_consumers(out, checked)
    if any(each.problems for each in checked):
        raise typer.Exit(1)
