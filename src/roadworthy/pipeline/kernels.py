"""Kernels and notebooks: kernels that talk encrypted, executed notebooks that JupyterLab trusts, failures in words."""

from __future__ import annotations

import contextlib
import os
import re
import sqlite3
import uuid
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from queue import Empty
from time import monotonic
from types import MappingProxyType
from typing import Any, ClassVar

import nbformat
import zmq
import zmq.asyncio
from jupyter_client.asynchronous.client import AsyncKernelClient
from jupyter_client.channels import AsyncZMQSocketChannel
from jupyter_client.manager import AsyncKernelManager
from jupyter_client.session import Session
from nbformat.sign import NotebookNotary
from papermill.exceptions import PapermillExecutionError
from traitlets import Type, default

from roadworthy.pipeline.preload import KERNEL_ENVIRONMENT, NotWarm, folder
from roadworthy.pipeline.warm import WarmProvisioner
from roadworthy.secrets import masked

OnStart = Callable[[int, str], None]
_ANSI = re.compile(r"\x1b\[[0-9;]*m")
_FAILING_LINE = re.compile(r"^-+> ?(\d+) (.*)$", re.MULTILINE)
_NEXT = "\nNext: "
_SECONDS_TO_SUBSCRIBE = 0.05
_SECONDS_BETWEEN_LOOKS = 0.005
_NONE: Mapping[str, str] = MappingProxyType({})


# --- messages -------------------------------------------------------------------------------------------------------


class _MaskingChannel(AsyncZMQSocketChannel):
    """A channel whose messages have their secrets masked before anybody sees them.

    Printed text may be cut anywhere, above all that of programs which a notebook starts: what may be the beginning of
    a secret at its end is held back until the next message. Whatever is shown between the two halves, or a secret
    spelled otherwise in halves, gets past; see also :mod:`roadworthy.secrets`.
    """

    known: Mapping[str, str] = _NONE

    def __init__(self, socket: zmq.asyncio.Socket, session: Session, loop: object = None) -> None:
        super().__init__(socket, session, loop)
        self._masked: deque[dict[str, Any]] = deque()
        self._held: dict[str, dict[str, Any]] = {}  # by the name of the stream

    async def get_msg(self, timeout: float | None = None) -> dict[str, Any]:  # type: ignore[override]
        """Return the next message, masked."""
        until = None if timeout is None else monotonic() + timeout
        while not self._masked:
            left = None if until is None else max(0.0, until - monotonic())
            self._masked.extend(self._mask(await super().get_msg(left)))
        return self._masked.popleft()

    def _mask(self, message: dict[str, Any]) -> Iterator[dict[str, Any]]:
        if not self.known:
            yield message
        elif message["msg_type"] == "stream":
            yield from self._mask_stream(message)
        else:
            yield from self._held.values()
            self._held.clear()
            yield message | {part: masked(message[part], self.known) for part in ("content", "metadata")}

    def _mask_stream(self, message: dict[str, Any]) -> Iterator[dict[str, Any]]:
        content = message["content"]
        held = self._held.pop(content["name"], None)
        text = masked((held["content"]["text"] if held else "") + content["text"], self.known)
        cut = len(text) - self._possible_beginning(text)
        if cut < len(text):
            self._held[content["name"]] = message | {"content": content | {"text": text[cut:]}}
        if cut:
            yield message | {"content": content | {"text": text[:cut]}}

    def _possible_beginning(self, text: str) -> int:
        """Return how many characters at the end of a text are the beginning of a secret that may go on after it."""
        sizes = (size for value in self.known.values() for size in range(1, len(value)) if text.endswith(value[:size]))
        return max(sizes, default=0)


# --- kernels --------------------------------------------------------------------------------------------------------


class PromptClient(AsyncKernelClient):
    """A client that is ready as soon as the kernel is, and opens the channels that executing a notebook needs.

    Jupyter's own waits a fifth of a second for messages that will not come, and beats a heart that a local kernel,
    whose process is watched, does not need.
    """

    shell_channel_class = Type(_MaskingChannel)
    iopub_channel_class = Type(_MaskingChannel)

    def start_channels(self) -> None:  # type: ignore[override]  # it is for executing notebooks only
        """Start the channels that requests, replies and outputs take."""
        super().start_channels(stdin=False, hb=False, control=False)
        for channel in (self.shell_channel, self.iopub_channel):
            channel.known = getattr(self.parent, "known", channel.known)

    def stop_channels(self) -> None:
        """Stop what was started."""
        for channel in (self._shell_channel, self._iopub_channel):
            if channel is not None:
                channel.stop()
        if self._created_context and not self.context.closed:
            self.context.destroy(linger=0)

    async def wait_for_ready(self, timeout: float | None = None) -> None:
        """Wait until the kernel answers, and what it publishes is heard.

        Raises
        ------
        RuntimeError
            When the kernel dies before that, or does not answer in time.
        """
        until = monotonic() + (float("inf") if timeout is None else timeout)
        while not await self._is_heard():
            if not await self.is_alive():
                raise RuntimeError("Kernel died before replying to kernel_info")
            if monotonic() > until:
                raise RuntimeError(f"Kernel didn't respond in {timeout:.0f} seconds")

    async def _is_heard(self) -> bool:
        """Ask the kernel for itself; what it publishes about that is lost as long as we have not yet subscribed."""
        self.kernel_info()
        try:
            self._handle_kernel_info_reply(await self.shell_channel.get_msg(timeout=1))
            await self.iopub_channel.get_msg(timeout=_SECONDS_TO_SUBSCRIBE)
        except Empty:
            return False
        return True


class EncryptedKernels(AsyncKernelManager):
    """Kernels whose traffic is encrypted by CurveZMQ where kernel and pyzmq can.

    With it ipykernel has nothing to warn of: by default it prints, into every run, that code and outputs go over TCP
    in plain text. Sockets of files (``transport="ipc"``) would do as well, but not on Windows, and not below a folder
    with a long name; kernels that may be warm use them where they can.
    """

    @default("transport_encryption")
    def _encrypt_if_possible(self) -> str:
        return "auto" if zmq.has("curve") else "disabled"


class TaskKernels(EncryptedKernels):
    """The kernel of one task; :func:`prepare` makes a subclass for each, which remembers what was started.

    Attributes
    ----------
    warm
        Whether a warm kernel is wanted.
    preload
        Modules that the warm process has imported.
    known
        The task's secrets by name, which reach no output.
    kind
        "warm" or "plain", once the kernel has started.
    reason
        Why it is plain although warm was wanted.
    on_start
        Called with the kernel's process id and its kind as soon as it runs.
    """

    warm: ClassVar[bool] = False
    preload: ClassVar[tuple[str, ...]] = ()
    known: ClassVar[Mapping[str, str]] = _NONE
    kind: ClassVar[str] = ""
    reason: ClassVar[str] = ""
    on_start: ClassVar[OnStart] = staticmethod(lambda process, kind: None)

    @default("client_factory")
    def _prompt_client(self) -> type[AsyncKernelClient]:
        return PromptClient

    async def start_kernel(self, **options: Any) -> None:  # type: ignore[override]  # noqa: ANN401  # as its base
        """Start the kernel, warm where that is wanted and the kernelspec names no provisioner of its own."""
        spec = self.kernel_spec
        if self.warm and self.provisioner is None and spec and "kernel_provisioner" not in spec.metadata:
            self.kernel_id = self.kernel_id or str(uuid.uuid4())
            self._talk_by_files()
            self.provisioner = WarmProvisioner(
                kernel_id=self.kernel_id, kernel_spec=spec, parent=self, preload=list(self.preload)
            )
        await super().start_kernel(**options)
        started = type(self)
        started.kind = getattr(self.provisioner, "kind", "plain")
        started.reason = getattr(self.provisioner, "reason", "")
        pid = getattr(self.provisioner, "pid", None)
        if pid is not None:
            started.on_start(pid, started.kind)

    def _talk_by_files(self) -> None:
        """Use sockets in the private folder: ports can be taken by another kernel that starts at the same time."""
        with contextlib.suppress(NotWarm):
            self.ip = str(folder() / f"k{uuid.uuid4().hex[:12]}")
            self.transport = "ipc"

    async def _async_finish_shutdown(
        self, waittime: float | None = None, pollinterval: float = _SECONDS_BETWEEN_LOOKS, restart: bool = False
    ) -> None:
        """Look more often than Jupyter does whether the kernel has ended: it mostly takes a hundredth of a second."""
        await super()._async_finish_shutdown(waittime, pollinterval, restart)


def prepare(
    executor_params: dict[str, Any],
    *,
    terminal: bool,
    warm: bool = False,
    preload: Sequence[str] = (),
    secrets: Mapping[str, str] = _NONE,
    on_start: OnStart | None = None,
) -> None:
    """Fill in Papermill's options for a task, wherever pipeline.yaml does not name them itself.

    Kernels inherit a passive OpenMP: its threads otherwise spin while they wait for one another, and where another
    process wants the same cores that made a fit of 2 s take 22 s.

    Parameters
    ----------
    executor_params
        The task's options, filled in here.
    terminal
        Whether somebody watches: without, there is no progress bar.
    warm
        Whether to fork the kernel from a warm process, where that is safe.
    preload
        What the warm process imports, see :func:`roadworthy.pipeline.preload.preloadable`; the same for all tasks of a
        pipeline, or each gets a warm process of its own.
    secrets
        Names and values that must reach no output.
    on_start
        Called with the kernel's process id and its kind as soon as it runs.
    """
    for name, value in KERNEL_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    remembered = {"warm": warm, "preload": tuple(preload), "known": dict(secrets)}
    if on_start is not None:
        remembered["on_start"] = staticmethod(on_start)
    executor_params.setdefault("kernel_manager_class", type("TaskKernels", (TaskKernels,), remembered))
    if not terminal:
        executor_params.setdefault("progress_bar", False)


def kind(executor_params: Mapping[str, Any]) -> str | None:
    """Return whether the task's kernel was "warm" or "plain"; None when none was started, or not by us.

    It is known in the process that executed the task.
    """
    return getattr(executor_params.get("kernel_manager_class"), "kind", "") or None


def reason(executor_params: Mapping[str, Any]) -> str:
    """Return why the kernel was plain although a warm one was wanted; empty when there is nothing to say."""
    return getattr(executor_params.get("kernel_manager_class"), "reason", "")


def sign(path: Path) -> None:
    """Sign an executed notebook, so that JupyterLab shows its rich outputs to this user without asking."""
    try:
        NotebookNotary().sign(nbformat.read(path, as_version=4))  # type: ignore[no-untyped-call]
    except (OSError, sqlite3.Error):
        return  # no home folder to keep signatures in: the notebook is then merely untrusted


def explain(
    error: BaseException,
    *,
    task: str,
    notebook: str,
    cells: list[Any],
    parameters: dict[str, Any],
    running: int | None = None,
) -> str:
    """Return what made a notebook task fail, in words, ending with the next step.

    Parameters
    ----------
    error
        What the task raised; the notebook's own exception is among its causes.
    task
        The task's name.
    notebook
        The source notebook's path below the root.
    cells
        The cells as executed, with the one that Ploomber injected.
    parameters
        What the task was given.
    running
        Index of the cell that was being executed when something other than its code failed, such as the kernel.
    """
    cause = _cause(error)
    given = ", ".join(f"{name}={value!r}" for name, value in parameters.items()) or "none"
    look = f"Run `roadworthy debug {task}`: it opens {notebook} in JupyterLab with the same inputs."
    if not isinstance(cause, PapermillExecutionError):
        message = " ".join(str(cause).split()) or type(cause).__name__
        place = f" in cell {_cell_number(running, cells)} of {notebook}" if running is not None else f" ({notebook})"
        return f"Task {task!r} failed{place}: {message}\nParameters: {given}.{_NEXT}{look}"
    said, _, remedy = f"{cause.ename}: {cause.evalue}".partition(_NEXT)
    step = f"{remedy} ({look})" if remedy else look
    place = f"cell {_cell_number(cause.cell_index, cells)} of {notebook}{_failing_line(cause)}"
    return f"Task {task!r} failed in {place}: {said}\nParameters: {given}.{_NEXT}{step}"


def _cause(error: BaseException) -> BaseException:
    while error.__cause__ is not None and not isinstance(error, PapermillExecutionError):
        error = error.__cause__
    return error


def _cell_number(index: int, cells: list[Any]) -> int:
    """Count as the user sees the source notebook: from 1, without the cell that was injected."""
    injected = sum("injected-parameters" in cell.metadata.get("tags", ()) for cell in cells[: index + 1])
    return index + 1 - injected


def _failing_line(error: PapermillExecutionError) -> str:
    found = _FAILING_LINE.search(_ANSI.sub("", "\n".join(error.traceback)))
    return f", line {found[1]} `{found[2].strip()}`" if found else ""
