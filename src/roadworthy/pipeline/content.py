"""Content hashes of files and folders, each file read once for as long as it does not change."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

from blake3 import blake3

_SMALL = 1 << 20
# A change within one tick of the file system's clock leaves the time stamps as they were, so a hash taken that soon
# after a change is not kept; the coarsest file systems in use tick every two seconds.
_TICK = 2_000_000_000
_Stamp = tuple[int, int, int, int]


def content_hash(path: Path) -> str:
    """Return the BLAKE3 hash of a file's content, or of a folder's file names and contents.

    Raises
    ------
    OSError
        When there is nothing at the path, or it cannot be read.
    """
    return Contents(None).hash(path)


def text_hash(text: str) -> str:
    """Return the BLAKE3 hash of a text.

    Examples
    --------
    >>> text_hash("road")[:8]
    '25dac0c8'
    """
    return blake3(text.encode()).hexdigest()


class Contents:
    """Hashes of files; a file whose size and times are as they were is not read again.

    Parameters
    ----------
    kept
        The file in which the hashes are kept from one build to the next; None keeps nothing.
    """

    def __init__(self, kept: Path | None) -> None:
        self._file = kept
        self._known = self._kept()
        self._changed = False

    def hash(self, path: Path) -> str:
        """Return the hash of a file or folder, as `content_hash`."""
        if path.is_dir():
            files = sorted(file for file in path.rglob("*") if file.is_file())
            return text_hash("\n".join(f"{file.relative_to(path).as_posix()} {self.hash(file)}" for file in files))
        found = path.stat()
        stamp = (found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino)
        name = str(path)
        if name in self._known and self._known[name][0] == stamp:
            return self._known[name][1]
        started = time.time_ns()
        content = _read(path, found.st_size)
        if max(found.st_mtime_ns, found.st_ctime_ns) + _TICK < started:
            self._known[name] = (stamp, content)
            self._changed = True
        return content

    def save(self) -> None:
        """Keep what was learnt for the next build; a folder that cannot be written is no reason to fail."""
        if self._file is None or not self._changed:
            return
        rows = {name: [list(stamp), content] for name, (stamp, content) in self._known.items()}
        keep(self._file, rows)
        self._changed = False

    def _kept(self) -> dict[str, tuple[_Stamp, str]]:
        try:
            rows = json.loads(self._file.read_text(encoding="utf-8")) if self._file else {}
            return {name: ((s[0], s[1], s[2], s[3]), str(content)) for name, (s, content) in rows.items()}
        except (OSError, ValueError, TypeError, IndexError, AttributeError):
            return {}  # not there yet, or damaged: everything is read once more


def keep(place: Path, learnt: object) -> None:
    """Write what was learnt into a file, as JSON, all of it or nothing; where that cannot be done, nothing happens."""
    aside = place.with_name(f"{place.name}.{os.getpid()}")
    try:
        aside.write_text(json.dumps(learnt), encoding="utf-8")
        aside.replace(place)
    except OSError:
        aside.unlink(missing_ok=True)


def _read(path: Path, size: int) -> str:
    if size < _SMALL:
        return blake3(path.read_bytes()).hexdigest()
    digest = blake3(max_threads=blake3.AUTO)
    digest.update_mmap(path)
    return digest.hexdigest()
