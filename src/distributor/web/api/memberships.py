"""`/v1/subscribers/{who}/memberships`"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from distributor.domain.api_token import ApiToken, TokenScope
from distributor.domain.consent import ConsentEvidence, ConsentMethod
from distributor.domain.errors import InputError, NotFoundError, StateError
from distributor.domain.subscriber import Frequency, MailingList, Membership, Person, Subscriber, Subscription
from distributor.storage import lists, memberships
from distributor.storage.database import Connection
from distributor.web.api import who as whom
from distributor.web.api.auth import App, Turn, needs
from distributor.web.api.fields import Body, SlugInPath, Topics, Words
from distributor.web.api.people import ShownPlace, StatedConsent
from distributor.web.api.problems import ANYWHERE, may_answer
from distributor.web.api.who import Who

router = APIRouter(
    prefix="/v1/subscribers/{who}/memberships", tags=["subscribers"], dependencies=[Turn], responses=ANYWHERE
)


class Places(BaseModel):
    """Somebody's places on lists, by slug."""

    items: list[ShownPlace]


class NewMembership(Body):
    """How somebody agreed to be on a list."""

    consent: StatedConsent


class MembershipChoice(Body):
    """What somebody wants of a list. Both are set: name what stays as well."""

    topics: Topics | None = Field(description="Some of the list's topics; null means every article.")
    frequency: Frequency = Frequency.EVERY_ARTICLE


@router.get("", dependencies=[needs(TokenScope.SUBSCRIBERS_READ)], responses=may_answer(404))
def list_memberships(app: App, who: Who) -> Places:
    """The lists somebody is or was on."""
    with app.database.begin() as connection:
        found = memberships.of_subscriber(connection, whom.find(connection, who).id)
    return Places(items=[ShownPlace.of(place) for place in found])


@router.put("/{slug}", responses=may_answer(404, 409))
def subscribe(
    app: App,
    who: Who,
    slug: SlugInPath,
    body: NewMembership,
    token: Annotated[ApiToken, needs(TokenScope.SUBSCRIBERS_WRITE)],
) -> ShownPlace:
    """Put somebody on a list, on your word that they agreed. Who has left it comes back only by themselves."""
    with app.database.begin() as connection:
        subscriber, chosen = whom.lock(connection, who), lists.find(connection, slug)
        person = Person(key=subscriber.key, email=subscriber.email)
        memberships.subscribe(connection, chosen.id, [person], body.consent.evidence(token), now=app.clock())
        if memberships.state_of(connection, subscriber.id, chosen.id) is not Membership.SUBSCRIBED:
            raise StateError(f"they have left {slug!r}, or were erased; they may come back by signing up themselves")
        return ShownPlace.of(_place(connection, subscriber, chosen))


@router.patch("/{slug}", dependencies=[needs(TokenScope.SUBSCRIBERS_WRITE)], responses=may_answer(404, 409))
def choose(app: App, who: Who, slug: SlugInPath, body: MembershipChoice) -> ShownPlace:
    """Choose topics, and how often mail comes."""
    with app.database.begin() as connection:
        subscriber, chosen = whom.lock(connection, who), lists.find(connection, slug)
        if _place(connection, subscriber, chosen).state is Membership.UNSUBSCRIBED:
            raise StateError(f"they have left {slug!r}, so there is nothing to choose")
        unknown = set(body.topics or ()) - set(chosen.topics)
        if unknown:
            raise InputError(
                f"{slug!r} offers no topic {min(unknown)!r}; it offers {', '.join(chosen.topics) or 'none'}"
            )
        memberships.set_preferences(connection, subscriber.id, chosen.id, topics=body.topics, frequency=body.frequency)
        return ShownPlace.of(_place(connection, subscriber, chosen))


@router.delete("/{slug}", responses=may_answer(404))
def leave(
    app: App,
    who: Who,
    slug: SlugInPath,
    token: Annotated[ApiToken, needs(TokenScope.SUBSCRIBERS_WRITE)],
    reason: Annotated[Words, Query(description="Why, for the record.")] = "",
) -> ShownPlace:
    """Take somebody off a list, for good."""
    with app.database.begin() as connection:
        subscriber, left = whom.lock(connection, who), lists.find(connection, slug)
        _place(connection, subscriber, left)
        evidence = ConsentEvidence(method=ConsentMethod.API, text=reason, detail={"token": token.id})
        memberships.unsubscribe(connection, subscriber.id, left.id, evidence, now=app.clock())
        return ShownPlace.of(_place(connection, subscriber, left))


def _place(connection: Connection, subscriber: Subscriber, wanted: MailingList) -> Subscription:
    for place in memberships.of_subscriber(connection, subscriber.id):
        if place.list.id == wanted.id:
            return place
    raise NotFoundError("membership", f"{subscriber.id} of {wanted.slug}")
