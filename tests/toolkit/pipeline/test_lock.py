from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from roadworthy.config import Config
from roadworthy.pipeline.lock import only_builder

HOLD = """
import sys, time
from pathlib import Path
from roadworthy import config
from roadworthy.pipeline.lock import only_builder
with only_builder(config.load(Path.cwd())):
    print("held", flush=True)
    sys.stdin.readline()
"""


def holding(root: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD], cwd=root, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_who_waits_is_told_who_builds(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    with holding(config.root) as other:
        waiting = subprocess.Popen(
            [sys.executable, "-c", HOLD],
            cwd=config.root,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert waiting.stderr is not None
        said = waiting.stderr.readline()
        assert "Waiting for another build of this project to end (" in said
        assert f"process {other.pid} on " in said
        other.communicate("\n")
        assert waiting.communicate(timeout=60)[0] == "held\n"
    with only_builder(config):
        assert capsys.readouterr().err == ""


def test_the_lock_of_a_killed_process_is_free(config: Config, capsys: pytest.CaptureFixture[str]) -> None:
    with holding(config.root) as other:
        os.kill(other.pid, signal.SIGKILL)
        other.communicate()
    assert config.path(".roadworthy/build.holder").exists()  # it had no time to take it away
    with only_builder(config):
        assert capsys.readouterr().err == ""
    assert not config.path(".roadworthy/build.holder").exists()
