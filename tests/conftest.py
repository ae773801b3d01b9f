"""Fixtures shared by all tests: a copy of the reference project in a folder of its own."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from filelock import FileLock
from hypothesis import settings
from playwright.sync_api import Browser, sync_playwright

from roadworthy import config as configuration
from roadworthy import contract as contracts
from roadworthy.config import Config
from roadworthy.contract import Dataset

REPOSITORY = Path(__file__).parents[1]
EXTENSION = "tests/extension/"
COPIED = ("pyproject.toml", "pipeline.yaml", "env.yaml", "notebooks", "bentos", "monitoring", "consumers")

# The tests run in as many processes as there are cores: threads of one would wait for those of the others.
os.environ.setdefault("OMP_NUM_THREADS", "1")
settings.register_profile("toolkit", deadline=None)  # no test asserts how long anything takes
settings.load_profile("toolkit")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the tests of minutes out unless they are asked for by their marker: `pytest -m full`."""
    if "full" in config.option.markexpr:
        return
    left_out = [item for item in items if item.get_closest_marker("full")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:  # noqa: ANN401 - xdist's own
    """Where several processes run the tests, give one all of a file, and one all that need JupyterLab in a browser."""
    from xdist.scheduler import LoadFileScheduling

    class WithOneJupyterLab(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return EXTENSION if nodeid.startswith(EXTENSION) else super()._split_scope(nodeid)

    return WithOneJupyterLab(config, log) if config.getoption("dist") == "loadfile" else None


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A fresh copy of the reference project; BentoML's store beside it, so that the user's own stays untouched."""
    folder = tmp_path / "project"
    folder.mkdir()
    for name in COPIED:
        source = REPOSITORY / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints"))
        elif source.exists():
            shutil.copy(source, folder / name)
    monkeypatch.setenv("BENTOML_HOME", str(tmp_path / "bentoml"))
    return folder


@pytest.fixture
def config(root: Path) -> Config:
    """The copied project's configuration."""
    return configuration.load(root)


@pytest.fixture
def dataset(config: Config) -> Dataset:
    """The reference project's dataset."""
    contract = contracts.read(config.path(config.settings.contract))
    return contract.dataset(config.settings.dataset)


@pytest.fixture
def default_port(tmp_path_factory: pytest.TempPathFactory) -> FileLock:
    """To be held while something serves at the port that README and guide name: tests run in several processes."""
    return FileLock(tmp_path_factory.getbasetemp().parent / "default-port.lock")


@pytest.fixture
def browser() -> Iterator[Browser]:
    """A real Chromium; where none is installed the test is skipped, but never in CI.

    Its driver keeps an event loop running in this thread, so it lives no longer than its test.
    """
    program = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if program is None:
        if os.environ.get("CI") == "true":
            pytest.fail("In CI pages are looked at in a browser: install Debian's chromium.")
        pytest.skip("No Chromium is installed to look at pages with.")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-sync"]
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=quiet)
        yield running
        running.close()
