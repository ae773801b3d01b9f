from __future__ import annotations

import pytest

from roadworthy.terminal.progress import BuildDisplay, rows_taken


def test_piped_a_build_is_told_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    with BuildDisplay() as display:
        display.take({"event": "waiting", "task": "", "reason": "Waiting for another build of this project to end."})
        display.take({"event": "fresh", "task": "ingest", "total": 3})
        display.take({"event": "started", "task": "train", "total": 3, "reason": "its code changed"})
        display.take({"event": "retried", "task": "train", "total": 3, "reason": "Task 'train' failed."})
        display.take({"event": "done", "task": "train", "total": 3, "seconds": 1.25})
        display.take({"event": "failed", "task": "evaluate", "total": 3, "seconds": 2})
    assert capsys.readouterr().err.splitlines() == [
        "Waiting for another build of this project to end.",
        "train: runs, its code changed",
        "train: Task 'train' failed. It is tried again.",
        "train: done in 1.2 s",
        "evaluate: failed after 2.0 s",
    ]


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with BuildDisplay(quiet=True) as display:
        display.take({"event": "done", "task": "train", "total": 1, "seconds": 1})
    with rows_taken("a.csv", quiet=True) as progress:
        assert progress is None
    said = capsys.readouterr()
    assert said.out + said.err == ""
