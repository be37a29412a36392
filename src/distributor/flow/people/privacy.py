"""Privacy: all that is known about somebody, taken out whole or erased for good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from distributor.domain.errors import NotFoundError
from distributor.domain.rendition import Json
from distributor.domain.subscriber import Subscriber
from distributor.flow.app_context import AppContext
from distributor.storage import (
    audience_lock,
    consents,
    delivery_queries,
    erasure,
    events,
    memberships,
    subscribers,
    suppressions,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """What an erasure did. `counts` gives the rows by table; `traces` the tables in which a search still found them."""

    counts: Mapping[str, int]
    traces: Mapping[str, int]

    @property
    def is_complete(self) -> bool:
        """Whether the search found nothing."""
        return not self.traces


def export_person(app: AppContext, subscriber_id: int) -> dict[str, Json]:
    """Everything that is kept about somebody, as one JSON object, read at one moment. Raises NotFoundError."""
    with app.database.begin() as connection:
        person = subscribers.find_by_id(connection, subscriber_id)
        held_back = suppressions.of_key(connection, person.key)
        return {
            "exported_at": app.clock().isoformat(),
            "subscriber": _told(person),
            "lists": [
                {
                    "list": place.list.slug,
                    "name": place.list.name,
                    "state": place.state.value,
                    "topics": list(place.topics) if place.topics is not None else None,
                    "frequency": place.frequency.value,
                    "since": place.state_changed_at.isoformat(),
                }
                for place in memberships.of_subscriber(connection, subscriber_id)
            ],
            "consents": [
                {
                    "at": one.at.isoformat(),
                    "list": one.list_slug,
                    "action": one.action.value,
                    "method": one.method.value,
                    "network": one.network,
                    "text": one.text,
                    "text_sha256": one.text_hash,
                    "detail": dict(one.detail),
                }
                for one in consents.of_subscriber(connection, subscriber_id)
            ],
            "suppressions": [{"reason": one.reason.value, "at": one.at.isoformat()} for one in held_back],
            "deliveries": [
                {
                    "id": one.id,
                    "recipient": one.recipient,
                    "state": one.state.value,
                    "at": one.updated_at.isoformat(),
                    "message_id": one.remote_id,
                    "reply": one.reply,
                }
                for one in delivery_queries.of_subscriber(connection, subscriber_id)
            ],
            "events": [
                {"delivery": one.delivery_id, "kind": one.kind.value, "at": one.at.isoformat(), "detail": one.detail}
                for one in events.of_subscriber(connection, subscriber_id)
            ],
        }


def erase(app: AppContext, subscriber_id: int, *, requested_by: str) -> Erasure:
    """Erase somebody everywhere, in one transaction, and search every table for what might be left of them.

    `requested_by` says in a word who asked (``person``, ``form``, ``api``). Raises NotFoundError if there is nobody of
    this number, also because they were erased before.
    """
    now = app.clock()
    with app.database.begin() as connection:
        audience_lock.lock_exclusive(connection)
        person = subscribers.lock(connection, subscriber_id)
        if person is None:
            raise NotFoundError("subscriber", subscriber_id)
        counts = erasure.erase(connection, person, requested_by=requested_by, now=now)
    with app.database.begin() as connection:
        return Erasure(counts=counts, traces=erasure.count_rows_with(connection, [person.key, person.email]))


def search_traces(app: AppContext, key: str) -> Mapping[str, int]:
    """In how many rows of each table an address is found, wherever it may stand."""
    with app.database.begin() as connection:
        return erasure.count_rows_with(connection, [key])


def _told(person: Subscriber) -> dict[str, Json]:
    return {
        "email": person.email,
        "name": person.name,
        "language": person.language,
        "zone": person.zone,
        "attributes": dict(person.attributes),
        "tags": list(person.tags),
        "status": person.status.value,
        "paused_until": person.paused_until.isoformat() if person.paused_until else None,
        "created_at": person.created_at.isoformat(),
    }
