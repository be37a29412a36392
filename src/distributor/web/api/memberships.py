"""`/v1/subscribers/{subscriber}/memberships`"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from distributor.domain.api_token import ApiToken, TokenScope
from distributor.domain.consent import ConsentEvidence, ConsentMethod
from distributor.domain.errors import InputError, NotFoundError, StateError
from distributor.domain.subscriber import MailingList, Membership, Person, Subscriber, Subscription
from distributor.storage import lists, memberships, tags
from distributor.storage.database import Connection
from distributor.web.api import subscriber_ref
from distributor.web.api.auth import App, RequestSlot, requires
from distributor.web.api.fields import RequestBody, ShortText, SlugInPath, Topics
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses
from distributor.web.api.subscriber_ref import SubscriberRef
from distributor.web.api.subscriber_schemas import ConsentIn, SubscriptionOut

router = APIRouter(
    prefix="/v1/subscribers/{subscriber}/memberships",
    tags=["subscribers"],
    dependencies=[RequestSlot],
    responses=COMMON_PROBLEMS,
)


class MembershipsOut(BaseModel):
    """The lists of a subscriber, by slug."""

    items: list[SubscriptionOut]


class MembershipCreate(RequestBody):
    """The consent to a subscription."""

    consent: ConsentIn


class MembershipUpdate(RequestBody):
    """The preferences for a list."""

    topics: Topics | None = Field(description="Topics of the list; null: every article.")


@router.get("", dependencies=[requires(TokenScope.SUBSCRIBERS_READ)], responses=problem_responses(404))
def list_memberships(app: App, subscriber: SubscriberRef) -> MembershipsOut:
    """List the current and former subscriptions of a subscriber."""
    with app.database.begin() as connection:
        found = memberships.of_subscriber(connection, subscriber_ref.find(connection, subscriber).id)
    return MembershipsOut(items=[SubscriptionOut.of(subscription) for subscription in found])


@router.put("/{slug}", responses=problem_responses(404, 409))
def subscribe(
    app: App,
    subscriber: SubscriberRef,
    slug: SlugInPath,
    body: MembershipCreate,
    token: Annotated[ApiToken, requires(TokenScope.SUBSCRIBERS_WRITE)],
) -> SubscriptionOut:
    """Subscribe a subscriber to a list with a record of their consent; those who unsubscribed must sign up."""
    with app.database.begin() as connection:
        found, chosen = subscriber_ref.lock(connection, subscriber), lists.find(connection, slug)
        person = Person(key=found.key, email=found.email)
        memberships.subscribe(connection, chosen.id, [person], body.consent.evidence(token), now=app.clock())
        if memberships.state_of(connection, found.id, chosen.id) is not Membership.SUBSCRIBED:
            raise StateError(
                f"they unsubscribed from {slug!r} or were erased; only they can subscribe again, by signing up"
            )
        return SubscriptionOut.of(_subscription(connection, found, chosen))


@router.patch("/{slug}", dependencies=[requires(TokenScope.SUBSCRIBERS_WRITE)], responses=problem_responses(404, 409))
def set_preferences(app: App, subscriber: SubscriberRef, slug: SlugInPath, body: MembershipUpdate) -> SubscriptionOut:
    """Set the topics of a subscription."""
    with app.database.begin() as connection:
        found, chosen = subscriber_ref.lock(connection, subscriber), lists.find(connection, slug)
        if _subscription(connection, found, chosen).state is Membership.UNSUBSCRIBED:
            raise StateError(f"they unsubscribed from {slug!r}, so it has no preferences")
        unknown = set(tags.current_slugs(connection, body.topics or ())) - set(chosen.topics)
        if unknown:
            raise InputError(f"{slug!r} has no topic {min(unknown)!r}; it has {', '.join(chosen.topics) or 'none'}")
        memberships.set_topics(connection, found.id, chosen.id, body.topics)
        return SubscriptionOut.of(_subscription(connection, found, chosen))


@router.delete("/{slug}", responses=problem_responses(404))
def unsubscribe(
    app: App,
    subscriber: SubscriberRef,
    slug: SlugInPath,
    token: Annotated[ApiToken, requires(TokenScope.SUBSCRIBERS_WRITE)],
    reason: Annotated[ShortText, Query(description="Why, for the record.")] = "",
) -> SubscriptionOut:
    """Unsubscribe a subscriber from a list, for good."""
    with app.database.begin() as connection:
        found, mailing_list = subscriber_ref.lock(connection, subscriber), lists.find(connection, slug)
        _subscription(connection, found, mailing_list)
        evidence = ConsentEvidence(method=ConsentMethod.API, text=reason, detail={"token": token.id})
        memberships.unsubscribe(connection, found.id, mailing_list.id, evidence, now=app.clock())
        return SubscriptionOut.of(_subscription(connection, found, mailing_list))


def _subscription(connection: Connection, subscriber: Subscriber, wanted: MailingList) -> Subscription:
    for subscription in memberships.of_subscriber(connection, subscriber.id):
        if subscription.list.id == wanted.id:
            return subscription
    raise NotFoundError("membership", f"{subscriber.id} of {wanted.slug}")
