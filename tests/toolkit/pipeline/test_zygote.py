"""The warm process by itself: how long it lives, and that nobody can harm it. Its kernels are in test_forked.py."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from roadworthy.pipeline import preload

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="There are no warm processes elsewhere."),
]
Eventually = Callable[[Callable[[], bool]], bool]
Ended = Callable[[psutil.Process], bool]
HELD = b'{"held": true}\n'


def warm_processes(base: Path) -> list[psutil.Process]:
    """The processes whose command names a socket in the folder."""
    processes = psutil.process_iter(["cmdline"])
    return [process for process in processes if any(str(base) in part for part in process.info["cmdline"] or ())]


def test_it_lives_while_it_is_held_and_then_ends(
    sockets: Path, monkeypatch: pytest.MonkeyPatch, eventually: Eventually, ended: Ended
) -> None:
    monkeypatch.setenv(preload.IDLE_VARIABLE, "0")
    assert preload.start([]) == ""
    assert next(iter(preload._HELD.values())).recv(100) == b'{"held": true}\n'
    (process,) = warm_processes(sockets)
    time.sleep(2.5)  # longer than it takes to look at the clock
    assert not ended(process)
    preload.let_go()
    assert eventually(lambda: ended(process))
    assert sorted(path.name for path in preload.folder().iterdir()) == ["start.lock"]


def test_it_ends_when_its_socket_is_gone(sockets: Path, eventually: Eventually) -> None:
    preload.start([])
    preload.let_go()
    assert eventually(lambda: len(warm_processes(sockets)) == 1)
    for path in preload.folder().glob("*.sock"):
        path.unlink()
    assert eventually(lambda: not warm_processes(sockets))


def test_it_ends_when_nobody_has_asked_it_for_long(
    sockets: Path, monkeypatch: pytest.MonkeyPatch, eventually: Eventually, ended: Ended
) -> None:
    monkeypatch.setenv(preload.IDLE_VARIABLE, "1.5")
    preload.start([])
    assert next(iter(preload._HELD.values())).recv(100) == HELD
    (process,) = warm_processes(sockets)
    preload.let_go()
    time.sleep(0.7)
    assert not ended(process)
    assert eventually(lambda: ended(process))


def test_a_request_that_is_nonsense_is_refused_and_harms_nobody(sockets: Path) -> None:
    assert preload.start([]) == ""
    assert next(iter(preload._HELD.values())).recv(100) == HELD
    (before,) = warm_processes(sockets)
    (path,) = preload.folder().glob("*.sock")
    for request in (b"", b"\0", b"\0\0\0\2{]", b"\0\0\0\2{}", b"\0\0\0\4null", b"GET / HTTP/1.1\r\n\r\n"):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            assert b'"refused"' in connection.recv(1000)
    assert preload.start([]) == ""
    assert next(iter(preload._HELD.values())).recv(100) == HELD
    assert warm_processes(sockets) == [before]
