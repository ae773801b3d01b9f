"""A project: its configuration, contract and stores, opened when first asked for; and a new one, copied.

Examples
--------
In a notebook of a project::

    from roadworthy import project

    p = project.load()
    p.tables.read(p.dataset.name)
"""

from __future__ import annotations

import json
import os
import re
import shutil
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

from roadworthy import config as configuration
from roadworthy import contract as contracts
from roadworthy.config import Config
from roadworthy.contract import Contract, Dataset
from roadworthy.errors import ProjectError
from roadworthy.pipeline import lineage
from roadworthy.state import State

if TYPE_CHECKING:
    from roadworthy.tables import Tables

_COPIED = ("pipeline.yaml", "env.yaml", "notebooks", "bentos", "monitoring", "consumers", "tests/project")
_NOT_COPIED = shutil.ignore_patterns("__pycache__", ".ipynb_checkpoints", "*.pyc")
_SECTIONS_START = "[tool.roadworthy]"
_NAME = re.compile(r"[a-z][a-z0-9_-]*")
_IGNORED = ".roadworthy/\nproducts/\nreports/\n__pycache__/\n.ipynb_checkpoints/\n.venv/\n"


@dataclass(frozen=True)
class Project:
    """A project's configuration, and its stores, opened when first asked for."""

    config: Config

    @classmethod
    def using(cls, config: Config, state: State) -> Project:
        """Return a project whose state somebody else has opened, and closes."""
        project = cls(config)
        vars(project)["state"] = state  # in place of what would be opened when first asked for
        return project

    @property
    def root(self) -> Path:
        """The project's folder."""
        return self.config.root

    @cached_property
    def contract(self) -> Contract:
        """The data contract as it is now."""
        return contracts.read(self.config.path(self.config.settings.contract))

    @cached_property
    def dataset(self) -> Dataset:
        """The contract's dataset that the model learns from."""
        return self.contract.dataset(self.config.settings.dataset)

    @cached_property
    def state(self) -> State:
        """The state database."""
        return State.open(self.config.state_address)

    @cached_property
    def tables(self) -> Tables:
        """The versioned tables; in a task of a build, as the build reads them, and noting what the task reads."""
        # pandas, pyarrow and deltalake take a second, which commands that read no table do without
        from roadworthy.tables import Tables

        log = os.environ.get(lineage.TABLE_LOG_VARIABLE)
        as_of = json.loads(os.environ.get(lineage.AS_OF_VARIABLE, "{}"))
        return Tables(self.config.tables_address, as_of=as_of, log=Path(log) if log else None)

    def close(self) -> None:
        """Close what was opened."""
        if "state" in self.__dict__:
            self.state.close()

    def __enter__(self) -> Project:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def load(folder: Path | None = None) -> Project:
    """Open the project that ``folder`` (by default the current one) is in.

    Raises
    ------
    ProjectError
        When the folder is not inside a project.
    ConfigError
        When its configuration cannot be used.
    """
    return Project(configuration.load(configuration.find_root(folder or Path.cwd())))


def init(name: str, parent: Path, *, filled: bool = False) -> Path:
    """Copy the reference project into a new folder ``parent / name`` and return it.

    The use case and the owners are left blank for the user to fill in; ``filled`` keeps the reference's own, which
    is what the demo runs on.

    Raises
    ------
    ProjectError
        When the name cannot be a project's, or the folder is not empty.
    """
    if not _NAME.fullmatch(name):
        raise ProjectError(
            f"{name!r} cannot name a project.",
            "Use lower-case letters, digits, '-' and '_', beginning with a letter, such as late-flights.",
        )
    target = parent / name
    if target.exists() and any(target.iterdir()):
        raise ProjectError(f"The folder {target} is there already and not empty.", "Choose another name.")
    source = reference()
    target.mkdir(parents=True, exist_ok=True)
    for item in _COPIED:
        _copy(source / item, target / item)
    sections = _reference_sections(source)
    (target / "pyproject.toml").write_text(_pyproject(name, sections, filled=filled), encoding="utf-8")
    (target / ".gitignore").write_text(_IGNORED, encoding="utf-8")
    if not filled:
        policy = target / "monitoring" / "policy.yaml"
        policy.write_text(blank_owners(policy.read_text(encoding="utf-8")), encoding="utf-8")
    return target


def reference() -> Path:
    """Return the folder of the reference project: inside the wheel, or the checkout's own root."""
    inside = Path(__file__).parent / "reference"
    return inside if inside.is_dir() else Path(__file__).parents[2]


def blank_owners(policy: str) -> str:
    """Return the policy's text with every owner's name and contact blank.

    Examples
    --------
    >>> blank_owners('  data: {name: "Ada", contact: "ada@example.org"}')
    '  data: {name: "", contact: ""}'
    """
    return re.sub(r'(name|contact): "[^"]*"', r'\1: ""', policy)


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, target, ignore=_NOT_COPIED, dirs_exist_ok=True)
    else:
        shutil.copy(source, target)


def _reference_sections(source: Path) -> str:
    text = (source / "pyproject.toml").read_text(encoding="utf-8")
    return text[text.index(_SECTIONS_START) :]


def _pyproject(name: str, sections: str, *, filled: bool) -> str:
    sections = re.sub(r'(?m)^name = ".*"$', f'name = "{name}"', sections, count=1)
    if not filled:
        blank = 'problem = ""  # in its owner\'s words; the gate lets nothing into production while it is blank'
        sections = re.sub(r'(?m)^problem = ".*"$', lambda _: blank, sections)
    head = f'[project]\nname = "{name}"\nversion = "0.1.0"\nrequires-python = ">=3.11,<3.13"\n'
    return f'{head}dependencies = ["roadworthy[demo]"]\n\n{sections}'
