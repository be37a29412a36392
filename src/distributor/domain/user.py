"""Users of the team's app: what each role may do, their sessions, and the entries of the audit log."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise

from distributor.domain.api_token import TokenScope
from distributor.domain.errors import InputError

LONGEST_NAME = 100
# A session ends this long after its last request, and this long after the sign-in.
SESSION_IDLE = timedelta(days=3)
SESSION_LIFETIME = timedelta(days=30)

SHORTEST_PASSWORD = 12
# Long enough for any sentence; a limit, because the hash of a megabyte takes time.
LONGEST_PASSWORD = 200
_SHORTEST_WORD = 4
# What is tried first at this length, as letters and digits only. A text of one repeated part is found without a list.
_COMMON_PASSWORDS = frozenset(
    (
        *("123456789012", "1234567890ab", "1q2w3e4r5t6y", "adminadmin12", "administrator", "changeme1234"),
        *("correcthorsebatterystaple", "iloveyou1234", "letmein12345", "mypassword12", "newpassword1"),
        *("password1234", "password12345", "password123456", "passwordpassword", "qwerty123456", "qwertyuiop12"),
        *("qwertyuiopas", "qwertyuiopasdf", "secret123456", "sunshine1234", "trustno1trustno1", "welcome12345"),
    )
)


class Permission(StrEnum):
    """What a page of the team's app needs. Those that an API token can have too are called as its scope is.

    ACCOUNT is one's own account: every user has it. CAMPAIGNS_COMMENT is taking part in what is said about a campaign:
    reviews, comments, a question for an approval, a test to oneself.
    """

    ACCOUNT = "account"
    USERS_READ = "users:read"
    USERS_WRITE = "users:write"
    AUDIT_LOG_READ = "audit-log:read"
    CHANNELS_WRITE = "channels:write"
    SITE_WRITE = "site:write"
    SUBSCRIBERS_READ = TokenScope.SUBSCRIBERS_READ.value
    SUBSCRIBERS_WRITE = TokenScope.SUBSCRIBERS_WRITE.value
    LISTS_READ = TokenScope.LISTS_READ.value
    LISTS_WRITE = TokenScope.LISTS_WRITE.value
    SEGMENTS_READ = TokenScope.SEGMENTS_READ.value
    SEGMENTS_WRITE = TokenScope.SEGMENTS_WRITE.value
    SUPPRESSIONS_READ = TokenScope.SUPPRESSIONS_READ.value
    SUPPRESSIONS_WRITE = TokenScope.SUPPRESSIONS_WRITE.value
    IMPORTS_READ = TokenScope.IMPORTS_READ.value
    IMPORTS_WRITE = TokenScope.IMPORTS_WRITE.value
    PRIVACY_WRITE = TokenScope.PRIVACY_WRITE.value
    ARTICLES_READ = TokenScope.ARTICLES_READ.value
    ARTICLES_WRITE = TokenScope.ARTICLES_WRITE.value
    CHANNELS_READ = TokenScope.CHANNELS_READ.value
    CAMPAIGNS_READ = TokenScope.CAMPAIGNS_READ.value
    CAMPAIGNS_WRITE = TokenScope.CAMPAIGNS_WRITE.value
    CAMPAIGNS_COMMENT = "campaigns:comment"
    CAMPAIGNS_APPROVE = TokenScope.CAMPAIGNS_APPROVE.value
    SERVICE_READ = TokenScope.SERVICE_READ.value
    SERVICE_WRITE = "service:write"


class Role(StrEnum):
    """What a user is to the team; `ROLE_PERMISSIONS` says what each may do."""

    OWNER = "owner"
    ADMIN = "admin"
    EDITOR = "editor"
    MARKETER = "marketer"
    APPROVER = "approver"
    VIEWER = "viewer"


_VIEWER = frozenset(
    {
        Permission.ACCOUNT,
        Permission.ARTICLES_READ,
        Permission.CAMPAIGNS_READ,
        Permission.CHANNELS_READ,
        Permission.LISTS_READ,
        Permission.SEGMENTS_READ,
    }
)
_EDITOR = _VIEWER | {Permission.ARTICLES_WRITE, Permission.CAMPAIGNS_COMMENT}
_MARKETER = _EDITOR | {
    Permission.CAMPAIGNS_WRITE,
    Permission.LISTS_WRITE,
    Permission.SEGMENTS_WRITE,
    Permission.SUBSCRIBERS_READ,
    Permission.SUBSCRIBERS_WRITE,
    Permission.SUPPRESSIONS_READ,
    Permission.SUPPRESSIONS_WRITE,
    Permission.IMPORTS_READ,
    Permission.IMPORTS_WRITE,
}
_EVERYTHING = frozenset(Permission)

# The one table of roles. Owners may do what admins may, and only they make owners or change them: see `may_manage`.
ROLE_PERMISSIONS: Mapping[Role, frozenset[Permission]] = {
    Role.OWNER: _EVERYTHING,
    Role.ADMIN: _EVERYTHING,
    Role.EDITOR: _EDITOR,
    Role.MARKETER: _MARKETER,
    Role.APPROVER: _VIEWER | {Permission.CAMPAIGNS_COMMENT, Permission.CAMPAIGNS_APPROVE},
    Role.VIEWER: _VIEWER,
}


def may_manage(manager: Role, role: Role) -> bool:
    """Whether a user of one role may invite, change and disable users of another."""
    return Permission.USERS_WRITE in ROLE_PERMISSIONS[manager] and (role is not Role.OWNER or manager is Role.OWNER)


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A member of the team. Without a password the invitation has not been accepted yet."""

    id: int
    email: str
    name: str
    role: Role
    has_password: bool
    created_at: datetime
    disabled_at: datetime | None
    last_signed_in_at: datetime | None

    def allows(self, permission: Permission) -> bool:
        return permission in ROLE_PERMISSIONS[self.role]

    @property
    def display_name(self) -> str:
        return self.name or self.email

    @property
    def state(self) -> str:
        """`active`, `invited` or `disabled`."""
        if self.disabled_at is not None:
            return "disabled"
        return "active" if self.has_password else "invited"


@dataclass(frozen=True, slots=True, kw_only=True)
class UserSession:
    """A signed-in browser: `user_agent` is what it called itself, `ip_address` where its last request came from."""

    id: int
    user_id: int
    created_at: datetime
    last_seen_at: datetime
    expires_at: datetime
    ip_address: str
    user_agent: str

    def is_valid(self, now: datetime) -> bool:
        """Whether it has neither expired nor been idle for too long at `now`."""
        return now < self.expires_at and now < self.last_seen_at + SESSION_IDLE


class LinkPurpose(StrEnum):
    """What a one-time link is for: accepting an invitation, or choosing a new password."""

    SET_UP = "set_up"
    RESET = "reset"


LINK_LIFETIMES: Mapping[LinkPurpose, timedelta] = {
    LinkPurpose.SET_UP: timedelta(days=1),
    LinkPurpose.RESET: timedelta(hours=1),
}
# An invitation waits for its reader over a weekend; the link of the first owner is printed again anyway.
INVITATION_LIFETIME = timedelta(days=4)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLink:
    """A one-time link. Without a user it makes the first owner."""

    id: int
    user_id: int | None
    purpose: LinkPurpose
    expires_at: datetime
    used_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who does something: `name` is as histories name it, such as ``user:ada@example.org`` or ``cli:root``.

    Without a role it is a person at the command line, who may do everything.
    """

    name: str
    user_id: int | None = None
    role: Role | None = None
    ip_address: str = ""
    user_agent: str = ""


class AuditAction(StrEnum):
    """What the audit log records."""

    SIGNED_IN = "signed in"
    SIGN_IN_FAILED = "sign-in failed"
    SIGNED_OUT = "signed out"
    SESSIONS_ENDED = "sessions ended"
    USER_CREATED = "user created"
    PROFILE_CHANGED = "profile changed"
    ROLE_CHANGED = "role changed"
    DISABLED = "user disabled"
    ENABLED = "user enabled"
    LINK_CREATED = "link created"
    DELIVERIES_SETTLED = "deliveries settled"
    RESET_REQUESTED = "password reset requested"
    PASSWORD_SET = "password set"  # noqa: S105 - the name of an action
    DENIED = "denied"
    CALENDAR_FEED_MADE = "calendar feed made"
    CALENDAR_FEED_REMOVED = "calendar feed removed"
    SITE_CHANGED = "site changed"
    CHANNEL_CREATED = "channel created"
    CHANNEL_CHANGED = "channel changed"
    CHANNEL_REMOVED = "channel removed"
    CHANNEL_TESTED = "channel tested"
    SIGNING_KEY_CHANGED = "signing key changed"
    NOTICES_CHANGED = "notices changed"
    SOURCE_ADDED = "source added"
    SOURCE_CHANGED = "source changed"
    SOURCE_REMOVED = "source removed"
    TAG_CHANGED = "tag changed"
    TAG_RENAMED = "tag renamed"
    TAG_MERGED = "tag merged"
    QUARANTINE_RETRIED = "quarantine retried"
    QUARANTINE_DISCARDED = "quarantine discarded"


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditLogEntry:
    """Who did what to whom or what, when and from where. `subject` and `detail` are short texts."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: str
    ip_address: str
    user_agent: str


def parse_role(text: str) -> Role:
    """Raises InputError, which lists the roles."""
    try:
        return Role(text.strip().lower())
    except ValueError:
        raise InputError(f"there is no role {text!r}; there are {', '.join(Role)}") from None


def checked_user_name(name: str) -> str:
    """The name of a user, which may be empty. Raises InputError."""
    kept = " ".join(name.split())
    if len(kept) > LONGEST_NAME or any(unicodedata.category(sign) in {"Cc", "Cf", "Cs"} for sign in kept):
        raise InputError(f"a name has at most {LONGEST_NAME} characters, all of them visible, on one line")
    return kept


def checked_password(password: str, *, about: Sequence[str]) -> str:
    """The password in the form that is hashed (NFKC, as NIST SP 800-63B section 3.1.1.2 asks).

    `about` are texts that everyone knows: the address, the user's name, the name of the site. Raises InputError.
    """
    kept = normalized_password(password)
    if len(kept) < SHORTEST_PASSWORD:
        raise InputError(f"a password needs at least {SHORTEST_PASSWORD} characters; a short sentence is a good one")
    if len(kept) > LONGEST_PASSWORD:
        raise InputError(f"a password has at most {LONGEST_PASSWORD} characters")
    plain = _letters_and_digits(kept)
    own = plain
    for known in sorted({word for text in about for word in _words(text)}, key=len, reverse=True):
        own = own.replace(known, "")
    if own != plain and len(own) < SHORTEST_PASSWORD // 2:
        raise InputError("this password is little more than a name or an address that everyone knows")
    if plain in _COMMON_PASSWORDS or _is_repetition(kept) or _is_sequence(plain):
        raise InputError("this password is among the first that an attacker tries; a short sentence is a good one")
    return kept


def normalized_password(password: str) -> str:
    """The same characters typed on another keyboard are the same password."""
    return unicodedata.normalize("NFKC", password)


def _words(text: str) -> set[str]:
    """A text that others know, and its parts, as far as they are long enough to be recognized."""
    parts = "".join(sign if sign.isalnum() else " " for sign in text.casefold()).split()
    return {word for word in (_letters_and_digits(text), *parts) if len(word) >= _SHORTEST_WORD}


def _letters_and_digits(text: str) -> str:
    return "".join(sign for sign in text.casefold() if sign.isalnum())


def _is_repetition(text: str) -> bool:
    """Whether it is a part of at most four characters over and over, such as aaaaaaaaaaaa or 121212121212."""
    return any(text == (text[:length] * len(text))[: len(text)] for length in range(1, 5))


def _is_sequence(text: str) -> bool:
    """Whether each character follows the one before it, up or down, such as abcdefghijkl."""
    steps = {ord(after) - ord(before) for before, after in pairwise(text)}
    return len(steps) == 1 and steps <= {1, -1}
