"""Production as a panel: what runs and how it does, and acts that ask before they do anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from roadworthy import registry
from roadworthy.project import Project
from roadworthy.records import Decision, MetricReading, now

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


def tags(project: Project) -> list[str]:
    """All versions, the newest first."""
    return [version.tag for version in project.state.versions()]


def done(page: Page, reason: str) -> Locator:
    """The history's entry with this reason."""
    return box(page, "History").get_by_role("row").filter(has_text=reason)


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
    expect(box(page, "Traffic").locator(".rw-tiles > div").filter(has_text="Errors")).to_contain_text("0.4%")
    expect(box(page, "Open alerts").get_by_role("listitem")).to_have_count(2)
    expect(box(page, "Open alerts")).to_contain_text("<img src=x onerror=alert(1)> is missing")
    for title, owner in (("2 columns drifted", "Mo Model <mo@example.org>"), ("is missing", "Dana Data")):
        expect(box(page, "Open alerts").get_by_role("listitem").filter(has_text=title)).to_contain_text(owner)
    expect(box(page, "Somebody has to decide")).to_contain_text("Retrain?")
    expect(page.get_by_role("img", name="ROC AUC over")).to_be_visible()
    expect(box(page, "History")).to_contain_text("the new one is slow")
    assert page.locator(".rw-production img").count() == 0
    look.at("production", ".rw-production")
    page.locator(".rw-production").evaluate("node => node.scrollTo(0, node.scrollHeight)")
    look.at("production-below", ".rw-production")


def test_performance_is_told_as_it_came_and_as_it_was_estimated(look: Look, airport: Project) -> None:
    newest = airport.state.windows()[-1]
    estimate = MetricReading(metric="roc_auc", value=0.7512, low=0.7304, high=0.7721, n=1200)
    guessed = newest.performance[0].model_copy(update={"estimated": {"roc_auc": estimate}, "estimate_trusted": True})
    airport.state.save_window(newest.model_copy(update={"performance": (guessed,)}))
    page = show(look, airport)
    points = look.lab.ask(f"production?path={airport.root.name}")["performance"]
    assert points[0]["realised"]
    assert points[-1]["realised"] is None  # no label has come yet
    assert points[-1]["estimated"]["value"] == estimate.value
    part = page.locator(".rw-box").filter(has=page.get_by_role("heading", name="Performance over the windows: ROC AUC"))
    part.locator("summary").click()
    rows = part.get_by_role("table").locator("tbody tr")
    expect(rows).to_have_count(len(points))
    for row, point in zip(rows.all(), reversed(points), strict=True):
        for cell, kind in ((1, "realised"), (2, "estimated")):
            reading = point[kind]
            told = (
                f"{reading['value']:.3f} ({reading['low']:.3f} to {reading['high']:.3f})" if reading else "\N{EN DASH}"
            )
            expect(row.get_by_role("cell").nth(cell)).to_have_text(told)
        assert row.locator(".rw-id").evaluate("id => id.getClientRects().length") == 1  # on one line
    region = part.get_by_role("region")
    assert region.evaluate("region => region.scrollWidth <= region.clientWidth")  # and no column is out of sight
    look.at("performance", ".rw-production")


def test_a_server_of_another_version_is_named(look: Look, airport: Project) -> None:
    def older(route: Route) -> None:
        answer = route.fetch()
        told = answer.json()
        told["project"]["version"] = "0.0.1"
        route.fulfill(response=answer, json=told)

    look.page.route("**/roadworthy/api/production?*", older)
    page = show(look, airport)
    expect(page.locator(".rw-production .rw-banner")).to_contain_text("the server of version 0.0.1")
    look.at("version", ".rw-production .rw-banner")


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
    look.at("choose", ".jp-Dialog-content")
    choices = dialog.get_by_role("combobox").locator("option")
    chosen = choices.last.text_content() or ""
    dialog.get_by_role("combobox").select_option(label=chosen)
    dialog.get_by_role("button", name="Continue").click()
    expect(dialog.get_by_role("heading", name="What will happen")).to_be_visible()
    target = next(tag for tag in tags(airport) if tag != before and own_id(tag) in chosen)
    for version in (before, target):
        expect(dialog.locator(".rw-versions")).to_contain_text(version)
    look.at("rollback", ".jp-Dialog-content")
    page.get_by_role("textbox", name="Reason, for the history").fill("the old one was right")
    dialog.get_by_role("button", name="Roll back").click()
    expect(page.locator(".rw-compared th").nth(0)).to_contain_text(own_id(target))
    expect(done(page, "the old one was right")).to_contain_text("Roll back")
    assert champion(airport) == target
    entry = airport.state.history()[0]
    told = (entry.action, entry.version_from, entry.version_to, entry.reason)
    assert told == ("rollback", before, target, "the old one was right")


def test_what_is_approved_is_done_and_the_history_says_who_and_why(look: Look, airport: Project) -> None:
    before = champion(airport)
    target = next(tag for tag in reversed(tags(airport)) if tag != before)
    airport.state.add_decision(
        Decision(
            window=airport.state.windows()[0].window,
            action="ask",
            asks_for="rollback",
            reason="it would answer better",
            champion=before,
            target=target,
            judged=now(),
        )
    )
    page = show(look, airport)
    question = box(page, "Somebody has to decide").get_by_role("listitem").filter(has_text="Go back to")
    question.get_by_role("button", name="Approve…").click()
    dialog = page.get_by_role("dialog")
    for version in (before, target):
        expect(dialog.locator(".rw-versions")).to_contain_text(version)
    expect(dialog).to_contain_text("answers all requests")
    look.at("approve", ".jp-Dialog-content")
    page.get_by_role("textbox", name="Reason, for the history").fill("I have seen the rows")
    dialog.get_by_role("button", name="Approve").click()
    expect(page.locator(".rw-compared th").nth(0)).to_contain_text(own_id(target))
    expect(question).to_have_count(0)
    entry = done(page, "I have seen the rows")
    for words in ("Approve", own_id(before), own_id(target)):
        expect(entry).to_contain_text(words)
    assert champion(airport) == target
    acts = [(one.action, one.version_from, one.version_to) for one in airport.state.history(limit=2)]
    assert acts == [("rollback", before, target), ("approve", before, target)]


def test_a_question_is_answered_with_a_reason(look: Look, airport: Project) -> None:
    page = show(look, airport)
    box(page, "Somebody has to decide").get_by_role("button", name="Reject…").click()
    page.get_by_role("textbox", name="Reason, for the history").fill("a feast day")
    look.at("reject", ".jp-Dialog-content")
    page.get_by_role("dialog").get_by_role("button", name="Reject").click()
    expect(box(page, "Somebody has to decide")).to_have_count(0)
    expect(done(page, "a feast day")).to_contain_text("Reject")
    decision = airport.state.decisions()[-1]
    assert (decision.answer, decision.note) == ("rejected", "a feast day")
    entry = airport.state.history()[0]
    assert (entry.action, entry.version_from, entry.reason) == ("reject", champion(airport), "a feast day")
    palette(page, "Approve What Waits…")
    expect(page.get_by_role("dialog")).to_contain_text("Nothing waits for that at present.")


def test_alerts_are_acknowledged_with_a_note_and_muted(look: Look, airport: Project) -> None:
    page = show(look, airport)
    alert = box(page, "Open alerts").get_by_role("listitem").filter(has_text="2 columns drifted")
    alert.get_by_role("button", name="Acknowledge…").click()
    page.get_by_role("textbox", name="Note").fill("I look at it")
    look.at("acknowledge", ".jp-Dialog-content")
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
