"""Publications: the articles that channels publish, the collections they form, and the documents built from these."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement, Row, Subquery, and_, delete, func, literal, select, union_all, update
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.article import ArticleState
from distributor.domain.errors import NotFoundError
from distributor.domain.tags import Tag
from distributor.storage import tables, tags
from distributor.storage.articles import public_at
from distributor.storage.database import Connection


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicationRecord:
    """An article in a collection, with its current revision and tags.

    `published_at` is when it was first published there.
    """

    article_id: int
    revision: int
    published_at: datetime
    updated_at: datetime
    tags: tuple[Tag, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionRecord:
    """A collection with its newest articles; without a tag and with an empty slug, the one of all articles.

    `digest` is of what its documents were built from last, or empty.
    """

    tag: Tag | None
    tag_slug: str
    since: datetime
    digest: str
    articles: Sequence[PublicationRecord]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRecord:
    """A document as it is served. `etag` is the SHA-256 of its bytes in hexadecimal."""

    path: str
    media_type: str
    etag: str
    body: bytes
    last_modified: datetime


def publish(connection: Connection, channel_id: int, guids: Iterable[str], *, at: datetime) -> None:
    """Let the channel publish these articles from `at` on; one that it publishes already keeps its date.

    An article whose own date is earlier than `at` keeps that.
    """
    article = tables.articles.c
    found = select(literal(channel_id), article.id, func.least(article.published_at, at)).where(article.guid.in_(guids))
    connection.execute(
        insert(tables.publications)
        .from_select(["channel_id", "article_id", "published_at"], found)
        .on_conflict_do_nothing()
    )


def collections_of(connection: Connection, kind: str, *, limit: int, now: datetime) -> list[CollectionRecord]:
    """Every collection of a kind, with as many of its newest public articles; equal dates are ordered by GUID.

    A collection that there was once stays, under the slug that its tag has now. New ones are stored, and begin with the
    first article in them.
    """
    _follow_tags(connection, kind)
    ranked = _ranked(kind, now=now)
    newest = connection.execute(
        select(ranked).where(ranked.c.rank <= limit).order_by(ranked.c.tag_slug, ranked.c.rank)
    ).all()
    tagged = tags.of_articles(connection, {row.article_id for row in newest})
    articles = {
        slug: [_publication(row, tagged) for row in rows] for slug, rows in groupby(newest, lambda row: row.tag_slug)
    }
    if articles:
        connection.execute(
            insert(tables.collections)
            .values(
                [
                    {"kind": kind, "tag_slug": slug, "since": min(one.published_at for one in found)}
                    for slug, found in articles.items()
                ]
            )
            .on_conflict_do_nothing()
        )
    collection, tag = tables.collections.c, tables.tags.c
    rows = connection.execute(
        select(tables.collections, tag.label)
        .outerjoin(tables.tags, tag.slug == collection.tag_slug)
        .where(collection.kind == kind)
        .order_by(collection.tag_slug)
    )
    return [
        CollectionRecord(
            tag=Tag(row.label, stored_slug=row.tag_slug) if row.tag_slug else None,
            tag_slug=row.tag_slug,
            since=row.since,
            digest=row.digest,
            articles=articles.get(row.tag_slug, []),
        )
        for row in rows
    ]


def next_embargo(connection: Connection, kind: str, *, now: datetime) -> datetime | None:
    """When the next article of a collection becomes public, if one is under embargo."""
    article = tables.articles.c
    ends_at: datetime | None = connection.execute(
        select(func.min(article.publish_at))
        .join(tables.publications, tables.publications.c.article_id == article.id)
        .join(tables.channels, tables.channels.c.id == tables.publications.c.channel_id)
        .where(_is_published_by(kind), article.state == ArticleState.PUBLISHED, article.publish_at > now)
    ).scalar_one()
    return ends_at


def mark_built(connection: Connection, kind: str, tag_slug: str, *, digest: str, paths: Sequence[str]) -> None:
    """The documents of this collection are those at `paths`, and no others; they were built from `digest`."""
    collection, document = tables.collections.c, tables.documents.c
    connection.execute(
        delete(tables.documents).where(
            document.kind == kind, document.tag_slug == tag_slug, document.path.not_in(paths)
        )
    )
    connection.execute(
        update(tables.collections).where(collection.kind == kind, collection.tag_slug == tag_slug).values(digest=digest)
    )


def put_document(
    connection: Connection,
    path: str,
    *,
    kind: str,
    tag_slug: str,
    media_type: str,
    body: bytes,
    last_modified: datetime,
    now: datetime,
) -> None:
    """Serve these bytes of a collection under this path from now on; the same bytes change nothing.

    Other bytes with no later date are dated `now`: a client that sends only If-Modified-Since
    must see the change.
    """
    etag = hashlib.sha256(body).hexdigest()
    document = tables.documents
    before = connection.execute(
        select(document.c.etag, document.c.last_modified).where(document.c.path == path)
    ).one_or_none()
    if before is not None and before.etag == etag:
        return
    if before is not None and before.last_modified >= last_modified:
        last_modified = now
    values = {
        "kind": kind,
        "tag_slug": tag_slug,
        "media_type": media_type,
        "etag": etag,
        "body": body,
        "last_modified": last_modified,
    }
    connection.execute(
        insert(document).values(path=path, **values).on_conflict_do_update(index_elements=["path"], set_=values)
    )


def find_document(connection: Connection, path: str) -> DocumentRecord:
    """Raises NotFoundError."""
    row = connection.execute(select(tables.documents).where(tables.documents.c.path == path)).one_or_none()
    if row is None:
        raise NotFoundError("document", path)
    return DocumentRecord(
        path=row.path,
        media_type=row.media_type,
        etag=row.etag,
        body=bytes(row.body),
        last_modified=row.last_modified,
    )


def document_paths(connection: Connection, prefix: str) -> Sequence[str]:
    """The paths of all documents that begin so."""
    path = tables.documents.c.path
    return list(
        connection.execute(select(path).where(path.startswith(prefix, autoescape=True)).order_by(path)).scalars()
    )


def _follow_tags(connection: Connection, kind: str) -> None:
    """Replace the collections of tags that were renamed or merged by those of the tags that they are now."""
    collection, alias = tables.collections.c, tables.tag_aliases.c
    moved = connection.execute(
        delete(tables.collections)
        .where(collection.kind == kind, collection.tag_slug == alias.slug)
        .returning(alias.tag_slug, collection.since)
    ).all()
    for row in moved:
        added = insert(tables.collections).values(kind=kind, tag_slug=row.tag_slug, since=row.since)
        earliest = func.least(collection.since, row.since)
        connection.execute(added.on_conflict_do_update(index_elements=["kind", "tag_slug"], set_={"since": earliest}))


def _ranked(kind: str, *, now: datetime) -> Subquery:
    """The public articles of each collection with their rank in it."""
    published, article = tables.publications.c, tables.articles.c
    shown = (
        select(
            article.id.label("article_id"),
            article.guid,
            article.revision,
            article.updated_at,
            # It may be published by several channels of the kind.
            func.min(published.published_at).label("published_at"),
        )
        .join(tables.articles, article.id == published.article_id)
        .join(tables.channels, tables.channels.c.id == published.channel_id)
        .where(_is_published_by(kind), public_at(now))
        .group_by(article.id)
        .cte("shown")
    )
    tagged, lines = tables.article_tags.c, tags.lineages()
    placed = union_all(
        select(literal("").label("tag_slug"), shown),
        # Once, although it may have several parts of one tag.
        select(lines.c.ancestor, shown)
        .join(tables.article_tags, tagged.article_id == shown.c.article_id)
        .join(lines, lines.c.slug == tagged.tag_slug)
        .distinct(),
    ).subquery()
    rank = func.row_number().over(
        partition_by=placed.c.tag_slug, order_by=(placed.c.published_at.desc(), placed.c.guid.collate("C"))
    )
    return select(placed, rank.label("rank")).subquery()


def _is_published_by(kind: str) -> ColumnElement[bool]:
    return and_(tables.channels.c.kind == kind, tables.channels.c.removed_at.is_(None))


def _publication(row: Row[Any], tagged: Mapping[int, tuple[Tag, ...]]) -> PublicationRecord:
    return PublicationRecord(
        article_id=row.article_id,
        revision=row.revision,
        published_at=row.published_at,
        updated_at=row.updated_at,
        tags=tagged[row.article_id],
    )
