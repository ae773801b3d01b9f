"""Makes the guide's pictures: JupyterLab on the project that `make demo` has left, as `make lab` opens it.

make pictures
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

PICTURES = Path(__file__).parent / "pictures"
TOKEN = "pictures"  # noqa: S105 - of a server on this machine that ends with this script
PATIENCE = 120_000  # milliseconds
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync", "--no-first-run"]


def main() -> None:
    """Take every picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--project", type=Path, default=Path("roadworthy-demo/late-flights"))
    folder = parser.parse_args().project
    reports = sorted((folder / "reports").glob("*.drift.json"))
    telling = [report for report in reports if json.loads(report.read_text())["rows"]]  # no silence
    if not telling:
        sys.exit(f"There are no reports in {folder}. Next: run `make demo`.")
    PICTURES.mkdir(exist_ok=True)
    with served(folder) as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=QUIET)
        page = browser.new_page(viewport={"width": 1280, "height": 800}, locale="en-US")
        page.set_default_timeout(PATIENCE)
        page.goto(f"{address}/lab/tree/notebooks/train.ipynb?token={TOKEN}&reset")
        page.locator(".jp-Notebook .jp-CodeCell .cm-line").first.wait_for()
        page.locator(".rw-status-button").click()
        page.locator(".rw-panel").get_by_text("Parameters").first.wait_for()
        hide_files(page)
        take(page, "task")
        execute(page, "roadworthy:show-pipeline")
        page.locator("svg .rw-node").first.wait_for()
        execute(page, "application:toggle-right-area")
        take(page, "pipeline")
        execute(page, "docmanager:open", path=f"reports/{telling[-1].name}")
        page.locator(".rw-report h1").first.wait_for()
        take(page, "report")
        execute(page, "roadworthy:show-production")
        page.locator(".rw-production h1").first.wait_for()
        take(page, "production")
        browser.close()


def hide_files(page: Page) -> None:
    """Give the room of the file browser to what is looked at."""
    execute(page, "application:toggle-left-area")


def execute(page: Page, command: str, **arguments: str) -> None:
    """Run a command of JupyterLab's, as palette and menu do."""
    page.evaluate("([c, a]) => void window.jupyterapp.commands.execute(c, a)", [command, arguments])


def take(page: Page, name: str) -> None:
    """Keep what is seen, once it has come to rest."""
    page.wait_for_timeout(2_000)
    page.screenshot(path=PICTURES / f"{name}.png")
    print(f"wrote {PICTURES / name}.png")  # noqa: T201


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Run JupyterLab on a folder, without what it remembers of this user."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        settings = Path(home, "lab/user-settings/@jupyterlab/apputils-extension")
        settings.mkdir(parents=True)
        (settings / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
        options = [f"--port={port}", "--no-browser", "--allow-root", f"--IdentityProvider.token={TOKEN}"]
        command = [sys.executable, "-m", "jupyter", "lab", *options, "--LabApp.expose_app_in_browser=True"]
        with subprocess.Popen(command, cwd=folder, env=os.environ | {"JUPYTER_CONFIG_DIR": home}) as process:
            try:
                address = f"http://127.0.0.1:{port}"
                wait_for(address, process)
                yield address
            finally:
                process.terminate()


def wait_for(address: str, process: subprocess.Popen[bytes]) -> None:
    """Return once the server answers."""
    while process.poll() is None:
        try:
            urllib.request.urlopen(f"{address}/api?token={TOKEN}").close()  # noqa: S310 - our own server
        except OSError:
            time.sleep(0.5)
        else:
            return
    sys.exit("JupyterLab ended. Next: run `make lab` and see what it says.")


if __name__ == "__main__":
    main()
