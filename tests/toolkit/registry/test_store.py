"""Versions in BentoML's own store and on record: what is kept, and the names that it goes by."""

from __future__ import annotations

import json
import pickle
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from roadworthy import registry
from roadworthy.config import Config
from roadworthy.errors import RegistryError, UnknownVersion
from roadworthy.records import ModelVersion
from roadworthy.state import State

if TYPE_CHECKING:
    from conftest import Small

Release = Callable[..., ModelVersion]


def test_a_version_stands_in_bentomls_store_and_in_the_state(release: Release, state: State, tmp_path: Path) -> None:
    version = release()
    assert re.fullmatch(r"late-flights:\d{8}-\d{6}-[0-9a-f]{4}", version.tag)
    assert state.version(version.tag) == version
    assert (version.run_id, version.git_commit, version.tables) == ("run-1", "c0ffee", {"flights": 3})
    entry = state.history()[0]
    assert (entry.action, entry.version_to, entry.who, entry.reason) == ("release", version.tag, "ann", "a first try")
    assert entry.seconds > 0
    assert registry.champion(state) is None
    folder = tmp_path / "bentoml" / "models" / version.tag.replace(":", "/")
    assert {"model.skops", "contract.yaml", "smoke.json", "model.yaml"} <= {file.name for file in folder.iterdir()}
    assert registry.file(version.tag, "contract.yaml") == folder / "contract.yaml"


@pytest.mark.slow
def test_bentomls_own_command_sees_the_version(release: Release) -> None:
    version = release()
    command = [sys.executable, "-m", "bentoml", "models", "get", version.tag, "-o", "json"]
    shown = json.loads(subprocess.run(command, check=True, capture_output=True, text=True, timeout=60).stdout)
    assert shown["labels"] == {"project": "late-flights", "run": "run-1", "gate": "passed"}
    assert shown["metadata"]["metrics"] == {"roc_auc": 0.7}
    assert shown["metadata"]["model_hash"] == version.model_hash


def test_versions_of_one_second_do_not_collide(release: Release, state: State) -> None:
    tags = {release().tag for _ in range(5)}
    assert len(tags) == 5
    assert {v.tag for v in state.versions()} == tags


def test_a_version_goes_by_several_names(config: Config, release: Release, state: State) -> None:
    first, second = release(), release()
    registry.promote(config, state, first.tag, who="ann", reason="")
    bare = first.tag.partition(":")[2]
    assert [registry.resolve(state, name).tag for name in (first.tag, bare, "champion")] == [first.tag] * 3
    with pytest.raises(UnknownVersion, match="the beginning of 2 versions"):
        registry.resolve(state, "late-flights:")
    with pytest.raises(UnknownVersion, match="There is no challenger"):
        registry.resolve(state, "challenger")
    for name in ("nobody", "", "late-flights:1999"):
        with pytest.raises(UnknownVersion, match="No version goes by"):
            registry.resolve(state, name)
    only_the_second = second.tag[:-1] if second.tag[:-1] != first.tag[:-1] else second.tag
    assert registry.resolve(state, only_the_second).tag == second.tag


def test_what_is_no_model_is_refused(release: Release, state: State, tmp_path: Path, small: Small) -> None:
    with pytest.raises(RegistryError, match="a pickle is never loaded") as caught:
        release(model_skops=pickle.dumps(small.trained(0)))
    assert "skops.io.dump" in caught.value.next_step
    with pytest.raises(RegistryError, match="does not exist"):
        release(model_skops=tmp_path / "gone.skops")
    assert state.versions() == []
