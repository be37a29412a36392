"""Searches of the team over what it works with: articles and campaigns by words of their names.

People are found by `storage.subscribers.search`, whose index knows the beginnings of their words.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, or_, select

from distributor.domain.article import ArticleState
from distributor.domain.campaign import CampaignPurpose
from distributor.storage import tables
from distributor.storage.database import Connection

# More of them find nothing that fewer do not.
_MOST_WORDS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundArticle:
    """An article whose title, address or tags have what was searched for."""

    id: int
    title: str
    slug: str
    state: ArticleState


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundCampaign:
    """A campaign whose name has what was searched for."""

    id: int
    name: str


def articles(connection: Connection, words: str, *, limit: int) -> list[FoundArticle]:
    """The articles that have each word in the title, in the address, or as the beginning of a tag; newest first."""
    article, revision = tables.articles.c, tables.article_revisions.c
    query = (
        select(article.id, revision.title, article.slug, article.state)
        .join(tables.article_revisions, (revision.article_id == article.id) & (revision.number == article.revision))
        .where(*(_is_of_article(word) for word in _split(words)))
        .order_by(article.id.desc())
        .limit(limit)
    )
    return [
        FoundArticle(id=row.id, title=row.title, slug=row.slug, state=ArticleState(row.state))
        for row in connection.execute(query)
    ]


def campaigns(connection: Connection, words: str, *, limit: int) -> list[FoundCampaign]:
    """The campaigns of articles that have each word in their name; newest first."""
    campaign = tables.campaigns.c
    query = (
        select(campaign.id, campaign.name)
        .where(
            campaign.purpose == CampaignPurpose.ARTICLES,
            *(campaign.name.icontains(word, autoescape=True) for word in _split(words)),
        )
        .order_by(campaign.id.desc())
        .limit(limit)
    )
    return [FoundCampaign(id=row.id, name=row.name) for row in connection.execute(query)]


def _is_of_article(word: str) -> ColumnElement[bool]:
    article, tagged, name = tables.articles.c, tables.article_tags.c, tables.tag_names.c
    # By its label, a synonym or an earlier name.
    has_tag = exists().where(
        tagged.article_id == article.id,
        tagged.tag_slug == name.tag_slug,
        or_(name.key.istartswith(word, autoescape=True), name.label.istartswith(word, autoescape=True)),
    )
    return or_(
        tables.article_revisions.c.title.icontains(word, autoescape=True),
        article.slug.icontains(word, autoescape=True),
        has_tag,
    )


def _split(words: str) -> list[str]:
    return words.split()[:_MOST_WORDS]
