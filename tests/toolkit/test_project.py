"""A project: found, opened, and started as a copy of the reference project."""

import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from roadworthy import config as configuration
from roadworthy import gate
from roadworthy import project as projects
from roadworthy.errors import ProjectError

REPOSITORY = Path(__file__).parents[2]
ROOTS_OWN = ("pipeline.yaml", "env.yaml", "notebooks", "bentos", "monitoring", "consumers", "tests/project")


def _files(folder: Path, names: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for name in names:
        item = folder / name
        for path in sorted(item.rglob("*")) if item.is_dir() else [item]:
            if path.is_file() and "__pycache__" not in path.parts and ".ipynb_checkpoints" not in path.parts:
                found[path.relative_to(folder).as_posix()] = path.read_text(encoding="utf-8")
    return found


def test_init_gives_what_the_root_has(tmp_path: Path) -> None:
    root = projects.init("late-flights", tmp_path, filled=True)
    assert _files(root, ROOTS_OWN) == _files(REPOSITORY, ROOTS_OWN)
    mine, theirs = (tomllib.loads((f / "pyproject.toml").read_text())["tool"] for f in (root, REPOSITORY))
    assert mine == {name: theirs[name] for name in ("roadworthy", "bentoml")}


def test_a_new_project_differs_by_name_use_case_and_owners_alone(tmp_path: Path) -> None:
    root = projects.init("my-project", tmp_path)
    theirs, mine = _files(REPOSITORY, ROOTS_OWN), _files(root, ROOTS_OWN)
    assert {name for name in theirs if mine[name] != theirs[name]} == {"monitoring/policy.yaml"}
    config = configuration.load(root)
    reference = configuration.load(REPOSITORY)
    assert config.settings.name == "my-project"
    assert config.settings.use_case.problem == ""
    filled = config.settings.use_case.model_copy(update={"problem": reference.settings.use_case.problem})
    assert filled == reference.settings.use_case
    blank = [check.name for check in gate.judge(config, {}).checks if "blank" in check.fact]
    assert blank == [
        "problem stated",
        "owner of data",
        "owner of model",
        "owner of infrastructure",
        "owner of monitoring",
    ]


@pytest.mark.parametrize("name", ["", "My Project", "../escape", "1st", "a/b"])
def test_a_name_that_cannot_be_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ProjectError, match="cannot name a project"):
        projects.init(name, tmp_path)
    assert not list(tmp_path.iterdir())


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "work.txt").write_text("years of it")
    with pytest.raises(ProjectError, match="not empty"):
        projects.init("mine", tmp_path)
    assert (tmp_path / "mine" / "work.txt").read_text() == "years of it"


def test_stores_open_when_first_asked_for(root: Path) -> None:
    with projects.load(root / "notebooks") as project:
        assert project.root == root.resolve()
        assert not (root / ".roadworthy").exists()
        assert project.state.last_run() is None
        assert not project.tables.exists("flights")
        assert (root / ".roadworthy" / "state.db").exists()


@pytest.mark.slow
def test_the_wheel_carries_the_reference_project_and_the_mends(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(tmp_path)]
    subprocess.run([*command, str(REPOSITORY)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("roadworthy-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "wheel")
    inside = tmp_path / "wheel"
    assert _files(inside / "roadworthy" / "reference", ROOTS_OWN) == _files(REPOSITORY, ROOTS_OWN)
    assert (inside / "roadworthy.pth").read_text().strip() == "import roadworthy.startup"
    assert list(inside.glob("*.data/data/etc/jupyter/jupyter_server_config.d/roadworthy.json"))
    assert list(inside.glob("roadworthy/migrations/**/*.py"))
    assert not list(inside.rglob("*.pyc"))
