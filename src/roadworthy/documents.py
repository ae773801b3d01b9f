"""YAML documents, read safely and fast; what is wrong in one is told by its line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml
from yaml.constructor import ConstructorError


class NotYaml(ValueError):
    """A text is not YAML, or has a key twice.

    Attributes
    ----------
    number
        The line, counted from 1; None where it is not known.
    problem
        What is wrong, in words.
    """

    def __init__(self, number: int | None, problem: str) -> None:
        self.number = number
        self.problem = problem
        super().__init__(f"{problem}{self.line}")

    @property
    def line(self) -> str:
        """``", line 4"``, or blank where it is not known; to be put behind the file's name."""
        return f", line {self.number}" if self.number else ""


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]  # the one in C is 20 times as fast
    """Reads YAML as the safe loader does, and refuses a key that is there twice: one of its values would be lost."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        seen = set()
        for key in (key for key, _ in node.value if isinstance(key, yaml.ScalarNode)):
            if key.value in seen:
                raise ConstructorError(None, None, f"the key {key.value!r} is there twice", key.start_mark)
            seen.add(key.value)
        content: dict[Any, Any] = super().construct_mapping(node, deep)
        return content


def parse(text: str) -> Any:  # noqa: ANN401 - YAML holds anything
    """Return what a YAML text says.

    Raises
    ------
    NotYaml
        When it is none.

    Examples
    --------
    >>> parse("a: [1, x]")
    {'a': [1, 'x']}
    """
    try:
        return yaml.load(text, _Loader)  # noqa: S506 - it is a safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        last = len(text.splitlines())  # what is missing at the end is said to be missing behind it
        raise NotYaml(min(mark.line + 1, last) if mark else None, problem) from error


def line_of(text: str, path: Sequence[str | int]) -> int | None:
    r"""Return the line, counted from 1, of what a path of keys and places leads to in a YAML text, or nearest to it.

    None where the text is no YAML.

    Examples
    --------
    >>> line_of("a:\n- x: 1\n- x: 2\n", ["a", 1, "x"])
    3
    """
    try:
        node = yaml.compose(text, _Loader)
    except yaml.YAMLError:
        return None
    line: int | None = None
    for part in path:
        found = _inner(node, part)
        if found is None:
            break
        place, node = found
        line = place.start_mark.line + 1
    return line


def _inner(node: yaml.Node | None, part: str | int) -> tuple[yaml.Node, yaml.Node] | None:
    """Return where an entry of a node begins, and its value."""
    if isinstance(node, yaml.MappingNode):
        return next(((key, value) for key, value in node.value if key.value == str(part)), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
        return node.value[part], node.value[part]
    return None
