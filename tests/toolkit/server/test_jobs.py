"""Builds asked for over HTTP: real processes of their own, that run the notebooks."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.toolkit.server.conftest import Server

pytestmark = pytest.mark.slow
LAST_CELL = """Path(product["data"]).write_text('{"rows": 1}')"""
SLOW_CELL = (
    "from pathlib import Path\nimport time\nPath('begun').touch()\nwhile not Path('go').exists(): time.sleep(0.05)"
)


def standings(server: Server, project: Path) -> dict[str, str]:
    return {task["name"]: task["standing"] for task in server.get("pipeline", path=project.name)["tasks"]}


def until(condition: Callable[[], Any]) -> Any:
    for _ in range(600):
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError("it never came")


@pytest.fixture(scope="module")
def built(server: Server, make: Callable[[Path], Path]) -> tuple[Path, Any]:
    """A project that was built once, and the job that did it."""
    project = make(server.folder / "built")
    return project, server.build(project)


def test_a_build_runs_to_its_end_and_is_recorded_with_who_built(server: Server, built: tuple[Path, Any]) -> None:
    project, job = built
    assert (job["state"], job["project"], job["request"]["only"]) == ("done", project.name, [])
    assert [(task["name"], task["state"]) for task in job["tasks"]] == [("first", "done"), ("second", "done")]
    assert all(task["seconds"] > 0 for task in job["tasks"])
    assert "first done in" in job["log"]
    run = server.get(f"runs/{job['run']}", path=project.name)
    assert (run["id"], run["state"], run["who"]) == (job["id"], "done", job["who"])
    assert standings(server, project) == {"first": "fresh", "second": "fresh"}
    assert server.get("pipeline", path=project.name)["job"] is None
    runs = server.get("runs", path=project.name, task="second")
    assert [(one["task"], one["state"], one["kept"]) for one in runs] == [("second", "done", True)]
    assert runs[0]["notebook"] == f"{project.name}/products/second.ipynb"
    assert (runs[0]["who"], runs[0]["metrics"], runs[0]["parameters"]) == (job["who"], {"score": 6}, {"factor": 2})


def test_a_notebook_is_run_alone_with_other_values_and_nothing_else_is_touched(
    server: Server, built: tuple[Path, Any]
) -> None:
    project, _ = built
    files = [path for path in project.rglob("*.*") if path.is_file() and ".roadworthy" not in path.parts]
    before = {path: path.read_bytes() for path in files}
    job = server.build(project, only=["second"], parameters={"factor": 100}, alone=True)
    assert job["state"] == "done", job
    executed = project.parent / job["executed"]
    assert executed.parent == project / "trials" / job["id"]
    assert json.loads((executed.parent / "second.json").read_text()) == {"metrics": {"score": 300}}
    assert "factor = 100" in executed.read_text()
    assert {path: path.read_bytes() for path in before} == before
    assert standings(server, project) == {"first": "fresh", "second": "fresh"}
    assert len(server.get("runs", path=project.name, task="second")) == 1


def test_one_task_is_built_with_other_values_and_compared(server: Server, built: tuple[Path, Any]) -> None:
    project, first = built
    job = server.build(project, only=["first"], parameters={"rows": 5})
    assert job["state"] == "done", job
    assert [task["name"] for task in job["tasks"]] == ["first"]
    assert json.loads((project / "products/first.json").read_text()) == {"rows": 5}
    assert json.loads((project / "products/second.json").read_text()) == {"metrics": {"score": 6}}
    difference = server.get("diff", path=project.name, before=first["run"], after=job["run"], task="first")
    assert [task["name"] for task in difference["tasks"]] == ["first"]
    assert difference["tasks"][0]["parameters"] == [{"name": "rows", "kind": "changed", "before": 3, "after": 5}]
    assert server.get("jobs", path=project.name)[0]["id"] == job["id"]


def test_the_failing_cell_is_told_as_the_source_counts_it(
    server: Server, project: Path, notebook: Callable[..., None]
) -> None:
    notebook(project / "notebooks/first.ipynb", "rows = 1\nproduct = None", "x = 1", "x / 0")
    job = server.build(project)
    assert (job["state"], job["failed_task"], job["failed_cell"]) == ("failed", "first", 3)
    assert job["failed_source"] == f"{project.name}/notebooks/first.ipynb"
    assert "ZeroDivisionError" in job["error"]
    assert "roadworthy debug first" in job["next"]
    assert [task["state"] for task in job["tasks"]] == ["failed", "held back"]
    first, second = server.get("pipeline", path=project.name)["tasks"]
    assert (first["standing"], first["failed_cell"], first["reasons"]) == ("failed", 3, ["its last run failed"])
    assert "upstream first is failed" in second["reasons"]
    notebook(project / "notebooks/first.ipynb", "rows = 1\nproduct = None", "x = 1", "x / 1")
    assert server.get("pipeline", path=project.name)["tasks"][0]["reasons"] == [
        "its last run failed",
        "1 cell changed since",
    ]


def test_a_running_task_is_shown_and_can_be_broken_off(
    server: Server, project: Path, notebook: Callable[..., None]
) -> None:
    notebook(project / "notebooks/first.ipynb", "rows = 1\nproduct = None", SLOW_CELL)
    started = server.post("jobs", {"path": project.name})
    until((project / "begun").exists)
    shown = server.get("pipeline", path=project.name)
    assert (shown["job"]["id"], shown["tasks"][0]["standing"]) == (started["id"], "running")
    answer = server.call("DELETE", f"jobs/{started['id']}", path=project.name)
    assert answer.status_code == 200
    job = server.finished(project, started["id"])
    assert job["state"] == "cancelled"
    assert server.get(f"runs/{started['id']}", path=project.name)["state"] == "interrupted"
    first = server.get("pipeline", path=project.name)["tasks"][0]
    assert (first["standing"], first["reasons"]) == ("stale", ["its last run was interrupted"])


def test_a_build_goes_on_when_the_server_ends_and_the_next_server_shows_it(
    server: Server, another_server: Callable[..., Server], project: Path, notebook: Callable[..., None]
) -> None:
    notebook(project / "notebooks/first.ipynb", "rows = 1\nproduct = None", SLOW_CELL, LAST_CELL)
    other = another_server()
    started = other.post("jobs", {"path": project.name, "only": ["first"]})
    until((project / "begun").exists)
    os.kill(other.process.pid, signal.SIGKILL)
    other.process.wait(20)
    assert server.get(f"jobs/{started['id']}", path=project.name)["state"] == "running"
    (project / "go").touch()
    assert server.finished(project, started["id"])["state"] == "done"


@pytest.mark.full
def test_a_build_that_somebody_started_in_a_terminal_is_shown(
    server: Server, project: Path, notebook: Callable[..., None]
) -> None:
    notebook(project / "notebooks/first.ipynb", "rows = 1\nproduct = None", SLOW_CELL, LAST_CELL)
    command = [sys.executable, "-c", "from ploomber_cli.cli import cmd_router; cmd_router()", "build"]
    environment = os.environ | {"ROADWORTHY_WHO": "ann"}
    build = subprocess.Popen(command, cwd=project, env=environment, stdout=subprocess.DEVNULL)
    try:
        until((project / "begun").exists)
        shown = server.get("pipeline", path=project.name)
        assert (shown["job"]["who"], shown["job"]["request"], shown["tasks"][0]["standing"]) == ("ann", None, "running")
        assert shown["tasks"][0]["reasons"] == ["ann builds it now"]
    finally:
        (project / "go").touch()
        assert build.wait(60) == 0
    assert server.get("pipeline", path=project.name)["job"] is None


@pytest.mark.full
def test_a_process_that_was_killed_is_no_running_job(
    server: Server, project: Path, notebook: Callable[..., None]
) -> None:
    notebook(project / "notebooks/first.ipynb", "rows = 1\nproduct = None", SLOW_CELL)
    started = server.post("jobs", {"path": project.name})
    until((project / "begun").exists)
    words = json.loads((project / f".roadworthy/jobs/{started['id']}/process.json").read_text())
    os.kill(words["process"], signal.SIGKILL)
    job = server.finished(project, started["id"])
    assert job["state"] == "failed"
    assert "ended without a word" in job["error"]
    (project / "go").touch()


def test_a_notebook_alone_that_fails_tells_its_cell_and_keeps_what_it_did(
    server: Server, project: Path, notebook: Callable[..., None]
) -> None:
    notebook(project / "notebooks/first.ipynb", "rows = 1\nproduct = None", "print(rows)", "1 / (rows - 7)")
    job = server.build(project, only=["first"], parameters={"rows": 7}, alone=True)
    assert (job["state"], job["failed_task"], job["failed_cell"]) == ("failed", "first", 3)
    assert "ZeroDivisionError" in job["error"]
    assert (project.parent / job["executed"]).is_file()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"only": ["third"]}, "pipeline.yaml has no task 'third'"),
        ({"parameters": {"factor": 3}}, "No key of env.yaml sets the parameter 'factor'"),
        (
            {"parameters": {"rows": "many"}, "only": ["first"], "alone": True},
            "'rows' takes a whole number; it was given",
        ),
        ({"parameters": {"row": 3}, "only": ["first"], "alone": True}, "The notebook has no parameter 'row'"),
        ({"only": ["second"], "alone": True}, "products/first.json is missing"),
        ({"alone": True}, "run alone for one task"),
    ],
)
def test_what_cannot_be_done_is_refused_before_anything_starts(
    server: Server, project: Path, asked: dict[str, Any], words: str
) -> None:
    answer = server.call("POST", "jobs", {"path": project.name} | asked)
    assert answer.status_code == 400
    told = answer.json()
    assert words in told["message"]
    assert told["next"]
    assert server.get("jobs", path=project.name) == []


def test_no_secret_is_in_a_jobs_log(server: Server, project: Path, notebook: Callable[..., None]) -> None:
    pyproject = project / "pyproject.toml"
    pyproject.write_text(pyproject.read_text() + '\n[tool.roadworthy.secrets]\npass = {file = "../pass.txt"}\n')
    (project.parent / "pass.txt").write_text("hunter2-and-more\n")
    pipeline = project / "pipeline.yaml"
    pipeline.write_text(pipeline.read_text().replace("factor: 2", 'factor: 2, key: "secret:pass"'))
    cells = ("factor = 1\nkey = None\nupstream = None\nproduct = None", "print(key)", "raise ValueError(key)")
    notebook(project / "notebooks/second.ipynb", *cells)
    job = server.build(project, only=["second"])
    assert job["state"] == "failed"
    assert "ValueError: [secret pass]" in job["error"]
    told = server.get("notebook", path=f"{project.name}/notebooks/second.ipynb")
    key = next(parameter for parameter in told["parameters"] if parameter["name"] == "key")
    assert (key["secret"], key["value"], key["default"]) == (True, None, None)
    written = b"".join(path.read_bytes() for path in project.rglob("*") if path.is_file())
    assert b"hunter2" not in written + json.dumps([job, told]).encode()
