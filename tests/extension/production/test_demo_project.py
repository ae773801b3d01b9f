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
from playwright.sync_api import Locator, Page, expect

from roadworthy import project as projects
from roadworthy import registry
from roadworthy.demo import NAME
from roadworthy.pipeline import history
from roadworthy.project import Project

if TYPE_CHECKING:
    from conftest import Look

pytestmark = [pytest.mark.slow, pytest.mark.full, pytest.mark.timeout(1800)]
expect.set_options(timeout=120_000)


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

    page = look.open(f"{place}/notebooks/evaluate.ipynb")
    runs = history.of_task(left.config, left.state, "evaluate", 50)
    panel.get_by_role("button", name="All runs, and compare two").click()
    table = page.locator(".rw-main .rw-table").first
    expect(table.get_by_role("checkbox")).to_have_count(len(runs))
    expect(table).to_contain_text(runs[0].who)
    expect(table).to_contain_text(next(iter(runs[0].metrics)))
    look.at("demo-runs", ".rw-main")
    table.get_by_role("button", name=f"Open the executed notebook of run {runs[0].run.id}").click()
    page.wait_for_function("() => /products.*evaluate/.test(window.jupyterapp.shell.currentWidget.context?.path ?? '')")

    look.execute("roadworthy:show-pipeline")
    expect(page.locator(".rw-graph [data-task]")).to_have_count(5)
    expect(page.locator(".rw-graph .rw-product[data-state=there]").first).to_be_visible()
    look.at("demo-pipeline", ".rw-main")

    windows = left.state.windows()
    worst = max(windows, key=lambda window: len(window.drifted))
    look.execute("filebrowser:open-path", path=f"{place}/reports")
    page.get_by_role("listitem").filter(has_text=f"{worst.window.name}.drift.json").dblclick()
    report = page.locator(".rw-report")
    expect(report.locator("h1")).to_be_visible()
    expect(report.locator(".rw-opener")).to_have_count(len({reading.column for reading in worst.readings}))
    assert worst.drifted
    expect(report.locator(".rw-opener").first).to_have_text(re.compile("|".join(map(re.escape, worst.drifted))))
    look.at("demo-report", ".rw-report")

    look.execute("roadworthy:show-production")
    production = page.locator(".rw-production")
    expect(production.locator("h1")).to_contain_text(left.config.settings.name)
    versions, alerts, history_box = (box(page, name) for name in ("Versions", "Open alerts", "History"))
    expect(versions).to_contain_text(champion(left))
    marks = page.get_by_role("toolbar", name="Windows, oldest first").get_by_role("button")
    expect(marks).to_have_count(len(windows))
    found = left.state.open_alerts()
    expect(alerts.get_by_role("listitem")).to_have_count(len(found))
    for alert in found:
        expect(alerts).to_contain_text(alert.title)
    expect(history_box).to_contain_text(left.state.history()[0].reason or champion(left))
    look.at("demo-production", ".rw-production")

    # what happens from now on is told
    other = next(version.tag for version in left.state.versions() if not version.tag.endswith(champion(left)))
    registry.promote(left.config, left.state, other, who="ada", reason="to see it told", force=True)
    expect(page.locator(".Toastify__toast", has_text=champion(left))).to_be_visible()
    expect(history_box).to_contain_text("to see it told")
    look.at("demo-notification", ".rw-production")


def box(page: Page, heading: str) -> Locator:
    return page.locator(".rw-box").filter(has=page.get_by_role("heading", name=heading, exact=True))


def champion(project: Project) -> str:
    alias = project.state.alias("champion")
    assert alias is not None
    return alias.version.rpartition(":")[2]
