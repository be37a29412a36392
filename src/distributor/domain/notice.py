"""Notices: what operators are told once about each matter, by mail and by a web hook.

The web hook is that of the Standard Webhooks specification 1.0.0 (standardwebhooks.com): its headers, its signature,
and the times at which it is tried again.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from distributor.domain.address import parse_address
from distributor.domain.errors import AddressError, InputError

MOST_ADDRESSES = 20
_LONGEST_URL = 2000
_SECRET_PREFIX = "whsec_"  # noqa: S105 - no secret
# Of the specification, in bytes.
_SHORTEST_SECRET, _LONGEST_SECRET = 24, 64
SECRET_BYTES = 32
# Before each attempt after the first; after the last one it is given up.
_DELAYS = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
FINISHED = "finished"
"""The topic of a campaign that has gone out; the others are those of `Concern`."""


class NoticeWay(StrEnum):
    """How operators are told."""

    MAIL = "mail"
    WEB_HOOK = "web_hook"


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """Something that operators are told about: once as long as it lasts, which `key` decides.

    `about` is its name, `path` the page of the team's app on which it is mended, empty if there is none.
    """

    key: str
    topic: str
    about: str
    sentence: str
    path: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A matter that was seen. `told_at` is when the first way had told it, `ended_at` when it was over."""

    id: int
    matter: Matter
    first_seen_at: datetime
    told_at: datetime | None
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeAttempt:
    """An attempt to tell a notice; `detail` is which channel took it, or what the other side said."""

    at: datetime
    way: NoticeWay
    is_told: bool
    detail: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeTargets:
    """Who is told: the addresses of operators, and a web hook with the secret that signs it."""

    addresses: tuple[str, ...] = ()
    hook_url: str = ""
    hook_secret: str = ""

    @property
    def ways(self) -> Sequence[NoticeWay]:
        """The ways that are set up."""
        return [
            way for way, target in ((NoticeWay.MAIL, self.addresses), (NoticeWay.WEB_HOOK, self.hook_url)) if target
        ]

    def or_those_of(self, other: NoticeTargets) -> NoticeTargets:
        """With what is missing here as it is there. A web hook and its secret belong together."""
        hook = self if self.hook_url else other
        return NoticeTargets(
            addresses=self.addresses or other.addresses, hook_url=hook.hook_url, hook_secret=hook.hook_secret
        )


def next_attempt(failures: int, *, now: datetime) -> datetime | None:
    """When to try again after so many failures; None to give up, which is after about three days."""
    return now + _DELAYS[failures - 1] if failures <= len(_DELAYS) else None


def signed_headers(notice_id: str, body: bytes, *, secret: str, now: datetime) -> Mapping[str, str]:
    """The headers of a web hook: the id is the same on every attempt, the signature is HMAC-SHA256."""
    timestamp = str(int(now.timestamp()))
    signed = b".".join((notice_id.encode(), timestamp.encode(), body))
    mac = hmac.new(_key_of(secret), signed, hashlib.sha256).digest()
    return {
        "webhook-id": notice_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def secret_of_bytes(random: bytes) -> str:
    """The secret that these random bytes are."""
    return _SECRET_PREFIX + base64.b64encode(random).decode()


def checked_secret(text: str) -> str:
    """The secret of a web hook, which may be empty. Raises InputError."""
    kept = text.strip()
    if kept and not _SHORTEST_SECRET <= len(_key_of(kept)) <= _LONGEST_SECRET:
        raise InputError(f"the secret has to be {_SHORTEST_SECRET} to {_LONGEST_SECRET} bytes in base64")
    return kept


def checked_hook_url(text: str) -> str:
    """The address of a web hook, which may be empty. Raises InputError."""
    kept = text.strip()
    if not kept:
        return ""
    try:
        parts = urlsplit(kept)
        is_usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_usable = False
    if not is_usable or len(kept) > _LONGEST_URL or not kept.isprintable() or " " in kept:
        raise InputError("the address of the web hook has to begin with https:// and name a server")
    if "@" in urlsplit(kept).netloc:
        raise InputError("leave user and password out of the address of the web hook: it is signed with the secret")
    return kept


def parse_operators(text: str) -> tuple[str, ...]:
    """Addresses separated by commas, semicolons, spaces or line ends, each once. Raises InputError."""
    try:
        found = [parse_address(one) for one in re.split(r"[\s,;]+", text) if one]
    except AddressError as error:
        raise InputError(str(error)) from None
    kept = tuple({one.key: one.address for one in reversed(found)}.values())[::-1]
    if len(kept) > MOST_ADDRESSES:
        raise InputError(f"notices are mailed to at most {MOST_ADDRESSES} addresses, not to {len(kept)}")
    return kept


def _key_of(secret: str) -> bytes:
    try:
        return base64.b64decode(secret.removeprefix(_SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        raise InputError(f"the secret has to be base64, such as {_SECRET_PREFIX}MfKQ9r8GKYqr…") from None
