"""`distributor token …`"""

from __future__ import annotations

import secrets
import sys
from datetime import datetime
from typing import Annotated

import typer

from distributor.cli.session import AsJson, installation_at_hand, say, show, show_rows
from distributor.domain.api_token import ENTROPY_BYTES, ApiToken, TokenScope, checked_name, parse_scopes, secret_of
from distributor.domain.errors import ScheduleError
from distributor.domain.schedule import parse_local_time
from distributor.storage import api_tokens

commands = typer.Typer()


@commands.command("create")
def create_token(
    name: Annotated[str, typer.Argument(help="Who will use it, such as 'shop'.")],
    scope: Annotated[list[str] | None, typer.Option(help=f"May be repeated. One of: {', '.join(TokenScope)}.")] = None,
    expires: Annotated[str, typer.Option(help="When it ends: 90d, 12h, or a time with offset. Default: never.")] = "",
    as_json: AsJson = False,
) -> None:
    """Make a token. Its secret is shown this once and kept nowhere."""
    called, scopes = checked_name(name), parse_scopes(scope or ())
    secret = secret_of(secrets.token_bytes(ENTROPY_BYTES))
    with installation_at_hand() as app, app.database.begin() as connection:
        now = app.clock()
        ends = _end(expires, now=now) if expires else None
        made = api_tokens.add(connection, secret, name=called, scopes=scopes, expires_at=ends, now=now)
    if as_json:
        show({"id": made.id, "name": made.name, "scopes": sorted(made.scopes), "expires_at": ends, "token": secret})
        return
    say(f"token {made.id} is made; keep it now, nobody can show it again:")
    sys.stdout.write(f"{secret}\n")


@commands.command("list")
def list_tokens(as_json: AsJson = False) -> None:
    """Every token there ever was, and when it was last used."""
    with installation_at_hand() as app:
        with app.database.begin() as connection:
            found = api_tokens.listed(connection)
        now = app.clock()
    show_rows(
        ("id", "name", "state", "scopes", "created_at", "expires_at", "last_used_at"),
        [
            (
                one.id,
                one.name,
                _state_of(one, now=now),
                sorted(one.scopes) if as_json else " ".join(sorted(one.scopes)),
                *(
                    moment if as_json else _minute(moment)
                    for moment in (one.created_at, one.expires_at, one.last_used_at)
                ),
            )
            for one in found
        ],
        as_json=as_json,
        empty="No tokens yet: `distributor token create NAME --scope SCOPE` makes one.",
    )


@commands.command("revoke")
def revoke_token(token_id: Annotated[int, typer.Argument(help="The token's number.")]) -> None:
    """Make a token worthless from now on."""
    with installation_at_hand() as app, app.database.begin() as connection:
        revoked = api_tokens.revoke(connection, token_id, now=app.clock())
    say(f"token {revoked.id}, {revoked.name!r}, opens nothing any more")


def _end(text: str, *, now: datetime) -> datetime:
    wanted = text.strip()
    moment = parse_local_time(f"+{wanted}" if wanted[:1].isdigit() and wanted.isalnum() else wanted, zone=None, now=now)
    if moment <= now:
        raise ScheduleError(f"{text!r} is not in the future: a token that has ended opens nothing")
    return moment


def _state_of(token: ApiToken, *, now: datetime) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "valid" if token.is_valid(now) else "expired"


def _minute(moment: datetime | None) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC" if moment else ""
