"""`bentoml build` in the project's root."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from roadworthy import config as configuration
from roadworthy.serving import tokens

if TYPE_CHECKING:
    from conftest import Project


@pytest.mark.slow
def test_a_bento_has_what_the_service_needs_and_no_secret(fresh: Project) -> None:
    root = fresh.config.root
    token = tokens.local(fresh.config, fresh.state)
    command = [sys.executable, "-m", "bentoml", "build", "--output", "tag"]
    built = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    name, version = built.stdout.strip().removeprefix("__tag__:").split(":")
    bento = Path(os.environ["BENTOML_HOME"]) / "bentos" / name / version

    description = yaml.safe_load((bento / "bento.yaml").read_text())
    assert description["service"] == "bentos.service:Service"
    assert {route["route"] for route in description["schema"]["routes"]} == {"/predict", "/feedback"}
    assert configuration.load(bento / "src").settings == fresh.config.settings
    for file in ("bentos/service.py", "monitoring/contract.yaml", "monitoring/policy.yaml"):
        assert (bento / "src" / file).read_bytes() == (root / file).read_bytes()
    assert "Great-circle distance" in (bento / "apis" / "openapi.yaml").read_text()
    assert "skops" in (bento / "env" / "python" / "requirements.txt").read_text()

    files = [file for file in bento.rglob("*") if file.is_file()]
    assert not [file for file in files if ".roadworthy" in file.parts]
    assert not [file for file in files if token.encode() in file.read_bytes()]
