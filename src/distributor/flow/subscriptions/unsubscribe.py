"""Leave: by the link in a mail, at once and for good; to say why, and to come back if it was a mistake."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from distributor.domain.consent import ConsentEvidence, ConsentMethod
from distributor.domain.event import Event, EventKind
from distributor.domain.rendition import Json
from distributor.domain.subscriber import MailingList, Membership, Subscription
from distributor.domain.suppression import SuppressionReason, Target, hash_of_key
from distributor.domain.tokens import Purpose
from distributor.flow import consent_texts
from distributor.flow.app_context import AppContext
from distributor.flow.subscriptions.link_tokens import LinkOwner, find_link_owner, lock_link_owner
from distributor.storage import events, memberships, suppressions
from distributor.storage.database import Connection

LONGEST_REASON = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsubscribePage:
    """What somebody is to a list: `recipient` is the address that the mail of `delivery_id` went to."""

    delivery_id: int
    list: MailingList
    membership: Membership
    recipient: str


def find_unsubscribe(app: AppContext, token: str) -> UnsubscribePage | None:
    """What the holder of a link to leave a list is to it; None if the link is not ours."""
    with app.database.begin() as connection:
        holder = find_link_owner(app, connection, Purpose.UNSUBSCRIBE, token)
        return _standing_of(connection, holder) if holder else None


def unsubscribe(app: AppContext, token: str, detail: Mapping[str, Json]) -> UnsubscribePage | None:
    """Take the holder of the link off its list, at once and for good; doing it twice is the same as once.

    None if the link is not ours. Raises ServiceError rather than pretend.
    """
    now = app.clock()
    with app.database.begin() as connection:
        holder = lock_link_owner(app, connection, Purpose.UNSUBSCRIBE, token)
        if holder is None:
            return None
        evidence = ConsentEvidence(
            method=ConsentMethod.FORM, text=consent_texts.UNSUBSCRIBE, detail={**detail, "delivery": holder.delivery_id}
        )
        if memberships.unsubscribe(connection, holder.person.id, holder.list.id, evidence, now=now):
            event = Event(
                delivery_id=holder.delivery_id,
                kind=EventKind.UNSUBSCRIBE,
                at=now,
                key=f"unsubscribe-{holder.delivery_id}-{now.timestamp()}",
                detail=detail,
            )
            events.record(connection, [event])
        return _standing_of(connection, holder)


def record_reason(app: AppContext, token: str, reason: str, words: str) -> UnsubscribePage | None:
    """Keep why somebody who has left by this link did so: the last that is said counts. None if it is not ours.

    Nothing is kept of somebody who is still on the list.
    """
    with app.database.begin() as connection:
        holder = lock_link_owner(app, connection, Purpose.UNSUBSCRIBE, token)
        if holder is None:
            return None
        standing = _standing_of(connection, holder)
        if standing is not None and standing.membership is Membership.UNSUBSCRIBED:
            detail = {"reason": reason, "words": words[:LONGEST_REASON]}
            events.add_detail(connection, holder.delivery_id, EventKind.UNSUBSCRIBE, detail)
        return standing


def resubscribe(app: AppContext, token: str, network: str) -> UnsubscribePage | None:
    """Put somebody who has left by this link back on the list; None if the link is not ours.

    Whoever had left everything has thereby not: other lists stay left, and this one reaches them again.
    """
    now = app.clock()
    with app.database.begin() as connection:
        holder = lock_link_owner(app, connection, Purpose.UNSUBSCRIBE, token)
        if holder is None:
            return None
        evidence = ConsentEvidence(
            method=ConsentMethod.FORM,
            text=consent_texts.resubscribe_consent(app.site, holder.list),
            network=network,
            detail={"delivery": holder.delivery_id},
        )
        place = _place_of(connection, holder)
        if place is not None and place.state is Membership.UNSUBSCRIBED:
            memberships.grant(connection, holder.person.id, holder.list.id, evidence, topics=place.topics, now=now)
            mailbox = Target(hash=hash_of_key(holder.person.key))
            suppressions.lift(connection, mailbox, reasons=[SuppressionReason.UNSUBSCRIBE])
        return _standing_of(connection, holder)


def _standing_of(connection: Connection, holder: LinkOwner) -> UnsubscribePage | None:
    place = _place_of(connection, holder)
    if place is None:
        return None
    return UnsubscribePage(
        delivery_id=holder.delivery_id, list=holder.list, membership=place.state, recipient=holder.recipient
    )


def _place_of(connection: Connection, holder: LinkOwner) -> Subscription | None:
    places = memberships.of_subscriber(connection, holder.person.id)
    return next((place for place in places if place.list.id == holder.list.id), None)
