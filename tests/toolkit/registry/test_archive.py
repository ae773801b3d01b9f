"""The archive: versions that one machine releases and another, with a store of its own, loads."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import sys
import tarfile
import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fsspec
import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LogisticRegression

from roadworthy import config as configuration
from roadworthy import registry
from roadworthy.config import Config
from roadworthy.errors import RegistryError
from roadworthy.records import GateVerdict, ModelVersion, RunRecord, now
from roadworthy.registry import archive
from roadworthy.state import State

# BentoML imports pathspec's old pattern class when it is first used.
pytestmark = pytest.mark.filterwarnings("ignore:GitWildMatchPattern:DeprecationWarning")

CONTRACT = """
kind: DataContract
apiVersion: v3.2.0
id: small
version: 1.0.0
schema:
- name: flights
  properties:
  - {name: id, logicalType: string, required: true, customProperties: [{property: role, value: identifier}]}
  - {name: distance, logicalType: number, required: true, customProperties: [{property: role, value: feature}]}
"""
ROWS = pd.DataFrame({"distance": np.arange(10.0)})
LOADER = """
import sys
from pathlib import Path
from roadworthy import config as configuration
from roadworthy import registry
registry.smoke(registry.load(configuration.load(Path(sys.argv[1])), sys.argv[2]))
"""


@pytest.fixture
def config(root: Path) -> Config:
    """The reference project's configuration with its own database, where another process finds it."""
    return configuration.load(root)


def on(config: Config, address: str) -> Config:
    """The configuration with an archive at an address."""
    model = config.settings.model.model_copy(update={"archive": address})
    return config.model_copy(update={"settings": config.settings.model_copy(update={"model": model})})


def release(config: Config) -> ModelVersion:
    model = LogisticRegression().fit(ROWS, ROWS["distance"] > 4)
    smoke = {"rows": [{"distance": 2.0}], "probabilities": model.predict_proba(ROWS[2:3])[:, 1].tolist()}
    with State.open(config.state_address) as state:
        return registry.add(
            config,
            state,
            run=RunRecord(id="run-1", project="late-flights", state="done", started=now()),
            verdict=GateVerdict(checks=()),
            metrics={},
            files={
                "model.skops": skops.io.dumps(model),
                "contract.yaml": CONTRACT.encode(),
                "smoke.json": json.dumps(smoke).encode(),
            },
            contract_hash="abc",
            tables={},
            trained_from=None,
            trained_until=None,
            who="ann",
        )


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """The folder of BentoML's store on another machine."""
    return tmp_path / "another machine"


@pytest.fixture(params=["folder", "file://", "memory://"])
def archived(request: pytest.FixtureRequest, config: Config, tmp_path: Path) -> Config:
    """A configuration with an archive of each kind."""
    if request.param == "memory://":
        return on(config, f"memory://{uuid.uuid4().hex}/versions")
    folder = str(tmp_path / "the archive")
    return on(config, folder if request.param == "folder" else f"file://{folder}")


def store_of(home: Path) -> list[Path]:
    return sorted(file for file in home.rglob("*") if file.is_file())


def test_another_machine_loads_what_was_released(
    archived: Config, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = release(archived)
    here = registry.load(archived, version.tag)
    monkeypatch.setenv("BENTOML_HOME", str(other))
    there = registry.load(archived, version.tag)
    registry.smoke(there)
    assert there.folder.is_relative_to(other)
    assert there.predict(ROWS).tolist() == here.predict(ROWS).tolist()
    assert {file.name for file in there.folder.iterdir()} == {file.name for file in here.folder.iterdir()}
    assert list((other / "tmp").iterdir()) == []


def test_without_the_archive_it_says_where_to_look(
    config: Config, tmp_path: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = release(on(config, str(tmp_path / "archive")))
    monkeypatch.setenv("BENTOML_HOME", str(other))
    with pytest.raises(RegistryError, match="not in BentoML's model store") as caught:
        registry.load(config, version.tag)
    assert "ROADWORTHY_ARCHIVE" in caught.value.next_step


def test_many_at_once_find_the_whole_version(
    config: Config, tmp_path: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = on(config, str(tmp_path / "archive"))
    version = release(config)
    monkeypatch.setenv("BENTOML_HOME", str(other))
    with ThreadPoolExecutor(16) as pool:
        loaded = list(pool.map(lambda _: registry.load(config, version.tag), range(32)))
    assert {model.folder for model in loaded} == {other / "models" / version.tag.replace(":", "/")}
    assert list((other / "tmp").iterdir()) == []


@pytest.mark.slow
def test_processes_of_another_machine_load_it_at_once(
    config: Config, root: Path, tmp_path: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = release(on(config, str(tmp_path / "archive")))
    monkeypatch.setenv("ROADWORTHY_ARCHIVE", str(tmp_path / "archive"))
    monkeypatch.setenv("BENTOML_HOME", str(other))
    command = [sys.executable, "-c", LOADER, str(root), version.tag]
    workers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    assert [worker.communicate()[1] for worker in workers] == [""] * 2
    assert [worker.returncode for worker in workers] == [0] * 2


def test_a_changed_file_is_not_taken(
    config: Config, tmp_path: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = on(config, str(tmp_path / "archive"))
    version, another = release(config), release(config)
    first, second = ((tmp_path / "archive" / f"{v.tag.replace(':', '/')}.tar.gz") for v in (version, another))
    first.write_bytes(second.read_bytes())
    monkeypatch.setenv("BENTOML_HOME", str(other))
    with pytest.raises(RegistryError, match="SHA-256 differs from the record"):
        registry.load(config, version.tag)
    assert store_of(other) == []


@pytest.mark.parametrize("name", ["../evil", "/evil", "below/evil", "..", "link", "hard link", "pipe", "folder"])
def test_only_plain_files_are_unpacked(
    config: Config, tmp_path: Path, other: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    kinds = {"link": tarfile.SYMTYPE, "hard link": tarfile.LNKTYPE, "pipe": tarfile.FIFOTYPE, "folder": tarfile.DIRTYPE}
    member = tarfile.TarInfo(name)
    member.type, member.size, member.linkname = kinds.get(name, tarfile.REGTYPE), 4, "model.skops"
    if name in kinds:
        member.size = 0
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.addfile(member, io.BytesIO(b"evil"))
    config = on(config, str(tmp_path / "archive"))
    version = release(config)
    (tmp_path / "archive" / f"{version.tag.replace(':', '/')}.tar.gz").write_bytes(packed.getvalue())
    forged = version.model_copy(update={"archive_hash": hashlib.sha256(packed.getvalue()).hexdigest()})
    monkeypatch.setenv("BENTOML_HOME", str(other))
    with pytest.raises(RegistryError, match="is no plain file"):
        archive.bring(config, forged)
    assert store_of(other) == []
    assert not (tmp_path / "evil").exists()


def test_what_cannot_be_archived_is_not_released(config: Config, tmp_path: Path) -> None:
    (tmp_path / "a file").write_text("in the way")
    for address in (str(tmp_path / "a file"), "nonsense://bucket"):
        with pytest.raises(RegistryError, match="cannot be written") as caught:
            release(on(config, address))
        assert "ROADWORTHY_ARCHIVE" in caught.value.next_step
    with State.open(config.state_address) as state:
        assert state.versions() == []
    assert not (tmp_path / "bentoml" / "models" / "late-flights").exists()


def test_what_is_gone_from_the_archive_is_named(archived: Config, other: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    version = release(archived)
    registry.delete(version.tag, archived)
    system, root = fsspec.core.url_to_fs(archived.archive_address)
    assert [file for file in system.find(root) if file.endswith(".tar.gz")] == []
    registry.delete(version.tag, archived)  # a second time changes nothing
    monkeypatch.setenv("BENTOML_HOME", str(other))
    with pytest.raises(RegistryError, match="cannot be read"):
        registry.load(archived, version.tag)


def test_a_relative_archive_is_below_the_root(config: Config, root: Path) -> None:
    release(on(config, "versions"))
    assert len(list((root / "versions").rglob("*.tar.gz"))) == 1
    assert config.archive_address == ""


@pytest.mark.slow
def test_bentomls_own_command_takes_an_archived_file(
    config: Config, tmp_path: Path, other: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    version = release(on(config, str(tmp_path / "archive")))
    (file,) = (tmp_path / "archive").rglob("*.tar.gz")
    monkeypatch.setenv("BENTOML_HOME", str(other))
    command = [sys.executable, "-m", "bentoml", "models", "import", str(file)]
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=120)
    registry.smoke(registry.load(config, version.tag))
