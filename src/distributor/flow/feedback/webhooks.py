"""Web hooks: events about deliveries that providers post to us."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta

from redis import RedisError

from distributor.channels.api import WebhookChannel, WebhookRequest
from distributor.domain.errors import NotFoundError, ServiceError, SignatureError
from distributor.flow.app_context import AppContext
from distributor.flow.feedback.apply_feedback import AppliedFeedback, apply_feedback, log_applied
from distributor.storage import channels

# Longer than any signature stays valid.
_REPLAY_WINDOW = timedelta(days=1)


def receive_webhook(
    app: AppContext, channel_name: str, headers: Mapping[str, str], body: bytes
) -> list[AppliedFeedback]:
    """Apply the events of a web hook request; all of them are committed when this returns. A repeat changes nothing.

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
    applied = [apply_feedback(app, one, source="webhook") for one in events.feedback]
    for one in applied:
        log_applied(one, source="webhook")
    return applied


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
