"""A subscriber as a path names them: by id or by email address."""

from __future__ import annotations

from typing import Annotated

from fastapi import Path

from distributor.domain.address import parse_address
from distributor.domain.errors import NotFoundError
from distributor.domain.subscriber import Subscriber
from distributor.storage import subscribers
from distributor.storage.database import Connection
from distributor.web.api.fields import MAX_BIGINT, ShortText

SubscriberRef = Annotated[
    ShortText,
    Path(
        description="A subscriber's id or email address. An address with a `/` is found by `GET /v1/subscribers?q=…`.",
        examples=["1", "ada@example.org"],
    ),
]


def find(connection: Connection, reference: str) -> Subscriber:
    """The subscriber. Raises NotFoundError, and AddressError for what is neither an id nor an email address."""
    if reference.isascii() and reference.isdigit():
        if not 1 <= int(reference) <= MAX_BIGINT:
            raise NotFoundError("subscriber", int(reference))
        return subscribers.find_by_id(connection, int(reference))
    return subscribers.find(connection, parse_address(reference).key)


def lock(connection: Connection, reference: str) -> Subscriber:
    """The subscriber, locked until the transaction ends. Raises what `find` raises."""
    found = find(connection, reference)
    locked = subscribers.lock(connection, found.id)
    if locked is None:
        raise NotFoundError("subscriber", reference)
    return locked
