"""Feedback about a mail after it was sent (bounces, complaints, unsubscribes), and the policy for soft bounces."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from distributor.domain.rendition import Json


class FeedbackKind(StrEnum):
    """The kind of feedback. DELAY: the mail is on its way still. NOTHING: an inbound mail that needs no action, such as
    a reply or a receipt.
    """

    DELIVERED = "delivered"
    DELAY = "delay"
    BOUNCE = "bounce"
    COMPLAINT = "complaint"
    UNSUBSCRIBE = "unsubscribe"
    NOTHING = "nothing"


class MatchedBy(StrEnum):
    """How the delivery was found: by a token that only its mail contained, or merely by the address.

    REPLY: the server refused the mail in the session that was to deliver it. FORGED: it has an invalid token. Feedback
    matched by ADDRESS or FORGED has no consequences.
    """

    REPLY = "reply"
    RETURN_PATH = "return_path"
    MESSAGE_ID = "message_id"
    METADATA = "metadata"
    ADDRESS = "address"
    FORGED = "forged"
    NONE = "none"


class ArrivalProof(StrEnum):
    """Evidence that a mail arrived, which takes back a bounce of it that is not later.

    CLICK: a link in it was followed. DELIVERED: a delivery notice of a provider or a DSN. SENT: a later attempt was
    accepted by the server that had refused it. An open is none: proxies and filters load images of any mail.
    """

    CLICK = "click"
    DELIVERED = "delivered"
    SENT = "sent"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feedback:
    """One piece of feedback about one mail. `key` is the same for repeats of the same feedback.

    `address` is the recipient it names; `reported_as` are all addresses by which a delivery status notification names
    it, and then one of them must be that of the delivery. `counts`: a soft bounce that counts towards a suppression;
    `at` is the time it happened if known, and `detail` the data stored with the event.
    """

    kind: FeedbackKind
    key: str
    match: MatchedBy
    delivery_id: int | None
    address: str = ""
    reported_as: tuple[str, ...] = ()
    is_hard: bool = False
    counts: bool = False
    at: datetime | None = None
    detail: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class BouncePolicy:
    """When soft bounces end in a suppression: after bounces on `limit` days within `lapses_after`.

    A day counts once, however many mails bounced on it.
    """

    limit: int = 5
    lapses_after: timedelta = timedelta(days=60)
