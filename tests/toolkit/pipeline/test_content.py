from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from blake3 import blake3

from roadworthy.pipeline.content import Contents, content_hash, text_hash


def test_hashes_are_blake3_of_the_content_whatever_the_size(tmp_path: Path) -> None:
    for size in (0, 10, (1 << 20) + 7):
        content = os.urandom(size)
        (tmp_path / "file").write_bytes(content)
        assert content_hash(tmp_path / "file") == blake3(content).hexdigest()
    assert text_hash("é") == blake3("é".encode()).hexdigest()


def test_a_folder_s_hash_changes_with_names_and_contents(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    (folder / "deep").mkdir(parents=True)
    (folder / "deep/a").write_text("x")
    (folder / "b").write_text("y")
    hashes = {content_hash(folder)}
    (folder / "b").rename(folder / "c")
    hashes.add(content_hash(folder))
    (folder / "deep/a").write_text("z")
    hashes.add(content_hash(folder))
    assert len(hashes) == 3


def test_what_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        content_hash(tmp_path / "nothing")


KEPT = "contents.json"


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A file that was written long ago, as far as its own time says."""
    file = tmp_path / "file"
    file.write_text("one")
    return file


def kept(root: Path) -> str:
    path = root / KEPT
    return path.read_text() if path.exists() else ""


def test_a_fresh_file_is_read_each_time_and_an_old_one_once(old: Path) -> None:
    contents = Contents(old.parent / KEPT)
    assert contents.hash(old) == content_hash(old)
    contents.save()
    assert kept(old.parent) == ""  # it could still change within the same tick of the clock
    time.sleep(2.1)
    contents.hash(old)
    contents.save()
    assert content_hash(old) in kept(old.parent)
    again = Contents(old.parent / KEPT)
    old.chmod(0o600)  # a new change time, the same content
    assert again.hash(old) == content_hash(old)


def test_a_change_that_keeps_size_and_modification_time_is_seen(old: Path) -> None:
    time.sleep(2.1)
    contents = Contents(old.parent / KEPT)
    first, stamp = contents.hash(old), old.stat()
    old.write_text("two")
    os.utime(old, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert contents.hash(old) != first


@pytest.mark.parametrize("damaged", ["", "[1, 2]", '{"a": 3}', '{"a": [[1], "x"]}', "\x00"])
def test_a_damaged_memory_is_begun_anew(old: Path, damaged: str) -> None:
    (old.parent / KEPT).write_text(damaged)
    assert Contents(old.parent / KEPT).hash(old) == content_hash(old)
