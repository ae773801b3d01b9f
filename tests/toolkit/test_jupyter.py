"""`pip install roadworthy` leaves JupyterLab working, although Ploomber comes with it."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser

pytestmark = pytest.mark.slow


@contextmanager
def _jupyter(folder: Path, *extra: str) -> Iterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    arguments = [f"--port={port}", "--no-browser", "--allow-root", "--IdentityProvider.token=t", *extra]
    with (folder / "jupyter.log").open("w") as log:
        environment = os.environ | {"JUPYTER_CONFIG_DIR": str(folder / "config")}
        process = subprocess.Popen(
            [sys.executable, "-m", "jupyter", "lab", *arguments], cwd=folder, stdout=log, stderr=log, env=environment
        )
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in range(120):
                try:
                    urllib.request.urlopen(f"{address}/api?token=t")  # noqa: S310  # our own server
                    break
                except OSError:
                    time.sleep(0.5)
            yield address
        finally:
            process.terminate()
            process.wait(20)


def _list(address: str) -> tuple[int, list[str]]:
    try:
        with urllib.request.urlopen(f"{address}/api/contents?token=t") as answer:  # noqa: S310  # our own server
            return answer.status, [item["name"] for item in json.load(answer)["content"]]
    except urllib.error.HTTPError as error:
        with error:
            return error.code, []


def test_the_file_browser_lists_a_folder(tmp_path: Path) -> None:
    (tmp_path / "work.ipynb").write_text("{}")
    with _jupyter(tmp_path) as address:
        status, names = _list(address)
    assert status == 200
    assert "work.ipynb" in names


@pytest.mark.full  # what it looks at changes with constraints.txt alone
def test_the_mend_is_still_needed(tmp_path: Path) -> None:
    """When this fails, Ploomber's server extension works again: remove packaging/jupyter_server_config.json."""
    with _jupyter(tmp_path, "--ServerApp.jpserver_extensions={'ploomber': True}") as address:
        status, _ = _list(address)
    assert status == 500


def test_a_person_sees_the_projects_files_in_jupyterlab(browser: Browser, root: Path) -> None:
    with _jupyter(root) as address:
        page = browser.new_page()
        page.goto(f"{address}/lab?token=t&reset")
        listing = page.locator(".jp-DirListing-content")
        listing.get_by_text("pipeline.yaml").wait_for(timeout=60_000)
        listing.get_by_text("notebooks").dblclick()
        listing.get_by_text("evaluate.ipynb").wait_for(timeout=60_000)
        assert page.get_by_text("File Load Error").count() == 0
        page.close()
