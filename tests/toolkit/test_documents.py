from __future__ import annotations

import pytest

from roadworthy import documents


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("a: 1\nb: [", ", line 2", "did not find expected node content"),
        ("a: 1\na: 2", ", line 2", "the key 'a' is there twice"),
        ("a: !!python/object:os.system {}", ", line 1", "could not determine a constructor"),
    ],
)
def test_what_is_no_yaml_is_told_by_its_line(text: str, line: str, problem: str) -> None:
    with pytest.raises(documents.NotYaml) as refusal:
        documents.parse(text)
    assert refusal.value.line == line
    assert problem in refusal.value.problem


def test_the_same_key_in_two_mappings_is_fine() -> None:
    assert documents.parse("- {a: 1}\n- {a: 2}") == [{"a": 1}, {"a": 2}]
