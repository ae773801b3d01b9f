"""What happens is told as it happens: alerts, ended runs, another version; once, with what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Page, expect

from roadworthy import registry
from roadworthy.monitoring import alerts
from roadworthy.project import Project
from roadworthy.records import Finding, RunRecord, now

if TYPE_CHECKING:
    from conftest import Look

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
expect.set_options(timeout=120_000)

NASTY = "<img src=x onerror=alert(1)>"
MODEL = "model: Mo Model <mo@example.org>"


def listening(look: Look, project: Project) -> Page:
    """Show production: then the server has the project open, and looks at it again and again."""
    page = look.page
    page.goto(look.lab.url(f"{project.root.name}/pyproject.toml"))
    page.locator(".jp-FileEditor").wait_for()
    look.execute("roadworthy:show-production")
    page.locator(".rw-boxes").wait_for()
    page.wait_for_timeout(2500)  # the first look, after which whatever comes is new
    return page


def found(title: str) -> Finding:
    return Finding(cause=title, owner="model", severity="warning", title=title, message="In the newest window.")


def test_an_alert_is_told_with_its_report_and_can_be_muted(
    look: Look, airport: Project, until: Callable[[Callable[[], bool]], None]
) -> None:
    page = listening(look, airport)
    alert, _ = airport.state.raise_alert(found(f"{NASTY} drifted"), MODEL)
    toast = page.locator(".Toastify__toast", has_text=f"{NASTY} drifted")
    expect(toast).to_be_visible()
    assert toast.locator("img").count() == 0
    expect(page.locator(".rw-production")).to_contain_text(f"{NASTY} drifted")  # the panel follows, unasked
    alerts.acknowledge(airport.state, str(alert.id), who="bob", note="from the command line")
    expect(page.locator(".rw-production")).to_contain_text("bob")
    look.at("notification", ".rw-production", ".Toastify__toast")
    toast.get_by_role("button", name="Open report").click()
    expect(page.locator(".rw-report h1", has_text="May 4, 2013")).to_be_visible()
    other, _ = airport.state.raise_alert(found("temp drifted"), MODEL)
    page.locator(".Toastify__toast", has_text="temp drifted").get_by_role("button", name="Mute for 24 h").click()

    def muted() -> bool:
        return any(one.id == other.id and one.muted(now()) for one in airport.state.open_alerts())

    until(muted)
    assert not any(one.id == alert.id and one.muted(now()) for one in airport.state.open_alerts())


def test_each_open_page_is_told(look: Look, airport: Project) -> None:
    pages = [listening(look, airport), look.page.context.new_page()]  # two tabs of one browser
    pages[1].set_default_timeout(120_000)
    pages[1].goto(look.lab.url(f"{airport.root.name}/pyproject.toml"))
    pages[1].locator(".jp-FileEditor").wait_for()
    pages[1].wait_for_timeout(1000)  # its ear to the server
    airport.state.save_run(RunRecord(id="night", project="late-flights", state="done", started=now(), ended=now()))
    for page in pages:
        expect(page.locator(".Toastify__toast", has_text="Run night is done")).to_have_count(1)


def test_runs_and_versions_are_told_once_also_after_the_page_is_loaded_again(look: Look, airport: Project) -> None:
    page = listening(look, airport)
    started = now()
    airport.state.save_run(RunRecord(id="night", project="late-flights", state="done", started=started, ended=now()))
    expect(page.locator(".Toastify__toast", has_text="Run night is done")).to_have_count(1)
    challenger = airport.state.alias("challenger")
    assert challenger is not None
    registry.promote(airport.config, airport.state, challenger.version, who="bob", reason="better", force=True)
    number = challenger.version.rpartition(":")[2]
    expect(page.locator(".Toastify__toast", has_text=number)).to_have_count(1)
    expect(page.locator(".rw-compared th").nth(0)).to_contain_text(number)
    page.reload()
    page.locator(".rw-boxes").wait_for()
    page.wait_for_timeout(3000)  # two looks of the server's
    assert page.locator(".Toastify__toast", has_text="Run night").count() == 0
    assert page.locator(".Toastify__toast", has_text=number).count() == 0
