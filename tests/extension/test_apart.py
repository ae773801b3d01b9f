"""The extension keeps to itself: it takes nothing of JupyterLab's away, and what it adds bears its own name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jupyterlab_server import translation_utils
from playwright.sync_api import Page

if TYPE_CHECKING:
    from conftest import Look

EXTENSION = Path(__file__).parents[2] / "extensions" / "jupyterlab"
SHEETS = sorted((EXTENSION / "style").glob("*.css"))
SCHEMAS = sorted((EXTENSION / "schema").glob("*.json"))
WORDS = ("title", "description", "label", "jupyter.lab.setting-icon-label")
NAMES = """() => {
  const app = window.jupyterapp;
  return {
    plugins: app.listPlugins(),
    commands: app.commands.listCommands().filter(one => !one.startsWith('router:')), // gone once an address is read
    keys: app.commands.keyBindings.map(one => `${one.keys} ${one.selector} ${one.command}`)
  };
}"""


def selectors(sheet: str) -> Iterator[str]:
    """Yield each selector of a style sheet; frames of an animation are none."""
    plain = re.sub(r"/\*.*?\*/|@import[^;]+;", "", sheet, flags=re.DOTALL)
    plain = re.sub(r"@keyframes rw-[\w-]+ \{(?:[^{}]*\{[^{}]*\})*\s*\}", "", plain)
    for written in re.findall(r"([^{};]+)\{", plain):
        if not written.strip().startswith(("@media", "@container")):
            yield from (one.strip() for one in re.split(r",(?![^(]*\))", written))


@pytest.mark.parametrize("sheet", SHEETS, ids=lambda path: path.name)
def test_no_rule_reaches_what_is_not_ours(sheet: Path) -> None:
    found = list(selectors(sheet.read_text()))
    assert found or sheet.name == "index.css"
    held = [re.sub(r":not\([^)]*\)", "", selector) for selector in found]
    assert [selector for selector in held if ".rw-" not in selector] == []


@pytest.mark.parametrize("schema", SCHEMAS, ids=lambda path: path.name)
def test_what_a_schema_says_is_translated_in_our_own_domain(schema: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As JupyterLab's server does it for settings, menus and toolbars, in a language that repeats each word."""

    class Twice:
        def pgettext(self, _context: str, text: str) -> str:
            return f"{text} {text}"

    asked: list[str] = []
    translator = translation_utils.translator
    monkeypatch.setattr(translator, "_LOCALE", "de_DE")
    monkeypatch.setattr(translator, "load", lambda domain: asked.append(domain) or Twice())
    written = json.loads(schema.read_text())
    translated = translator.translate_schema(json.loads(schema.read_text()))
    assert asked == ["roadworthy"]
    assert list(said(written))
    assert list(said(translated)) == [f"{text} {text}" for text in said(written)]


def said(part: Any) -> Iterator[str]:  # noqa: ANN401 - any JSON
    """Yield what a reader sees of a schema."""
    if isinstance(part, list):
        for one in part:
            yield from said(one)
    if isinstance(part, dict):
        for key, value in part.items():
            if key in WORDS and isinstance(value, str):
                yield value
            else:
                yield from said(value)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_all_that_jupyterlab_has_is_there_and_what_comes_in_bears_our_name(look: Look) -> None:
    blocked = "**/extensions/roadworthy-jupyterlab/**"
    look.page.route(blocked, lambda route: route.abort())
    without = names(look.page, look)
    look.page.unroute(blocked)
    beside = names(look.page, look)
    for kind, ours in (("plugins", "roadworthy-jupyterlab:"), ("commands", "roadworthy:")):
        assert set(without[kind]) <= set(beside[kind])
        added = set(beside[kind]) - set(without[kind])
        assert len(added) >= 5
        assert [name for name in added if not name.startswith(ours)] == []
    assert set(without["keys"]) <= set(beside["keys"])
    assert all(" roadworthy:" in key for key in set(beside["keys"]) - set(without["keys"]))


def names(page: Page, look: Look) -> dict[str, list[str]]:
    """Return what there is once nothing more comes; some commands wait for an answer of the server's."""
    page.goto(look.lab.url(""))
    page.locator("#jupyterlab-splash").wait_for(state="detached")
    page.evaluate("async () => { await window.jupyterapp.restored; }")
    page.wait_for_function("() => window.jupyterapp.commands.hasCommand('jupyterlab-translation:en')")
    found: dict[str, list[str]] = {}
    while found != (now := page.evaluate(NAMES)):
        found = now
        page.wait_for_timeout(2000)
    return found
