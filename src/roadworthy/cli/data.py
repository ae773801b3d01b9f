"""Commands on data: rows into the table, and the versions of tables."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Annotated

import typer

from roadworthy import past, terminal
from roadworthy import project as projects
from roadworthy.cli.common import HERE, AsJson, Folder, Reason, Who, err, me, out, printed_as_json
from roadworthy.contract import Dataset
from roadworthy.data import follow as following
from roadworthy.data import ingest as ingestion
from roadworthy.data import sources, versions
from roadworthy.data.ingest import OnProblem
from roadworthy.data.readers import Format
from roadworthy.errors import DataRefused, RoadworthyError, TableError
from roadworthy.project import Project
from roadworthy.records import Ingestion
from roadworthy.terminal import data as shown
from roadworthy.terminal.progress import rows_taken

app = typer.Typer()
data = typer.Typer(help="Versions of tables: what happened, what changed, the way back, and clearing up.")
app.add_typer(data, name="data")

Table = Annotated[str, typer.Argument(help="A table; by default the dataset that the model learns from.")]


@app.command()
def ingest(
    address: Annotated[str, typer.Argument(help="A file, folder or glob, - for standard input, a database.")],
    dataset: Annotated[str, typer.Option(help="The contract's dataset; by default the model's.")] = "",
    query: Annotated[str | None, typer.Option(help="A SELECT statement, for a database.")] = None,
    format: Annotated[Format | None, typer.Option(help="csv, jsonl or parquet, where the name does not say.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what comes, until Ctrl-C.")] = False,
    watermark: Annotated[str | None, typer.Option(help="The query's column that only rises, to follow it by.")] = None,
    every: Annotated[float, typer.Option(help="Seconds between two looks, with --follow.")] = 5.0,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Take rows through the contract into the versioned table; bad rows go to quarantine.

    Exit code 1 when a batch was refused as breaking the contract too often.

    Example: roadworthy ingest "arrivals/*.csv"
    """
    refused: list[RoadworthyError] = []

    def problem(_: str, error: RoadworthyError) -> None:
        refused.append(error)
        terminal.show_error(err, error)

    with projects.load(folder) as project:
        if follow:
            taken = _followed(project, address, problem, dataset, query, watermark, format, every)
            for found in taken:
                if not printed_as_json(found, as_json):
                    terminal.show_ingestion(out, found)
            return
        source = sources.open_source(address, query=query, format=format)
        with rows_taken(source.name, quiet=as_json) as progress:
            batches = ingestion.ingest_source(
                source,
                dataset=_dataset(project, dataset),
                tables=project.tables,
                state=project.state,
                policy=project.config.policy.quarantine,
                on_progress=progress,
                on_problem=problem,
            )
    if not printed_as_json(batches, as_json):
        for found in batches:
            terminal.show_ingestion(out, found)
    if refused:
        raise typer.Exit(1 if all(isinstance(error, DataRefused) for error in refused) else 2)


@data.command()
def log(table: Table = "", limit: int = 20, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Show a table's versions, newest first: what made each, and why it is kept.

    Example: roadworthy data log flights
    """
    with projects.load(folder) as project:
        found = versions.log(project.tables, project.state, _table(project, table), limit=limit)
    if not printed_as_json(found, as_json):
        shown.show_log(out, found)


@data.command()
def diff(
    before: Annotated[str, typer.Argument(help="A version, a time such as 2026-11-01, or a pin.")],
    after: Annotated[str, typer.Argument(help="As before; by default the newest.")] = "",
    table: Annotated[str, typer.Option(help="By default the dataset that the model learns from.")] = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Show what changed in a table between two versions.

    Example: roadworthy data diff 3 5
    """
    with projects.load(folder) as project:
        name = _table(project, table)
        newer = _version(project, name, after) if after else project.tables.version(name)
        key = _identifier(project, name)
        found = project.tables.diff(name, _version(project, name, before), newer, key=key)
    if not printed_as_json(found, as_json):
        shown.show_difference(out, found)


@data.command()
def restore(
    version: Annotated[str, typer.Argument(help="A version, a time such as 2026-11-01, or a pin.")],
    table: Annotated[str, typer.Option(help="By default the dataset that the model learns from.")] = "",
    reason: Reason = "",
    who: Who = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Make a new version with the rows of an old one; nothing is lost.

    Example: roadworthy data restore 3 --reason "a double delivery"
    """
    with projects.load(folder) as project:
        name = _table(project, table)
        chosen = _version(project, name, version)
        found = versions.restore(project.tables, name, chosen, who=who or me(), reason=reason)
    if not printed_as_json(found, as_json):
        out.print(found.words, highlight=False)


@data.command()
def pin(
    name: Annotated[str, typer.Argument(help="What the version is to go by, such as 'paper 2026'.")],
    version: Annotated[str, typer.Option(help="A version or a time; by default the newest.")] = "",
    table: Annotated[str, typer.Option(help="By default the dataset that the model learns from.")] = "",
    who: Who = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Keep a version under a name: it is never removed, and can be built on by `build --as-of NAME`.

    Example: roadworthy data pin "paper 2026"
    """
    with projects.load(folder) as project:
        chosen = _table(project, table)
        number = _version(project, chosen, version) if version else None
        found = versions.pin(project.tables, project.state, chosen, name, who=who or me(), version=number)
    if not printed_as_json(found, as_json):
        out.print(f"Version {found.version} of {found.dataset} is kept as {found.name!r}.", highlight=False)


@data.command()
def unpin(
    name: str,
    table: Annotated[str, typer.Option(help="By default the dataset that the model learns from.")] = "",
    folder: Folder = HERE,
) -> None:
    """Forget a pin; its version may then be removed like any other.

    Example: roadworthy data unpin "paper 2026"
    """
    with projects.load(folder) as project:
        found = versions.unpin(project.state, _table(project, table), name)
    out.print(f"Version {found.version} of {found.dataset} is no longer kept as {found.name!r}.", highlight=False)


@data.command()
def compact(table: Table = "", who: Who = "", folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Make few large files of many small ones; every version stays readable.

    Example: roadworthy data compact flights
    """
    with projects.load(folder) as project:
        found = project.tables.compact(_table(project, table), who=who or me())
    if not printed_as_json(found, as_json):
        out.print(f"{found.table}: {found.written} files stand in for {found.replaced}.", highlight=False)


@data.command()
def vacuum(
    table: Table = "",
    days: Annotated[int | None, typer.Option(help="Keep what was replaced since; by default the policy's.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be removed.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Remove the files of old versions that no model, no pin and no running build needs.

    Example: roadworthy data vacuum --dry-run
    """
    with projects.load(folder) as project:
        name = _table(project, table)
        age = timedelta(days=project.config.policy.retention.days if days is None else days)
        if not dry_run and not yes:
            would = versions.vacuum(project.tables, project.state, name, older_than=age, dry_run=True)
            shown.show_cleaning(out, would)
            typer.confirm("Remove them for good?", abort=True)
        found = versions.vacuum(project.tables, project.state, name, older_than=age, dry_run=dry_run)
    if not printed_as_json(found, as_json):
        shown.show_cleaning(out, found)


def _followed(
    project: Project,
    address: str,
    problem: OnProblem,
    dataset: str,
    query: str | None,
    watermark: str | None,
    format: Format | None,
    every: float,
) -> Iterator[Ingestion]:
    return following.follow(
        address,
        dataset=_dataset(project, dataset),
        tables=project.tables,
        state=project.state,
        policy=project.config.policy.quarantine,
        every=every,
        stop=lambda: False,
        on_problem=problem,
        query=query,
        watermark=watermark,
        format=format,
    )


def _dataset(project: Project, name: str) -> Dataset:
    return project.contract.dataset(name) if name else project.dataset


def _table(project: Project, name: str) -> str:
    return name or project.config.settings.dataset


def _version(project: Project, table: str, words: str) -> int:
    found = past.resolve(project.tables, project.state, [table], words)
    if table not in found:
        raise TableError(f"{words!r} is no version of table {table!r}.", f"See `roadworthy data log {table}`.")
    return found[table]


def _identifier(project: Project, table: str) -> str | None:
    known = {dataset.name: dataset for dataset in project.contract.datasets}
    columns = known[table].with_role("identifier") if table in known else ()
    return columns[0].name if columns else None
