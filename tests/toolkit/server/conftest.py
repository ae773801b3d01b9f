"""A real Jupyter server with the extension, and projects below the folder that it serves."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import nbformat
import pytest

REPOSITORY = Path(__file__).parents[3]
COPIED = ("pyproject.toml", "monitoring")
TOKEN = "a-token-of-the-tests"
PIPELINE = """
meta: {extract_upstream: false, extract_product: false}
executor: {dotted_path: roadworthy.pipeline.executor.Recorder, jobs: 1, kernels: plain}
tasks:
- name: first
  source: notebooks/first.ipynb
  params: {rows: "{{rows}}"}
  product: {nb: "{{products}}/first.ipynb", data: "{{products}}/first.json"}
- name: second
  source: notebooks/second.ipynb
  upstream: [first]
  params: {factor: 2}
  product: {nb: "{{products}}/second.ipynb", data: "{{products}}/second.json"}
"""
FIRST = (
    "rows: int = 1  # how many\nproduct = None",
    "import json\nfrom pathlib import Path",
    'Path(product["data"]).write_text(json.dumps({"rows": int(rows)}))',
)
SECOND = (
    "factor = 1\nupstream = None\nproduct = None",
    "import json\nfrom pathlib import Path",
    'rows = json.loads(Path(upstream["first"]["data"]).read_text())["rows"]',
    'Path(product["data"]).write_text(json.dumps({"metrics": {"score": rows * factor}}))',
)


@dataclass
class Server:
    """A running server."""

    address: str
    folder: Path
    process: subprocess.Popen[bytes]
    log: Path

    def call(self, method: str, endpoint: str, body: object = None, /, **query: str) -> httpx.Response:
        """Ask an endpoint of ours, as a signed-in user."""
        headers = {"Authorization": f"token {TOKEN}"}
        url = f"{self.address}/roadworthy/api/{endpoint}"
        return httpx.request(method, url, params=query, json=body, headers=headers, timeout=60)

    def get(self, endpoint: str, /, **query: str) -> Any:
        """Return what an endpoint answers."""
        answer = self.call("GET", endpoint, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def post(self, endpoint: str, body: object) -> Any:
        """Return what an endpoint answers when something is asked of it."""
        answer = self.call("POST", endpoint, body)
        assert answer.is_success, answer.text
        return answer.json()

    def finished(self, project: Path, job: str) -> Any:
        """Return a job once it has ended."""
        for _ in range(1200):
            found = self.get(f"jobs/{job}", path=project.name)
            if found["state"] != "running":
                return found
            time.sleep(0.1)
        raise AssertionError(found)

    def build(self, project: Path, **asked: Any) -> Any:
        """Ask for a build and return the job once it has ended."""
        return self.finished(project, self.post("jobs", {"path": project.name} | asked)["id"])

    def stop(self) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait(20)


def start(folder: Path, *arguments: str) -> Server:
    """Start a server that serves a folder, with no other extension."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    program = (
        "import sys\nfrom jupyter_server.serverapp import ServerApp\n"
        "server = ServerApp.instance()\nserver.initialize(sys.argv[1:], find_extensions=False)\nserver.start()"
    )
    ours = "--ServerApp.jpserver_extensions={'roadworthy.server': True}"
    options = [ours, f"--port={port}", "--no-browser", "--allow-root", f"--IdentityProvider.token={TOKEN}"]
    private = folder.parent / f"{folder.name}-jupyter"
    private.mkdir(exist_ok=True)
    environment = os.environ | {"JUPYTER_CONFIG_DIR": str(private), "JUPYTER_RUNTIME_DIR": str(private)}
    said = private / f"log-{port}"
    with said.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", program, *options, f"--ServerApp.root_dir={folder}", *arguments],
            cwd=folder,
            env=environment,
            stdout=log,
            stderr=log,
        )
    server = Server(f"http://127.0.0.1:{port}", folder, process, said)
    for _ in range(600):
        assert process.poll() is None, said.read_text()
        try:
            httpx.get(f"{server.address}/api", timeout=5)
            return server
        except httpx.HTTPError:
            time.sleep(0.1)
    raise AssertionError(said.read_text())


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that lives as long as the tests."""
    running = start(tmp_path_factory.mktemp("served"))
    yield running
    running.stop()


@pytest.fixture
def another_server(server: Server) -> Iterator[Callable[..., Server]]:
    """Starts further servers of the same folder."""
    running: list[Server] = []

    def started(*arguments: str) -> Server:
        running.append(start(server.folder, *arguments))
        return running[-1]

    yield started
    for one in running:
        one.stop()


def write_notebook(path: Path, *cells: str, tagged: bool = True) -> None:
    """Write a notebook with a title and these code cells, the first of which holds the parameters."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("# Title"), *(nbformat.v4.new_code_cell(cell) for cell in cells)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    if tagged:
        notebook.cells[1].metadata["tags"] = ["parameters"]
    nbformat.write(notebook, path)


def make_project(folder: Path) -> Path:
    """Make a project of two small notebooks: `second` multiplies what `first` counted."""
    folder.mkdir(parents=True)
    for name in COPIED:
        source = REPOSITORY / name
        (shutil.copytree if source.is_dir() else shutil.copy)(source, folder / name)
    (folder / "pipeline.yaml").write_text(PIPELINE)
    (folder / "env.yaml").write_text('rows: "3"\nproducts: products\n')
    (folder / "notebooks").mkdir()
    write_notebook(folder / "notebooks/first.ipynb", *FIRST)
    write_notebook(folder / "notebooks/second.ipynb", *SECOND)
    return folder


@pytest.fixture
def project(server: Server) -> Path:
    """A project of its own below the served folder; its path there is its name."""
    return make_project(server.folder / f"project-{uuid.uuid4().hex[:8]}")


@pytest.fixture
def notebook() -> Callable[..., None]:
    """Writes a notebook."""
    return write_notebook


@pytest.fixture(scope="session")
def make() -> Callable[[Path], Path]:
    """Makes a project in a folder that is not there yet."""
    return make_project
