"""Unsubscribe by the link in a mail, give a reason, or undo it if it was a mistake."""

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
from distributor.rendering.words import ENGLISH
from distributor.storage import events, memberships, suppressions
from distributor.storage.database import Connection

LONGEST_REASON = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class UnsubscribePage:
    """The membership of a link's owner, who chose `language`.

    `recipient` is the address that the mail of `delivery_id` was sent to.
    """

    delivery_id: int
    list: MailingList
    membership: Membership
    recipient: str
    language: str


def find_unsubscribe(app: AppContext, token: str) -> UnsubscribePage | None:
    """The current membership of this link's owner; None if the token is not valid."""
    with app.database.begin() as connection:
        owner = find_link_owner(app, connection, Purpose.UNSUBSCRIBE, token)
        return _page_of(connection, owner) if owner else None


def unsubscribe(
    app: AppContext, token: str, detail: Mapping[str, Json], *, text: str = consent_texts.ONE_CLICK
) -> UnsubscribePage | None:
    """Unsubscribe the link's owner from its list at once; a repeat changes nothing (RFC 8058).

    `text` is what they pressed, such as the label of a button, and `detail` the other evidence. None if the token is
    not valid. Raises ServiceError if that could not be committed.
    """
    now = app.clock()
    with app.database.begin() as connection:
        owner = lock_link_owner(app, connection, Purpose.UNSUBSCRIBE, token)
        if owner is None:
            return None
        evidence = ConsentEvidence(
            method=ConsentMethod.FORM, text=text, detail={**detail, "delivery": owner.delivery_id}
        )
        if memberships.unsubscribe(connection, owner.person.id, owner.list.id, evidence, now=now):
            event = Event(
                delivery_id=owner.delivery_id,
                kind=EventKind.UNSUBSCRIBE,
                at=now,
                key=f"unsubscribe-{owner.delivery_id}-{now.timestamp()}",
                detail=detail,
            )
            events.record(connection, [event])
        return _page_of(connection, owner)


def record_reason(app: AppContext, token: str, reason: str, words: str) -> UnsubscribePage | None:
    """Store the reason of a subscriber who unsubscribed by this link; the last one counts. None if it is not valid.

    Nothing is stored while the subscriber is still on the list.
    """
    with app.database.begin() as connection:
        owner = lock_link_owner(app, connection, Purpose.UNSUBSCRIBE, token)
        if owner is None:
            return None
        page = _page_of(connection, owner)
        if page is not None and page.membership is Membership.UNSUBSCRIBED:
            detail = {"reason": reason, "words": words[:LONGEST_REASON]}
            events.add_detail(connection, owner.delivery_id, EventKind.UNSUBSCRIBE, detail)
        return page


def resubscribe(app: AppContext, token: str, ip_address: str, shown_in: str = ENGLISH) -> UnsubscribePage | None:
    """Undo an unsubscribe by this link, on a page in the language `shown_in`; None if the token is not valid.

    After "unsubscribe from everything" this lifts the suppression; the other lists stay unsubscribed.
    """
    now = app.clock()
    with app.database.begin() as connection:
        owner = lock_link_owner(app, connection, Purpose.UNSUBSCRIBE, token)
        if owner is None:
            return None
        evidence = ConsentEvidence(
            method=ConsentMethod.FORM,
            text=consent_texts.resubscribe_consent(app.templates.words_in(shown_in), app.site, owner.list),
            ip_address=ip_address,
            detail={"delivery": owner.delivery_id},
        )
        membership = _membership_of(connection, owner)
        if membership is not None and membership.state is Membership.UNSUBSCRIBED:
            memberships.grant(connection, owner.person.id, owner.list.id, evidence, topics=membership.topics, now=now)
            mailbox = Target(hash=hash_of_key(owner.person.key))
            suppressions.lift(connection, mailbox, reasons=[SuppressionReason.UNSUBSCRIBE])
        return _page_of(connection, owner)


def _page_of(connection: Connection, owner: LinkOwner) -> UnsubscribePage | None:
    membership = _membership_of(connection, owner)
    if membership is None:
        return None
    return UnsubscribePage(
        delivery_id=owner.delivery_id,
        list=owner.list,
        membership=membership.state,
        recipient=owner.recipient,
        language=owner.person.language,
    )


def _membership_of(connection: Connection, owner: LinkOwner) -> Subscription | None:
    found = memberships.of_subscriber(connection, owner.person.id)
    return next((membership for membership in found if membership.list.id == owner.list.id), None)
