"""Lists, members, articles and dispatches for tests."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from distributor.domain.article import Manuscript
from distributor.domain.audience import AudiencePlan
from distributor.domain.blocks import Paragraph, Run
from distributor.domain.campaign import CampaignPlan
from distributor.domain.consent import ConsentEvidence, ConsentMethod
from distributor.domain.person import person_of
from distributor.domain.subscriber import MailingList
from distributor.domain.tags import Tag
from distributor.storage import (
    articles,
    audiences,
    campaigns,
    channels,
    delivery_queries,
    dispatches,
    lists,
    memberships,
    subscribers,
)
from distributor.storage.audiences import AudienceQuery
from distributor.storage.database import Connection

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
LATER = NOW + timedelta(minutes=5)
BY_FORM = ConsentEvidence(method=ConsentMethod.FORM, text="I want the letter.", ip_address="192.0.2.7")
BY_IMPORT = ConsentEvidence(method=ConsentMethod.IMPORT, text="They agreed on paper.")


def a_list(connection: Connection, slug: str) -> MailingList:
    return lists.add(connection, slug=slug, name=slug.title())


def on_list(connection: Connection, slug: str, *names: str) -> dict[str, int]:
    """Import subscribers to a list; their ids by name."""
    chosen = a_list(connection, slug)
    memberships.subscribe(connection, chosen.id, [person_of(address(name)) for name in names], BY_IMPORT, now=NOW)
    return {name: number_of(connection, name) for name in names}


def address(name: str) -> str:
    return f"{name}@example.org"


def number_of(connection: Connection, name: str) -> int:
    return subscribers.find(connection, address(name)).id


def an_article(connection: Connection, slug: str, *tags: str) -> int:
    manuscript = Manuscript(title=slug, tags=tuple(Tag(label) for label in tags), body=(Paragraph((Run("Words."),)),))
    articles.add(
        connection,
        manuscript,
        guid=f"urn:test:{slug}",
        slug=slug,
        source="test",
        source_ref=slug,
        content_hash="0",
        now=NOW,
    )
    return articles.find_by_slug(connection, slug).id


def mailing(
    connection: Connection,
    plan: AudiencePlan,
    article_ids: Iterable[int] = (),
    *,
    campaign_id: int | None = None,
) -> AudienceQuery:
    ids = tuple(article_ids)
    return AudienceQuery(
        plan=plan, article_ids=ids, tag_slugs=articles.tag_slugs(connection, ids), campaign_id=campaign_id
    )


def reached(
    connection: Connection, plan: AudiencePlan, article_ids: Iterable[int] = (), *, now: datetime = NOW
) -> set[str]:
    """The names in the audience of a release now; counting and freezing must agree."""
    asked = mailing(connection, plan, article_ids)
    counted = audiences.count(connection, asked, now=now)
    dispatch_id = a_dispatch(connection, plan, asked.article_ids)
    frozen = audiences.freeze(connection, dispatch_id, asked, now=now)
    found = [
        one.recipient.split("@")[0] for one in delivery_queries.listed(connection, dispatch_id, state=None, limit=1000)
    ]
    assert counted == frozen == len(found) == len(set(found))
    sample = audiences.sample(connection, mailing(connection, plan, article_ids), limit=1000, now=now)
    assert plan.repeats is False or {one.key.split("@")[0] for one in sample} == set(found)
    return set(found)


def a_dispatch(connection: Connection, plan: AudiencePlan, article_ids: Iterable[int] = ()) -> int:
    channel = channels.save(connection, name="mail", kind="email", settings={}, sealed=None)
    campaign_id = campaigns.add(
        connection,
        CampaignPlan(name="a campaign", article_slugs=(), channel_names=(), audience=plan),
        article_ids=list(article_ids),
        now=NOW,
    )
    return dispatches.add(connection, campaign_id, channel.id, scheduled_at=NOW, zone="UTC")
