from __future__ import annotations

import json
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import papermill
import psutil
import pytest
import zmq
from jupyter_client.kernelspec import KernelSpecManager
from nbclient import NotebookClient
from nbclient.exceptions import DeadKernelError
from nbformat.sign import NotebookNotary
from papermill.exceptions import PapermillExecutionError

from roadworthy.errors import DataError
from roadworthy.pipeline import kernels

SECRETS = {"token": 'tök-<3>-"x"', "key": "-----BEGIN-----\nabcdefghijklmnop\n-----END-----"}


@pytest.fixture(scope="module", autouse=True)
def sockets() -> Iterator[None]:
    """A folder for sockets of its own; when it goes, the warm processes in it go, too."""
    base = tempfile.mkdtemp(prefix="rw-")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", base)
        yield
    shutil.rmtree(base, ignore_errors=True)  # a warm process that ends takes its own log away


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
        "Next: Run `roadworthy debug train`: it opens notebooks/train.ipynb in JupyterLab with the same inputs."
    )


def test_the_next_step_of_our_own_errors_comes_first() -> None:
    error = DataError("March is absent.", "Ingest it.")
    said = explained(failure("DataError", str(error), []))
    assert "DataError: March is absent.\n" in said
    assert said.endswith(
        "Next: Ingest it. (Run `roadworthy debug train`: "
        "it opens notebooks/train.ipynb in JupyterLab with the same inputs.)"
    )


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


# --- real kernels ---------------------------------------------------------------------------------------------------


def execute(path: Path, *cells: str, **options: Any) -> tuple[str, dict[str, Any]]:  # noqa: ANN401
    """Execute a notebook with Papermill; return the executed file's text, and Papermill's options."""
    params: dict[str, Any] = {}
    kernels.prepare(params, terminal=False, **options)
    notebook = nbformat.v4.new_notebook(
        cells=[nbformat.v4.new_code_cell(cell, id=f"cell-{number}") for number, cell in enumerate(cells)],
        metadata={"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}},
    )
    nbformat.write(notebook, path / "source.ipynb")
    executed = path / "executed.ipynb"
    try:
        papermill.execute_notebook(path / "source.ipynb", executed, **params)
    except PapermillExecutionError as error:
        params["error"] = error
    return executed.read_text(encoding="utf-8"), params


@pytest.mark.slow
@pytest.mark.parametrize("warm", [False, True])
def test_a_notebook_runs_and_it_is_known_how(tmp_path: Path, warm: bool) -> None:
    started: list[tuple[int, str]] = []
    code = "import os, pandas\nprint(os.getpid())"
    told = lambda pid, kind: started.append((pid, kind))  # noqa: E731
    text, params = execute(tmp_path, "1", code, warm=warm, preload=["pandas"], on_start=told)
    pid = int(json.loads(text)["cells"][1]["outputs"][0]["text"][0])
    kind = "warm" if warm and sys.platform == "linux" else "plain"
    assert started == [(pid, kind)]
    assert kernels.kind(params) == kind
    assert bool(kernels.reason(params)) == (warm and kind == "plain")
    assert not psutil.pid_exists(pid)


def test_before_a_kernel_has_started_its_kind_is_unknown() -> None:
    params: dict[str, Any] = {}
    kernels.prepare(params, terminal=True, warm=True)
    assert kernels.kind(params) is None
    assert kernels.kind({"kernel_manager_class": kernels.EncryptedKernels}) is None


@pytest.mark.slow
def test_a_kernelspec_with_a_provisioner_of_its_own_keeps_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = KernelSpecManager().get_kernel_spec("python3")
    own = {"argv": spec.argv, "display_name": "x", "language": "python"}
    own["metadata"] = {"kernel_provisioner": {"provisioner_name": "local-provisioner"}}
    (tmp_path / "kernels" / "python3").mkdir(parents=True)
    (tmp_path / "kernels" / "python3" / "kernel.json").write_text(json.dumps(own), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    _, params = execute(tmp_path, "1", warm=True)
    assert kernels.kind(params) == "plain"


@pytest.mark.slow
def test_papermill_sees_a_warm_kernel_die(tmp_path: Path) -> None:
    with pytest.raises(DeadKernelError):
        execute(tmp_path, "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", warm=True)
    assert "os.kill" in (tmp_path / "executed.ipynb").read_text(encoding="utf-8")


# --- secrets --------------------------------------------------------------------------------------------------------

FETCH = "import json, os\nsecrets = json.loads(os.environ['SECRETS'])\ntoken = secrets['token']"


def leaks(text: str) -> list[str]:
    """Return the secrets, or lines of them, that the executed notebook holds as JSON spells them."""
    parts = [SECRETS["token"], "abcdefghijklmnop"]
    return [part for part in parts if part in text or json.dumps(part)[1:-1] in text or repr(part)[1:-1] in text]


@pytest.mark.slow
@pytest.mark.parametrize(
    "code",
    [
        "print(token, flush=True); print(secrets['key'])",
        "import sys; print(json.dumps(secrets), file=sys.stderr)",
        "token",
        "from IPython.display import display\ndisplay({'application/json': secrets, token: token}, raw=True)",
        "import pandas\npandas.DataFrame({token: [token]})",
        "d = display(token, display_id=True)\nd.update(secrets)",
        "import sys; sys.stdout.write(token[:4]); sys.stdout.flush(); sys.stdout.write(token[4:])",
        'import os; os.system(\'printf %s "$PART_1"; sleep 0.5; printf %s "$PART_2"\'); import time; time.sleep(1)',
    ],
)
def test_a_secret_reaches_no_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str) -> None:
    monkeypatch.setenv("SECRETS", json.dumps(SECRETS))
    monkeypatch.setenv("PART_1", SECRETS["token"][:5])
    monkeypatch.setenv("PART_2", SECRETS["token"][5:])
    monkeypatch.delenv("PYTEST_CURRENT_TEST")  # with it ipykernel leaves the output of programs to pytest
    text, _ = execute(tmp_path, FETCH, code, warm=True, secrets=SECRETS, preload=["pandas"])
    monkeypatch.setenv("PYTEST_CURRENT_TEST", "")  # pytest itself wants to take it away
    assert "[secret token]" in text
    assert not leaks(text)


@pytest.mark.slow
def test_a_secret_in_an_exception_reaches_neither_notebook_nor_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRETS", json.dumps(SECRETS))
    code = "def connect(password):\n    raise ValueError(f'no user with {password}', secrets)\nconnect(token)"
    text, params = execute(tmp_path, FETCH, code, secrets=SECRETS)
    error = params["error"]
    assert "[secret token]" in error.evalue
    assert not leaks(text + error.evalue + "".join(error.traceback) + str(error))


@pytest.mark.slow
def test_what_is_held_back_for_fear_of_a_secret_is_not_lost(tmp_path: Path) -> None:
    cells = ("print('it ends as: s3c', end='')", "print('s3c', end='', flush=True); 5", "print('s3cr3')")
    text, _ = execute(tmp_path, *cells, secrets={"it": "s3cr3t"})
    first, second, third = (cell["outputs"] for cell in json.loads(text)["cells"])
    assert "".join(line for output in first for line in output["text"]) == "it ends as: s3c"
    assert [output["output_type"] for output in second] == ["stream", "execute_result"]
    assert third[0]["text"] == ["s3cr3\n"]


@pytest.mark.slow
def test_a_kernel_s_traffic_is_encrypted(capfd: pytest.CaptureFixture[str]) -> None:
    assert zmq.has("curve")
    code = "from ipykernel.kernelapp import IPKernelApp\nprint(IPKernelApp.instance().curve_secretkey is not None)"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code, id="one")])
    client = NotebookClient(notebook, kernel_name="python3", kernel_manager_class=kernels.EncryptedKernels)
    client.execute()
    assert notebook.cells[0].outputs[0].text == "True\n"
    assert "without encryption" not in capfd.readouterr().err
