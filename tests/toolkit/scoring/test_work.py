"""What a run has done is known after any end of it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from roadworthy.errors import DataError
from roadworthy.scoring.work import Account, Facts, Run, Work

RUN = Run(
    source="in.csv", content="c", version="d:1", contract="h", threshold=0.5, output="out.csv", chunk_rows=10,
    request_rows=5, started=datetime(2026, 1, 1, tzinfo=UTC),
)  # fmt: skip


def test_a_run_that_has_begun_goes_on_as_it_was_laid_down(tmp_path: Path) -> None:
    with Work(tmp_path / "w", "out.csv") as work:
        assert work.begin(RUN) == (RUN, "")
        work.done(0, Facts(read=10, refused=1, unseen={"kind": 2}))
    later = RUN.model_copy(update={"chunk_rows": 99, "started": datetime(2026, 1, 2, tzinfo=UTC)})
    with Work(tmp_path / "w", "out.csv") as work:
        assert work.begin(later) == (RUN, "")
        assert work.facts(0) == Facts(read=10, refused=1, unseen={"kind": 2})
        assert work.facts(1) is None


@pytest.mark.parametrize(
    ("change", "words"),
    [({"content": "d"}, "the input"), ({"version": "d:2"}, "the version"), ({"threshold": 0.6}, "threshold")],
)
def test_a_change_begins_anew_and_is_said(tmp_path: Path, change: dict[str, object], words: str) -> None:
    other = RUN.model_copy(update=change)
    assert other.writer != RUN.writer or "threshold" in change
    with Work(tmp_path / "w", "out.csv") as work:
        work.begin(RUN)
        work.done(0, Facts(read=10))
        run, note = work.begin(other)
        assert (run, work.facts(0)) == (other, None)
        assert words in note


def test_what_was_finished_is_remembered_and_cleared(tmp_path: Path) -> None:
    account = Account(source="in.csv", output="out.csv", version="d:1", read=10, scored=10)
    with Work(tmp_path / "w", "out.csv") as work:
        work.begin(RUN)
        work.done(0, Facts(read=10))
        (work.folder / "00000000.parquet").write_bytes(b"rows")
        work.finish(account)
        assert {path.name for path in work.folder.iterdir()} == {".lock", "run.json", "account.json"}
        assert work.account() == account
        assert work.begin(RUN.model_copy(update={"content": "d"}))[1] == ""
        assert work.account() is None


def test_a_broken_note_is_none(tmp_path: Path) -> None:
    with Work(tmp_path / "w", "out.csv") as work:
        work.begin(RUN)
        (work.folder / "run.json").write_text("{")
        work.done(0, Facts())
        assert work.begin(RUN) == (RUN, "")
        assert work.facts(0) is None


def test_one_at_a_time(tmp_path: Path) -> None:
    with Work(tmp_path / "w", "out.csv"):
        other = Work(tmp_path / "w", "out.csv")
        with pytest.raises(DataError, match=r"out\.csv is being written by another"), other:
            pass
    with Work(tmp_path / "w", "out.csv"):
        pass


def test_facts_add_up() -> None:
    one, other = (
        Facts(read=3, refused=1, unseen={"a": 1}),
        Facts(read=2, unseen={"a": 1, "b": 2}, out_of_range={"x": 1}),
    )
    assert one + other == Facts(read=5, refused=1, unseen={"a": 2, "b": 2}, out_of_range={"x": 1})
