"""Feeds that are followed: a folder here, what stops a feed and what does not."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from roadworthy.config import QuarantinePolicy
from roadworthy.contract import Column, Dataset
from roadworthy.data.follow import Stop, follow
from roadworthy.errors import DataError, RoadworthyError
from roadworthy.records import Ingestion
from roadworthy.state import State
from roadworthy.tables import Tables

SMALL = Dataset(
    name="small",
    columns=(
        Column(name="id", type="string", role="identifier", required=True, unique=True),
        Column(name="x", type="number", role="feature", maximum=100),
    ),
)
FOLLOWER = """
import sys
from roadworthy.config import QuarantinePolicy
from roadworthy.contract import Dataset
from roadworthy.data.follow import follow
from roadworthy.state import State
from roadworthy.tables import Tables
folder, address, dataset = sys.argv[1:]
with State.open("sqlite://") as state:
    feed = follow(address, dataset=Dataset.model_validate_json(dataset), tables=Tables(folder), state=state,
                  policy=QuarantinePolicy(), every=0.05, stop=lambda: False, on_problem=print)
    for account in feed:
        print(account.rows, flush=True)
print("ended")
"""


class Reader:
    """Follows with one look at a time, and keeps what was told."""

    def __init__(self, address: str, tables: Tables, state: State, **options: Any) -> None:  # noqa: ANN401
        self.problems: list[tuple[str, RoadworthyError]] = []
        self.done = False
        self.feed = self._open(address, tables, state, lambda: self.done, options)

    def _open(
        self, address: str, tables: Tables, state: State, stop: Stop, options: dict[str, Any]
    ) -> Iterator[Ingestion]:
        policy = QuarantinePolicy(refuse_over=options.pop("refuse_over", 0.2))
        return follow(
            address,
            dataset=SMALL,
            tables=tables,
            state=state,
            policy=policy,
            every=0.01,
            stop=stop,
            on_problem=lambda name, error: self.problems.append((name, error)),
            **options,
        )

    def until(self, enough: Callable[[list[Ingestion]], bool]) -> list[Ingestion]:
        taken: list[Ingestion] = []
        while not enough(taken):
            taken.append(next(self.feed))
        return taken


@pytest.fixture
def tables(tmp_path: Path) -> Tables:
    return Tables(str(tmp_path / "tables"))


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "in"
    folder.mkdir()
    return folder


@pytest.fixture
def state() -> Iterator[State]:
    with State.open("sqlite://") as opened:
        yield opened


def write(file: Path, ids: str, x: float = 1) -> None:
    file.write_text("id,x\n" + "".join(f"{name},{x}\n" for name in ids))


def test_each_new_file_is_taken_once(inbox: Path, tables: Tables, state: State) -> None:
    write(inbox / "a.csv", "ab")
    reader = Reader(str(inbox), tables, state)
    assert [account.rows for account in reader.until(lambda taken: len(taken) == 1)] == [2]
    write(inbox / "b.csv", "cde")
    write(inbox / "copy.csv", "ab")
    found = reader.until(lambda taken: len(taken) == 2)
    assert sorted((Path(account.source).name, account.repeated) for account in found) == [
        ("a.csv", True),  # what copy.csv holds was taken from there
        ("b.csv", False),
    ]
    assert sorted(tables.read("small")["id"]) == list("abcde")
    assert reader.problems == []


def test_a_bad_file_is_told_once_and_taken_when_it_was_corrected(inbox: Path, tables: Tables, state: State) -> None:
    write(inbox / "a.csv", "ab", x=500)
    write(inbox / "b.csv", "cd")
    reader = Reader(f"{inbox}/*.csv", tables, state)
    assert [Path(account.source).name for account in reader.until(lambda taken: len(taken) == 1)] == ["b.csv"]
    write(inbox / "c.csv", "ef")
    reader.until(lambda taken: len(taken) == 1)
    assert [Path(name).name for name, _ in reader.problems] == ["a.csv"]
    write(inbox / "a.csv", "ab", x=5)
    assert [Path(account.source).name for account in reader.until(lambda taken: len(taken) == 1)] == ["a.csv"]


def test_a_file_that_still_changes_is_left_alone(inbox: Path, tables: Tables, state: State) -> None:
    file = inbox / "a.csv"
    write(file, "a")
    looks = 0

    def growing() -> bool:
        nonlocal looks
        looks += 1
        if looks < 20:
            with file.open("a") as stream:
                stream.write(f"{looks},1\n")
        return False

    feed = follow(
        str(inbox),
        dataset=SMALL,
        tables=tables,
        state=state,
        policy=QuarantinePolicy(),
        every=0.05,
        stop=growing,
        on_problem=lambda name, error: pytest.fail(str(error)),
    )
    account = next(feed)
    assert account.rows == 20


def test_an_event_stops_a_feed_at_once(inbox: Path, tables: Tables, state: State) -> None:
    stop = threading.Event()
    write(inbox / "a.csv", "a")
    feed = follow(
        str(inbox),
        dataset=SMALL,
        tables=tables,
        state=state,
        policy=QuarantinePolicy(),
        every=3600,
        stop=stop,
        on_problem=lambda name, error: pytest.fail(str(error)),
    )
    threading.Timer(0.3, stop.set).start()
    assert list(feed) == []


def test_a_folder_that_is_gone_for_a_while_does_not_end_the_feed(inbox: Path, tables: Tables, state: State) -> None:
    reader = Reader(f"{inbox}/*.csv", tables, state)
    inbox.rmdir()
    later = threading.Timer(0.3, lambda: (inbox.mkdir(), write(inbox / "a.csv", "a")))
    later.start()
    assert reader.until(lambda taken: len(taken) == 1)[0].rows == 1


@pytest.mark.parametrize(
    ("address", "options", "fact"),
    [
        ("-", {}, "Standard input cannot be followed"),
        ("sqlite://", {"query": "SELECT 1"}, "A query is followed by a column that rises"),
        ("a.parquet", {}, "only local .csv and .jsonl files grow"),
        ("memory://a.csv", {}, "only local .csv and .jsonl files grow"),
        ("sqlite://", {"query": "SELECT 'a' AS id, 1 AS x", "watermark": "id"}, "cannot be a watermark"),
    ],
)
def test_what_cannot_be_followed_is_named_at_once(
    tables: Tables, state: State, address: str, options: dict[str, str], fact: str
) -> None:
    with pytest.raises(DataError, match=fact):
        Reader(address, tables, state, **options)


@pytest.mark.slow
def test_ctrl_c_ends_it_cleanly(inbox: Path, tables: Tables) -> None:
    write(inbox / "a.csv", "abc")
    command = [sys.executable, "-c", FOLLOWER, tables.address, str(inbox), SMALL.model_dump_json()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "3\n"
        os.kill(process.pid, signal.SIGINT)
        out, problem = process.communicate(timeout=60)
    assert (out, problem, process.returncode) == ("ended\n", "", 0)
