"""Accept: somebody confirms from the mailbox what was asked for in their name."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto

from distributor.domain.consent import CONFIRM_WITHIN, ConsentEvidence, ConsentMethod
from distributor.domain.subscriber import MailingList, Membership
from distributor.domain.suppression import LIFTED_BY_CONFIRMING, Target, hash_of_key
from distributor.domain.tokens import Purpose
from distributor.flow import consent_texts
from distributor.flow.app_context import AppContext
from distributor.flow.subscriptions.link_tokens import LinkOwner, find_link_owner, lock_link_owner
from distributor.storage import deliveries, memberships, suppressions
from distributor.storage.database import Connection


class ConfirmationState(Enum):
    """How things stand with a confirmation: it is WAITED for, all of it is DONE, or it comes too LATE."""

    WAITED = auto()
    DONE = auto()
    LATE = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfirmationRequest:
    """What somebody was asked by the mail of `delivery_id` to `recipient`.

    `lists` are those that wait to be confirmed or, once it is done, those that they are on.
    """

    delivery_id: int
    recipient: str
    stage: ConfirmationState
    lists: tuple[MailingList, ...]


def find_confirmation(app: AppContext, token: str) -> ConfirmationRequest | None:
    """What the holder of this link is asked; None if it is not ours, or of somebody who is no longer known."""
    now = app.clock()
    with app.database.begin() as connection:
        holder = find_link_owner(app, connection, Purpose.CONFIRM, token)
        return _question_of(connection, holder, now=now) if holder else None


def confirm(app: AppContext, token: str, network: str) -> ConfirmationRequest | None:
    """Confirm everything that was asked for within the time a request is good for, and lift what only this can lift.

    Doing it twice is the same as once, and somebody who has left since is not brought back. None as above.
    """
    now = app.clock()
    with app.database.begin() as connection:
        holder = lock_link_owner(app, connection, Purpose.CONFIRM, token)
        if holder is None:
            return None
        question = _question_of(connection, holder, now=now)
        if question.stage is not ConfirmationState.WAITED:
            return question
        evidence = ConsentEvidence(
            method=ConsentMethod.FORM,
            text=consent_texts.confirmation_consent(app.site, question.lists),
            network=network,
            detail={"delivery": holder.delivery_id},
        )
        memberships.confirm(connection, holder.person.id, evidence, since=now - CONFIRM_WITHIN, now=now)
        suppressions.lift(connection, Target(hash=hash_of_key(holder.person.key)), reasons=LIFTED_BY_CONFIRMING)
        return _question_of(connection, holder, now=now)


def _question_of(connection: Connection, holder: LinkOwner, *, now: datetime) -> ConfirmationRequest:
    places = memberships.of_subscriber(connection, holder.person.id)
    since = now - CONFIRM_WITHIN
    waiting = tuple(
        place.list for place in places if place.state is Membership.PENDING and place.state_changed_at >= since
    )
    subscribed = tuple(place.list for place in places if place.state is Membership.SUBSCRIBED)
    if waiting and _asked_at(connection, holder) >= since:
        stage, shown = ConfirmationState.WAITED, waiting
    elif subscribed:
        stage, shown = ConfirmationState.DONE, subscribed
    else:
        stage, shown = ConfirmationState.LATE, ()
    return ConfirmationRequest(delivery_id=holder.delivery_id, recipient=holder.recipient, stage=stage, lists=shown)


def _asked_at(connection: Connection, holder: LinkOwner) -> datetime:
    [asked] = deliveries.find_for_sending(connection, [holder.delivery_id])
    return asked.created_at
