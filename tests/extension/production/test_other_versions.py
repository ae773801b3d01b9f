"""Reports in the oldest JupyterLab that is supported, and in Notebook 7, each from an environment of its own."""

from __future__ import annotations

import sysconfig
import venv
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Browser, Page, expect

from roadworthy.project import Project

if TYPE_CHECKING:
    from conftest import Lab

    Served = Callable[..., AbstractContextManager[Lab]]

pytestmark = [pytest.mark.slow, pytest.mark.full, pytest.mark.timeout(900)]
expect.set_options(timeout=120_000)

OLDEST = ("jupyterlab==4.5.7", "notebook==7.5.6")
NEWEST = ("jupyterlab>=4.6,<5", "notebook>=7.6,<8")
TOKEN = "t"


@pytest.fixture
def environment(wheel: Path, install: Callable[..., None], tmp_path: Path) -> Callable[[tuple[str, str]], str]:
    """Make an environment with these versions and the extension, all else from the present one; return its Python."""

    def made(versions: tuple[str, str]) -> str:
        venv.create(tmp_path / "other", symlinks=True)
        python = tmp_path / "other" / "bin" / "python"
        present = sysconfig.get_path("purelib")
        here = Path(sysconfig.get_path("purelib", vars={"base": str(tmp_path / "other")}))
        (here / "present.pth").write_text(f"import site; site.addsitedir({present!r})\n")
        # no dependencies: Ploomber wants a Notebook that no longer starts, and the others are there
        install(str(python), "--no-deps", "--ignore-installed", *versions, str(wheel))
        return str(python)

    return made


@pytest.fixture
def page(browser: Browser) -> Page:
    """A fresh page."""
    found = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US").new_page()
    found.set_default_timeout(120_000)
    return found


def is_read(page: Page) -> None:
    """Hold that a page shows the newest window's report, which one can work with."""
    expect(page.locator(".rw-report h1")).to_have_text("May 4, 2013")
    expect(page.locator(".rw-summary h2")).to_contain_text("The traffic has changed")
    expect(page.get_by_role("img", name="Values of probability: the reference hatched")).to_be_visible()
    page.get_by_role("checkbox", name="Drifted only").check()
    page.get_by_role("searchbox").fill("temp")
    expect(page.locator(".rw-opener")).to_have_text(["temp"])


def test_the_oldest_jupyterlab_shows_reports_production_and_pipeline(
    environment: Callable[[tuple[str, str]], str], served: Served, airport: Project, page: Page, tmp_path: Path
) -> None:
    folder, python = airport.root, environment(OLDEST)
    with served("jupyterlab", folder.parent, tmp_path / "home", python) as lab:
        page.goto(lab.url(f"{folder.name}/reports/2013-05-04.drift.json"))
        is_read(page)
        page.goto(lab.url(f"{folder.name}/pyproject.toml"))
        page.locator(".jp-FileEditor").wait_for()
        assert page.evaluate("() => window.jupyterapp.version") == "4.5.7"
        page.evaluate("() => void window.jupyterapp.commands.execute('roadworthy:show-production')")
        expect(page.locator(".rw-production h1")).to_have_text("late-flights in production")
        notebook = sorted((folder / "notebooks").glob("*.ipynb"))[0]
        page.goto(lab.url(f"{folder.name}/notebooks/{notebook.name}"))
        page.locator(".rw-status-button").click()
        expect(page.locator(".rw-panel .rw-title").first).to_have_text(notebook.stem)


@pytest.mark.parametrize("versions", [OLDEST, NEWEST], ids=" ".join)
def test_notebook_7_shows_reports_by_a_double_click(
    environment: Callable[[tuple[str, str]], str],
    served: Served,
    airport: Project,
    page: Page,
    tmp_path: Path,
    versions: tuple[str, str],
) -> None:
    folder, python = airport.root, environment(versions)
    with served("notebook", folder.parent, tmp_path / "home", python) as lab:
        page.goto(f"{lab.address}/tree/{folder.name}/reports?token={TOKEN}")
        for name in ("2013-05-04.drift.json", "2013-05-04.profile.bin"):
            with page.expect_popup() as opened:
                page.get_by_role("listitem").filter(has_text=name).dblclick()
            if name.endswith(".json"):
                is_read(opened.value)
            else:
                expect(opened.value.locator(".rw-report h1")).to_have_text(name)
