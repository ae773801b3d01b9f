"""Where lineage events go: a file, or an address by way of an outbox, so that a dead address costs a build nothing.

Events for an address are appended to a file first. A thread sends what stands there, oldest first, what earlier
builds left included, and stops at the first event that the address does not take; the next build goes on from there.
A build that is killed may leave events that were sent already: they come twice, none is lost.
"""

from __future__ import annotations

import json
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from roadworthy.config import Config
from roadworthy.errors import ConfigError

if TYPE_CHECKING:
    import httpx

TOKEN_VARIABLE = "OPENLINEAGE_API_KEY"  # noqa: S105 - its name, not its value
OUTBOX = ".roadworthy/openlineage.outbox.jsonl"
REFUSED = ".roadworthy/openlineage.refused.jsonl"
_ENDPOINT = "/api/v1/lineage"  # of the OpenLineage API; taken when an address has no path of its own
_SECONDS_TO_ANSWER = 2.0
_SECONDS_AT_END = 2.0
# An event that is refused for what it is would be refused for ever: it is set aside, so that others can follow.
_REFUSALS = (400, 413, 422)


class Collector(Protocol):
    """Takes events, each a line of JSON."""

    def add(self, line: bytes) -> None:
        """Take an event; never fails, never waits."""

    def close(self) -> str | None:
        """Return a warning in words when events could not be delivered."""


def collector(config: Config) -> Collector | None:
    """Return the configured collector; None when there is none.

    Raises
    ------
    ConfigError
        When what is configured is neither a file nor an http(s) address.
    """
    to = config.settings.openlineage.to
    if not to:
        return None
    if to.startswith(("http://", "https://")) and urlsplit(to).hostname:
        return _Address(to, config.path(OUTBOX), config.path(REFUSED))
    if "://" in to:
        raise ConfigError(
            f"tool.roadworthy.openlineage.to: {to!r} is neither a file nor an http(s) address.",
            "Write a path below the project's root, or an address such as http://localhost:5000.",
        )
    return _File(config.path(to))


class _File:
    """Lines appended to a file, each by one write, so that several builds may share it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._problem = ""

    def add(self, line: bytes) -> None:
        self._problem = _append(self._path, line) or self._problem

    def close(self) -> str | None:
        if not self._problem:
            return None
        return f"Lineage events could not be written to {self._path}: {self._problem}."


class _Address:
    """Lines sent to an address by a thread of its own."""

    def __init__(self, address: str, outbox: Path, refused: Path) -> None:
        parts = urlsplit(address)
        self._address = address if parts.path.strip("/") else parts._replace(path=_ENDPOINT).geturl()
        self._shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"  # without a password
        self._outbox, self._refused = outbox, refused
        self._sent = 0  # bytes of the outbox that were delivered
        self._set_aside = 0
        self._problem = ""
        self._changed = threading.Condition()
        self._closing = self._gave_up = False
        self._httpx: Any = None
        self._thread: threading.Thread | None = None

    def add(self, line: bytes) -> None:
        with self._changed:
            problem = _append(self._outbox, line)
            if problem:
                self._problem = f"{self._outbox} cannot be written: {problem}"
            if self._thread is None:  # a build with nothing to tell does not even try
                self._start()
            self._changed.notify()

    def close(self) -> str | None:
        if self._thread is None:
            return None
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(_SECONDS_AT_END)  # a daemon, for whoever takes longer
        with self._changed:
            self._gave_up = True  # what is on its way now is sent once more
            left = self._waiting()
            self._keep(left)
        return self._warning(left.count(b"\n"))

    def _warning(self, left: int) -> str | None:
        said = []
        if left or self._problem:
            reason = self._problem or "not all were taken in time"
            kept = f"; {left:,} are kept in {self._outbox} and sent with the next build" if left else ""
            said.append(f"Lineage events could not be delivered to {self._shown}: {reason}{kept}.")
        if self._set_aside:
            said.append(f"{self._shown} refused {self._set_aside:,} lineage events; they are in {self._refused}.")
        return " ".join(said) or None

    # --- the thread

    def _start(self) -> None:
        # Imported here: 0.2 s that no build should pay which has nothing to send.
        import httpx

        self._httpx = httpx
        self._thread = threading.Thread(target=self._keep_sending, name="openlineage", daemon=True)
        self._thread.start()

    def _keep_sending(self) -> None:
        token = os.environ.get(TOKEN_VARIABLE)
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        try:
            with self._httpx.Client(timeout=_SECONDS_TO_ANSWER, headers=headers) as client:
                while lines := self._next():
                    for line in lines:
                        if not self._send(client, line):
                            return
        except Exception as error:  # a proxy or certificate that cannot be used, whatever: no build fails of it
            self._problem = type(error).__name__

    def _next(self) -> list[bytes]:
        """Wait for lines to send; none when there will be no more."""
        with self._changed:
            while not (found := self._waiting()) and not self._closing:
                self._changed.wait()
            return found.splitlines(keepends=True)

    def _send(self, client: httpx.Client, line: bytes) -> bool:
        """Send one line; return whether to go on."""
        problem, refused = self._post(client, line)
        with self._changed:
            if self._gave_up:
                return False
            if refused:
                told = {"answer": problem, "event": line.decode(errors="replace").strip()}
                _append(self._refused, json.dumps(told).encode() + b"\n")
                self._set_aside += 1
            elif problem:
                self._problem = problem
                return False
            self._sent += len(line)
            return True

    def _post(self, client: httpx.Client, line: bytes) -> tuple[str, bool]:
        """Return what was wrong, in words, and whether it was the event itself."""
        try:
            answer = client.post(self._address, content=line)
        except self._httpx.TimeoutException:
            return f"no answer within {_SECONDS_TO_ANSWER:.0f} s", False
        except self._httpx.HTTPError as error:
            return str(error) or type(error).__name__, False
        problem = "" if answer.is_success else f"HTTP {answer.status_code} {answer.reason_phrase}".strip()
        return problem, answer.status_code in _REFUSALS

    # --- the outbox

    def _waiting(self) -> bytes:
        try:
            with self._outbox.open("rb") as file:
                file.seek(self._sent)
                found = file.read()
        except OSError:
            return b""
        return found[: found.rfind(b"\n") + 1]  # a line cut short by a full disk is no event

    def _keep(self, lines: bytes) -> None:
        try:
            if not lines:
                self._outbox.unlink(missing_ok=True)
            elif self._sent:
                aside = self._outbox.with_name(f"{self._outbox.name}.{os.getpid()}")
                aside.write_bytes(lines)
                aside.replace(self._outbox)
        except OSError:
            return  # then they are sent once more


def _append(path: Path, line: bytes) -> str:
    """Append a line by one write; return what was wrong, in words."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            end = os.fstat(descriptor).st_size
            if os.write(descriptor, line) < len(line):  # the disk is full: half a line would spoil the next
                os.ftruncate(descriptor, end)
                return "no room for a whole line"
        finally:
            os.close(descriptor)
    except OSError as error:
        return error.strerror or type(error).__name__
    return ""
