"""`/v1/subscribers`"""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import Field

from distributor.domain.api_token import ApiToken, TokenScope
from distributor.domain.errors import InputError, NotFoundError, StateError
from distributor.domain.person import checked_attributes, person_of
from distributor.domain.rendition import Json
from distributor.domain.subscriber import Membership, Subscriber, SubscriberStatus
from distributor.domain.suppression import SuppressionReason, Target, hash_of_key
from distributor.storage import consents, lists, memberships, subscriber_merge, subscribers, suppressions
from distributor.storage.database import Connection
from distributor.storage.subscribers import Search
from distributor.web.api import subscriber_ref
from distributor.web.api.auth import App, RequestSlot, requires
from distributor.web.api.fields import After, Limit, RequestBody, ShortText
from distributor.web.api.paging import paginate
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses
from distributor.web.api.subscriber_ref import SubscriberRef
from distributor.web.api.subscriber_schemas import (
    ConsentOut,
    ConsentPage,
    SubscriberCreate,
    SubscriberDetailOut,
    SubscriberOut,
    SubscriberPage,
    SubscriberUpdate,
)
from distributor.web.api.suppressions import AddedOut, ReasonIn

router = APIRouter(
    prefix="/v1/subscribers", tags=["subscribers"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS
)


class SuppressRequest(RequestBody):
    """Why to suppress a subscriber."""

    reason: ReasonIn = SuppressionReason.MANUAL
    note: ShortText = Field("", description="A note for your colleagues.")


class MergeRequest(RequestBody):
    """The duplicate to merge."""

    other: ShortText = Field(description="The id or email address of the duplicate, which is deleted.", examples=["2"])


@router.get("", dependencies=[requires(TokenScope.SUBSCRIBERS_READ)], responses=problem_responses(404))
def search_subscribers(
    app: App,
    q: Annotated[
        ShortText, Query(description="Prefixes of words of the address, name or attributes; all must match.")
    ] = "",
    attribute: Annotated[
        list[ShortText], Query(max_length=20, description="NAME=VALUE, VALUE as JSON or plain text; may be repeated.")
    ] = [],  # noqa: B006 # FastAPI copies it
    tag: Annotated[ShortText | None, Query(description="Only subscribers with this tag.")] = None,
    list_slug: Annotated[
        ShortText | None, Query(alias="list", description="Only subscribers of this list, in `state`.")
    ] = None,
    state: Annotated[Membership, Query(description="Their state on `list`.")] = Membership.SUBSCRIBED,
    status: Annotated[SubscriberStatus | None, Query(description="Only subscribers with this status.")] = None,
    limit: Limit = 50,
    after: After = 0,
) -> SubscriberPage:
    """Search subscribers."""
    with app.database.begin() as connection:
        found = subscribers.search(
            connection,
            Search(
                words=q,
                attributes=_attributes(attribute),
                tag=tag,
                status=status,
                list_id=lists.find(connection, list_slug).id if list_slug is not None else None,
                state=state,
            ),
            limit=limit + 1,
            after_id=after,
        )
    shown, further = paginate(found, limit, number=lambda one: one.id)
    return SubscriberPage(items=[SubscriberOut.of(one) for one in shown], next=further)


@router.post(
    "",
    responses={
        201: {"description": "The subscriber was created.", "model": SubscriberDetailOut},
        **problem_responses(404, 409),
    },
)
def put_subscriber(
    app: App,
    body: SubscriberCreate,
    response: Response,
    token: Annotated[ApiToken, requires(TokenScope.SUBSCRIBERS_WRITE)],
) -> SubscriberDetailOut:
    """Create a subscriber or add to an existing one, and subscribe them to lists.

    Empty names, languages and zones change nothing; attributes and tags are added. A subscriber who unsubscribed
    from one of the lists stays unsubscribed: see `lists` in the response.
    """
    person = person_of(
        body.email,
        name=body.name,
        language=body.language,
        zone=body.zone,
        attributes=body.attributes,
        tags=body.tags,
    )
    now = app.clock()
    with app.database.begin() as connection:
        _require_not_erased(connection, person.key)
        chosen = [lists.find(connection, slug) for slug in dict.fromkeys(body.lists)]
        response.status_code = 200 if _exists(connection, person.key) else 201
        number = subscribers.upsert(connection, [person], now=now)[person.key]
        if body.consent is not None:
            for one in chosen:
                memberships.subscribe(connection, one.id, [person], body.consent.evidence(token), now=now)
        return _detail(connection, subscribers.find_by_id(connection, number))


@router.get("/{subscriber}", dependencies=[requires(TokenScope.SUBSCRIBERS_READ)], responses=problem_responses(404))
def show_subscriber(app: App, subscriber: SubscriberRef) -> SubscriberDetailOut:
    """Get a subscriber."""
    with app.database.begin() as connection:
        return _detail(connection, subscriber_ref.find(connection, subscriber))


@router.patch(
    "/{subscriber}",
    dependencies=[requires(TokenScope.SUBSCRIBERS_WRITE, TokenScope.SUBSCRIBERS_READ)],
    responses=problem_responses(404),
)
def update_subscriber(app: App, subscriber: SubscriberRef, body: SubscriberUpdate) -> SubscriberOut:
    """Update, pause or disable a subscriber."""
    with app.database.begin() as connection:
        found = subscriber_ref.lock(connection, subscriber)
        return SubscriberOut.of(
            subscribers.change(connection, found.id, _updated_columns(found, body), now=app.clock())
        )


@router.get(
    "/{subscriber}/consents", dependencies=[requires(TokenScope.SUBSCRIBERS_READ)], responses=problem_responses(404)
)
def list_consents(app: App, subscriber: SubscriberRef, limit: Limit = 50, after: After = 0) -> ConsentPage:
    """List when and how a subscriber gave and withdrew consent."""
    with app.database.begin() as connection:
        found = consents.of_subscriber(connection, subscriber_ref.find(connection, subscriber).id)
    shown, further = paginate([one for one in found if one.id > after], limit, number=lambda one: one.id)
    return ConsentPage(items=[ConsentOut.of(one) for one in shown], next=further)


@router.post(
    "/{subscriber}/suppress", dependencies=[requires(TokenScope.SUPPRESSIONS_WRITE)], responses=problem_responses(404)
)
def suppress_subscriber(app: App, subscriber: SubscriberRef, body: SuppressRequest) -> AddedOut:
    """Suppress a subscriber: they get no mail, not even from campaigns already scheduled."""
    with app.database.begin() as connection:
        found = subscriber_ref.lock(connection, subscriber)
        target = Target(hash=hash_of_key(found.key), email=found.email)
        added = suppressions.add(connection, [target], body.reason, note=body.note, now=app.clock())
    return AddedOut(added=added)


@router.post(
    "/{subscriber}/merge",
    dependencies=[requires(TokenScope.SUBSCRIBERS_WRITE, TokenScope.SUBSCRIBERS_READ)],
    responses=problem_responses(404),
)
def merge_subscribers(app: App, subscriber: SubscriberRef, body: MergeRequest) -> SubscriberDetailOut:
    """Merge another subscriber into this one; the other is deleted with its address."""
    with app.database.begin() as connection:
        kept, merged = subscriber_ref.find(connection, subscriber), subscriber_ref.find(connection, body.other)
        return _detail(connection, subscriber_merge.merge(connection, kept=kept.id, merged=merged.id, now=app.clock()))


def _detail(connection: Connection, found: Subscriber) -> SubscriberDetailOut:
    held = suppressions.of_key(connection, found.key)
    return SubscriberDetailOut.detail(found, memberships.of_subscriber(connection, found.id), held)


def _require_not_erased(connection: Connection, key: str) -> None:
    held = suppressions.matching(connection, Target(hash=hash_of_key(key)))
    if any(one.reason is SuppressionReason.ERASED for one in held):
        raise StateError("this subscriber was erased and cannot be added again; they can sign up themselves")


def _exists(connection: Connection, key: str) -> bool:
    try:
        subscribers.find(connection, key)
    except NotFoundError:
        return False
    return True


def _updated_columns(found: Subscriber, body: SubscriberUpdate) -> dict[str, Any]:
    columns: dict[str, Any] = body.model_dump(exclude_none=True, exclude={"attributes"})
    if "paused_until" in body.model_fields_set:
        columns["paused_until"] = body.paused_until
    if body.attributes is not None:
        merged = {**found.attributes, **body.attributes}
        columns["attributes"] = checked_attributes(
            {name: value for name, value in merged.items() if value is not None or name not in body.attributes}
        )
    return columns


def _attributes(given: list[str]) -> dict[str, Json]:
    attributes: dict[str, Json] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"attribute: {text!r} is not NAME=VALUE")
        attributes[name] = _json_or_text(value)
    return checked_attributes(attributes)


def _json_or_text(value: str) -> Json:
    try:
        read: Json = json.loads(value)
    except (ValueError, RecursionError):
        return value
    return read
