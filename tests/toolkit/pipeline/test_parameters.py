"""What a notebook's tagged cell declares, what pipeline.yaml gives, and the check of a value."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy.errors import PipelineError
from roadworthy.pipeline import parameters, spec
from roadworthy.records.lab import LabParameter


def declared(tmp_path: Path, cell: str, notebook: Callable[..., None]) -> dict[str, LabParameter]:
    notebook(tmp_path / "a.ipynb", cell)
    return {found.name: found for found in parameters.declared(tmp_path / "a.ipynb")}


@pytest.mark.parametrize(
    ("line", "kind", "optional", "choices", "default"),
    [
        ("x = 3", "integer", False, (), 3),
        ("x = -3", "integer", False, (), -3),
        ("x = 0.5", "number", False, (), 0.5),
        ("x = True", "boolean", False, (), True),
        ("x = 'a'", "text", False, (), "a"),
        ("x = None", "other", True, (), None),
        ("x = [1, 2]", "list", False, (), [1, 2]),
        ("x = (1, 2)", "list", False, (), [1, 2]),
        ("x = {'a': 1}", "mapping", False, (), {"a": 1}),
        ("x = {'a': {1: 2}}", "other", False, (), None),
        ("x = date(2013, 1, 1)", "other", False, (), None),
        ("x: int", "integer", False, (), None),
        ("x: int | None = None", "integer", True, (), None),
        ("x: Optional[float] = 1.5", "number", True, (), 1.5),
        ("x: typing.Union[int, float] = 2", "number", False, (), 2),
        ("x: list[str] = ['a']", "list", False, (), ["a"]),
        ("x: 'str | None' = 'a'", "text", True, (), "a"),
        ("x: Literal['a', 'b'] = 'a'", "choice", False, ("'a'", "'b'"), "a"),
        ("x: Literal['a', None] = None", "choice", True, ("'a'",), None),
        ("x: Literal[1, 2] | None = 2", "choice", True, ("1", "2"), 2),
        ("x: pd.Timestamp = 'a'", "other", False, (), "a"),
        ("x: int | str = 'a'", "other", False, (), "a"),
    ],
)
def test_a_line_says_what_a_parameter_is(
    tmp_path: Path, notebook: Callable[..., None], line: str, kind: str, optional: bool, choices: tuple[str, ...],
    default: object,
) -> None:  # fmt: skip
    found = declared(tmp_path, line, notebook)["x"]
    assert (found.type, found.optional, found.choices, found.default) == (kind, optional, choices, default)


def test_a_comment_is_the_help_and_what_is_no_parameter_is_left_out(
    tmp_path: Path, notebook: Callable[..., None]
) -> None:
    cell = (
        "from typing import Literal\n\n# The first day\n# that is learnt from\nstart = '2013'  \nrows = 3  # how many\n"
        "wide = [\n    1,  # inside\n]  # a list\nplain = '# no comment'\nupstream = {'a': 1}\n"
        "product = None\nx, y = 1, 2\n"
    )
    found = declared(tmp_path, cell, notebook)
    assert list(found) == ["start", "rows", "wide", "plain"]
    words = {name: parameter.help for name, parameter in found.items()}
    assert words == {"start": "The first day that is learnt from", "rows": "how many", "wide": "a list", "plain": ""}
    assert found["wide"].written.startswith("[\n")
    assert parameters.tagged_cell(tmp_path / "a.ipynb") == 1


def test_a_cell_that_is_no_python_is_told_with_its_line(tmp_path: Path, notebook: Callable[..., None]) -> None:
    with pytest.raises(PipelineError, match="line 2 of the cell"):
        declared(tmp_path, "a = 1\nb = ", notebook)


def test_a_notebook_without_such_a_cell_has_no_parameters(tmp_path: Path, notebook: Callable[..., None]) -> None:
    notebook(tmp_path / "a.ipynb", "a = 1", tagged=False)
    assert parameters.declared(tmp_path / "a.ipynb") == ()
    assert parameters.tagged_cell(tmp_path / "a.ipynb") is None


@given(st.text("ab=1:#[](){}\"'\\\n "))
def test_no_cell_makes_it_fail_otherwise_than_in_words(text: str) -> None:
    with contextlib.suppress(PipelineError):
        list(parameters._declared(text, Path("a.ipynb")))


def test_values_and_keys_come_from_pipeline_and_env(tiny: Path) -> None:
    pipeline = spec.read(tiny, {})
    assert pipeline is not None
    (rows,) = parameters.of_task(tiny, pipeline.task("first"), {})
    assert (rows.name, rows.default, rows.value, rows.key) == ("rows", 1, 3, "rows")
    (factor,) = parameters.of_task(tiny, pipeline.task("second"), {})
    assert (factor.default, factor.value, factor.key) == (1, 2, None)
    assert parameters.for_build(pipeline, tiny, {"rows": 7, "products": "elsewhere"}) == {
        "rows": "7",
        "products": "elsewhere",
    }


def test_a_parameter_may_go_by_another_name_than_its_key(tiny: Path) -> None:
    text = (tiny / "pipeline.yaml").read_text()
    (tiny / "pipeline.yaml").write_text(text.replace('rows: "{{rows}}"', 'number: "{{rows}}", text: "{{rows}} in all"'))
    pipeline = spec.read(tiny, {})
    assert pipeline is not None
    assert parameters.env_keys(tiny, "first") == {"number": "rows"}
    assert parameters.for_build(pipeline, tiny, {"number": 7}) == {"rows": "7"}
    with pytest.raises(PipelineError, match="given two values"):
        parameters.for_build(pipeline, tiny, {"number": 7, "rows": 8})
    with pytest.raises(PipelineError, match=r"No key of env\.yaml sets the parameter 'text'"):
        parameters.for_build(pipeline, tiny, {"text": "a"})


def test_a_secret_is_nowhere_told(tiny: Path) -> None:
    text = (tiny / "pipeline.yaml").read_text()
    (tiny / "pipeline.yaml").write_text(text.replace("factor: 2", 'factor: 2, key: "secret:db", plain: s3cr3t-words'))
    pipeline = spec.read(tiny, {})
    assert pipeline is not None
    found = {one.name: one for one in parameters.of_task(tiny, pipeline.task("second"), {"db": "s3cr3t-words"})}
    assert (found["key"].secret, found["key"].value, found["key"].written) == (True, None, "")
    assert found["plain"].value == "[secret db]"
    with pytest.raises(PipelineError) as refused:
        parameters.checked(tuple(found.values()), {"key": "hunter2"})
    assert "hunter2" not in str(refused.value)
    assert parameters.checked(tuple(found.values()), {"key": "secret:other"}) == {"key": "secret:other"}


CASES: list[tuple[str, Any, Any]] = [
    ("x = 3", 4, 4), ("x = 3", 4.0, 4), ("x = 0.5", 2, 2), ("x = True", False, False), ("x = 'a'", "b", "b"),
    ("x: int | None = 3", None, None), ("x: Literal['a', 'b'] = 'a'", "b", "b"), ("x: Literal[1, 2] = 1", "2", 2),
    ("x = [1]", [2], [2]), ("x = f()", {"any": "thing"}, {"any": "thing"}),
]  # fmt: skip
WRONG: list[tuple[str, Any, str]] = [
    ("x = 3", "4", "a whole number; it was given '4'"), ("x = 3", 4.5, "a whole number"),
    ("x = 3", True, "a whole number"),
    ("x = 3", None, "a whole number"), ("x: int | None = 3", "a", "a whole number, or nothing"),
    ("x = 0.5", "a", "a number"), ("x = True", 1, "true or false"), ("x = 'a'", 1, "a text"), ("x = [1]", 1, "a list"),
    ("x: Literal['a', 'b'] = 'a'", "c", "none of its choices"), ("x: Literal[1, 2] = 1", True, "none of its choices"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "value", "taken"), CASES)
def test_a_value_of_the_right_kind_is_taken(
    tmp_path: Path, notebook: Callable[..., None], line: str, value: object, taken: object
) -> None:
    found = parameters.checked(tuple(declared(tmp_path, line, notebook).values()), {"x": value})["x"]
    assert (found, type(found)) == (taken, type(taken))


@pytest.mark.parametrize(("line", "value", "words"), WRONG)
def test_a_value_of_another_kind_is_refused_in_words(
    tmp_path: Path, notebook: Callable[..., None], line: str, value: object, words: str
) -> None:
    with pytest.raises(PipelineError, match=words):
        parameters.checked(tuple(declared(tmp_path, line, notebook).values()), {"x": value})


def test_an_unknown_name_is_refused_with_those_that_there_are(tmp_path: Path, notebook: Callable[..., None]) -> None:
    with pytest.raises(PipelineError, match="no parameter 'y'") as refused:
        parameters.checked(tuple(declared(tmp_path, "x = 3", notebook).values()), {"y": 1})
    assert refused.value.next_step == "Use one of: x."
