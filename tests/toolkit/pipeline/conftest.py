"""A pipeline of two small notebooks in a copy of the reference project, and ways to run it."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nbformat
import psutil
import pytest

from roadworthy.pipeline import preload
from roadworthy.pipeline.build import COMMAND

PATIENCE = 60.0  # seconds
PIPELINE = """
meta: {extract_upstream: false, extract_product: false}
executor: {dotted_path: roadworthy.pipeline.executor.Recorder}
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
    "rows = 1\nproduct = None",
    "import json\nfrom pathlib import Path",
    'Path(product["data"]).write_text(json.dumps({"tables": {"flights": 7}, "rows": int(rows)}))',
)
SECOND = (
    "factor = 1\nupstream = None\nproduct = None",
    "import json\nfrom pathlib import Path",
    'rows = json.loads(Path(upstream["first"]["data"]).read_text())["rows"]',
    'Path(product["data"]).write_text(json.dumps({"metrics": {"score": rows * factor}}))',
)


def write_notebook(path: Path, *cells: str, tagged: bool = True) -> None:
    """Write a notebook with a title and these code cells, the first of which holds the parameters."""
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_markdown_cell("# Title"), *(nbformat.v4.new_code_cell(cell) for cell in cells)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    for number, cell in enumerate(notebook.cells):
        cell["id"] = f"cell-{number}"
    if tagged:
        notebook.cells[1].metadata["tags"] = ["parameters"]
    nbformat.write(notebook, path)


@pytest.fixture
def tiny(root: Path) -> Path:
    """A project whose pipeline has two tasks: `second` multiplies what `first` counted."""
    (root / "pipeline.yaml").write_text(PIPELINE)
    (root / "env.yaml").write_text('rows: "3"\nproducts: products\n')
    pyproject = root / "pyproject.toml"
    tasks = '\n[tool.roadworthy.pipeline]\ntasks = ["first", "second"]\n'
    pyproject.write_text(pyproject.read_text() + tasks)
    write_notebook(root / "notebooks" / "first.ipynb", *FIRST)
    write_notebook(root / "notebooks" / "second.ipynb", *SECOND)
    return root


@pytest.fixture
def notebook() -> Callable[..., None]:
    return write_notebook


@pytest.fixture
def content() -> Callable[[Path], dict[str, object]]:
    """Read a JSON product."""

    def read(path: Path) -> dict[str, object]:
        found: dict[str, object] = json.loads(path.read_text())
        return found

    return read


@pytest.fixture
def ploomber() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run the real command line in a folder."""

    def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [*COMMAND, *arguments]
        return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)

    return run


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for sockets of its own; when it goes, the warm processes in it go, too."""
    base = Path(tempfile.mkdtemp(prefix="rw-"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(base))
    preload.let_go()  # what commands that ran in this process have held on to
    yield base
    preload.let_go()
    shutil.rmtree(base, ignore_errors=True)  # a warm process that ends takes its own log away


@pytest.fixture
def eventually() -> Callable[[Callable[[], bool]], bool]:
    """Wait until something holds; return whether it came to that."""

    def wait(condition: Callable[[], bool]) -> bool:
        until = time.monotonic() + PATIENCE
        while not condition():
            if time.monotonic() > until:
                return False
            time.sleep(0.02)
        return True

    return wait


@pytest.fixture
def ended() -> Callable[[psutil.Process], bool]:
    """Return whether a process has ended; one that the system has only to take off its list has."""

    def look(process: psutil.Process) -> bool:
        try:
            return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    return look
