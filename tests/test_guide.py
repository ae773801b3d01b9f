"""The guide's chapters on data and on runs, command by command, each in a project fresh from `roadworthy init`."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).parents[1]
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
CODE = re.compile(r"# exit code (\d)")
ENDLESS = "# until Ctrl-C"


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("chapter", ["data", "runs"])
def test_a_chapter_is_true(tmp_path: Path, chapter: str) -> None:
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
    for line in lines:
        if ENDLESS in line:
            _interrupted(line, project, environment)
            continue
        expected = int(found[1]) if (found := CODE.search(line)) else 0
        done = run(line)
        assert done.returncode == expected, f"{line}\n{done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr, f"{line}\n{done.stderr}"


def _interrupted(line: str, project: Path, environment: dict[str, str]) -> None:
    """Let a line that goes on for ever say something, then press Ctrl-C."""
    command = ["bash", "-c", f"exec {line}"]
    with subprocess.Popen(command, cwd=project, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
    assert process.returncode in (0, 130)
