"""`bentoml serve` as a process of this machine: started, waited for, ended; never left behind."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path
from queue import Queue
from types import TracebackType
from typing import Self

import httpx
import psutil

from roadworthy.config import Config
from roadworthy.errors import ServingError
from roadworthy.records import CHAMPION, Deployment
from roadworthy.state import State

LOG = ".roadworthy/logs/serve.log"
_LOOPBACK = "127.0.0.1"
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_LOG_LINES = 15
_FREE_PORTS = range(20_000, 30_000)
_ATTEMPTS = 20
# Linux ends the service with us even when we are killed; elsewhere a killed parent leaves it running.
_LAUNCH = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)
    if os.getppid() != int(sys.argv[1]):
        sys.exit("the process that started this service is gone")
os.execv(sys.executable, [sys.executable, *sys.argv[2:]])
"""


class Server:
    """A running `bentoml serve`; a context manager that stops it.

    Examples
    --------
    In a project with a champion::

        with Server.start(config) as server:
            print(server.address)
    """

    def __init__(self, config: Config, process: subprocess.Popen[bytes], port: int) -> None:
        self._config = config
        self._process = process
        self._port = port
        self.address = f"http://{_LOOPBACK}:{port}"

    @classmethod
    def start(cls, config: Config, port: int | None = None, *, wait: float = _START_SECONDS) -> Self:
        """Start the service and return once it answers.

        Parameters
        ----------
        port
            A free one when None or 0.
        wait
            Seconds to wait for it.

        Returns
        -------
        Server
            Ready, with the champion loaded; without a champion it runs, and answers /predict with status 503.

        Raises
        ------
        ServingError
            When the port is in use, the process ends, or the champion cannot be loaded.
        """
        chosen = _port(port or 0, _LOOPBACK)
        log = config.path(LOG)
        log.parent.mkdir(parents=True, exist_ok=True)
        server = cls(config, _launch(config.root, _command(chosen, _LOOPBACK), log), chosen)
        try:
            server._await_ready(time.monotonic() + wait)
        except BaseException:  # Ctrl-C too: nobody would hold what was started
            server.kill()
            raise
        return server

    @property
    def pid(self) -> int:
        """Process number of `bentoml serve`; its workers are its children."""
        return self._process.pid

    @property
    def pids(self) -> tuple[int, ...]:
        """Process numbers of `bentoml serve` and its workers."""
        return tuple(process.pid for process in self._tree())

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._process.poll() is None

    def kill(self) -> None:
        """End all its processes at once, by SIGKILL: no request is finished, no file closed."""
        _end(self._tree(), signal.SIGKILL)
        self._process.wait()
        self._await_free_port()

    def stop(self) -> None:
        """Let running requests finish, then end; by force when that takes too long."""
        tree = self._tree()
        _end(tree[:1], signal.SIGTERM)
        _end(_still_there(tree, _STOP_SECONDS), signal.SIGKILL)
        self._process.wait()
        self._await_free_port()

    def wait_for_version(self, tag: str, wait: float = 30.0) -> float:
        """Wait until every worker answers with a version, and return the seconds that it took.

        Raises
        ------
        ServingError
            When it does not come to that, with the reason that the service gives.
        """
        return self._wait(lambda found: found.version == tag, f"answer with {tag}", wait)

    def wait_for_challenger(self, tag: str, wait: float = 30.0) -> float:
        """Wait until every worker has a rollout's challenger beside its champion; as `wait_for_version` else."""
        return self._wait(lambda found: found.challenger == tag, f"take {tag} beside its champion", wait)

    def _wait(self, there: Callable[[Deployment], bool], what: str, wait: float) -> float:
        begin = time.monotonic()
        with closing(State.open(self._config.state_address)) as state:
            while True:
                found = self._deployments(state)
                if found and all(map(there, found)):
                    return time.monotonic() - begin
                if time.monotonic() - begin > wait:
                    problem = next((each.problem for each in found if each.problem), None)
                    raise ServingError(
                        f"The service does not {what} after {wait:.0f} s. {problem or ''}".strip(),
                        f"Look into {self._config.path(LOG)}.",
                    )
                time.sleep(0.05)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _await_ready(self, until: float) -> None:
        with closing(State.open(self._config.state_address)) as state, _client(self.address) as client:
            while not self._ready(state, client):
                if not self.running:
                    raise self._failure(f"`bentoml serve` ended with exit code {self._process.returncode}")
                if time.monotonic() > until:
                    raise self._failure("The service did not become ready in time")
                time.sleep(0.05)

    def _ready(self, state: State, client: httpx.Client) -> bool:
        if _answers(client, "/readyz"):
            return True
        found = self._deployments(state)
        for deployment in found:
            if deployment.problem and deployment.version is None:
                raise ServingError(f"No version answers. {deployment.problem}", "Promote another version.")
        return bool(found) and state.alias(CHAMPION) is None and _answers(client, "/livez")

    def _await_free_port(self) -> None:
        """A process counts as ended when its first thread has; the others hold its sockets a moment longer."""
        until = time.monotonic() + _STOP_SECONDS
        while time.monotonic() < until:
            with suppress(ServingError):
                _port(self._port, _LOOPBACK)
                return
            time.sleep(0.02)

    def _deployments(self, state: State) -> list[Deployment]:
        ours = set(self.pids)
        return [found for found in state.deployments() if found.pid in ours]

    def _tree(self) -> list[psutil.Process]:
        """`bentoml serve` first: it would start a killed worker anew."""
        try:
            root = psutil.Process(self._process.pid)
            return [root, *root.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def _failure(self, fact: str) -> ServingError:
        path = self._config.path(LOG)
        with path.open(encoding="utf-8", errors="replace") as file:
            lines = "".join(deque(file, maxlen=_LOG_LINES)).rstrip()
        return ServingError(f"{fact}. The last lines of {path}:\n{lines}", "Mend what they name and start again.")


def run(config: Config, port: int | None = None, host: str | None = None) -> None:
    """Become `bentoml serve` in the foreground; does not return.

    Parameters
    ----------
    port
        The configured one when None, a free one when 0.
    host
        The configured one when None.

    Raises
    ------
    ServingError
        When the port is in use or the host is not this machine's.
    """
    where = host or config.settings.service.host
    chosen = _port(config.settings.service.port if port is None else port, where)
    os.chdir(config.root)
    command = _command(chosen, where)
    os.execv(command[0], command)  # noqa: S606  # there is no shell, and nothing of the user's in the command


def _command(port: int, host: str) -> list[str]:
    return [sys.executable, "-m", "bentoml", "serve", "--host", host, "--port", str(port)]


def _port(port: int, host: str) -> int:
    """Return the port when it is free, and a free one for 0.

    A free one is looked for below those that the system gives to clients: one that tries again and again to reach a
    service that is down may be given the service's own port, and would then talk to itself and keep it occupied.
    """
    for candidate in random.sample(_FREE_PORTS, _ATTEMPTS) if port == 0 else ():
        with suppress(ServingError):
            return _port(candidate, host)
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise ServingError(
                f"The service cannot listen on {host}, port {port}: {error.strerror}.",
                "Choose another port with --port, or 0 for a free one; the host must be an address of this machine.",
            ) from error
        return int(probe.getsockname()[1])


def _launch(root: Path, command: list[str], log: Path) -> subprocess.Popen[bytes]:
    """Start the command from a thread that lives as long as it does.

    The kernel tells the child of its parent's death when the *thread* that started it ends, and a caller's thread
    may end long before.
    """
    started: Queue[subprocess.Popen[bytes] | OSError] = Queue()

    def keep() -> None:
        launcher = [sys.executable, "-c", _LAUNCH, str(os.getpid()), *command[1:]]
        try:
            with log.open("ab") as output:
                process = subprocess.Popen(
                    launcher, cwd=root, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
                )
        except OSError as error:
            started.put(error)
            return
        started.put(process)
        process.wait()

    threading.Thread(target=keep, name="bentoml-serve", daemon=True).start()
    process = started.get()
    if isinstance(process, OSError):
        raise ServingError(f"`bentoml serve` cannot be started: {process}.", "Mend that and start again.")
    return process


def _client(address: str) -> httpx.Client:
    return httpx.Client(base_url=address, timeout=5.0, trust_env=False)  # a proxy does not know this machine's ports


def _answers(client: httpx.Client, path: str) -> bool:
    try:
        return client.get(path).status_code == httpx.codes.OK
    except httpx.TransportError:
        return False


def _end(processes: list[psutil.Process], how: signal.Signals) -> None:
    for process in processes:
        try:
            process.send_signal(how)
        except psutil.NoSuchProcess:
            continue
    if how == signal.SIGKILL:
        _still_there(processes, _STOP_SECONDS)


def _still_there(processes: list[psutil.Process], wait: float) -> list[psutil.Process]:
    """Return those that have not ended when the time is up; one that nobody has asked about yet has ended."""
    until = time.monotonic() + wait
    while processes and time.monotonic() < until:
        processes = [process for process in processes if _lives(process)]
        time.sleep(0.02)
    return processes


def _lives(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
