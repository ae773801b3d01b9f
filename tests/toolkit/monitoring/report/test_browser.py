"""The page in a real browser: it asks nobody, is used by keyboard and without scripts, and is accessible."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from playwright.sync_api import Browser, Page

from roadworthy.monitoring.report import Report, to_html

if TYPE_CHECKING:
    from tests.toolkit.monitoring.report.conftest import Examples

AXE = Path(__file__).parents[4] / "extensions" / "jupyterlab" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.mark.slow
def test_a_browser_shows_it_without_asking_anybody(
    browser: Browser, tmp_path: Path, examples: Examples, full: Report
) -> None:
    nasty = examples.found(7, examples.reading(examples.nasty), examples.reading("seats", "no drift", 0.01))
    report = full.model_copy(update={"windows": (*full.windows, nasty)})
    asked: list[str] = []
    problems: list[str] = []
    page = browser.new_page(viewport={"width": 390, "height": 800})
    page.on("request", lambda request: asked.append(request.url))
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("console", lambda message: problems.append(message.text) if message.type in ("error", "warning") else None)
    page.on("dialog", lambda dialog: problems.append(dialog.message))
    address = _open(page, tmp_path, report)
    assert _brightness(page, "light") > 600
    assert _brightness(page, "dark") < 200
    assert page.get_by_text(examples.nasty).count() > 0
    assert page.locator("img").count() == 0
    assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
    page.close()
    assert asked == [address]
    assert problems == []


@pytest.mark.slow
def test_a_person_finds_their_way(browser: Browser, tmp_path: Path, examples: Examples) -> None:
    columns = [examples.reading("temp", effect=0.9), examples.reading("Dewp"), examples.reading("seats", "no drift")]
    page = browser.new_page()
    _open(page, tmp_path, examples.report(examples.found(6, *columns)))
    _use_the_keyboard(page)
    _find_filter_and_sort(page)
    page.close()
    page = browser.new_context(java_script_enabled=False).new_page()
    page.goto((tmp_path / "report.html").as_uri())
    assert page.get_by_label("Find a column").is_hidden()
    page.locator(".rw-columns summary").nth(2).click()
    assert page.get_by_text("seats is higher").is_visible()
    page.close()


@pytest.mark.slow
def test_axe_finds_nothing_to_complain_about(browser: Browser, tmp_path: Path, full: Report) -> None:
    """By all of axe-core's rules, WCAG 2.2 at level AA among them; the extension's tests have installed it."""
    if not AXE.exists():
        missing = "axe-core is not installed: run `make lab-check`, which needs node."
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(missing)
    themes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for theme in themes:
        page = browser.new_context(bypass_csp=True, color_scheme=theme).new_page()
        _open(page, tmp_path, full)
        page.evaluate("() => document.querySelectorAll('details').forEach((one) => { one.open = true })")
        page.add_script_tag(path=AXE)
        found = page.evaluate("() => axe.run()")
        assert [(rule["id"], rule["nodes"][0]["html"]) for rule in found["violations"]] == []
        assert len(found["passes"]) > 20
        page.close()


def _brightness(page: Page, theme: Literal["light", "dark"]) -> int:
    page.emulate_media(color_scheme=theme)
    colour = page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    return sum(map(int, re.findall(r"\d+", colour)[:3]))


def _use_the_keyboard(page: Page) -> None:
    page.keyboard.press("Tab")
    assert page.evaluate("() => document.activeElement.textContent") == "Skip to what was found"
    place = page.locator(".rw-skip").bounding_box()
    assert place is not None
    assert place["x"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("() => document.activeElement.tagName") == "MAIN"
    closed = page.locator(".rw-columns details").nth(2)
    assert closed.get_attribute("open") is None
    closed.locator("summary").focus()
    page.keyboard.press("Enter")
    assert page.evaluate("() => getComputedStyle(document.activeElement).outlineStyle") == "solid"
    assert closed.get_attribute("open") is not None


def _find_filter_and_sort(page: Page) -> None:
    names = page.locator(".rw-columns > li:visible h3")
    assert names.all_inner_texts() == ["temp", "Dewp", "seats"]
    page.get_by_label("Order").select_option("by name")
    assert names.all_inner_texts() == ["Dewp", "seats", "temp"]
    page.get_by_label("Drifted only").check()
    assert names.all_inner_texts() == ["Dewp", "temp"]
    page.get_by_label("Find a column").fill("DEW")
    assert names.all_inner_texts() == ["Dewp"]
    assert page.get_by_role("status").inner_text() == "1 of 3 columns"


def _open(page: Page, folder: Path, report: Report) -> str:
    (folder / "report.html").write_text(to_html(report), encoding="utf-8")
    address = (folder / "report.html").as_uri()
    page.goto(address)
    return address
