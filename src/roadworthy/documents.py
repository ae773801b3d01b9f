"""YAML documents, read safely and fast; what is wrong in one is told by its line."""

from __future__ import annotations

from typing import Any

import yaml
from yaml.constructor import ConstructorError


class NotYaml(ValueError):
    """A text is not YAML, or has a key twice.

    Attributes
    ----------
    line
        ``", line 4"``, or blank where it is not known; to be put behind the file's name.
    problem
        What is wrong, in words.
    """

    def __init__(self, line: str, problem: str) -> None:
        self.line = line
        self.problem = problem
        super().__init__(f"{problem}{line}")


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
        raise NotYaml(f", line {min(mark.line + 1, last)}" if mark else "", problem) from error
