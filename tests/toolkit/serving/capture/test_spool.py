"""Lines are in the spool whole or not at all, and only as many as there is room for."""

from __future__ import annotations

import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from roadworthy.errors import ServingError
from roadworthy.serving.capture import KINDS, Spool


def _lines(folder: Path) -> list[dict[str, object]]:
    return [orjson.loads(line) for path in folder.glob("*.jsonl") for line in path.read_bytes().splitlines()]


def test_each_kind_has_files_of_its_own(tmp_path: Path) -> None:
    for kind in KINDS:
        Spool(tmp_path, kind).append({"kind": kind})
    assert {path.name.partition("-")[0] for path in tmp_path.glob("*.jsonl")} == set(KINDS)
    assert {path.stat().st_mode & 0o777 for path in tmp_path.glob("*.jsonl")} == {0o600}


def test_several_lines_are_appended_in_their_order(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "predictions")
    spool.append_all([{"n": 0}, {"n": 1}], durable=True)
    spool.append_all([])
    spool.append_all([{"n": 2}])
    assert _lines(tmp_path) == [{"n": 0}, {"n": 1}, {"n": 2}]


def test_lines_of_several_threads_do_not_mix(tmp_path: Path) -> None:
    spool = Spool(tmp_path, "predictions", file_bytes=2000)

    def write(thread: int) -> None:
        for number in range(50):
            spool.append_all([{"thread": thread, "number": number, "part": part, "text": "x" * 100} for part in (0, 1)])

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = {(line["thread"], line["number"], line["part"]) for line in _lines(tmp_path)}
    assert found == {(thread, number, part) for thread in range(4) for number in range(50) for part in (0, 1)}


def test_a_full_spool_takes_no_more(tmp_path: Path) -> None:
    spool, other = Spool(tmp_path, "predictions", most_bytes=100), Spool(tmp_path, "labels", most_bytes=100)
    spool.append({"text": "x" * 50})
    with pytest.raises(ServingError, match="The spool is full: 100 bytes") as told:
        spool.append({"text": "x" * 50})
    assert "most_bytes" in told.value.next_step
    with pytest.raises(ServingError, match="full"):  # the bound is that of the folder
        other.append({"text": "x" * 50})
    other.append({"text": "x"})
    assert len(_lines(tmp_path)) == 2


@contextmanager
def _files_of_at_most(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    former = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, former)


@pytest.mark.parametrize("fits", [0, 5, 25])
def test_what_does_not_fit_on_the_disk_is_cut_off_and_told(tmp_path: Path, fits: int) -> None:
    spool = Spool(tmp_path, "predictions")
    spool.append({"n": 0})
    (file,) = tmp_path.glob("*.jsonl")
    whole = file.stat().st_size
    # as on a full disk: the system writes some bytes, here nothing, half a line, and two lines and a half
    with _files_of_at_most(whole + fits), pytest.raises(ServingError, match="cannot be written"):
        spool.append_all([{"n": 1}, {"n": 2}, {"n": 3}, {"n": 4}])
    assert file.stat().st_size == whole
    spool.append({"n": 5})
    assert _lines(tmp_path) == [{"n": 0}, {"n": 5}]


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file")
    with pytest.raises(ServingError, match="cannot be written") as told:
        Spool(tmp_path / "spool", "labels").append({"n": 0})
    assert told.value.next_step.startswith("Make room")
