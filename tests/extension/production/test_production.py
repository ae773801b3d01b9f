"""Production as a panel: what runs and how it does, and acts that ask before they do anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, Page, expect

from roadworthy import registry
from roadworthy.project import Project

if TYPE_CHECKING:
    from conftest import Look

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
expect.set_options(timeout=120_000)


def show(look: Look, project: Project) -> Page:
    """Open a file of the project, then production as the palette does."""
    page = look.page
    page.goto(look.lab.url(f"{project.root.name}/pyproject.toml"))
    page.locator(".jp-FileEditor").wait_for()
    palette(page, "Show Production")
    page.locator(".rw-production h1").wait_for()
    return page


def palette(page: Page, command: str) -> None:
    page.keyboard.press("Control+Shift+C")
    page.locator(".lm-CommandPalette-input").fill(command)
    page.locator(f'.lm-CommandPalette-item:has-text("{command}")').first.click()


def box(page: Page, heading: str) -> Locator:
    return page.locator(".rw-box").filter(has=page.get_by_role("heading", name=heading, exact=True))


def own_id(tag: str) -> str:
    return tag.rpartition(":")[2]


def champion(project: Project) -> str:
    alias = project.state.alias("champion")
    assert alias is not None
    return alias.version


def test_everything_about_production_is_in_one_place(look: Look, airport: Project) -> None:
    page = show(look, airport)
    challenger = airport.state.alias("challenger")
    assert challenger is not None
    versions = box(page, "Versions")
    expect(versions).to_contain_text(own_id(champion(airport)))
    expect(versions).to_contain_text(own_id(challenger.version))
    expect(box(page, "Traffic")).to_contain_text("800")
    expect(box(page, "Traffic")).to_contain_text("Latency, p99")
    expect(box(page, "Open alerts").get_by_role("listitem")).to_have_count(2)
    expect(box(page, "Open alerts")).to_contain_text("<img src=x onerror=alert(1)> is missing")
    expect(box(page, "Somebody has to decide")).to_contain_text("Retrain?")
    expect(page.get_by_role("img", name="ROC AUC over")).to_be_visible()
    expect(box(page, "History")).to_contain_text("the new one is slow")
    assert page.locator(".rw-production img").count() == 0
    look.at("production", ".rw-production")
    page.locator(".rw-production").evaluate("node => node.scrollTo(0, node.scrollHeight)")
    look.at("production-below", ".rw-production")


def test_the_strip_of_windows_is_walked_by_keys_and_opens_reports(look: Look, airport: Project) -> None:
    page = show(look, airport)
    marks = page.get_by_role("toolbar", name="Windows, oldest first").get_by_role("button")
    expect(marks).to_have_count(4)
    marks.last.focus()
    page.keyboard.press("ArrowLeft")
    expect(marks.nth(2)).to_be_focused()
    page.keyboard.press("End")
    expect(marks.last).to_be_focused()
    assert "drift in" in (marks.last.get_attribute("aria-label") or "")
    page.keyboard.press("Enter")
    expect(page.locator(".rw-report h1", has_text="May 4, 2013")).to_be_visible()


def test_the_palette_asks_before_it_promotes_and_the_history_says_who_and_why(look: Look, airport: Project) -> None:
    page, before = show(look, airport), champion(airport)
    challenger = airport.state.alias("challenger")
    assert challenger is not None
    palette(page, "Promote the Challenger…")
    dialog = page.get_by_role("dialog")
    for words in (before, challenger.version, "What will happen", "answers all requests"):
        expect(dialog).to_contain_text(words)
    look.at("promote", ".jp-Dialog-content")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    assert champion(airport) == before
    palette(page, "Promote the Challenger…")
    page.get_by_role("textbox", name="Reason, for the history").fill("it is better on newer rows")
    page.get_by_role("dialog").get_by_role("button", name="Promote").click()
    expect(box(page, "History")).to_contain_text("it is better on newer rows")
    expect(page.locator(".rw-compared th").nth(0)).to_contain_text(own_id(challenger.version))
    assert champion(airport) == challenger.version
    entry = airport.state.history()[0]
    assert (entry.action, entry.version_from, entry.reason) == ("promote", before, "it is better on newer rows")


def test_what_somebody_else_has_done_meanwhile_is_told_and_nothing_is_done(look: Look, airport: Project) -> None:
    page = show(look, airport)
    challenger = airport.state.alias("challenger")
    assert challenger is not None
    box(page, "Versions").get_by_role("button", name="Promote…").click()
    page.get_by_role("dialog").wait_for()
    registry.promote(airport.config, airport.state, challenger.version, who="bob", reason="first", force=True)
    page.get_by_role("dialog").get_by_role("button", name="Promote").click()
    said = page.get_by_role("dialog")
    expect(said).to_contain_text("Nothing was done: production has changed")
    expect(said).to_contain_text("is champion by now")
    look.at("changed", ".jp-Dialog-content")
    said.get_by_role("button", name="Close").click()
    expect(box(page, "History")).to_contain_text("bob")
    expect(box(page, "Versions")).to_contain_text("There is no challenger.")


def test_a_rollback_names_each_version_that_one_may_go_back_to(look: Look, airport: Project) -> None:
    page, before = show(look, airport), champion(airport)
    palette(page, "Roll Back the Champion…")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("Which of them?")
    choices = dialog.get_by_role("combobox").locator("option")
    chosen = choices.last.text_content() or ""
    dialog.get_by_role("combobox").select_option(label=chosen)
    dialog.get_by_role("button", name="Continue").click()
    expect(dialog.get_by_role("heading", name="What will happen")).to_be_visible()
    dialog.get_by_role("button", name="Roll back").click()
    expect(page.locator(".rw-compared th").nth(0)).not_to_contain_text(own_id(before))
    assert own_id(champion(airport)) in chosen


def test_a_question_is_answered_with_a_reason(look: Look, airport: Project) -> None:
    page = show(look, airport)
    box(page, "Somebody has to decide").get_by_role("button", name="Reject…").click()
    page.get_by_role("textbox", name="Reason, for the history").fill("a feast day")
    page.get_by_role("dialog").get_by_role("button", name="Reject").click()
    expect(box(page, "Somebody has to decide")).to_have_count(0)
    decision = airport.state.decisions()[-1]
    assert (decision.answer, decision.note) == ("rejected", "a feast day")
    palette(page, "Approve What Waits…")
    expect(page.get_by_role("dialog")).to_contain_text("Nothing waits for that at present.")


def test_alerts_are_acknowledged_with_a_note_and_muted(look: Look, airport: Project) -> None:
    page = show(look, airport)
    alert = box(page, "Open alerts").get_by_role("listitem").filter(has_text="2 columns drifted")
    alert.get_by_role("button", name="Acknowledge…").click()
    page.get_by_role("textbox", name="Note").fill("I look at it")
    page.get_by_role("dialog").get_by_role("button", name="Acknowledge").click()
    expect(alert).to_contain_text("I look at it")
    alert.get_by_role("button", name="Mute for 24 h").click()
    expect(alert).to_contain_text("Muted by")
    found = next(one for one in airport.state.open_alerts() if one.title == "2 columns drifted")
    assert found.acknowledged is not None
    assert found.muted_until is not None


def test_what_is_broken_in_the_project_is_said_with_its_place(look: Look, airport: Project) -> None:
    (airport.root / "monitoring" / "policy.yaml").write_text("window: [")
    page = show(look, airport)
    banner = page.locator(".rw-production .rw-banner")
    expect(banner).to_contain_text("policy.yaml")
    expect(page.locator(".rw-production")).to_contain_text("cannot be read until this is mended")
    expect(page.locator(".rw-box")).to_have_count(0)  # nothing is said of what is not known
    look.at("broken", ".rw-production")
    banner.get_by_role("button").click()
    expect(page.locator(".lm-TabBar-tab.lm-mod-current", has_text="policy.yaml")).to_be_visible()


def test_where_there_is_no_project_it_says_so(look: Look) -> None:
    (look.lab.root / "alone.txt").write_text("")
    page = look.page
    page.goto(look.lab.url("alone.txt"))
    page.locator(".jp-FileEditor").wait_for()
    palette(page, "Promote the Challenger…")
    expect(page.get_by_role("dialog")).to_contain_text("There is no Roadworthy project here.")
