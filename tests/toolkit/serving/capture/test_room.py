"""What waits to be collected is known to every process, without asking a table."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from roadworthy.config import Config
from roadworthy.contract import Dataset
from roadworthy.records import now
from roadworthy.serving import capture
from roadworthy.serving.capture.room import Room, note_collected, noted
from roadworthy.tables import Tables


def test_an_empty_or_missing_folder_has_nothing_waiting(tmp_path: Path) -> None:
    assert capture.backlog(tmp_path) == capture.backlog(tmp_path / "missing") == capture.Backlog()


def test_the_oldest_line_that_waits_tells_the_lag(tmp_path: Path) -> None:
    for minutes, kind in ((1, "labels"), (5, "predictions"), (3, "shadow")):
        capture.Spool(tmp_path, kind).append({"received": now() - timedelta(minutes=minutes), "rows": []})  # type: ignore[arg-type]
    found = capture.backlog(tmp_path)
    assert found.waiting == sum(path.stat().st_size for path in tmp_path.glob("*.jsonl"))
    assert 300 <= found.lag < 360


def test_what_is_collected_waits_no_longer(
    config: Config, dataset: Dataset, tables: Tables, folder: Path, row: dict[str, object]
) -> None:
    spool = capture.Spool(folder, "predictions")
    for name in ("r1", "r2"):
        spool.append(capture.prediction_entry(name, "m:1", [row], [0.5], [True], seconds=0.01))
        assert capture.backlog(folder).waiting > 0
        found = capture.collect(config, dataset, tables)
        assert (found.predictions, found.waiting, found.lag) == (1, 0, 0.0)
    (file,) = folder.glob("predictions-*.jsonl")
    assert noted(folder) == {file.name: file.stat().st_size}
    spool.close()
    capture.collect(config, dataset, tables)
    assert noted(folder) == {}


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"a": null}', b'{"a": "x"}'])
def test_a_broken_note_is_as_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".collected.json").write_bytes(content)
    assert noted(tmp_path) == {}
    capture.Spool(tmp_path, "labels").append({"a": 1})
    assert capture.backlog(tmp_path) == capture.Backlog(waiting=8)


def test_a_full_room_is_free_again_once_its_lines_are_collected(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("roadworthy.serving.capture.room._LOOK_SECONDS", 0.0)
    (tmp_path / "predictions-1-a.jsonl").write_bytes(b"x" * 90)
    room = Room(tmp_path, 100)
    assert room.take(10)
    assert not room.take(11)
    note_collected(tmp_path, {"predictions-1-a.jsonl": 80})
    assert room.take(90)
    assert not room.take(91)


def test_between_two_looks_its_own_lines_are_counted(tmp_path: Path) -> None:
    room = Room(tmp_path, 100)
    assert [room.take(40), room.take(40), room.take(40), room.take(20), room.take(1)] == [
        True,
        True,
        False,
        True,
        False,
    ]
    assert all(Room(tmp_path, None).take(10**12) for _ in range(2))
