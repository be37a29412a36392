"""What a bounce does, however it was reported: its event, the suppression it leads to, and taking both back.

A server refuses an address at once, or a report about it arrives later: the consequences for the subscriber are the
same. Evidence that the mail arrived after all takes a mistaken bounce back. All of it happens in the caller's
transaction, which holds the lock of the subscriber.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from distributor.domain.address import parse_address
from distributor.domain.delivery import DeliveryState
from distributor.domain.errors import AddressError
from distributor.domain.event import Event, EventKind
from distributor.domain.feedback import ArrivalProof, BouncePolicy
from distributor.domain.rendition import Json
from distributor.domain.suppression import SuppressionReason, Target, hash_of_key
from distributor.storage import bounce_events, deliveries, delivery_queries, events, suppressions
from distributor.storage.bounce_events import BounceEvent, cause_of
from distributor.storage.database import Connection
from distributor.storage.delivery_queries import DeliveryRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounce:
    """One bounce of one delivery.

    `key` is the same for repeats. `is_hard`: nothing may be sent to the address again; `counts`: a soft bounce that
    counts against it, once a day. `has_consequences` is False if it only is to be recorded.
    """

    key: str
    at: datetime
    is_hard: bool = False
    counts: bool = False
    has_consequences: bool = True
    detail: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedBounce:
    """`is_new` if it was not recorded before, `is_void` if it was taken back, `suppressed` if the address is now."""

    is_new: bool
    is_void: bool = False
    suppressed: SuppressionReason | None = None


class BounceLedger:
    """Records the bounces of one transaction, and takes them back."""

    def __init__(self, connection: Connection, policy: BouncePolicy, *, now: datetime) -> None:
        self._connection = connection
        self._policy = policy
        self._now = now

    def record(self, record: DeliveryRecord, bounce: Bounce) -> RecordedBounce:
        """Record a bounce with its consequences; one that was recorded before changes nothing.

        If the mail is known to have arrived at that time or later, the bounce is void, as if it had come first.
        """
        proof = bounce_events.arrival_since(self._connection, record.id, bounce.at)
        detail: dict[str, Json] = {**bounce.detail, "hard": bounce.is_hard}
        if proof is not None:
            detail |= _taken_back(proof, self._now)
        elif bounce.counts:
            detail |= {"counts": True}
        event = Event(delivery_id=record.id, kind=EventKind.BOUNCE, at=bounce.at, key=bounce.key, detail=detail)
        if not events.record(self._connection, [event]):
            return RecordedBounce(is_new=False, is_void=bounce_events.is_taken_back(self._connection, bounce.key))
        if proof is not None or record.subscriber_id is None or not bounce.has_consequences:
            return RecordedBounce(is_new=True, is_void=proof is not None)
        reason = self._reason_to_suppress(record, bounce)
        if reason is not None and suppress_recipient(
            self._connection, record, reason, cause=cause_of(bounce.detail), now=self._now
        ):
            bounce_events.mark_suppressed(self._connection, bounce.key, reason)
        return RecordedBounce(is_new=True, suppressed=reason)

    def take_back(self, record: DeliveryRecord, proof: ArrivalProof, *, at: datetime) -> bool:
        """The mail had arrived `at` that time: earlier bounces of the delivery no longer count. False if none did.

        The delivery becomes `delivered`, or stays `sent` after an attempt that was accepted. A suppression that these
        bounces led to is lifted, unless other bounces justify it.
        """
        soft_days = self._soft_days(record)
        taken = bounce_events.take_back(self._connection, record.id, until=at, detail=_taken_back(proof, self._now))
        if not taken:
            return False
        if proof is not ArrivalProof.SENT and not bounce_events.has_standing(self._connection, record.id):
            deliveries.mark_reported(self._connection, [record.id], DeliveryState.DELIVERED, now=self._now)
        for bounce in taken:
            if bounce.suppressed is SuppressionReason.HARD_BOUNCE:
                self._lift_hard_bounce(record, bounce)
        if self._soft_days(record) < self._policy.limit <= soft_days:
            self._lift(record, SuppressionReason.SOFT_BOUNCES)
        return True

    def _reason_to_suppress(self, record: DeliveryRecord, bounce: Bounce) -> SuppressionReason | None:
        if bounce.is_hard:
            return SuppressionReason.HARD_BOUNCE
        if bounce.counts and self._soft_days(record) >= self._policy.limit:
            return SuppressionReason.SOFT_BOUNCES
        return None

    def _soft_days(self, record: DeliveryRecord) -> int:
        if record.subscriber_id is None:
            return 0
        since = self._now - self._policy.lapses_after
        return events.soft_bounce_days(self._connection, record.subscriber_id, since=since)

    def _lift_hard_bounce(self, record: DeliveryRecord, taken: BounceEvent) -> None:
        self._lift(record, SuppressionReason.HARD_BOUNCE)
        other = bounce_events.hard_after(self._connection, record.id, after_id=taken.id)
        if other is not None:
            bounced = delivery_queries.find(self._connection, other.delivery_id)
            suppress_recipient(
                self._connection, bounced, SuppressionReason.HARD_BOUNCE, cause=other.cause, now=self._now
            )
            bounce_events.mark_suppressed(self._connection, other.key, SuppressionReason.HARD_BOUNCE)

    def _lift(self, record: DeliveryRecord, reason: SuppressionReason) -> None:
        target = _target_of(record)
        if target is not None:
            suppressions.withdraw(self._connection, target, reason)


def suppress_recipient(
    connection: Connection, record: DeliveryRecord, reason: SuppressionReason, *, cause: str, now: datetime
) -> bool:
    """Suppress the address that a mail was sent to; False if it was already, for this reason, or is no address."""
    target = _target_of(record)
    if target is None:
        return False
    note = f"delivery {record.id}: {cause}" if cause else f"delivery {record.id}"
    return bool(suppressions.add(connection, [target], reason, note=note, now=now))


def _target_of(record: DeliveryRecord) -> Target | None:
    try:
        mailbox = parse_address(record.recipient)
    except AddressError:
        return None
    return Target(hash=hash_of_key(mailbox.key), email=mailbox.address)


def _taken_back(proof: ArrivalProof, now: datetime) -> dict[str, Json]:
    return {"taken_back": proof.value, "taken_back_at": now.isoformat()}
