"""Commands on what the service is asked: replay, windows, decisions, status."""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer

from roadworthy import labelling, lifecycle, rollouts, terminal
from roadworthy import project as projects
from roadworthy.cli.common import HERE, AsJson, Folder, Who, err, me, out, printed_as_json
from roadworthy.data.readers import Format
from roadworthy.errors import MonitoringError, RoadworthyError
from roadworthy.project import Project
from roadworthy.status import status as read_status
from roadworthy.terminal import data as shown
from roadworthy.terminal.rollout import show_rollout

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


@app.command()
def observe(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Judge the windows of traffic that changed, and write the report; nothing else is done.

    Example: roadworthy observe --json
    """
    with projects.load(folder) as project:
        reports = lifecycle.observe(project)
        page = lifecycle.report(project)
        everything = project.state.windows()
        metric = project.config.settings.use_case.metric
    if not printed_as_json(everything, as_json):
        terminal.show_windows(out, everything, metric)
        out.print(f"{len(reports)} of {len(everything)} windows were judged anew. Report: {page}")


@app.command()
def watch(
    every: Annotated[float, typer.Option(help="Seconds between two looks.")] = 60.0,
    once: Annotated[bool, typer.Option("--once", help="Look once and end, as for cron.")] = False,
    who: Who = "",
    folder: Folder = HERE,
) -> None:
    """Observe, decide and act by the policy: alert, retrain, promote, roll back. Until Ctrl-C.

    Example: roadworthy watch --once
    """
    with projects.load(folder) as project:
        while True:
            try:
                _look(project, who or me())
            except RoadworthyError as error:  # a store that is away may be there again at the next look
                if once:
                    raise
                terminal.show_error(err, error)
            if once:
                return
            time.sleep(every)


@app.command()
def status(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Show champion, last run, windows, open alerts and running services.

    Example: roadworthy status --json
    """
    with projects.load(folder) as project:
        found = read_status(project)
        metric = project.config.settings.use_case.metric
    if not printed_as_json(found, as_json):
        terminal.show_status(out, found, metric)


def _look(project: Project, who: str) -> None:
    running = project.state.running_rollout()
    try:
        decided = lifecycle.watch_once(project, who=who)
    except MonitoringError as error:
        out.print(f"{error.fact}", markup=False)
        return
    finally:
        if running is not None:
            show_rollout(out, rollouts.kept(project))
    page = lifecycle.report(project)
    for decision in decided:
        terminal.show_decision(out, decision)
    out.print(f"{len(decided)} windows decided. Report: {page}")
