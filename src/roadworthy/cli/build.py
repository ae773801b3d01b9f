"""The command that runs the notebooks which are not fresh."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated

import typer

from roadworthy import config as configuration
from roadworthy import contract as contracts
from roadworthy import terminal
from roadworthy.cli.common import HERE, AsJson, Folder, out, pairs, printed_as_json
from roadworthy.config import Config
from roadworthy.pipeline import build as pipeline
from roadworthy.pipeline.options import BuildOptions
from roadworthy.state import State
from roadworthy.terminal.progress import BuildDisplay

app = typer.Typer()


@app.command()
def build(
    env: Annotated[list[str] | None, typer.Option(help="Another value for a key of env.yaml, KEY=VALUE.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="This task and what it needs, nothing else.")] = None,
    as_of: Annotated[str, typer.Option(help="Read tables as they were: a version, a time, a pin, TABLE=VERSION.")] = "",
    jobs: Annotated[int | None, typer.Option(help="Tasks that may run at once; 0 is one for each core.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Run every task, fresh or not.")] = False,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Run the notebooks that are not fresh, by `ploomber build`, and show the run's record.

    Example: roadworthy build --env train_end=2013-06-01 --jobs 2
    """
    config = configuration.load(configuration.find_root(folder))
    parameters, wanted = pairs(env or [], "--env"), tuple(only or ())
    if not force and not as_of:
        with State.open(config.state_address) as state:
            fresh = pipeline.fresh(config, state, parameters, wanted)
            if fresh is not None and as_json:
                printed_as_json(pipeline.existing(config, state, parameters), as_json)
            elif fresh is not None:
                out.print(f"Nothing to do: {len(fresh)} tasks are fresh ({', '.join(fresh)}).")
            if fresh is not None:
                return
    versions = _past(config, as_of) if as_of else {}
    with BuildDisplay(quiet=as_json) as display:
        run = pipeline.build(
            config,
            parameters,
            force=force,
            options=BuildOptions(only=wanted, as_of=versions, jobs=jobs),
            on_event=display.take,
        )
    if not printed_as_json(run, as_json):
        terminal.show_run(out, run)


def _past(config: Config, words: str) -> dict[str, int]:
    # imported only when it is asked for, like a command: tables bring pandas and Delta with them
    resolve, tables = import_module("roadworthy.past").resolve, import_module("roadworthy.tables").Tables
    contract = contracts.read(config.path(config.settings.contract))
    with State.open(config.state_address) as state:
        names = [dataset.name for dataset in contract.datasets]
        found: dict[str, int] = resolve(tables(config.tables_address), state, names, words)
    return found
