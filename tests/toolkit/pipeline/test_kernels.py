from __future__ import annotations

from pathlib import Path

import nbformat
import pytest
import zmq
from nbclient import NotebookClient
from nbformat.sign import NotebookNotary
from papermill.exceptions import PapermillExecutionError

from roadworthy.errors import DataError
from roadworthy.pipeline import kernels


def cells() -> list[nbformat.NotebookNode]:
    """Title, parameters, the cell that Ploomber injected, and two more, as executed."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell("# Title")])
    notebook.cells += [nbformat.v4.new_code_cell("") for _ in range(4)]
    notebook.cells[2].metadata["tags"] = ["injected-parameters"]
    found: list[nbformat.NotebookNode] = notebook.cells
    return found


def failure(name: str, value: str, traceback: list[str]) -> Exception:
    inner = PapermillExecutionError(
        cell_index=4, exec_count=4, source="", ename=name, evalue=value, traceback=traceback
    )
    outer = RuntimeError("Error building task")
    outer.__cause__ = inner
    return outer


def explained(error: Exception) -> str:
    return kernels.explain(
        error, task="train", notebook="notebooks/train.ipynb", cells=cells(), parameters={"seed": 1, "rate": "low"}
    )


def test_a_failure_names_the_cell_as_the_user_counts_it() -> None:
    traceback = ["\x1b[31mValueError\x1b[39m", "\x1b[32m----> 3\x1b[39m fit(rows)\n      4 done()", "more"]
    assert explained(failure("ValueError", "too few", traceback)) == (
        "Task 'train' failed in cell 4 of notebooks/train.ipynb, line 3 `fit(rows)`: ValueError: too few\n"
        "Parameters: seed=1, rate='low'.\n"
        "Next: Open it with `jupyter lab notebooks/train.ipynb`."
    )


def test_the_next_step_of_our_own_errors_comes_first() -> None:
    error = DataError("March is absent.", "Ingest it.")
    said = explained(failure("DataError", str(error), []))
    assert "DataError: March is absent.\n" in said
    assert said.endswith("Next: Ingest it. (Open it with `jupyter lab notebooks/train.ipynb`.)")


def test_a_failure_outside_the_notebook_is_told_by_its_innermost_cause() -> None:
    outer = RuntimeError("Error building task")
    outer.__cause__ = RuntimeError("Kernel died")
    said = explained(outer)
    assert said.startswith("Task 'train' failed (notebooks/train.ipynb): Kernel died\n")


def test_options_named_in_pipeline_yaml_are_kept() -> None:
    options = {"kernel_manager_class": "mine", "progress_bar": True}
    kernels.prepare(options, terminal=False)
    assert options == {"kernel_manager_class": "mine", "progress_bar": True}


def test_a_signed_notebook_is_trusted(tmp_path: Path) -> None:
    path = tmp_path / "executed.ipynb"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", id="one")])
    nbformat.write(notebook, path)
    kernels.sign(path)
    assert NotebookNotary().check_signature(nbformat.read(path, as_version=4))


@pytest.mark.slow
def test_a_kernel_s_traffic_is_encrypted(capfd: pytest.CaptureFixture[str]) -> None:
    assert zmq.has("curve")
    code = "from ipykernel.kernelapp import IPKernelApp\nprint(IPKernelApp.instance().curve_secretkey is not None)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code, id="one")])
    client = NotebookClient(notebook, kernel_name="python3", kernel_manager_class=kernels.EncryptedKernels)
    client.execute()
    assert notebook.cells[0].outputs[0].text == "True\n"
    assert "without encryption" not in capfd.readouterr().err
