"""The extension's wheel: of one version with the package, installed without node, the same bytes each time."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, expect

if TYPE_CHECKING:
    from conftest import Lab

    Served = Callable[..., AbstractContextManager[Lab]]

REPOSITORY = Path(__file__).parents[2]
EXTENSION = REPOSITORY / "extensions" / "jupyterlab"


def test_page_and_server_are_of_one_version() -> None:
    """The page names a mismatch, so a release must not bring one."""
    described = tomllib.loads((EXTENSION / "pyproject.toml").read_text())["project"]["version"]
    script = json.loads((EXTENSION / "package.json").read_text())["version"]
    module = re.findall(r'__version__ = "(.+)"', (EXTENSION / "roadworthy_jupyterlab" / "__init__.py").read_text())
    server = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    assert {described, script, *module} == {server}


def test_the_lock_file_holds_no_addresses() -> None:
    """Where packages come from is each machine's own matter; what they are is held by their checksums."""
    lock = (EXTENSION / "yarn.lock").read_text()
    assert "://" not in lock
    assert lock.count("checksum: ") > 100


def test_the_package_asks_for_the_extension_of_its_own_version() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]
    assert project["optional-dependencies"]["lab"] == [f"roadworthy-jupyterlab=={project['version']}"]


@pytest.mark.slow
def test_it_is_installed_without_node(installed: Path) -> None:
    """The fixture installs with an empty PATH; JupyterLab then finds it enabled."""
    home = installed / "home"
    environment = os.environ | {"JUPYTER_PATH": str(installed / "share" / "jupyter"), "JUPYTER_CONFIG_DIR": str(home)}
    listed = subprocess.run(
        [sys.executable, "-m", "jupyter", "labextension", "list"],
        env=environment | {"PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    line = next(line for line in (listed.stdout + listed.stderr).splitlines() if "roadworthy-jupyterlab" in line)
    assert "enabled" in line
    assert "OK" in line


@pytest.fixture
def fresh(wheel: Path, install: Callable[..., None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh environment's programs, with both wheels and what they ask for; nothing else is on the PATH, no node."""
    command = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    subprocess.run([*command, "--wheel-dir", str(tmp_path), str(REPOSITORY)], check=True)
    (package,) = tmp_path.glob("roadworthy-*.whl")
    venv.create(tmp_path / "fresh")
    programs = tmp_path / "fresh" / "bin"
    constraints = str(REPOSITORY / "constraints.txt")
    install(str(programs / "python"), "--constraint", constraints, f"{package}[lab]", str(wheel))
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    assert shutil.which("node") is None
    return programs


@pytest.mark.slow
@pytest.mark.full
@pytest.mark.timeout(1800)
def test_both_wheels_in_a_fresh_environment_are_all_it_takes(
    browser: Browser, built: Path, fresh: Path, served: Served, tmp_path: Path
) -> None:
    for listed, name in (
        (["labextension", "list"], "roadworthy-jupyterlab"),
        (["server", "extension", "list"], "roadworthy.server"),
    ):
        done = subprocess.run([fresh / "jupyter", *listed], capture_output=True, text=True, check=True)
        lines = (done.stdout + done.stderr).splitlines()
        (found,) = [line for line in lines if name in line and "enabled" in line]
        assert "OK" in " ".join(lines[lines.index(found) :][:3])
    shutil.copytree(built, tmp_path / "root" / "project")
    page = browser.new_context().new_page()
    page.set_default_timeout(120_000)
    with served("jupyterlab", tmp_path / "root", tmp_path / "home", str(fresh / "python"), as_it_is=True) as lab:
        assert [task["name"] for task in lab.ask("pipeline?path=project")["tasks"]] == ["count", "scale", "judge"]
        page.goto(lab.url("project/notebooks/scale.ipynb"))
        page.locator(".rw-status-button").click()
        expect(page.locator(".rw-panel .rw-title").first).to_have_text("scale")


@pytest.mark.full
@pytest.mark.slow
def test_it_has_the_same_bytes_each_time(wheel: Path, tmp_path: Path) -> None:
    before = shutil.copy(wheel, tmp_path / "before.whl").read_bytes()
    subprocess.run(["make", "lab-wheel", f"BIN={Path(sys.executable).parent}"], cwd=REPOSITORY, check=True)
    assert next((EXTENSION / "dist").glob("*.whl")).read_bytes() == before
