"""Suppression: addresses and domains that get no mail, whatever list they are on."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from distributor.domain.address import parse_address
from distributor.domain.errors import InputError

_SHA256 = re.compile(r"[0-9a-f]{64}")


class SuppressionReason(StrEnum):
    """Why an address is suppressed. It may have several reasons, and stays suppressed until the last one is lifted."""

    HARD_BOUNCE = "hard_bounce"
    SOFT_BOUNCES = "soft_bounces"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"
    MANUAL = "manual"
    IMPORTED = "imported"
    ERASED = "erased"


# The reasons that a confirmation from the mailbox lifts. A complaint is permanent, and a manual suppression can only
# be lifted by a team member.
LIFTED_BY_CONFIRMING = frozenset(
    {
        SuppressionReason.HARD_BOUNCE,
        SuppressionReason.SOFT_BOUNCES,
        SuppressionReason.UNSUBSCRIBE,
        SuppressionReason.ERASED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What is suppressed: a mailbox by the SHA-256 of its key, with `email` if known, or a domain."""

    hash: bytes | None = None
    domain: str | None = None
    email: str | None = None

    def __str__(self) -> str:
        return self.email or self.domain or (self.hash or b"").hex()


@dataclass(frozen=True, slots=True, kw_only=True)
class Suppression:
    id: int
    target: Target
    reason: SuppressionReason
    note: str
    at: datetime


def parse_target(text: str) -> Target:
    """An address, a domain as ``@example.org`` or ``example.org``, or the SHA-256 of an address in hexadecimal.

    The hash is that of the whole address in lower case, as mail services exchange such lists. Raises InputError.
    """
    given = text.strip()
    if _SHA256.fullmatch(given.casefold()):
        return Target(hash=bytes.fromhex(given))
    local_part, at, _ = given.rpartition("@")
    if local_part:
        found = parse_address(given)
        return Target(hash=hash_of_key(found.key), email=found.address)
    if not at and "." not in given:
        raise InputError(f"{text!r} is no address, no domain and no SHA-256 of an address")
    return Target(domain=parse_address(f"postmaster@{given.removeprefix('@')}").domain)


def hash_of_key(key: str) -> bytes:
    """The identity of a mailbox in the suppression list: the SHA-256 of its key."""
    return hashlib.sha256(key.encode()).digest()
