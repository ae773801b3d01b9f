"""The parameters of a notebook: what its tagged cell declares, what pipeline.yaml gives, and the check of a value.

The tagged cell is read, never executed: a line ``name: type = literal  # help`` declares one parameter.
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from roadworthy import documents, secrets
from roadworthy.errors import PipelineError
from roadworthy.pipeline import code, spec
from roadworthy.pipeline.spec import Pipeline, TaskSpec
from roadworthy.records.lab import LabParameter

Kind = Literal["text", "integer", "number", "boolean", "choice", "list", "mapping", "other"]
GIVEN_BY_PLOOMBER = frozenset({"upstream", "product", "resources_"})
_KEY = re.compile(r"\{\{\s*(\w+)\s*\}\}")
_NAMED: Mapping[str, Kind] = {
    "str": "text", "int": "integer", "float": "number", "bool": "boolean", "list": "list", "tuple": "list",
    "List": "list", "Sequence": "list", "dict": "mapping", "Dict": "mapping", "Mapping": "mapping",
}  # fmt: skip
_OF_LITERAL: Mapping[type, Kind] = {
    str: "text", int: "integer", float: "number", bool: "boolean", list: "list", tuple: "list", dict: "mapping",
}  # fmt: skip
_ACCEPTED: Mapping[Kind, tuple[tuple[type, ...], str]] = {
    "text": ((str,), "a text"),
    "integer": ((int,), "a whole number"),
    "number": ((int, float), "a number"),
    "boolean": ((bool,), "true or false"),
    "list": ((list, tuple), "a list"),
    "mapping": ((dict,), "a mapping of names to values"),
}


# --- what is declared ------------------------------------------------------------------------------------------------


def tagged_cell(source: Path) -> int | None:
    """Return the index, from 0, of the cell tagged ``parameters``; None when there is none.

    Raises
    ------
    PipelineError
        When the file cannot be read or is no notebook.
    """
    cells = code.read(source).written
    return next((index for index, cell in enumerate(cells) if code.PARAMETERS in cell.tags), None)


def declared(source: Path) -> tuple[LabParameter, ...]:
    """Return the parameters that the tagged cell of a notebook or script in Python declares, in their order.

    What Ploomber itself gives (``upstream``, ``product``) is none.

    Raises
    ------
    PipelineError
        When the file cannot be read or is no notebook, or that cell is not Python.
    """
    found = code.read(source)
    cells = [cell.text for cell in found.written if code.PARAMETERS in cell.tags]
    return tuple(_declared(cells[0], source)) if cells and found.python else ()


def of_task(root: Path, task: TaskSpec, known: Mapping[str, str]) -> tuple[LabParameter, ...]:
    """Return a task's parameters with the values that pipeline.yaml and env.yaml give them.

    Parameters
    ----------
    root
        The project's folder.
    task
        The task.
    known
        The values of the project's secrets by name, which are nowhere told.

    Raises
    ------
    PipelineError
        As for `declared`.
    """
    found = {parameter.name: parameter for parameter in declared(root / task.source)}
    keys, secretive = env_keys(root, task.name), {path.partition(".")[0] for path in secrets.used(task.parameters)}
    for name, value in task.parameters.items():
        parameter = found.get(name, LabParameter(name=name, type=_kind_of(value)))
        update: dict[str, Any] = {"value": value, "key": keys.get(name)}
        if name in secretive:
            update = {"value": None, "default": None, "written": "", "secret": True, "key": keys.get(name)}
        found[name] = parameter.model_copy(update=update)
    return tuple(LabParameter.model_validate(secrets.masked(one.model_dump(), known)) for one in found.values())


def env_keys(root: Path, task: str) -> dict[str, str]:
    """Return, by the parameter of a task that it sets, each key of env.yaml that alone makes its value.

    Examples
    --------
    With ``train_end: "{{train_end}}"`` below the task's ``params`` it is ``{"train_end": "train_end"}``.
    """
    try:
        text = (root / "pipeline.yaml").read_text(encoding="utf-8")
    except OSError:
        return {}
    return dict(_env_keys(text).get(task, {}))


@lru_cache(maxsize=8)  # the page asks again with each notebook that is opened, and a build for each task
def _env_keys(text: str) -> dict[str, dict[str, str]]:
    """Return those of all tasks by name, as the text of a pipeline.yaml has them."""
    try:
        content = documents.parse(text)
    except documents.NotYaml:
        return {}
    tasks = content.get("tasks") if isinstance(content, dict) else None
    found: dict[str, dict[str, str]] = {}
    for raw in tasks if isinstance(tasks, list) else ():
        if isinstance(raw, dict):
            given = raw.get("params")
            pairs = given.items() if isinstance(given, dict) else ()
            matches = ((name, _KEY.fullmatch(value)) for name, value in pairs if isinstance(value, str))
            task = str(raw.get("name") or Path(str(raw.get("source", ""))).stem)
            found.setdefault(task, {str(name): match[1] for name, match in matches if match})
    return found


# --- what is given ---------------------------------------------------------------------------------------------------


def checked(parameters: tuple[LabParameter, ...], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return values for the parameters of one notebook after a check of each.

    A number without a fraction is a whole one, as a form may send 3.0 for 3.

    Raises
    ------
    PipelineError
        When a name is unknown, or a value is not what the parameter takes; the message never tells a secret.
    """
    known = {parameter.name: parameter for parameter in parameters}
    for name in given:
        if name not in known:
            raise PipelineError(
                f"The notebook has no parameter {name!r}.", f"Use one of: {', '.join(known) or 'none is declared'}."
            )
    return {name: _checked(known[name], value) for name, value in given.items()}


def for_build(pipeline: Pipeline | None, root: Path, given: Mapping[str, Any]) -> dict[str, str]:
    """Return given values as a build takes them: by their keys of env.yaml, as texts.

    A name may be a key of env.yaml or a parameter that such a key sets.

    Raises
    ------
    PipelineError
        When a name is neither, or two names give one key two values.
    """
    if not given:
        return {}
    env = spec.env(root)
    keys = {name: {key} for name, key in ((str(key), str(key)) for key in env)}
    for task in pipeline.tasks if pipeline else ():
        for name, key in env_keys(root, task.name).items():
            if name not in env:
                keys.setdefault(name, set()).add(key)
    found: dict[str, str] = {}
    for name, value in given.items():
        key = _only_key(name, keys.get(name, set()))
        text = value if isinstance(value, str) else repr(value)
        if found.setdefault(key, text) != text:
            raise PipelineError(f"The key {key!r} of env.yaml is given two values.", "Give it one.")
    return found


def _only_key(name: str, keys: set[str]) -> str:
    if not keys:
        raise PipelineError(
            f"No key of env.yaml sets the parameter {name!r}, so a build cannot be given another value.",
            "Run the notebook alone with it, or write `{{name}}` in pipeline.yaml and `name` in env.yaml.",
        )
    if len(keys) > 1:
        raise PipelineError(
            f"The parameter {name!r} is set by several keys of env.yaml.", f"Name one of: {', '.join(sorted(keys))}."
        )
    return next(iter(keys))


def _checked(parameter: LabParameter, value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if secrets.reference(value) is not None or (value is None and parameter.optional):
        return value
    if parameter.secret:
        raise PipelineError(
            f"The parameter {parameter.name!r} takes a secret, and was given a plain value.",
            "Give it as secret:NAME, or leave it as it is.",
        )
    if parameter.type == "choice":
        return _chosen(parameter, value)
    if parameter.type == "other":
        return value
    types, words = _ACCEPTED[parameter.type]
    if parameter.type in ("integer", "number") and isinstance(value, float) and value.is_integer():
        value = int(value) if parameter.type == "integer" else value
    wrong_boolean = isinstance(value, bool) and parameter.type != "boolean"
    if not isinstance(value, types) or wrong_boolean:
        also = ", or nothing" if parameter.optional else ""
        raise PipelineError(
            f"The parameter {parameter.name!r} takes {words}{also}; it was given {value!r}.", "Correct it."
        )
    return value


def _chosen(parameter: LabParameter, value: Any) -> Any:  # noqa: ANN401 - any JSON value
    choices = [ast.literal_eval(choice) for choice in parameter.choices]
    for choice, written in zip(choices, parameter.choices, strict=True):
        if (type(value) is type(choice) and value == choice) or value == written:
            return choice
    raise PipelineError(
        f"The parameter {parameter.name!r} was given {value!r}, which is none of its choices.",
        f"Use one of: {', '.join(parameter.choices)}.",
    )


# --- the tagged cell -------------------------------------------------------------------------------------------------


def _declared(text: str, source: Path) -> Iterator[LabParameter]:
    try:
        body = ast.parse(text).body
    except SyntaxError as error:
        raise PipelineError(
            f"{source.name}: the cell tagged `parameters` is not Python: {error.msg}, line {error.lineno} of the cell.",
            "Correct that line; the cell holds `name = value` lines only.",
        ) from error
    comments = _comments(text)
    for statement in body:
        name, annotation, value = _assignment(statement)
        if name and name not in GIVEN_BY_PLOOMBER:
            yield _parameter(name, annotation, value, text, _help(comments, statement))


def _assignment(statement: ast.stmt) -> tuple[str, ast.expr | None, ast.expr | None]:
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id, statement.annotation, statement.value
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1 and isinstance(statement.targets[0], ast.Name):
        return statement.targets[0].id, None, statement.value
    return "", None, None


def _parameter(
    name: str, annotation: ast.expr | None, value: ast.expr | None, text: str, help_text: str
) -> LabParameter:
    default = _literal(value)
    kind, optional, choices = _annotated(annotation) if annotation else (_kind_of(default), False, ())
    return LabParameter(
        name=name,
        type=kind,
        annotation=ast.get_source_segment(text, annotation) or "" if annotation else "",
        optional=optional or (default is None and isinstance(value, ast.Constant)),
        choices=choices,
        default=default,
        written=ast.get_source_segment(text, value) or "" if value else "",
        value=default,
        help=help_text,
    )


def _annotated(node: ast.expr) -> tuple[Kind, bool, tuple[str, ...]]:
    """Return the kind of value that an annotation names, whether None is one, and a Literal's choices."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):  # an annotation in quotes
        try:
            return _annotated(ast.parse(node.value, mode="eval").body)
        except SyntaxError:
            return "other", False, ()
    parts = _united(node)
    others = [part for part in parts if not (isinstance(part, ast.Constant) and part.value is None)]
    optional = len(others) < len(parts)
    literals = [part for part in others if _name(part) == "Literal"]
    if literals and len(literals) == len(others):
        values = [value for part in literals for value in _inner(part)]
        choices = tuple(ast.unparse(value) for value in values if not _is_none(value))
        return "choice", optional or any(map(_is_none, values)), choices
    kinds = {_NAMED.get(_name(part), "other") for part in others}
    if kinds == {"integer", "number"}:
        return "number", optional, ()
    return (kinds.pop() if len(kinds) == 1 else "other"), optional, ()


def _united(node: ast.expr) -> list[ast.expr]:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
        return [*_united(node.left), *_united(node.right)]
    if _name(node) == "Union":
        return [part for inner in _inner(node) for part in _united(inner)]
    if _name(node) == "Optional":
        return [*(part for inner in _inner(node) for part in _united(inner)), ast.Constant(value=None)]
    return [node]


def _name(node: ast.expr) -> str:
    """Return the name of a type without its module and what it is made of."""
    if isinstance(node, ast.Subscript):
        return _name(node.value)
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def _inner(node: ast.expr) -> list[ast.expr]:
    if not isinstance(node, ast.Subscript):
        return []
    return node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _literal(node: ast.expr | None) -> Any:  # noqa: ANN401 - any literal
    try:
        value = None if node is None else ast.literal_eval(node)
    except (ValueError, TypeError, SyntaxError, MemoryError, RecursionError):
        return None
    return list(value) if isinstance(value, tuple) else value if _is_json(value) else None


def _is_json(value: object) -> bool:
    if isinstance(value, dict):
        return all(isinstance(key, str) and _is_json(item) for key, item in value.items())
    if isinstance(value, list | tuple):
        return all(map(_is_json, value))
    return value is None or isinstance(value, str | int | float | bool)


def _kind_of(value: object) -> Kind:
    return _OF_LITERAL.get(type(value), "other")


def _comments(text: str) -> dict[int, tuple[str, bool]]:
    """Return the comments by line: the words, and whether the line has nothing else."""
    found: dict[int, tuple[str, bool]] = {}
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                alone = not token.line[: token.start[1]].strip()
                found[token.start[0]] = (token.string.lstrip("#").strip(), alone)
    except (tokenize.TokenError, SyntaxError):
        return found
    return found


def _help(comments: Mapping[int, tuple[str, bool]], statement: ast.stmt) -> str:
    """Return the comment behind a statement, or else the lines of comment right above it."""
    words, alone = comments.get(statement.end_lineno or statement.lineno, ("", True))
    if words and not alone:
        return words
    above: list[str] = []
    line = statement.lineno - 1
    while comments.get(line, ("", False))[1]:
        above.insert(0, comments[line][0])
        line -= 1
    return " ".join(filter(None, above))
