"""Listen: what providers call our web hooks to say about deliveries."""

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

# Longer than any signature is good for.
_REMEMBERED = timedelta(days=1)


def receive_webhook(
    app: AppContext, channel_name: str, headers: Mapping[str, str], body: bytes
) -> list[AppliedFeedback]:
    """Heed what a call says; when this returns, all of it is committed. Said again, it changes nothing.

    `headers` are by their names in lower case. Raises NotFoundError for a channel that hears no calls, SignatureError
    and InputError for calls that are refused, and ServiceError: whoever called shall call again.
    """
    with app.database.begin() as connection:
        record = channels.find(connection, channel_name)
    channel = app.open_channel(record)
    if not isinstance(channel, WebhookChannel):
        raise NotFoundError("channel", channel_name)
    call = WebhookRequest(headers=headers, body=body, now=app.clock(), tokens=app.tokens)
    heard = channel.read_events(call)
    if heard.once:
        _insist_on_one_body(app, f"{record.id}:{heard.once}", body)
    taken = [apply_feedback(app, one, source="webhook") for one in heard.feedback]
    for one in taken:
        log_applied(one, source="webhook")
    return taken


def _insist_on_one_body(app: AppContext, name: str, body: bytes) -> None:
    """Whoever has seen a call could send its signature again with words of their own."""
    key = f"distributor:heard:{hashlib.sha256(name.encode()).hexdigest()}"
    digest = hashlib.sha256(body).hexdigest()
    try:
        app.redis.set(key, digest, nx=True, ex=_REMEMBERED)
        first = app.redis.get(key)
    except RedisError as error:
        raise ServiceError("Redis does not answer, so it cannot be told whether this was said before") from error
    if first != digest.encode():
        raise SignatureError("the signature of the call has been used for another one")
