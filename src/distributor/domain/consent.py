"""Consent: how somebody agreed to mail from a list, or took that back. Records are only ever added."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from distributor.domain.rendition import Json


class ConsentAction(StrEnum):
    """GRANTED is valid by itself; REQUESTED only once CONFIRMED from the mailbox; WITHDRAWN ends either."""

    GRANTED = "granted"
    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"


# How long a request waits for its confirmation: the link that confirms it is good for as long, then it is forgotten.
CONFIRM_WITHIN = timedelta(days=30)


class ConsentMethod(StrEnum):
    """By what way: the public pages, an import, the API, a person of the team, or a list from before records.

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
    """What is known about one act of consent. `text` is what the person saw or the basis that was stated.

    `network` is the IP address it came from, or empty; `detail` holds what else proves it (a reason, an import).
    """

    method: ConsentMethod
    text: str
    network: str = ""
    detail: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Consent:
    """One record, as it is kept for good."""

    id: int
    list_slug: str
    action: ConsentAction
    method: ConsentMethod
    at: datetime
    text: str
    text_hash: str
    network: str
    detail: Mapping[str, Json]


def hash_of_text(text: str) -> bytes:
    """SHA-256 of the wording: what proves later that it was this one."""
    return hashlib.sha256(text.encode()).digest()
