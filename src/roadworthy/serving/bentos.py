"""Bentos, found in BentoML's own store."""

from __future__ import annotations

import os
import re
import tomllib
from datetime import datetime
from pathlib import Path
from typing import Any

from roadworthy.records import Moment, Record

_TAG = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}(:[A-Za-z0-9._-]{1,63})?")  # what BentoML lets a tag be


class BuiltBento(Record):
    """What a bento tells of itself."""

    tag: str
    created: Moment
    service: str
    models: tuple[str, ...] = ()
    project: str = ""
    contract: str | None = None


def find(name: str, contract: str) -> BuiltBento | None:
    """Return a bento by its tag, or the newest of a name; None when there is none.

    Parameters
    ----------
    name
        ``name:version``, ``name:latest``, or ``name``.
    contract
        Where a project keeps its contract, below its root: the bento holds the text as it was.
    """
    store = Path(os.path.expandvars(os.environ.get("BENTOML_HOME") or "~/bentoml")).expanduser() / "bentos"
    if not _TAG.fullmatch(name) or not (store / name.partition(":")[0]).is_dir():
        return None
    # Imported here: 1 s that is only paid where there may be a bento of that name.
    from bentoml._internal.bento import BentoStore
    from bentoml.exceptions import BentoMLException

    try:
        bento = BentoStore(store).get(name)
    except (BentoMLException, OSError, ValueError):
        return None
    source = Path(bento.path) / "src"
    text = source / contract
    return BuiltBento(
        tag=str(bento.tag),
        created=_moment(bento.creation_time),
        service=str(bento.info.service),
        models=tuple(str(model.tag) for model in bento.info.all_models),
        project=_project(source / "pyproject.toml"),
        contract=text.read_text(encoding="utf-8") if text.is_file() else None,
    )


def _moment(value: Any) -> datetime:  # noqa: ANN401 - BentoML is untyped here
    return value if isinstance(value, datetime) else datetime.fromisoformat(str(value))


def _project(path: Path) -> str:
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
        return str(tables["tool"]["roadworthy"]["name"])
    except (OSError, ValueError, KeyError, TypeError):  # a bento that was not built from one of our projects
        return ""
