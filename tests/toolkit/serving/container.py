"""The image of the reference bento, built and called: `make container-test`. Not collected by `make test`.

Takes Docker where an engine answers, else podman. Where the base image cannot be had from a registry, root gets a
stand-in made of Debian packages; see packaging/container/base_image.sh.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import httpx
import psycopg
import pytest

from roadworthy import config as configuration
from roadworthy.state import State
from roadworthy.tables import Tables

if TYPE_CHECKING:
    from conftest import Project

pytestmark = pytest.mark.timeout(3600)

PACKAGING = Path(__file__).parents[3] / "packaging" / "container"
BASE = f"docker.io/library/python:{sys.version_info.major}.{sys.version_info.minor}-slim"
STORES = "/stores"


def run(*command: str, cwd: Path | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
    """Run a command, and show what it wrote when it fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if check and done.returncode:
        pytest.fail(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return done


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch) -> str:
    """The container engine that answers, with a base image."""
    found = next((name for name in ("docker", "podman") if shutil.which(name) and answers(name)), None)
    if found is None:
        pytest.fail("No container engine answers. Next: start Docker, or install podman: apt-get install podman runc")
    if found == "podman" and "CONTAINERS_CONF" not in os.environ and Path("/.dockerenv").exists():
        monkeypatch.setenv("CONTAINERS_CONF", str(PACKAGING / "containers.conf"))
    if (
        run(found, "image", "inspect", BASE, check=False).returncode
        and run(found, "pull", BASE, check=False).returncode
    ):
        sys.stdout.write(f"\n{BASE} cannot be pulled: a stand-in of Debian packages takes its name.\n")
        monkeypatch.setenv("PYTHON", sys.executable)
        run(str(PACKAGING / "base_image.sh"), found, BASE)
    return found


def answers(name: str) -> bool:
    return run(name, "info", check=False).returncode == 0


@pytest.fixture
def released(fresh: Project, postgres: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    """The reference project with a champion; state in PostgreSQL, tables and archive in folders for all users."""
    name = f"container_{uuid.uuid4().hex}"
    with psycopg.connect(postgres.replace("+psycopg", "", 1), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    for folder in ("tables", "archive"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder).chmod(0o777)
    monkeypatch.setenv("ROADWORTHY_STATE", postgres.replace("/postgres?", f"/{name}?", 1))
    monkeypatch.setenv("ROADWORTHY_TABLES", str(tmp_path / "tables"))
    monkeypatch.setenv("ROADWORTHY_ARCHIVE", str(tmp_path / "archive"))
    config = configuration.load(fresh.config.root)
    with State.open(config.state_address) as state:
        project = dataclasses.replace(fresh, config=config, state=state, tables=Tables(config.tables_address))
        project.promote(project.release())
        yield project


@pytest.fixture
def image(engine: str, released: Project) -> Iterator[str]:
    """The image, built by BentoML's own two commands."""
    bentoml = (sys.executable, "-m", "bentoml")
    tag = run(*bentoml, "build", "--output", "tag", cwd=released.config.root).stdout.strip().removeprefix("__tag__:")
    name = f"localhost/roadworthy-test:{uuid.uuid4().hex[:8]}"
    run(*bentoml, "containerize", tag, "--backend", engine, "--image-tag", name)
    yield name
    run(engine, "rmi", "--force", name, check=False)


@pytest.fixture
def container(engine: str, image: str, released: Project, tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The running container's name and the service's address. It sees the stores under addresses of its own."""
    state = urlsplit(released.config.state_address)
    sockets = Path(parse_qs(state.query)["host"][0])
    sockets.chmod(0o711)  # the image's user may find PostgreSQL's socket, and read nothing
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        "ROADWORTHY_STATE": f"postgresql+psycopg://postgres@{state.path}?host={STORES}/postgres",
        "ROADWORTHY_TABLES": f"file://{STORES}/tables",
        "ROADWORTHY_ARCHIVE": f"file://{STORES}/archive",
        "BENTOML_HOST": "127.0.0.1",
        "BENTOML_PORT": str(port),
    }
    mounts = {sockets: "postgres", tmp_path / "tables": "tables", tmp_path / "archive": "archive"}
    name = f"roadworthy-test-{uuid.uuid4().hex[:8]}"
    run(
        *(engine, "run", "--detach", "--name", name, "--network", "host", "--read-only", "--tmpfs", "/tmp"),  # noqa: S108
        *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--volume", f"{name}:/var/lib/roadworthy"),
        *(part for key, value in environment.items() for part in ("--env", f"{key}={value}")),
        *(part for place, target in mounts.items() for part in ("--volume", f"{place}:{STORES}/{target}")),
        image,
    )
    yield name, f"http://127.0.0.1:{port}"
    run(engine, "rm", "--force", name, check=False)
    run(engine, "volume", "rm", "--force", name, check=False)


def until(condition: Callable[[], bool], seconds: float, told: Callable[[], str]) -> None:
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            pytest.fail(told())
        time.sleep(0.5)


def test_the_image_answers_as_an_ordinary_user_with_a_read_only_root(
    engine: str, container: tuple[str, str], released: Project
) -> None:
    name, address = container
    inside = (engine, "exec", name, "sh", "-c")

    def logs() -> str:
        done = run(engine, "logs", name, check=False)
        return f"The service's log:\n{done.stdout[-4000:]}{done.stderr[-4000:]}"

    with httpx.Client(base_url=address, timeout=30, trust_env=False) as client:

        def ready() -> bool:
            try:
                return client.get("/readyz").status_code == httpx.codes.OK
            except httpx.TransportError:
                return False

        until(ready, 300, logs)
        assert run(*inside, "id -u").stdout.strip() == "1034"
        for folder in ("/", "/home/bentoml/bento", "/app/.venv", "/etc"):
            refused = run(*inside, f"touch {folder}/written", check=False)
            assert refused.returncode != 0
            assert "Read-only file system" in refused.stderr
        run(*inside, "touch /var/lib/roadworthy/written")

        answered = client.post("/predict", json={"rows": released.request(3)})
        assert answered.status_code == httpx.codes.OK, answered.text
        assert answered.json()["model_version"] == released.state.alias("champion").version  # type: ignore[union-attr]
        assert len(answered.json()["predictions"]) == 3
        assert "roadworthy_rows_total" in client.get("/metrics").text
    until(lambda: released.tables.count("predictions") == 3, 60, logs)
    assert [found.version for found in released.state.deployments()] == [answered.json()["model_version"]]
