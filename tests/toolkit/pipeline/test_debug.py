"""A failed task opened again with its inputs: the same error there, its mending, and products that stay as they are."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest

from roadworthy import config as configuration
from roadworthy import project
from roadworthy.errors import PipelineError
from roadworthy.pipeline import debug
from roadworthy.pipeline.content import content_hash
from roadworthy.pipeline.debug import DebugNotebook
from roadworthy.records import RunRecord, TaskRecord, now
from roadworthy.state import State

Ploomber = Callable[..., subprocess.CompletedProcess[str]]
Notebook = Callable[..., None]

PARAMETERS = "factor = 1\nupstream = None\nproduct = None"
READING = (
    'import json\nfrom pathlib import Path\nrows = json.loads(Path(upstream["first"]["data"]).read_text())["rows"]'
)
FAILING = 'Path(product["data"]).write_text("half")\nshare = factor / (rows - 3)'
WORKING = 'Path(product["data"]).write_text(json.dumps({"metrics": {"score": rows * factor}}))'
SCRIPT = f'# %% tags=["parameters"]\n{PARAMETERS}\n\n# %% [markdown]\n# Prose\n\n# %%\n{READING}\n\n# %%\n{FAILING}\n'


def _open(root: Path) -> State:
    return State.open(configuration.load(root).state_address)


def _prepare(root: Path, task: str = "second", run: RunRecord | None = None) -> DebugNotebook:
    with _open(root) as state:
        return debug.prepare(configuration.load(root), state, task, run=run)


def _build(ploomber: Ploomber, root: Path, *, fails: bool = False) -> None:
    done = ploomber(root, "build")
    assert (done.returncode != 0) == fails, done.stdout + done.stderr


def _cells(path: Path) -> list[Any]:
    return list(nbformat.read(path, as_version=4).cells)


def _injected(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = {}
    exec(next(cell.source for cell in _cells(path) if "injected-parameters" in cell.metadata.tags), found)  # noqa: S102
    return found


def _executed(path: Path) -> list[Any]:
    """The code cells after the notebook was run, from its own folder as in JupyterLab, with errors let pass."""
    command = [sys.executable, "-c", "from nbclient.cli import main; main()", "--inplace", "--allow-errors", str(path)]
    subprocess.run(command, cwd=path.parent, capture_output=True, timeout=120, check=True)
    return [cell for cell in _cells(path) if cell.cell_type == "code"]


def _errors(cells: list[Any]) -> list[tuple[int, str]]:
    outputs = [(number, output) for number, cell in enumerate(cells) for output in cell.outputs]
    return [(number, output.ename) for number, output in outputs if output.output_type == "error"]


def _edit(path: Path, old: str, new: str) -> None:
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        cell.source = cell.source.replace(old, new)
    nbformat.write(notebook, path)


# --- on real builds --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_error_comes_again_and_its_mending_leaves_good_products_alone(
    tiny: Path, notebook: Notebook, ploomber: Ploomber
) -> None:
    _build(ploomber, tiny)
    good = {path: path.read_bytes() for path in (tiny / "products").glob("*.json")}
    notebook(tiny / "notebooks/second.ipynb", PARAMETERS, READING, FAILING, WORKING)
    _build(ploomber, tiny, fails=True)
    opened = _prepare(tiny)
    assert opened.path == tiny / ".roadworthy/debug/second.ipynb"
    assert opened.warnings == ()
    introduction = _cells(opened.path)[0].source
    assert "failed in cell 4 of notebooks/second.ipynb, line 2" in introduction
    assert "ZeroDivisionError" in introduction

    cells = _executed(opened.path)
    assert _errors(cells) == [(4, "ZeroDivisionError")]
    assert [number for number, cell in enumerate(cells) if debug.FAILED in cell.metadata.tags] == [4]

    _edit(opened.path, "rows - 3", "rows - 2")
    assert _errors(_executed(opened.path)) == []
    assert json.loads((tiny / ".roadworthy/debug/second/second.json").read_text()) == {"metrics": {"score": 6}}
    assert {path: path.read_bytes() for path in (tiny / "products").glob("*.json")} == good


@pytest.mark.slow
def test_a_script_is_opened_as_a_notebook_with_what_changed_since(tiny: Path, ploomber: Ploomber) -> None:
    (tiny / "notebooks/second.py").write_text(SCRIPT)
    pipeline = tiny / "pipeline.yaml"
    pipeline.write_text(pipeline.read_text().replace("notebooks/second.ipynb", "notebooks/second.py"))
    _build(ploomber, tiny, fails=True)
    opened = _prepare(tiny)
    assert opened.warnings == ()
    assert (tiny / "notebooks/second.py").read_text() == SCRIPT
    tags = [cell.metadata.tags for cell in _cells(opened.path)]
    assert tags.index(["parameters"]) + 1 == tags.index(["injected-parameters"])
    assert _errors(_executed(opened.path)) == [(4, "ZeroDivisionError")]

    (tiny / "notebooks/second.py").write_text(SCRIPT.replace("rows - 3", "rows - 2"))
    (tiny / "products/first.json").write_text('{"rows": 4}')
    again = _prepare(tiny)
    assert again.warnings == (
        "products/first.json was changed since.",
        "notebooks/second.py was edited since; this is the code of today.",
    )
    assert all(warning in _cells(again.path)[0].source for warning in again.warnings)
    assert _errors(_cells(opened.path.with_suffix(".former.ipynb"))[1:2]) == []
    (tiny / "products/first.json").unlink()
    assert _prepare(tiny).warnings[0] == "products/first.json, which the run read, is gone."


@pytest.mark.slow
def test_secrets_are_fetched_and_tables_read_as_they_were(
    tiny: Path, notebook: Notebook, ploomber: Ploomber, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEST_DB_PASSWORD", "hunter-22")
    pyproject = tiny / "pyproject.toml"
    pyproject.write_text(pyproject.read_text() + '\n[tool.roadworthy.secrets]\ndb = {env = "TEST_DB_PASSWORD"}\n')
    pipeline = tiny / "pipeline.yaml"
    pipeline.write_text(pipeline.read_text().replace("factor: 2", 'factor: 2, password: "secret:db"'))
    with project.load(tiny) as p:
        p.tables.append("counts", pd.DataFrame({"n": [1, 2]}))
    reading = "from roadworthy import project\nrows = project.load().tables.read('counts')"
    adding = "project.load().tables.append('log', rows)"
    failing = "raise ValueError(f'{len(rows)} for {password}')"
    notebook(tiny / "notebooks/second.ipynb", f"password = None\n{PARAMETERS}", reading, adding, failing)
    _build(ploomber, tiny, fails=True)
    with project.load(tiny) as p:
        p.tables.append("counts", pd.DataFrame({"n": [3]}))

    opened = _prepare(tiny)
    assert opened.warnings == ("The task writes to table log, and so does this notebook when it is run.",)
    assert "2 for [secret db]" in _cells(opened.path)[0].source
    assert [path for path in tiny.rglob("*") if path.is_file() and b"hunter-22" in path.read_bytes()] == []
    (failed,) = [cell for cell in _executed(opened.path) if debug.FAILED in cell.metadata.tags]
    assert failed.outputs[0].evalue == "2 for hunter-22"  # what the user runs by hand is the user's to show


# --- from records ----------------------------------------------------------------------------------------------------


@pytest.fixture
def record(tiny: Path) -> Iterator[Callable[..., RunRecord]]:
    """Record a run of the second task, as a build does."""
    with _open(tiny) as state:

        def save(run_id: str, outcome: str = "failed", **told: Any) -> RunRecord:  # noqa: ANN401 - a record's fields
            source = told.pop("source", "notebooks/second.ipynb")
            task = TaskRecord(
                name="second", state=outcome, started=now(), seconds=1, source=source, source_hash="", **told
            )
            run = RunRecord(id=run_id, project="late-flights", state=outcome, started=now(), tasks=(task,))
            state.save_run(run)
            return run

        yield save


def test_a_task_that_never_ran_has_what_pipeline_yaml_gives(tiny: Path) -> None:
    opened = _prepare(tiny)
    assert opened.warnings == ("The task was never executed: its parameters are those of pipeline.yaml and env.yaml.",)
    given = _injected(opened.path)
    aside = tiny / ".roadworthy/debug/second"
    assert given["factor"] == 2
    assert given["upstream"] == {"first": {"nb": f"{tiny}/products/first.ipynb", "data": f"{tiny}/products/first.json"}}
    assert given["product"] == {"nb": f"{aside}/second.ipynb", "data": f"{aside}/second.json"}
    assert "never executed" in _cells(opened.path)[0].source
    first = _injected(_prepare(tiny, "first").path)
    assert first["rows"] == 3
    assert first["upstream"] is None


def test_the_newest_run_is_restored_or_the_one_asked_for(tiny: Path, record: Callable[..., RunRecord]) -> None:
    failed = record(
        "1", parameters={"factor": 7}, error="Task 'second' failed in cell 3 of x: Oh: no *stars*\nNext: Go."
    )
    record("2", "done", parameters={"factor": 8})
    newest = _prepare(tiny)
    assert _injected(newest.path)["factor"] == 8
    assert "without an error in run `2`" in _cells(newest.path)[0].source
    assert not any(debug.FAILED in cell.metadata.tags for cell in _cells(newest.path))
    opened = _prepare(tiny, run=failed)
    assert _injected(opened.path)["factor"] == 7
    (marked,) = [cell for cell in _cells(opened.path) if debug.FAILED in cell.metadata.tags]
    assert marked.source == "import json\nfrom pathlib import Path"
    introduction = _cells(opened.path)[0].source
    assert "    Task 'second' failed in cell 3 of x: Oh: no *stars*\n" in introduction
    assert "Next: Go." not in introduction


def test_an_error_outside_the_cells_marks_none(tiny: Path, record: Callable[..., RunRecord]) -> None:
    record("1", error="Task 'second' took more than 3 s.")
    assert not any(debug.FAILED in cell.metadata.tags for cell in _cells(_prepare(tiny).path))
    record("2", error="Task 'second' failed in cell 99 of notebooks/second.ipynb: Oh: no")
    assert not any(debug.FAILED in cell.metadata.tags for cell in _cells(_prepare(tiny).path))


def test_an_input_made_anew_names_its_run(tiny: Path, record: Callable[..., RunRecord]) -> None:
    record("1", inputs={"products/first.json": "of old"})
    made = tiny / "products/first.json"
    made.parent.mkdir()
    made.write_text("{}")
    with _open(tiny) as state:
        state.add_artifacts("7", "first", {"products/first.json": content_hash(made)})
    assert _prepare(tiny).warnings == ("products/first.json was made anew by run 7 since.",)


def test_products_of_one_name_do_not_meet(tiny: Path) -> None:
    pipeline = tiny / "pipeline.yaml"
    text = pipeline.read_text().replace(
        '"{{products}}/second.json"', '"{{products}}/a/x.csv", b: "{{products}}/b/x.csv"'
    )
    pipeline.write_text(text)
    product = _injected(_prepare(tiny).path)["product"]
    assert set(product) == {"nb", "data", "b"}
    assert len(set(product.values())) == 3
    assert all(Path(path).parent.is_dir() for path in product.values())


def test_earlier_experiments_are_kept(tiny: Path) -> None:
    opened = _prepare(tiny)
    _edit(opened.path, "import json", "import json  # tried this")
    _prepare(tiny)
    assert "tried this" in opened.path.with_suffix(".former.ipynb").read_text()
    assert "tried this" not in opened.path.read_text()


def test_unknown_tasks_and_runs_are_refused(tiny: Path, record: Callable[..., RunRecord]) -> None:
    with pytest.raises(PipelineError, match="There is no task 'third'") as refusal:
        _prepare(tiny, "third")
    assert refusal.value.next_step == "Use one of: first, second."
    run = record("1")
    with pytest.raises(PipelineError, match="Run 1 did not execute a task 'first'") as refusal:
        _prepare(tiny, "first", run=run)
    assert refusal.value.next_step == "Use one of: second."


def test_what_only_ploomber_can_read_needs_the_executed_notebook(
    tiny: Path, notebook: Notebook, record: Callable[..., RunRecord]
) -> None:
    pipeline = tiny / "pipeline.yaml"
    pipeline.write_text(pipeline.read_text().replace("extract_upstream: false", "extract_upstream: true"))
    with pytest.raises(PipelineError, match="There is no task 'second'") as refusal:
        _prepare(tiny)
    assert refusal.value.next_step == "Run `ploomber build` first."
    record("1", "done", notebook="products/second.ipynb")
    with pytest.raises(PipelineError, match="only Ploomber can read"):
        _prepare(tiny)
    (tiny / "products").mkdir()
    notebook(tiny / "products/second.ipynb", PARAMETERS, 'upstream = {"a": "b"}\nproduct = "c/d.ipynb"')
    content = nbformat.read(tiny / "products/second.ipynb", as_version=4)
    content.cells[2].metadata["tags"] = ["injected-parameters"]
    nbformat.write(content, tiny / "products/second.ipynb")
    given = _injected(_prepare(tiny).path)
    assert given["upstream"] == {"a": "b"}
    assert given["product"] == str(tiny / ".roadworthy/debug/second/d.ipynb")


@pytest.mark.parametrize(("source", "said"), [("", "is no notebook"), ("notebooks/second.sql", "is not a Python")])
def test_other_sources_are_refused(tiny: Path, record: Callable[..., RunRecord], source: str, said: str) -> None:
    (tiny / "notebooks/second.sql").write_text("SELECT 1")
    record("1", source=source)
    with pytest.raises(PipelineError, match=said):
        _prepare(tiny)
