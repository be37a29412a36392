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
from distributor.web.api.auth import App, RequestSlot, requires
from distributor.web.api.fields import RequestBody, SlugInPath, Topics, ShortText
from distributor.web.api.people import SubscriptionOut, ConsentIn
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses
from distributor.web.api.who import SubscriberRef

router = APIRouter(
    prefix="/v1/subscribers/{who}/memberships", tags=["subscribers"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS
)


class MembershipsOut(BaseModel):
    """Somebody's places on lists, by slug."""

    items: list[SubscriptionOut]


class MembershipCreate(RequestBody):
    """How somebody agreed to be on a list."""

    consent: ConsentIn


class MembershipUpdate(RequestBody):
    """What somebody wants of a list. Both are set: name what stays as well."""

    topics: Topics | None = Field(description="Some of the list's topics; null means every article.")
    frequency: Frequency = Frequency.EVERY_ARTICLE


@router.get("", dependencies=[requires(TokenScope.SUBSCRIBERS_READ)], responses=problem_responses(404))
def list_memberships(app: App, who: SubscriberRef) -> MembershipsOut:
    """The lists somebody is or was on."""
    with app.database.begin() as connection:
        found = memberships.of_subscriber(connection, whom.find(connection, who).id)
    return MembershipsOut(items=[SubscriptionOut.of(place) for place in found])


@router.put("/{slug}", responses=problem_responses(404, 409))
def subscribe(
    app: App,
    who: SubscriberRef,
    slug: SlugInPath,
    body: MembershipCreate,
    token: Annotated[ApiToken, requires(TokenScope.SUBSCRIBERS_WRITE)],
) -> SubscriptionOut:
    """Put somebody on a list, on your word that they agreed. Who has left it comes back only by themselves."""
    with app.database.begin() as connection:
        subscriber, chosen = whom.lock(connection, who), lists.find(connection, slug)
        person = Person(key=subscriber.key, email=subscriber.email)
        memberships.subscribe(connection, chosen.id, [person], body.consent.evidence(token), now=app.clock())
        if memberships.state_of(connection, subscriber.id, chosen.id) is not Membership.SUBSCRIBED:
            raise StateError(f"they have left {slug!r}, or were erased; they may come back by signing up themselves")
        return SubscriptionOut.of(_place(connection, subscriber, chosen))


@router.patch("/{slug}", dependencies=[requires(TokenScope.SUBSCRIBERS_WRITE)], responses=problem_responses(404, 409))
def choose(app: App, who: SubscriberRef, slug: SlugInPath, body: MembershipUpdate) -> SubscriptionOut:
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
        return SubscriptionOut.of(_place(connection, subscriber, chosen))


@router.delete("/{slug}", responses=problem_responses(404))
def leave(
    app: App,
    who: SubscriberRef,
    slug: SlugInPath,
    token: Annotated[ApiToken, requires(TokenScope.SUBSCRIBERS_WRITE)],
    reason: Annotated[ShortText, Query(description="Why, for the record.")] = "",
) -> SubscriptionOut:
    """Take somebody off a list, for good."""
    with app.database.begin() as connection:
        subscriber, left = whom.lock(connection, who), lists.find(connection, slug)
        _place(connection, subscriber, left)
        evidence = ConsentEvidence(method=ConsentMethod.API, text=reason, detail={"token": token.id})
        memberships.unsubscribe(connection, subscriber.id, left.id, evidence, now=app.clock())
        return SubscriptionOut.of(_place(connection, subscriber, left))


def _place(connection: Connection, subscriber: Subscriber, wanted: MailingList) -> Subscription:
    for place in memberships.of_subscriber(connection, subscriber.id):
        if place.list.id == wanted.id:
            return place
    raise NotFoundError("membership", f"{subscriber.id} of {wanted.slug}")
