"""The image of a bento: what `bentoml build` writes down for `bentoml containerize`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bentoml.images
from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from roadworthy.serving import installed

_PACKAGE = "roadworthy"
_AT_THE_DESK = "lab"  # the extra with JupyterLab's panels, for which a service has no use
_WHEELS = "wheels"  # below the bento's sources, where BentoML's own wheels go too
# [tool.bentoml.build] of pyproject.toml names the folder; made here, a volume that is mounted there gets its owner
_MAKE_HOME = 'install -d -m 0700 -o "$BENTO_USER" -g "$BENTO_USER" "${ROADWORTHY_HOME:-/var/lib/roadworthy}"'


class Image(bentoml.images.Image):  # type: ignore[misc]  # BentoML's types are not followed
    """BentoML's own image, with Roadworthy as it is installed and every package of the version that is installed."""

    python_requirements: str

    def freeze(self, bento_fs: Path, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401 - as BentoML calls it
        """Write a bento's requirements and its Dockerfile; called by `bentoml build`."""
        wheel = installed.pack(_PACKAGE, Path(__file__).parents[1], bento_fs / "src" / _WHEELS)
        self.python_requirements = requirements(self.python_requirements, f"./{_WHEELS}/{wheel.name}")
        self.build_include(_WHEELS)
        self.post_commands.append(_MAKE_HOME)
        return super().freeze(bento_fs, *args, **kwargs)


def describe() -> Image:
    """Return the image as a service names it; what pyproject.toml says of it is added by `bentoml build`."""
    image = Image()
    # BentoML makes a copy that begins with these: it would keep this base image, and install system packages twice
    image.base_image = ""
    image.commands.clear()
    return image


def requirements(asked: str, wheel: str) -> str:
    """Return the requirements of an image: the wheel, the versions installed here, and what only the project knows.

    Parameters
    ----------
    asked
        Lines as in a requirements file: those of the project.
    wheel
        Where Roadworthy's is.
    """
    known, others, extras = [Requirement("bentoml"), Requirement(_PACKAGE)], [], set[str]()
    for line in filter(None, map(str.strip, asked.splitlines())):
        try:
            wanted = Requirement(line)
        except InvalidRequirement:  # an option of pip's, a path
            others.append(line)
            continue
        known.append(wanted)
        extras |= wanted.extras if canonicalize_name(wanted.name) == _PACKAGE else set()
    known += _needs(extras)
    others += [str(each) for each in known if each.url or not installed.pins([each])]
    elsewhere = {_PACKAGE, *(canonicalize_name(each.name) for each in known if each.url)}
    pinned = [pin for pin in installed.pins(known) if pin.partition("==")[0] not in elsewhere]
    return "\n".join([wheel, *others, *pinned]) + "\n"


def _needs(asked: set[str]) -> list[Requirement]:
    """Return what Roadworthy's extras need: those asked for, and those of use to a service that this environment has.

    A wheel's line cannot name them: BentoML writes it in a way that uv does not read.
    """
    found = []
    for extra, needs in installed.extras(_PACKAGE).items():
        if extra in asked or (extra != _AT_THE_DESK and all(installed.pins([need]) for need in needs)):
            found += needs
    for need in found:
        need.marker = None  # it said of which extra it is
    return found
