"""What is known of one person, for a page: lists, consent, what stops mail, and every mail with what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from distributor.domain.consent import Consent
from distributor.domain.event import EventKind
from distributor.domain.subscriber import Subscriber, Subscription
from distributor.domain.suppression import Suppression
from distributor.flow.app_context import AppContext
from distributor.storage import (
    consents,
    delivery_pages,
    events,
    memberships,
    past_deliveries,
    subscribers,
    suppressions,
)
from distributor.storage.delivery_pages import PersonDelivery
from distributor.storage.past_deliveries import PastMail


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonRecord:
    """A person. `mails` are some of the deliveries, the newest first, and `reactions` the kinds of events of each;
    `past_mails` are the newest past ones.

    `consents` are all records, the newest first. `next_id` is the delivery before which the next page begins, None if
    there is none.
    """

    person: Subscriber
    subscriptions: Sequence[Subscription]
    consents: Sequence[Consent]
    suppressions: Sequence[Suppression]
    mails: Sequence[PersonDelivery]
    past_mails: Sequence[PastMail]
    reactions: Mapping[int, frozenset[EventKind]]
    next_id: int | None


def person_record(app: AppContext, subscriber_id: int, *, before_id: int | None = None, limit: int) -> PersonRecord:
    """A person with at most `limit` mails, read in one transaction. Raises NotFoundError."""
    with app.database.begin() as connection:
        person = subscribers.find_by_id(connection, subscriber_id)
        found = delivery_pages.of_person(connection, subscriber_id, before_id=before_id, limit=limit + 1)
        mails = found[:limit]
        return PersonRecord(
            person=person,
            subscriptions=memberships.of_subscriber(connection, subscriber_id),
            consents=consents.of_subscriber(connection, subscriber_id)[::-1],
            suppressions=suppressions.of_key(connection, person.key),
            mails=mails,
            past_mails=past_deliveries.of_person(connection, subscriber_id, limit=limit) if len(found) <= limit else (),
            reactions=events.kinds_of(connection, [one.delivery.id for one in mails]),
            next_id=mails[-1].delivery.id if len(found) > limit else None,
        )
