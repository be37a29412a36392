"""Accounts of the team: who makes, changes and disables them, and which rules no one can break.

There is always an owner who can sign in. Only owners make and change owners. What takes something from a user also
ends the user's sessions and links.
"""

from __future__ import annotations

from collections.abc import Mapping

from distributor.domain.errors import PermissionDeniedError, StateError
from distributor.domain.user import Actor, AuditAction, Role, User, checked_user_name, may_manage
from distributor.flow.app_context import AppContext
from distributor.flow.team.links import add_link, mail_link
from distributor.storage import audit_log, user_sessions, users
from distributor.storage.database import Connection


def actor_of(user: User, *, ip_address: str = "", user_agent: str = "") -> Actor:
    """A user as who does something, as the histories of articles and campaigns name it too."""
    return Actor(
        name=f"user:{user.email}", user_id=user.id, role=user.role, ip_address=ip_address, user_agent=user_agent
    )


def create_user(
    app: AppContext, *, email: str, name: str, role: Role, actor: Actor, by_mail: bool = False
) -> tuple[User, str]:
    """Create a user without a password; returns it with the URL of its set-up link, which is empty if it was mailed.

    Raises AddressError, InputError for a name or an address that has an account, PermissionDeniedError, and what
    `mail_link` raises; nothing is written then.
    """
    _require_manager(actor, role)
    now = app.clock()
    with app.database.begin() as connection:
        user = users.add(connection, email=email, name=checked_user_name(name), role=role, now=now)
        audit_log.record(connection, actor, AuditAction.USER_CREATED, subject=user.email, detail=role, now=now)
        inviter = users.find_by_id(connection, actor.user_id).display_name if actor.user_id else ""
        return user, _send_link(app, connection, user, actor, by_mail=by_mail, invited_by=inviter)


def make_link(app: AppContext, user_id: int, *, actor: Actor, by_mail: bool = False) -> tuple[User, str]:
    """Make a new link for a user to choose a password; returns the user with its URL, empty if it was mailed.

    Raises NotFoundError, StateError for a disabled user, PermissionDeniedError, and what `mail_link` raises.
    """
    with app.database.begin() as connection:
        user = users.find_by_id(connection, user_id, lock=True)
        _require_manager(actor, user.role)
        if user.disabled_at is not None:
            raise StateError(f"{user.email} is disabled: enable the account first")
        return user, _send_link(app, connection, user, actor, by_mail=by_mail)


def set_role(app: AppContext, user_id: int, role: Role, *, actor: Actor) -> User:
    """Change the role of a user, whose sessions end: the next sign-in starts with the new permissions.

    Raises NotFoundError, PermissionDeniedError, and StateError for the last owner.
    """
    now = app.clock()
    with app.database.begin() as connection:
        user = _lock(connection, user_id, actor)
        _require_manager(actor, role)
        if role is user.role:
            return user
        _require_other_owner(connection, user)
        changed = users.change(connection, user.id, {"role": role})
        user_sessions.end_all(connection, user.id)
        detail = f"from {user.role} to {role}"
        audit_log.record(connection, actor, AuditAction.ROLE_CHANGED, subject=user.email, detail=detail, now=now)
        return changed


def disable(app: AppContext, user_id: int, *, actor: Actor) -> User:
    """Disable a user, who is signed out everywhere and cannot sign in again.

    Raises NotFoundError, PermissionDeniedError, and StateError for the last owner.
    """
    now = app.clock()
    with app.database.begin() as connection:
        user = _lock(connection, user_id, actor)
        if user.disabled_at is not None:
            return user
        _require_other_owner(connection, user)
        changed = users.change(connection, user.id, {"disabled_at": now})
        user_sessions.end_all(connection, user.id)
        users.delete_links(connection, user.id)
        audit_log.record(connection, actor, AuditAction.DISABLED, subject=user.email, now=now)
        return changed


def enable(app: AppContext, user_id: int, *, actor: Actor) -> User:
    """Enable a disabled user, whose password is the old one. Raises NotFoundError and PermissionDeniedError."""
    now = app.clock()
    with app.database.begin() as connection:
        user = _lock(connection, user_id, actor)
        if user.disabled_at is None:
            return user
        changed = users.change(connection, user.id, {"disabled_at": None})
        audit_log.record(connection, actor, AuditAction.ENABLED, subject=user.email, now=now)
        return changed


def change_profile(app: AppContext, user_id: int, *, name: str, actor: Actor) -> User:
    """Change what users may change about themselves: the name, and nothing else. Raises InputError."""
    changes: Mapping[str, object] = {"name": checked_user_name(name)}
    with app.database.begin() as connection:
        changed = users.change(connection, user_id, changes)
        audit_log.record(connection, actor, AuditAction.PROFILE_CHANGED, subject=changed.email, now=app.clock())
        return changed


def end_sessions(app: AppContext, user_id: int, *, actor: Actor, session_id: int | None = None) -> int:
    """End all sessions of another user, or the one with this number; returns how many ended.

    Raises NotFoundError and PermissionDeniedError.
    """
    with app.database.begin() as connection:
        user = _lock(connection, user_id, actor)
        ended = (
            user_sessions.end_all(connection, user.id)
            if session_id is None
            else int(user_sessions.end(connection, session_id, user_id=user.id))
        )
        audit_log.record(
            connection, actor, AuditAction.SESSIONS_ENDED, subject=user.email, detail=f"{ended}", now=app.clock()
        )
        return ended


def _send_link(
    app: AppContext, connection: Connection, user: User, actor: Actor, *, by_mail: bool, invited_by: str = ""
) -> str:
    now = app.clock()
    # A link that was shown or mailed before may be in the wrong hands.
    users.delete_links(connection, user.id)
    detail = "by mail" if by_mail else "shown"
    audit_log.record(connection, actor, AuditAction.LINK_CREATED, subject=user.email, detail=detail, now=now)
    if by_mail:
        mail_link(app, connection, user, invited_by=invited_by, now=now)
        return ""
    return add_link(app, connection, user, now=now)


def _lock(connection: Connection, user_id: int, actor: Actor) -> User:
    # Owners first and always all of them, so that two changes of owners wait for each other and never in a circle.
    users.lock_owners(connection)
    user = users.find_by_id(connection, user_id, lock=True)
    _require_manager(actor, user.role)
    return user


def _require_manager(actor: Actor, role: Role) -> None:
    if actor.role is not None and not may_manage(actor.role, role):
        raise PermissionDeniedError(
            "only an owner may make owners or change them"
            if role is Role.OWNER and may_manage(actor.role, Role.ADMIN)
            else f"the role {actor.role} may not change other users; an owner or an admin may"
        )


def _require_other_owner(connection: Connection, user: User) -> None:
    if user.role is not Role.OWNER or user.disabled_at is not None:
        return
    others = [one for one in users.lock_owners(connection) if one.id != user.id and one.state == "active"]
    if not others:
        raise StateError(
            f"{user.email} is the last owner who can sign in: make someone else an owner first, who has a password"
        )
