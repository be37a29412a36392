"""Link tokens: the subscriber and the list that a signed link in a mail belongs to."""

from __future__ import annotations

from dataclasses import dataclass, replace

from distributor.domain.campaign import CampaignPurpose
from distributor.domain.errors import InertLinkError, NotFoundError, RemovedError
from distributor.domain.subscriber import MailingList, Subscriber
from distributor.domain.tokens import Purpose
from distributor.flow.app_context import AppContext
from distributor.storage import campaigns, delivery_queries, lists, past_deliveries, subscribers
from distributor.storage.database import Connection
from distributor.storage.delivery_queries import DeliveryRecord
from distributor.storage.past_deliveries import PastDelivery


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkOwner:
    """The subscriber `person` whom the mail of `delivery_id` was sent to, at `recipient`, on behalf of `list`.

    Of a past delivery the address is not kept: the recipient is the person's address of now.
    """

    delivery_id: int
    recipient: str
    person: Subscriber
    list: MailingList


def find_link_owner(app: AppContext, connection: Connection, purpose: Purpose, token: str) -> LinkOwner | None:
    """The owner of this link, or None if the token is forged or truncated, or the subscriber was deleted.

    Raises InertLinkError for a link in a test mail, and NotFoundError for one whose mail is not known any more, such as
    one that was sent between a backup and its restore.
    """
    claim = app.tokens.read(purpose, token)
    if claim is None:
        return None
    try:
        record = _delivery(connection, claim.delivery_id)
    except NotFoundError as error:
        raise NotFoundError("mail", "of a link") from error
    try:
        if campaigns.purpose_of_dispatch(connection, record.dispatch_id) is CampaignPurpose.TEST:
            raise InertLinkError("this link is in a test mail: it changes nothing")
        if record.subscriber_id is None or record.list_id is None:
            return None
        person = subscribers.find_by_id(connection, record.subscriber_id)
        chosen = lists.find_by_id(connection, record.list_id)
    except NotFoundError:
        return None
    recipient = record.recipient if isinstance(record, DeliveryRecord) else person.email
    return LinkOwner(delivery_id=record.id, recipient=recipient, person=person, list=chosen)


def _delivery(connection: Connection, delivery_id: int) -> DeliveryRecord | PastDelivery:
    try:
        return delivery_queries.find(connection, delivery_id)
    except RemovedError:
        past = past_deliveries.find(connection, delivery_id)
        if past is None:
            raise
        return past


def lock_link_owner(app: AppContext, connection: Connection, purpose: Purpose, token: str) -> LinkOwner | None:
    """The same, with the subscriber locked to the end of the transaction."""
    found = find_link_owner(app, connection, purpose, token)
    person = subscribers.lock(connection, found.person.id) if found else None
    return replace(found, person=person) if found and person else None
