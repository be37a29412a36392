"""Articles as lists show them: without their text, with who changed them last and where they went."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, literal, or_, select, tuple_

from distributor.domain.article import ArticleState
from distributor.domain.campaign import CampaignPurpose, DispatchState
from distributor.storage import tables
from distributor.storage.database import Connection
from distributor.storage.tags import articles_of, current_slug

# More campaigns of one article than these are not named in a list.
_MOST_PLACES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleRow:
    """An article in a list. `changed_by` is the actor of the last entry of its history."""

    id: int
    slug: str
    title: str
    language: str
    state: ArticleState
    publish_at: datetime | None
    source: str
    source_ref: str
    missing_since: datetime | None
    updated_at: datetime
    changed_by: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticlePlace:
    """A channel of a campaign with an article."""

    campaign_id: int
    campaign_name: str
    channel_name: str
    kind: str
    state: DispatchState


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleFilter:
    """Which articles are listed: by default all.

    In a state, with a tag or a part of it, with words in their titles, of a source.
    """

    state: ArticleState | None = None
    tag_slug: str = ""
    words: str = ""
    source: str = ""


@dataclass(frozen=True, slots=True)
class ArticleCursor:
    """Where a page of the list ends."""

    updated_at: datetime
    id: int


def listed(
    connection: Connection, chosen: ArticleFilter, *, limit: int, after: ArticleCursor | None = None
) -> list[ArticleRow]:
    """The articles that match, the last changed first."""
    article, revision = tables.articles.c, tables.article_revisions.c
    query = _rows().order_by(article.updated_at.desc(), article.id.desc()).limit(limit)
    if after is not None:
        query = query.where(
            tuple_(article.updated_at, article.id) < tuple_(literal(after.updated_at), literal(after.id))
        )
    if chosen.state is not None:
        query = query.where(article.state == chosen.state)
    if chosen.tag_slug:
        slug = current_slug(connection, chosen.tag_slug) or chosen.tag_slug
        query = query.where(article.id.in_(articles_of(slug)))
    if chosen.source:
        query = query.where(article.source == chosen.source)
    for word in chosen.words.split()[:10]:
        query = query.where(or_(revision.title.icontains(word, autoescape=True), article.slug == word))
    found = connection.execute(query).all()
    labels = _tag_labels(connection, [row.id for row in found])
    return [_row(row, labels.get(row.id, ())) for row in found]


def is_any(connection: Connection) -> bool:
    """Whether there is an article at all."""
    return connection.execute(select(tables.articles.c.id).limit(1)).first() is not None


def places(connection: Connection, article_ids: Sequence[int]) -> dict[int, list[ArticlePlace]]:
    """The channels of the last campaigns with each of these articles, the newest campaign first."""
    about, campaign, dispatch = tables.campaign_articles.c, tables.campaigns.c, tables.dispatches.c
    channel = tables.channels.c
    place = func.dense_rank().over(partition_by=about.article_id, order_by=about.campaign_id.desc())
    ranked = (
        select(
            about.article_id,
            campaign.id,
            campaign.name,
            dispatch.state,
            channel.name.label("channel_name"),
            channel.kind,
            dispatch.id.label("dispatch_id"),
            place.label("place"),
        )
        .join(tables.campaigns, campaign.id == about.campaign_id)
        .join(tables.dispatches, dispatch.campaign_id == campaign.id)
        .join(tables.channels, channel.id == dispatch.channel_id)
        .where(about.article_id.in_(article_ids), _is_for_readers())
        .subquery()
    )
    query = (
        select(ranked)
        .where(ranked.c.place <= _MOST_PLACES)
        .order_by(ranked.c.article_id, ranked.c.place, ranked.c.dispatch_id)
    )
    found: dict[int, list[ArticlePlace]] = {}
    for row in connection.execute(query):
        one = ArticlePlace(
            campaign_id=row.id,
            campaign_name=row.name,
            channel_name=row.channel_name,
            kind=row.kind,
            state=DispatchState(row.state),
        )
        found.setdefault(row.article_id, []).append(one)
    return found


def tag_labels(connection: Connection, *, limit: int) -> list[tuple[str, str]]:
    """Slug and label of the tags that most articles have, the most frequent first."""
    tagged, tag = tables.article_tags.c, tables.tags.c
    most = (
        select(tagged.tag_slug, func.count().label("articles"))
        .group_by(tagged.tag_slug)
        .order_by(func.count().desc(), tagged.tag_slug)
        .limit(limit)
        .subquery()
    )
    rows = connection.execute(
        select(tag.slug, tag.label)
        .join(most, most.c.tag_slug == tag.slug)
        .order_by(most.c.articles.desc(), func.lower(tag.label))
    )
    return [(row.slug, row.label) for row in rows]


def _rows() -> Select[Any]:
    article, revision = tables.articles.c, tables.article_revisions.c
    entry = tables.article_history.c
    last = (
        select(entry.actor)
        .where(entry.article_id == article.id)
        .order_by(entry.id.desc())
        .limit(1)
        .correlate(tables.articles)
        .scalar_subquery()
    )
    return select(
        article.id,
        article.slug,
        article.state,
        article.publish_at,
        article.source,
        article.source_ref,
        article.missing_since,
        article.updated_at,
        revision.title,
        revision.content["language"].astext.label("language"),
        last.label("changed_by"),
    ).join(tables.article_revisions, and_(revision.article_id == article.id, revision.number == article.revision))


def _tag_labels(connection: Connection, article_ids: Sequence[int]) -> Mapping[int, tuple[str, ...]]:
    tagged = tables.article_tags.c
    rows = connection.execute(
        select(tagged.article_id, func.array_agg(tables.tags.c.label).label("labels"))
        .join(tables.tags, tables.tags.c.slug == tagged.tag_slug)
        .where(tagged.article_id.in_(article_ids))
        .group_by(tagged.article_id)
    )
    return {row.article_id: tuple(sorted(row.labels, key=str.casefold)) for row in rows}


def _is_for_readers() -> ColumnElement[bool]:
    """Whether a campaign is one that people make: neither a test nor a mail to a single person."""
    return and_(tables.campaigns.c.purpose == CampaignPurpose.ARTICLES, tables.campaigns.c.test_of.is_(None))


def _row(row: Any, tags: tuple[str, ...]) -> ArticleRow:
    return ArticleRow(
        id=row.id,
        slug=row.slug,
        title=row.title,
        language=row.language,
        state=ArticleState(row.state),
        publish_at=row.publish_at,
        source=row.source,
        source_ref=row.source_ref,
        missing_since=row.missing_since,
        updated_at=row.updated_at,
        changed_by=row.changed_by or "",
        tags=tags,
    )
