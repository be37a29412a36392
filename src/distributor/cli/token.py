"""`distributor token …`"""

from __future__ import annotations

import secrets
import sys
from datetime import datetime
from typing import Annotated

import typer

from distributor.bootstrap import open_app
from distributor.cli.console import AsJson, print_json, print_message, print_rows
from distributor.domain.api_token import ENTROPY_BYTES, ApiToken, TokenScope, checked_name, parse_scopes, secret_of
from distributor.domain.errors import ScheduleError
from distributor.domain.schedule import parse_local_time
from distributor.storage import api_tokens

commands = typer.Typer()


@commands.command("create")
def create_token(
    name: Annotated[str, typer.Argument(help="What it is for, such as 'shop'.")],
    scope: Annotated[list[str] | None, typer.Option(help=f"May be repeated. One of: {', '.join(TokenScope)}.")] = None,
    expires: Annotated[
        str, typer.Option(help="When it expires: 90d, 12h, or a time with offset; default: never.")
    ] = "",
    as_json: AsJson = False,
) -> None:
    """Create a token and print its secret, which is not stored and cannot be shown again."""
    checked, scopes = checked_name(name), parse_scopes(scope or ())
    secret = secret_of(secrets.token_bytes(ENTROPY_BYTES))
    with open_app() as app, app.database.begin() as connection:
        now = app.clock()
        expires_at = _expiry(expires, now=now) if expires else None
        created = api_tokens.add(connection, secret, name=checked, scopes=scopes, expires_at=expires_at, now=now)
    if as_json:
        print_json(
            {
                "id": created.id,
                "name": created.name,
                "scopes": sorted(created.scopes),
                "expires_at": expires_at,
                "token": secret,
            }
        )
        return
    print_message(f"token {created.id} is created; copy it now, it cannot be shown again:")
    sys.stdout.write(f"{secret}\n")


@commands.command("list")
def list_tokens(as_json: AsJson = False) -> None:
    """List the tokens, their states and when each was last used."""
    with open_app() as app:
        with app.database.begin() as connection:
            found = api_tokens.listed(connection)
        now = app.clock()
    print_rows(
        ("id", "name", "state", "scopes", "created_at", "expires_at", "last_used_at"),
        [
            (
                one.id,
                one.name,
                _state_of(one, now=now),
                sorted(one.scopes) if as_json else " ".join(sorted(one.scopes)),
                one.created_at,
                one.expires_at,
                one.last_used_at,
            )
            for one in found
        ],
        as_json=as_json,
        empty="No tokens yet: `distributor token create NAME --scope SCOPE` creates one.",
    )


@commands.command("revoke")
def revoke_token(token_id: Annotated[int, typer.Argument(help="The token's number.")]) -> None:
    """Revoke a token for good."""
    with open_app() as app, app.database.begin() as connection:
        revoked = api_tokens.revoke(connection, token_id, now=app.clock())
    print_message(f"token {revoked.id}, {revoked.name!r}, is revoked")


def _expiry(text: str, *, now: datetime) -> datetime:
    stripped = text.strip()
    time = parse_local_time(
        f"+{stripped}" if stripped[:1].isdigit() and stripped.isalnum() else stripped, zone=None, now=now
    )
    if time <= now:
        raise ScheduleError(f"{text!r} is not in the future: the token would have expired already")
    return time


def _state_of(token: ApiToken, *, now: datetime) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "valid" if token.is_valid(now) else "expired"
