"""What the environment that builds a bento has installed: the versions of its packages, and this package as a wheel.

A model answers as at its release only with the packages that it was released with, so an image gets those, by name and
version. Roadworthy itself may have come from a file or a checkout, which no index knows: it is packed anew, from the
very files that are running.
"""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Iterable, Iterator
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from roadworthy.errors import ServingError

_LINUX = {"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix"}  # what images are, built anywhere
_KEPT_METADATA = ("METADATA", "WHEEL", "entry_points.txt", "LICENSE")
_BEGINNING = (1980, 1, 1, 0, 0, 0)  # of time, as a zip file has it: the same files make the same wheel


def pins(requirements: Iterable[Requirement]) -> list[str]:
    """Return ``name==version`` for each installed package that the requirements need on Linux, directly or not.

    What is not installed here is left out: its name alone says nothing of a version.

    Examples
    --------
    >>> pins([Requirement("certifi")])[0].startswith("certifi==")
    True
    """
    found: dict[str, str] = {}
    seen: set[tuple[str, str]] = set()
    waiting = list(requirements)
    while waiting:
        wanted = waiting.pop()
        name = canonicalize_name(wanted.name)
        if (distribution := _installed(name)) is None:
            continue
        found[name] = f"{name}=={Version(distribution.version).public}"
        for extra in {"", *wanted.extras} - {extra for known, extra in seen if known == name}:
            seen.add((name, extra))
            waiting += _needs(distribution, extra)
    return sorted(found.values())


def extras(name: str) -> dict[str, list[Requirement]]:
    """Return what each extra of an installed package needs beside what the package needs by itself."""
    distribution = _installed(name)
    if distribution is None:
        return {}
    plain = set(map(str, _needs(distribution, "")))
    return {
        extra: [need for need in _needs(distribution, extra) if str(need) not in plain]
        for extra in distribution.metadata.get_all("Provides-Extra") or ()
    }


def pack(name: str, package: Path, folder: Path) -> Path:
    """Write an installed package of pure Python into a folder, as a wheel, and return its path.

    Parameters
    ----------
    package
        The folder that it is imported from: for a checkout that is not where it is installed.

    Raises
    ------
    ServingError
        When it is not installed.
    """
    distribution = _installed(name)
    if distribution is None:
        raise ServingError(f"{name} is not installed here.", "Install it with pip, then build again.")
    stem = f"{name}-{distribution.version}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{stem}-py3-none-any.whl"
    record = f"{stem}.dist-info/RECORD"
    lines = []
    with zipfile.ZipFile(path, "w") as wheel:
        for member, source in sorted(_members(distribution, package)):
            content = source.read_bytes()
            wheel.writestr(_entry(member), content)
            digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
            lines.append(f"{member},sha256={digest},{len(content)}\n")
        wheel.writestr(_entry(record), "".join(lines) + f"{record},,\n")
    return path


def _members(distribution: metadata.Distribution, package: Path) -> Iterator[tuple[str, Path]]:
    """Yield the name in the wheel and the place of each file of a package."""
    for file in package.rglob("*"):
        if file.is_file() and "__pycache__" not in file.parts:
            yield (Path(package.name) / file.relative_to(package)).as_posix(), file
    for listed in distribution.files or ():
        described = listed.parts[0].endswith(".dist-info") and listed.name in _KEPT_METADATA
        if described or listed.name == f"{package.name}.pth":
            yield listed.as_posix(), Path(str(distribution.locate_file(listed)))


def _entry(member: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(member, _BEGINNING)
    entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
    return entry


def _installed(name: str) -> metadata.Distribution | None:
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None


def _needs(distribution: metadata.Distribution, extra: str) -> list[Requirement]:
    needed = map(Requirement, distribution.requires or ())
    return [each for each in needed if each.marker is None or each.marker.evaluate(_LINUX | {"extra": extra})]
