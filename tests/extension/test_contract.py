"""Contract help in a notebook: checked, completed, and shown where nobody trusts the notebook."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import nbformat
import pandas as pd
import pytest

from roadworthy.contract import Column, Contract, Dataset
from roadworthy.data.checked import check_frame

if TYPE_CHECKING:
    from conftest import Look

pytestmark = pytest.mark.slow

HOSTILE = "<img src=x onerror=window.harmed=true>"
FLIGHTS = """\
%load_ext roadworthy
import pandas as pd
flights = pd.DataFrame({
    "flight_id": ["a", "b"],
    "scheduled_departure": pd.to_datetime(["2013-05-01", "2013-05-02"], utc=True),
    "origin": ["JFK", "XXX"],
})"""


def _write(path: Path, *cells: Any) -> None:  # noqa: ANN401 - nbformat has no types
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    nbformat.write(nbformat.v4.new_notebook(cells=list(cells), metadata=metadata), path)


def test_a_frame_is_checked_and_names_are_completed(look: Look, project: Path) -> None:
    code = nbformat.v4.new_code_cell
    _write(project / "notebooks" / "check.ipynb", code(FLIGHTS), code("found = %contract flights\nfound"), code(""))
    page = look.page
    page.goto(look.lab.url(f"{project.name}/notebooks/check.ipynb"))
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    cells = page.locator(".jp-Notebook .jp-Cell")
    cells.nth(0).locator(".cm-content").click()
    for number in (1, 2):
        page.keyboard.press("Shift+Enter")
        cells.nth(number - 1).locator(".jp-InputPrompt", has_text=f"[{number}]").wait_for()
    shown = page.locator(".rw-checked")
    shown.get_by_text("1 of 2 rows breaks 1 rule").wait_for()
    assert shown.get_by_role("row", name="origin must be one of").count() == 1
    assert "XXX" in shown.inner_text()
    look.at("contract", ".rw-checked")
    cells.nth(2).locator(".cm-content").click()
    page.keyboard.type("%contract fl")
    page.keyboard.press("Tab")
    page.locator(".cm-content", has_text="%contract flights").last.wait_for()


def test_where_nobody_trusts_the_notebook_names_are_text_all_the_same(look: Look, project: Path) -> None:
    column = Column(name=HOSTILE, type="number", role="feature", maximum=1)
    contract = Contract(id="c", version="1", hash="", datasets=(Dataset(name="d", columns=(column,)),))
    found = check_frame(pd.DataFrame({HOSTILE: [0.5, 2.0]}), contract, "d")
    output = nbformat.v4.new_output("execute_result", found._repr_mimebundle_(), execution_count=1)
    _write(project / "notebooks" / "given.ipynb", nbformat.v4.new_code_cell("found", outputs=[output]))
    page = look.page
    page.goto(look.lab.url(f"{project.name}/notebooks/given.ipynb"))
    shown = page.locator(".jp-OutputArea-output")
    shown.get_by_text("1 of 2 rows breaks 1 rule").wait_for()
    assert shown.get_by_text(f"{HOSTILE} must be at most 1").count() == 1
    assert shown.locator("img").count() == 0
    page.get_by_text("Python 3 (ipykernel) | Idle").wait_for()
    assert page.evaluate("window.harmed") is None
