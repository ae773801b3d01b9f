"""The extension's wheel: of one version with the package, installed without node, the same bytes each time."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

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


@pytest.mark.slow
@pytest.mark.full
def test_it_has_the_same_bytes_each_time(wheel: Path, tmp_path: Path) -> None:
    before = shutil.copy(wheel, tmp_path / "before.whl").read_bytes()
    subprocess.run(["make", "lab-wheel", f"BIN={Path(sys.executable).parent}"], cwd=REPOSITORY, check=True)
    assert next((EXTENSION / "dist").glob("*.whl")).read_bytes() == before
