from __future__ import annotations

import json
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pytest
from filelock import FileLock
from nbformat.sign import NotebookNotary
from ploomber.exceptions import DAGBuildError
from ploomber.spec import DAGSpec

from roadworthy import config as configuration
from roadworthy.pipeline import lineage
from roadworthy.pipeline.content import content_hash
from roadworthy.records import RunRecord
from roadworthy.state import State

pytestmark = pytest.mark.slow
Notebook = Callable[..., None]


@pytest.fixture
def build(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[], dict[str, bool]]:
    """Build the tiny pipeline in this process and return which of its tasks ran."""
    monkeypatch.chdir(tiny)

    def run() -> dict[str, bool]:
        report = DAGSpec("pipeline.yaml").to_dag().build(show_progress=False)
        return dict(zip(report["name"], report["Ran?"], strict=True))

    return run


@pytest.fixture
def kept(tiny: Path) -> Iterator[State]:
    with State.open(configuration.load(tiny).state_address) as opened:
        yield opened


def newest(kept: State) -> RunRecord:
    run = kept.last_run()
    assert run is not None
    return run


def test_a_run_is_recorded_with_all_that_it_came_from(
    build: Callable[[], Any],
    tiny: Path,
    kept: State,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(lineage.RUN_ID_VARIABLE, "20300101-000000-abcd")
    build()
    run = newest(kept)
    assert (run.id, run.state, run.project) == ("20300101-000000-abcd", "done", "late-flights")
    assert run.ended is not None
    assert run.parameters == {"rows": 3, "factor": 2, "products": "products"}
    assert (run.tables, run.metrics) == ({"flights": 7}, {"score": 6.0})
    assert "ploomber" in run.environment
    assert [task.name for task in run.tasks] == ["first", "second"]
    first = run.tasks[0]
    assert (first.source, first.notebook) == ("notebooks/first.ipynb", "products/first.ipynb")
    assert first.source_hash == content_hash(tiny / first.source)
    assert first.products == {
        name: content_hash(tiny / name) for name in ("products/first.ipynb", "products/first.json")
    }
    assert first.parameters == {"rows": 3}
    assert first.parameter_hash == lineage.parameter_hash({"rows": 3})
    assert (first.peak_memory or 0) > 20_000_000
    assert first.seconds > 0
    said = capfd.readouterr()
    assert re.search(r"^first   done in \d+\.\d s\nsecond  done in \d+\.\d s$", said.out, re.MULTILINE)
    assert "without encryption" not in said.err
    executed = nbformat.read(tiny / "products/first.ipynb", as_version=4)
    assert NotebookNotary().check_signature(executed)
    outputs = [output for cell in executed.cells for output in cell.get("outputs", [])]
    assert [output for output in outputs if output.get("name") == "stderr"] == []


def test_a_second_build_and_a_changed_parameter_by_the_command_line(
    tiny: Path, kept: State, ploomber: Callable[..., subprocess.CompletedProcess[str]]
) -> None:
    first = ploomber(tiny, "build")
    assert first.returncode == 0, first.stderr
    again = ploomber(tiny, "build")
    assert again.returncode == 0, again.stderr
    assert "done in" not in again.stdout
    assert len(kept.runs()) == 1
    pipeline = tiny / "pipeline.yaml"
    pipeline.write_text(pipeline.read_text().replace("factor: 2", "factor: 5"))
    changed = ploomber(tiny, "build")
    assert changed.returncode == 0, changed.stderr
    assert [task.name for task in newest(kept).tasks] == ["second"]
    assert newest(kept).metrics == {"score": 15.0}


def test_other_products_are_built_beside(tiny: Path, kept: State, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tiny)
    for folder, rows in (("products", 3), ("products/other", 4)):
        spec = DAGSpec("pipeline.yaml", env={"products": folder, "rows": rows})
        spec.to_dag().build(show_progress=False)
    config = configuration.load(tiny)
    scores = [lineage.lineage(config, kept, tiny / name).metrics for name in ("products", "products/other")]
    assert scores == [{"score": 6.0}, {"score": 8.0}]


def test_a_failed_task_says_what_and_leaves_nothing_that_passes_for_fresh(
    build: Callable[[], dict[str, bool]], tiny: Path, kept: State, notebook: Notebook
) -> None:
    build()
    source = tiny / "notebooks/first.ipynb"
    working = source.read_text()
    breaking = "Path(product['data']).write_text('{}')\nraise ValueError('no flights')"
    notebook(source, "rows = 1\nproduct = None", "from pathlib import Path\nrows", breaking)
    with pytest.raises(DAGBuildError) as failure:
        build()
    said = str(failure.value)
    assert "Task 'first' failed in cell 4 of notebooks/first.ipynb, line 2" in said
    assert "ValueError: no flights" in said
    assert "Parameters: rows=3." in said
    assert (
        "Next: Run `roadworthy debug first`: it opens notebooks/first.ipynb in JupyterLab with the same inputs." in said
    )
    run = newest(kept)
    assert (run.state, [task.state for task in run.tasks]) == ("failed", ["failed"])
    assert said.startswith(run.tasks[0].error or "nothing")
    assert sorted(path.name for path in (tiny / "products").glob("first*")) == [
        "first.failed.ipynb", "first.ipynb", "first.json",
    ]  # fmt: skip
    assert json.loads((tiny / "products/first.json").read_text())["rows"] == 3

    source.write_text(working)
    assert build() == {"first": False, "second": False}  # the last good products stayed, and are what this code makes


def test_leaving_a_notebook_early_is_a_failure_when_its_products_are_not_there(
    build: Callable[[], Any], tiny: Path, notebook: Notebook
) -> None:
    build()
    leaving = "import sys\nassert upstream, factor\nsys.exit(0)"
    notebook(tiny / "notebooks/second.ipynb", "factor = 1\nupstream = None\nproduct = None", leaving)
    with pytest.raises(DAGBuildError, match=r"Task 'second' failed .*second\.json"):
        build()


@pytest.mark.parametrize(
    ("changed", "runs"),
    [
        ("products/first.json", {"first": True, "second": False}),  # what first makes anew is what second has read
        ("products/second.json", {"first": False, "second": True}),
        ("products/second.ipynb", {"first": False, "second": False}),
        ("monitoring/contract.yaml", {"first": False, "second": False}),  # a blank line means nothing
    ],
)
def test_what_changed_unseen_by_ploomber_runs_again(
    build: Callable[[], dict[str, bool]], tiny: Path, changed: str, runs: dict[str, bool]
) -> None:
    build()
    file = tiny / changed
    file.write_text(file.read_text() + "\n")
    assert build() == runs


def test_a_contract_that_means_something_else_runs_everything(
    build: Callable[[], dict[str, bool]], tiny: Path, notebook: Notebook
) -> None:
    build()
    contract = tiny / "monitoring/contract.yaml"
    contract.write_text(contract.read_text().replace("maximum: 6000", "maximum: 5000"))
    assert build() == {"first": True, "second": True}


def test_a_cosmetic_edit_runs_nothing_unless_asked(build: Callable[[], dict[str, bool]], tiny: Path) -> None:
    build()
    source = tiny / "notebooks/first.ipynb"
    content = json.loads(source.read_text())
    content["cells"][0]["source"] = "# Another title"
    content["cells"][1]["source"] = ["# what it is given\n", *content["cells"][1]["source"]]
    content["cells"][2]["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "looked at"}]
    source.write_text(json.dumps(content, indent=4))
    assert build() == {"first": False, "second": False}
    pyproject = tiny / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('["first", "second"]', '["first", "second"]\nrerun_on = "text"'))
    assert build()["first"] is True
    assert build() == {"first": False, "second": False}


def test_a_build_waits_for_another(
    build: Callable[[], dict[str, bool]], tiny: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        with FileLock(tiny / ".roadworthy/build.lock"):
            held.set()
            release.wait(1)

    (tiny / ".roadworthy").mkdir()
    other = threading.Thread(target=hold)
    other.start()
    held.wait()
    assert build() == {"first": True, "second": True}
    other.join()
    assert "Waiting for another build" in capfd.readouterr().err


STEPS = """
import threading
from pathlib import Path

lock = threading.Lock()


def first(product):
    with lock:
        Path(product).write_text("done")
"""
BESIDE_A_THREAD = """
import threading
from ploomber.spec import DAGSpec
import steps

held = threading.Event()


def hold_on():
    with steps.lock:
        held.set()
        threading.Event().wait()


if __name__ == "__main__":
    threading.Thread(target=hold_on, daemon=True).start()
    held.wait()
    DAGSpec("pipeline.yaml").to_dag().build(show_progress=False)
"""


def test_a_lock_that_another_thread_holds_stops_no_task(tiny: Path) -> None:
    pipeline = tiny / "pipeline.yaml"
    executor = "executor: {dotted_path: roadworthy.pipeline.executor.Recorder}\n"
    pipeline.write_text(executor + "tasks: [{source: steps.first, product: products/first.json}]\n")
    pyproject = tiny / "pyproject.toml"
    pyproject.write_text(pyproject.read_text().replace('["first", "second"]', '["first"]'))
    (tiny / "steps.py").write_text(STEPS)
    (tiny / "beside.py").write_text(BESIDE_A_THREAD)
    subprocess.run([sys.executable, "beside.py"], cwd=tiny, capture_output=True, timeout=120, check=True)
    assert (tiny / "products" / "first.json").read_text() == "done"


def test_a_notebook_without_parameters_cell_is_left_as_it_is(
    build: Callable[[], Any], tiny: Path, notebook: Notebook
) -> None:
    source = tiny / "notebooks/first.ipynb"
    notebook(source, "product = None", tagged=False)
    before = source.read_bytes()
    with pytest.raises(DAGBuildError, match=r"notebooks/first\.ipynb has no cell tagged `parameters`"):
        build()
    assert source.read_bytes() == before
