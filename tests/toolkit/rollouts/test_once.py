"""However many look at a rollout, and whenever they are killed: it is led on once."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from roadworthy import project as projects
from roadworthy import rollouts
from roadworthy.project import Project
from roadworthy.records import Rollout

if TYPE_CHECKING:
    from conftest import Crew

_LOOKING = """
import sys
from datetime import datetime
from pathlib import Path
from roadworthy import project, rollouts
with project.load(Path(sys.argv[1])) as opened:
    print("ready", flush=True)
    rollouts.look(opened, who="watch", now=datetime.fromisoformat(sys.argv[2]))
    print("done", flush=True)
"""


def _at_once(root: Path, moment: datetime, looks: int = 4) -> list[Rollout | None]:
    """Look from several threads at the same moment, each with its own project."""
    ready, found = threading.Barrier(looks), list[Rollout | None]()

    def one() -> None:
        with projects.load(root) as project:
            project.state.running_rollout()
            ready.wait()
            found.append(rollouts.look(project, who="watch", now=moment))

    threads = [threading.Thread(target=one) for _ in range(looks)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def test_looks_at_the_same_moment_act_once(root: Path, project: Project, pair: tuple[str, str], crew: Crew) -> None:
    rollout = crew.start(project, pair[1], 0.1, 0.5)
    crew.answer(project, rollout)
    assert {found.step for found in _at_once(root, rollout.since + crew.later) if found} == {1}
    second = project.state.running_rollout()
    assert second is not None
    crew.answer(project, second)
    found = _at_once(root, second.since + crew.later)
    assert {one.state for one in found if one} == {"promoted"}
    actions = [entry.action for entry in project.state.history()]
    assert (actions.count("promote"), actions.count("rollout")) == (2, 2)  # the first champion; start and second step


@pytest.mark.slow
def test_a_kill_at_any_moment_neither_promotes_twice_nor_leaves_it_hanging(
    root: Path, project: Project, pair: tuple[str, str], crew: Crew
) -> None:
    rollout = crew.start(project, pair[1], 0.5)
    crew.answer(project, rollout)
    moment = rollout.since + crew.later
    for delay in (0.0, 0.2, 0.6):
        command = [sys.executable, "-c", _LOOKING, str(root), moment.isoformat()]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "ready\n"
            time.sleep(delay)
            process.kill()
        running = project.state.running_rollout()
        assert (running is None) == (crew.champion(project) == pair[1])
    rollouts.look(project, who="watch", now=moment)
    assert project.state.rollouts()[0].state == "promoted"
    assert [entry.action for entry in project.state.history()].count("promote") == 2
