"""The child of a warm process: it takes on what a started process inherits, is a kernel, and ends as Python does.

Linux only; :mod:`roadworthy.pipeline.zygote` is the only caller, and what is here runs in the kernel's own process.
"""

from __future__ import annotations

import ctypes
import gc
import importlib.util
import io
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

_PR_SET_PDEATHSIG = 1  # linux/prctl.h: the signal that this process gets when its parent dies
_SECONDS_FOR_THE_LAST_ANSWER = 2.0


def become_kernel(
    request: Mapping[str, Any], streams: Sequence[int], tell: Callable[..., None], hang_up: Callable[[], None]
) -> None:
    """Be the kernel that was asked for, as if its own command had started it; return when it has ended.

    Parameters
    ----------
    request
        What a process that is started would have inherited, the kernel's arguments, and the warm process's number.
    streams
        Descriptors of the standard output and error.
    tell
        Answers who asked: that the kernel has started, or why it could not.
    hang_up
        Ends the conversation.
    """
    from ipykernel.kernelapp import IPKernelApp  # imported long ago, when the process was warmed up

    try:
        _take_on(request, streams)
        app = IPKernelApp.instance(parent_handle=request["parent"])
        app.initialize(request["arguments"])  # type: ignore[no-untyped-call]
    except BaseException as error:  # SystemExit, too, is how a kernel says that it cannot start
        tell(refused=f"the kernel could not be started: {error!r}")
        os._exit(1)
    tell(started=os.getpid())
    hang_up()
    app.start()  # type: ignore[no-untyped-call]
    # ipykernel closes its output while this thread may still be writing to it, and would then wait for it in vain
    app.control_thread.join(_SECONDS_FOR_THE_LAST_ANSWER)


def _take_on(request: Mapping[str, Any], streams: Sequence[int]) -> None:
    """Take on all that a started process inherits from who starts it."""
    os.setsid()
    _die_with(request["parent"])
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for number, (soft, hard) in request["limits"].items():
        if resource.getrlimit(int(number)) != (soft, hard):
            resource.setrlimit(int(number), (soft, hard))
    os.umask(request["umask"])
    _take_streams(streams)
    os.environ.clear()
    os.environ.update(request["environment"])
    time.tzset()
    os.chdir(request["folder"])
    if "matplotlib" in sys.modules and Path("matplotlibrc").exists():
        raise RuntimeError("matplotlib was imported before it could read the folder's matplotlibrc")
    sys.argv = [importlib.util.find_spec("ipykernel_launcher").origin, *request["arguments"]]  # type: ignore[union-attr, list-item]
    sys.orig_argv[:] = request["command"]
    importlib.invalidate_caches()
    _be_random()


def _die_with(parent: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before
        os._exit(1)


def _take_streams(streams: Sequence[int]) -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    for source, target in zip((nothing, *streams), (0, 1, 2), strict=True):
        os.dup2(source, target)
        os.close(source)


def _be_random() -> None:
    """Make chance differ from kernel to kernel where it lives in memory that they share.

    Python's own generator does so at any fork; the hash seed of strings stays the warm process's.
    """
    if "numpy" in sys.modules:
        sys.modules["numpy"].random.seed()
    if "multiprocessing.process" in sys.modules:
        sys.modules["multiprocessing.process"].current_process().authkey = os.urandom(32)


class QuickExit:
    """The end of a kernel whose work is done: all that Python does at its end, but for taking down the shared modules.

    Taking them down would copy most of the pages that the kernel shares with the warm process, for nothing.
    It is registered first, so ``atexit`` calls it last: after the threads were waited for, and after IPython has let
    go of the notebook's variables.
    """

    is_clean = False

    def __call__(self) -> None:
        """Leave, when the kernel came to its end."""
        if not self.is_clean:
            return
        gc.collect()  # what only cycles kept alive ends as it would have
        for thing in gc.get_objects():
            if type(thing) in (io.TextIOWrapper, io.BufferedWriter, io.BufferedRandom) and not thing.closed:
                _flush(thing)
        ctypes.CDLL(None).fflush(None)
        os._exit(0)


def _flush(file: io.TextIOWrapper | io.BufferedWriter | io.BufferedRandom) -> None:
    try:
        file.flush()
    except (OSError, ValueError):  # nobody reads it any more
        return
