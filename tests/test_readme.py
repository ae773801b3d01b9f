"""README's everyday way, command by command, as it is written there, and the guide's Python."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from filelock import FileLock

REPOSITORY = Path(__file__).parents[1]
BLOCK = re.compile(r"```sh\n(.*?)```", re.DOTALL)
START, GATE, SERVE, LOOK, BACK = range(2, 7)  # which block is which; the first two set up a machine
ADDRESS = "http://127.0.0.1:3000"


def _blocks() -> list[list[str]]:
    return [block.strip().splitlines() for block in BLOCK.findall((REPOSITORY / "README.md").read_text())]


def test_setting_up_is_what_the_makefile_does() -> None:
    with_make, without = _blocks()[:2]
    assert with_make[1:] == ["make demo", "make test"]
    makefile = (REPOSITORY / "Makefile").read_text().replace("$(BIN)/python -m ", "").replace("--quiet ", "")
    for line in without:
        if line.startswith("pip install --constraint"):
            assert line in makefile, line


class Shell:
    """Runs lines in a project's folder, with this environment's commands first on the path."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        self.environment = os.environ | {"PATH": path, "BENTOML_HOME": str(folder / "bentoml")}

    def run(self, line: str) -> subprocess.CompletedProcess[str]:
        """Run one line to its end."""
        return subprocess.run(
            ["bash", "-c", line], cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )

    @contextmanager
    def background(self, line: str) -> Iterator[None]:
        """Keep a line running, from when it answers until the block ends."""
        with (self.folder / "serve.log").open("w") as log:
            command = ["bash", "-c", f"exec {line}"]
            process = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log)
            try:
                _wait_until_it_answers(process)
                yield
            finally:
                process.send_signal(signal.SIGINT)
                process.wait(30)


def _wait_until_it_answers(process: subprocess.Popen[bytes]) -> None:
    for _ in range(240):
        assert process.poll() is None, "the service ended"
        try:
            urllib.request.urlopen(f"{ADDRESS}/readyz")  # noqa: S310  # our own server
        except OSError:
            time.sleep(0.25)
        else:
            return
    pytest.fail("the service did not get ready")


def _fill_in(project: Path) -> None:
    settings, policy = project / "pyproject.toml", project / "monitoring" / "policy.yaml"
    settings.write_text(settings.read_text().replace('problem = ""', 'problem = "Warn of late flights."'))
    text = policy.read_text().replace('name: ""', 'name: "Ada"').replace('contact: ""', 'contact: "ada@example.org"')
    policy.write_text(text)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_everyday_way(tmp_path: Path, default_port: FileLock) -> None:
    blocks = _blocks()
    init, enter, build = blocks[START]
    assert Shell(tmp_path).run(init).returncode == 0
    shell = Shell(tmp_path / enter.removeprefix("cd "))
    env = shell.folder / "env.yaml"
    env.write_text(env.read_text().replace('share: "1.0"', 'share: "0.2"'))  # the same, with fewer flights
    built = shell.run(build)
    assert built.returncode == 0, built.stdout + built.stderr

    refused = shell.run(*blocks[GATE])
    assert refused.returncode == 1
    assert "blank: fill in" in refused.stdout
    _fill_in(shell.folder)

    release, serve = blocks[SERVE]
    done = shell.run(release)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "It is champion now." in done.stdout
    with default_port, shell.background(serve):
        for line in blocks[LOOK]:
            done = shell.run(line)
            assert done.returncode == 0, f"{line}\n{done.stdout}{done.stderr}"
            assert done.stdout or line.startswith("python"), line
        assert '"model_version":"my-project:' in shell.run(blocks[LOOK][0]).stdout.replace(": ", ":")

    guide = "".join(re.findall(r"```python\n(.*?)```", (REPOSITORY / "docs" / "guide.md").read_text(), re.DOTALL))
    (shell.folder / "guide.py").write_text(guide)
    done = shell.run("python guide.py")
    assert done.returncode == 0, done.stderr

    (back,) = blocks[BACK]
    nothing_before = shell.run(back)
    assert nothing_before.returncode == 2
    assert "former champion" in nothing_before.stderr + nothing_before.stdout
    assert shell.run(release).returncode == 0
    done = shell.run(back)
    assert done.returncode == 0, done.stderr
    assert "warns of everything" in shell.run("roadworthy history").stdout
