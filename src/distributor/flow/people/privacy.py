"""Privacy: export or erase all data about a subscriber."""

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
    past_deliveries,
    subscribers,
    suppressions,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure:
    """The result of an erasure. `counts` has the erased rows by table; `traces` those that a search still found."""

    counts: Mapping[str, int]
    traces: Mapping[str, int]

    @property
    def is_complete(self) -> bool:
        """Whether the search found nothing."""
        return not self.traces


def export_person(app: AppContext, subscriber_id: int) -> dict[str, Json]:
    """All data about a subscriber as one JSON object, read in one transaction. Raises NotFoundError."""
    with app.database.begin() as connection:
        person = subscribers.find_by_id(connection, subscriber_id)
        suppressed = suppressions.of_key(connection, person.key)
        return {
            "exported_at": app.clock().isoformat(),
            "subscriber": _profile(person),
            "lists": [
                {
                    "list": membership.list.slug,
                    "name": membership.list.name,
                    "state": membership.state.value,
                    "topics": list(membership.topics) if membership.topics is not None else None,
                    "since": membership.state_changed_at.isoformat(),
                }
                for membership in memberships.of_subscriber(connection, subscriber_id)
            ],
            "consents": [
                {
                    "at": one.at.isoformat(),
                    "list": one.list_slug,
                    "action": one.action.value,
                    "method": one.method.value,
                    "ip_address": one.ip_address,
                    "text": one.text,
                    "text_sha256": one.text_hash,
                    "detail": dict(one.detail),
                }
                for one in consents.of_subscriber(connection, subscriber_id)
            ],
            "suppressions": [{"reason": one.reason.value, "at": one.at.isoformat()} for one in suppressed],
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
            # Of older mails this is all that is kept.
            "past_deliveries": [
                {
                    "id": one.id,
                    "campaign": one.campaign_name,
                    "channel": one.channel_name,
                    "state": one.state.value,
                    "released_at": one.released_at.isoformat() if one.released_at else None,
                }
                for one in past_deliveries.of_person(connection, subscriber_id)
            ],
            "events": [
                {"delivery": one.delivery_id, "kind": one.kind.value, "at": one.at.isoformat(), "detail": one.detail}
                for one in events.of_subscriber(connection, subscriber_id)
            ],
        }


def erase(app: AppContext, subscriber_id: int, *, requested_by: str) -> Erasure:
    """Erase a subscriber from every table in one transaction, then search all tables for traces.

    `requested_by` names the requester in one word (``person``, ``form``, ``api``). Raises NotFoundError for an unknown
    id, also of a subscriber who was erased before.
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
    """The number of rows by table in which an address is found, in any column."""
    with app.database.begin() as connection:
        return erasure.count_rows_with(connection, [key])


def _profile(person: Subscriber) -> dict[str, Json]:
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
