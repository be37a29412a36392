"""Consent: how a subscriber agreed to mail from a list, or withdrew that. Records are append-only."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from distributor.domain.rendition import Json


class ConsentAction(StrEnum):
    """GRANTED is valid by itself; REQUESTED only once CONFIRMED by the confirmation mail; WITHDRAWN ends either."""

    GRANTED = "granted"
    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


# How long a sign-up may be confirmed; after that its link is invalid and the sign-up is deleted.
CONFIRM_WITHIN = timedelta(days=30)

# The confirmation mails to one address, whatever it is signed up for: this long apart, and this many in any 24 hours.
# Often enough for a mail that was lost, and too rarely to bomb a mailbox.
CONFIRMATIONS_APART = timedelta(minutes=5)
CONFIRMATIONS_PER_DAY = 3


def may_confirmation_be_sent(queued: Sequence[datetime], *, now: datetime) -> bool:
    """Whether the limits allow another confirmation mail to an address that was sent these, at any time before."""
    recent = [at for at in queued if at > now - timedelta(days=1)]
    return len(recent) < CONFIRMATIONS_PER_DAY and all(at <= now - CONFIRMATIONS_APART for at in recent)


class ConsentMethod(StrEnum):
    """How it was given: on the public pages, by an import, the API, a team member, or before consent was recorded.

    MAIL is a mail that came in: of the person, or of their provider about what the person did.
    """

    FORM = "form"
    IMPORT = "import"
    API = "api"
    PERSON = "person"
    MIGRATION = "migration"
    MAIL = "mail"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsentEvidence:
    """The evidence of one act of consent. `text` is what the subscriber saw or the basis that was stated.

    `ip_address` is the IP address it came from, or empty; `detail` holds what else proves it (a reason, an import).
    """

    method: ConsentMethod
    text: str
    ip_address: str = ""
    detail: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One stored record."""

    id: int
    list_slug: str
    action: ConsentAction
    method: ConsentMethod
    at: datetime
    text: str
    text_hash: str
    ip_address: str
    detail: Mapping[str, Json]


def hash_of_text(text: str) -> bytes:
    """SHA-256 of the text, which proves later that it was this one."""
    return hashlib.sha256(text.encode()).digest()
