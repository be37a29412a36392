"""Delivery: one rendition to one recipient, its states, and the outcome of an attempt.

pending → claimed → in_flight → sent | deferred | failed | suppressed | unknown, later delivered, bounced, complained.
A claim is a lease with a fencing epoch: every write names the epoch it was made under and is void under another.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from distributor.domain.rendition import Json


class DeliveryState(StrEnum):
    """The state of a delivery; `TRANSITIONS` says how it may change."""

    PENDING = "pending"
    CLAIMED = "claimed"
    IN_FLIGHT = "in_flight"
    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    SUPPRESSED = "suppressed"
    UNKNOWN = "unknown"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    COMPLAINED = "complained"


# The allowed next states of each state. `unknown` ends only by evidence, or by a policy that sends again.
TRANSITIONS: Mapping[DeliveryState, frozenset[DeliveryState]] = {
    DeliveryState.PENDING: frozenset({DeliveryState.CLAIMED, DeliveryState.SUPPRESSED}),
    DeliveryState.CLAIMED: frozenset(
        {DeliveryState.IN_FLIGHT, DeliveryState.PENDING, DeliveryState.DEFERRED, DeliveryState.SUPPRESSED}
    ),
    DeliveryState.IN_FLIGHT: frozenset(
        {
            DeliveryState.SENT,
            DeliveryState.DEFERRED,
            DeliveryState.FAILED,
            DeliveryState.UNKNOWN,
            DeliveryState.PENDING,
            # A bounced message was sent, even if its outcome is not committed yet.
            DeliveryState.BOUNCED,
            DeliveryState.COMPLAINED,
        }
    ),
    DeliveryState.DEFERRED: frozenset({DeliveryState.CLAIMED, DeliveryState.FAILED, DeliveryState.SUPPRESSED}),
    DeliveryState.UNKNOWN: frozenset(
        {DeliveryState.SENT, DeliveryState.DEFERRED, DeliveryState.FAILED, DeliveryState.PENDING}
    )
    | {DeliveryState.DELIVERED, DeliveryState.BOUNCED, DeliveryState.COMPLAINED},
    DeliveryState.SENT: frozenset({DeliveryState.DELIVERED, DeliveryState.BOUNCED, DeliveryState.COMPLAINED}),
    # A server may refuse a mail that it has taken: a delivery notice or a click proves the opposite.
    DeliveryState.FAILED: frozenset({DeliveryState.PENDING, DeliveryState.DELIVERED}),
    DeliveryState.SUPPRESSED: frozenset(),
    DeliveryState.DELIVERED: frozenset({DeliveryState.BOUNCED, DeliveryState.COMPLAINED}),
    DeliveryState.BOUNCED: frozenset({DeliveryState.PENDING, DeliveryState.DELIVERED, DeliveryState.COMPLAINED}),
    DeliveryState.COMPLAINED: frozenset(),
}

# A dispatch is finished when every delivery is in one of these.
SETTLED: frozenset[DeliveryState] = frozenset(
    {
        DeliveryState.SENT,
        DeliveryState.FAILED,
        DeliveryState.SUPPRESSED,
        DeliveryState.UNKNOWN,
        DeliveryState.DELIVERED,
        DeliveryState.BOUNCED,
        DeliveryState.COMPLAINED,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One delivery as its channel sees it while sending.

    `recipient` is an email address, a feed or an account. `fields` are its merge fields for its placeholders.
    `attempt` counts from 1, `first_attempt_at` is when the first attempt started. `created_at` is when the audience was
    frozen; with `id` it is all a channel needs to make names that stay the same on every attempt. `zone` is the
    recipient's own IANA time zone, or empty.
    """

    id: int
    dispatch_id: int
    recipient: str
    epoch: int
    attempt: int
    created_at: datetime
    first_attempt_at: datetime | None = None
    zone: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


class Attribution(StrEnum):
    """To what a post that a lookup found belongs.

    OWN: to the part that was looked up. OTHER: to another part or delivery of the account. OPEN: another delivery to
    the account is being sent, and the post may be its result.
    """

    OWN = "own"
    OTHER = "other"
    OPEN = "open"


class Verdict(StrEnum):
    """The result of an attempt to send one delivery.

    SENT: the remote server accepted it. DEFERRED: a temporary failure, to be retried. FAILED: a permanent failure that
    concerns this recipient. UNKNOWN: it may or may not have been accepted. SENDER_REJECTED: the server rejects the
    sender (blocked, authentication, quota): the delivery is unchanged and its dispatch or route pauses.
    RETRY_REMAINING: definitely not sent, or only in part; send the rest. THROTTLED: not attempted, because of a rate
    limit or a route in backoff; `retry_at` says when it may be.
    """

    SENT = "sent"
    DEFERRED = "deferred"
    FAILED = "failed"
    UNKNOWN = "unknown"
    SENDER_REJECTED = "sender_rejected"
    RETRY_REMAINING = "retry_remaining"
    THROTTLED = "throttled"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome for one delivery, valid only under the epoch it was claimed with.

    `remote_id` is its id at the remote server (Message-ID, post id); `reply_code` the SMTP or HTTP status;
    `reply` the text of the server's reply, which is untrusted; `retry_at` the earliest time of another attempt where
    the server named one, else None and the schedule decides. `is_hard_bounce`: the server says permanently that this
    address or its domain does not exist, so nothing may be sent to it again. `counts_against_address`: a failure that
    counts as a soft bounce of this address if the delivery is given up.
    """

    delivery_id: int
    epoch: int
    verdict: Verdict
    remote_id: str | None = None
    permalink: str | None = None
    reply_code: int | None = None
    reply: str = ""
    retry_at: datetime | None = None
    is_hard_bounce: bool = False
    counts_against_address: bool = False
    detail: Mapping[str, Json] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        delivery: Delivery,
        verdict: Verdict,
        *,
        remote_id: str | None = None,
        permalink: str | None = None,
        reply_code: int | None = None,
        reply: str = "",
        retry_at: datetime | None = None,
        is_hard_bounce: bool = False,
        counts_against_address: bool = False,
        detail: Mapping[str, Json] | None = None,
    ) -> Outcome:
        """The outcome of the current attempt of `delivery`."""
        return cls(
            delivery_id=delivery.id,
            epoch=delivery.epoch,
            verdict=verdict,
            remote_id=remote_id,
            permalink=permalink,
            reply_code=reply_code,
            reply=reply,
            retry_at=retry_at,
            is_hard_bounce=is_hard_bounce,
            counts_against_address=counts_against_address,
            detail=detail or {},
        )


class HandSettlement(StrEnum):
    """What a person decides about a delivery of unknown outcome: it was sent, it was not, or it is sent again."""

    SENT = "sent"
    NOT_SENT = "not_sent"
    SEND_AGAIN = "send_again"

    @property
    def state(self) -> DeliveryState:
        """The state of the delivery after it."""
        return _BY_HAND[self]


_BY_HAND = {
    HandSettlement.SENT: DeliveryState.SENT,
    HandSettlement.NOT_SENT: DeliveryState.FAILED,
    HandSettlement.SEND_AGAIN: DeliveryState.PENDING,
}

# How long a worker whose lease ran out may take to report before what it may have sent is sent again: it may be
# stopped and not dead, and know more.
REPORT_WITHIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """An outcome with the delivery's new state, and when it is due again."""

    outcome: Outcome
    state: DeliveryState
    next_at: datetime | None = None
