"""`/v1/subscribers/{who}/memberships`"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from distributor.domain.api_token import ApiToken, Scope
from distributor.domain.consent import ConsentMethod, Evidence
from distributor.domain.errors import InputError, NotFoundError, StateError
from distributor.domain.subscriber import Frequency, List, Membership, Person, Subscriber, Subscription
from distributor.storage import lists, memberships
from distributor.storage.database import Connection
from distributor.web.api import who as whom
from distributor.web.api.auth import Here, Turn, needs
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


class Choice(Body):
    """What somebody wants of a list. Both are set: name what stays as well."""

    topics: Topics | None = Field(description="Some of the list's topics; null means every article.")
    frequency: Frequency = Frequency.EVERY_ARTICLE


@router.get("", dependencies=[needs(Scope.SUBSCRIBERS_READ)], responses=may_answer(404))
def list_memberships(here: Here, who: Who) -> Places:
    """The lists somebody is or was on."""
    with here.database.begin() as connection:
        found = memberships.of_subscriber(connection, whom.find(connection, who).id)
    return Places(items=[ShownPlace.of(place) for place in found])


@router.put("/{slug}", responses=may_answer(404, 409))
def subscribe(
    here: Here,
    who: Who,
    slug: SlugInPath,
    body: NewMembership,
    token: Annotated[ApiToken, needs(Scope.SUBSCRIBERS_WRITE)],
) -> ShownPlace:
    """Put somebody on a list, on your word that they agreed. Who has left it comes back only by themselves."""
    with here.database.begin() as connection:
        subscriber, chosen = whom.lock(connection, who), lists.find(connection, slug)
        person = Person(key=subscriber.key, address=subscriber.address)
        memberships.subscribe(connection, chosen.id, [person], body.consent.evidence(token), now=here.clock())
        if memberships.state_of(connection, subscriber.id, chosen.id) is not Membership.SUBSCRIBED:
            raise StateError(f"they have left {slug!r}, or were erased; they may come back by signing up themselves")
        return ShownPlace.of(_place(connection, subscriber, chosen))


@router.patch("/{slug}", dependencies=[needs(Scope.SUBSCRIBERS_WRITE)], responses=may_answer(404, 409))
def choose(here: Here, who: Who, slug: SlugInPath, body: Choice) -> ShownPlace:
    """Choose topics, and how often mail comes."""
    with here.database.begin() as connection:
        subscriber, chosen = whom.lock(connection, who), lists.find(connection, slug)
        if _place(connection, subscriber, chosen).state is Membership.UNSUBSCRIBED:
            raise StateError(f"they have left {slug!r}, so there is nothing to choose")
        unknown = set(body.topics or ()) - set(chosen.topics)
        if unknown:
            raise InputError(
                f"{slug!r} offers no topic {min(unknown)!r}; it offers {', '.join(chosen.topics) or 'none'}"
            )
        memberships.choose(connection, subscriber.id, chosen.id, topics=body.topics, frequency=body.frequency)
        return ShownPlace.of(_place(connection, subscriber, chosen))


@router.delete("/{slug}", responses=may_answer(404))
def leave(
    here: Here,
    who: Who,
    slug: SlugInPath,
    token: Annotated[ApiToken, needs(Scope.SUBSCRIBERS_WRITE)],
    reason: Annotated[Words, Query(description="Why, for the record.")] = "",
) -> ShownPlace:
    """Take somebody off a list, for good."""
    with here.database.begin() as connection:
        subscriber, left = whom.lock(connection, who), lists.find(connection, slug)
        _place(connection, subscriber, left)
        evidence = Evidence(method=ConsentMethod.API, text=reason, detail={"token": token.id})
        memberships.leave(connection, subscriber.id, left.id, evidence, now=here.clock())
        return ShownPlace.of(_place(connection, subscriber, left))


def _place(connection: Connection, subscriber: Subscriber, wanted: List) -> Subscription:
    for place in memberships.of_subscriber(connection, subscriber.id):
        if place.list.id == wanted.id:
            return place
    raise NotFoundError("membership", f"{subscriber.id} of {wanted.slug}")
