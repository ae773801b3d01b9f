"""Bearer tokens: who may ask a service for what.

A token is ``rw_<id>_<secret>``. The id, 8 hexadecimal digits, is public: a token is found and named by it. The secret
is 32 bytes of the operating system's randomness. Only the SHA-256 of the whole token is kept. What a password needs
against guessing, a salt and a slow hash, would add nothing here: 256 bits of randomness are in no dictionary, and
each request would pay for it. Why it is done so: docs/decisions/0009-access.md.
"""

from __future__ import annotations

import hashlib
import hmac
import math
import os
import re
import secrets
import socket
import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from filelock import FileLock

from roadworthy.audit import COMMAND_LINE, recorded
from roadworthy.config import Config
from roadworthy.errors import ServingError, TokenError
from roadworthy.records import AccessToken, Scope, now
from roadworthy.state import State

LOCAL = "local"
LOCAL_SCOPES: tuple[Scope, ...] = ("predict", "feedback")
LOCAL_FILE = ".roadworthy/token"
_LOCAL_LOCK = ".roadworthy/token.lock"
_SECRET_BYTES = 32
_LONGEST_NAME = 100
_ID = re.compile(r"[0-9a-f]{8}")
_TOKEN = re.compile(r"rw_([0-9a-f]{8})_[A-Za-z0-9_-]{32,}")
_SECRET_LIKE = re.compile(r"rw_|[A-Za-z0-9_-]{43}")  # as long as 32 bytes are in this spelling


# --- making and revoking -------------------------------------------------------------------------------------------


def create(
    state: State,
    name: str,
    scopes: Iterable[Scope],
    *,
    by: str,
    expires: datetime | None = None,
    origin: str = COMMAND_LINE,
) -> tuple[str, AccessToken]:
    """Make a token and put its record into the state.

    Parameters
    ----------
    state
        Where services look tokens up.
    name
        Whom or what it is for; several tokens may go by one name, so that a new one can replace an old one at leisure.
    scopes
        What it gives a right to.
    by
        Who makes it; goes into the audit log.
    expires
        The moment from which it is worth nothing, timezone-aware; None for never.

    Returns
    -------
    tuple of str and AccessToken
        The token itself, which is nowhere else and cannot be found again, and its record.

    Raises
    ------
    TokenError
        When the name cannot be used, no scope is given, or it would have expired already.
    """
    with recorded(state, who=by, act="create token", origin=origin) as act:
        given = frozenset(scopes)
        act.target = _fit_name(name)
        _expect_use(given, expires)
        token_id = secrets.token_hex(4)
        token = f"rw_{token_id}_{secrets.token_urlsafe(_SECRET_BYTES)}"
        ordered = tuple(scope for scope in ("predict", "feedback", "admin") if scope in given)
        record = AccessToken(id=token_id, name=name, hash=_hash(token), scopes=ordered, by=by, expires=expires)
        state.add_token(record)
        act.target = _called(record)
        act.detail = f"scopes {', '.join(ordered)}" + (f", until {expires:%Y-%m-%d %H:%M} UTC" if expires else "")
    return token, record


def revoke(state: State, id_or_name: str, *, by: str, origin: str = COMMAND_LINE) -> AccessToken:
    """Revoke a token; services refuse it within a second. One that is revoked already stays as it was.

    Parameters
    ----------
    id_or_name
        Its id, the name of one that is not revoked, or the token itself.
    by
        Who revokes it; goes into the audit log.

    Raises
    ------
    TokenError
        When no token goes by it, or several do.
    """
    with recorded(state, who=by, act="revoke token", origin=origin) as act:
        whole = _TOKEN.fullmatch(id_or_name)
        wanted = whole[1] if whole else id_or_name
        act.target = wanted if whole else _without_secret(wanted)
        record = _find(state.tokens(), act.target)
        act.target = _called(record)
        if record.revoked is not None:
            act.detail = f"it was revoked already at {record.revoked:%Y-%m-%d %H:%M} UTC"
        return state.revoke_token(record.id) or record


def local(config: Config, state: State) -> str:
    """Return the token of this machine's own tools, from ``.roadworthy/token``; made and registered where needed.

    It goes by the name ``local`` and may predict and send feedback. When the state no longer knows it, or it was
    revoked or is not of today's form, another takes its place, and the audit log says so. That holds for one that was
    revoked on purpose too: revoking ends that token, wherever it may have got to. It cannot end the right of whoever
    may write this folder and the state, because they can make tokens anyway.

    Raises
    ------
    ServingError
        When the file cannot be made or read.
    StateError
        When the state cannot be reached.
    """
    path = config.path(LOCAL_FILE)
    try:
        found = _in_use(path, state)
        if found is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            with FileLock(config.path(_LOCAL_LOCK)):  # of several at once, the others read what the first one made
                found = _in_use(path, state) or _renew(path, state)
    except OSError as error:
        raise ServingError(
            f"{path} cannot be made or read: {error}.", "Give this user write access to its folder."
        ) from error
    return found


# --- as a service knows them ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Refusal:
    """Why a request is not let in, with the status that says so over HTTP."""

    status: Literal[401, 403, 503]
    fact: str
    next_step: str


class TokenBook:
    """The tokens as a service last read them. `check` may be called in one thread while `replace` is in another.

    Parameters
    ----------
    clock
        Seconds since 1970, against which tokens expire.

    Examples
    --------
    >>> book = TokenBook()
    >>> book.check("Bearer rw_0badcafe_and-so-on", "predict").status
    503
    """

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._entries: dict[str, _Entry] | None = None

    @property
    def known(self) -> bool:
        """Whether the tokens were ever read."""
        return self._entries is not None

    def replace(self, tokens: Iterable[AccessToken]) -> None:
        """Take these in place of those of before, all at once."""
        self._entries = {record.id: _Entry.of(record) for record in tokens}

    def check(self, authorization: str, scope: Scope) -> AccessToken | Refusal:
        """Return the token that a request shows, when it gives the right; otherwise why not.

        Parameters
        ----------
        authorization
            The value of the request's header of that name; blank when it has none.
        scope
            The right that the request needs.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme != "Bearer" and scheme.lower() != "bearer":
            return _MISSING
        entries = self._entries
        if entries is None:
            return _NEVER_READ
        entry = entries.get(token[3:11])
        if entry is None or not hmac.compare_digest(
            hashlib.sha256(token.encode(errors="replace")).digest(), entry.hash
        ):
            return _UNKNOWN
        if entry.revoked:
            return _REVOKED
        if self._clock() >= entry.expires:
            return _EXPIRED
        return entry.record if scope in entry.scopes else _LACKING[scope]


@dataclass(frozen=True, slots=True)
class _Entry:
    """A record, made ready for what every request asks."""

    record: AccessToken
    hash: bytes
    scopes: frozenset[Scope]
    revoked: bool
    expires: float

    @classmethod
    def of(cls, record: AccessToken) -> _Entry:
        expires = math.inf if record.expires is None else record.expires.timestamp()
        return cls(record, bytes.fromhex(record.hash), frozenset(record.scopes), record.revoked is not None, expires)


_MAKE = "with one that `roadworthy token create` makes"
_MISSING = Refusal(401, "The token is missing.", f"Send the header `Authorization: Bearer TOKEN` {_MAKE}.")
_UNKNOWN = Refusal(401, "The token is not known.", f"Send the header `Authorization: Bearer TOKEN` {_MAKE}.")
_REVOKED = Refusal(401, "The token was revoked.", "Ask whoever runs this service for another.")
_EXPIRED = Refusal(401, "The token has expired.", "Ask whoever runs this service for another.")
_NEVER_READ = Refusal(
    503, "The service could not read its tokens yet: its state database is away.", "Try again in a moment."
)
_LACKING: dict[Scope, Refusal] = {
    scope: Refusal(
        403,
        f"The token does not have the scope {scope}.",
        f"Use one that was made with `roadworthy token create NAME --scope {scope}`.",
    )
    for scope in ("predict", "feedback", "admin")
}


# --- the parts -----------------------------------------------------------------------------------------------------


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _called(record: AccessToken) -> str:
    return f"{record.name} ({record.id})"


def _fit_name(name: str) -> str:
    # names are stored and shown: one that is a token would give it away, one like an id would be taken for it
    _without_secret(name)
    if _ID.fullmatch(name):
        raise TokenError(f"{name!r} looks like a token's id.", "Choose a name that says whom or what it is for.")
    if not name.strip() or len(name) > _LONGEST_NAME or not name.isprintable():
        raise TokenError(
            f"A token's name is 1 to {_LONGEST_NAME} printable characters, and this is none.",
            "Choose a name that says whom or what it is for.",
        )
    return name


def _without_secret(text: str) -> str:
    if _SECRET_LIKE.search(text):
        raise TokenError("This looks like a token, or a part of one, and not like a name.", "Give its name or its id.")
    return text


def _expect_use(scopes: frozenset[Scope], expires: datetime | None) -> None:
    if not scopes:
        raise TokenError("A token without a scope gives no right.", "Give it --scope predict, feedback or admin.")
    if expires is not None and expires <= now():
        raise TokenError(f"The token would have expired at {expires:%Y-%m-%d %H:%M} UTC.", "Choose a later moment.")


def _find(records: list[AccessToken], wanted: str) -> AccessToken:
    by_id = [record for record in records if record.id == wanted]
    named = [record for record in records if record.name == wanted]
    found = by_id or [record for record in named if record.revoked is None]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(record.id for record in found)
        raise TokenError(f"{len(found)} tokens go by the name {wanted!r}: {ids}.", "Give the id of the one you mean.")
    if named:
        raise TokenError(f"Every token named {wanted!r} is revoked already.", "Nothing is left to do.")
    raise TokenError(f"No token goes by {wanted!r}.", "See the tokens with `roadworthy token list`.")


def _in_use(path: Path, state: State) -> str | None:
    """Return the token that stands in the file, if the state lets it predict and send feedback."""
    try:
        token = path.read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        return None
    well_formed = _TOKEN.fullmatch(token)
    if well_formed is None:
        return None
    record = next((record for record in state.tokens() if record.id == well_formed[1]), None)
    if record is None or not hmac.compare_digest(record.hash, _hash(token)):
        return None
    return token if all(record.allows(scope, now()) for scope in LOCAL_SCOPES) else None


def _renew(path: Path, state: State) -> str:
    # Registered first: killed in between, a token is on record that nobody has, never one in the file that is unknown.
    token, _ = create(state, LOCAL, LOCAL_SCOPES, by=f"the tools on {socket.gethostname()}")
    descriptor, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # for its owner alone: mode 0600
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(token)
            file.flush()
            os.fsync(file.fileno())
        Path(draft).replace(path)
    except BaseException:
        Path(draft).unlink(missing_ok=True)
        raise
    return token
