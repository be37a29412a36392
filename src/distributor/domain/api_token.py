"""API tokens: their scopes, and secrets that are shown once."""

from __future__ import annotations

import base64
import hashlib
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from distributor.domain.errors import InputError

PREFIX = "dst_"
# Random bytes in a secret: it cannot be guessed, so a plain hash of it may be stored.
ENTROPY_BYTES = 32
LONGEST_NAME = 100


class TokenScope(StrEnum):
    """A permission: a resource and an operation.

    Addresses of subscribers are shown only with SUBSCRIBERS_READ, whatever the other scopes. PRIVACY_WRITE exports and
    erases all data of a person. SIGN_UPS_WRITE sends confirmation mails and reads nothing. CAMPAIGNS_APPROVE approves
    campaigns that need it, and lifts that need. SERVICE_READ shows what needs a person and how the service runs.
    """

    SUBSCRIBERS_READ = "subscribers:read"
    SUBSCRIBERS_WRITE = "subscribers:write"
    SIGN_UPS_WRITE = "sign-ups:write"
    LISTS_READ = "lists:read"
    LISTS_WRITE = "lists:write"
    SEGMENTS_READ = "segments:read"
    SEGMENTS_WRITE = "segments:write"
    SUPPRESSIONS_READ = "suppressions:read"
    SUPPRESSIONS_WRITE = "suppressions:write"
    IMPORTS_READ = "imports:read"
    IMPORTS_WRITE = "imports:write"
    PRIVACY_WRITE = "privacy:write"
    ARTICLES_READ = "articles:read"
    ARTICLES_WRITE = "articles:write"
    CHANNELS_READ = "channels:read"
    CHANNELS_WRITE = "channels:write"
    CAMPAIGNS_READ = "campaigns:read"
    CAMPAIGNS_WRITE = "campaigns:write"
    CAMPAIGNS_APPROVE = "campaigns:approve"
    SERVICE_READ = "service:read"
    EVERYTHING = "*"


SCOPES: Mapping[str, TokenScope] = {scope.value: scope for scope in TokenScope}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiToken:
    """A stored token: without its secret, of which only the hash is stored."""

    id: int
    name: str
    scopes: frozenset[TokenScope]
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None

    def is_valid(self, now: datetime) -> bool:
        """Whether the token is valid at `now`."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)

    def allows(self, scope: TokenScope) -> bool:
        return scope in self.scopes or TokenScope.EVERYTHING in self.scopes


def secret_of(entropy: bytes) -> str:
    """The secret made of these random bytes; it begins with a prefix that scanners for leaked secrets look for."""
    if len(entropy) < ENTROPY_BYTES:
        raise ValueError(f"a token needs at least {ENTROPY_BYTES} random bytes")
    return PREFIX + base64.urlsafe_b64encode(entropy).rstrip(b"=").decode("ascii")


def hash_of_secret(secret: str) -> bytes:
    """The SHA-256 of a secret, under which it is stored and found."""
    return hashlib.sha256(secret.encode()).digest()


def checked_name(name: str) -> str:
    """The name of a token. Raises InputError."""
    kept = name.strip()
    if not kept or len(kept) > LONGEST_NAME or any(unicodedata.category(sign) in {"Cc", "Cs"} for sign in kept):
        raise InputError(f"a token needs a name of 1 to {LONGEST_NAME} characters on one line, such as 'shop'")
    return kept


def parse_scopes(texts: Iterable[str]) -> frozenset[TokenScope]:
    """The scopes with these names. Raises InputError, which lists the valid ones, also if none is given."""
    given = [text.strip() for text in texts]
    known = ", ".join(SCOPES)
    for text in given:
        if text not in SCOPES:
            raise InputError(f"there is no scope {text!r}; there are {known}")
    if not given:
        raise InputError(f"a token needs at least one scope; there are {known}")
    return frozenset(SCOPES[text] for text in given)
