"""The command line: each command parses, makes one call, and shows the result.

Exit codes: 0 done, 1 a gate said no, 2 the input or the project is wrong, 130 interrupted.
"""

from __future__ import annotations

import getpass
import json
import os
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from pydantic import BaseModel
from rich.console import Console

from roadworthy import demo as demonstration
from roadworthy import lifecycle, registry, terminal
from roadworthy import project as projects
from roadworthy.errors import ConfigError, DataRefused, GateRefused, MonitoringError, RoadworthyError
from roadworthy.project import Project
from roadworthy.records import CHALLENGER, CHAMPION
from roadworthy.serving import server
from roadworthy.status import status as read_status

app = typer.Typer(
    help="Takes a notebook that works and turns it into a service that keeps working.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)

Folder = Annotated[Path, typer.Option("--project", "-C", help="A folder inside the project.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Who = Annotated[str, typer.Option(help="Who does it; goes into the history.", envvar="ROADWORTHY_WHO")]
Reason = Annotated[str, typer.Option(help="Why; goes into the history.")]
HERE = Path()
INTERRUPTED = 130


def main() -> None:
    """Run the command line; failures the user can mend are told in two lines, without a traceback."""
    try:
        app()
    except RoadworthyError as error:
        err.print(f"[red]{type(error).__name__}[/]: ", end="")
        err.print(error.fact, markup=False, highlight=False)
        err.print(f"Next: {error.next_step}", markup=False, highlight=False)
        sys.exit(1 if isinstance(error, GateRefused | DataRefused) else 2)
    except (KeyboardInterrupt, SystemExit) as end:
        if isinstance(end, SystemExit) and end.code != INTERRUPTED:  # Typer turns Ctrl-C into this code
            raise
        err.print("Interrupted. What was done is kept; run the command again to go on.")
        sys.exit(INTERRUPTED)


@app.command()
def demo(
    folder: Annotated[Path, typer.Option(help="Where it works; made anew each time.")] = Path("roadworthy-demo"),
    quick: Annotated[bool, typer.Option("--quick", help="Fewer flights and months, about two minutes.")] = False,
) -> None:
    """Run the whole loop on real flights and tell its story. Exit code 1 when its account does not add up.

    Example: roadworthy demo --quick
    """
    if not demonstration.run(folder, out, quick=quick):
        raise typer.Exit(1)


@app.command()
def init(name: Annotated[str, typer.Argument(help="The project's name, which becomes its folder's.")]) -> None:
    """Start a project: a copy of the reference project, with a blank use case to fill in.

    Example: roadworthy init my-project
    """
    target = projects.init(name, Path.cwd())
    out.print(f"Made {target}. Next: cd {name}, then ploomber build; jupyter lab opens its notebooks.")
    out.print("Fill in the use case in pyproject.toml and the owners in monitoring/policy.yaml before a release.")


@app.command()
def ingest(file: Path, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Take a data file through the contract into the versioned table; bad rows go to quarantine.

    Example: roadworthy ingest flights-2013-05.parquet
    """
    with projects.load(folder) as project:
        found = lifecycle.ingest(project, file)
    if not _as_json(found, as_json):
        terminal.show_ingestion(out, found)


@app.command()
def build(
    env: Annotated[list[str] | None, typer.Option(help="Another value for a key of env.yaml, KEY=VALUE.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Run every task, fresh or not.")] = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Run the notebooks that are not fresh, by `ploomber build`, and show the run's record.

    Example: roadworthy build --env train_end=2013-06-01
    """
    with projects.load(folder) as project:
        run = lifecycle.train(project, _pairs(env or []), force=force)
    if not _as_json(run, as_json):
        terminal.show_run(out, run)


@app.command()
def release(
    products: Annotated[str | None, typer.Option(help="Folder of the build's products.")] = None,
    promote: Annotated[bool, typer.Option("--promote", help="Make it champion when it passes.")] = False,
    who: Who = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Put the last build through the gate and into the registry. Exit code 1 when the gate says no.

    The first version that passes becomes champion, a later one challenger.

    Example: roadworthy release --promote
    """
    with projects.load(folder) as project:
        version = lifecycle.release(project, who=who or _me(), products=products, promote=promote)
        alias = project.state.alias(CHAMPION)
    if not _as_json(version, as_json):
        out.print(f"Version {version.tag}")
        terminal.show_gate(out, version.gate)
        role = CHAMPION if alias and alias.version == version.tag else CHALLENGER
        out.print(f"It is {role} now." if version.gate.passed else "The gate says no; it stays out of production.")
    if not version.gate.passed:
        raise typer.Exit(1)


@app.command()
def promote(
    version: Annotated[str, typer.Argument(help="A version, the beginning of one, or 'challenger'.")],
    force: Annotated[bool, typer.Option("--force", help="Also what the gate or its smoke request refused.")] = False,
    reason: Reason = "",
    who: Who = "",
    folder: Folder = HERE,
) -> None:
    """Make a version champion; running services follow within seconds. Exit code 1 when the gate says no.

    Example: roadworthy promote challenger --reason "better in June"
    """
    with projects.load(folder) as project:
        entry = registry.promote(project.config, project.state, version, who=who or _me(), reason=reason, force=force)
    terminal.show_history(out, [entry])


@app.command()
def rollback(
    to: Annotated[str | None, typer.Option(help="A version; by default the champion before this one.")] = None,
    reason: Reason = "",
    who: Who = "",
    folder: Folder = HERE,
) -> None:
    """Go back to the former champion; running services follow within seconds.

    Example: roadworthy rollback --reason "warns of everything"
    """
    with projects.load(folder) as project:
        entry = registry.rollback(project.config, project.state, who=who or _me(), reason=reason, to=to)
    terminal.show_history(out, [entry])


@app.command()
def history(limit: int = 50, folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Show who did what to production, when, why and how long it took; newest first.

    Example: roadworthy history --json
    """
    with projects.load(folder) as project:
        entries = project.state.history(limit=limit)
    if not _as_json(entries, as_json):
        terminal.show_history(out, entries)


@app.command()
def serve(
    port: Annotated[int | None, typer.Option(help="0 takes a free one; by default the configured one.")] = None,
    host: Annotated[str | None, typer.Option(help="By default 127.0.0.1: this machine alone.")] = None,
    folder: Folder = HERE,
) -> None:
    """Serve the champion by `bentoml serve`, until Ctrl-C.

    Example: roadworthy serve --port 3001
    """
    with projects.load(folder) as project:
        config = project.config
    server.run(config, port=port, host=host)


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
    if not _as_json(account, as_json):
        out.print(
            f"{account.requests_sent:,} requests sent, {account.requests_answered:,} answered "
            f"({account.rows_answered:,} rows); {account.labels_sent:,} labels sent, {account.labels_accepted:,} taken"
        )


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
    if not _as_json(everything, as_json):
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
            _look(project, who or _me())
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
    if not _as_json(found, as_json):
        terminal.show_status(out, found, metric)


def _look(project: Project, who: str) -> None:
    try:
        decided = lifecycle.watch_once(project, who=who)
    except MonitoringError as error:
        out.print(f"{error.fact}", markup=False)
        return
    page = lifecycle.report(project)
    for decision in decided:
        terminal.show_decision(out, decision)
    out.print(f"{len(decided)} windows decided. Report: {page}")


def _as_json(content: BaseModel | Sequence[BaseModel], wanted: bool) -> bool:
    if wanted:
        value = content.model_dump(mode="json") if isinstance(content, BaseModel) else _dumped(content)
        typer.echo(json.dumps(value, indent=2))
    return wanted


def _dumped(content: Sequence[BaseModel]) -> list[object]:
    return [item.model_dump(mode="json") for item in content]


def _pairs(given: Sequence[str]) -> dict[str, str]:
    pairs = {}
    for text in given:
        key, equals, value = text.partition("=")
        if not equals or not key:
            raise ConfigError(f"--env {text!r} is not KEY=VALUE.", "Write it as --env train_end=2013-06-01.")
        pairs[key] = value
    return pairs


def _me() -> str:
    return os.environ.get("ROADWORTHY_WHO") or getpass.getuser()


if __name__ == "__main__":
    main()
