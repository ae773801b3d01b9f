"""The files read, once, into one typed object; every message names file and key."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from roadworthy import documents
from roadworthy.config.policy import Policy
from roadworthy.config.section import Section
from roadworthy.config.settings import REPORTS, Settings
from roadworthy.errors import ConfigError, ProjectError

HOME = ".roadworthy"  # as configured paths write it, wherever it is
_TOML_LINE = re.compile(r"\(at line (\d+), ")
_KEY = re.compile(r"""\s*([\w.\-"' ]+?)\s*=""")
_HEADING = re.compile(r"\s*\[+([^\[\]#]+)\]+\s*(?:#.*)?$")
# Where things are may differ from machine to machine, as in a container: these win over pyproject.toml.
_FROM_ENVIRONMENT = {
    "ROADWORTHY_HOME": ("home",),
    "ROADWORTHY_STATE": ("state",),
    "ROADWORTHY_TABLES": ("tables",),
    "ROADWORTHY_SPOOL": ("spool",),
    "ROADWORTHY_ARCHIVE": ("model", "archive"),
    "ROADWORTHY_TRACES": ("service", "traces"),
}


class Config(Section):
    """All settings of a project, with its root folder."""

    root: Path
    settings: Settings
    policy: Policy

    def path(self, relative: str) -> Path:
        """Return a configured folder or file as an absolute path below the root.

        What is configured to be below ``.roadworthy/`` is below ``home`` instead, where that is another folder.
        """
        within = PurePath(relative)
        below_home = within.parts[:1] == (HOME,)
        return self.private(*within.parts[1:]) if below_home else self.root / relative

    def private(self, *names: str) -> Path:
        """Return a file or folder below ``home``: all that is written while the project runs is there."""
        return self.root.joinpath(self.settings.home, *names)

    @property
    def reports(self) -> Path:
        """The folder of the reports; below ``home`` where that is another folder and nothing else is configured."""
        moved = self.settings.home != HOME and self.settings.reports == REPORTS
        return self.private(REPORTS) if moved else self.path(self.settings.reports)

    @property
    def state_address(self) -> str:
        """The state database's address, a relative SQLite file made absolute."""
        prefix = "sqlite:///"
        address = self.settings.state
        if address.startswith(prefix) and not address.startswith(prefix + "/"):
            return prefix + str(self.path(address.removeprefix(prefix)))
        return address

    @property
    def tables_address(self) -> str:
        """Where the versioned tables are: an address as given, or an absolute folder."""
        return self.settings.tables if "://" in self.settings.tables else str(self.path(self.settings.tables))

    @property
    def archive_address(self) -> str:
        """Where versions are kept for other machines: an address as given, or an absolute folder; blank for nowhere."""
        archive = self.settings.model.archive
        return archive if not archive or "://" in archive else str(self.path(archive))


def find_root(start: Path) -> Path:
    """Return the nearest folder, from ``start`` upwards, whose pyproject.toml has [tool.roadworthy].

    Raises
    ------
    ProjectError
        When there is none.
    """
    for folder in (start.resolve(), *start.resolve().parents):
        if "roadworthy" in _tool_tables(folder / "pyproject.toml"):
            return folder
    raise ProjectError(
        f"{start} is not inside a Roadworthy project: no pyproject.toml with [tool.roadworthy] was found.",
        "Run `roadworthy init NAME` to start one, or change to its folder.",
    )


def load(root: Path) -> Config:
    """Read the configuration of the project in ``root``.

    Raises
    ------
    ConfigError
        When a file is missing or broken, or a key is missing, unknown or of a wrong value.
    """
    root = root.resolve()
    settings = load_settings(root)
    return Config(root=root, settings=settings, policy=load_policy(root / settings.policy))


def load_settings(root: Path) -> Settings:
    """Read [tool.roadworthy] of the pyproject.toml in ``root``.

    Raises
    ------
    ConfigError
        As for `load`.
    """
    source = root / "pyproject.toml"
    tables = _tool_tables(source)
    if "roadworthy" not in tables:
        raise ConfigError(f"{source} has no [tool.roadworthy].", "Add it, or run `roadworthy init NAME`.", file=source)
    try:
        return Settings.model_validate(_with_environment(tables["roadworthy"]))
    except ValidationError as error:
        first = error.errors()[0]
        raise _refused(first, source, "tool.roadworthy", _toml_line(source, first["loc"])) from error


def load_policy(path: Path) -> Policy:
    """Read a policy.yaml.

    Raises
    ------
    ConfigError
        As for `load`.
    """
    text = _policy_text(path)
    try:
        return Policy.model_validate(documents.parse(text))
    except documents.NotYaml as error:
        raise ConfigError(
            f"{path}{error.line}: not YAML: {error.problem}.", "Mend that line.", file=path, line=error.number
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise _refused(first, path, "", documents.line_of(text, first["loc"])) from error


def _tool_tables(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        tables: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8")).get("tool", {})
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        line = _TOML_LINE.search(str(error))
        raise ConfigError(
            f"{path}: not TOML: {error}.",
            "Mend that place and try again.",
            file=path,
            line=int(line[1]) if line else None,
        ) from error
    return tables


def _with_environment(content: object) -> object:
    if not isinstance(content, dict):
        return content
    for variable, (*sections, key) in _FROM_ENVIRONMENT.items():
        if not (value := os.environ.get(variable)):
            continue
        place = content
        for section in sections:
            place = place.setdefault(section, {}) if isinstance(place, dict) else place
        if isinstance(place, dict):  # what is no table is told by the validation that follows
            place[key] = value
    return content


def _policy_text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(
            f"The policy {path} cannot be read: {error.strerror}.",
            "Restore the file, or set `policy` in [tool.roadworthy] to where it is.",
            file=path,
        ) from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"The policy {path} is not UTF-8 text: {error}.", "Save it as UTF-8.", file=path) from error


def _refused(problem: ErrorDetails, path: Path, prefix: str, line: int | None) -> ConfigError:
    key = ".".join(str(part) for part in (prefix, *problem["loc"]) if part != "")
    return ConfigError(f"{path}: {key}: {_fact(problem)}", _next_step(problem, key), file=path, line=line)


def _toml_line(path: Path, keys: Sequence[str | int]) -> int | None:
    """Return the line of a key below [tool.roadworthy], or of the nearest table above it; None where it is elsewhere.

    TOML's reader tells no places, so the tables' headings and the keys' own lines are looked for as they are commonly
    written.
    """
    wanted = ["tool", "roadworthy", *map(str, keys)]
    table: list[str] = []
    found, depth = None, 0
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        heading, key = _HEADING.match(line), _KEY.match(line)
        if heading:
            table = here = _names(heading[1])
        elif key:
            here = [*table, *_names(key[1])]
        else:
            continue
        if here == wanted[: len(here)] and len(here) > depth:
            found, depth = number, len(here)
    return found


def _names(dotted: str) -> list[str]:
    return [part.strip().strip("\"'") for part in dotted.split(".")]


def _fact(problem: ErrorDetails) -> str:
    if problem["type"] == "missing":
        return "this key is missing."
    if problem["type"] == "extra_forbidden":
        return "no such key is known."
    if "alerts" in problem["loc"] or "to" in problem["loc"]:  # an address may hold a password
        return f"{problem['msg']}."
    return f"{problem['msg']}; it is {problem['input']!r}."


def _next_step(problem: ErrorDetails, key: str) -> str:
    if problem["type"] == "missing":
        return f"Add {key}."
    if problem["type"] == "extra_forbidden":
        return f"Remove {key}, or correct its spelling."
    return f"Correct {key}."
