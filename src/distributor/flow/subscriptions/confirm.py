"""Confirm: a subscriber opens the link of a confirmation mail and confirms the sign-up (double opt-in)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

import structlog

from distributor.domain.consent import CONFIRM_WITHIN, ConsentEvidence, ConsentMethod
from distributor.domain.subscriber import MailingList, Membership
from distributor.domain.suppression import LIFTED_BY_CONFIRMING, Target, hash_of_key
from distributor.domain.tokens import Purpose
from distributor.flow import consent_texts
from distributor.flow.app_context import AppContext
from distributor.flow.subscriptions.link_tokens import LinkOwner, find_link_owner, lock_link_owner
from distributor.rendering.words import ENGLISH
from distributor.storage import deliveries, memberships, suppressions
from distributor.storage.database import Connection

log = structlog.get_logger(__name__)


class ConfirmationState(Enum):
    """The state of a sign-up: waiting for confirmation, confirmed, or expired."""

    PENDING = auto()
    CONFIRMED = auto()
    EXPIRED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationRequest:
    """The sign-up that the confirmation mail of `delivery_id` to `recipient` asks about, who chose `language`.

    `lists` are those that wait to be confirmed or, once confirmed, those that the subscriber is on.
    """

    delivery_id: int
    recipient: str
    language: str
    state: ConfirmationState
    lists: tuple[MailingList, ...]


def find_confirmation(app: AppContext, token: str) -> ConfirmationRequest | None:
    """The sign-up of this confirmation link; None if the token is not valid or the subscriber was deleted."""
    now = app.clock()
    with app.database.begin() as connection:
        owner = find_link_owner(app, connection, Purpose.CONFIRM, token)
        return _request_of(connection, owner, now=now) if owner else None


def confirm(app: AppContext, token: str, ip_address: str, shown_in: str = ENGLISH) -> ConfirmationRequest | None:
    """Confirm all pending lists of the subscriber, and lift the suppressions that a confirmation lifts.

    A repeat changes nothing; a subscriber who unsubscribed since is not subscribed again. `shown_in` is the language
    of the page. None as above.
    """
    now = app.clock()
    with app.database.begin() as connection:
        owner = lock_link_owner(app, connection, Purpose.CONFIRM, token)
        if owner is None:
            return None
        request = _request_of(connection, owner, now=now)
        if request.state is not ConfirmationState.PENDING:
            return request
        evidence = ConsentEvidence(
            method=ConsentMethod.FORM,
            text=consent_texts.confirmation_consent(app.templates.words_in(shown_in), app.site, request.lists),
            ip_address=ip_address,
            detail={"delivery": owner.delivery_id},
        )
        memberships.confirm(connection, owner.person.id, evidence, since=now - CONFIRM_WITHIN, now=now)
        suppressions.lift(connection, Target(hash=hash_of_key(owner.person.key)), reasons=LIFTED_BY_CONFIRMING)
        log.info("subscription.confirmed", delivery_id=owner.delivery_id, lists=len(request.lists))
        return _request_of(connection, owner, now=now)


def _request_of(connection: Connection, owner: LinkOwner, *, now: datetime) -> ConfirmationRequest:
    found = memberships.of_subscriber(connection, owner.person.id)
    since = now - CONFIRM_WITHIN
    waiting = tuple(
        membership.list
        for membership in found
        if membership.state is Membership.PENDING and membership.state_changed_at >= since
    )
    subscribed = tuple(membership.list for membership in found if membership.state is Membership.SUBSCRIBED)
    if waiting and _requested_at(connection, owner) >= since:
        state, shown = ConfirmationState.PENDING, waiting
    elif subscribed:
        state, shown = ConfirmationState.CONFIRMED, subscribed
    else:
        state, shown = ConfirmationState.EXPIRED, ()
    return ConfirmationRequest(
        delivery_id=owner.delivery_id,
        recipient=owner.recipient,
        language=owner.person.language,
        state=state,
        lists=shown,
    )


def _requested_at(connection: Connection, owner: LinkOwner) -> datetime:
    [delivery] = deliveries.find_for_sending(connection, [owner.delivery_id])
    return delivery.created_at
