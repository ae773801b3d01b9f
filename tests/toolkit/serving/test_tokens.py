"""Tokens: kept as hashes, checked as a service does, and this machine's own one made once."""

from __future__ import annotations

import re
import sqlite3
import stat
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from roadworthy import config as configuration
from roadworthy.config import Config
from roadworthy.errors import ServingError, StateError, TokenError
from roadworthy.records import AccessToken, Scope, now
from roadworthy.serving import tokens
from roadworthy.serving.tokens import Refusal, TokenBook
from roadworthy.state import State

SECRET = "A" * 43


def book(state: State, *, clock: datetime | None = None) -> TokenBook:
    made = TokenBook() if clock is None else TokenBook(clock.timestamp)
    made.replace(state.tokens())
    return made


def status(found: AccessToken | Refusal) -> int:
    return found.status if isinstance(found, Refusal) else 200


# --- making ------------------------------------------------------------------------------------------------------


def test_a_token_is_shown_once_and_its_record_kept(state: State) -> None:
    token, record = tokens.create(state, "rebooking desk", ["feedback", "predict", "feedback"], by="ann")
    assert re.fullmatch(r"rw_[0-9a-f]{8}_[A-Za-z0-9_-]{43}", token)
    assert token.split("_")[1] == record.id
    assert state.tokens() == [record]
    assert (record.name, record.by, record.scopes) == ("rebooking desk", "ann", ("predict", "feedback"))
    assert (record.expires, record.revoked) == (None, None)
    (entry,) = state.audit()
    assert (entry.who, entry.act, entry.target) == ("ann", "create token", f"rebooking desk ({record.id})")
    assert (entry.outcome, entry.detail, entry.origin) == ("done", "scopes predict, feedback", "command line")


def test_no_two_tokens_are_alike(state: State) -> None:
    made = [tokens.create(state, "one name", ["predict"], by="ann") for _ in range(50)]
    assert len({token for token, _ in made}) == len({record.hash for _, record in made}) == 50


def test_only_the_hash_is_at_rest(tmp_path: Path) -> None:
    with State.open(f"sqlite:///{tmp_path}/state.db") as state:
        token, record = tokens.create(state, "desk", ["admin"], by="ann")
        with pytest.raises(TokenError):
            tokens.create(state, token, ["admin"], by="ann")
        with pytest.raises(TokenError):
            tokens.revoke(state, f"Bearer {token}", by="ann")
        with pytest.raises(TokenError):
            tokens.revoke(state, token.split("_", 2)[2], by="ann")
        tokens.revoke(state, token, by="ann")
        assert len(state.audit()) == 5
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert record.hash.encode() in written
    assert token.split("_", 2)[2].encode() not in written


@pytest.mark.parametrize("name", ["", "  ", "two\nlines", "x" * 101, "0badcafe", f"rw_0badcafe_{SECRET}", SECRET])
def test_a_name_that_cannot_be_used_is_refused(state: State, name: str) -> None:
    with pytest.raises(TokenError):
        tokens.create(state, name, ["predict"], by="ann")
    assert state.tokens() == []
    assert [(entry.outcome, entry.target) for entry in state.audit()] == [("refused", "")]


def test_a_token_must_be_of_use(state: State) -> None:
    with pytest.raises(TokenError, match="without a scope"):
        tokens.create(state, "desk", [], by="ann")
    with pytest.raises(TokenError, match="would have expired"):
        tokens.create(state, "desk", ["predict"], by="ann", expires=now() - timedelta(seconds=1))
    assert state.tokens() == []


# --- revoking ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["id", "name", "token"])
def test_a_token_is_revoked_by_what_one_has_of_it(state: State, by: str) -> None:
    token, record = tokens.create(state, "desk", ["predict"], by="ann")
    _, other = tokens.create(state, "another", ["predict"], by="ann")
    revoked = tokens.revoke(state, {"id": record.id, "name": "desk", "token": token}[by], by="bob")
    assert revoked.id == record.id
    assert revoked.revoked is not None
    assert state.tokens() == [revoked, other]
    entry = state.audit()[0]
    assert (entry.who, entry.act, entry.target) == ("bob", "revoke token", f"desk ({record.id})")


def test_a_name_of_several_tokens_must_be_told_apart(state: State) -> None:
    _, old = tokens.create(state, "desk", ["predict"], by="ann")
    _, new = tokens.create(state, "desk", ["predict"], by="ann")
    with pytest.raises(TokenError, match=f"2 tokens go by the name 'desk': {old.id}, {new.id}"):
        tokens.revoke(state, "desk", by="ann")
    tokens.revoke(state, old.id, by="ann")
    assert tokens.revoke(state, "desk", by="ann").id == new.id
    with pytest.raises(TokenError, match="'desk' is revoked already"):
        tokens.revoke(state, "desk", by="ann")
    with pytest.raises(TokenError, match="No token goes by 'nobody'"):
        tokens.revoke(state, "nobody", by="ann")
    assert [entry.outcome for entry in state.audit()] == ["refused", "refused", "done", "done", "refused"] + [
        "done"
    ] * 2


def test_revoking_again_leaves_the_first_moment(state: State) -> None:
    _, record = tokens.create(state, "desk", ["predict"], by="ann")
    first = tokens.revoke(state, record.id, by="ann")
    assert tokens.revoke(state, record.id, by="bob") == first
    assert "revoked already" in state.audit()[0].detail


# --- checking ----------------------------------------------------------------------------------------------------


def test_a_token_gives_the_rights_it_was_made_for(state: State) -> None:
    token, record = tokens.create(state, "desk", ["predict"], by="ann")
    known = book(state)
    assert known.check(f"Bearer {token}", "predict") == record
    assert known.check(f"bearer {token}", "predict") == record
    others: tuple[Scope, ...] = ("feedback", "admin")
    for scope in others:
        refusal = known.check(f"Bearer {token}", scope)
        assert isinstance(refusal, Refusal)
        assert (refusal.status, f"scope {scope}" in refusal.fact) == (403, True)


def test_what_is_no_valid_token_is_refused(state: State) -> None:
    token, record = tokens.create(state, "desk", ["predict"], by="ann")
    changed = token[:-1] + ("a" if token[-1] != "a" else "b")
    given = [
        "",
        "Bearer",
        "Bearer ",
        token,
        f"Basic {token}",
        f"Bearer {changed}",
        f"Bearer {token} ",
        f"Bearer  {token}",
    ]
    given += [
        f"Bearer {token}x",
        f"Bearer {token.upper()}",
        f"Bearer {record.hash}",
        f"Bearer rw_{record.id}_",
        "é \ud800",
    ]
    known = book(state)
    for header in given:
        refusal = known.check(header, "predict")
        assert isinstance(refusal, Refusal)
        assert refusal.status == 401
        assert token not in f"{refusal}"


@given(header=st.text(max_size=80) | st.text(max_size=60).map("Bearer rw_".__add__))
def test_no_invented_header_opens_anything(header: str) -> None:
    known = TokenBook()
    known.replace([AccessToken(id="0badcafe", name="x", hash="00" * 32, scopes=("admin",), by="ann")])
    assert status(known.check(header, "admin")) == 401


def test_a_token_ends_when_it_is_revoked_or_expires(state: State) -> None:
    soon = now() + timedelta(hours=1)
    expiring, record = tokens.create(state, "desk", ["predict"], by="ann", expires=soon)
    revoked, _ = tokens.create(state, "lost", ["predict"], by="ann")
    tokens.revoke(state, "lost", by="ann")
    assert book(state).check(f"Bearer {expiring}", "predict") == record
    late = book(state, clock=soon).check(f"Bearer {expiring}", "predict")
    gone = book(state).check(f"Bearer {revoked}", "predict")
    assert isinstance(late, Refusal)
    assert isinstance(gone, Refusal)
    assert (late.status, late.fact) == (401, "The token has expired.")
    assert (gone.status, gone.fact) == (401, "The token was revoked.")


def test_a_service_that_never_read_its_tokens_says_so(state: State) -> None:
    token, record = tokens.create(state, "desk", ["predict"], by="ann")
    fresh = TokenBook()
    assert not fresh.known
    assert status(fresh.check(f"Bearer {token}", "predict")) == 503
    fresh.replace([])
    assert fresh.known
    assert status(fresh.check(f"Bearer {token}", "predict")) == 401
    fresh.replace(state.tokens())
    assert fresh.check(f"Bearer {token}", "predict") == record


# --- this machine's own ------------------------------------------------------------------------------------------


def test_the_local_token_is_made_once_for_its_owner_alone(config: Config, state: State) -> None:
    token = tokens.local(config, state)
    assert tokens.local(config, state) == token
    (record,) = state.tokens()
    assert (record.name, record.scopes) == ("local", ("predict", "feedback"))
    assert book(state).check(f"Bearer {token}", "feedback") == record
    file = config.root / ".roadworthy" / "token"
    assert file.read_text() == token
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in file.parent.glob(".token*")] == []


@pytest.mark.parametrize("before", ["", "of an older form", f"rw_0badcafe_{SECRET}", "\x00é"])
def test_a_file_with_anything_else_gets_a_new_token(config: Config, state: State, before: str) -> None:
    file = config.root / ".roadworthy" / "token"
    file.parent.mkdir()
    file.write_text(before, encoding="utf-8")
    token = tokens.local(config, state)
    assert file.read_text() == token != before
    assert status(book(state).check(f"Bearer {token}", "predict")) == 200


def test_a_revoked_local_token_is_replaced_and_stays_revoked(config: Config, state: State) -> None:
    old = tokens.local(config, state)
    tokens.revoke(state, "local", by="ann")
    new = tokens.local(config, state)
    assert new != old
    known = book(state)
    assert [status(known.check(f"Bearer {token}", "predict")) for token in (old, new)] == [401, 200]
    assert [entry.act for entry in state.audit()] == ["create token", "revoke token", "create token"]


def test_another_state_gets_a_token_of_its_own(config: Config, state: State, tmp_path: Path) -> None:
    first = tokens.local(config, state)
    with State.open(f"sqlite:///{tmp_path}/another.db") as another:
        second = tokens.local(config, another)
        assert second != first
        assert status(book(another).check(f"Bearer {first}", "predict")) == 401


def _local(root: Path) -> str:
    config = configuration.load(root)
    with State.open(config.state_address) as state:
        return tokens.local(config, state)


@pytest.mark.slow
@pytest.mark.parametrize("before", [None, "of an older form"])
def test_of_several_processes_at_once_one_makes_it(root: Path, before: str | None) -> None:
    config = configuration.load(root)
    if before is not None:
        config.path(".roadworthy").mkdir()
        config.path(".roadworthy/token").write_text(before)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        assert len(set(pool.map(_local, [root] * 12))) == 1
    with State.open(config.state_address) as state:
        assert [record.name for record in state.tokens()] == ["local"]


def test_a_folder_that_is_a_file_is_named(config: Config, state: State) -> None:
    (config.root / ".roadworthy").touch()
    with pytest.raises(ServingError, match="cannot be made or read"):
        tokens.local(config, state)
    assert state.tokens() == []


def test_a_token_that_cannot_be_kept_is_not_given_out(config: Config, tmp_path: Path) -> None:
    with State.open(f"sqlite:///{tmp_path}/state.db") as state:
        with closing(sqlite3.connect(tmp_path / "state.db")) as connection:
            connection.execute("DROP TABLE tokens")
        with pytest.raises(StateError, match="no such table"):
            tokens.local(config, state)
        assert [(entry.act, entry.outcome) for entry in state.audit()] == [("create token", "failed")]
    assert not config.path(".roadworthy/token").exists()
