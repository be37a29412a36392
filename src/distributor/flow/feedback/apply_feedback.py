"""Apply feedback about a delivery: event, delivery state, suppression and unsubscribe, all in one transaction.

A hard bounce (a 5xx reply, RFC 5321 section 4.2.1, or a status 5.x.x, RFC 3463) suppresses the address at once, soft
bounces by the bounce policy, a complaint suppresses it and unsubscribes, an unsubscribe mail unsubscribes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from distributor.domain.address import parse_address
from distributor.domain.consent import ConsentEvidence, ConsentMethod
from distributor.domain.delivery import DeliveryState
from distributor.domain.errors import AddressError, NotFoundError
from distributor.domain.event import Event, EventKind
from distributor.domain.feedback import Feedback, FeedbackKind, MatchedBy
from distributor.domain.rendition import Json
from distributor.domain.subscriber import Subscriber
from distributor.domain.suppression import SuppressionReason, Target, hash_of_key
from distributor.flow import consent_texts
from distributor.flow.app_context import AppContext
from distributor.storage import deliveries, delivery_queries, events, memberships, subscribers, suppressions
from distributor.storage.database import Connection
from distributor.storage.delivery_queries import DeliveryRecord

# How long after a mail feedback that only names its recipient is matched to it.
_RECENT = timedelta(days=30)
_STATES = {
    FeedbackKind.DELIVERED: DeliveryState.DELIVERED,
    FeedbackKind.BOUNCE: DeliveryState.BOUNCED,
    FeedbackKind.COMPLAINT: DeliveryState.COMPLAINED,
}
_EVENTS = {
    FeedbackKind.BOUNCE: EventKind.BOUNCE,
    FeedbackKind.COMPLAINT: EventKind.COMPLAINT,
    FeedbackKind.UNSUBSCRIBE: EventKind.UNSUBSCRIBE,
}
_UNSUBSCRIBE_TEXTS = {
    FeedbackKind.COMPLAINT: consent_texts.SPAM_COMPLAINT,
    FeedbackKind.UNSUBSCRIBE: consent_texts.UNSUBSCRIBE_BY_MAIL,
}
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedFeedback:
    """The effect of feedback: `is_new` if it was not recorded before, `suppressed` if the address is now suppressed,
    `unsubscribed` if the subscriber was unsubscribed from the list.
    """

    kind: FeedbackKind
    match: MatchedBy
    delivery_id: int | None = None
    is_new: bool = False
    suppressed: SuppressionReason | None = None
    unsubscribed: bool = False


def apply_feedback(app: AppContext, feedback: Feedback, *, source: str) -> AppliedFeedback:
    """Record feedback and apply its consequences. Applied again, in any order, it changes nothing.

    Only feedback with a token of ours has consequences; feedback that merely names an address is recorded as an event
    of the last mail to it. `source` names its origin in one word, for the event. Raises ServiceError.
    """
    if feedback.match is MatchedBy.FORGED:
        return AppliedFeedback(kind=feedback.kind, match=MatchedBy.FORGED)
    if feedback.kind is FeedbackKind.NOTHING:
        return AppliedFeedback(kind=feedback.kind, match=feedback.match, delivery_id=feedback.delivery_id)
    with app.database.begin() as connection:
        return _FeedbackTransaction(app, connection, source).apply(feedback)


def log_applied(applied: AppliedFeedback, *, source: str) -> None:
    """Write one log line about applied feedback, without addresses."""
    write = _log.warning if applied.match is MatchedBy.FORGED else _log.info
    write(
        "feedback.applied",
        source=source,
        kind=applied.kind.value,
        match=applied.match.value,
        delivery_id=applied.delivery_id,
        is_new=applied.is_new,
    )


class _FeedbackTransaction:
    """Applies one piece of feedback in a transaction."""

    def __init__(self, app: AppContext, connection: Connection, source: str) -> None:
        self._connection = connection
        self._policy = app.bounce_policy
        self._now: datetime = app.clock()
        self._source = source

    def apply(self, feedback: Feedback) -> AppliedFeedback:
        found = feedback if feedback.delivery_id is not None else self._by_address(feedback)
        nothing = AppliedFeedback(kind=found.kind, match=MatchedBy.NONE)
        if found.delivery_id is None:
            return nothing
        try:
            record = delivery_queries.find(self._connection, found.delivery_id)
        except NotFoundError:
            return nothing
        # All changes to a subscriber take this lock first, which prevents deadlocks.
        person = subscribers.lock(self._connection, record.subscriber_id) if record.subscriber_id else None
        applied = AppliedFeedback(
            kind=found.kind,
            match=found.match,
            delivery_id=record.id,
            is_new=self._write(found, record),
        )
        if found.match is MatchedBy.ADDRESS:
            return applied
        if person is None or not applied.is_new:
            return applied
        return replace(
            applied,
            suppressed=self._suppress(found, person, record),
            unsubscribed=self._unsubscribe(found, person, record),
        )

    def _by_address(self, feedback: Feedback) -> Feedback:
        try:
            key = parse_address(feedback.address).key
        except AddressError:
            return feedback
        number = delivery_queries.last_to(self._connection, key, since=self._now - _RECENT)
        return replace(
            feedback, delivery_id=number, match=MatchedBy.ADDRESS if number else MatchedBy.NONE, counts=False
        )

    def _write(self, feedback: Feedback, record: DeliveryRecord) -> bool:
        """Record the event and the new state; False if both were recorded before."""
        kind, state = _EVENTS.get(feedback.kind), _STATES.get(feedback.kind)
        is_new = False
        if kind is not None:
            event = Event(
                delivery_id=record.id,
                kind=kind,
                at=min(feedback.at or self._now, self._now),
                key=feedback.key,
                detail=self._detail_of(feedback),
            )
            is_new = bool(events.record(self._connection, [event]))
        if state is not None and feedback.match is not MatchedBy.ADDRESS:
            is_changed = deliveries.mark_reported(self._connection, [record.id], state, now=self._now)
            is_new = is_new or (kind is None and bool(is_changed))
        return is_new

    def _detail_of(self, feedback: Feedback) -> Mapping[str, Json]:
        counting: dict[str, Json] = {"counts": True} if feedback.counts else {}
        return {**feedback.detail, **counting, "match": feedback.match.value, "source": self._source}

    def _suppress(self, feedback: Feedback, person: Subscriber, record: DeliveryRecord) -> SuppressionReason | None:
        """Suppress the address that the mail was sent to, if the feedback is a reason to."""
        reason = self._reason_to_suppress(feedback, person)
        if reason is None:
            return None
        try:
            mailbox = parse_address(record.recipient)
        except AddressError:
            return None
        target = Target(hash=hash_of_key(mailbox.key), email=mailbox.address)
        cause = " ".join(str(feedback.detail[name]) for name in ("reason", "status", "type") if name in feedback.detail)
        note = f"delivery {record.id}: {cause}" if cause else f"delivery {record.id}"
        suppressions.add(self._connection, [target], reason, note=note, now=self._now)
        return reason

    def _reason_to_suppress(self, feedback: Feedback, person: Subscriber) -> SuppressionReason | None:
        if feedback.kind is FeedbackKind.COMPLAINT:
            return SuppressionReason.COMPLAINT
        if feedback.kind is not FeedbackKind.BOUNCE:
            return None
        if feedback.is_hard:
            return SuppressionReason.HARD_BOUNCE
        if not feedback.counts:
            return None
        days = events.soft_bounce_days(self._connection, person.id, since=self._now - self._policy.lapses_after)
        return SuppressionReason.SOFT_BOUNCES if days >= self._policy.limit else None

    def _unsubscribe(self, feedback: Feedback, person: Subscriber, record: DeliveryRecord) -> bool:
        text = _UNSUBSCRIBE_TEXTS.get(feedback.kind)
        if text is None or record.list_id is None:
            return False
        evidence = ConsentEvidence(
            method=ConsentMethod.MAIL, text=text, detail={"delivery": record.id, "source": self._source}
        )
        return memberships.unsubscribe(self._connection, person.id, record.list_id, evidence, now=self._now)
