"""Sign-in, sessions, and how users choose their passwords.

Unknown addresses, disabled users and wrong passwords get the same answer after the same work: one verification of a
hash. Each sign-in and each new password starts a session with a token of its own; a token from before is worth nothing
afterwards.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta

import structlog

from distributor.domain.address import mailbox_key
from distributor.domain.api_token import ENTROPY_BYTES
from distributor.domain.errors import ConfigurationError, InputError, NotFoundError, StateError, TemplateError
from distributor.domain.user import (
    AccountLink,
    Actor,
    AuditAction,
    Role,
    User,
    UserSession,
    checked_password,
    checked_user_name,
)
from distributor.flow.app_context import AppContext
from distributor.flow.request_limits import LimitExceeded, RequestLimit, network_of, spend
from distributor.flow.team import links
from distributor.flow.team.accounts import actor_of
from distributor.flow.team.passwords import hash_password, verify_password
from distributor.storage import audit_log, notices, user_sessions, users
from distributor.storage.database import Connection

_WINDOW = timedelta(minutes=15)
_SIGN_INS_PER_ACCOUNT = 10
_SIGN_INS_PER_NETWORK = 50
_HOUR = timedelta(hours=1)
_RESETS_PER_ACCOUNT = 3
_RESETS_PER_NETWORK = 20
# What a client sends is kept only so far.
_LONGEST_USER_AGENT = 300

# The noun of the error for a link that does not work.
ACCOUNT_LINK = "account link"

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """The browser that a request comes from."""

    ip_address: str = ""
    user_agent: str = ""

    def actor(self, user: User | None = None) -> Actor:
        """The user of this browser, or an unknown one, as who does something."""
        agent = self.user_agent[:_LONGEST_USER_AGENT]
        if user is None:
            return Actor(name="unknown", ip_address=self.ip_address, user_agent=agent)
        return actor_of(user, ip_address=self.ip_address, user_agent=agent)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """A user with the session that a request belongs to."""

    user: User
    session: UserSession


def sign_in(app: AppContext, email: str, password: str, client: Client) -> str | LimitExceeded | None:
    """The token of a new session; None if address or password is wrong, or the limit that is exhausted.

    Raises ServiceError if PostgreSQL or Redis is down: without a count of attempts nobody signs in.
    """
    key = mailbox_key(email.strip()) or ""
    exceeded = _spend(app, key, client, "sign-in", _WINDOW, _SIGN_INS_PER_ACCOUNT, _SIGN_INS_PER_NETWORK)
    if exceeded is not None:
        return exceeded
    with app.database.begin() as connection:
        user = _find_active(connection, key)
        stored = users.password_hash(connection, user.id) if user else ""
    is_right, renewed = verify_password(password, stored)
    with app.database.begin() as connection:
        now = app.clock()
        current = users.find_by_id(connection, user.id, lock=True) if user else None
        if not is_right or current is None or current.disabled_at or _has_changed(connection, current, stored):
            subject = user.email if user else "an address without an active account"
            audit_log.record(connection, client.actor(), AuditAction.SIGN_IN_FAILED, subject=subject, now=now)
            return None
        if renewed:
            users.change(connection, current.id, {"password_hash": renewed})
        return _start_session(app, connection, current, client)


def find_session(app: AppContext, token: str, client: Client) -> SignedIn | None:
    """Who is signed in with this token, and records the request; None if the session has ended."""
    now = app.clock()
    with app.database.begin() as connection:
        session = user_sessions.find(connection, token, now=now)
        user = users.find_by_id(connection, session.user_id) if session else None
        if session is None or user is None or user.disabled_at is not None:
            return None
        user_sessions.record_use(connection, session, ip_address=client.ip_address, now=now)
    return SignedIn(user=user, session=session)


def user_of_session(app: AppContext, token: str) -> User | None:
    """Who is signed in with this token; None if the session has ended. It is not used by that: a page that is only
    looked at does not keep it from ending.
    """
    with app.database.begin() as connection:
        session = user_sessions.find(connection, token, now=app.clock())
        user = users.find_by_id(connection, session.user_id) if session else None
    return None if user is None or user.disabled_at is not None else user


def sign_out(app: AppContext, signed_in: SignedIn, client: Client) -> None:
    """End the session."""
    with app.database.begin() as connection:
        user_sessions.end(connection, signed_in.session.id, user_id=signed_in.user.id)
        audit_log.record(
            connection,
            client.actor(signed_in.user),
            AuditAction.SIGNED_OUT,
            subject=signed_in.user.email,
            now=app.clock(),
        )


def end_own_session(app: AppContext, signed_in: SignedIn, client: Client, *, session_id: int | None = None) -> int:
    """End one of the user's own sessions, or all but the current one; returns how many ended."""
    user = signed_in.user
    with app.database.begin() as connection:
        ended = (
            user_sessions.end_all(connection, user.id, besides=signed_in.session.id)
            if session_id is None
            else int(user_sessions.end(connection, session_id, user_id=user.id))
        )
        if ended:
            audit_log.record(
                connection,
                client.actor(user),
                AuditAction.SESSIONS_ENDED,
                subject=user.email,
                detail=f"{ended}",
                now=app.clock(),
            )
        return ended


def change_password(
    app: AppContext, signed_in: SignedIn, *, current: str, new: str, client: Client
) -> str | LimitExceeded:
    """Replace the user's own password; all sessions end, and the token of a new one is returned.

    Raises InputError if the current password is wrong or the new one is too weak.
    """
    user = signed_in.user
    exceeded = _spend(app, f"user {user.id}", client, "password", _WINDOW, _SIGN_INS_PER_ACCOUNT, _SIGN_INS_PER_NETWORK)
    if exceeded is not None:
        return exceeded
    with app.database.begin() as connection:
        stored = users.password_hash(connection, user.id)
    if not verify_password(current, stored)[0]:
        raise InputError("the current password is not right")
    hashed = hash_password(checked_password(new, about=_known_about(app, user.email, user.name)))
    with app.database.begin() as connection:
        locked = users.find_by_id(connection, user.id, lock=True)
        if locked.disabled_at is not None or _has_changed(connection, locked, stored):
            raise StateError("the account was changed at the same time: sign in again")
        return _set_password(app, connection, locked, hashed, client)


def open_link(app: AppContext, secret: str) -> tuple[AccountLink, User | None]:
    """The link with this secret and its user, who is None for the link of the first owner.

    Raises NotFoundError if it was used, has expired or never was one. Nothing changes.
    """
    with app.database.begin() as connection:
        return _valid_link(app, connection, secret)


def use_link(
    app: AppContext, secret: str, *, password: str, client: Client, email: str = "", name: str = ""
) -> tuple[User, str]:
    """Choose a password with a link, once; returns the user and the token of a new session, all others end.

    `email` and `name` are for the first owner only. Raises NotFoundError as `open_link` does, InputError for a weak
    password, and what `users.add` raises.
    """
    link, user = open_link(app, secret)
    chosen = user.name if user else checked_user_name(name)
    hashed = hash_password(checked_password(password, about=_known_about(app, user.email if user else email, chosen)))
    with app.database.begin() as connection:
        now = app.clock()
        users.lock_all(connection)
        # Used at most once: whoever comes second finds it used.
        link, user = _valid_link(app, connection, secret, lock=True)
        users.mark_link_used(connection, link.id, now=now)
        if user is None:
            user = users.add(connection, email=email.strip(), name=chosen, role=Role.OWNER, now=now)
            audit_log.record(
                connection, client.actor(user), AuditAction.USER_CREATED, subject=user.email, detail=user.role, now=now
            )
            # A person hears of trouble without having asked for it.
            notices.tell_if_nobody(connection, user.email)
        return user, _set_password(app, connection, user, hashed, client)


def request_reset(app: AppContext, email: str, client: Client) -> LimitExceeded | None:
    """Mail a link to choose a new password, if the address has an active account: the answer is always the same.

    Returns the limit that is exhausted, if one is. A mail that cannot be sent is logged.
    """
    key = mailbox_key(email.strip()) or ""
    exceeded = _spend(app, key, client, "reset", _HOUR, _RESETS_PER_ACCOUNT, _RESETS_PER_NETWORK)
    if exceeded is not None:
        return exceeded
    try:
        with app.database.begin() as connection:
            user = _find_active(connection, key)
            if user is None:
                return None
            now = app.clock()
            audit_log.record(
                connection, client.actor(), AuditAction.RESET_REQUESTED, subject=user.email, detail="by mail", now=now
            )
            links.mail_link(app, connection, user, now=now)
    except (ConfigurationError, InputError, StateError, TemplateError) as error:
        log.error("password reset failed", reason=str(error))
    return None


def record_denial(app: AppContext, user: User, what: str, client: Client) -> None:
    """Record that a user was refused something."""
    with app.database.begin() as connection:
        audit_log.record(connection, client.actor(user), AuditAction.DENIED, subject=what, now=app.clock())


def _start_session(app: AppContext, connection: Connection, user: User, client: Client) -> str:
    now, token = app.clock(), secrets.token_urlsafe(ENTROPY_BYTES)
    actor = client.actor(user)
    user_sessions.add(
        connection,
        token,
        user_id=user.id,
        ip_address=client.ip_address,
        user_agent=actor.user_agent,
        now=now,
    )
    users.change(connection, user.id, {"last_signed_in_at": now})
    audit_log.record(connection, actor, AuditAction.SIGNED_IN, subject=user.email, now=now)
    return token


def _set_password(app: AppContext, connection: Connection, user: User, hashed: str, client: Client) -> str:
    now = app.clock()
    users.change(connection, user.id, {"password_hash": hashed})
    user_sessions.end_all(connection, user.id)
    users.delete_links(connection, user.id)
    audit_log.record(connection, client.actor(user), AuditAction.PASSWORD_SET, subject=user.email, now=now)
    return _start_session(app, connection, user, client)


def _valid_link(
    app: AppContext, connection: Connection, secret: str, *, lock: bool = False
) -> tuple[AccountLink, User | None]:
    link = users.find_link(connection, secret, lock=lock)
    if link is None or link.used_at is not None or link.expires_at <= app.clock():
        raise NotFoundError(ACCOUNT_LINK, "in this address")
    if link.user_id is None:
        if users.has_owner(connection):
            raise NotFoundError(ACCOUNT_LINK, "in this address")
        return link, None
    user = users.find_by_id(connection, link.user_id, lock=lock)
    if user.disabled_at is not None:
        raise NotFoundError(ACCOUNT_LINK, "in this address")
    return link, user


def _find_active(connection: Connection, key: str) -> User | None:
    try:
        user = users.find(connection, key) if key else None
    except NotFoundError:
        return None
    return user if user and user.disabled_at is None else None


def _has_changed(connection: Connection, user: User, stored: str) -> bool:
    return users.password_hash(connection, user.id) != stored


def _known_about(app: AppContext, email: str, name: str) -> list[str]:
    return [email, name, app.site.name]


def _spend(
    app: AppContext, account: str, client: Client, what: str, window: timedelta, per_account: int, per_network: int
) -> LimitExceeded | None:
    limits = [
        RequestLimit(what=f"{what}-network", subject=network_of(client.ip_address), limit=per_network, window=window),
    ]
    if account:
        limits.append(RequestLimit(what=f"{what}-account", subject=account, limit=per_account, window=window))
    return spend(app.redis, limits)
