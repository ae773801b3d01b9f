"""A project that somebody has open is read anew when its files change, and never for nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from roadworthy.errors import ConfigError, ProjectError
from roadworthy.server.opened import Opened, Projects


@pytest.fixture
def projects(tmp_path: Path) -> Projects:
    return Projects(tmp_path)


@pytest.fixture
def opened(projects: Projects, make: Callable[[Path], Path], tmp_path: Path) -> Opened:
    return projects.of(make(tmp_path / "team/project"))


def change(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def test_a_project_is_found_from_any_place_in_it(projects: Projects, opened: Opened) -> None:
    assert opened.folder == "team/project"
    assert projects.of(opened.root / "notebooks") is opened
    assert projects.of(opened.root / "notebooks/first.ipynb") is opened
    assert opened.below("notebooks/first.ipynb") == "team/project/notebooks/first.ipynb"
    assert opened.below("/elsewhere/a.csv") == ""
    assert projects.all == (opened,)


def test_one_that_begins_above_the_served_folder_is_told_as_such(opened: Opened) -> None:
    with pytest.raises(ProjectError, match="begins above the folder"):
        Projects(opened.root / "notebooks").of(opened.root / "notebooks")


def test_the_configuration_is_read_again_only_when_it_changes(opened: Opened) -> None:
    first = opened.config
    change(opened.root / "notebooks/first.ipynb", "how many", "how many there are")
    assert opened.config is first
    change(opened.root / "monitoring/policy.yaml", "owners:", "owners: ")
    assert opened.config is not first
    change(opened.root / "pyproject.toml", 'name = "late-flights"', 'name = "later"')
    assert opened.config.settings.name == opened.described().name == "later"
    opened.close()


def test_what_is_broken_leaves_the_rest_to_be_seen(opened: Opened) -> None:
    change(opened.root / "monitoring/policy.yaml", "owners:", "unheard_of: 1\nowners:")
    with pytest.raises(ConfigError):
        _ = opened.config
    (problem,) = opened.described().problems
    assert problem.file == "team/project/monitoring/policy.yaml"
    assert {task.standing for task in opened.tasks()} == {"unknown"}
    assert [task.source for task in opened.tasks()] == [
        "team/project/notebooks/first.ipynb",
        "team/project/notebooks/second.ipynb",
    ]
    assert opened.job() is None


def test_a_pyproject_that_is_no_toml_is_still_the_projects(opened: Opened, tmp_path: Path) -> None:
    (opened.root / "pyproject.toml").write_text("[tool.roadworthy\n")
    found = Projects(tmp_path).of(opened.root)
    assert [(one.file, one.line) for one in found.described().problems] == [("team/project/pyproject.toml", 1)]


def test_a_source_that_pipeline_yaml_names_before_it_is_there_is_awaited(opened: Opened) -> None:
    third = opened.root / "notebooks/third.ipynb"
    change(opened.root / "pipeline.yaml", "tasks:\n", "tasks:\n- {source: notebooks/third.ipynb, product: third.nb}\n")
    assert [problem.message for problem in opened.described().problems] == [
        "The source notebooks/third.ipynb of task 'third' is missing."
    ]
    assert third in opened.files()
    third.write_bytes((opened.root / "notebooks/first.ipynb").read_bytes())
    assert opened.described().problems == ()


def test_the_task_of_one_source_is_told_as_among_all(opened: Opened) -> None:
    first, second = opened.tasks()
    sources = [opened.root / f"notebooks/{name}.ipynb" for name in ("first", "second", "none")]
    assert [opened.task(source) for source in sources] == [first, second, None]
    change(opened.root / "monitoring/policy.yaml", "owners:", "unheard_of: 1\nowners:")
    found = opened.task(sources[0])
    assert found == opened.tasks()[0]
    assert found is not None
    assert found.standing == "unknown"
    opened.close()


def test_without_a_contract_nobody_can_say_how_tasks_stand(opened: Opened) -> None:
    (opened.root / "monitoring/contract.yaml").unlink()
    assert opened.contract is None
    assert {task.reasons for task in opened.tasks()} == {("the contract cannot be read",)}
    opened.close()


def test_what_only_ploomber_can_read_is_told_as_such(opened: Opened) -> None:
    change(opened.root / "pipeline.yaml", "extract_upstream: false", "extract_upstream: true")
    found = opened.tasks()
    assert [task.name for task in found] == ["first", "second"]
    assert {task.standing for task in found} == {"unknown"}
    assert "only Ploomber can read" in found[0].reasons[0]


def test_while_one_reads_what_is_slow_to_come_others_are_answered(opened: Opened) -> None:
    source = opened.root / "notebooks/first.ipynb"
    text = source.read_bytes()
    source.unlink()
    os.mkfifo(source)
    with ThreadPoolExecutor() as threads:
        held = threads.submit(opened.tasks)
        with source.open("wb"):  # which opens when the other end is being read
            source.unlink()
            source.write_bytes(text)
            assert threads.submit(opened.described).result(60).name == "late-flights"
            assert threads.submit(opened.state.runs).result(60) == []
            assert opened.root / "env.yaml" in threads.submit(opened.files).result(60)
            assert threads.submit(opened.job).result(60) is None
            assert not held.done()
        assert [task.standing for task in held.result(60)] == ["stale", "stale"]
    opened.close()


def test_the_served_project_is_looked_at_before_anybody_asks(make: Callable[[Path], Path], tmp_path: Path) -> None:
    Projects(tmp_path).foresee()  # it is no project
    root = make(tmp_path / "project")
    projects = Projects(root)
    projects.foresee()
    assert not (root / ".roadworthy").exists()  # nobody has used it yet
    (root / ".roadworthy").mkdir()
    projects.foresee()
    assert projects.all[0].folder == ""
    assert (root / ".roadworthy/state.db").exists()
    projects.close()
