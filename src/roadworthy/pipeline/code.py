"""The code of a task's source, cell by cell, and a hash of it that comments, prose and layout do not change.

Read without Ploomber, jupytext or nbformat: their imports take longer than a build that has nothing to do.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from blake3 import blake3

from roadworthy.errors import PipelineError
from roadworthy.records import Record

INJECTED, PARAMETERS = "injected-parameters", "parameters"

# strings and comments, so that neither is looked for within the other
_QUOTED = re.compile(
    r"""(?P<comment>\#[^\n]*)|(?P<marks>\"{3}|'{3})(?:\\.|(?!(?P=marks)).)*(?P=marks)"""
    r"""|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""",
    re.DOTALL,
)
_HEADER = re.compile(r"\A(?:#![^\n]*\n)?(?:#[^\n]*coding[:=][^\n]*\n)?(?:# ---\n(?:#[^\n]*\n)*?# ---(?:\n|\Z))?")
_PERCENT = re.compile(r"\s*#\s*(?:%%%*(?P<options>\s.*)?|<codecell>|In\[[0-9 ]*\]:?)$")
_LIGHT = re.compile(r"#\s*(?:(?:\+|region\b|\{\{\{)(?P<options>.*)|(?:-|endregion|\}\}\})\s*)$")
_TAGS = re.compile(r"\btags[\"']?\s*[=:]\s*(?:\[|c\()(.*?)[\])]")
_WORD = re.compile(r"[\"']([^\"']+)[\"']")
_PROSE = re.compile(r"^[^={]*\[(?:markdown|md|raw)\]")
_NOT_PYTHON = re.compile(r"\b(?:active|language)[\"']?\s*[=:]")

# what jupytext runs as a magic though it stands in a script as a comment
_COMMENTED_MAGIC = re.compile(
    r"(?:# |#)+(?:%{1,3}[A-Za-z]|[?!]\s*[\w.~$\\/{}]|\S*\?\s*$|[A-Za-z_]\w*\s*=\s*(?:%|!)"
    r"|(?:cat|cd|cp|mv|rm|rmdir|mkdir|copy|ddir|echo|ls|ldir|ren)(?:\s*$|\s[^=,]))"
)
_MAGIC = re.compile(
    r"^(?P<indent>[ \t]*)(?P<magic>(?:[%!?].*|[^\n=#'\"]+=[ \t]*[%!].*|[^\s#'\"][^\n#'\"]*\?[ \t]*)(?:(?<=\\)\n.*)*)$",
    re.MULTILINE,
)
_CELL_MAGIC = re.compile(r"\s*%%(?!(?:time|timeit|capture|prun)\b)")
_PYTHON_FILES = (".py", ".ipynb")


class Cell(Record):
    """One cell as its author wrote it."""

    kind: Literal["code", "prose"]
    text: str
    tags: frozenset[str] = frozenset()


class Code(Record):
    """A source by cell."""

    written: tuple[Cell, ...]
    python: bool

    @property
    def cells(self) -> tuple[str, ...]:
        """The code alone: no prose, and not the cell that Papermill or Ploomber injected."""
        return tuple(cell.text for cell in self._own if cell.kind == "code")

    @property
    def parameters_cell(self) -> bool:
        """Whether a cell is tagged ``parameters``."""
        return any(PARAMETERS in cell.tags for cell in self.written)

    def hash(self, *, cosmetic: bool) -> str:
        """Return the BLAKE3 hash of what is run, or with ``cosmetic`` of all that is written, prose included.

        The cell with the parameters is part of it: values are injected after that one. Outputs never are.
        """
        if cosmetic:
            return code_hash([f"{cell.kind}{sorted(cell.tags)}\n{cell.text}" for cell in self._own], cosmetic=True)
        first = next((cell.text for cell in self._own if PARAMETERS in cell.tags), "")
        return code_hash((first, *self.cells), cosmetic=False, python=self.python)

    @property
    def _own(self) -> Iterator[Cell]:
        return (cell for cell in self.written if INJECTED not in cell.tags)


def read(path: Path) -> Code:
    """Read a notebook, a percent or light script, or any other source, which is one cell.

    Raises
    ------
    PipelineError
        When there is no such file, or a notebook is not one.
    """
    try:
        text = path.read_text(encoding="utf-8", errors="surrogateescape")
    except OSError as error:
        raise PipelineError(f"The source {path} cannot be read: {error.strerror}.", "Restore the file.") from error
    if path.suffix == ".ipynb":
        return _notebook(text, path)
    if path.suffix in (".py", ".R", ".r"):
        return Code(written=tuple(_script(text)), python=path.suffix == ".py")
    return Code(written=(Cell(kind="code", text=text.strip("\n")),), python=False)


def cells(path: Path) -> tuple[str, ...]:
    """Return the code of a source by cell; see `read`."""
    return read(path).cells


def parameters_cell(path: Path) -> bool:
    """Return whether a cell of a source is tagged ``parameters``; see `read`."""
    return read(path).parameters_cell


def code_hash(cells: Sequence[str], *, cosmetic: bool, python: bool = True) -> str:
    """Return the BLAKE3 hash of code by cell; where one cell ends and the next begins counts.

    Parameters
    ----------
    cells
        The code.
    cosmetic
        Whether comments and layout count.
    python
        Whether it is Python. Of other languages only trailing blanks and blank cells are cosmetic.

    Examples
    --------
    >>> code_hash(["x = 1  # one"], cosmetic=False) == code_hash(["x = (1)", "# done"], cosmetic=False)
    True
    >>> code_hash(["x = 1  # one"], cosmetic=True) == code_hash(["x = 1"], cosmetic=True)
    False
    """
    digest = blake3()
    for cell in cells:
        counted = cell if cosmetic else normalised(cell) if python else _as_written(cell)
        if counted:
            content = counted.encode("utf-8", errors="surrogatepass")
            digest.update(f"{len(content)}:".encode() + content)
    return digest.hexdigest()


# --- what counts -----------------------------------------------------------------------------------------------------


def normalised(cell: str) -> str:
    r"""Return what a cell of Python means to a run: its syntax tree, so no comments, blank lines, quotes or brackets.

    IPython's magics are kept to the letter. What cannot be parsed is kept as it is, but for trailing blanks.

    Examples
    --------
    >>> normalised("f(a,\n  'b')  # why") == normalised('f(a, "b")')
    True
    >>> normalised("%time f(1)  # a comment\nx = 1") == normalised("%time f(1)\nx = 1")
    False
    """
    text = cell.replace("\r\n", "\n").replace("\r", "\n")
    for candidate in (text, None if _CELL_MAGIC.match(text) else _MAGIC.sub(_as_call, text)):
        tree = None if candidate is None else _parsed(candidate)
        if candidate is not None and tree is not None:
            try:
                return _form(tree) + _silenced(tree, candidate) if tree.body else ""
            except (RecursionError, ValueError):  # nested too deep, or a number longer than Python prints
                break
    return _as_written(text)


def _parsed(text: str) -> ast.Module | None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what is odd in the user's code the kernel will tell
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return None


def _form(node: object) -> str:
    """The tree in words, without what is empty: Python versions differ in which empty fields there are."""
    if isinstance(node, ast.AST):
        found = ((name, getattr(node, name, None)) for name in node._fields)
        fields = [f"{name}={_form(value)}" for name, value in found if value is not None and value != []]
        return f"{type(node).__name__}({','.join(fields)})"
    return f"[{','.join([_form(each) for each in node])}]" if isinstance(node, list) else repr(node)


def _silenced(tree: ast.Module, text: str) -> str:
    """A semicolon at the end of a cell, which keeps IPython from showing the last value, and leaves no trace in it."""
    last = tree.body[-1]
    lines = text.split("\n")[(last.end_lineno or 1) - 1 :]
    after = [lines[0].encode()[last.end_col_offset :].decode(), *lines[1:]]
    return ";" if any(";" in line.partition("#")[0] for line in after) else ""


def _as_call(found: re.Match[str]) -> str:
    return f"{found['indent']}__magic__({found['magic']!r})"


def _as_written(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.splitlines()).strip("\n")


# --- notebooks -------------------------------------------------------------------------------------------------------


def _notebook(text: str, path: Path) -> Code:
    try:
        content = json.loads(text)
        found = content["cells"] if "cells" in content else content["worksheets"][0]["cells"]
        metadata = content.get("metadata", {})
        return Code(written=tuple(_cell(cell) for cell in found), python=_is_python(metadata))
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise PipelineError(
            f"{path} is not a notebook: it is not JSON, or has no cells.",
            "Restore it, for example from the repository, or save it again in JupyterLab.",
        ) from error


def _cell(cell: dict[str, Any]) -> Cell:
    source = cell.get("source", cell.get("input", ""))  # until format 3 code was called input
    text = source if isinstance(source, str) else "".join(source)
    kind: Literal["code", "prose"] = "code" if cell["cell_type"] == "code" else "prose"
    return Cell(kind=kind, text=text, tags=frozenset(cell.get("metadata", {}).get("tags", ())))


def _is_python(metadata: dict[str, Any]) -> bool:
    kernel, language = metadata.get("kernelspec", {}), metadata.get("language_info", {})
    return str(kernel.get("language") or language.get("name") or "python").lower().startswith(("python", "ipython"))


# --- scripts ---------------------------------------------------------------------------------------------------------


def _script(text: str) -> Iterator[Cell]:
    """The cells of a script, as jupytext would make them but for light paragraphs, which stay together."""
    text = _HEADER.sub("", text.replace("\r\n", "\n").removeprefix("\ufeff"))
    lines = text.split("\n")
    comments = _comment_lines(text)
    marker = _PERCENT if any(_PERCENT.match(lines[number]) for number in comments) else _LIGHT
    options, first = "", 0
    for number in comments:
        found = marker.match(lines[number])
        if found:
            yield from _script_cell(options, lines, range(first, number), comments)
            options, first = found["options"] or "", number + 1
    yield from _script_cell(options, lines, range(first, len(lines)), comments)


def _comment_lines(text: str) -> dict[int, None]:
    """The numbers, in order, of lines that are a comment and nothing else."""
    numbers: dict[int, None] = {}
    line, last = 0, 0
    for found in _QUOTED.finditer(text):
        line, last = line + text.count("\n", last, found.start()), found.start()
        start = text.rfind("\n", 0, last) + 1
        if found["comment"] and not text[start:last].strip():
            numbers[line] = None
    return numbers


def _script_cell(options: str, lines: list[str], numbers: range, comments: dict[int, None]) -> Iterator[Cell]:
    if _PROSE.match(options):
        kind: Literal["code", "prose"] = "prose"
        body = [lines[number] for number in numbers]
    else:
        kind, body = "code", list(_with_magics(lines, numbers, comments))
    text = "\n".join(body).strip("\n")
    if _NOT_PYTHON.search(options):  # jupytext decides by them which of it runs, and as what: all of it counts
        text = f"%%{options.strip()}\n{text}"
    listed = _TAGS.search(options)
    if text:
        yield Cell(kind=kind, text=text, tags=frozenset(_WORD.findall(listed[1]) if listed else ()))


def _with_magics(lines: list[str], numbers: range, comments: dict[int, None]) -> Iterator[str]:
    goes_on = False
    for number in numbers:
        line = lines[number]
        body = line.lstrip()
        if number in comments and (goes_on or _COMMENTED_MAGIC.match(body)):
            goes_on = line.rstrip().endswith("\\")
            line = line[: len(line) - len(body)] + body.removeprefix("#").removeprefix(" ")
        else:
            goes_on = False
        yield line
