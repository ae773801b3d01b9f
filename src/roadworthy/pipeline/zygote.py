"""The warm process: it has imported what notebooks import, and forks a genuine IPython kernel for each that asks.

Run as ``python -m roadworthy.pipeline.zygote LISTENER SOCKET IDLE MODULE...`` by :mod:`roadworthy.pipeline.warm`, which
is the only one to talk to it. Linux only. A request is one JSON object after its length in four bytes; answers are
JSON objects, one a line:

* ``{"kernel": {...}}`` with two file descriptors (the kernel's standard output and error) is answered
  ``{"started": pid}`` once the kernel's sockets are bound, later ``{"ended": exit code}``; or ``{"refused": reason}``;
* ``{"hold": true}`` is answered ``{"held": true}``: the warm process then lives at least as long as that connection.

A connection that closes takes its kernel with it, whatever the kernel is doing; the death of the warm process takes
all of its kernels. No kernel ever outlives who asked for it.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from roadworthy.pipeline.forked import QuickExit, become_kernel

_LENGTH = struct.Struct("!I")
_LONGEST_REQUEST = 64 * 2**20  # bytes; Linux gives no process an environment that is longer
_SECONDS_FOR_A_REQUEST = 5.0
_SECONDS_BETWEEN_LOOKS = 1.0  # at the clock and at the socket's file
_SECONDS_FOR_A_FIRST_CLIENT = 30.0  # even when it is to end with its last client, there must have been one
_SAFE_THREADS = frozenset({"jemalloc_bg_thd"})  # jemalloc stops and forgets its own in the child (pthread_atfork)
_INLINE = "module://matplotlib_inline.backend_inline"
_ALWAYS = (  # what every kernel imports by itself, between its start and its end
    *("ipykernel.debugger", "ipykernel.ipkernel", "ipykernel.kernelapp", "ipykernel.zmqshell", "psutil", "sqlite3"),
    *("IPython.core.completerlib", "IPython.core.debugger", "IPython.core.logger", "IPython.core.magics"),
    *("IPython.core.oinspect", "IPython.extensions.storemagic", "IPython.display", "pdb", "faulthandler"),
    *(
        "stack_data",
        "pygments.formatters.terminal256",
        "pygments.plugin",
        "pygments.styles",
        "tornado.platform.asyncio",
    ),
)
_SET_BY_KERNELS: dict[str, str] = {}  # environment variables that importing ipykernel sets


@dataclass
class _Client:
    """One connection: of somebody who holds the warm process, or whose kernel runs."""

    connection: socket.socket
    pid: int | None = None
    files: str = ""

    def tell(self, **answer: object) -> None:
        """Send one answer; a client that is gone has no use for it."""
        try:
            self.connection.sendall(json.dumps(answer).encode() + b"\n")
        except OSError:
            return


@dataclass
class _Order:
    """A kernel to become, in the forked child."""

    client: _Client
    request: dict[str, Any]
    streams: list[int]


class Zygote:
    """Answers requests until it is idle for too long, or its socket's file is gone."""

    def __init__(self, listener: socket.socket, path: Path, idle: float, refusal: str) -> None:
        self._listener = listener
        self._path = path
        self._inode = _stamp(path)[0]
        self._idle = idle
        self._refusal = refusal
        self._clients: dict[int, _Client] = {}  # by file descriptor
        self._used = time.monotonic()
        self._was_used = False
        self._sources = _Sources()
        self._bell, self._clapper = os.pipe()
        for end in (self._bell, self._clapper):
            os.set_blocking(end, False)

    def serve(self) -> _Order | None:
        """Answer; return None when it is time to end and, in a forked child, the kernel to become."""
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self._clapper)
        while self._is_wanted():
            for ready in self._wait():
                if ready == self._listener.fileno():
                    order = self._accept()
                    if order is not None:
                        return order
                elif ready == self._bell:
                    self._reap()
                elif ready in self._clients:
                    self._drop(self._clients[ready])
        self._close_down()
        return None

    def _wait(self) -> list[int]:
        poller = select.poll()
        for source in (self._listener.fileno(), self._bell, *self._clients):
            poller.register(source, select.POLLIN)
        return [source for source, _ in poller.poll(_SECONDS_BETWEEN_LOOKS * 1000)]

    def _is_wanted(self) -> bool:
        if self._clients:
            self._used = time.monotonic()
            return True
        patience = self._idle if self._was_used else max(self._idle, _SECONDS_FOR_A_FIRST_CLIENT)
        is_there = self._path.exists() and not self._is_replaced()
        return is_there and time.monotonic() - self._used < patience

    def _is_replaced(self) -> bool:
        return _stamp(self._path)[0] not in (0, self._inode)

    def _close_down(self) -> None:
        if not self._is_replaced():
            self._path.unlink(missing_ok=True)
            self._path.with_suffix(".log").unlink(missing_ok=True)
        self._listener.close()

    def _accept(self) -> _Order | None:
        connection, _ = self._listener.accept()
        client = _Client(connection)
        connection.settimeout(_SECONDS_FOR_A_REQUEST)
        self._was_used = True
        order: _Order | None = None
        streams: list[int] = []
        try:
            length, streams = _receive_head(connection)
            order = self._answer(client, _receive_body(connection, length), streams)
        except (OSError, ValueError, EOFError) as error:
            client.tell(refused=f"the request was not understood: {error}")
            connection.close()
        if order is None:
            for stream in streams:
                os.close(stream)
        return order

    def _answer(self, client: _Client, request: dict[str, Any], streams: list[int]) -> _Order | None:
        if self._sources.have_changed():
            self._path.unlink(missing_ok=True)
            client.connection.close()  # unanswered: it will ask again, and start a fresh one
            return None
        refusal = self._refusal or _uncalled_for(request, streams)
        if refusal:
            client.tell(refused=refusal)
            client.connection.close()
            return None
        self._clients[client.connection.fileno()] = client
        if request.get("hold"):
            client.tell(held=True)
            return None
        kernel = request["kernel"] | {"parent": os.getpid()}
        client.files = str(kernel.get("files", ""))
        client.pid = os.fork()
        if client.pid:
            return None
        self._forget(client)
        return _Order(client, kernel, streams)

    def _forget(self, kept: _Client) -> None:
        """In the child: let go of all that is the warm process's own."""
        signal.set_wakeup_fd(-1)
        for client in self._clients.values():
            if client is not kept:
                client.connection.close()
        self._listener.close()
        os.close(self._bell)
        os.close(self._clapper)

    def _reap(self) -> None:
        with contextlib.suppress(BlockingIOError):
            os.read(self._bell, 4096)
        for client in [client for client in self._clients.values() if client.pid]:
            pid, status = os.waitpid(client.pid or 0, os.WNOHANG)
            if pid:
                client.tell(ended=os.waitstatus_to_exitcode(status))
                self._close(client)

    def _drop(self, client: _Client) -> None:
        """A client speaks once only, so that it can be heard again means that it is gone: its kernel goes, too."""
        if client.pid:
            _kill(client.pid)
        self._close(client)

    def _close(self, client: _Client) -> None:
        del self._clients[client.connection.fileno()]
        client.connection.close()
        if client.files:
            prefix = Path(client.files)
            for file in prefix.parent.glob(f"{prefix.name}*"):
                file.unlink(missing_ok=True)
        self._used = time.monotonic()


class _Sources:
    """The files of imported modules that somebody may be working on: those outside the installed packages."""

    def __init__(self) -> None:
        installed = tuple({str(Path(folder).resolve()) + os.sep for folder in (sys.prefix, sys.base_prefix)})
        files = {str(getattr(module, "__file__", None) or "") for module in list(sys.modules.values())}
        own = [file for file in files if file and not str(Path(file).resolve()).startswith(installed)]
        self._stamps = {file: _stamp(file) for file in own}

    def have_changed(self) -> bool:
        """Return whether one is no longer what was imported."""
        return any(_stamp(file) != stamp for file, stamp in self._stamps.items())


def _stamp(file: str | Path) -> tuple[int, int]:
    try:
        found = Path(file).stat()
    except OSError:
        return 0, 0
    return found.st_ino, found.st_mtime_ns


def _receive_head(connection: socket.socket) -> tuple[int, list[int]]:
    owner = struct.unpack("iii", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1]
    if owner != os.getuid():
        raise PermissionError(f"user {owner} asked, this is user {os.getuid()}'s")
    head, streams, _, _ = socket.recv_fds(connection, _LENGTH.size, 2)
    length = _LENGTH.unpack(head)[0] if len(head) == _LENGTH.size else 0
    return (length if length <= _LONGEST_REQUEST else 0), streams


def _receive_body(connection: socket.socket, length: int) -> dict[str, Any]:
    body = bytearray()
    while len(body) < length:
        part = connection.recv(length - len(body))
        if not part:
            raise EOFError("it ended too early")
        body += part
    request = json.loads(body)
    if not isinstance(request, dict):
        raise ValueError("not an object")
    return request


def _uncalled_for(request: dict[str, Any], streams: list[int]) -> str:
    if request.get("hold") or (isinstance(request.get("kernel"), dict) and len(streams) == 2):
        return ""
    return "neither a kernel nor a hold was asked for"


def _kill(pid: int) -> None:
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        try:
            os.kill(pid, signal.SIGKILL)  # it has not come as far as having a group of its own
        except ProcessLookupError:
            return
    os.waitpid(pid, 0)


# --- before the first request ---------------------------------------------------------------------------------------


def warm_up(modules: Iterable[str]) -> str:
    """Import what kernels will want; return why no kernel can be forked from it, or nothing."""
    if "MPLBACKEND" not in os.environ:  # every kernel sets it before its notebook imports matplotlib
        os.environ["MPLBACKEND"] = _INLINE
    gc.disable()
    before = dict(os.environ)
    for name in _ALWAYS:
        _import(name)
    _SET_BY_KERNELS.update({name: value for name, value in os.environ.items() if name not in before})
    for name in modules:
        _import(name)
    gc.enable()
    gc.collect()
    gc.freeze()  # collections in kernels leave the shared pages alone
    return _unsafe_threads()


def _import(name: str) -> None:
    """Import a module; one that cannot be imported fails again in the notebook that wants it, where it is seen."""
    try:
        importlib.import_module(name)
    except (Exception, SystemExit) as error:  # whatever a module does when it is imported
        print(f"{name}: {error!r}", file=sys.stderr, flush=True)  # noqa: T201


def _unsafe_threads() -> str:
    """Name the threads that a fork would cut off.

    Those of OpenBLAS end by themselves at any fork, so one is made before they are counted.
    """
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitpid(pid, 0)
    names = [_thread_name(task) for task in Path("/proc/self/task").iterdir() if task.name != str(os.getpid())]
    left = sorted(set(names) - _SAFE_THREADS - {""})
    return f"what was imported has threads running: {', '.join(left)}" if left else ""


def _thread_name(task: Path) -> str:
    try:
        return (task / "comm").read_text(encoding="utf-8").strip()
    except OSError:  # it ended since
        return ""


# --- the program ----------------------------------------------------------------------------------------------------


def main() -> None:
    """Warm up, then serve; in each forked child, be a kernel."""
    leave = QuickExit()
    atexit.register(leave)
    listener, path, idle, *modules = sys.argv[1:]
    if os.fork():
        os._exit(0)  # nobody's child any more: who started it need not wait for it
    if not sys.flags.safe_path:
        del sys.path[0]  # the folder it was started in is on no kernel's path
    listening = socket.socket(fileno=int(listener))
    listening.set_inheritable(False)
    refusal = warm_up(modules)
    Path(path).with_suffix(".warming").unlink(missing_ok=True)
    order = Zygote(listening, Path(path), float(idle), refusal).serve()
    if order is not None:
        order.request["environment"] = _SET_BY_KERNELS | order.request["environment"]
        become_kernel(order.request, order.streams, order.client.tell, order.client.connection.close)
        leave.is_clean = True


if __name__ == "__main__":
    main()
