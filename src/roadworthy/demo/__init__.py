"""The demo: the whole loop on a year of real flights, told as it happens.

Nothing here decides anything. Each step calls what a user would call, and prints what was found, whatever it is.
"""

from __future__ import annotations

import time
from datetime import timedelta
from pathlib import Path

from filelock import FileLock, Timeout
from rich.console import Console

from roadworthy import project as projects
from roadworthy import terminal
from roadworthy.demo.account import settle
from roadworthy.demo.pager import nobody_answers
from roadworthy.demo.stage import FULL, MARKER, NAME, QUICK, Plan, chapter, fresh_project, later_flights
from roadworthy.demo.story import (
    Story,
    build_and_release,
    champion,
    finish,
    live_through_the_year,
    lose_the_watch,
    mistake,
    see_to_it,
)
from roadworthy.demo.windows import judge_otherwise
from roadworthy.errors import ProjectError
from roadworthy.serving import tokens
from roadworthy.serving.replay import Replayer
from roadworthy.serving.server import Server

__all__ = ["MARKER", "NAME", "run"]

LABEL_DELAY = timedelta(hours=24)


def run(folder: Path, console: Console, *, quick: bool) -> bool:
    """Run the demo in a folder of its own, and return whether its account adds up.

    Raises
    ------
    ProjectError
        When the folder holds something that is not an earlier demo.
    """
    folder = folder.resolve()
    if folder.exists() and any(folder.iterdir()) and not (folder / MARKER).exists():
        raise ProjectError(f"{folder} is not empty and not an earlier demo.", "Name another folder with --folder.")
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(folder / MARKER, timeout=0):
            return _play(folder, console, QUICK if quick else FULL)
    except Timeout as error:
        raise ProjectError(
            f"Another demo is running in {folder}.", "Wait for it, or name another folder with --folder."
        ) from error


def _play(folder: Path, console: Console, plan: Plan) -> bool:
    started = time.monotonic()
    chapter(console, 0, "A project", "a copy of the reference project, in a folder of its own")
    root = fresh_project(folder, plan)
    console.print(f"  {root}")
    with projects.load(root) as project:
        console.print(f"  {project.config.settings.use_case.problem}")
        build_and_release(project, console)
        traffic = later_flights(project, plan, console)
        chapter(console, 4, "Serve", "bentoml serve, on a free port of this machine")
        with Server.start(project.config, port=0) as server:
            console.print(f"  {server.address} answers with {terminal.short(champion(project).tag)}")
            replayer = Replayer(
                project.config,
                project.dataset,
                server.address,
                label_delay=LABEL_DELAY,
                token=tokens.local(project.config, project.state),
            )
            story = Story(project, console, plan, server, replayer, traffic)
            lose_the_watch(story)
            live_through_the_year(story)
            mistake(story)
            finish(story)
            nobody_answers(story)
            see_to_it(story)
            judge_otherwise(story)
        return settle(story, started)
