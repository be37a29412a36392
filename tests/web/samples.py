"""Articles, feeds and a sent mail for the tests of the web application, stored in PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from distributor.domain.audience import AudiencePlan
from distributor.domain.campaign import CampaignPlan, DispatchState
from distributor.domain.consent import ConsentEvidence, ConsentMethod
from distributor.domain.event import Event
from distributor.domain.rendition import Rendition
from distributor.domain.subscriber import Membership, Person
from distributor.domain.tokens import Purpose
from distributor.flow.app_context import AppContext
from distributor.flow.feedback import tracking
from distributor.storage import audiences, campaigns, channels, delivery_queries, dispatches, events, lists, memberships
from distributor.storage.audiences import AudienceQuery

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

EVIDENCE = ConsentEvidence(method=ConsentMethod.PERSON, text="They asked for it by telephone.")


@dataclass(frozen=True)
class SentMail:
    """A mail that went to Robin, with what is needed to follow its links and to see what came of them."""

    app: AppContext
    delivery_id: int
    list_id: int

    def token(self, purpose: Purpose, number: int = 0) -> str:
        return self.app.tokens.mint(purpose, self.delivery_id, number)

    def events(self) -> list[Event]:
        """What is in the ledger once everything that waits is written."""
        tracking.write_events(self.app)
        with self.app.database.begin() as connection:
            return events.of_delivery(connection, self.delivery_id)

    def memberships(self) -> dict[str, Membership]:
        with self.app.database.begin() as connection:
            members = memberships.members(connection, self.list_id, limit=10)
        return {subscriber.name: membership for subscriber, membership in members}


def send_mail(app: AppContext, rendition: Rendition) -> SentMail:
    """A mail to Robin of the list "Weekly letter", which Sam is on too."""
    now = app.clock()
    with app.database.begin() as connection:
        letter = lists.add(connection, slug="weekly", name="Weekly letter")
        people = [
            Person(key="robin@example.org", email="Robin@example.org", name="Robin <R>"),
            Person(key="sam@elsewhere.example", email="sam@elsewhere.example", name="Sam"),
        ]
        memberships.subscribe(connection, letter.id, people, EVIDENCE, now=now)
        channel = channels.save(connection, name="mail", kind="email", settings={}, sealed=None)
        campaign_id = campaigns.add(
            connection,
            CampaignPlan(
                name="Number one", article_slugs=(), channel_names=(), audience=AudiencePlan(lists=("weekly",))
            ),
            article_ids=[],
            now=now,
        )
        dispatch_id = dispatches.add(
            connection, campaign_id, channel.id, scheduled_at=now, zone="UTC", state=DispatchState.SCHEDULED
        )
        dispatches.freeze_rendition(connection, dispatch_id, rendition, (), now=now)
        mailing = AudienceQuery(
            plan=AudiencePlan(lists=("weekly",)), article_ids=(), tag_slugs=(), campaign_id=campaign_id
        )
        audiences.freeze(connection, dispatch_id, mailing, now=now)
        dispatches.mark_released(connection, {dispatch_id: 2}, now=now)
        robins = delivery_queries.listed(connection, dispatch_id, state=None, limit=2)[0]
    assert robins.recipient == "Robin@example.org"
    return SentMail(app, robins.id, letter.id)
