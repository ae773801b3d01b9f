"""Commands on access: the service's tokens, and the log of who did what."""

from __future__ import annotations

import json
from datetime import timedelta
from enum import StrEnum
from typing import Annotated, get_args

import typer

from roadworthy.cli.common import HERE, AsJson, Folder, Who, me, opened_state, out, printed_as_json
from roadworthy.records import AccessToken, Scope, now
from roadworthy.serving import tokens
from roadworthy.terminal import access as shown

app = typer.Typer()
token = typer.Typer(help="Make, list and revoke the tokens that the service asks for.", no_args_is_help=True)
app.add_typer(token, name="token")


class Right(StrEnum):
    """The scopes, as Typer takes several of them: it knows a list of an enumeration, and none of literals."""

    PREDICT = "predict"
    FEEDBACK = "feedback"
    ADMIN = "admin"


@token.command()
def create(
    name: Annotated[str, typer.Argument(help="Whom or what it is for.")],
    scope: Annotated[list[Right] | None, typer.Option(help="What it may do; give it once for each.")] = None,
    expires_days: Annotated[int | None, typer.Option(min=1, help="Days until it expires; by default never.")] = None,
    who: Who = "",
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Make a token and print it, this once.

    Example: roadworthy token create rebooking-desk --scope predict --scope feedback --expires-days 90
    """
    scopes = [known for known in get_args(Scope) if known in (scope or ())]
    expires = None if expires_days is None else now() + timedelta(days=expires_days)
    with opened_state(folder) as state:
        made, record = tokens.create(state, name, scopes, by=who or me(), expires=expires)
    if as_json:
        typer.echo(json.dumps({"token": made, **_without_hash(record)}, indent=2))
    else:
        shown.show_new_token(out, made, record)


@token.command(name="list")
def listed(folder: Folder = HERE, as_json: AsJson = False) -> None:
    """Show all tokens, oldest first, revoked ones too; the tokens themselves are kept nowhere.

    Example: roadworthy token list
    """
    with opened_state(folder) as state:
        found = state.tokens()
    if as_json:
        typer.echo(json.dumps([_without_hash(record) for record in found], indent=2))
    else:
        shown.show_tokens(out, found, now())


@token.command()
def revoke(
    token: Annotated[str, typer.Argument(metavar="ID_OR_NAME", help="Its id, its name, or the token itself.")],
    who: Who = "",
    folder: Folder = HERE,
) -> None:
    """Revoke a token; running services refuse it within a second.

    Example: roadworthy token revoke rebooking-desk
    """
    with opened_state(folder) as state:
        shown.show_tokens(out, [tokens.revoke(state, token, by=who or me())], now())


@app.command()
def audit(
    limit: Annotated[int, typer.Option(min=1, help="The newest so many.")] = 50,
    folder: Folder = HERE,
    as_json: AsJson = False,
) -> None:
    """Show every administrative act and attempt at one: who, what, through what, and what became of it; newest first.

    Example: roadworthy audit --limit 20
    """
    with opened_state(folder) as state:
        found = state.audit(limit=limit)
    if not printed_as_json(found, as_json):
        shown.show_audit(out, found)


def _without_hash(record: AccessToken) -> dict[str, object]:
    return record.model_dump(mode="json", exclude={"hash"})
