from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

from rich.console import Console

from roadworthy.records import AccessToken, AuditEntry
from roadworthy.terminal.access import show_audit, show_new_token, show_tokens

AT = datetime(2026, 6, 1, 12, tzinfo=UTC)
TOKEN = AccessToken(id="0badcafe", name="desk [b]", hash="f" * 64, scopes=("predict", "feedback"), created=AT, by="ann")


def console() -> Console:
    return Console(file=io.StringIO(), width=200, soft_wrap=True)


def text(shown: Console) -> str:
    return shown.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def test_a_new_token_stands_alone_on_its_line() -> None:
    shown = console()
    show_new_token(shown, "rw_0badcafe_[bold]secret", TOKEN.model_copy(update={"expires": AT}))
    lines = text(shown).splitlines()
    assert lines[0] == "rw_0badcafe_[bold]secret"
    assert lines[1] == "Token 0badcafe for desk [b]: predict, feedback, until 2026-06-01 12:00 UTC."
    assert "only its hash is stored" in lines[2]


def test_tokens_say_what_they_are_worth_and_never_their_hash() -> None:
    shown = console()
    ended = {"revoked": AT, "expires": AT + timedelta(days=1)}
    kinds: tuple[dict[str, datetime], ...] = ({}, {"expires": AT + timedelta(days=1)}, {"expires": AT}, ended)
    show_tokens(shown, [TOKEN.model_copy(update=kind) for kind in kinds], AT)
    lines = text(shown).splitlines()
    standings = ("never expires", "until 2026-06-02 12:00 UTC", "expired 2026-06-01", "revoked 2026-06-01")
    for line, standing in zip(lines, standings, strict=True):
        assert standing in line
        assert "0badcafe  desk [b]  predict, feedback" in line
        assert "by ann" in line
        assert "ffff" not in line


def test_the_log_says_who_did_what_and_what_became_of_it() -> None:
    shown = console()
    done = AuditEntry(at=AT, who="ann", act="promote", target="flights:2", outcome="done", origin="command line")
    refused = AuditEntry(at=AT, who="grafana (0badcafe)", act="rollback", outcome="refused", detail="no [b] there")
    show_audit(shown, [done, refused])
    assert text(shown).splitlines() == [
        "  2026-06-01 12:00 UTC  ann  promote flights:2  ✓ done  command line",
        "  2026-06-01 12:00 UTC  grafana (0badcafe)  rollback   ✗ refused  command line",
        "      no [b] there",
    ]
