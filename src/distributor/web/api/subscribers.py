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
from distributor.web.api import who as whom
from distributor.web.api.auth import App, RequestSlot, requires
from distributor.web.api.fields import After, RequestBody, Limit, ShortText
from distributor.web.api.paging import paginate
from distributor.web.api.people import (
    ConsentPage,
    SubscriberCreate,
    ConsentOut,
    SubscriberOut,
    SubscriberUpdate,
    SubscriberPage,
    SubscriberDetailOut,
)
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses
from distributor.web.api.suppressions import AddedOut, ReasonIn
from distributor.web.api.who import SubscriberRef

router = APIRouter(prefix="/v1/subscribers", tags=["subscribers"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS)


class SuppressRequest(RequestBody):
    """Why somebody is to get nothing any more."""

    reason: ReasonIn = SuppressionReason.MANUAL
    note: ShortText = Field("", description="For those who come after you.")


class MergeRequest(RequestBody):
    """Who is the same person."""

    other: ShortText = Field(description="The number or address of the record that goes.", examples=["2"])


@router.get("", dependencies=[requires(TokenScope.SUBSCRIBERS_READ)], responses=problem_responses(404))
def search_subscribers(
    app: App,
    q: Annotated[ShortText, Query(description="Beginnings of words of address, name or attributes; all must fit.")] = "",
    attribute: Annotated[
        list[ShortText], Query(max_length=20, description="NAME=VALUE, VALUE as JSON or plain text; may be repeated.")
    ] = [],  # noqa: B006 # FastAPI copies it
    tag: Annotated[ShortText | None, Query(description="One of their tags.")] = None,
    list_slug: Annotated[ShortText | None, Query(alias="list", description="Who is something to this list.")] = None,
    state: Annotated[Membership, Query(description="What they are to `list`.")] = Membership.SUBSCRIBED,
    status: Annotated[SubscriberStatus | None, Query(description="Whether they get any mail at all.")] = None,
    limit: Limit = 50,
    after: After = 0,
) -> SubscriberPage:
    """Find people."""
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
        201: {"description": "Nobody of this address was known.", "model": SubscriberDetailOut},
        **problem_responses(404, 409),
    },
)
def put_subscriber(
    app: App, body: SubscriberCreate, response: Response, token: Annotated[ApiToken, requires(TokenScope.SUBSCRIBERS_WRITE)]
) -> SubscriberDetailOut:
    """Make somebody known, or add to what is known of them, and put them on lists.

    Names and the like that are empty change nothing; attributes and tags are added. Somebody who has left one of the
    lists stays away from it: see their `lists` in the answer.
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
        _refuse_erased(connection, person.key)
        chosen = [lists.find(connection, slug) for slug in dict.fromkeys(body.lists)]
        response.status_code = 200 if _is_known(connection, person.key) else 201
        number = subscribers.upsert(connection, [person], now=now)[person.key]
        if body.consent is not None:
            for one in chosen:
                memberships.subscribe(connection, one.id, [person], body.consent.evidence(token), now=now)
        return _whole(connection, subscribers.find_by_id(connection, number))


@router.get("/{who}", dependencies=[requires(TokenScope.SUBSCRIBERS_READ)], responses=problem_responses(404))
def show_subscriber(app: App, who: SubscriberRef) -> SubscriberDetailOut:
    """One person."""
    with app.database.begin() as connection:
        return _whole(connection, whom.find(connection, who))


@router.patch("/{who}", dependencies=[requires(TokenScope.SUBSCRIBERS_WRITE)], responses=problem_responses(404))
def change_subscriber(app: App, who: SubscriberRef, body: SubscriberUpdate) -> SubscriberOut:
    """Change what is known of somebody, pause them, or send them nothing at all (`disabled`)."""
    with app.database.begin() as connection:
        found = whom.lock(connection, who)
        return SubscriberOut.of(
            subscribers.change(connection, found.id, _changed_columns(found, body), now=app.clock())
        )


@router.get("/{who}/consents", dependencies=[requires(TokenScope.SUBSCRIBERS_READ)], responses=problem_responses(404))
def list_consents(app: App, who: SubscriberRef, limit: Limit = 50, after: After = 0) -> ConsentPage:
    """The record of how somebody agreed to mail, or took that back."""
    with app.database.begin() as connection:
        found = consents.of_subscriber(connection, whom.find(connection, who).id)
    shown, further = paginate([one for one in found if one.id > after], limit, number=lambda one: one.id)
    return ConsentPage(items=[ConsentOut.of(one) for one in shown], next=further)


@router.post("/{who}/suppress", dependencies=[requires(TokenScope.SUPPRESSIONS_WRITE)], responses=problem_responses(404))
def suppress_subscriber(app: App, who: SubscriberRef, body: SuppressRequest) -> AddedOut:
    """Send somebody nothing more, whatever list they are on, also not what is planned already."""
    with app.database.begin() as connection:
        found = whom.lock(connection, who)
        target = Target(hash=hash_of_key(found.key), email=found.email)
        added = suppressions.add(connection, [target], body.reason, note=body.note, now=app.clock())
    return AddedOut(added=added)


@router.post("/{who}/merge", dependencies=[requires(TokenScope.SUBSCRIBERS_WRITE)], responses=problem_responses(404))
def merge_subscribers(app: App, who: SubscriberRef, body: MergeRequest) -> SubscriberDetailOut:
    """Make one person of two: all of the other record goes to this one, and the other address is known no more."""
    with app.database.begin() as connection:
        kept, merged = whom.find(connection, who), whom.find(connection, body.other)
        return _whole(connection, subscriber_merge.merge(connection, kept=kept.id, merged=merged.id, now=app.clock()))


def _whole(connection: Connection, found: Subscriber) -> SubscriberDetailOut:
    held = suppressions.of_key(connection, found.key)
    return SubscriberDetailOut.whole(found, memberships.of_subscriber(connection, found.id), held)


def _refuse_erased(connection: Connection, key: str) -> None:
    held = suppressions.matching(connection, Target(hash=hash_of_key(key)))
    if any(one.reason is SuppressionReason.ERASED for one in held):
        raise StateError("this person was erased and is not made known again; they may come back by signing up")


def _is_known(connection: Connection, key: str) -> bool:
    try:
        subscribers.find(connection, key)
    except NotFoundError:
        return False
    return True


def _changed_columns(found: Subscriber, body: SubscriberUpdate) -> dict[str, Any]:
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
