"""Somebody, as a program names them in a path: by number or by address."""

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
        description="A subscriber's number or address. One with a `/` in it is found by `GET /v1/subscribers?q=…`.",
        examples=["1", "ada@example.org"],
    ),
]


def find(connection: Connection, who: str) -> Subscriber:
    """Raises NotFoundError, and AddressError for what is neither a number nor an address."""
    if who.isascii() and who.isdigit():
        if not 1 <= int(who) <= MAX_BIGINT:
            raise NotFoundError("subscriber", int(who))
        return subscribers.find_by_id(connection, int(who))
    return subscribers.find(connection, parse_address(who).key)


def lock(connection: Connection, who: str) -> Subscriber:
    """The same, locked to the end of the transaction: whatever else happens to this person comes before or after."""
    found = find(connection, who)
    locked = subscribers.lock(connection, found.id)
    if locked is None:
        raise NotFoundError("subscriber", who)
    return locked
