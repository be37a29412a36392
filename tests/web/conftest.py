"""What the tests of the public pages share: articles, feeds and a mail that was sent, all in the real ledger."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from starlette.testclient import TestClient

from distributor.domain.article import Manuscript
from distributor.domain.blocks import Paragraph, Run
from distributor.domain.campaign import UnknownPolicy
from distributor.domain.event import Event
from distributor.domain.rendition import Rendition
from distributor.domain.subscriber import Membership
from distributor.domain.tags import Tag
from distributor.domain.tokens import Purpose
from distributor.flow import track
from distributor.flow.installation import Installation
from distributor.storage import articles, audience, campaigns, channels, deliveries, events, publications
from distributor.web.app import create_app

PUBLISHED = datetime(2026, 11, 20, 9, 30, tzinfo=UTC)
FEED_CHANGED = datetime(2026, 11, 20, 9, 30, 15, tzinfo=UTC)
LINKS = [
    "https://shop.example/offer?a=1&b=2",
    "https://shop.example/über",
    "mailto:desk@gazette.example",
    "https://shop.example/\r\nSet-Cookie: a=b",
]
MAIL = """<!doctype html>
<html lang="en"><head><title>The Gazette</title><style>p { color: #123456 }</style></head>
<body><p>Dear @@name@@ at @@email@@,</p><a href="@@click:0@@">The offer</a> <a href="@@view@@">View</a>
<a href="@@unsubscribe@@">Unsubscribe</a><img src="@@open@@" width="1" height="1" alt=""></body></html>"""

WriteArticle = Callable[..., str]
PublishFeed = Callable[..., bytes]


@pytest.fixture
def client(installation: Installation) -> Iterator[TestClient]:
    """A client that follows no redirect and sees the answers that strangers see."""
    app = create_app(installation)
    with TestClient(app, follow_redirects=False, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def write_article(installation: Installation) -> WriteArticle:
    """Writes an article into the ledger and returns its slug."""

    def write(slug: str = "the-news", **changed: object) -> str:
        manuscript = {
            "title": "The news",
            "body": (Paragraph((Run("It happened."),)),),
            "tags": (Tag("Local news"),),
            "summary": "What happened.",
            "author": "Ada Reporter",
            "published_at": PUBLISHED,
        }
        with installation.database.begin() as connection:
            articles.add(
                connection,
                Manuscript(**{**manuscript, **changed}),
                guid=f"urn:test:{slug}",
                slug=slug,
                source="test",
                source_ref=slug,
                content_hash="",
                now=installation.clock(),
            )
        return slug

    return write


@pytest.fixture
def publish_feed(installation: Installation) -> PublishFeed:
    """Puts a document where the feed channel does and returns its bytes."""

    def publish(path: str = "feeds/all.rss", body: bytes = b"<rss>" + b"<item/>" * 500 + b"</rss>") -> bytes:
        with installation.database.begin() as connection:
            publications.put_document(
                connection,
                path,
                media_type="application/rss+xml; charset=utf-8",
                body=body,
                last_modified=FEED_CHANGED,
            )
        return body

    return publish


@dataclass(frozen=True)
class SentMail:
    """A mail that went to Robin, with what is needed to follow its links and to see what came of them."""

    installation: Installation
    delivery_id: int
    list_id: int

    def token(self, purpose: Purpose, number: int = 0) -> str:
        return self.installation.tokens.mint(purpose, self.delivery_id, number)

    def events(self) -> list[Event]:
        """What is in the ledger once everything that waits is written."""
        track.write_events(self.installation)
        with self.installation.database.begin() as connection:
            return events.of_delivery(connection, self.delivery_id)

    def memberships(self) -> dict[str, Membership]:
        with self.installation.database.begin() as connection:
            everybody = audience.members(connection, self.list_id, limit=10)
        return {subscriber.name: membership for subscriber, membership in everybody}


@pytest.fixture
def sent_mail(installation: Installation) -> SentMail:
    """A mail to Robin Reader of the list "Weekly letter", which Sam is on too."""
    now = installation.clock()
    rendition = Rendition("email", {"html": MAIL, "links": LINKS, "site": {"public_url": installation.site.public_url}})
    with installation.database.begin() as connection:
        letter = audience.add_list(connection, slug="weekly", name="Weekly letter")
        people = [
            audience.Person(key="robin@example.org", address="Robin@example.org", name="Robin <R>"),
            audience.Person(key="sam@elsewhere.example", address="sam@elsewhere.example", name="Sam"),
        ]
        audience.subscribe(connection, letter.id, people, now=now)
        channel = channels.put(connection, name="mail", kind="email", settings={}, sealed=None)
        campaign_id = campaigns.add(
            connection,
            name="Number one",
            article_ids=[],
            list_id=letter.id,
            track_opens=True,
            track_clicks=True,
            unknown_policy=UnknownPolicy.ASSUME_SENT,
            now=now,
        )
        dispatch_id = campaigns.add_dispatch(connection, campaign_id, channel.id, scheduled_at=now, zone="UTC")
        campaigns.freeze_rendition(connection, dispatch_id, rendition, (), now=now)
        deliveries.freeze_subscribers(connection, dispatch_id, letter.id, now=now)
        campaigns.mark_released(connection, dispatch_id, audience=2, now=now)
        robins = deliveries.listed(connection, dispatch_id, state=None, limit=2)[0]
    assert robins.recipient == "Robin@example.org"
    return SentMail(installation, robins.id, letter.id)
