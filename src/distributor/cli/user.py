"""`distributor user …`"""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from distributor.bootstrap import open_app
from distributor.cli.console import ACTOR, AsJson, print_fields, print_json, print_message, print_rows
from distributor.domain.user import Actor, Role, User, UserSession, parse_role
from distributor.flow.app_context import AppContext
from distributor.flow.team import accounts
from distributor.storage import audit_log, user_sessions, users

commands = typer.Typer()

Email = Annotated[str, typer.Argument(help="The user's email address.")]
RoleName = Annotated[str, typer.Option("--role", help=f"One of: {', '.join(Role)}.")]
ByMail = Annotated[bool, typer.Option("--mail", help="Mail the link instead of printing it.")]

_OPERATOR = Actor(name=ACTOR)


@commands.command("create")
def create_user(
    email: Email,
    role: RoleName,
    name: Annotated[str, typer.Option(help="The name that the team sees.")] = "",
    by_mail: ByMail = False,
    as_json: AsJson = False,
) -> None:
    """Create a user, and print a link with which the user chooses a password."""
    with open_app() as app:
        user, link = accounts.create_user(
            app, email=email, name=name, role=parse_role(role), actor=_OPERATOR, by_mail=by_mail
        )
    _print_link(user, link, as_json=as_json)


@commands.command("list")
def list_users(as_json: AsJson = False) -> None:
    """List the users with their roles and states."""
    with open_app() as app, app.database.begin() as connection:
        found = users.all_users(connection)
    print_rows(
        ("id", "email", "name", "role", "state", "last_signed_in_at"),
        [(one.id, one.email, one.name, one.role.value, one.state, one.last_signed_in_at) for one in found],
        as_json=as_json,
        empty="No users yet: `distributor user create ADDRESS --role owner` creates the first.",
    )


@commands.command("show")
def show_user(email: Email, as_json: AsJson = False) -> None:
    """Show a user."""
    with open_app() as app, app.database.begin() as connection:
        user = users.find(connection, email)
        sessions = len(user_sessions.of_user(connection, user.id, now=app.clock()))
    fields = {
        "id": user.id,
        "email": user.email,
        "name": user.name,
        "role": user.role.value,
        "state": user.state,
        "created_at": user.created_at,
        "disabled_at": user.disabled_at,
        "last_signed_in_at": user.last_signed_in_at,
        "sessions": sessions,
    }
    print_fields(fields, as_json=as_json)


@commands.command("set-role")
def set_role(email: Email, role: Annotated[str, typer.Argument(help=f"One of: {', '.join(Role)}.")]) -> None:
    """Change the role of a user, who is signed out everywhere."""
    with open_app() as app:
        user = accounts.set_role(app, _find(app, email).id, parse_role(role), actor=_OPERATOR)
    print_message(f"{user.email} is {user.role.value} now")


@commands.command("disable")
def disable_user(email: Email) -> None:
    """Disable a user, who is signed out everywhere and cannot sign in any more."""
    with open_app() as app:
        user = accounts.disable(app, _find(app, email).id, actor=_OPERATOR)
    print_message(f"{user.email} is disabled")


@commands.command("enable")
def enable_user(email: Email) -> None:
    """Enable a disabled user again."""
    with open_app() as app:
        user = accounts.enable(app, _find(app, email).id, actor=_OPERATOR)
    print_message(f"{user.email} is enabled")


@commands.command("reset-link")
def make_reset_link(email: Email, by_mail: ByMail = False, as_json: AsJson = False) -> None:
    """Print a link with which a user chooses a new password; earlier links stop working."""
    with open_app() as app:
        user, link = accounts.make_link(app, _find(app, email).id, actor=_OPERATOR, by_mail=by_mail)
    _print_link(user, link, as_json=as_json)


@commands.command("sessions")
def list_sessions(email: Email, as_json: AsJson = False) -> None:
    """List where a user is signed in."""
    with open_app() as app, app.database.begin() as connection:
        found: list[UserSession] = user_sessions.of_user(connection, users.find(connection, email).id, now=app.clock())
    print_rows(
        ("id", "ip_address", "created_at", "last_seen_at", "user_agent"),
        [(one.id, one.ip_address, one.created_at, one.last_seen_at, one.user_agent) for one in found],
        as_json=as_json,
        empty="Signed in nowhere.",
    )


@commands.command("end-sessions")
def end_sessions(
    email: Email,
    session_id: Annotated[int | None, typer.Option("--id", help="Only the session with this number.")] = None,
) -> None:
    """Sign a user out everywhere, or in one browser."""
    with open_app() as app:
        ended = accounts.end_sessions(app, _find(app, email).id, actor=_OPERATOR, session_id=session_id)
    print_message(f"{ended} session{'' if ended == 1 else 's'} ended")


@commands.command("audit-log")
def list_audit_log(as_json: AsJson = False, limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50) -> None:
    """List who did what in the team's app and to its accounts, the newest first."""
    with open_app() as app, app.database.begin() as connection:
        entries = audit_log.latest(connection, limit=limit)
    print_rows(
        ("id", "at", "actor", "action", "subject", "detail", "ip_address"),
        [(one.id, one.at, one.actor, one.action, one.subject, one.detail, one.ip_address) for one in entries],
        as_json=as_json,
        empty="Nothing has happened yet.",
    )


def _find(app: AppContext, email: str) -> User:
    with app.database.begin() as connection:
        return users.find(connection, email)


def _print_link(user: User, link: str, *, as_json: bool) -> None:
    if as_json:
        print_json({"id": user.id, "email": user.email, "role": user.role.value, "link": link or None})
    elif link:
        print_message(f"{user.email} chooses a password at this address, once; it cannot be shown again:")
        sys.stdout.write(f"{link}\n")
    else:
        print_message(f"a link is on its way to {user.email}")
