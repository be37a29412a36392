"""A sample with edge cases: missing and clashing attributes, characters with a meaning in SQL, times on boundaries."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import insert

from distributor.domain.delivery import DeliveryState
from distributor.domain.event import EventKind
from distributor.domain.subscriber import Membership
from distributor.storage import tables
from distributor.storage.database import Connection

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
NAMES = (
    *("", "Ada", "ada lovelace", "O'Neil", 'The "Q"', "100% sure", "under_score", "back\\slash", "ÜNAL ß", "Жанна"),
    *("日本", "🎈 party", "'; DROP TABLE subscribers; --", "a\nb", "ada"),
)
DOMAINS = ("example.org", "o.example.org", "xn--bcher-kva.example")
LANGUAGES = ("", "de", "de-AT", "DE-at", "den", "en")
ZONES = ("", "Europe/Vienna", "UTC")
TAGS = ("vip", "VIP", "Long Covid", "it's", '"', "\\", "%", "{}", "{a,b}", "NULL")
ATTRIBUTES = ("city", "age", "deep", "a.b", 'quo"te', "%", "list")
VALUES: tuple[Any, ...] = (
    *("Graz", "graz", "GRAZ süd", "", "it's", "50%", "5_0", "\\", '"', "日本", "null", "true"),
    *(None, True, False, 0, 1, 1.0, 0.1, -1.5, 30, 2**70, 1e20),
    *("30", "030", "30 ", "-1.5", "1e5", "NaN", "１", "30\n", "0.1", "1.", "9" * 15, "9" * 16),
    *("2026-11-22", "2026-11-21T10:00", "2026-11-22x", "2026-13-45", "1999-12-31", "2026-11-23 08:00"),
    *([], ["Graz", 30, True], [["Graz"]], ["graz"], {}, {"x": "Graz"}, {"x": {"y": 30}}, {"x": [1]}, {"0": "Graz"}),
)
MOMENTS = (
    *(
        NOW,
        NOW + timedelta(microseconds=1),
        NOW + timedelta(days=1),
        NOW - timedelta(days=1),
        NOW - timedelta(hours=36),
    ),
    *(NOW - timedelta(days=90), NOW - timedelta(days=90, microseconds=1), NOW - timedelta(days=400)),
    *(datetime(2026, 1, 1, tzinfo=UTC), datetime(2025, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)),
)
LISTS = ("news", "offers", "empty")
TOPICS = ("lupus", "science")
URLS = ("https://gazette.example/shop?a=100%25", "https://Gazette.example/a_b", "")
CAMPAIGNS = 7
CONFIRMATION = 3


@dataclass(frozen=True, kw_only=True)
class SampleMembership:
    """A membership of a list."""

    list_slug: str
    state: Membership
    topics: tuple[str, ...] | None
    state_changed_at: datetime


@dataclass(frozen=True, kw_only=True)
class SampleEvent:
    kind: EventKind
    at: datetime
    detail: dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class SampleMail:
    """A mail to the subscriber; `campaign` is the id of its campaign."""

    campaign: int
    state: DeliveryState
    created_at: datetime
    happenings: tuple[SampleEvent, ...]


@dataclass(frozen=True, kw_only=True)
class SampleSubscriber:
    """A subscriber with everything that conditions read; mails are in the order they were created."""

    id: int
    name: str
    key: str
    language: str
    zone: str
    attributes: dict[str, Any]
    tags: tuple[str, ...]
    status: str
    paused_until: datetime | None
    created_at: datetime
    places: tuple[SampleMembership, ...]
    mails: tuple[SampleMail, ...]
    domain: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "domain", self.key.partition("@")[2])


def insert_sample(connection: Connection, *, people: int) -> list[SampleSubscriber]:
    """Insert sample subscribers into an empty database and return them."""
    draw = random.Random(20261122)
    sample = [_random_subscriber(draw, number) for number in range(1, people + 1)]
    _write_lists_and_campaigns(connection)
    for subscriber in sample:
        _write(connection, subscriber)
    _write_deliveries_without_subscriber(connection)
    return sample


def _random_subscriber(draw: random.Random, number: int) -> SampleSubscriber:
    return SampleSubscriber(
        id=number,
        name=draw.choice(NAMES),
        key=f"{draw.choice(('p', 'o%27', 'under_', 'ж'))}{number}@{draw.choice(DOMAINS)}",
        language=draw.choice(LANGUAGES),
        zone=draw.choice(ZONES),
        attributes={name: draw.choice(VALUES) for name in ATTRIBUTES if draw.random() < 0.8},
        tags=tuple(draw.sample(TAGS, draw.randrange(4))),
        status=draw.choice(("active", "active", "disabled")),
        paused_until=draw.choice((None, *MOMENTS)),
        created_at=draw.choice(MOMENTS),
        places=tuple(
            SampleMembership(
                list_slug=slug,
                state=draw.choice(list(Membership)),
                topics=draw.choice((None, (), ("lupus",), ("science", "lupus"))),
                state_changed_at=draw.choice(MOMENTS),
            )
            for slug in draw.sample(("news", "offers"), draw.randrange(3))
        ),
        mails=tuple(
            SampleMail(
                campaign=campaign,
                state=draw.choice((DeliveryState.SENT, DeliveryState.DELIVERED, *DeliveryState)),
                created_at=draw.choice(MOMENTS),
                happenings=tuple(_event(draw) for _ in range(draw.choice((0, 0, 1, 2, 4)))),
            )
            for campaign in sorted(draw.sample(range(1, CAMPAIGNS + 1), draw.randrange(CAMPAIGNS + 1)))
        ),
    )


def _event(draw: random.Random) -> SampleEvent:
    kind = draw.choice((EventKind.OPEN, EventKind.CLICK, EventKind.BOUNCE, *EventKind))
    details: dict[EventKind, tuple[dict[str, Any], ...]] = {
        EventKind.CLICK: (*({"url": url} for url in URLS), {}),
        EventKind.BOUNCE: ({"hard": True}, {"hard": False}, {}),
    }
    return SampleEvent(kind=kind, at=draw.choice(MOMENTS), detail=draw.choice(details.get(kind, ({},))))


def _write_lists_and_campaigns(connection: Connection) -> None:
    connection.execute(insert(tables.lists), [{"slug": slug, "name": slug} for slug in LISTS])
    connection.execute(insert(tables.channels).values(name="mail", kind="email"))
    for number in range(1, CAMPAIGNS + 1):
        connection.execute(
            insert(tables.campaigns).values(
                name=f"Campaign {number}",
                purpose="confirmation" if number == CONFIRMATION else "articles",
                track_opens=True,
                track_clicks=True,
                unknown_policy="assume_sent",
                created_at=NOW,
            )
        )
        connection.execute(
            insert(tables.dispatches).values(
                campaign_id=number, channel_id=1, state="finished", scheduled_at=NOW, zone="UTC"
            )
        )


def _write(connection: Connection, subscriber: SampleSubscriber) -> None:
    columns = ("name", "key", "language", "zone", "attributes", "status", "paused_until", "created_at")
    facts = {column: getattr(subscriber, column) for column in columns}
    connection.execute(insert(tables.subscribers).values(**facts, email=subscriber.key, tags=list(subscriber.tags)))
    for place in subscriber.places:
        list_id = LISTS.index(place.list_slug) + 1
        consent_id = connection.execute(
            insert(tables.consents)
            .values(subscriber_id=subscriber.id, list_id=list_id, action="granted", method="person", at=NOW)
            .returning(tables.consents.c.id)
        ).scalar_one()
        connection.execute(
            insert(tables.memberships).values(
                list_id=list_id,
                subscriber_id=subscriber.id,
                state=place.state,
                topics=None if place.topics is None else list(place.topics),
                consent_id=consent_id,
                state_changed_at=place.state_changed_at,
            )
        )
    for mail in subscriber.mails:
        _write_mail(connection, mail, subscriber.id, subscriber.key)


def _write_mail(connection: Connection, mail: SampleMail, subscriber_id: int | None, recipient: str) -> None:
    delivery_id = connection.execute(
        insert(tables.deliveries)
        .values(
            dispatch_id=mail.campaign,
            subscriber_id=subscriber_id,
            recipient=recipient,
            state=mail.state,
            created_at=mail.created_at,
            updated_at=NOW,
        )
        .returning(tables.deliveries.c.id)
    ).scalar_one()
    for number, happening in enumerate(mail.happenings):
        connection.execute(
            insert(tables.events).values(
                delivery_id=delivery_id,
                subscriber_id=subscriber_id,
                kind=happening.kind,
                at=happening.at,
                key=f"{delivery_id}-{number}",
                detail=happening.detail,
            )
        )


def _write_deliveries_without_subscriber(connection: Connection) -> None:
    """A delivery to a feed, and one to an erased subscriber: their events have no subscriber."""
    happenings = tuple(SampleEvent(kind=kind, at=NOW, detail={}) for kind in EventKind)
    for recipient in ("a feed", "erased"):
        mail = SampleMail(campaign=1, state=DeliveryState.SENT, created_at=NOW, happenings=happenings)
        _write_mail(connection, mail, None, recipient)
