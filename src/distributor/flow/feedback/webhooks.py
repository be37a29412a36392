"""Listen: what providers call our web hooks to say about deliveries."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import timedelta

from redis import RedisError

from distributor.channels.api import Call, Hearing
from distributor.domain.errors import NotFoundError, ServiceError, SignatureError
from distributor.flow.app_context import Installation
from distributor.flow.feedback.apply_feedback import Taken, heed, log_taken
from distributor.storage import channels

# Longer than any signature is good for.
_REMEMBERED = timedelta(days=1)


def listen(installation: Installation, channel_name: str, headers: Mapping[str, str], body: bytes) -> list[Taken]:
    """Heed what a call says; when this returns, all of it is committed. Said again, it changes nothing.

    `headers` are by their names in lower case. Raises NotFoundError for a channel that hears no calls, SignatureError
    and InputError for calls that are refused, and ServiceError: whoever called shall call again.
    """
    with installation.database.begin() as connection:
        record = channels.find(connection, channel_name)
    channel = installation.open_channel(record)
    if not isinstance(channel, Hearing):
        raise NotFoundError("channel", channel_name)
    call = Call(headers=headers, body=body, now=installation.clock(), tokens=installation.tokens)
    heard = channel.read_events(call)
    if heard.once:
        _insist_on_one_body(installation, f"{record.id}:{heard.once}", body)
    taken = [heed(installation, one, source="webhook") for one in heard.feedback]
    for one in taken:
        log_taken(one, source="webhook")
    return taken


def _insist_on_one_body(installation: Installation, name: str, body: bytes) -> None:
    """Whoever has seen a call could send its signature again with words of their own."""
    key = f"distributor:heard:{hashlib.sha256(name.encode()).hexdigest()}"
    digest = hashlib.sha256(body).hexdigest()
    try:
        installation.redis.set(key, digest, nx=True, ex=_REMEMBERED)
        first = installation.redis.get(key)
    except RedisError as error:
        raise ServiceError("Redis does not answer, so it cannot be told whether this was said before") from error
    if first != digest.encode():
        raise SignatureError("the signature of the call has been used for another one")
