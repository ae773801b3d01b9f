"""Spool files are read in bounded batches, and what is set aside of them is bounded too."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from roadworthy.contract import Column
from roadworthy.serving import capture, schema
from roadworthy.serving.capture import files


@pytest.fixture
def spooled(tmp_path: Path) -> Path:
    path = tmp_path / "labels-1-a.jsonl"
    path.write_bytes(b"".join(b'{"labels":[["r",%d,true]]}\n' % number for number in range(10)))
    return path


@pytest.mark.parametrize("start", [0, 3])
@pytest.mark.parametrize(("most", "sizes"), [(1, 1), (4, 2), (1000, 10)])
def test_batches_hold_whole_lines_and_end_where_the_next_begins(
    spooled: Path, start: int, most: int, sizes: int
) -> None:
    lines = spooled.read_bytes().splitlines(keepends=True)
    position = sum(map(len, lines[:start]))
    with spooled.open("ab") as file:
        file.write(b'{"half')
    found = list(files.batches(spooled, "labels", position, most))
    assert [line for batch in found for _, line in batch.lines] == lines[start:]
    assert max(len(batch.lines) for batch in found) == min(sizes, 10 - start)
    assert found[-1].end == sum(map(len, lines))
    content = spooled.read_bytes()
    assert all(content[offset:].startswith(line) for batch in found for offset, line in batch.lines)


def test_a_batch_is_bounded_by_its_bytes_too(spooled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_BATCH_BYTES", 60)
    assert max(len(batch.lines) for batch in files.batches(spooled, "labels", 0, 10**6)) == 3


@pytest.mark.parametrize("rows", [3, 200])
def test_the_rows_of_a_line_are_never_thought_fewer_than_they_are(tmp_path: Path, rows: int) -> None:
    held = schema.columnar((Column(name="x", type="number", role="feature"),), [{"x": 1.0}] * rows)
    entry = capture.prediction_entry("r", "m:1", held, [0.5] * rows, [True] * rows, seconds=0.1)
    with closing(capture.Spool(tmp_path, "predictions")) as spool:
        spool.append(entry)
    (path,) = tmp_path.glob("*.jsonl")
    (batch,) = files.batches(path, "predictions", 0, 10**6)
    assert rows <= batch.rows <= rows + 10


def test_a_file_is_removed_when_it_was_read_to_its_end(spooled: Path) -> None:
    size = spooled.stat().st_size
    assert not files.removed_if_done(spooled, size - 10)
    assert files.removed_if_done(spooled, size)
    assert not spooled.exists()


def test_what_is_set_aside_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_BAD_BYTES", 1000)
    monkeypatch.setattr(files, "_BAD_LINE_BYTES", 100)
    for number in range(50):
        files.set_aside(tmp_path / "labels-1-a.jsonl", number, b"%03d" % number + b"x" * 10_000, "broken")
    found = sorted(tmp_path.iterdir())
    assert [path.name for path in found] == ["bad.1.jsonl", "bad.jsonl"]
    assert sum(path.stat().st_size for path in found) < 3000
    kept = [json.loads(line) for path in found for line in path.read_text().splitlines()]
    assert kept[-1]["offset"] == 49  # the newest are kept
    assert {len(entry["line"]) for entry in kept} == {100}
