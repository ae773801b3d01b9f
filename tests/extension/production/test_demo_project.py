"""The reference project in JupyterLab as `make lab` opens it: filled with what the demo has really left."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import expect

from roadworthy import project as projects
from roadworthy.demo import NAME
from roadworthy.project import Project

if TYPE_CHECKING:
    from conftest import Look

pytestmark = [pytest.mark.slow, pytest.mark.full, pytest.mark.timeout(1800)]


@pytest.fixture
def left(look: Look, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """The project that the quick demo has left below the server's root."""
    monkeypatch.setenv("BENTOML_HOME", str(look.lab.models))
    folder = look.lab.root / "roadworthy-demo"
    command = [sys.executable, "-m", "roadworthy.cli", "demo", "--quick", "--folder", str(folder)]
    subprocess.run(command, check=True, capture_output=True, env=os.environ)
    with projects.load(folder / NAME) as project:
        yield project


def test_all_of_it_is_filled_with_the_demos_results(look: Look, left: Project) -> None:
    place = Path(left.root.parent.name) / left.root.name
    page = look.open(f"{place}/notebooks/train.ipynb")
    panel = page.locator(".rw-panel")
    expect(panel.get_by_role("heading", name="train", exact=True)).to_be_visible()
    expect(panel.locator(".rw-badge").first).to_have_text(re.compile("Fresh|Stale"))
    look.at("demo-panel", ".rw-panel", ".rw-status")

    look.execute("roadworthy:show-pipeline")
    expect(page.locator(".rw-graph [data-task]")).to_have_count(5)
    look.at("demo-pipeline", ".rw-main")

    look.execute("roadworthy:show-production")
    production = page.locator(".rw-production")
    expect(production.locator("h1")).to_contain_text(left.config.settings.name)
    champion = left.state.alias("champion")
    assert champion is not None
    versions = production.locator(".rw-box").filter(has=page.get_by_role("heading", name="Versions", exact=True))
    expect(versions).to_contain_text(champion.version.rpartition(":")[2])
    marks = page.get_by_role("toolbar", name="Windows, oldest first").get_by_role("button")
    expect(marks).to_have_count(len(left.state.windows()))
    look.at("demo-production", ".rw-production")
