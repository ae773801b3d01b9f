"""The command that scores files and tables."""

from __future__ import annotations

from typing import Annotated

import typer

from roadworthy import project as projects
from roadworthy.cli.common import HERE, AsJson, Folder, out, printed_as_json
from roadworthy.records import CHAMPION
from roadworthy.scoring import CHUNK_ROWS
from roadworthy.scoring import score as score_rows
from roadworthy.terminal.progress import rows_done
from roadworthy.terminal.serving import show_scoring

app = typer.Typer()


@app.command()
def score(
    source: Annotated[str, typer.Argument(metavar="INPUT", help="A file, folder or glob, or table:NAME[@VERSION].")],
    output: Annotated[str, typer.Argument(metavar="OUTPUT", help="A .parquet, .csv or .jsonl file, or table:NAME.")],
    version: Annotated[str, typer.Option(help="A version, or the beginning of one.")] = CHAMPION,
    chunk_rows: Annotated[int, typer.Option(help="Rows that are answered and written at once.")] = CHUNK_ROWS,
    no_capture: Annotated[bool, typer.Option("--no-capture", help="Leave the answers out of monitoring.")] = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Answer the rows of a file or table as the service would; run it again after a kill, and it goes on.

    Rows that break the contract go beside the output. Exit code 1 when they are more than the policy tolerates; the
    others are answered all the same.

    Example: roadworthy score "flights/*.parquet" late.csv
    """
    with projects.load(folder) as project, rows_done(source, quiet=as_json) as progress:
        account = score_rows(
            project,
            source,
            output,
            version=version,
            chunk_rows=chunk_rows,
            capture=not no_capture,
            on_progress=progress,
        )
    if not printed_as_json(account, as_json):
        show_scoring(out, account)
    if account.too_many:
        raise typer.Exit(1)
