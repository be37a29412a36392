"""Apply feedback about a delivery: event, delivery state, suppression and unsubscribe, all in one transaction.

A hard bounce (a 5xx reply, RFC 5321 section 4.2.1, or a status 5.x.x, RFC 3463) suppresses the address at once, soft
bounces by the bounce policy, a complaint suppresses it and unsubscribes, an unsubscribe mail unsubscribes. A delivery
notice takes earlier bounces of the delivery back. A delay is an event and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from distributor.domain.address import mailbox_key
from distributor.domain.consent import ConsentEvidence, ConsentMethod
from distributor.domain.delivery import DeliveryState
from distributor.domain.errors import NotFoundError, RemovedError
from distributor.domain.event import Event, EventKind
from distributor.domain.feedback import ArrivalProof, Feedback, FeedbackKind, MatchedBy
from distributor.domain.rendition import Json
from distributor.domain.subscriber import Subscriber
from distributor.domain.suppression import SuppressionReason, Target, hash_of_key
from distributor.flow import consent_texts
from distributor.flow.app_context import AppContext
from distributor.flow.bounces import Bounce, BounceLedger, suppress_recipient
from distributor.storage import (
    bounce_events,
    deliveries,
    delivery_queries,
    events,
    memberships,
    past_deliveries,
    subscribers,
    suppressions,
)
from distributor.storage.bounce_events import cause_of
from distributor.storage.database import Connection
from distributor.storage.delivery_queries import DeliveryRecord
from distributor.storage.past_deliveries import PastDelivery

# How long after a mail feedback that only names its recipient is matched to it.
_RECENT = timedelta(days=30)
_EVENTS = {
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
    `unsubscribed` if the subscriber was unsubscribed from the list, `took_back` if an earlier bounce no longer counts.
    """

    kind: FeedbackKind
    match: MatchedBy
    delivery_id: int | None = None
    is_new: bool = False
    suppressed: SuppressionReason | None = None
    unsubscribed: bool = False
    took_back: bool = False


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
        took_back=applied.took_back,
    )


class _FeedbackTransaction:
    """Applies one piece of feedback in a transaction."""

    def __init__(self, app: AppContext, connection: Connection, source: str) -> None:
        self._connection = connection
        self._now: datetime = app.clock()
        self._bounces = BounceLedger(connection, app.bounce_policy, now=self._now)
        self._source = source

    def apply(self, feedback: Feedback) -> AppliedFeedback:
        found = feedback if feedback.delivery_id is not None else self._by_address(feedback)
        nothing = AppliedFeedback(kind=found.kind, match=MatchedBy.NONE)
        if found.delivery_id is None:
            return nothing
        try:
            record = delivery_queries.find(self._connection, found.delivery_id)
            # All changes to a subscriber take this lock first, which prevents deadlocks.
            if record.subscriber_id is not None and subscribers.lock(self._connection, record.subscriber_id) is None:
                record = replace(record, subscriber_id=None)
            delivery_queries.hold(self._connection, record.id)
        except RemovedError:
            return self._about_past(found, found.delivery_id)
        except NotFoundError:
            return nothing
        applied = AppliedFeedback(kind=found.kind, match=found.match, delivery_id=record.id)
        if found.kind is FeedbackKind.BOUNCE:
            return self._bounce(found, record, applied)
        if found.kind is FeedbackKind.DELAY:
            return self._delay(found, record, applied)
        if found.kind is FeedbackKind.DELIVERED:
            return self._delivered(found, record, applied)
        return self._opt_out(found, record, applied)

    def _by_address(self, feedback: Feedback) -> Feedback:
        key = mailbox_key(feedback.address)
        if key is None:
            return feedback
        number = delivery_queries.last_to(self._connection, key, since=self._now - _RECENT)
        return replace(
            feedback, delivery_id=number, match=MatchedBy.ADDRESS if number else MatchedBy.NONE, counts=False
        )

    def _bounce(self, feedback: Feedback, record: DeliveryRecord, applied: AppliedFeedback) -> AppliedFeedback:
        is_applied, is_own = feedback.match is not MatchedBy.ADDRESS, _concerns(feedback, record)
        bounce = Bounce(
            key=feedback.key,
            at=self._time_of(feedback),
            is_hard=feedback.is_hard and is_own,
            # If the recipient passes the mail on to a dead address, that address failed: at most a soft bounce of this.
            counts=feedback.counts or (feedback.is_hard and not is_own and is_applied),
            has_consequences=is_applied,
            detail=self._detail_of(feedback) | _other_recipient(feedback, record),
        )
        recorded = self._bounces.record(record, bounce)
        if is_applied and not recorded.is_void:
            deliveries.mark_reported(self._connection, [record.id], DeliveryState.BOUNCED, now=self._now)
        return replace(applied, is_new=recorded.is_new, suppressed=recorded.suppressed)

    def _delay(self, feedback: Feedback, record: DeliveryRecord, applied: AppliedFeedback) -> AppliedFeedback:
        event = Event(
            delivery_id=record.id,
            kind=EventKind.DELAY,
            at=self._time_of(feedback),
            key=feedback.key,
            detail=self._detail_of(feedback) | _other_recipient(feedback, record),
        )
        return replace(applied, is_new=bool(events.record(self._connection, [event])))

    def _delivered(self, feedback: Feedback, record: DeliveryRecord, applied: AppliedFeedback) -> AppliedFeedback:
        if feedback.match is MatchedBy.ADDRESS or not _concerns(feedback, record):
            return applied
        at = self._time_of(feedback)
        bounce_events.note_delivered(self._connection, record.id, at=at)
        if self._bounces.take_back(record, ArrivalProof.DELIVERED, at=at):
            return replace(applied, is_new=True, took_back=True)
        if bounce_events.has_standing(self._connection, record.id):
            return applied
        changed = deliveries.mark_reported(self._connection, [record.id], DeliveryState.DELIVERED, now=self._now)
        return replace(applied, is_new=bool(changed))

    def _opt_out(self, feedback: Feedback, record: DeliveryRecord, applied: AppliedFeedback) -> AppliedFeedback:
        """A complaint or an unsubscribe."""
        is_applied, is_complaint = feedback.match is not MatchedBy.ADDRESS, feedback.kind is FeedbackKind.COMPLAINT
        event = Event(
            delivery_id=record.id,
            kind=_EVENTS[feedback.kind],
            at=self._time_of(feedback),
            key=feedback.key,
            detail=self._detail_of(feedback),
        )
        is_new = bool(events.record(self._connection, [event]))
        if is_complaint and is_applied:
            deliveries.mark_reported(self._connection, [record.id], DeliveryState.COMPLAINED, now=self._now)
        if not (is_new and is_applied) or record.subscriber_id is None:
            return replace(applied, is_new=is_new)
        reason = SuppressionReason.COMPLAINT if is_complaint else None
        if reason is not None:
            suppress_recipient(self._connection, record, reason, cause=cause_of(feedback.detail), now=self._now)
        unsubscribed = self._unsubscribe(feedback, record.subscriber_id, record)
        return replace(applied, is_new=True, suppressed=reason, unsubscribed=unsubscribed)

    def _about_past(self, feedback: Feedback, delivery_id: int) -> AppliedFeedback:
        """Feedback about a past delivery. It has no events: by its state it is seen whether the report is a new one.

        The address that the mail went to is not kept, so a bounce counts only if it names the person's address of now.
        """
        past = past_deliveries.find(self._connection, delivery_id)
        applied = AppliedFeedback(kind=feedback.kind, match=feedback.match, delivery_id=delivery_id)
        person = subscribers.lock(self._connection, past.subscriber_id) if past and past.subscriber_id else None
        if past is None or person is None or feedback.match is MatchedBy.ADDRESS:
            return applied
        if feedback.kind is FeedbackKind.BOUNCE:
            is_own = person.key in map(mailbox_key, feedback.reported_as)
            reason = SuppressionReason.HARD_BOUNCE if feedback.is_hard and is_own else None
            changes_to = DeliveryState.BOUNCED
        elif feedback.kind is FeedbackKind.COMPLAINT:
            reason, changes_to = SuppressionReason.COMPLAINT, DeliveryState.COMPLAINED
        elif feedback.kind is FeedbackKind.UNSUBSCRIBE:
            is_left = self._unsubscribe(feedback, person.id, past)
            return replace(applied, is_new=is_left, unsubscribed=is_left)
        else:
            return applied
        if not past_deliveries.mark_reported(self._connection, past, changes_to, now=self._now):
            return applied
        if reason is not None:
            self._suppress(person, reason, note=f"delivery {past.id}: {cause_of(feedback.detail)}".rstrip(": "))
        is_left = feedback.kind is FeedbackKind.COMPLAINT and self._unsubscribe(feedback, person.id, past)
        return replace(applied, is_new=True, suppressed=reason, unsubscribed=is_left)

    def _suppress(self, person: Subscriber, reason: SuppressionReason, *, note: str) -> None:
        target = Target(hash=hash_of_key(person.key), email=person.email)
        suppressions.add(self._connection, [target], reason, note=note, now=self._now)

    def _time_of(self, feedback: Feedback) -> datetime:
        return min(feedback.at or self._now, self._now)

    def _detail_of(self, feedback: Feedback) -> dict[str, Json]:
        return {**feedback.detail, "match": feedback.match.value, "source": self._source}

    def _unsubscribe(self, feedback: Feedback, subscriber_id: int, record: DeliveryRecord | PastDelivery) -> bool:
        if record.list_id is None:
            return False
        evidence = ConsentEvidence(
            method=ConsentMethod.MAIL,
            text=_UNSUBSCRIBE_TEXTS[feedback.kind],
            detail={"delivery": record.id, "source": self._source},
        )
        return memberships.unsubscribe(self._connection, subscriber_id, record.list_id, evidence, now=self._now)


def _other_recipient(feedback: Feedback, record: DeliveryRecord) -> dict[str, Json]:
    """The address that a report names, if it is not that of the delivery: the recipient's mailbox passed it on."""
    return {} if _concerns(feedback, record) else {"failed_recipient": feedback.reported_as[0]}


def _concerns(feedback: Feedback, record: DeliveryRecord) -> bool:
    """Whether the recipient that a report names is that of the delivery. One that names none is about its own."""
    own = mailbox_key(record.recipient)
    return own is None or not feedback.reported_as or own in map(mailbox_key, feedback.reported_as)
