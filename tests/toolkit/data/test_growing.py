"""A file that grows, read line by line, by processes that are killed."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from roadworthy.config import QuarantinePolicy
from roadworthy.contract import Column, Dataset
from roadworthy.data import growing
from roadworthy.data.growing import Broken, GrowingFile
from roadworthy.data.ingest import Intake
from roadworthy.errors import DataError, DataRefused
from roadworthy.state import State
from roadworthy.tables import Tables

SMALL = Dataset(
    name="small",
    columns=(
        Column(name="id", type="string", role="other", required=True),
        Column(name="x", type="number", role="feature", maximum=100),
    ),
)
DYING = """
import os, signal, sys
from roadworthy.config import QuarantinePolicy
from roadworthy.contract import Dataset
from roadworthy.data.growing import GrowingFile
from roadworthy.data.ingest import Intake
from roadworthy.state import State
from roadworthy.tables import Tables
folder, file, dataset, death, moment = sys.argv[1:]
append = Tables.append
def appended(self, name, rows, **where):
    if name == death and moment == "before":
        os.kill(os.getpid(), signal.SIGKILL)
    version = append(self, name, rows, **where)
    if name == death:
        os.kill(os.getpid(), signal.SIGKILL)
    return version
Tables.append = appended
with State.open("sqlite://") as state:
    intake = Intake(Dataset.model_validate_json(dataset), Tables(folder), state, QuarantinePolicy(refuse_over=1))
    list(GrowingFile(file, intake, print, None).poll())
"""


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[Intake]:
    with State.open("sqlite://") as state:
        yield Intake(SMALL, Tables(str(tmp_path / "tables")), state, QuarantinePolicy(refuse_over=1))


def added(file: Path, text: str) -> None:
    with file.open("a", newline="") as stream:
        stream.write(text)


def followed(file: Path, intake: Intake) -> tuple[GrowingFile, list[DataError]]:
    problems: list[DataError] = []
    return GrowingFile(str(file), intake, lambda name, error: problems.append(error), None), problems


def rows(feed: GrowingFile) -> list[int]:
    return [account.rows for account in feed.poll()]


def in_table(intake: Intake) -> list[str]:
    found: list[str] = sorted(intake.tables.read("small")["id"])
    return found


def test_only_whole_new_lines_are_taken(tmp_path: Path, intake: Intake) -> None:
    file = tmp_path / "feed.csv"
    feed, problems = followed(file, intake)
    with pytest.raises(DataError, match="does not exist"):
        rows(feed)
    for text, expected in (
        ("", []),
        ("id,", []),
        ("x\n", []),
        ("a,1", []),
        ("\nb,2\nc", [2]),
        (",3\n", [1]),
        ('"d\nd', []),
        ('",4\n\n', [1]),
        ("", []),
    ):
        added(file, text)
        assert rows(feed) == expected, text
    assert in_table(intake) == ["a", "b", "c", "d\nd"]
    assert rows(followed(file, intake)[0]) == []  # another process goes on where this one was
    assert problems == []


def test_json_lines_grow_too_and_equal_lines_are_all_taken(tmp_path: Path, intake: Intake) -> None:
    file = tmp_path / "feed.jsonl"
    feed, _ = followed(file, intake)
    for _ in range(3):
        added(file, '{"id": "a", "x": 1}\n')
        assert rows(feed) == [1]
    assert in_table(intake) == ["a"] * 3
    assert len({account.batch for account in intake.state.ingestions()}) == 3
    added(file, '{"id": "b"}\n[]\n')
    with pytest.raises(DataError, match="after byte 60, line 2 is not an object"):
        rows(feed)


def test_what_is_behind_is_caught_up_in_parts(tmp_path: Path, intake: Intake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(growing, "PART_BYTES", 40)
    file = tmp_path / "feed.csv"
    added(file, "id,x\n" + "".join(f"row{n},{n}\n" for n in range(20)))
    feed, _ = followed(file, intake)
    found = rows(feed)
    assert sum(found) == 20
    assert len(found) > 4
    assert in_table(intake) == sorted(f"row{n}" for n in range(20))
    added(file, "x" * 50)
    with pytest.raises(DataError, match="longer than 40 bytes"):
        rows(feed)


def test_lines_that_were_refused_wait_for_those_that_follow(tmp_path: Path, intake: Intake) -> None:
    strict = Intake(SMALL, intake.tables, intake.state, QuarantinePolicy(refuse_over=0.5))
    file = tmp_path / "feed.csv"
    added(file, "id,x\na,500\n")
    feed, _ = followed(file, strict)
    with pytest.raises(DataRefused):
        rows(feed)
    added(file, "b,1\n")
    assert rows(feed) == [2]
    assert in_table(intake) == ["b"]


def test_a_broken_line_is_named_and_nothing_is_lost(tmp_path: Path, intake: Intake) -> None:
    file = tmp_path / "feed.csv"
    added(file, "id,x\na,1\n")
    feed, _ = followed(file, intake)
    assert rows(feed) == [1]
    added(file, "b,2,3\n")
    with pytest.raises(DataError, match=r"feed\.csv after byte 9 .*line 1 has 3 values"):
        rows(feed)
    file.write_text("id,x\na,1\nb,2\n")
    assert rows(feed) == [1]


def test_another_file_in_its_place_is_noticed(tmp_path: Path, intake: Intake) -> None:
    file = tmp_path / "feed.csv"
    added(file, "id,x\na,1\nb,2\n")
    feed, problems = followed(file, intake)
    assert rows(feed) == [2]
    file.rename(tmp_path / "feed.csv.1")
    added(file, "id,x\n")
    assert rows(feed) == []
    added(file, "c,3\nd,4\ne,5\n")
    assert rows(feed) == [3]
    assert [error.fact for error in problems] == [
        f"{file} was replaced: its first row is another. It is read from its start; what the former file had after "
        "byte 13, if anything, was not read."
    ]
    assert rows(feed) == []
    assert len(problems) == 1


@pytest.mark.parametrize("content", ["id,x\na,1\n", "id,x\na,1\nbbbb,2\ncc,3\n"])
def test_a_file_that_was_cut_ends_the_feed(tmp_path: Path, intake: Intake, content: str) -> None:
    file = tmp_path / "feed.csv"
    added(file, "id,x\na,1\nb,2\n")
    feed, _ = followed(file, intake)
    assert rows(feed) == [2]
    file.write_text(content)
    with pytest.raises(Broken, match="was cut or rewritten: 13 bytes of it were taken"):
        rows(feed)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("death", "moment"), [("small_quarantine", "before"), ("small_quarantine", "after"), ("small", "after")]
)
def test_a_killed_feed_loses_nothing_and_doubles_nothing(
    tmp_path: Path, intake: Intake, death: str, moment: str
) -> None:
    file = tmp_path / "feed.csv"
    added(file, "id,x\na,1\nb,500\n")
    command = [sys.executable, "-c", DYING, intake.tables.address, str(file), SMALL.model_dump_json(), death, moment]
    assert subprocess.run(command, check=False, timeout=60).returncode == -signal.SIGKILL
    added(file, "c,3\nd,600\n")
    feed, problems = followed(file, intake)
    assert sum(rows(feed)) == (2 if death == "small" else 4)
    assert in_table(intake) == ["a", "c"]
    lines = intake.tables.read("small_quarantine")
    assert sorted(json.loads(line)["id"] for line in lines["content"]) == ["b", "d"]
    assert problems == []
