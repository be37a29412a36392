"""Tracking: opens and clicks. They wait in a Redis stream and are written to the database in batches."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any, cast

from redis import RedisError

from distributor.channels.api import WebVersionChannel
from distributor.domain.errors import GoneError, InertLinkError, InputError, RemovedError, ServiceError
from distributor.domain.event import Event, EventKind
from distributor.domain.feedback import ArrivalProof
from distributor.domain.quarantine import QuarantinedItem, QuarantineLoop
from distributor.domain.rendition import Json
from distributor.domain.tokens import Claim, Purpose
from distributor.flow.app_context import AppContext
from distributor.flow.bounces import BounceLedger
from distributor.flow.quarantine import kept_on_error
from distributor.storage import (
    articles,
    bounce_events,
    campaigns,
    channels,
    deliveries,
    delivery_queries,
    dispatches,
    events,
    past_deliveries,
    subscribers,
)
from distributor.storage.database import Connection

STREAM = "distributor:events"
_BATCH = 1000
# Beyond this the oldest events are dropped to protect Redis' memory: no worker has written any for a long time.
_MOST_WAITING = 5_000_000


def note_open(app: AppContext, token: str, detail: Mapping[str, Json]) -> bool:
    """Record an open: a mail program fetched the pixel. False if the token is not valid."""
    claim = app.tokens.read(Purpose.OPEN, token)
    if claim is None:
        return False
    _note(app, claim.delivery_id, EventKind.OPEN, detail)
    return True


def find_target(app: AppContext, token: str) -> str | None:
    """The target of a click link, or None if the token is not valid. Records nothing."""
    claim = app.tokens.read(Purpose.CLICK, token)
    return _target_of(app, claim) if claim else None


def follow_click(app: AppContext, token: str, detail: Mapping[str, Json]) -> str | None:
    """Record a click and return its target, which is a link of the rendition; None if the token is not valid."""
    claim = app.tokens.read(Purpose.CLICK, token)
    target = _target_of(app, claim) if claim else None
    if claim is None or target is None:
        return None
    _note(app, claim.delivery_id, EventKind.CLICK, {**detail, "url": target})
    return target


def view_sent(app: AppContext, token: str, *, pixel_url: str) -> str | None:
    """The message that was sent to the recipient of this link, as a web page; None if the token is not valid, the
    channel has no web version, or a field that the message needs was erased since. `pixel_url` replaces the tracking
    pixel. Raises GoneError if an article was withdrawn, RemovedError if the mail's retention time has passed, and
    InertLinkError in a test if an article is not public.
    """
    claim = app.tokens.read(Purpose.VIEW, token)
    if claim is None:
        return None
    with app.database.begin() as connection:
        found = deliveries.find_for_sending(connection, [claim.delivery_id])
        if not found:
            if past := past_deliveries.find(connection, claim.delivery_id):
                raise RemovedError("mail", claim.delivery_id, removed_at=past.removed_at)
            return None
        dispatch = dispatches.find(connection, found[0].dispatch_id)
        # A test has the articles of the campaign that it shows.
        test_of = campaigns.find(connection, dispatch.campaign_id).test_of
        if hidden := articles.hidden_of_campaign(connection, test_of or dispatch.campaign_id, now=app.clock()):
            if test_of:
                raise InertLinkError("this link is in a test mail: it shows nothing that is not public")
            raise GoneError("article", hidden[0])
        rendition = dispatches.rendition_of(connection, dispatch.id)
        channel = app.open_channel(channels.find_by_id(connection, dispatch.channel_id))
    if not isinstance(channel, WebVersionChannel):
        return None
    try:
        return channel.render_web_version(rendition, found[0], app.tokens, pixel_url=pixel_url)
    except InputError:
        return None


def has_waiting_events(app: AppContext) -> bool:
    """Whether the stream holds events that are not in the database yet."""
    return bool(app.redis.xlen(STREAM))


def write_events(app: AppContext) -> int:
    """Write the waiting events to the database; returns how many were read. Reading one twice writes it once.

    An event that cannot be read or stored goes to the quarantine.
    """
    entries = cast("list[tuple[bytes, dict[bytes, bytes]]]", app.redis.xrange(STREAM, count=_BATCH))
    if not entries:
        return 0
    read: list[tuple[bytes, dict[bytes, bytes], Event]] = []
    for entry_id, fields in entries:
        with _kept_on_error(app, entry_id, fields):
            read.append((entry_id, fields, _event_of(fields)))
    try:
        with app.database.begin() as connection:
            _record(app, connection, [event for _, _, event in read])
    except ServiceError:
        raise
    except Exception:
        for entry_id, fields, event in read:
            with _kept_on_error(app, entry_id, fields), app.database.begin() as connection:
                _record(app, connection, [event])
    app.redis.xdel(STREAM, *(entry_id for entry_id, _ in entries))
    return len(entries)


def retry_event(app: AppContext, item: QuarantinedItem) -> None:
    """Write an event that is in quarantine. Raises ValueError, KeyError or DataError if that is still not possible."""
    kept = json.loads(item.content or b"{}")
    event = _event_of({name.encode("latin-1"): value.encode("latin-1") for name, value in kept.items()})
    with app.database.begin() as connection:
        _record(app, connection, [event])


def _kept_on_error(app: AppContext, entry_id: bytes, fields: Mapping[bytes, bytes]) -> AbstractContextManager[None]:
    # Any bytes are text in Latin-1, so that nothing is lost.
    content = json.dumps({name.decode("latin-1"): value.decode("latin-1") for name, value in fields.items()})
    return kept_on_error(app, QuarantineLoop.EVENT, entry_id.decode(), content.encode())


def _target_of(app: AppContext, claim: Claim) -> str | None:
    with app.database.begin() as connection:
        dispatch_id = delivery_queries.dispatch_of(connection, claim.delivery_id)
        links = dispatches.links_of(connection, dispatch_id) if dispatch_id is not None else []
    target = links[claim.number] if claim.number < len(links) else ""
    return target if target.startswith(("http://", "https://")) else None


def _note(app: AppContext, delivery_id: int, kind: EventKind, detail: Mapping[str, Json]) -> None:
    event = Event(delivery_id=delivery_id, kind=kind, at=app.clock(), key=uuid.uuid4().hex, detail=dict(detail))
    try:
        fields: Any = _fields_of(event)
        app.redis.xadd(STREAM, fields, maxlen=_MOST_WAITING, approximate=True)
    except RedisError:
        with app.database.begin() as connection:
            _record(app, connection, [event])


def _record(app: AppContext, connection: Connection, found: Sequence[Event]) -> None:
    """Record events; a click proves that its mail arrived, so it takes earlier bounces of that mail back."""
    events.record(connection, found)
    clicked_at: dict[int, datetime] = {}
    for event in found:
        if event.kind is EventKind.CLICK:
            clicked_at[event.delivery_id] = max(event.at, clicked_at.get(event.delivery_id, event.at))
    bounced = bounce_events.deliveries_with_bounces(connection, clicked_at.keys())
    records = delivery_queries.find_all(connection, bounced)
    subscribers.lock_all(connection, {one.subscriber_id for one in records if one.subscriber_id is not None})
    ledger = BounceLedger(connection, app.bounce_policy, now=app.clock())
    for record in records:
        ledger.take_back(record, ArrivalProof.CLICK, at=clicked_at[record.id])


def _fields_of(event: Event) -> dict[str, str]:
    return {
        "delivery_id": str(event.delivery_id),
        "kind": event.kind.value,
        "at": event.at.isoformat(),
        "key": event.key,
        "detail": json.dumps(event.detail),
    }


def _event_of(fields: dict[bytes, bytes]) -> Event:
    text = {name.decode(): value.decode() for name, value in fields.items()}
    return Event(
        delivery_id=int(text["delivery_id"]),
        kind=EventKind(text["kind"]),
        at=datetime.fromisoformat(text["at"]),
        key=text["key"],
        detail=json.loads(text["detail"]),
    )
