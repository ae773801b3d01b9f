"""What a build does just now can be read by everybody, and a dead one is not taken for one that goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from roadworthy.config import Config
from roadworthy.pipeline import progress
from roadworthy.pipeline.progress import Telling


def test_nothing_is_known_before_the_first_build(config: Config) -> None:
    assert progress.read(progress.place(config)) is None


def test_a_build_is_told_while_it_goes_on_and_after_it_has_ended(config: Config) -> None:
    telling = Telling(progress.place(config))
    telling.begin(["first", "second"], "ann")
    telling.tell("started", "first", reason="its code changed")
    telling.tell("recorded", "", run="r1")
    found = progress.read(progress.place(config))
    assert found is not None
    assert (found.who, found.run, found.process, found.alive) == ("ann", "r1", os.getpid(), True)
    assert found.running == {"first"}
    assert [(task.state, task.words) for task in found.tasks] == [("running", "its code changed"), ("waiting", "")]
    telling.tell("done", "first", seconds=1.5)
    telling.tell("held back", "second")
    telling.tell("ended", "", state="done")
    found = progress.read(progress.place(config))
    assert found is not None
    assert not found.alive
    assert found.running == frozenset()
    assert [(task.state, task.seconds) for task in found.tasks] == [("done", 1.5), ("held back", None)]


def test_the_next_build_begins_the_file_anew(config: Config) -> None:
    telling = Telling(progress.place(config))
    telling.begin(["first"], "ann")
    telling.tell("ended", "", state="done")
    telling.begin(["second"], "bob")
    found = progress.read(progress.place(config))
    assert found is not None
    assert (found.who, [task.name for task in found.tasks], found.ended) == ("bob", ["second"], None)


def test_a_builder_that_was_killed_runs_nothing(config: Config) -> None:
    script = (
        "import os, signal, sys\nfrom pathlib import Path\n"
        "from roadworthy.pipeline.progress import Telling\n"
        "telling = Telling(Path(sys.argv[1]))\ntelling.begin(['first'], 'ann')\n"
        "telling.tell('started', 'first')\nos.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", script, str(progress.place(config))], check=False)
    found = progress.read(progress.place(config))
    assert found is not None
    assert found.tasks[0].state == "running"
    assert not found.alive
    assert found.running == frozenset()


def test_a_line_that_is_still_being_written_is_left_for_the_next_look(config: Config) -> None:
    telling = Telling(progress.place(config))
    telling.begin(["first"], "ann")
    with config.private("building.jsonl").open("a") as file:
        file.write(json.dumps({"event": "started", "task": "first"})[:12])
    found = progress.read(progress.place(config))
    assert found is not None
    assert found.tasks[0].state == "waiting"
