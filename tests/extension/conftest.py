"""A real `jupyter lab` with the extension from its built wheel, a small project built once, and a page on it."""

from __future__ import annotations

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import nbformat
import pytest
from filelock import FileLock
from playwright.sync_api import Browser, Page

REPOSITORY = Path(__file__).parents[2]
EXTENSION = REPOSITORY / "extensions" / "jupyterlab"
FOLDERS, FILES = ("src", "style", "schema"), ("*.json", "*.toml", "*.md", "LICENSE", "yarn.lock")
MADE_OF = (*(f"{folder}/**/*.*" for folder in FOLDERS), *FILES, "roadworthy_jupyterlab/*.py")
TOKEN = "t"  # of a server on this machine that ends with the tests
PATIENCE = 60_000  # milliseconds; nothing takes that long, but a machine may be busy
UNREACHABLE = re.compile("No matching distribution|Could not find a version|connection|resolution", re.IGNORECASE)
THEMES = {"light": "JupyterLab Light", "dark": "JupyterLab Dark", "contrast": "JupyterLab Dark High Contrast"}
KEPT = ("pyproject.toml", "bentos", "monitoring", "consumers")

PIPELINE = """\
meta: {extract_upstream: false, extract_product: false}
executor: {dotted_path: roadworthy.pipeline.executor.Recorder}
tasks:
- name: count
  source: notebooks/count.ipynb
  params: {rows: "{{rows}}", seconds: "{{seconds}}"}
  product: {nb: "{{products}}/count.ipynb", data: "{{products}}/count.json"}
- name: scale
  source: notebooks/scale.ipynb
  upstream: [count]
  params: {factor: 2}
  product: {nb: "{{products}}/scale.ipynb", data: "{{products}}/scale.json"}
- name: judge
  source: notebooks/judge.ipynb
  upstream: [count, scale]
  product: {nb: "{{products}}/judge.ipynb", data: "{{products}}/judge.json"}
"""
ENVIRONMENT = 'rows: "3"\nseconds: "0"\nproducts: products\n'
NOTEBOOKS: dict[str, tuple[str, ...]] = {
    "count": (
        "from typing import Literal\nrows: int = 1  # how many rows are made\nseconds = 0\n"
        'kind: Literal["plain", "wide"] = "plain"\nnote: str | None = None\nproduct = None',
        "import json, time\nfrom pathlib import Path",
        "for second in range(int(seconds)):\n    time.sleep(1)",
        'Path(product["data"]).write_text(json.dumps({"rows": int(rows), "kind": kind}))',
    ),
    "scale": (
        "factor = 1  # what each row is multiplied by\nupstream = None\nproduct = None",
        "import json\nfrom pathlib import Path",
        'rows = json.loads(Path(upstream["count"]["data"]).read_text())["rows"]',
        'Path(product["data"]).write_text(json.dumps({"metrics": {"score": rows * factor}}))',
    ),
    "judge": (
        "upstream = None\nproduct = None",
        'from pathlib import Path\nPath(product["data"]).write_text("{}")',
    ),
}


def missing(what: str) -> None:
    """Skip and say so where something is not installed; in CI that is a failure."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"In CI the extension is tried, whatever that takes. {what}")
    pytest.skip(what)


def write_notebook(path: Path, *cells: str, tagged: bool = True) -> None:
    """Write a notebook with a title and these code cells, the first of which holds the parameters."""
    path.parent.mkdir(exist_ok=True)
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell(f"# {path.stem}"), *(nbformat.v4.new_code_cell(cell) for cell in cells)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    if tagged:
        notebook.cells[1].metadata["tags"] = ["parameters"]
    nbformat.write(notebook, path)


@pytest.fixture
def install() -> Callable[..., None]:
    """Install packages into another environment, named by its Python; where there is no network, that is missing."""

    def installs(python: str, *arguments: str) -> None:
        command = [sys.executable, "-m", "pip", "--python", python, "install", "--quiet", *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode and UNREACHABLE.search(done.stderr):
            missing(f"There is no network to fetch packages from: {' '.join(done.stderr.split())[-300:]}")
        assert done.returncode == 0, done.stderr

    return installs


# --- what is built once ----------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def wheel() -> Path:
    """The extension's wheel: that of `make lab-wheel` while it is newer than all it is made of, otherwise a new one."""
    if shutil.which("node") is None:
        missing("No node is installed to build the extension with.")
    with FileLock(EXTENSION.parent / ".wheel.lock"):
        newest = max(path.stat().st_mtime for pattern in MADE_OF for path in EXTENSION.glob(pattern))
        built = list((EXTENSION / "dist").glob("*.whl"))
        if not built or built[0].stat().st_mtime < newest:
            subprocess.run(["make", "lab-wheel", f"BIN={Path(sys.executable).parent}"], cwd=REPOSITORY, check=True)
            built = list((EXTENSION / "dist").glob("*.whl"))
    return built[0]


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A place of its own with the wheel installed, as anybody does who has no node."""
    place = tmp_path_factory.mktemp("installed")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index", "--prefix", str(place)]
    subprocess.run([*command, str(wheel)], check=True, env=os.environ | {"PATH": ""})
    return place


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small project, built once. Tests work on copies."""
    folder = tmp_path_factory.mktemp("built") / "project"
    folder.mkdir()
    for name in KEPT:
        source = REPOSITORY / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    (folder / "pipeline.yaml").write_text(PIPELINE)
    (folder / "env.yaml").write_text(ENVIRONMENT)
    tasks = "\n[tool.roadworthy.pipeline]\ntasks = [" + ", ".join(f'"{name}"' for name in NOTEBOOKS) + "]\n"
    (folder / "pyproject.toml").write_text((folder / "pyproject.toml").read_text() + tasks)
    for name, cells in NOTEBOOKS.items():
        write_notebook(folder / "notebooks" / f"{name}.ipynb", *cells)
    subprocess.run([sys.executable, "-m", "roadworthy.cli", "build"], cwd=folder, check=True)
    return folder


# --- the server ------------------------------------------------------------------------------------------------------


@dataclass
class Lab:
    """A running JupyterLab: where it is, the folder that it serves, and the store of its projects' models."""

    address: str
    root: Path
    models: Path

    def url(self, path: str) -> str:
        """The address of a file or folder in JupyterLab, with nothing left of what was open before."""
        return f"{self.address}/lab/tree/{path}?token={TOKEN}&reset"

    def ask(self, endpoint: str, method: str = "GET") -> Any:  # noqa: ANN401 - whatever is answered
        """Ask the server's side."""
        request = urllib.request.Request(  # noqa: S310  # our own server
            f"{self.address}/roadworthy/api/{endpoint}", method=method, headers={"Authorization": f"token {TOKEN}"}
        )
        with urllib.request.urlopen(request) as answer:  # noqa: S310
            return json.load(answer)


@contextmanager
def serving(
    interface: str, root: Path, home: Path, python: str = sys.executable, data: str = "", *, as_it_is: bool = False
) -> Iterator[Lab]:
    """Serve a folder while the context lasts.

    Parameters
    ----------
    interface
        The module that is run: ``jupyterlab``, or ``notebook``.
    root
        The folder.
    home
        Jupyter's own folder, of this server alone.
    python
        The interpreter of the environment in which it is installed.
    data
        Where Jupyter looks for extensions besides that environment.
    as_it_is
        The environment has the package from its wheel, which enables the server's side; otherwise that is done here.
    """
    enabled = home / "path" / "jupyter_server_config.d"
    enabled.mkdir(parents=True)
    if not as_it_is:
        shutil.copy(REPOSITORY / "packaging" / "jupyter_server_config.json", enabled / "roadworthy.json")
    quiet = home / "lab" / "user-settings" / "@jupyterlab" / "apputils-extension"
    quiet.mkdir(parents=True)
    (quiet / "notification.jupyterlab-settings").write_text('{"fetchNews": "false", "checkForUpdates": false}')
    environment = os.environ | {
        "JUPYTER_PATH": data,
        "JUPYTER_CONFIG_DIR": str(home),
        "JUPYTER_CONFIG_PATH": str(home / "path"),
        "JUPYTER_RUNTIME_DIR": str(home / "runtime"),
        "BENTOML_HOME": str(home / "bentoml"),
    }
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = [f"--port={port}", "--no-browser", "--allow-root", f"--IdentityProvider.token={TOKEN}"]
    with (home / "log.txt").open("w") as log:
        command = [python, "-m", interface, *options, "--LabApp.expose_app_in_browser=True"]
        process = subprocess.Popen(command, cwd=root, env=environment, stdout=log, stderr=log)
        running = Lab(f"http://127.0.0.1:{port}", root, home / "bentoml")
        try:
            _wait_for(running, process, home / "log.txt")
            yield running
        finally:
            process.terminate()
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:  # Jupyter waits for ever for a thread of a request that nobody awaits
                process.kill()
                process.wait()


@pytest.fixture(scope="session")
def lab(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab with the extension, on a folder of its own."""
    home, root = tmp_path_factory.mktemp("jupyter"), tmp_path_factory.mktemp("root")
    with serving("jupyterlab", root, home, data=str(installed / "share" / "jupyter")) as running:
        yield running


@pytest.fixture
def served() -> Callable[..., AbstractContextManager[Lab]]:
    """Serve a folder from another environment; see `serving`."""
    return serving


def _wait_for(lab: Lab, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(240):
        try:
            lab.ask("pipeline")
        except OSError as error:
            if process.poll() is not None or isinstance(error, urllib.error.HTTPError):
                raise RuntimeError(log.read_text()) from error
            time.sleep(0.5)
        else:
            return
    raise RuntimeError(log.read_text())


@pytest.fixture
def project(lab: Lab, built: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A copy of the built project below the server's root, the test's own. What still runs at its end is broken off."""
    folder = lab.root / request.node.name
    shutil.copytree(built, folder)
    yield folder
    with suppress(urllib.error.HTTPError):  # the test has broken the project, and nothing runs
        for job in lab.ask(f"jobs?path={folder.name}"):
            if job["state"] == "running":
                lab.ask(f"jobs/{job['id']}?path={folder.name}", "DELETE")
    shutil.rmtree(folder, ignore_errors=True)  # else the server would go on looking at it


# --- the page --------------------------------------------------------------------------------------------------------


@dataclass
class Look:
    """A page on JupyterLab, and ways to look at it."""

    page: Page
    lab: Lab
    pictures: Path
    axe: str

    def open(self, path: str) -> Page:
        """Open a file of the server's root, and show the panel."""
        self.page.goto(self.lab.url(path))
        self.page.locator(".rw-status-button").click(timeout=PATIENCE)
        self.page.locator(".rw-panel .rw-title").first.wait_for(timeout=PATIENCE)
        return self.page

    def execute(self, command: str, **arguments: str) -> None:
        """Run a command of JupyterLab's, as palette and menu do."""
        self.page.evaluate("([c, a]) => void window.jupyterapp.commands.execute(c, a)", [command, arguments])

    def theme(self, name: str) -> None:
        """Change JupyterLab's theme."""
        self.page.evaluate("t => window.jupyterapp.commands.execute('apputils:change-theme', {theme: t})", THEMES[name])
        self.page.locator(f'body[data-jp-theme-name="{THEMES[name]}"]').wait_for(state="attached")
        self.page.locator("#jupyterlab-splash").wait_for(state="detached")

    def at(self, name: str, *selectors: str) -> None:
        """Look at parts of the page in each theme: keep a picture, and hold that axe-core objects to nothing.

        Raises
        ------
        AssertionError
            With what it objects to.
        """
        told = []
        for theme in THEMES:
            self.theme(theme)
            self.page.screenshot(path=self.pictures / f"{name}-{theme}.png")
            told += [f"{theme}: {one}" for one in self.objections(self.page, *selectors)]
        self.theme("light")
        assert not told, "\n".join(told)

    def objections(self, page: Page, *selectors: str) -> list[str]:
        """Return what axe-core objects to in parts of a page, or in all of it."""
        page.evaluate(self.axe)
        found = page.evaluate("s => axe.run(s.length ? {include: s.map(one => [one])} : document)", list(selectors))
        return [
            f"{one['id']}: {node['html'][:200]} {node['failureSummary']}"
            for one in found["violations"]
            for node in one["nodes"]
        ]


@pytest.fixture(scope="session")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where screenshots are kept: $ROADWORTHY_SCREENSHOTS, otherwise a folder of the test run."""
    given = os.environ.get("ROADWORTHY_SCREENSHOTS")
    folder = Path(given) if given else tmp_path_factory.mktemp("screenshots")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture
def look(browser: Browser, lab: Lab, pictures: Path) -> Iterator[Look]:
    """A fresh page on JupyterLab. What the extension's code throws, or asks of another server, fails the test."""
    page = browser.new_context(viewport={"width": 1440, "height": 900}, locale="en-US").new_page()
    page.set_default_timeout(PATIENCE)
    thrown: list[str] = []
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda stream: asked.append(stream.url))
    page.on("pageerror", lambda error: thrown.append(error.stack or error.message))
    axe = (EXTENSION / "node_modules" / "axe-core" / "axe.min.js").read_text(encoding="utf-8")
    yield Look(page, lab, pictures, axe)
    page.context.close()
    assert not [error for error in thrown if "roadworthy" in error]
    own = urlsplit(lab.address).netloc
    assert not [url for url in asked if urlsplit(url).netloc not in (own, "")]  # the others are data: and blob:


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], None]:
    """Wait until something is so; for what no page shows."""

    def wait(so: Callable[[], bool]) -> None:
        for _ in range(PATIENCE // 200):
            if so():
                return
            time.sleep(0.2)
        raise AssertionError("It did not come to be so.")

    return wait
