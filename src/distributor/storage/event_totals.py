"""How many events each dispatch has: maintained as they come, so that no page counts millions of them.

An event is counted once, soon after it is stored; until then it has no `client`. Only one transaction counts at a time,
and whoever shows totals counts first what waits, so what is shown contains everything.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from sqlalchemy import text

from distributor.domain.event import EventKind
from distributor.storage.database import Connection

# The marks of bounces, in the place of who caused an event.
STANDS, TAKEN_BACK, VOID = "stands", "taken_back", "void"


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingEvent:
    """An event that is not counted yet, or a bounce that was counted and taken back since (`client` says so)."""

    id: int
    delivery_id: int
    dispatch_id: int
    kind: EventKind
    at: datetime
    sent_at: datetime | None
    released_at: datetime | None
    url: str
    user_agent: str
    client: str | None
    is_taken_back: bool


@dataclass(frozen=True, slots=True)
class CountedEvent:
    """What was counted of a delivery: once for all events that do not differ in this."""

    delivery_id: int
    kind: EventKind
    url: str
    client: str


@dataclass(frozen=True, slots=True)
class TotalKey:
    """What is counted together: the events of a dispatch of one kind, and of one `link`; empty for all."""

    dispatch_id: int
    kind: EventKind
    link: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTotal:
    """How many events, and of how many deliveries; the same of people alone, as far as machines are known.

    `opened` is how many of the deliveries have an open too.
    """

    events: int = 0
    people_events: int = 0
    deliveries: int = 0
    people_deliveries: int = 0
    opened: int = 0

    def plus(self, other: EventTotal) -> EventTotal:
        return EventTotal(
            events=self.events + other.events,
            people_events=self.people_events + other.people_events,
            deliveries=self.deliveries + other.deliveries,
            people_deliveries=self.people_deliveries + other.people_deliveries,
            opened=self.opened + other.opened,
        )

    def minus(self, other: EventTotal) -> EventTotal:
        return EventTotal(**{one.name: getattr(self, one.name) - getattr(other, one.name) for one in fields(self)})

    def at_least(self, other: EventTotal) -> EventTotal:
        return EventTotal(**{one.name: max(getattr(self, one.name), getattr(other, one.name)) for one in fields(self)})


@dataclass(frozen=True, slots=True, kw_only=True)
class HourTotal:
    """Of how many deliveries the first event of a kind was in one of the hours after the release, counted from 0."""

    dispatch_id: int
    kind: EventKind
    hour: int
    deliveries: int
    people_deliveries: int


def lock(connection: Connection) -> None:
    """Let only this transaction count until it ends."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('event_totals', 0))"))


def has_waiting(connection: Connection) -> bool:
    """Whether any event is not counted yet."""
    found: bool = connection.execute(
        text("SELECT EXISTS (SELECT 1 FROM events WHERE client IS NULL OR client = 'taken_back')")
    ).scalar_one()
    return found


def waiting(connection: Connection, *, limit: int) -> list[WaitingEvent]:
    """The next events to count, locked; those that another transaction is changing wait for the next time."""
    rows = connection.execute(
        text("""
            SELECT e.id, e.delivery_id, d.dispatch_id, e.kind, e.at, d.first_attempt_at, x.released_at, e.client,
                   COALESCE(e.detail ->> 'url', '') AS url, COALESCE(e.detail ->> 'user_agent', '') AS user_agent,
                   e.detail ? 'taken_back' AS is_taken_back
            FROM events e JOIN deliveries d ON d.id = e.delivery_id JOIN dispatches x ON x.id = d.dispatch_id
            WHERE e.client IS NULL OR e.client = 'taken_back'
            ORDER BY e.id LIMIT :limit FOR UPDATE OF e SKIP LOCKED
        """),
        {"limit": limit},
    )
    return [
        WaitingEvent(
            id=row.id,
            delivery_id=row.delivery_id,
            dispatch_id=row.dispatch_id,
            kind=EventKind(row.kind),
            at=row.at,
            sent_at=row.first_attempt_at,
            released_at=row.released_at,
            url=row.url,
            user_agent=row.user_agent,
            client=row.client,
            is_taken_back=row.is_taken_back,
        )
        for row in rows
    ]


def counted(connection: Connection, delivery_ids: Collection[int]) -> set[CountedEvent]:
    """What was counted of these deliveries before, but for their bounces."""
    rows = connection.execute(
        text("""
            SELECT DISTINCT delivery_id, kind, COALESCE(detail ->> 'url', '') AS url, client FROM events
            WHERE delivery_id = ANY(CAST(:ids AS bigint[])) AND client IS NOT NULL AND kind <> 'bounce'
        """),
        {"ids": list(delivery_ids)},
    )
    return {CountedEvent(row.delivery_id, EventKind(row.kind), row.url, row.client) for row in rows}


def count_bounces(connection: Connection, delivery_ids: Collection[int]) -> dict[int, int]:
    """How many bounces of each of these deliveries are in the totals."""
    rows = connection.execute(
        text("""
            SELECT delivery_id, count(*) AS bounces FROM events
            WHERE delivery_id = ANY(CAST(:ids AS bigint[])) AND kind = 'bounce' AND client IN ('stands', 'taken_back')
            GROUP BY delivery_id
        """),
        {"ids": list(delivery_ids)},
    )
    return {row.delivery_id: row.bounces for row in rows}


def mark(connection: Connection, clients: Mapping[int, str]) -> None:
    """Store with each event who caused it: it is counted now."""
    connection.execute(
        text("""
            UPDATE events e SET client = m.client
            FROM unnest(CAST(:ids AS bigint[]), CAST(:clients AS text[])) AS m(id, client) WHERE e.id = m.id
        """),
        {"ids": list(clients), "clients": list(clients.values())},
    )


def add(connection: Connection, totals: Mapping[TotalKey, EventTotal], hours: Sequence[HourTotal]) -> None:
    """Add to the totals, and to the hours of first events."""
    connection.execute(
        text("""
            INSERT INTO event_totals AS known
                (dispatch_id, kind, link, events, people_events, deliveries, people_deliveries, opened)
            SELECT * FROM unnest(
                CAST(:dispatch_ids AS bigint[]), CAST(:kinds AS text[]), CAST(:links AS text[]),
                CAST(:events AS bigint[]), CAST(:people_events AS bigint[]), CAST(:deliveries AS bigint[]),
                CAST(:people_deliveries AS bigint[]), CAST(:opened AS bigint[]))
            ON CONFLICT (dispatch_id, kind, link) DO UPDATE SET
                events = known.events + EXCLUDED.events, people_events = known.people_events + EXCLUDED.people_events,
                deliveries = known.deliveries + EXCLUDED.deliveries,
                people_deliveries = known.people_deliveries + EXCLUDED.people_deliveries,
                opened = known.opened + EXCLUDED.opened
        """),
        {
            "dispatch_ids": [key.dispatch_id for key in totals],
            "kinds": [key.kind.value for key in totals],
            "links": [key.link for key in totals],
            "events": [one.events for one in totals.values()],
            "people_events": [one.people_events for one in totals.values()],
            "deliveries": [one.deliveries for one in totals.values()],
            "people_deliveries": [one.people_deliveries for one in totals.values()],
            "opened": [one.opened for one in totals.values()],
        },
    )
    connection.execute(
        text("""
            INSERT INTO event_hours AS known (dispatch_id, kind, hour, deliveries, people_deliveries)
            SELECT * FROM unnest(
                CAST(:dispatch_ids AS bigint[]), CAST(:kinds AS text[]), CAST(:hours AS integer[]),
                CAST(:deliveries AS bigint[]), CAST(:people_deliveries AS bigint[]))
            ON CONFLICT (dispatch_id, kind, hour) DO UPDATE SET
                deliveries = known.deliveries + EXCLUDED.deliveries,
                people_deliveries = known.people_deliveries + EXCLUDED.people_deliveries
        """),
        {
            "dispatch_ids": [one.dispatch_id for one in hours],
            "kinds": [one.kind.value for one in hours],
            "hours": [one.hour for one in hours],
            "deliveries": [one.deliveries for one in hours],
            "people_deliveries": [one.people_deliveries for one in hours],
        },
    )


def of_dispatches(connection: Connection, dispatch_ids: Collection[int]) -> dict[TotalKey, EventTotal]:
    """The totals of these dispatches, over all links."""
    return _totals(connection, dispatch_ids, is_whole=True)


def of_links(connection: Connection, dispatch_ids: Collection[int]) -> dict[TotalKey, EventTotal]:
    """The totals of these dispatches by link."""
    return _totals(connection, dispatch_ids, is_whole=False)


def hours_of(connection: Connection, dispatch_ids: Collection[int], kind: EventKind) -> list[HourTotal]:
    """The hours with first events of a kind, in order."""
    rows = connection.execute(
        text("""
            SELECT dispatch_id, hour, deliveries, people_deliveries FROM event_hours
            WHERE dispatch_id = ANY(CAST(:ids AS bigint[])) AND kind = :kind ORDER BY hour, dispatch_id
        """),
        {"ids": list(dispatch_ids), "kind": kind.value},
    )
    return [
        HourTotal(
            dispatch_id=row.dispatch_id,
            kind=kind,
            hour=row.hour,
            deliveries=row.deliveries,
            people_deliveries=row.people_deliveries,
        )
        for row in rows
    ]


def _totals(connection: Connection, dispatch_ids: Collection[int], *, is_whole: bool) -> dict[TotalKey, EventTotal]:
    rows = connection.execute(
        text("""
            SELECT * FROM event_totals
            WHERE dispatch_id = ANY(CAST(:ids AS bigint[])) AND (link = '') = CAST(:is_whole AS boolean)
        """),
        {"ids": list(dispatch_ids), "is_whole": is_whole},
    )
    return {
        TotalKey(row.dispatch_id, EventKind(row.kind), row.link): EventTotal(
            events=row.events,
            people_events=row.people_events,
            deliveries=row.deliveries,
            people_deliveries=row.people_deliveries,
            opened=row.opened,
        )
        for row in rows
    }
