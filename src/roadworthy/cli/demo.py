"""The command that shows it all on real flights."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from roadworthy import demo as demonstration
from roadworthy.cli.common import out

app = typer.Typer()


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where it works; made anew each time.")] = Path("roadworthy-demo"),
    quick: Annotated[bool, typer.Option("--quick", help="Fewer flights and months, a few minutes.")] = False,
) -> None:
    """Run the whole loop on real flights and tell its story. Exit code 1 when its account does not add up.

    Example: roadworthy demo --quick
    """
    if not demonstration.run(folder, out, quick=quick):
        raise typer.Exit(1)
