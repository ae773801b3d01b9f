"""The open notebook as a task: how it stands, what is broken, running it, its parameters, the picture and its runs."""

from __future__ import annotations

import getpass
import json
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import nbformat
import pytest
from playwright.sync_api import Error as PlaywrightError
from playwright.sync_api import Page, Route, expect

if TYPE_CHECKING:
    from conftest import Look

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]
expect.set_options(timeout=60_000)

Until = Callable[[Callable[[], bool]], None]
TRIES, SOON = 6, 10_000  # milliseconds


def change(notebook: Path, cell: int, source: str) -> None:
    content = nbformat.read(notebook, 4)
    content.cells[cell].source = source
    nbformat.write(content, notebook)


def from_palette(look: Look, label: str) -> None:
    """Find a command in the palette and run it, by keyboard.

    The palette closes when something else takes the focus, as a notebook does that has just come: it is opened again.
    """
    entry = look.page.locator(".lm-CommandPalette-input")
    found = look.page.locator(".lm-CommandPalette-item.lm-mod-active .lm-CommandPalette-itemLabel")
    for _ in range(TRIES):
        look.execute("apputils:activate-command-palette")
        with suppress(PlaywrightError, AssertionError):
            entry.fill(label, timeout=SOON)
            expect(found).to_have_text(label, timeout=SOON)
            look.page.keyboard.press("Enter")
            return
    pytest.fail(f"The palette does not stay open, or does not find {label}.")


def active_cell(page: Page) -> int:
    return int(page.evaluate("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex"))


def test_the_panel_follows_the_open_notebook(look: Look, project: Path) -> None:
    page = look.open(f"{project.name}/notebooks/count.ipynb")
    panel, status = page.locator(".rw-panel"), page.locator(".rw-status-button")
    expect(panel.get_by_role("heading", name="count", exact=True)).to_be_visible()
    expect(panel.locator(".rw-badge").first).to_have_text("Fresh")
    expect(status).to_contain_text("count")
    # a cell that is changed on the disk, by whomever, is told without a click
    change(project / "notebooks" / "count.ipynb", 3, "wanted = 1")
    expect(panel.locator(".rw-badge").first).to_have_text("Stale")
    expect(panel.locator(".rw-reasons")).to_contain_text("1 cell changed")
    expect(status).to_contain_text("Stale")
    expect(status).to_contain_text("1 cell changed")
    expect(status).to_have_attribute("title", re.compile("1 cell changed"))
    # a notebook of the project that is no task is called so in both
    (project / "notebooks" / "aside.ipynb").write_bytes((project / "notebooks" / "judge.ipynb").read_bytes())
    look.execute("docmanager:open", path=f"{project.name}/notebooks/aside.ipynb")
    expect(panel.get_by_role("heading", name="Not a task")).to_be_visible()
    expect(status).to_have_text("Not a task")
    look.execute("docmanager:open", path=f"{project.name}/notebooks/judge.ipynb")
    expect(panel.get_by_role("heading", name="judge", exact=True)).to_be_visible()
    look.at("panel", ".rw-panel", ".rw-status")


def test_what_is_broken_is_named_and_opened_at_its_line(look: Look, project: Path) -> None:
    pipeline = project / "pipeline.yaml"
    pipeline.write_text(pipeline.read_text().replace("  upstream: [count]\n", "  upstream: [count\n"))
    policy = project / "monitoring" / "policy.yaml"
    policy.write_text(policy.read_text() + "\nno_such_key: 1\n")
    page = look.open(f"{project.name}/notebooks/count.ipynb")
    banners = page.locator(".rw-panel .rw-banner")
    expect(banners.filter(has_text="pipeline.yaml").first).to_be_visible()
    expect(banners.filter(has_text="policy.yaml").first).to_contain_text("no_such_key")
    expect(page.locator(".rw-status-button")).to_contain_text("problem")
    expect(page.locator(".rw-panel")).to_contain_text("once what is broken is mended")
    expect(page.locator(".rw-panel").get_by_role("button", name="Add a parameters cell")).to_have_count(0)
    look.at("problems", ".rw-panel")
    button = banners.filter(has_text="pipeline.yaml").get_by_role("button", name=re.compile(r"Open at line \d+")).first
    line = int(re.findall(r"\d+", button.inner_text())[0])
    button.click()
    page.locator(".jp-FileEditor").wait_for()
    cursor = "() => window.jupyterapp.shell.currentWidget.content.editor.getCursorPosition().line + 1"
    page.wait_for_function(f"line => ({cursor})() === line", arg=line)


def test_another_version_of_the_server_is_named(look: Look, project: Path) -> None:
    def older(route: Route) -> None:
        answer = route.fetch()
        content = answer.json()
        content["project"]["version"] = "0.0.1"
        route.fulfill(response=answer, body=json.dumps(content))

    look.page.route("**/roadworthy/api/notebook*", older)
    page = look.open(f"{project.name}/notebooks/count.ipynb")
    expect(page.locator(".rw-banner").first).to_contain_text("the server of version 0.0.1")
    expect(page.locator(".rw-status-button")).to_contain_text("1 problem")
    page.unroute_all(behavior="wait")  # what is on its way must not outlive the page


def test_a_server_that_does_not_answer_is_named_while_the_panel_is_closed(look: Look, project: Path) -> None:
    page, path = look.page, f"{project.name}/notebooks/count.ipynb"
    page.route("**/roadworthy/api/**", lambda route: route.abort())
    page.goto(look.lab.url(path))
    status = page.locator(".rw-status-button")
    expect(status).to_have_text("Roadworthy does not answer")
    expect(status.locator("svg")).to_be_visible()
    expect(page.locator(".rw-panel")).to_be_hidden()
    status.click()
    expect(page.locator(".rw-panel .rw-banner")).to_contain_text("The server cannot be reached.")
    look.at("silent", ".rw-panel", ".rw-status")
    # it answers again, and something happens: a notebook is saved
    page.unroute_all(behavior="wait")
    look.execute("docmanager:save")
    expect(status).to_contain_text("Fresh")
    expect(page.locator(".rw-panel .rw-banner")).to_have_count(0)


def test_a_notebook_that_is_deleted_while_it_is_open_is_named(look: Look, project: Path) -> None:
    page = look.open(f"{project.name}/notebooks/count.ipynb")
    panel, status = page.locator(".rw-panel"), page.locator(".rw-status-button")
    expect(panel.locator(".rw-badge").first).to_have_text("Fresh")
    notebook = project / "notebooks" / "count.ipynb"
    content = notebook.read_bytes()
    notebook.unlink()
    expect(panel.locator(".rw-banner")).to_contain_text("There is nothing at")
    expect(panel.locator(".rw-banner")).to_contain_text("close it, or save it there again")
    expect(status).to_have_text("1 problem")
    look.at("deleted", ".rw-panel", ".rw-status")
    notebook.write_bytes(content)
    expect(panel.locator(".rw-badge").first).to_have_text("Fresh")
    expect(panel.locator(".rw-banner")).to_have_count(0)


def test_a_task_that_runs_says_so_everywhere(look: Look, project: Path) -> None:
    (project / "env.yaml").write_text('rows: "3"\nseconds: "8"\nproducts: products\n')
    page = look.open(f"{project.name}/notebooks/count.ipynb")
    panel, status = page.locator(".rw-panel"), page.locator(".rw-status-button")
    badge = panel.locator(".rw-badge").first
    row = panel.get_by_role("list", name="Tasks of the pipeline").get_by_role("listitem").filter(has_text="count")
    for place in (badge, status, row):
        expect(place).to_contain_text("Stale")
    from_palette(look, "Run This Task")
    for place in (badge, status, row):
        expect(place).to_contain_text("Running")
    expect(panel.locator(".rw-reasons")).to_have_count(0)
    expect(page.locator(".rw-job").get_by_role("log")).to_contain_text("count started")
    for place in (badge, status, row):
        expect(place).to_contain_text("Fresh")
    expect(page.locator(".rw-job")).to_have_attribute("data-state", "done")


def test_the_ways_to_run_stand_in_the_toolbar(look: Look, project: Path) -> None:
    change(project / "notebooks" / "count.ipynb", 3, "wanted = 1")
    change(project / "notebooks" / "scale.ipynb", 3, "rows = 4")
    page = look.open(f"{project.name}/notebooks/scale.ipynb")
    ways = page.locator(".jp-NotebookPanel-toolbar").get_by_role("button", name="Ways to run")
    job, menu = page.locator(".rw-job"), page.get_by_role("menu").filter(has_text="What It Needs")
    expect(page.locator(".rw-status-button")).to_have_attribute("title", re.compile("upstream count is stale"))
    # by keyboard: the menu's first way has the focus, and the arrow goes on to the next
    ways.focus()
    page.keyboard.press("Enter")
    expect(menu.locator(".lm-Menu-itemLabel")).to_have_text(
        ["Run This Task", "Run This Task and What It Needs", "Run All That Is Stale"]
    )
    page.screenshot(path=look.pictures / "run-menu.png")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    expect(menu).to_have_count(0)
    expect(job).to_have_attribute("data-state", "done")
    expect(job.locator(".rw-row-name")).to_have_text(["count", "scale"])
    # what it made is another now, so what builds on it is stale
    ways.click()
    menu.get_by_role("menuitem", name="Run All That Is Stale").click()
    expect(job.locator(".rw-row-name")).to_have_text(["count", "scale", "judge"])
    expect(job).to_have_attribute("data-state", "done")


def test_a_task_is_saved_and_run_and_its_failing_cell_is_opened(look: Look, project: Path) -> None:
    page = look.open(f"{project.name}/notebooks/judge.ipynb")
    panel = page.locator(".rw-panel")
    # changed in the page and not saved: the run saves it
    page.evaluate(
        "() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells[2].setSource('1 / 0  # mine')"
    )
    page.locator(".jp-NotebookPanel-toolbar").get_by_text("Run task").click()
    job = page.locator(".rw-job")
    expect(job).to_be_visible()
    expect(job).to_have_attribute("data-state", "failed")
    assert "1 / 0  # mine" in (project / "notebooks" / "judge.ipynb").read_text()
    expect(job).to_contain_text("division by zero")
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget.content.activeCellIndex === 2")
    expect(panel.locator(".rw-badge").first).to_have_text("Failed")
    job.get_by_text("Log").first.click()
    expect(job.get_by_role("log")).to_be_visible()
    expect(job.get_by_role("log")).to_contain_text("judge failed")
    look.at("failed", ".rw-panel")
    change(
        project / "notebooks" / "judge.ipynb", 2, nbformat.read(project / "notebooks/count.ipynb", 4).cells[2].source
    )


def test_a_run_goes_on_without_the_page_and_can_be_broken_off(look: Look, project: Path, until: Until) -> None:
    (project / "env.yaml").write_text('rows: "3"\nseconds: "600"\nproducts: products\n')
    path = f"{project.name}/notebooks/count.ipynb"
    page = look.open(path)
    page.get_by_role("menuitem", name="Roadworthy").click()
    page.get_by_role("menuitem", name="Run All That Is Stale").click()
    job = page.locator(".rw-job")
    expect(job.locator(".rw-row").filter(has_text="count")).to_contain_text("Running")
    page.goto("about:blank")
    until(lambda: look.lab.ask(f"pipeline?path={project.name}")["job"] is not None)
    page = look.open(path)
    expect(job).to_have_attribute("data-state", "running")
    expect(job.locator(".rw-row").filter(has_text="count")).to_contain_text("Running")
    log = job.get_by_role("log")
    expect(log).to_contain_text("count started")
    until(lambda: log.evaluate("log => log.scrollHeight - log.scrollTop - log.clientHeight") < 24)  # its newest lines
    expect(page.locator(".rw-status-button")).to_contain_text("Running")
    look.at("running", ".rw-panel", ".rw-status")
    from_palette(look, "Cancel the Run")
    expect(job).to_have_attribute("data-state", "cancelled")
    until(lambda: look.lab.ask(f"pipeline?path={project.name}")["job"] is None)


def test_parameters_are_a_form_and_other_values_run_aside(look: Look, project: Path) -> None:
    before = {path.name: path.read_bytes() for path in (project / "products").iterdir() if path.is_file()}
    cells = nbformat.read(project / "notebooks" / "count.ipynb", 4).cells
    page = look.open(f"{project.name}/notebooks/count.ipynb")
    form = page.locator(".rw-form")
    rows, kind = form.get_by_label("rows"), form.get_by_label("kind")
    expect(rows).to_have_value("3")
    expect(form).to_contain_text("how many rows are made")
    expect(form.locator(".rw-field").filter(has_text="how many rows are made")).to_contain_text(
        "Default in the cell: 1"
    )
    rows.fill("many")
    expect(form.locator(".rw-wrong")).to_contain_text("whole number")
    expect(form.get_by_role("button", name="Run aside")).to_be_disabled()
    look.at("parameters", ".rw-panel")
    rows.fill("5")
    kind.select_option(index=1)
    form.get_by_role("button", name="Run aside").click()
    job = page.locator(".rw-job")
    expect(job).to_have_attribute("data-state", "done")
    job.get_by_role("button", name="Open the executed notebook").click()
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget.context.path.includes('count')")
    after = {path.name: path.read_bytes() for path in (project / "products").iterdir() if path.is_file()}
    assert after == before
    assert nbformat.read(project / "notebooks" / "count.ipynb", 4).cells == cells


def test_a_parameters_cell_is_put_into_the_open_document_alone(look: Look, project: Path) -> None:
    notebook = project / "notebooks" / "judge.ipynb"
    content = nbformat.read(notebook, 4)
    content.cells[1].metadata.pop("tags")
    nbformat.write(content, notebook)
    source = notebook.read_bytes()
    page = look.open(f"{project.name}/notebooks/judge.ipynb")
    page.locator(".rw-panel").get_by_role("button", name="Add a parameters cell").click()
    expect(page.locator(".rw-panel")).to_contain_text("save the notebook to use it")
    assert active_cell(page) == 1
    tags = "() => window.jupyterapp.shell.currentWidget.content.model.sharedModel.cells[1].toJSON().metadata.tags"
    assert page.evaluate(tags) == ["parameters"]
    assert notebook.read_bytes() == source


def test_the_pipeline_is_a_picture_and_a_table(look: Look, project: Path) -> None:
    change(project / "notebooks" / "scale.ipynb", 3, "rows = 4")
    page = look.open(f"{project.name}/notebooks/count.ipynb")
    look.execute("roadworthy:show-pipeline")
    picture = page.locator(".rw-graph")
    scale = picture.locator('[data-task="scale"]')
    expect(scale).to_have_attribute("aria-label", re.compile("scale, Stale"))
    look.at("pipeline", ".rw-main")
    # by keyboard: one Tab stop, arrows along the lines, Enter opens
    picture.locator('[data-task="count"]').focus()
    page.keyboard.press("ArrowRight")
    expect(picture.locator("[data-task]:focus")).to_have_attribute("data-task", re.compile("scale|judge"))
    page.keyboard.press("Enter")
    page.wait_for_function("() => /scale|judge/.test(window.jupyterapp.shell.currentWidget.context?.path ?? '')")
    # and with the mouse
    look.execute("roadworthy:show-pipeline")
    picture.locator('[data-task="count"]').click()
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget.context?.path.endsWith('count.ipynb') ?? false")
    look.execute("roadworthy:show-pipeline")
    page.get_by_role("button", name="Table", exact=True).click()
    table = page.locator(".rw-main .rw-table")
    expect(table.get_by_role("row").filter(has_text="scale").first).to_contain_text("Stale")
    look.at("pipeline-table", ".rw-main")
    table.get_by_role("button", name="count.json").click()
    page.wait_for_function("() => window.jupyterapp.shell.currentWidget.context?.path.endsWith('count.json') ?? false")


def test_sixty_tasks_can_be_read(look: Look, project: Path) -> None:
    names = [f"step_{number:02}" for number in range(60)]
    lines = ["meta: {extract_upstream: false, extract_product: false}", "tasks:"]
    for number, name in enumerate(names):
        write = project / "notebooks" / f"{name}.ipynb"
        write.write_bytes((project / "notebooks" / "judge.ipynb").read_bytes())
        before = [names[number - 6], names[number - 6 - number % 6]] if number >= 6 else []
        lines += [f"- name: {name}", f"  source: notebooks/{name}.ipynb"]
        lines += [f"  upstream: [{', '.join(dict.fromkeys(before))}]"] if before else []
        lines += [f"  product: {{nb: products/{name}.ipynb, data: products/{name}.json}}"]
    (project / "pipeline.yaml").write_text("\n".join(lines))
    page = look.open(f"{project.name}/notebooks/step_07.ipynb")
    look.execute("roadworthy:show-pipeline")
    expect(page.locator(".rw-graph [data-task]")).to_have_count(60)
    size = page.locator(".rw-graph .rw-node-name").first.evaluate("node => node.getBoundingClientRect().height")
    assert size > 10
    look.at("sixty", ".rw-main")


def test_runs_are_listed_opened_and_compared(look: Look, project: Path) -> None:
    change(project / "notebooks" / "scale.ipynb", 3, "rows = 7")
    pipeline = project / "pipeline.yaml"
    pipeline.write_text(pipeline.read_text().replace("{factor: 2}", "{factor: 3}"))
    page = look.open(f"{project.name}/notebooks/scale.ipynb")
    page.locator(".rw-panel").get_by_role("button", name="With what it needs").click()
    expect(page.locator(".rw-job")).to_have_attribute("data-state", "done")
    expect(page.locator(".rw-panel .rw-run")).to_have_count(2)
    page.get_by_role("button", name="All runs, and compare two").click()
    table = page.locator(".rw-main .rw-table").first
    expect(table.get_by_role("checkbox")).to_have_count(2)
    heads = [head.strip() for head in table.get_by_role("columnheader").all_inner_texts()]
    assert heads[:6] == ["Compare", "State", "Started", "Duration", "Who", "Data"]
    assert heads[6:] == ["score", "Parameters", "Notebook"]
    for row, score, factor in ((1, "21", "3"), (2, "6", "2")):  # newest first
        cells = dict(zip(heads, table.get_by_role("row").nth(row).get_by_role("cell").all(), strict=True))
        expect(cells["State"]).to_have_text("Done")
        expect(cells["Duration"]).to_have_text(re.compile(r"^\d[\d.]* (s|ms|min)"))
        expect(cells["Who"]).to_have_text(getpass.getuser())
        expect(cells["score"]).to_have_text(score)
        expect(cells["Parameters"].locator("div").filter(has_text="factor")).to_have_text(f"factor{factor}")
    for mark in table.get_by_role("checkbox").all():
        mark.check()
    page.get_by_role("button", name="Compare", exact=True).click()
    comparison = page.locator(".rw-comparison")
    expect(comparison.get_by_role("row").filter(has_text="score")).to_contain_text("21")
    given = comparison.get_by_role("table", name="Parameters").get_by_role("row").filter(has_text="factor")
    expect(given.get_by_role("cell")).to_have_text(["2", "3"])
    expect(comparison.locator(".rw-diff")).to_contain_text("+rows = 7")
    look.at("runs", ".rw-main", ".rw-panel")
    table.get_by_role("button", name=re.compile("Open the executed notebook")).first.click()
    page.wait_for_function("() => /scale/.test(window.jupyterapp.shell.currentWidget.context?.path ?? '')")


def test_what_data_says_is_text(look: Look, project: Path) -> None:
    evil = "<img src=x onerror=window.harmed=1>"
    content = nbformat.read(project / "notebooks" / "judge.ipynb", 4)
    content.cells[1].source = f"limit = 1  # {evil}\nupstream = None\nproduct = None"
    content.cells[2].source = f"raise ValueError({evil!r})"
    nbformat.write(content, project / "notebooks" / "judge.ipynb")
    page = look.open(f"{project.name}/notebooks/judge.ipynb")
    panel = page.locator(".rw-panel")
    expect(panel.locator(".rw-form")).to_contain_text(evil)
    panel.get_by_role("button", name="Run this task").click()
    expect(page.locator(".rw-job")).to_have_attribute("data-state", "failed")
    expect(page.locator(".rw-job")).to_contain_text(evil)
    assert panel.locator("img").count() == 0
    assert page.evaluate("() => window.harmed") is None
