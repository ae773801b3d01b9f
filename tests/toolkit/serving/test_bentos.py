"""A real bento, found in BentoML's store."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from roadworthy.records import now
from roadworthy.serving import bentos

CONTRACT = "monitoring/contract.yaml"


@pytest.mark.slow
def test_a_bento_tells_its_project_its_contract_and_that_it_holds_no_model(root: Path) -> None:
    command = [sys.executable, "-m", "bentoml", "build", "--output", "tag"]
    built = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    tag = built.stdout.strip().removeprefix("__tag__:")
    found = bentos.find(tag, CONTRACT)
    assert found is not None
    assert (found.tag, found.project, found.models) == (tag, "late-flights", ())
    assert found.contract == (root / CONTRACT).read_text()
    assert abs(now() - found.created) < timedelta(hours=1)
    name = tag.partition(":")[0]
    assert bentos.find(name, CONTRACT) == bentos.find(f"{name}:latest", CONTRACT) == found
    assert bentos.find(f"{name}:another", CONTRACT) is None

    source = Path(os.environ["BENTOML_HOME"]) / "bentos" / tag.replace(":", "/") / "src"
    (source / CONTRACT).unlink()
    (source / "pyproject.toml").write_text("no toml")
    bare = bentos.find(tag, CONTRACT)
    assert bare is not None
    assert (bare.project, bare.contract) == ("", None)


@pytest.mark.parametrize("name", ["", "nothing", "../models", "a b", "x" * 5000, "champion", "a\0b"])
def test_what_is_no_bento_is_not_found(root: Path, name: str) -> None:
    assert root.exists()  # with a store of BentoML's beside it
    assert bentos.find(name, CONTRACT) is None
