"""A notebook shows a report as HTML, as text, and as JSON of our own type."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import nbformat
import pytest
from playwright.sync_api import Browser

from roadworthy.monitoring.report import Report, ReportView
from roadworthy.monitoring.report.notebook import MIME_TYPE

if TYPE_CHECKING:
    from tests.toolkit.monitoring.report.conftest import Examples


def test_the_output_has_three_forms(report: Report) -> None:
    view = ReportView(report)
    bundle = view._repr_mimebundle_()
    assert list(bundle) == ["text/plain", "text/html", MIME_TYPE]
    assert bundle["text/plain"] == repr(view)
    assert Report.model_validate(json.loads(json.dumps(bundle[MIME_TYPE]))) == report.brief()
    assert repr(view).splitlines() == [
        "late-flights: The traffic has changed; the model still answers as well as is asked of it.",
        "          May 2013  no drift            28,000 rows",
        "         June 2013  drift               28,000 rows",
    ]


def test_styles_do_not_leak_into_the_notebook(report: Report) -> None:
    html = ReportView(report)._repr_html_()
    assert "<html" not in html
    styles = re.search(r"<style>(.*?)</style>", html, re.DOTALL)
    assert styles is not None
    rules = [rule for rule in re.findall(r"([^{}]+)\{", styles[1]) if "@" not in rule]
    assert all(".rw" in selector for rule in rules for selector in rule.split(","))


def test_the_json_stays_small(examples: Examples) -> None:
    columns = [examples.reading(f"column_{i:03}", "drift" if i < 12 else "no drift") for i in range(100)]
    report = examples.report(*(examples.found(month, *columns) for month in range(1, 12)))
    assert len(json.dumps(ReportView(report)._repr_mimebundle_()[MIME_TYPE])) < 300_000


@pytest.mark.full
@pytest.mark.slow
def test_jupyterlab_shows_a_notebook_that_it_does_not_trust(
    browser: Browser, tmp_path: Path, examples: Examples
) -> None:
    report = examples.report(examples.found(6, examples.reading(examples.nasty)), project=examples.nasty)
    output = nbformat.v4.new_output("execute_result", data=ReportView(report)._repr_mimebundle_(), execution_count=1)
    cell = nbformat.v4.new_code_cell("view", outputs=[output], execution_count=1)
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), tmp_path / "report.ipynb")
    problems: list[str] = []
    page = browser.new_page()
    page.on("dialog", lambda dialog: problems.append(dialog.message))
    with _jupyterlab(tmp_path) as address:
        page.goto(f"{address}/lab/tree/report.ipynb?token=t&reset")
        shown = page.locator(".jp-OutputArea-output")
        shown.get_by_text("What happened").wait_for(timeout=120_000)
        assert shown.get_by_text(examples.nasty).count() > 0
        assert shown.locator("img, script, style, svg").count() == 0
        assert shown.locator("table").count() >= 2
    page.close()
    assert problems == []


@contextmanager
def _jupyterlab(folder: Path) -> Iterator[str]:
    """JupyterLab without our extension, which would show the report itself."""
    settings = folder / "jupyter_config_dir" / "labconfig" / "page_config.json"
    settings.parent.mkdir(parents=True)
    settings.write_text(json.dumps({"disabledExtensions": {"roadworthy-jupyterlab": True}}))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    places = {name: str(folder / name.lower()) for name in ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR")}
    options = [f"--port={port}", "--no-browser", "--allow-root", "--IdentityProvider.token=t"]
    address = f"http://127.0.0.1:{port}"
    with (
        (folder / "jupyter.log").open("w") as log,
        subprocess.Popen(
            [sys.executable, "-m", "jupyter", "lab", *options],
            cwd=folder,
            stdout=log,
            stderr=log,
            env=os.environ | places,
        ) as process,
    ):
        try:
            for _ in range(240):
                with suppress(httpx.HTTPError):
                    httpx.get(f"{address}/api", params={"token": "t"})
                    break
                time.sleep(0.5)
            yield address
        finally:
            process.terminate()
