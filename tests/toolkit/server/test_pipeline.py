"""What JupyterLab is told of a notebook and of the pipeline, over HTTP."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.toolkit.server.conftest import Server

pytestmark = pytest.mark.slow


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_notebook_is_told_with_its_task_and_parameters(server: Server, project: Path) -> None:
    found = server.get("notebook", path=f"{project.name}/notebooks/first.ipynb")
    task = found["task"]
    assert (task["name"], task["standing"], task["reasons"]) == ("first", "stale", ["it was never run"])
    products = [f"{project.name}/products/first.ipynb", f"{project.name}/products/first.json"]
    assert task["products"] == [{"path": path, "state": "missing"} for path in products]
    assert found["parameters_cell"] == 1
    (rows,) = found["parameters"]
    assert (rows["name"], rows["type"], rows["default"], rows["value"]) == ("rows", "integer", 1, 3)
    assert (rows["key"], rows["help"], rows["annotation"]) == ("rows", "how many", "int")


def test_a_notebook_that_is_no_task_is_told_as_such(server: Server, project: Path) -> None:
    (project / "notebooks/loose.ipynb").write_text('{"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}')
    found = server.get("notebook", path=f"{project.name}/notebooks/loose.ipynb")
    assert found["project"]["found"] is True
    assert (found["task"], found["parameters"], found["parameters_cell"]) == (None, [], None)


def test_a_notebook_that_was_deleted_is_told_with_what_to_do(server: Server, project: Path) -> None:
    path = f"{project.name}/notebooks/first.ipynb"
    server.get("notebook", path=path)
    (project / "notebooks/first.ipynb").unlink()
    for endpoint in ("notebook", "pipeline"):
        answer = server.call("GET", endpoint, path=path)
        assert answer.status_code == 404
        assert path in answer.json()["message"]
        assert answer.json()["next"] == "If it was moved or deleted, close it, or save it there again."


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "words"),
    [
        ("pipeline.yaml", "tasks:", "tasks: [", 5, "not YAML"),
        ("pipeline.yaml", "{{rows}}", "{{row}}", 7, "{{row}}, which env.yaml does not set"),
        ("pipeline.yaml", "upstream: [first]", "upstream: [frist]", 11, "'frist', which is no task"),
        ("pipeline.yaml", "notebooks/second", "notebooks/third", 10, "notebooks/third.ipynb of task 'second'"),
        ("env.yaml", "rows:", "rows: [", 2, "not YAML"),
        ("monitoring/policy.yaml", "owners:", "ownres: 1\nowners:", None, "ownres"),
        ("monitoring/contract.yaml", "kind: DataContract", "kind: Contract", None, "is not a contract of ODCS 3"),
        ("pyproject.toml", "threshold = 0.60", "threshold = [1]", None, "tool.roadworthy.use_case.threshold"),
        ("pyproject.toml", "[tool.roadworthy.use_case]", "[tool.roadworthy.use_case", None, "not TOML"),
    ],
)  # fmt: skip
def test_what_is_broken_is_told_with_file_and_line(
    server: Server, project: Path, file: str, old: str, new: str, line: int | None, words: str
) -> None:
    assert server.get("pipeline", path=project.name)["project"]["problems"] == []
    before = (project / file).read_text()
    wanted = line or next(number for number, text in enumerate(before.splitlines(), 1) if old in text)
    change(project / file, old, new)
    found = server.get("notebook", path=f"{project.name}/notebooks/first.ipynb")["project"]
    assert found["found"] is True
    problem = found["problems"][0]
    assert problem["file"] == f"{project.name}/{file}"
    assert words in problem["message"]
    assert str(project) not in problem["message"]
    assert problem["next"]
    assert problem["line"] == wanted
    (project / file).write_text(before)
    assert server.get("pipeline", path=project.name)["project"]["problems"] == []


def test_while_many_pages_wait_for_one_look_others_are_answered(server: Server, project: Path) -> None:
    source = project / "notebooks/first.ipynb"
    text = source.read_bytes()
    source.unlink()
    os.mkfifo(source)
    with ThreadPoolExecutor() as threads:
        held = [threads.submit(server.get, "pipeline", path=project.name) for _ in range(6)]
        with source.open("wb"):  # which opens when the server is reading the other end
            source.unlink()
            source.write_bytes(text)
            assert server.get("jobs", path=project.name) == server.get("runs", path=project.name) == []
            assert server.get("production", path=project.name)["project"]["name"] == "late-flights"
            assert not any(one.done() for one in held)
        assert {task["standing"] for one in held for task in one.result(60)["tasks"]} == {"stale"}
