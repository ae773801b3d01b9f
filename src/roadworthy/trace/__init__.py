"""Where something came from: a product, a model version, a bento or a served request, back to the raw data.

What is told comes from records that were made when things happened, never from what the files are called today. Where
a file is no longer what was recorded, that is said, and what is known of its content.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from roadworthy import registry
from roadworthy.errors import PipelineError, UnknownVersion
from roadworthy.pipeline import lineage
from roadworthy.project import Project
from roadworthy.serving import bentos
from roadworthy.trace.served import Served
from roadworthy.trace.tree import Trace

__all__ = ["Trace", "trace"]

_PREFIXES = ("product", "version", "bento", "request")
_Found = Callable[[], Trace]


def trace(project: Project, what: str) -> Trace:
    """Return where something came from.

    Parameters
    ----------
    project
        The project.
    what
        A product's path (absolute, or relative to the current folder or the root), a model version (as for
        `registry.resolve`), a bento's tag, or the id of a served request. ``product:``, ``version:``, ``bento:`` or
        ``request:`` before it says which is meant.

    Returns
    -------
    Trace
        The thing itself; what it came from are its parents, and so on back to raw data.

    Raises
    ------
    PipelineError
        When nothing goes by that name, or several things do.
    UnknownVersion
        When it is said to be a version, and none or several go by that name.
    """
    prefix, _, rest = what.partition(":")
    only = prefix if prefix in _PREFIXES and rest else None
    found = dict(_meant(project, rest if only else what, only))
    if not found:
        raise _nothing(rest if only else what, only)
    if len(found) > 1:
        told = " and a ".join("model version" if kind == "version" else kind for kind in found)
        names = " or ".join(f"{kind}:{what}" for kind in found)
        raise PipelineError(f"{what!r} is the name of a {told}.", f"Say which you mean: {names}.")
    (follow,) = found.values()
    return follow()


def _meant(project: Project, name: str, only: str | None) -> Iterator[tuple[str, _Found]]:
    """Yield each thing that goes by a name, with what follows it back."""
    from roadworthy.serving import answers  # with pyarrow and deltalake, which `roadworthy runs` does without

    some = False
    for kind, find in (("product", _product), ("version", _version), ("bento", _bento)):
        if only in (None, kind) and (found := find(project, name, sure=only is not None)) is not None:
            some = True
            yield kind, found
    # to look for a request means to read a table: only where it may be one
    if only == "request" or (only is None and (not some or answers.looks_like_ours(name))):
        answer = answers.find(project.config.path(project.config.settings.spool), project.tables, name)
        if answer is not None:
            yield "request", lambda: Served(project).request(answer)


def _product(project: Project, name: str, *, sure: bool) -> _Found | None:
    """Find a product by its path; what lies inside a folder that is a product belongs to it."""
    for start in dict.fromkeys((Path.cwd(), project.root)):
        try:
            path = (start / name).resolve()
            there = path.exists()
        except (OSError, ValueError):  # no name that a file can have
            continue
        for candidate in (path, *path.parents) if there or sure else (path,):
            makers = project.state.makers_of(lineage.below(project.root, candidate))
            if makers:
                return lambda makers=makers: Served(project).product(makers)  # type: ignore[misc]
    return None


def _version(project: Project, name: str, *, sure: bool) -> _Found | None:
    try:
        version = registry.resolve(project.state, name)
    except UnknownVersion:
        if sure:
            raise
        return None
    return lambda: Served(project).version(version)


def _bento(project: Project, name: str, *, sure: bool) -> _Found | None:
    settings = project.config.settings
    bento = bentos.find(name, settings.contract)
    if bento is None or (bento.project != settings.name and not sure):
        return None
    if bento.project != settings.name:
        other = f"project {bento.project!r}" if bento.project else "something else"
        raise PipelineError(
            f"Bento {bento.tag} was built from {other}, not from project {settings.name!r}.",
            "Trace it in the project that it was built from.",
        )
    return lambda: Served(project).bento(bento)


def _nothing(name: str, only: str | None) -> PipelineError:
    looked = {
        "product": "no task of a recorded run made it",
        "version": "no model version goes by it",
        "bento": "BentoML's store has no such bento",
        "request": "no service has answered a request of that id",
    }
    told = looked[only] if only else ", ".join(looked.values())
    return PipelineError(
        f"Nothing is known of {name!r}: {told}.",
        "See `roadworthy runs` and `roadworthy status` for what there is; a request's id stands in its answer.",
    )
