"""Web hooks: events about deliveries that providers post to us."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields
from datetime import datetime, timedelta

from redis import RedisError

from distributor.channels.api import WebhookChannel, WebhookRequest
from distributor.domain.errors import InputError, NotFoundError, ServiceError, SignatureError
from distributor.domain.feedback import Feedback, FeedbackKind, MatchedBy
from distributor.domain.quarantine import QuarantinedItem, QuarantineLoop
from distributor.flow.app_context import AppContext
from distributor.flow.feedback.apply_feedback import AppliedFeedback, apply_feedback, log_applied
from distributor.flow.quarantine import kept_on_error
from distributor.storage import channels

_SOURCE = "webhook"
# In the detail of an item, which is then an event as the provider sent it.
_MALFORMED = "malformed"
# Longer than any signature stays valid.
_REPLAY_WINDOW = timedelta(days=1)


def receive_webhook(
    app: AppContext, channel_name: str, headers: Mapping[str, str], body: bytes
) -> list[AppliedFeedback]:
    """Apply the events of a web hook request; all of them are committed when this returns. A repeat changes nothing.

    An event that is malformed or cannot be applied is kept in quarantine, and the others are applied.
    `headers` have lower-case names. Raises NotFoundError for a channel without web hooks, SignatureError and InputError
    for invalid requests, and ServiceError: the provider should send the request again.
    """
    with app.database.begin() as connection:
        record = channels.find(connection, channel_name)
    channel = app.open_channel(record)
    if not isinstance(channel, WebhookChannel):
        raise NotFoundError("channel", channel_name)
    request = WebhookRequest(headers=headers, body=body, now=app.clock(), tokens=app.tokens)
    events = channel.read_events(request)
    if events.replay_key:
        _reject_replay(app, f"{record.id}:{events.replay_key}", body)
    applied: list[AppliedFeedback] = []
    for feedback in events.feedback:
        with kept_on_error(app, QuarantineLoop.WEBHOOK, f"{channel_name} {feedback.key}", _feedback_to_json(feedback)):
            applied.append(apply_feedback(app, feedback, source=_SOURCE))
    for event in events.malformed:
        key, detail = f"{channel_name} {event.key}", {_MALFORMED: event.reason}
        with kept_on_error(app, QuarantineLoop.WEBHOOK, key, event.content, detail=detail):
            raise InputError(event.reason)
    for one in applied:
        log_applied(one, source=_SOURCE)
    return applied


def retry_webhook_event(app: AppContext, item: QuarantinedItem) -> None:
    """Apply an event that is in quarantine. Raises whatever applying it raises, and InputError for a malformed one."""
    if _MALFORMED in item.detail:
        raise InputError(str(item.detail[_MALFORMED]))
    log_applied(apply_feedback(app, _feedback_from_json(item.content or b"{}"), source=_SOURCE), source=_SOURCE)


def _feedback_to_json(feedback: Feedback) -> bytes:
    plain = {field.name: getattr(feedback, field.name) for field in fields(feedback)}
    at = feedback.at.isoformat() if feedback.at else None
    return json.dumps(plain | {"at": at, "detail": dict(feedback.detail)}).encode()


def _feedback_from_json(kept: bytes) -> Feedback:
    plain = json.loads(kept)
    kind, match = FeedbackKind(plain["kind"]), MatchedBy(plain["match"])
    at = datetime.fromisoformat(plain["at"]) if plain["at"] else None
    return Feedback(**plain | {"kind": kind, "match": match, "at": at})


def _reject_replay(app: AppContext, name: str, body: bytes) -> None:
    """Raises SignatureError if the signature `name` came with another body before: an attacker may replay it."""
    key = f"distributor:webhook:{hashlib.sha256(name.encode()).hexdigest()}"
    digest = hashlib.sha256(body).hexdigest()
    try:
        app.redis.set(key, digest, nx=True, ex=_REPLAY_WINDOW)
        first = app.redis.get(key)
    except RedisError as error:
        raise ServiceError("Redis does not answer, so a replayed request cannot be recognised") from error
    if first != digest.encode():
        raise SignatureError("the signature was used for another request before")
