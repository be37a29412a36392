"""Feedback: what others say became of a mail after it was sent, and how much of it is held against an address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from distributor.domain.rendition import Json


class FeedbackKind(StrEnum):
    """What was said. NOTHING is for mails that say nothing a sender has to act on: answers, delays, receipts."""

    DELIVERED = "delivered"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"
    NOTHING = "nothing"


class MatchedBy(StrEnum):
    """How the delivery was found: by something of ours that only its mail held, or merely by the address.

    FORGED looks like something of ours and was not made here. What rests on an ADDRESS or is FORGED is never acted on.
    """

    RETURN_PATH = "return_path"
    MESSAGE_ID = "message_id"
    METADATA = "metadata"
    ADDRESS = "address"
    FORGED = "forged"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """One thing said about one mail. `key` is the same however often it is told.

    `address` is the recipient as it was named, `counts` whether a bounce that is not hard speaks against that address,
    `at` when it happened where that was told, and `detail` what is kept of it.
    """

    meaning: FeedbackKind
    key: str
    match: MatchedBy
    delivery_id: int | None
    address: str = ""
    is_hard: bool = False
    counts: bool = False
    at: datetime | None = None
    detail: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BouncePolicy:
    """When bounces that are not hard end in a suppression: on `limit` days within the time after which one lapses.

    A day counts once, however much came back on it: ten mails to a full mailbox are one full mailbox.
    """

    limit: int = 5
    lapses_after: timedelta = timedelta(days=60)
