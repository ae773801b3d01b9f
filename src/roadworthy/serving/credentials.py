"""The ids of requests, and the key with which they are signed.

The key is the environment variable ROADWORTHY_REQUEST_KEY, which services on several machines must have in common;
without it a file below ``.roadworthy/`` that only its owner may read, made once when first asked for.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import tempfile
import time
from pathlib import Path
from typing import Literal

from roadworthy.config import Config
from roadworthy.errors import ServingError

Known = Literal["known", "unknown request", "row out of range"]

KEY_VARIABLE = "ROADWORTHY_REQUEST_KEY"
_SHORTEST_KEY = 32
_SIGNATURE_LENGTH = 12


def secret(config: Config) -> bytes:
    """Return the key with which request ids are signed.

    Raises
    ------
    ServingError
        When the environment's key is too short, or the file cannot be made or read, or is empty.
    """
    given = os.environ.get(KEY_VARIABLE)
    if not given:
        return _once(config.private("secret")).encode()
    if len(given) < _SHORTEST_KEY:
        raise ServingError(
            f"{KEY_VARIABLE} has {len(given)} characters: whoever guesses it can forge request ids.",
            f"Set it to at least {_SHORTEST_KEY} random ones, such as `openssl rand -hex 32` prints.",
        )
    return given.encode()


def new_request_id(key: bytes, rows: int) -> str:
    """Return an id for a request of so many rows: time and randomness, the number of rows, a signature.

    Examples
    --------
    >>> verify(b"key", new_request_id(b"key", 3), row=2)
    'known'
    """
    return request_id(key, rows, milliseconds=time.time_ns() // 1_000_000, randomness=secrets.token_bytes(6))


def request_id(key: bytes, rows: int, *, milliseconds: int, randomness: bytes) -> str:
    """Return the id of a request that was made before, and may be made again: the same always gives the same.

    Parameters
    ----------
    milliseconds
        When it was first made, since 1970 in UTC.
    randomness
        Six bytes that no other request of that millisecond has.

    Examples
    --------
    >>> verify(b"key", request_id(b"key", 3, milliseconds=1_385_000_000_000, randomness=b"abcdef"), row=2)
    'known'
    """
    body = f"{milliseconds:012x}{randomness.hex()}-{rows}"
    return f"{body}-{_signature(key, body)}"


def verify(key: bytes, request_id: str, row: int) -> Known:
    """Tell whether this service gave out the id, and whether its request had that row, without any look-up.

    Examples
    --------
    >>> verify(b"key", new_request_id(b"key", 3), row=3)
    'row out of range'
    >>> verify(b"key", new_request_id(b"another key", 3), row=0)
    'unknown request'
    """
    body, _, signature = request_id.rpartition("-")
    if not hmac.compare_digest(_signature(key, body).encode(), signature.encode(errors="replace")):
        return "unknown request"
    rows = int(body.rpartition("-")[2])
    return "known" if 0 <= row < rows else "row out of range"


def _signature(key: bytes, body: str) -> str:
    return hmac.new(key, body.encode(errors="replace"), hashlib.sha256).hexdigest()[:_SIGNATURE_LENGTH]


def _once(path: Path) -> str:
    """Read the file, made first when it is not there; of several makers at once, all read the first one's."""
    try:
        if not path.exists():
            _make(path)
        value = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise ServingError(
            f"{path} cannot be made or read: {error}.", "Give this user write access to its folder."
        ) from error
    if not value:
        raise ServingError(f"{path} is empty.", "Delete it; a new one is made at the next start.")
    return value


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(secrets.token_urlsafe(32))
            file.flush()
            os.fsync(file.fileno())
        Path(path).hardlink_to(draft)  # unlike a rename, fails when another was first
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()
