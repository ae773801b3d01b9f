"""Versions as one file each at an address, from which services on other machines take them.

`bentoml models import` takes such a file too. Whoever can write to the archive still cannot put a model into a service:
a file is used only when its SHA-256 is the one on record in the state.
"""

from __future__ import annotations

import hashlib
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PureWindowsPath
from typing import Any

from roadworthy.config import Config
from roadworthy.errors import RegistryError
from roadworthy.records import ModelVersion
from roadworthy.registry import store

_SUFFIX = ".tar.gz"


def keep(config: Config, tag: str) -> str:
    """Write a version from BentoML's store into the archive; return the file's SHA-256, blank when there is no archive.

    Raises
    ------
    RegistryError
        When the archive cannot be written.
    """
    if not (address := config.archive_address):
        return ""
    folder = store.place(tag)
    with tempfile.TemporaryDirectory(dir=store.scratch()) as made:
        packed = Path(made) / "packed"
        with tarfile.open(packed, "w:gz") as archive:
            for file in sorted(folder.iterdir()):
                archive.add(file, file.name)
        with _file(address, tag, "written") as (system, path):
            system.makedirs(path.rpartition("/")[0], exist_ok=True)
            system.put_file(str(packed), path)
        return _sha256(packed)


def bring(config: Config, version: ModelVersion) -> None:
    """Have a version's files in BentoML's store, from the archive when they are not there yet.

    Of several processes that do so at once, each finds the whole version; where neither has it, nothing happens.

    Raises
    ------
    RegistryError
        When the archive cannot be read, or its file is not the one that was released.
    """
    place = store.place(version.tag)
    address = config.archive_address
    if place.is_dir() or not (address and version.archive_hash):
        return
    with tempfile.TemporaryDirectory(dir=store.scratch()) as made:
        packed, folder = Path(made) / "packed", Path(made) / "version"
        with _file(address, version.tag, "read") as (system, path):
            system.get_file(path, str(packed))
        if _sha256(packed) != version.archive_hash:
            raise RegistryError(
                f"The archive's file of {version.tag} is not the one that was released: its SHA-256 differs from the "
                "record.",
                "Restore it from a backup, or roll back to another version.",
            )
        _unpack(packed, folder, version.tag)
        place.parent.mkdir(parents=True, exist_ok=True)
        try:
            folder.rename(place)
        except OSError:
            if not place.is_dir():  # else another process was first, with the same files
                raise


def remove(config: Config, tag: str) -> None:
    """Remove a version's file from the archive, if there is one.

    Raises
    ------
    RegistryError
        When the archive cannot be written.
    """
    if not (address := config.archive_address):
        return
    with _file(address, tag, "written") as (system, path):
        if system.exists(path):
            system.rm_file(path)


@contextmanager
def _file(address: str, tag: str, act: str) -> Iterator[tuple[Any, str]]:
    """Give the file system and the path of a version's file; what goes wrong with it is told as one error."""
    from fsspec.core import url_to_fs  # a third of a second that no command should pay which opens no model

    try:
        system, root = url_to_fs(address)
        yield system, f"{root.rstrip('/')}/{tag.replace(':', '/')}{_SUFFIX}"
    except Exception as error:  # each driver of fsspec raises its own
        raise RegistryError(
            f"The archive's file of {tag} cannot be {act}: {store.reason(error)}.",
            "See that the place in `archive` of [tool.roadworthy.model], or in ROADWORTHY_ARCHIVE, can be reached.",
        ) from error


def _unpack(packed: Path, folder: Path, tag: str) -> None:
    """Write the archived files into a new folder: files alone, by plain names."""
    folder.mkdir()
    try:
        with tarfile.open(packed) as archive:
            for member in archive:
                content = archive.extractfile(member) if member.isfile() else None
                plain = PureWindowsPath(member.name).name == member.name != ".."  # it knows every system's separators
                if content is None or not plain:
                    raise RegistryError(
                        f"The archive's file of {tag} holds {member.name!r}, which is no plain file.",
                        "Do not use it; release the version again.",
                    )
                with (folder / member.name).open("xb") as target:
                    while part := content.read(1 << 20):
                        target.write(part)
    except (tarfile.TarError, EOFError, OSError) as error:
        raise RegistryError(
            f"The archive's file of {tag} cannot be unpacked: {store.reason(error)}.", "Release the version again."
        ) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
