"""The guide's chapters, command by command, each in a project fresh from `roadworthy init`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

REPOSITORY = Path(__file__).parents[1]
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
CODE = re.compile(r"# exit code (\d)")
ENDLESS = "# until Ctrl-C"
SERVING = "# keeps running"


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("chapter", ["data", "runs", "serving"])
def test_a_chapter_is_true(tmp_path: Path, chapter: str, default_port: FileLock) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = os.environ | {"PATH": path, "BENTOML_HOME": str(tmp_path / "bentoml")}
    project = tmp_path / "my-project"

    def run(line: str, folder: Path = project) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", line], cwd=folder, env=environment, capture_output=True, text=True, check=False
        )

    assert run("roadworthy init my-project", tmp_path).returncode == 0
    env = project / "env.yaml"
    env.write_text(env.read_text().replace('share: "1.0"', 'share: "0.2"'))  # the same, with fewer flights
    lines = "".join(BLOCK.findall((REPOSITORY / "docs" / f"{chapter}.md").read_text())).splitlines()
    assert len(lines) > 8
    with ExitStack() as running:
        for line in lines:
            if ENDLESS in line:
                _interrupted(line, project, environment)
                continue
            if SERVING in line:
                running.enter_context(default_port)
                running.enter_context(_serving(line, project, environment))
                continue
            expected = int(found[1]) if (found := CODE.search(line)) else 0
            done = run(line)
            assert done.returncode == expected, f"{line}\n{done.stdout}{done.stderr}"
            assert "Traceback" not in done.stderr, f"{line}\n{done.stderr}"
            assert not line.startswith("curl") or '"model_version"' in done.stdout, done.stdout


def _interrupted(line: str, project: Path, environment: dict[str, str]) -> None:
    """Let a line that goes on for ever say something, then press Ctrl-C."""
    command = ["bash", "-c", f"exec {line}"]
    with subprocess.Popen(command, cwd=project, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode in (0, 130)


@contextmanager
def _serving(line: str, project: Path, environment: dict[str, str]) -> Iterator[None]:
    """Keep a service running in a terminal of its own until the chapter ends."""
    with (project / "serve.log").open("w") as log:
        process = subprocess.Popen(["bash", "-c", f"exec {line}"], cwd=project, env=environment, stdout=log, stderr=log)
    try:
        for _ in range(480):
            assert process.poll() is None, "the service ended"
            try:
                urllib.request.urlopen("http://127.0.0.1:3000/readyz")
                break
            except OSError:
                time.sleep(0.25)
        else:
            pytest.fail("the service did not get ready")
        yield
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(30)
