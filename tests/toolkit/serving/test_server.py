"""`bentoml serve` as a process: started, ended, never left behind."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest

from roadworthy.errors import ServingError
from roadworthy.serving.server import LOG, Server, run

if TYPE_CHECKING:
    from conftest import Project

pytestmark = pytest.mark.slow

PARENT = """
import sys, time
from pathlib import Path
from roadworthy import config as configuration
from roadworthy.serving.server import Server
server = Server.start(configuration.load(Path(sys.argv[1])))
sys.stdout.write(" ".join(map(str, server.pids)) + "\\n")
sys.stdout.flush()
time.sleep(600)
"""


def _until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def _alive(pids: tuple[int, ...]) -> set[int]:
    living = {each.pid for each in psutil.process_iter(["status"]) if each.info["status"] != psutil.STATUS_ZOMBIE}
    return living & set(pids)


def test_from_no_champion_to_its_end(fresh: Project) -> None:
    with Server.start(fresh.config, port=0) as server:
        refused = httpx.post(f"{server.address}/predict", json={"rows": fresh.request(1)})
        assert refused.status_code == 503
        assert "No version is champion" in refused.json()["error"]
        assert "roadworthy release" in refused.json()["next_step"]
        assert httpx.get(f"{server.address}/readyz").status_code == 503
        assert httpx.get(f"{server.address}/livez").status_code == 200

        version = fresh.release()
        fresh.promote(version)
        assert server.wait_for_version(version.tag) < 30
        answered = httpx.post(f"{server.address}/predict", json={"rows": fresh.request(1)})
        assert answered.json()["model_version"] == version.tag
        assert httpx.get(f"{server.address}/readyz").status_code == 200
        _until(lambda: any(each.served for each in fresh.state.deployments()))
        ((served,),) = [each.served for each in fresh.state.deployments()]
        assert (served.version, served.requests, served.rows, served.errors) == (version.tag, 1, 1, 0)
        assert served.p50 is not None
        assert served.p50 > 0

        port = int(server.address.rpartition(":")[2])
        with pytest.raises(ServingError, match=rf"port {port}: Address already in use"):
            Server.start(fresh.config, port)
        with pytest.raises(ServingError, match="does not answer with another"):
            server.wait_for_version("another", wait=0.1)
        pids = server.pids
        assert len(pids) == 2
    assert not server.running
    assert _alive(pids) == set()
    assert fresh.state.deployments() == []  # it signed off
    assert fresh.tables.count("predictions") == 1  # and collected before


@pytest.mark.skipif(sys.platform != "linux", reason="What a process has loaded is read as Linux tells it.")
def test_its_workers_run_on_uvloop_and_httptools(server: Server) -> None:
    loaded = {part for each in psutil.Process(server.pids[-1]).memory_maps() for part in Path(each.path).parts}
    assert {"uvloop", "httptools"} <= loaded


def test_the_service_dies_with_the_process_that_started_it(fresh: Project) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(fresh.config.root)], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    pids = tuple(map(int, parent.stdout.readline().split()))
    parent.stdout.close()
    assert len(_alive(pids)) == 2
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    _until(lambda: _alive(pids) == set())


def test_what_ended_the_service_is_told(fresh: Project) -> None:
    settings = fresh.config.root / "pyproject.toml"
    settings.write_text(settings.read_text().replace('dataset = "flights"', 'dataset = "trains"'))
    with pytest.raises(ServingError, match="has no dataset 'trains'") as caught:
        Server.start(fresh.config)
    assert "ended with exit code" in caught.value.fact
    log = (fresh.config.root / LOG).read_text()
    assert "Use one of: flights" in log
    assert "Traceback" not in log


def test_a_champion_that_cannot_be_loaded_is_told(fresh: Project) -> None:
    broken = fresh.release(smoke_off_by=0.1)
    fresh.promote(broken, force=True)
    with pytest.raises(ServingError, match=f"No version answers. Version {broken.tag} was refused"):
        Server.start(fresh.config)


def test_in_the_foreground_a_port_in_use_is_told(fresh: Project) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ServingError, match="Address already in use") as caught:
            run(fresh.config, port=taken.getsockname()[1])
    assert "--port" in caught.value.next_step


def test_a_host_that_is_not_this_machine_is_told(fresh: Project) -> None:
    with pytest.raises(ServingError, match=r"cannot listen on 192\.0\.2\.1"):
        run(fresh.config, host="192.0.2.1")


def test_a_free_port_is_none_that_a_client_may_be_given(fresh: Project) -> None:
    given = Path("/proc/sys/net/ipv4/ip_local_port_range")
    if not given.exists():
        pytest.skip("Only Linux tells which ports it gives to clients.")
    with Server.start(fresh.config) as server:
        assert int(server.address.rpartition(":")[2]) < int(given.read_text().split()[0])
