"""Secrets: parameters whose values come from the environment or a file, and stand in no notebook, log or record.

A secret is declared in pyproject.toml, and a task's parameter refers to it by name::

    [tool.roadworthy.secrets]
    db_password = {env = "DB_PASSWORD"}        # or {file = "secrets/db_password"}

    # pipeline.yaml
    params: {password: "secret:db_password"}

The executed notebook then holds ``password = secret("db_password")``, which fetches the value when it runs, and
whatever a task says is masked before it is kept. What no tool can prevent is a notebook that puts the value into its
own products, or that says it changed: encoded, cut into pieces or drawn into a figure.
"""

from __future__ import annotations

import ast
import html
import json
import os
import re
import stat
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

from roadworthy import config as configuration
from roadworthy.config import Config
from roadworthy.errors import ConfigError

_REFERENCE = re.compile(r"secret:([\w.-]+)")
_SHORTEST = 4
_SHORTEST_LINE = 8  # shorter lines of a secret of many, such as "}", are not masked by themselves


def secret(name: str) -> str:
    """Return a secret of the project that the current folder is in, for notebooks.

    Raises
    ------
    ProjectError
        When the current folder is in no project.
    ConfigError
        When the secret is not declared, or has no usable value; see `value`.
    """
    return value(configuration.load(configuration.find_root(Path.cwd())), name)


def value(config: Config, name: str) -> str:
    """Return a secret's value, a file's without the line end that editors put there.

    Raises
    ------
    ConfigError
        When the secret is not declared, its variable or file is missing or empty, its file lies in the project and
        every user of the machine can read it, or it is shorter than 4 characters, which could not be masked without
        harm to all other text. The message never tells the value.
    """
    declared = config.settings.secrets.get(name)
    if declared is None:
        known = ", ".join(config.settings.secrets) or "none yet"
        raise ConfigError(
            f"No secret is called {name!r} (declared: {known}).",
            f'Declare it below [tool.roadworthy.secrets] in pyproject.toml: {name} = {{env = "VARIABLE"}}.',
        )
    found = _from_file(config, name, declared.file) if declared.file else os.environ.get(declared.env, "")
    place = f"the file {declared.file}" if declared.file else f"the environment variable {declared.env}"
    if not found:
        raise ConfigError(f"The secret {name!r} has no value: {place} is not set or empty.", f"Set {place}.")
    if len(found) < _SHORTEST:
        raise ConfigError(
            f"The secret {name!r} from {place} is shorter than {_SHORTEST} characters, so it cannot be masked.",
            "Choose a longer one, or make it an ordinary parameter.",
        )
    return found


def known(config: Config) -> dict[str, str]:
    """Return the values of all declared secrets that have a usable one, by name: what nothing may show."""
    found = {}
    for name in config.settings.secrets:
        with suppress(ConfigError):
            found[name] = value(config, name)
    return found


def reference(value: object) -> str | None:
    """Return the name of the secret that a parameter's value refers to; None when it is an ordinary value.

    Examples
    --------
    >>> reference("secret:db_password")
    'db_password'
    >>> reference("secret: to be kept") is None
    True
    """
    found = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
    return found[1] if found else None


def used(parameters: Mapping[str, Any]) -> dict[str, str]:
    """Return which parameters refer to which secrets, also within lists and mappings.

    Examples
    --------
    >>> used({"rows": 3, "database": {"user": "ann", "passwords": ["secret:old", "secret:new"]}})
    {'database.passwords.0': 'old', 'database.passwords.1': 'new'}
    """
    return dict(_used("", parameters))


def masked(value: Any, known: Mapping[str, str]) -> Any:  # noqa: ANN401 - text, or anything JSON can hold
    """Return a text, or all texts in lists and mappings, with ``[secret NAME]`` where a secret stood.

    Parameters
    ----------
    value
        What is to be kept or shown.
    known
        The secrets' values by name. They are found as they are, and as JSON, Python, URLs and HTML spell them.

    Examples
    --------
    >>> masked({"error": "no user ann:s3cr%t!", "at": ["db?p=s3cr%25t%21"]}, {"db": "s3cr%t!"})
    {'error': 'no user ann:[secret db]', 'at': ['db?p=[secret db]']}
    """
    names = {spelling: name for name, text in known.items() for spelling in spellings(text)}
    if not names:
        return value
    longest_first = sorted(names, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, longest_first)))
    return _masked(value, pattern, names)


def spellings(text: str) -> frozenset[str]:
    """Return the forms in which a secret shows up: as it is, and as JSON, Python, URLs and HTML spell it.

    Of a secret of several lines, such as a key, the longer lines too: they may be shown one by one.
    """
    lines = [line.strip() for line in text.splitlines() if len(line.strip()) >= _SHORTEST_LINE]
    return frozenset(form for plain in (text, *lines) for form in _forms(plain))


def injected(source: str, parameters: Mapping[str, Any]) -> str:
    r"""Return the cell with a task's parameters so that its secrets are fetched when it runs.

    Parameters
    ----------
    source
        Papermill's cell, in Python, in which secrets are still literals such as ``"secret:db_password"``.
    parameters
        The task's parameters, by which it is known which of them refer to secrets.

    Raises
    ------
    ConfigError
        When the cell is not Python: a notebook in another language cannot fetch secrets.

    Examples
    --------
    >>> print(injected('rows = 3\npassword = "secret:db"', {"rows": 3, "password": "secret:db"}))
    from roadworthy.secrets import secret
    rows = 3
    password = secret("db")
    """
    secretive = {path.partition(".")[0] for path in used(parameters)}
    try:
        literals = [literal for literal in _references(source) if literal[0] in secretive] if secretive else []
    except SyntaxError:
        raise ConfigError(
            f"A secret is given to a notebook that is not in Python: parameter {sorted(secretive)[0]!r}.",
            "Let the notebook read the environment variable itself, or write that task in Python.",
        ) from None
    if not literals:
        return source
    fetch = "secret"
    while fetch in parameters:  # which would hide the function from the line after it
        fetch += "_"
    content = source.encode()
    for _, name, start, end in reversed(literals):
        content = content[:start] + f'{fetch}("{name}")'.encode() + content[end:]
    imported = "secret" if fetch == "secret" else f"secret as {fetch}"
    return f"from roadworthy.secrets import {imported}\n{content.decode()}"


def _from_file(config: Config, name: str, file: str) -> str:
    path = config.path(file)
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8").rstrip("\r\n")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        # the error's own words could hold a part of the content
        raise ConfigError(
            f"The secret {name!r}: the file {file} cannot be read as text ({type(error).__name__}).",
            "Make it a file of UTF-8 text that you may read.",
        ) from None
    # outside the project the mode is an orchestrator's choice: mounted secrets are commonly readable by all
    if os.name == "posix" and mode & stat.S_IROTH and path.resolve().is_relative_to(config.root):
        raise ConfigError(
            f"The secret {name!r}: every user of this machine can read the file {file}.", f"Run `chmod 600 {file}`."
        )
    return text


def _used(path: str, value: object) -> Iterator[tuple[str, str]]:
    name = reference(value)
    if name is not None:
        yield path, name
    inner = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list | tuple) else ()
    for key, item in inner:
        yield from _used(f"{path}.{key}" if path else str(key), item)


def _forms(text: str) -> Iterator[str]:
    yield from (text, repr(text)[1:-1])
    yield from (json.dumps(text, ensure_ascii=ascii_only)[1:-1] for ascii_only in (True, False))
    yield from (quote(text), quote(text, safe=""), quote_plus(text))
    yield from (html.escape(text), html.escape(text, quote=False))


def _masked(value: Any, pattern: re.Pattern[str], names: Mapping[str, str]) -> Any:  # noqa: ANN401 - as `masked`
    if isinstance(value, str):
        return pattern.sub(lambda found: f"[secret {names[found[0]]}]", value)
    if isinstance(value, Mapping):
        return {_masked(key, pattern, names): _masked(item, pattern, names) for key, item in value.items()}
    if isinstance(value, list | tuple):
        items = [_masked(item, pattern, names) for item in value]
        return tuple(items) if isinstance(value, tuple) else items
    return value


def _references(source: str) -> Iterator[tuple[str, str, int, int]]:
    """The literals that refer to secrets: the parameter, the secret, and from which byte to which it stands."""
    starts = [0]
    for line in source.encode().splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    for statement in ast.parse(source).body:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            continue
        for literal in _literals(statement.value):
            name = reference(literal.value)
            if name is not None and literal.end_lineno and literal.end_col_offset:
                start = starts[literal.lineno - 1] + literal.col_offset
                yield statement.targets[0].id, name, start, starts[literal.end_lineno - 1] + literal.end_col_offset


def _literals(node: ast.expr) -> Iterator[ast.Constant]:
    if isinstance(node, ast.Constant):
        yield node
    inner = node.values if isinstance(node, ast.Dict) else node.elts if isinstance(node, ast.List | ast.Tuple) else ()
    for item in inner:
        yield from _literals(item)
