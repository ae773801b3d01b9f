"""The command that takes outcomes of what was predicted."""

from __future__ import annotations

from typing import Annotated

import typer

from roadworthy import labelling
from roadworthy import project as projects
from roadworthy.cli.common import HERE, AsJson, Folder, out, printed_as_json
from roadworthy.data.readers import Format
from roadworthy.terminal import data as shown

app = typer.Typer()


@app.command()
def labels(
    source: Annotated[str, typer.Argument(help="A file, folder or glob, - for standard input, or table:NAME.")],
    query: Annotated[str | None, typer.Option(help="A SELECT statement, for a database.")] = None,
    format: Annotated[Format | None, typer.Option(help="csv, jsonl or parquet, where the name does not say.")] = None,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Take outcomes of what was predicted, by request_id and row or by the dataset's identifier.

    Columns: request_id, row (0 without it) and label; or the identifier and the label. A column `at` may say from when
    each was known. What is there already is not added again. Exit code 1 when a row has a value that is none.

    Example: roadworthy labels outcomes-2013-05.csv
    """
    with projects.load(folder) as project:
        account = labelling.load(project, source, query=query, format=format)
    if not printed_as_json(account, as_json):
        shown.show_labels(out, account)
    if account.bad:
        raise typer.Exit(1)
