"""Articles, their revisions, their tags and their media."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Row, delete, select, text, update
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.article import MEDIA_PATH, Article, Manuscript, Media
from distributor.domain.errors import NotFoundError
from distributor.domain.tags import Tag
from distributor.storage import tables
from distributor.storage.database import Connection
from distributor.storage.json_codec import manuscript_from_json, manuscript_to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArticle:
    """An article with its id and its source."""

    id: int
    source: str
    source_ref: str
    content_hash: str
    article: Article


_CURRENT = (
    select(tables.articles, tables.article_revisions.c.content, tables.article_revisions.c.content_hash)
    .join(
        tables.article_revisions,
        (tables.article_revisions.c.article_id == tables.articles.c.id)
        & (tables.article_revisions.c.number == tables.articles.c.revision),
    )
    .order_by(tables.articles.c.published_at.desc(), tables.articles.c.id.desc())
)


def find_by_slug(connection: Connection, slug: str) -> StoredArticle:
    """Raises NotFoundError."""
    row = connection.execute(_CURRENT.where(tables.articles.c.slug == slug)).one_or_none()
    if row is None:
        raise NotFoundError("article", slug, hint="`distributor article list` lists them")
    return _stored(row)


def find_by_ref(connection: Connection, source: str, source_ref: str) -> StoredArticle | None:
    """The article from this source, if any."""
    row = connection.execute(
        _CURRENT.where(tables.articles.c.source == source, tables.articles.c.source_ref == source_ref)
    ).one_or_none()
    return _stored(row) if row else None


def find_many(connection: Connection, ids: Sequence[int]) -> list[StoredArticle]:
    """The articles with these ids, in this order."""
    found = {row.id: _stored(row) for row in connection.execute(_CURRENT.where(tables.articles.c.id.in_(ids)))}
    return [found[article_id] for article_id in ids]


def tag_slugs(connection: Connection, ids: Sequence[int]) -> tuple[str, ...]:
    """The tags of all these articles, sorted."""
    tagged = tables.article_tags.c
    rows = connection.execute(
        select(tagged.tag_slug).where(tagged.article_id.in_(ids)).distinct().order_by(tagged.tag_slug)
    )
    return tuple(rows.scalars())


def latest(connection: Connection, *, limit: int, tag_slug: str | None = None) -> list[StoredArticle]:
    """The newest articles by date of publication, optionally of one tag."""
    query = _CURRENT.limit(limit)
    if tag_slug is not None:
        tagged = select(tables.article_tags.c.article_id).where(tables.article_tags.c.tag_slug == tag_slug)
        query = query.where(tables.articles.c.id.in_(tagged))
    return [_stored(row) for row in connection.execute(query)]


def lock_ingestion(connection: Connection) -> None:
    """Lock ingestion until the transaction ends: two scans may find the same new file."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('ingestion', 0))"))


def is_slug_taken(connection: Connection, slug: str) -> bool:
    """Whether an article has this slug."""
    return connection.execute(select(tables.articles.c.id).where(tables.articles.c.slug == slug)).first() is not None


def known_hashes(connection: Connection, source: str) -> dict[str, str]:
    """The content hash of each article of a source by `source_ref`."""
    seen = connection.execute(
        select(tables.articles.c.source_ref, tables.article_revisions.c.content_hash)
        .join(
            tables.article_revisions,
            (tables.article_revisions.c.article_id == tables.articles.c.id)
            & (tables.article_revisions.c.number == tables.articles.c.revision),
        )
        .where(tables.articles.c.source == source)
    )
    return {row.source_ref: row.content_hash for row in seen}


def add(
    connection: Connection,
    manuscript: Manuscript,
    *,
    guid: str,
    slug: str,
    source: str,
    source_ref: str,
    content_hash: str,
    now: datetime,
) -> int:
    """A new article with its first revision; returns its id."""
    article_id: int = connection.execute(
        insert(tables.articles)
        .values(
            guid=guid,
            slug=slug,
            source=source,
            source_ref=source_ref,
            revision=1,
            published_at=manuscript.published_at or now,
            updated_at=manuscript.published_at or now,
        )
        .returning(tables.articles.c.id)
    ).scalar_one()
    _write_revision(connection, article_id, 1, manuscript, content_hash=content_hash, now=now)
    return article_id


def revise(connection: Connection, article_id: int, manuscript: Manuscript, *, content_hash: str, now: datetime) -> int:
    """A new revision of an article; its GUID and slug stay. Returns the revision's number."""
    changed: dict[str, object] = {"revision": tables.articles.c.revision + 1, "updated_at": now}
    if manuscript.published_at is not None:
        changed["published_at"] = manuscript.published_at
    number: int = connection.execute(
        update(tables.articles)
        .where(tables.articles.c.id == article_id)
        .values(changed)
        .returning(tables.articles.c.revision)
    ).scalar_one()
    _write_revision(connection, article_id, number, manuscript, content_hash=content_hash, now=now)
    return number


def find_tag(connection: Connection, slug: str) -> Tag:
    """Raises NotFoundError."""
    label = connection.execute(select(tables.tags.c.label).where(tables.tags.c.slug == slug)).scalar_one_or_none()
    if label is None:
        raise NotFoundError("tag", slug)
    return Tag(label)


def add_media(connection: Connection, items: Iterable[Media]) -> None:
    """Store these images; one already stored under the same name has the same content."""
    for item in items:
        connection.execute(
            insert(tables.media)
            .values(name=item.name, media_type=item.media_type, body=item.body)
            .on_conflict_do_nothing()
        )


def find_media_by_src(connection: Connection, src: str) -> Media | None:
    """The image that an article refers to by this `src`; None if it is not stored here."""
    if not src.startswith(MEDIA_PATH):
        return None
    with suppress(NotFoundError):
        return find_media(connection, src.removeprefix(MEDIA_PATH))
    return None


def find_media(connection: Connection, name: str) -> Media:
    """Raises NotFoundError."""
    row = connection.execute(select(tables.media).where(tables.media.c.name == name)).one_or_none()
    if row is None:
        raise NotFoundError("media file", name)
    return Media(name=row.name, media_type=row.media_type, body=row.body)


def _write_revision(
    connection: Connection, article_id: int, number: int, manuscript: Manuscript, *, content_hash: str, now: datetime
) -> None:
    connection.execute(
        insert(tables.article_revisions).values(
            article_id=article_id,
            number=number,
            content_hash=content_hash,
            content=manuscript_to_json(manuscript),
            created_at=now,
        )
    )
    connection.execute(delete(tables.article_tags).where(tables.article_tags.c.article_id == article_id))
    tags = {tag.slug: tag for tag in manuscript.tags if tag.slug}
    for position, (slug, tag) in enumerate(tags.items()):
        connection.execute(insert(tables.tags).values(slug=slug, label=tag.label).on_conflict_do_nothing())
        connection.execute(insert(tables.article_tags).values(article_id=article_id, tag_slug=slug, position=position))


def _stored(row: Row[tuple[object, ...]]) -> StoredArticle:
    manuscript = manuscript_from_json(row.content)
    article = Article(
        guid=row.guid,
        slug=row.slug,
        revision=row.revision,
        title=manuscript.title,
        body=manuscript.body,
        tags=manuscript.tags,
        summary=manuscript.summary,
        author=manuscript.author,
        language=manuscript.language,
        image=manuscript.image,
        published_at=row.published_at,
        updated_at=row.updated_at,
    )
    return StoredArticle(
        id=row.id, source=row.source, source_ref=row.source_ref, content_hash=row.content_hash, article=article
    )
