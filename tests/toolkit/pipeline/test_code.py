"""The code of a source by cell, and which changes of it count."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import jupytext
import nbformat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.errors import PipelineError
from roadworthy.pipeline import code

PERCENT = '''\
#!/usr/bin/env python
# ---
# jupyter:
#   kernelspec: {name: python3, display_name: Python 3}
# ---

# %% [markdown]
# # A title

# %% tags=["parameters"]
rows = 1
product = None

# %% tags=["injected-parameters"]
rows = 3

# %% Reading
text = """
# %% no marker, but text
"""

# %%
# %matplotlib inline
# a comment
print(text)
'''
LIGHT = """\
import json

# + tags=["parameters"]
rows = 1

product = None
# -

# Prose between the cells.

# + [markdown] slideshow={"slide_type": "slide"}
# More prose
# + {"tags": ["plot"]}
print(rows)
# -
"""


def _same(one: str, other: str) -> bool:
    return code.code_hash([one], cosmetic=False) == code.code_hash([other], cosmetic=False)


def _written(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


# --- reading ---------------------------------------------------------------------------------------------------------


def test_a_notebook_is_its_code_cells(tmp_path: Path, notebook: Callable[..., None]) -> None:
    path = tmp_path / "a.ipynb"
    notebook(path, "rows = 1", "rows = 3", "print(rows)")
    content = nbformat.read(path, as_version=4)
    content.cells[2].metadata["tags"] = ["injected-parameters"]
    content.cells[3].outputs = [nbformat.v4.new_output("stream", text="3")]
    nbformat.write(content, path)
    assert code.cells(path) == ("rows = 1", "print(rows)")
    assert code.parameters_cell(path)


def test_a_notebook_of_format_3_is_read(tmp_path: Path) -> None:
    path = tmp_path / "old.ipynb"
    old = nbformat.v3.new_worksheet(cells=[nbformat.v3.new_code_cell(input="x = 1"), nbformat.v3.new_text_cell("raw")])
    nbformat.write(nbformat.v3.new_notebook(worksheets=[old]), path, version=3)
    assert code.cells(path) == ("x = 1",)
    assert not code.parameters_cell(path)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"cells": 3}', '{"cells": [{"source": "x"}]}', "null"])
def test_a_broken_notebook_is_named(tmp_path: Path, text: str) -> None:
    path = _written(tmp_path / "broken.ipynb", text)
    with pytest.raises(PipelineError, match="is not a notebook") as refusal:
        code.read(path)
    assert str(path) in refusal.value.fact


def test_a_missing_source_is_named(tmp_path: Path) -> None:
    with pytest.raises(PipelineError, match=r"absent.py cannot be read"):
        code.read(tmp_path / "absent.py")


def test_a_percent_script_is_cut_at_its_markers(tmp_path: Path) -> None:
    path = _written(tmp_path / "a.py", PERCENT)
    assert code.parameters_cell(path)
    assert code.cells(path) == (
        "rows = 1\nproduct = None",
        'text = """\n# %% no marker, but text\n"""',
        "%matplotlib inline\n# a comment\nprint(text)",
    )


def test_a_light_script_is_cut_at_its_markers(tmp_path: Path) -> None:
    path = _written(tmp_path / "a.py", LIGHT)
    assert code.parameters_cell(path)
    cells = code.cells(path)
    assert cells == ("import json", "rows = 1\n\nproduct = None", "# Prose between the cells.", "print(rows)")


@pytest.mark.parametrize("text", [PERCENT, LIGHT])
@pytest.mark.parametrize("fmt", ["py:percent", "py:light"])
def test_scripts_hold_what_jupytext_reads_from_them(tmp_path: Path, text: str, fmt: str) -> None:
    original = jupytext.reads(text, fmt="py")
    path = _written(tmp_path / "again.py", jupytext.writes(original, fmt=fmt))
    as_notebook = _written(tmp_path / "a.ipynb", jupytext.writes(original, fmt="ipynb"))
    assert code.parameters_cell(path) == code.parameters_cell(as_notebook)
    meant = [code.normalised(cell) for cell in code.cells(path)]
    assert list(filter(None, meant)) == [code.normalised(cell) for cell in code.cells(as_notebook)]


@pytest.mark.parametrize(
    "comment",
    ["%timeit f()", "!ls", "ls data", "files = !ls", "print?", "!ls \\\n# -l", "%%bash"],
)
def test_a_commented_magic_counts_for_jupytext_runs_it(tmp_path: Path, comment: str) -> None:
    text = f"# %%\nx = 1\n# {comment}\n"
    path = _written(tmp_path / "a.py", text)
    (cell,) = jupytext.reads(text, fmt="py").cells
    assert code.cells(path) == (cell.source,)
    assert not _same(code.cells(path)[0], "x = 1")


def test_what_jupytext_runs_in_notebooks_only_or_in_other_languages_counts(tmp_path: Path) -> None:
    one = code.read(_written(tmp_path / "a.py", '# %% active="ipynb"\n# f(1)\n# %% language="bash"\n# ls'))
    other = code.read(_written(tmp_path / "b.py", '# %% active="ipynb"\n# f(2)\n# %% language="bash"\n# ls'))
    assert one.hash(cosmetic=False) != other.hash(cosmetic=False)


@pytest.mark.parametrize("name", ["a.py", "a.R", "a.sql", "a.md", "functions.py"])
def test_a_source_without_markers_is_one_cell(tmp_path: Path, name: str) -> None:
    path = _written(tmp_path / name, "\nx <- 1\n\ny <- 2\n")
    assert code.cells(path) == ("x <- 1\n\ny <- 2",)
    assert not code.parameters_cell(path)


def test_a_source_in_any_encoding_has_a_hash(tmp_path: Path) -> None:
    hashes = set()
    for content in (b"-- caf\xe9", b"-- caf\xe8", b"\xef\xbb\xbf-- cafe"):
        path = tmp_path / "a.sql"
        path.write_bytes(content)
        hashes.add(code.read(path).hash(cosmetic=False))
    assert len(hashes) == 3


def test_reading_code_imports_nothing_heavy() -> None:
    script = "import sys, roadworthy.pipeline.code; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.split()
    assert not {"ploomber", "jupytext", "nbformat", "IPython", "papermill"} & set(loaded)


# --- what counts -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 1  # type: int"),
        ("x = 1", "\n\nx = 1   \n# noqa\n"),
        ("f(a, b)", "f(\n    a,  # first\n    b,\n)"),
        ("x = a + b", "x = a \\\n    + b"),
        ("if x:\n    y = 1\n", "if x:\n  y = 1\n"),
        ("x = 'a'", 'x = ("a")'),
        ("x = 1\r\ny = 2", "x = 1\ny = 2"),
        ("%time f(1)\nx = 1", "%time f(1)\n# told by a comment\nx = 1  # and another"),
        ("files = !ls\nx = 1", "files = !ls\n\nx = 1  # one"),
        ("%%time\nx = 1", "%%time\nx = 1  # one"),
        ("for i in r:\n    %time f(i)", "for i in r:  # all\n    %time f(i)"),
        ("!ls \\\n  -l\nx = 1", "!ls \\\n  -l\nx = 1  # one"),
        ("print?\nx = 1", "print?\n# help\nx = 1"),
        ("await f()", "await f()  # at the top level, as in notebooks"),
    ],
)
def test_layout_and_comments_do_not_count(one: str, other: str) -> None:
    assert _same(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 2"),
        ("x = 1", "x = True"),
        ("x = 'a # b'", "x = 'a # c'"),
        ("x = '''a\n\nb'''", "x = '''a\nb'''"),
        ("x = '''a \nb'''", "x = '''a\nb'''"),
        ("if x:\n    y\nz", "if x:\n    y\n    z"),
        ("def f():\n    'one'", "def f():\n    'two'"),
        ("x", "x;"),
        ("x; y", "x; y;  # quiet"),
        ("%time f(1)", "%time f(1)  # a part of the magic"),
        ("!echo a #b", "!echo a #c"),
        ("!ls \\\n  # -l", "!ls \\\n  # -a"),
        ("%%bash\nls # a", "%%bash\nls # b"),
        ("%%writefile a.py\n# one", "%%writefile a.py\n# two"),
        ("files = !ls", "files = !ls -l"),
        ("x = '''\n%time\n'''\n!ls", "x = '''\n%time \n'''\n!ls"),
        ("no Python at all # one", "no Python at all # two"),
    ],
)
def test_all_else_counts(one: str, other: str) -> None:
    assert not _same(one, other)


def test_a_moved_cell_boundary_counts() -> None:
    together = code.code_hash(["x = 1\ny = 2"], cosmetic=False)
    assert together != code.code_hash(["x = 1", "y = 2"], cosmetic=False)
    assert together == code.code_hash(["# first", "x = 1\ny = 2", ""], cosmetic=False)


def test_code_too_deep_to_be_parsed_is_kept_as_it_is() -> None:
    deep = "-" * 100_000 + "1"
    assert code.normalised(deep) == deep
    chained = "+".join(["1"] * 3_000)
    assert code.normalised(f"{chained}   ") == chained
    long = f"x = 0x{'f' * 5_000}"
    assert code.normalised(long) == long


def test_code_with_odd_escapes_warns_of_nothing() -> None:
    assert _same(r"x = '\d'", r"x = '\d'  # digits")


def test_code_of_another_language_is_compared_as_text(tmp_path: Path, notebook: Callable[..., None]) -> None:
    path = tmp_path / "a.ipynb"
    hashes = []
    for line in ("x<-3", "x < -3"):
        notebook(path, line)
        content = json.loads(path.read_text())
        content["metadata"]["kernelspec"] = {"name": "ir", "display_name": "R", "language": "R"}
        path.write_text(json.dumps(content))
        hashes.append(code.read(path).hash(cosmetic=False))
    assert hashes[0] != hashes[1]
    assert _same("x<-3", "x < -3")  # in Python they are one


def test_prose_counts_when_asked_for_and_outputs_never(tmp_path: Path, notebook: Callable[..., None]) -> None:
    path = tmp_path / "a.ipynb"
    notebook(path, "x = 1", "print(x)")
    before = code.read(path)
    content = nbformat.read(path, as_version=4)
    content.cells[2].outputs = [nbformat.v4.new_output("stream", text="1")]
    content.cells[2].execution_count = 7
    nbformat.write(content, path)
    assert code.read(path).hash(cosmetic=True) == before.hash(cosmetic=True)
    content.cells[0].source = "# Another title"
    nbformat.write(content, path)
    after = code.read(path)
    assert after.hash(cosmetic=True) != before.hash(cosmetic=True)
    assert after.hash(cosmetic=False) == before.hash(cosmetic=False)


def test_where_the_parameters_are_counts(tmp_path: Path, notebook: Callable[..., None]) -> None:
    path = tmp_path / "a.ipynb"
    notebook(path, "x = 1", "y = 1")
    before = code.read(path)
    content = nbformat.read(path, as_version=4)
    content.cells[1].metadata["tags"], content.cells[2].metadata["tags"] = [], ["parameters"]
    nbformat.write(content, path)
    assert code.read(path).hash(cosmetic=False) != before.hash(cosmetic=False)


# --- laws ------------------------------------------------------------------------------------------------------------

_NAMES = st.sampled_from(["a", "b", "total"])
_VALUES = st.one_of(
    _NAMES,
    st.integers(0, 99).map(str),
    st.text("xy#%'\"\\\n é", max_size=4).map(repr),
    st.tuples(_NAMES, _NAMES).map(lambda pair: f"{pair[0]} + {pair[1]}"),
    st.tuples(_NAMES, _NAMES).map(lambda pair: f"f({pair[0]}, {pair[1]})"),
    st.text("xy# \n", max_size=4).map(lambda text: f"'''{text}'''"),
)
_SIMPLE = st.one_of(st.tuples(_NAMES, _VALUES).map(lambda pair: f"{pair[0]} = {pair[1]}"), _VALUES, st.just("pass"))
_HEADS = st.sampled_from(["if a:", "for b in total:", "def f(a, b):", "with a as b:"])


def _indented(head: str, body: list[str]) -> str:
    """A block; the indented lines of strings in it become longer, which is a program as good as any."""
    return "\n".join([head, *(f"    {line}" for statement in body for line in statement.split("\n"))])


_BLOCKS = st.recursive(
    _SIMPLE, lambda inner: st.tuples(_HEADS, st.lists(inner, min_size=1, max_size=3)).map(lambda it: _indented(*it))
)
_PROGRAMS = st.lists(_BLOCKS, min_size=1, max_size=5).map("\n".join)


def _decorated(program: str, choose: Callable[[], str]) -> str:
    """Put comments and blank lines wherever no string goes on over the line's end."""
    in_strings = {
        line
        for node in ast.walk(ast.parse(program))
        if isinstance(node, ast.Constant)
        for line in range(node.lineno, node.end_lineno or 0)
    }
    lines = program.split("\n")
    return "\n".join(
        line if number in in_strings else line + choose().replace("|", "\n") for number, line in enumerate(lines, 1)
    )


@given(_PROGRAMS, st.data())
def test_comments_and_blank_lines_never_count(program: str, data: st.DataObject) -> None:
    additions = st.sampled_from(["", "  # why", "  ", "|", "||# a note|", "  # noqa|    # deeper than the code"])
    decorated = _decorated(program, lambda: data.draw(additions))
    assert ast.dump(ast.parse(decorated)) == ast.dump(ast.parse(program))
    assert _same(program, decorated)


@given(_PROGRAMS, _PROGRAMS)
def test_hashes_are_equal_where_syntax_trees_are(one: str, other: str) -> None:
    assert _same(one, other) == (ast.dump(ast.parse(one)) == ast.dump(ast.parse(other)))


@given(_PROGRAMS, st.data())
def test_any_other_name_number_or_text_counts(program: str, data: st.DataObject) -> None:
    tree = ast.parse(program)
    nodes = [node for node in ast.walk(tree) if isinstance(node, ast.Name | ast.Constant | ast.arg)]
    if not nodes:
        assert "pass" in program
        return
    changed = data.draw(st.sampled_from(nodes))
    if isinstance(changed, ast.Constant):
        changed.value = [changed.value] if isinstance(changed.value, list) else f"{changed.value}!"
    elif isinstance(changed, ast.Name):
        changed.id += "_"
    else:
        changed.arg += "_"
    assert not _same(program, ast.unparse(tree))


@given(st.text("x= \n#%!?;'\"\\()", max_size=30), st.text("x= \n#%!?;'\"\\()", max_size=30))
def test_no_text_whatever_is_mistaken_for_another_program(one: str, other: str) -> None:
    if _same(one, other) and code.normalised(one).startswith("Module(") and "__magic__" not in code.normalised(one):
        assert ast.dump(ast.parse(one)) == ast.dump(ast.parse(other))
