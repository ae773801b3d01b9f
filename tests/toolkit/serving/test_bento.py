"""`bentoml build` in the project's root, and `bentoml serve` of what it made, elsewhere and with stores by address."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest
import yaml

from roadworthy import config as configuration
from roadworthy.serving import credentials

if TYPE_CHECKING:
    from conftest import Project

pytestmark = pytest.mark.slow


def build(root: Path) -> Path:
    """Build the bento and return its folder."""
    command = [sys.executable, "-m", "bentoml", "build", "--output", "tag"]
    built = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    name, version = built.stdout.strip().removeprefix("__tag__:").split(":")
    return Path(os.environ["BENTOML_HOME"]) / "bentos" / name / version


@contextmanager
def serving(bento: Path, folder: Path, environment: dict[str, str], port: int) -> Iterator[httpx.Client]:
    """Run `bentoml serve BENTO` in a folder, and give a client once it is ready."""
    command = [sys.executable, "-m", "bentoml", "serve", str(bento), "--host", "127.0.0.1", "--port", str(port)]
    with (folder / "serve.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=os.environ | environment, stdout=log, stderr=log)
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30, trust_env=False) as client:
            end = time.monotonic() + 120
            while not _ready(client):
                assert process.poll() is None, (folder / "serve.log").read_text()
                assert time.monotonic() < end, (folder / "serve.log").read_text()
                time.sleep(0.2)
            yield client
    finally:
        tree = [*psutil.Process(process.pid).children(recursive=True)] if process.poll() is None else []
        process.terminate()
        try:
            process.wait(30)
        finally:
            _, left = psutil.wait_procs(tree, timeout=20)
            for each in left:
                each.kill()


def _ready(client: httpx.Client) -> bool:
    try:
        return client.get("/readyz").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def test_a_bento_has_what_the_service_needs_and_no_secret(fresh: Project) -> None:
    root = fresh.config.root
    secret = credentials.secret(fresh.config)
    bento = build(root)

    description = yaml.safe_load((bento / "bento.yaml").read_text())
    assert description["service"] == "bentos.service:Service"
    assert {"/predict", "/feedback"} <= {route["route"] for route in description["schema"]["routes"]}
    assert configuration.load(bento / "src").settings == fresh.config.settings
    for file in ("bentos/service.py", "monitoring/contract.yaml", "monitoring/policy.yaml"):
        assert (bento / "src" / file).read_bytes() == (root / file).read_bytes()
    assert "Great-circle distance" in (bento / "apis" / "openapi.yaml").read_text()

    files = [file for file in bento.rglob("*") if file.is_file()]
    assert not [file for file in files if ".roadworthy" in file.parts]
    assert not [file for file in files if secret in file.read_bytes()]

    requirements = (bento / "env" / "python" / "requirements.txt").read_text().splitlines()
    (wheel,) = (bento / "src" / "wheels").iterdir()
    assert requirements[0] == f"./wheels/{wheel.name}"
    pinned = {line.partition("==")[0] for line in requirements if "==" in line}
    assert {"bentoml", "skops", "scikit-learn", "psycopg"} <= pinned
    dockerfile = (bento / "env" / "docker" / "Dockerfile").read_text()
    assert dockerfile.count("apt-get install") == 1
    assert "ENV ROADWORTHY_HOME=$ROADWORTHY_HOME" in dockerfile
    assert dockerfile.index("install -d -m 0700") < dockerfile.index("USER bentoml")


def test_a_bento_serves_elsewhere_with_stores_by_address(
    fresh: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ROADWORTHY_ARCHIVE", str(tmp_path / "archive"))
    fresh.config = configuration.load(fresh.config.root)
    version = fresh.release()
    fresh.promote(version)
    bento = build(fresh.config.root)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    before = sorted(bento.rglob("*"))
    environment = {
        "BENTOML_HOME": str(elsewhere / "bentoml"),
        "ROADWORTHY_HOME": str(elsewhere / "home"),
        "ROADWORTHY_STATE": fresh.config.state_address,
        "ROADWORTHY_TABLES": f"file://{tmp_path}/tables",
        "ROADWORTHY_ARCHIVE": f"file://{tmp_path}/archive",
    }
    with serving(bento, elsewhere, environment, port=20_000 + os.getpid() % 10_000) as client:
        answered = client.post("/predict", json={"rows": fresh.request(2)})
        assert answered.json()["model_version"] == version.tag
        assert client.get("/metrics").status_code == httpx.codes.OK
    place = elsewhere / "bentoml" / "models" / version.tag.replace(":", "/")
    assert (place / "model.skops").is_file()  # it came from the archive
    assert (tmp_path / "tables" / "predictions" / "_delta_log").is_dir()
    assert (elsewhere / "home" / "spool").is_dir()
    assert [path for path in sorted(bento.rglob("*")) if "__pycache__" not in path.parts] == [
        path for path in before if "__pycache__" not in path.parts
    ]
