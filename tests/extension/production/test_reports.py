"""Reports as documents and as outputs of cells: what they say, in any theme, whatever their data hold."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from playwright.sync_api import Page, expect

from roadworthy.monitoring.report import Report, ReportView
from roadworthy.monitoring.report.notebook import MIME_TYPE
from roadworthy.project import Project
from roadworthy.records import Reading, WindowReport

if TYPE_CHECKING:
    from conftest import Look

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
expect.set_options(timeout=120_000)

NASTY = "<img src=x onerror=alert(1)>"


def show(look: Look, path: str) -> Page:
    look.page.goto(look.lab.url(path))
    look.page.locator(".rw-report h1, .rw-problem").first.wait_for()
    return look.page


def columns(page: Page) -> list[str]:
    return page.locator(".rw-opener").all_text_contents()


def renamed(found: WindowReport, column: str, name: str) -> WindowReport:
    def named(reading: Reading) -> Reading:
        return reading.model_copy(update={"column": name, "words": f"{name} is higher"})

    readings = tuple(named(one) if one.column == column else one for one in found.readings)
    return found.model_copy(update={"readings": readings, "drifted": (name,), "project": name})


def test_a_double_click_opens_a_report_the_worst_first(look: Look, airport: Project) -> None:
    page = look.page
    page.goto(look.lab.url(f"{airport.root.name}/reports"))
    page.get_by_role("listitem").filter(has_text="2013-05-04.drift.json").dblclick()
    expect(page.locator(".rw-report h1")).to_have_text("May 4, 2013")
    expect(page.locator(".rw-summary h2")).to_contain_text("The traffic has changed")
    assert columns(page)[:3] == ["probability", "temp", "origin"]  # origin differs most, but no answer depends on it
    rows = page.locator(".rw-columns > tbody > tr")
    worst, origin = (rows.filter(has=page.get_by_role("button", name=name)) for name in ("probability", "origin"))
    expect(worst.get_by_role("button", expanded=True)).to_have_text("probability")
    expect(worst).to_contain_text("Kolmogorov-Smirnov")
    expect(worst).to_contain_text("1,200")
    expect(worst.locator(".rw-strip")).to_be_visible()
    expect(page.get_by_role("img", name="Values of probability: the reference hatched")).to_be_visible()
    expect(page.get_by_role("img", name="Effect of probability over 4 windows")).to_be_visible()
    origin.get_by_role("button", name="origin", exact=True).click()
    expect(origin).to_contain_text("chi-square homogeneity")
    expect(origin).to_contain_text("4,000")
    expect(page.get_by_role("img", name="Values of origin: the reference hatched")).to_be_visible()
    page.locator("summary", has_text="Share of the values of origin").click()
    expect(page.get_by_role("table", name="Share of the values of origin")).to_contain_text("EWR")
    look.at("report", ".rw-report")


def test_columns_are_found_sorted_and_left_out_by_the_keyboard_alone(look: Look, airport: Project) -> None:
    page = show(look, f"{airport.root.name}/reports/2013-05-04.drift.json")
    page.locator(".rw-strip").first.wait_for()
    all_of_them = columns(page)
    page.get_by_role("button", name="Column", exact=True).focus()
    page.keyboard.press("Enter")
    assert columns(page) == sorted(all_of_them)
    expect(page.locator("th[aria-sort=ascending]")).to_have_count(1)
    search = page.get_by_role("searchbox")
    search.focus()
    page.keyboard.type("TEM")
    expect(page.locator(".rw-tools [role=status]")).to_have_text(f"1 of {len(all_of_them)} columns")
    page.get_by_role("button", name="temp", exact=True).focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("img", name="Values of temp")).to_be_visible()
    search.fill("")
    page.get_by_role("checkbox", name="Drifted only").focus()
    page.keyboard.press("Space")
    drifted = WindowReport.model_validate_json(
        (airport.root / "reports" / "2013-05-04.drift.json").read_bytes()
    ).drifted
    assert sorted(columns(page)) == sorted(drifted)


def test_a_report_is_exported_as_a_page_without_anything_from_elsewhere(
    look: Look, airport: Project, tmp_path: Path
) -> None:
    page = show(look, f"{airport.root.name}/reports/2013-05-04.drift.json")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export to HTML").click()
    assert download.value.suggested_filename == "2013-05-04.html"
    download.value.save_as(tmp_path / "report.html")
    exported = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert exported.lower().startswith("<!doctype html>")
    assert "http" not in exported.replace("http-equiv", "").replace("http://www.w3.org", "")


def test_a_column_that_is_called_like_html_is_text_in_a_report(look: Look, airport: Project) -> None:
    found = renamed(airport.state.windows()[-1], "temp", NASTY)
    (airport.root / "reports" / "nasty.drift.json").write_text(found.model_dump_json())
    dialogs: list[str] = []
    look.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    page = show(look, f"{airport.root.name}/reports/nasty.drift.json")
    button = page.get_by_role("button", name=NASTY, exact=True)
    if button.get_attribute("aria-expanded") == "false":
        button.click()
    expect(page.get_by_role("img", name=f"Values of {NASTY}")).to_be_visible()
    expect(page.locator(".rw-said", has_text=NASTY).first).to_contain_text(f"{NASTY} is higher")
    expect(page.locator(".rw-summary")).to_contain_text(NASTY)
    assert page.locator(".rw-report").locator("img, script, iframe").count() == 0
    look.at("nasty", ".rw-report")
    assert dialogs == []


def test_a_profile_opens_through_the_server(look: Look, airport: Project, tmp_path: Path) -> None:
    page = look.page
    page.goto(look.lab.url(f"{airport.root.name}/reports"))
    page.get_by_role("listitem").filter(has_text="2013-05-04.profile.bin").dblclick()
    page.get_by_role("button", name="temp", exact=True).click()
    expect(page.get_by_role("img", name="Values of temp")).to_be_visible()
    expect(page.get_by_role("table", name="Quantiles of temp")).to_contain_text("50%")
    expect(page.locator(".rw-sheet")).to_contain_text("A profile of 1,200 rows")
    look.at("profile", ".rw-report")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export to HTML").click()
    assert download.value.suggested_filename == "2013-05-04.html"
    download.value.save_as(tmp_path / "profile.html")
    exported = page.context.new_page()
    exported.goto((tmp_path / "profile.html").as_uri())
    expect(exported.locator("h1")).to_have_text("2013-05-04.profile.bin")
    expect(exported.get_by_role("img", name="Values of temp")).to_be_visible()
    assert exported.locator("script, button, input").count() == 0
    exported.screenshot(path=look.pictures / "exported-profile.png")
    assert look.objections(exported) == []
    exported.close()


def test_a_file_that_cannot_be_read_says_so_and_what_to_do(look: Look, airport: Project) -> None:
    folder = airport.root / "reports"
    for name, text in (("empty", ""), ("cut", '{"window": '), ("other", '{"a": 1}')):
        (folder / f"{name}.drift.json").write_text(text)
    page = show(look, f"{airport.root.name}/reports/empty.drift.json")
    for name in ("cut", "other"):
        look.execute("roadworthy:open-report", path=f"{airport.root.name}/reports/{name}.drift.json")
        page.locator(".lm-TabBar-tab.lm-mod-current", has_text=name).wait_for()
    expect(page.locator(".rw-problem", has_text="roadworthy observe")).to_have_count(3)
    (folder / "cut.profile.bin").write_bytes(b"no profile")
    look.execute("roadworthy:open-report", path=f"{airport.root.name}/reports/cut.profile.bin")
    expect(page.locator(".rw-problem", has_text="not a readable whylogs profile")).to_be_visible()
    look.at("unreadable", ".rw-problem")


def test_a_report_is_a_cells_output_also_where_the_notebook_is_not_trusted(
    look: Look, airport: Project, tmp_path: Path
) -> None:
    found = [renamed(one, "temp", NASTY) for one in airport.state.windows()]
    bundle = ReportView(Report(project=NASTY, windows=tuple(found)))._repr_mimebundle_()
    broken = {MIME_TYPE: {"format": "roadworthy.report/9"}, "text/plain": "a report"}
    outputs = [nbformat.v4.new_output("display_data", data=data) for data in (bundle, broken)]
    cell = nbformat.v4.new_code_cell("view", outputs=outputs)
    notebook = nbformat.v4.new_notebook(cells=[cell])
    nbformat.write(notebook, look.lab.root / airport.root.name / "report.ipynb")
    dialogs: list[str] = []
    look.page.on("dialog", lambda dialog: dialogs.append(dialog.message))
    page = show(look, f"{airport.root.name}/report.ipynb")
    page.locator(".jp-Dialog .jp-mod-reject").click()  # no kernel is needed to look at it
    output = page.locator(".rw-output").first
    expect(output.locator("h1")).to_have_text("May 4, 2013")
    expect(output.get_by_role("button", name=NASTY)).to_be_visible()
    assert output.locator("img, script, iframe").count() == 0
    expect(page.locator(".rw-output").last).to_contain_text("format roadworthy.report/9")
    with page.expect_download() as download:
        output.get_by_role("button", name="Export to HTML").click()
    download.value.save_as(tmp_path / "report.html")
    exported = page.context.new_page()
    exported.on("dialog", lambda dialog: dialogs.append(dialog.message))
    exported.goto((tmp_path / "report.html").as_uri())
    expect(exported.locator("h1")).to_have_text("May 4, 2013")
    assert exported.locator("img, script").count() == 0
    assert exported.locator(".rw-details").count() > 1
    exported.screenshot(path=look.pictures / "exported.png")
    assert look.objections(exported) == []
    exported.close()
    look.at("output", ".rw-output")
    assert dialogs == []


def test_a_hundred_columns_over_a_hundred_windows_are_shown(look: Look, airport: Project) -> None:
    last = airport.state.windows()[-1]
    pattern = last.readings[0]
    readings = tuple(pattern.model_copy(update={"column": f"column {i:03}"}) for i in range(100))
    folder = airport.root / "wide"
    folder.mkdir()
    for i in range(100):
        found = _moved(last, -i).model_copy(update={"readings": readings, "segments": ()})
        (folder / f"{found.window.name}.drift.json").write_text(found.model_dump_json())
    page = show(look, f"{airport.root.name}/wide/{last.window.name}.drift.json")
    expect(page.locator(".rw-strip")).to_have_count(100)
    assert page.locator(".rw-opener").count() == 100
    assert page.locator(".rw-sheet .rw-details").count() == 1
    expect(page.get_by_role("img", name="Effect of column 000 over 100 windows")).to_be_visible()


def _moved(found: WindowReport, days: int) -> WindowReport:
    window = found.window
    span = (window.end - window.start) * days
    return found.model_copy(
        update={"window": window.model_copy(update={"start": window.start + span, "end": window.end + span})}
    )
