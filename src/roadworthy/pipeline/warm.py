"""Warm kernels: genuine IPython kernels forked from a process that has done the imports, where that is safe.

A notebook that imports pandas and scikit-learn spends most of its time on starting Python and importing them. The
warm process (:mod:`roadworthy.pipeline.zygote`) does so once for many kernels. Whatever stands against a warm kernel,
a plain one is started instead, and the reason is kept. Linux only: elsewhere a process that has libraries loaded
cannot safely be forked.

Known differences from a plain kernel: packages of the preload list are already in ``sys.modules``; the hash seed of
strings is the same in all kernels of one warm process; ``/proc/PID/cmdline`` shows the warm process's command.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import socket
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from jupyter_client.connect import KernelConnectionInfo
from jupyter_client.provisioning.local_provisioner import LocalProvisioner
from traitlets import List, Unicode

from roadworthy.pipeline.preload import NotWarm, Recipe, connect, read, send

if sys.platform == "linux":
    import resource

__all__ = ["ForkedKernel", "NotWarm", "WarmProvisioner", "fork"]

_SECONDS_TO_START = 60.0  # with the warming up
_ATTEMPTS = 2  # a warm process may end just when it is asked
_LAUNCH_OPTIONS = {"env", "cwd", "extra_arguments", "kernel_id"}


class _Ended(NotWarm):
    """The warm process ended, or answered what cannot be understood, before a kernel had started."""


class ForkedKernel:
    """A kernel that the warm process forked: what of ``subprocess.Popen`` a provisioner makes use of.

    The connection is the kernel's life: when this process dies, however it dies, the warm process ends the kernel.
    """

    stdin = stdout = stderr = None

    def __init__(self, connection: socket.socket) -> None:
        self.returncode: int | None = None
        self._connection = connection
        self._heard = b""
        try:
            answer = self._answer(_SECONDS_TO_START)
        except TimeoutError:
            answer = {"refused": f"no kernel started within {_SECONDS_TO_START:.0f} s"}
        self.pid = answer.get("started", 0)
        if not isinstance(self.pid, int) or self.pid <= 0:
            if "refused" in answer:
                raise NotWarm(str(answer["refused"]))
            raise _Ended("the warm process ended before a kernel had started")

    def poll(self) -> int | None:
        """Return the exit code, or None while the kernel runs."""
        try:
            return self.wait(0.0)
        except TimeoutError:
            return None

    def wait(self, timeout: float | None = None) -> int:
        """Wait for the kernel's end and return its exit code.

        Raises
        ------
        TimeoutError
            When it still runs after ``timeout`` seconds.
        """
        if self.returncode is None:
            code = self._answer(timeout).get("ended")
            self.returncode = code if isinstance(code, int) else -signal.SIGKILL
            self._connection.close()
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel alone, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End the kernel at once."""
        self.send_signal(signal.SIGKILL)

    def terminate(self) -> None:
        """Ask the kernel to end."""
        self.send_signal(signal.SIGTERM)

    def _answer(self, timeout: float | None) -> dict[str, Any]:
        """Return the next answer; an empty one when the warm process has ended, and its kernels with it."""
        self._connection.settimeout(timeout)
        while b"\n" not in self._heard:
            try:
                part = self._connection.recv(4096)
            except BlockingIOError:
                raise TimeoutError from None
            except ConnectionError:
                return {}
            if not part:
                return {}
            self._heard += part
        line, _, self._heard = self._heard.partition(b"\n")
        try:
            answer = json.loads(line)
        except ValueError:
            return {}
        return answer if isinstance(answer, dict) else {}


def fork(command: Sequence[str], preload: Iterable[str], launch: Mapping[str, Any], files: str = "") -> ForkedKernel:
    """Have a kernel forked.

    Parameters
    ----------
    command
        What would start a plain kernel.
    preload
        Modules that the warm process has imported.
    launch
        What a plain kernel would be launched with, such as ``env`` and ``cwd``.
    files
        How the names of files begin that are removed at the kernel's end, if there are any.

    Raises
    ------
    NotWarm
        When there can only be a plain kernel; the message says why.
    """
    interpreter, arguments = _split(command)
    unknown = sorted(set(launch) - _LAUNCH_OPTIONS)
    if unknown:
        raise NotWarm(f"it was to be launched with {', '.join(unknown)}")
    environment = dict(launch.get("env") or os.environ)
    recipe = Recipe(interpreter, preload, environment)
    request = {
        "command": list(command),
        "arguments": arguments,
        "environment": environment | {"JPY_PARENT_PID": str(os.getpid())},
        "folder": str(Path(launch.get("cwd") or ".").absolute()),
        "files": files,
    }
    for _ in range(_ATTEMPTS - 1):
        try:
            return _ask(recipe, request)
        except (_Ended, ConnectionError):
            continue
    try:
        return _ask(recipe, request)
    except OSError as error:
        raise NotWarm(f"the warm process cannot be reached: {error}") from error


def _ask(recipe: Recipe, request: Mapping[str, object]) -> ForkedKernel:
    inherited = _inherited()
    connection = connect(recipe)
    try:
        with Path(os.devnull).open("wb") as nothing:  # for a process that has closed its own output
            streams = [number if _is_open(number) else nothing.fileno() for number in (1, 2)]
            send(connection, {"kernel": {**request, **inherited}}, streams)
        return ForkedKernel(connection)
    except BaseException:  # whatever it was, also Ctrl-C: a kernel that has started must not go on without its owner
        connection.close()
        raise


def _inherited() -> dict[str, object]:
    """Return what a process that is started inherits, and a process forked by another does not."""
    mask = re.search(r"^Umask:\s*(\d+)$", read("/proc/self/status"), re.MULTILINE)
    if mask is None:  # to ask the system instead would be to set it, for all threads
        raise NotWarm("the umask cannot be read from /proc/self/status")
    kinds = {getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")}
    return {"umask": int(mask[1], 8), "limits": {kind: resource.getrlimit(kind) for kind in sorted(kinds)}}


def _split(command: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the interpreter with its options, and the kernel's arguments; of this very interpreter only."""
    at = command.index("-m") if "-m" in command else 0
    interpreter = list(command[:at])
    is_simple = bool(interpreter) and all(option.startswith("-X") for option in interpreter[1:])
    if not is_simple or command[at + 1] != "ipykernel_launcher" or not _is_this_interpreter(interpreter[0]):
        raise NotWarm("its kernelspec is not that of this environment's ipykernel")
    return [sys.executable, *interpreter[1:]], list(command[at + 2 :])


def _is_this_interpreter(program: str) -> bool:
    """A virtual environment is told by the folder of its interpreter, which may be a link to one of many names."""
    other, this = Path(program), Path(sys.executable)
    return other.parent.resolve() == this.parent.resolve() and other.resolve() == this.resolve()


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True


class WarmProvisioner(LocalProvisioner):
    """Starts a warm kernel where that is possible and safe, and otherwise the plain one that it would have been.

    Attributes
    ----------
    preload
        Modules that the warm process imports ahead of its kernels.
    kind
        "warm" or "plain", once a kernel was started.
    reason
        Why it is a plain one.
    """

    preload = List(Unicode(), help="Modules that the warm process imports ahead of its kernels.").tag(config=True)
    kind: str | None = None
    reason: str = ""
    process: Any = None  # a Popen, or what stands in for it

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> KernelConnectionInfo:  # noqa: ANN401  # as its base
        """Launch a kernel, warm if possible."""
        try:
            self.process = await asyncio.to_thread(fork, cmd, self.preload, kwargs, self._files())
        except (NotWarm, OSError) as reason:
            self.kind, self.reason = "plain", str(reason)
            return await super().launch_kernel(cmd, **kwargs)
        self.kind, self.reason = "warm", ""
        self.pid = self.pgid = self.process.pid
        self.cwd = kwargs.get("cwd", Path.cwd())
        return self.connection_info

    def _files(self) -> str:
        """Return how the names of the kernel's sockets begin, when they are files."""
        info = self.connection_info
        return f"{info['ip']}-" if info["transport"] == "ipc" else ""

    async def send_signal(self, signum: int) -> None:
        """Signal the kernel's process group, unless the kernel has ended and its number may be another's by now."""
        if await self.poll() is None:
            await super().send_signal(signum)
