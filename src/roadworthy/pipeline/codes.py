"""Hashes of the code of sources, kept from one build, or one look, to the next: to parse a notebook takes its time."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from roadworthy.pipeline import code
from roadworthy.pipeline.content import Contents, content_hash, keep

_Known = tuple[str, bool, str]  # the content that was read, whether layout counted, the hash


class Codes:
    """Hashes of code; a source whose content is as it was is not parsed again.

    Parameters
    ----------
    place
        The file in which they are kept. What another version of Python, or of how code is read, has left is not used.
    contents
        Tells the sources' content.
    """

    def __init__(self, place: Path, contents: Contents) -> None:
        self._file = place
        self._contents = contents
        self._reader = f"{sys.version_info.major}.{sys.version_info.minor} {content_hash(Path(code.__file__))}"
        self._known = self._kept()
        self._changed = False
        self._read: dict[Path, str] = {}

    def hash(self, source: Path, *, cosmetic: bool) -> str:
        """Return the hash of a source's code.

        Raises
        ------
        PipelineError
            When there is no such file, or a notebook is not one.
        """
        content, name = self._content(source), str(source)
        known = self._known.get(name)
        if content and known is not None and known[:2] == (content, cosmetic):
            return known[2]
        found = code.read(source).hash(cosmetic=cosmetic)
        if content and self._content(source) == content:  # otherwise it was written while it was read
            self._known[name] = (content, cosmetic, found)
            self._changed = True
        return found

    def expect_readable(self, source: Path) -> None:
        """Raise as `hash` does where a source cannot be read; nothing is parsed."""
        content = self._content(source)
        if not content or self._read.get(source) != content:
            code.read(source)
            self._read[source] = content

    def save(self) -> None:
        """Keep what was learnt; a folder that cannot be written is no reason to fail."""
        if self._changed:
            keep(self._file, {"reader": self._reader, "codes": self._known})
            self._changed = False

    def _content(self, source: Path) -> str:
        try:
            return self._contents.hash(source)
        except OSError:
            return ""

    def _kept(self) -> dict[str, _Known]:
        try:
            found = json.loads(self._file.read_text(encoding="utf-8"))
            if found["reader"] != self._reader:
                return {}
            return {name: (str(row[0]), bool(row[1]), str(row[2])) for name, row in found["codes"].items()}
        except (OSError, ValueError, TypeError, LookupError, AttributeError):
            return {}  # not there yet, or damaged: everything is parsed once more
