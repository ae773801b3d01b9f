"""A source is parsed once for as long as its content stays, and never taken for what it was."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from roadworthy.errors import PipelineError
from roadworthy.pipeline import code
from roadworthy.pipeline.codes import Codes
from roadworthy.pipeline.content import Contents

KEPT = "codes.json"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "task.py"
    file.write_text("x = 1\n")
    return file


def opened(root: Path) -> Codes:
    return Codes(root / KEPT, Contents(root / "contents.json"))


def rewrite(root: Path, **changes: object) -> None:
    """Change what is kept, as nothing of ours does: whoever then says the same has read the file."""
    found = json.loads((root / KEPT).read_text())
    (root / KEPT).write_text(json.dumps(found | changes))


def kept(root: Path) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = json.loads((root / KEPT).read_text())["codes"]
    return found


def test_what_was_learnt_is_not_parsed_again(source: Path) -> None:
    codes = opened(source.parent)
    expected = code.read(source).hash(cosmetic=False)
    assert codes.hash(source, cosmetic=False) == expected
    codes.save()
    (row,) = kept(source.parent).values()
    assert row[2] == expected
    rewrite(source.parent, codes={str(source): [*row[:2], "as kept"]})
    again = opened(source.parent)
    assert again.hash(source, cosmetic=False) == "as kept"
    assert again.hash(source, cosmetic=True) == code.read(source).hash(cosmetic=True)


def test_nothing_learnt_is_nothing_written(source: Path) -> None:
    codes = opened(source.parent)
    codes.hash(source, cosmetic=False)
    codes.save()
    (source.parent / KEPT).unlink()
    codes.hash(source, cosmetic=False)
    codes.save()
    assert not (source.parent / KEPT).exists()


def test_a_change_that_keeps_size_and_time_is_seen_within_and_after_a_restart(source: Path) -> None:
    codes, stamp = opened(source.parent), source.stat()
    first = codes.hash(source, cosmetic=False)
    codes.save()
    source.write_text("x = 2\n")
    os.utime(source, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    second = code.read(source).hash(cosmetic=False)
    assert second != first
    assert codes.hash(source, cosmetic=False) == second
    assert opened(source.parent).hash(source, cosmetic=False) == second


def test_the_same_text_as_another_kind_of_source_is_another_matter(source: Path) -> None:
    other = source.with_suffix(".sql")
    other.write_text(source.read_text())
    codes = opened(source.parent)
    assert codes.hash(source, cosmetic=False) != codes.hash(other, cosmetic=False)


@pytest.mark.parametrize(
    "damage",
    [
        lambda root: rewrite(root, reader="3.9 of long ago"),
        lambda root: rewrite(root, codes={str(root / "task.py"): ["x"]}),
        lambda root: rewrite(root, codes=[1]),
        lambda root: (root / KEPT).write_text("[1, 2]"),
        lambda root: (root / KEPT).write_text(""),
    ],
)
def test_what_another_reader_left_or_is_damaged_is_not_used(source: Path, damage: Callable[[Path], object]) -> None:
    codes = opened(source.parent)
    expected = codes.hash(source, cosmetic=False)
    codes.save()
    ((name, row),) = kept(source.parent).items()
    rewrite(source.parent, codes={name: [*row[:2], "as kept"]})
    damage(source.parent)
    assert opened(source.parent).hash(source, cosmetic=False) == expected


def test_what_cannot_be_read_is_named_each_time(source: Path) -> None:
    codes, notebook = opened(source.parent), source.with_suffix(".ipynb")
    for _ in range(2):
        with pytest.raises(PipelineError, match="cannot be read"):
            codes.hash(notebook, cosmetic=False)
    notebook.write_text("{")
    for read in (codes.expect_readable, partial(codes.hash, cosmetic=False)):
        for _ in range(2):
            with pytest.raises(PipelineError, match="is not a notebook"):
                read(notebook)
    notebook.write_text('{"cells": []}')
    codes.expect_readable(notebook)
