"""What is seen of a column: its type, its few texts, what is missing and what comes twice."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from roadworthy.data.facts import Facts, look
from roadworthy.errors import DataError


def of(values: list[Any], **kind: Any) -> Facts:  # noqa: ANN401 - any dtype
    return look(pd.DataFrame({"x": pd.Series(values, **kind)}))[0]


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], "integer"),
        ([1.0, 2.0], "number"),
        ([1, None], "number"),  # pandas made floats of them, which tell nothing of what they were
        ([True, False], "boolean"),
        (["1", "2"], "integer"),
        (["0", "-1"], "integer"),
        (["1", "2.5"], "number"),
        (["1e3", ".5"], "number"),
        (["01", "10"], "string"),
        (["-01", "10"], "string"),
        (["00.5", "1"], "string"),
        (["12345678901234567890", "1"], "number"),
        (["+1", "2"], "string"),
        (["true", "FALSE"], "boolean"),
        (["0", "1"], "integer"),
        (["true", "1"], "string"),
        (["yes", "no"], "string"),
        (["2013-01-31", "2013-02-01T10:00"], "timestamp"),
        (["2013-01-31T10:00:00+05:00", "2013-01-31 10:00:00.5Z"], "timestamp"),
        (["2013-01-31T10:00Z-UA1-EWR", "2013-01-31"], "string"),
        (["2013-02-31", "2013-01-31"], "string"),
        (["2013", "2014"], "integer"),
        (["2013-01", "2013-02"], "string"),
        (["nan", "NA"], "string"),
        (["inf", "1"], "string"),
        ([None, None], "string"),
        ([date(2013, 1, 31), None], "timestamp"),
        ([pd.Timestamp("2013-01-31"), pd.NaT], "timestamp"),
        ([True, None, "false"], "boolean"),
        ([1, "2"], "integer"),
        ([1, "2.5", None], "number"),
        ([2**63, 1], "number"),
        ([2**70, 1], "number"),
    ],
)
def test_types(values: list[Any], kind: str) -> None:
    assert of(values).settled == kind


def test_digits_are_never_lost() -> None:
    large = str(2**53 + 1)
    assert of([large, "1"]).settled == "integer"
    assert of([large, None]).settled == "string"  # with gaps it would be kept as a float
    assert of([2**53 + 1, None], dtype="Int64").settled == "number"
    assert not of([large, "1"]).exact
    assert of(["1", "2"]).exact


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (["a", "b"] * 10, ("a", "b")),
        (["a", "b"] * 9, ()),  # too few rows for each
        ([str(number % 50) + "x" for number in range(500)], tuple(sorted(f"{number}x" for number in range(50)))),
        ([str(number % 51) + "x" for number in range(510)], ()),
    ],
)
def test_categories_are_few_and_come_often(texts: list[str], expected: tuple[str, ...]) -> None:
    assert of(texts).categories == list(expected)


def test_text_is_kept_up_to_a_number_only() -> None:
    many = of([f"text {number % 2000}" for number in range(30_000)])
    assert (many.scattered, many.categories, many.texts) == (True, [], None)
    assert of([f"text {number % 900}" for number in range(30_000)]).scattered is False


def test_a_value_that_comes_twice_in_different_chunks_is_not_unique() -> None:
    chunks = [pd.DataFrame({"x": ["a", "b"]}), pd.DataFrame({"x": ["c", "a"]})]
    assert not look(chunks)[0].unique
    apart = [pd.DataFrame({"x": ["a", "b"]}), pd.DataFrame({"x": ["c", "d"]})]
    assert look(iter(apart))[0].unique


def test_chunks_may_be_cells_and_lack_what_they_have_no_value_of() -> None:
    chunks = [{"a": pa.array([1, 2])}, {"a": pa.array([3]), "b": pa.array(["x"])}, {"b": pa.array(["y"])}]
    found = {facts.name: (facts.settled, facts.rows, facts.missing) for facts in look(chunks, gaps=True)}
    assert found == {"a": ("integer", 4, 1), "b": ("string", 4, 2)}
    with pytest.raises(DataError, match="change on the way"):
        look(chunks)


@pytest.mark.parametrize("nothing", [[None, None], [float("nan")] * 2, ["NA", ""]])
@pytest.mark.parametrize("texts", [["1", "x"], ["1", "2"], ["x", "1"]])
def test_a_chunk_that_says_nothing_changes_nothing(nothing: list[Any], texts: list[str]) -> None:
    chunks = [pd.DataFrame({"x": nothing}), *(pd.DataFrame({"x": [text]}) for text in texts)]
    kind = look(chunks)[0].settled
    assert kind == of([*nothing, *texts], dtype="object").settled
    assert kind == ("string" if "x" in texts else "integer")
