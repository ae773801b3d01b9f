"""A small typed client of the service and examples for curl, generated from the contract by template files.

Whatever a contract says, what is generated stays what it is: names and categories become literals, text only ever
stands in comments of one line.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from roadworthy.config import Config
from roadworthy.contract import Column, ColumnType, Dataset
from roadworthy.errors import ServingError
from roadworthy.records import Record

_TYPES: dict[ColumnType, str] = {
    "string": "str",
    "number": "float",
    "integer": "int",
    "boolean": "bool",
    "timestamp": "datetime | str",
}
_EXAMPLES: dict[ColumnType, Any] = {
    "string": "text",
    "number": 1.0,
    "integer": 1,
    "boolean": True,
    "timestamp": "2026-01-31T09:15:00Z",
}
_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 - where a service listens, and nobody calls
_HERE = "127.0.0.1"
_UNKNOWN = "..."
_LONGEST_GUESS = 20


class Generated(Record):
    """What was written."""

    folder: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class _Field:
    """A column as the templates take it."""

    name: str
    type: str
    kind: str
    required: bool
    comments: tuple[str, ...]


def write(config: Config, dataset: Dataset, folder: Path) -> Generated:
    """Write client, examples and a page about them into a folder; what is generated there is replaced.

    Raises
    ------
    ServingError
        When the folder cannot be written.
    """
    module = f"{config.settings.name.replace('-', '_')}_client"
    content = _context(config, dataset, module)
    names = {f"{module}.py": "client.py.j2", "examples.sh": "examples.sh.j2", "README.md": "README.md.j2"}
    templates = _environment()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, template in names.items():
            (folder / name).write_text(templates.get_template(template).render(content), encoding="utf-8")
        (folder / "examples.sh").chmod(0o755)
    except OSError as error:
        raise ServingError(
            f"The client cannot be written to {folder}: {error.strerror}.", "Give another folder with --output."
        ) from error
    return Generated(folder=str(folder), files=tuple(names))


def example(dataset: Dataset) -> dict[str, Any]:
    """Return a row that keeps the contract, as far as its patterns can be guessed; else ``...`` stands for a value."""
    return {column.name: _example(column) for column in dataset.request_columns}


def _context(config: Config, dataset: Dataset, module: str) -> dict[str, Any]:
    service = config.settings.service
    row = example(dataset)
    return {
        "name": config.settings.name,
        "module": module,
        "address": f"http://{_HERE if service.host in _EVERYWHERE else service.host}:{service.port}",
        "contract": dataset.name,
        "max_rows": service.max_rows,
        "fields": [_field(column) for column in dataset.request_columns],
        "example": {"rows": [row]},
        "unknown": _UNKNOWN in row.values(),
    }


def _environment() -> Environment:
    filters: dict[str, Callable[[Any], str]] = {
        "python": repr,
        "json": json.dumps,
        "markdown": _markdown,
        "shell": shlex.quote,
    }
    # No markup language: what is unsafe in each is made safe by the filter of its own.
    found = Environment(
        loader=PackageLoader("roadworthy.serving"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - as above
    )
    found.filters |= filters
    return found


def _field(column: Column) -> _Field:
    kind = _TYPES[column.type]
    if column.type == "string" and column.categories and column.unseen == "refuse":
        kind = f"Literal[{', '.join(map(repr, column.categories))}]"
    return _Field(
        name=column.name,
        type=kind if column.required else f"{kind} | None",
        kind="one of some" if column.categories else column.type,
        required=column.required,
        comments=tuple(filter(None, (_one_line(column.meaning), _limits(column)))),
    )


def _limits(column: Column) -> str:
    limits = [
        f"in {_one_line(column.unit)}" if column.unit else "",
        f"at least {column.minimum:g}" if column.minimum is not None else "",
        f"at most {column.maximum:g}" if column.maximum is not None else "",
        "beyond that answered with a warning" if column.out_of_range == "accept" else "",
        f"one of {_one_line(', '.join(column.categories))}" if column.categories else "",
        "any other answered with a warning" if column.unseen == "accept" else "",
        f"matches {_one_line(column.pattern)}" if column.pattern else "",
    ]
    return ", ".join(filter(None, limits))


def _one_line(text: str) -> str:
    r"""Return text without what would end a line or not be seen.

    Examples
    --------
    >>> _one_line("late\nimport os")
    'late import os'
    """
    return "".join(sign for sign in " ".join(text.split()) if sign.isprintable())


def _markdown(text: str) -> str:
    return re.sub(r"([\\`*_\[\]|<>&#])", r"\\\1", _one_line(text))


def _example(column: Column) -> Any:  # noqa: ANN401 - of any of the contract's types
    if column.categories:
        return column.categories[0] if column.type in ("string", "timestamp") else column.values[0]
    if column.type in ("number", "integer") and (column.minimum, column.maximum) != (None, None):
        limits = [limit for limit in (column.minimum, column.maximum) if limit is not None]
        middle = sum(limits) / len(limits)
        return middle if column.type == "number" else int(middle)
    if column.pattern is not None:
        return _fitting(column.pattern)
    return _EXAMPLES[column.type]


def _fitting(pattern: str) -> str:
    """Return a simple text that fits a pattern, if there is one."""
    guesses = [sign * times for times in range(1, _LONGEST_GUESS) for sign in ("A", "a", "0", "A0")]
    try:
        return next((guess for guess in guesses if re.search(pattern, guess)), _UNKNOWN)
    except re.error:  # a rule of another dialect, which the service's own validator knows
        return _UNKNOWN
