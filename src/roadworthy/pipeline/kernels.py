"""Kernels and notebooks: kernels that talk encrypted, executed notebooks that JupyterLab trusts, failures in words."""

from __future__ import annotations

import os
import re
import sqlite3
from pathlib import Path
from typing import Any

import nbformat
import zmq
from jupyter_client.manager import AsyncKernelManager
from nbformat.sign import NotebookNotary
from papermill.exceptions import PapermillExecutionError
from traitlets import default

_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_FAILING_LINE = re.compile(r"^-+> ?(\d+) (.*)$", re.MULTILINE)
_NEXT = "\nNext: "


class EncryptedKernels(AsyncKernelManager):
    """Kernels whose traffic is encrypted by CurveZMQ where kernel and pyzmq can.

    With it ipykernel has nothing to warn of: by default it prints, into every run, that code and outputs go over TCP
    in plain text. Sockets of files (``transport="ipc"``) would do as well, but not on Windows, and not below a folder
    with a long name.
    """

    @default("transport_encryption")
    def _encrypt_if_possible(self) -> str:
        return "auto" if zmq.has("curve") else "disabled"


def prepare(executor_params: dict[str, Any], *, terminal: bool) -> None:
    """Fill in Papermill's options for a task, wherever pipeline.yaml does not name them itself.

    Kernels inherit a passive OpenMP: its threads otherwise spin while they wait for one another, and where another
    process wants the same cores that made a fit of 2 s take 22 s.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    executor_params.setdefault("kernel_manager_class", EncryptedKernels)
    if not terminal:
        executor_params.setdefault("progress_bar", False)


def sign(path: Path) -> None:
    """Sign an executed notebook, so that JupyterLab shows its rich outputs to this user without asking."""
    try:
        NotebookNotary().sign(nbformat.read(path, as_version=4))  # type: ignore[no-untyped-call]
    except (OSError, sqlite3.Error):
        return  # no home folder to keep signatures in: the notebook is then merely untrusted


def explain(error: BaseException, *, task: str, notebook: str, cells: list[Any], parameters: dict[str, Any]) -> str:
    """Return what made a notebook task fail, in words, ending with the next step.

    Parameters
    ----------
    error
        What the task raised; the notebook's own exception is among its causes.
    task
        The task's name.
    notebook
        The source notebook's path below the root.
    cells
        The cells as executed, with the one that Ploomber injected.
    parameters
        What the task was given.
    """
    cause = _cause(error)
    given = ", ".join(f"{name}={value!r}" for name, value in parameters.items()) or "none"
    look = f"Open it with `jupyter lab {notebook}`."
    if not isinstance(cause, PapermillExecutionError):
        message = " ".join(str(cause).split()) or type(cause).__name__
        return f"Task {task!r} failed ({notebook}): {message}\nParameters: {given}.{_NEXT}{look}"
    said, _, remedy = f"{cause.ename}: {cause.evalue}".partition(_NEXT)
    step = f"{remedy} ({look})" if remedy else look
    place = f"cell {_cell_number(cause.cell_index, cells)} of {notebook}{_failing_line(cause)}"
    return f"Task {task!r} failed in {place}: {said}\nParameters: {given}.{_NEXT}{step}"


def _cause(error: BaseException) -> BaseException:
    while error.__cause__ is not None and not isinstance(error, PapermillExecutionError):
        error = error.__cause__
    return error


def _cell_number(index: int, cells: list[Any]) -> int:
    """Count as the user sees the source notebook: from 1, without the cell that was injected."""
    injected = sum("injected-parameters" in cell.metadata.get("tags", ()) for cell in cells[: index + 1])
    return index + 1 - injected


def _failing_line(error: PapermillExecutionError) -> str:
    found = _FAILING_LINE.search(_ANSI.sub("", "\n".join(error.traceback)))
    return f", line {found[1]} `{found[2].strip()}`" if found else ""
