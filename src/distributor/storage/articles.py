"""Articles, their revisions, states and history, their tags and their media.

`public_at` is the one condition for what everyone may read; each function with `public` in its name uses it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import ColumnElement, Row, and_, bindparam, exists, false, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert

from distributor.domain.article import (
    MEDIA_PATH,
    Article,
    ArticleAction,
    ArticleEvent,
    ArticleState,
    ArticleStatus,
    Manuscript,
    Media,
)
from distributor.domain.blocks import images_of
from distributor.domain.errors import GoneError, NotFoundError
from distributor.storage import document_builds, tables, tags
from distributor.storage.arrays import array_of
from distributor.storage.database import Connection
from distributor.storage.json_codec import manuscript_from_json, manuscript_to_json


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredArticle:
    """An article with its id, its source and its status.

    `manuscript` is its current revision with the tags of now; `source_text` the Markdown of its body if that was
    written in the app. `missing_since` is since when its source has it no more, `source_hash` the content hash of the
    version that was seen there last, and `held_update` that version if it was not taken because the article was edited
    here.
    """

    id: int
    source: str
    source_ref: str
    content_hash: str
    article: Article
    status: ArticleStatus
    manuscript: Manuscript
    missing_since: datetime | None
    source_text: str | None = None
    source_hash: str | None = None
    held_update: Manuscript | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusChange:
    """The new status of an article, and who changes it."""

    article_id: int
    status: ArticleStatus
    actor: str
    note: str = ""


# More words than these are not asked for in a title.
_MOST_WORDS = 10

_CURRENT = select(
    tables.articles,
    tables.article_revisions.c.content,
    tables.article_revisions.c.content_hash,
    tables.article_revisions.c.source_text,
    tags.of_article().label("tags"),
).join(
    tables.article_revisions,
    (tables.article_revisions.c.article_id == tables.articles.c.id)
    & (tables.article_revisions.c.number == tables.articles.c.revision),
)


def public_at(now: datetime) -> ColumnElement[bool]:
    """Whether an article is public at `now`: `ArticleStatus.is_public` as SQL, for queries from `tables.articles`."""
    # Written out, as in the index of public articles.
    return and_(text("articles.state = 'published'"), tables.articles.c.publish_at <= now)


def find_public(connection: Connection, slug: str, *, now: datetime) -> StoredArticle:
    """The public article with this slug. Raises NotFoundError, and GoneError for one that was withdrawn."""
    found = find_by_slug(connection, slug)
    if found.status.is_public(now):
        return found
    if found.status.state is ArticleState.WITHDRAWN and found.status.has_been_public(now):
        raise GoneError("article", slug)
    raise NotFoundError("article", slug)


def latest_public(
    connection: Connection, *, now: datetime, limit: int, tag_slug: str | None = None
) -> list[StoredArticle]:
    """The public articles by their first publication, the newest first, optionally of one tag and its parts."""
    query = (
        _CURRENT.where(public_at(now))
        .order_by(tables.articles.c.published_at.desc(), tables.articles.c.id.desc())
        .limit(limit)
    )
    if tag_slug is not None:
        query = query.where(tables.articles.c.id.in_(tags.articles_of(tag_slug)))
    return [_stored(row) for row in connection.execute(query)]


def find_public_media(connection: Connection, name: str, *, now: datetime) -> Media:
    """An image that a public article shows, or showed in a revision that was public. Raises NotFoundError."""
    shown, revision = tables.article_media.c, tables.article_revisions.c
    is_public = exists(
        select(tables.articles.c.id)
        .join(tables.article_media, shown.article_id == tables.articles.c.id)
        .join(tables.article_revisions, and_(revision.article_id == shown.article_id, revision.number == shown.number))
        .where(
            shown.name == name,
            public_at(now),
            or_(revision.was_public, revision.number == tables.articles.c.revision),
        )
    )
    if not connection.execute(select(is_public)).scalar_one():
        raise NotFoundError("media file", name)
    return find_media(connection, name)


def find_by_slug(connection: Connection, slug: str) -> StoredArticle:
    """The article with this slug, in any state. Raises NotFoundError."""
    row = connection.execute(_CURRENT.where(tables.articles.c.slug == slug)).one_or_none()
    if row is None:
        raise NotFoundError("article", slug, hint="`distributor article list` lists them")
    return _stored(row)


def find_by_id(connection: Connection, article_id: int) -> StoredArticle:
    """The article with this number, in any state. Raises NotFoundError."""
    row = connection.execute(_CURRENT.where(tables.articles.c.id == article_id)).one_or_none()
    if row is None:
        raise NotFoundError("article", article_id)
    return _stored(row)


def lock(connection: Connection, ids: Sequence[int]) -> None:
    """Until this transaction ends the status of these articles stays, and no other campaign releases one of them."""
    chosen = tables.articles.c.id
    connection.execute(select(chosen).where(chosen.in_(ids)).order_by(chosen).with_for_update(key_share=True))


def find_by_ref(connection: Connection, source: str, source_ref: str) -> StoredArticle | None:
    """The article from this source, if any."""
    row = connection.execute(
        _CURRENT.where(tables.articles.c.source == source, tables.articles.c.source_ref == source_ref)
    ).one_or_none()
    return _stored(row) if row else None


def rename_ref(
    connection: Connection, source: str, source_ref: str, *, address: str, title: str
) -> StoredArticle | None:
    """The article of this source at this address and with this title, which it calls `source_ref` now, if any."""
    revision = tables.article_revisions.c
    found = connection.execute(
        _CURRENT.where(
            tables.articles.c.source == source,
            revision.title == title,
            revision.content["canonical_url"].astext == address,
        ).limit(1)
    ).one_or_none()
    if found is None:
        return None
    connection.execute(update(tables.articles).where(tables.articles.c.id == found.id).values(source_ref=source_ref))
    return find_by_ref(connection, source, source_ref)


def find_many(connection: Connection, ids: Sequence[int]) -> list[StoredArticle]:
    """The articles with these ids, in this order."""
    found = {row.id: _stored(row) for row in connection.execute(_CURRENT.where(tables.articles.c.id.in_(ids)))}
    return [found[article_id] for article_id in ids]


def hidden_of_campaign(connection: Connection, campaign_id: int, *, now: datetime) -> list[str]:
    """The slugs of those articles of a campaign that are not public, sorted."""
    return hidden_of_campaigns(connection, [campaign_id], now=now).get(campaign_id, [])


def hidden_of_campaigns(
    connection: Connection, campaign_ids: Collection[int], *, now: datetime
) -> dict[int, list[str]]:
    """The same for those of these campaigns that have any."""
    about = tables.campaign_articles.c
    rows = connection.execute(
        select(about.campaign_id, tables.articles.c.slug)
        .join(tables.campaign_articles, about.article_id == tables.articles.c.id)
        .where(about.campaign_id.in_(campaign_ids), ~func.coalesce(public_at(now), false()))
        .order_by(tables.articles.c.slug)
    )
    found: dict[int, list[str]] = defaultdict(list)
    for row in rows:
        found[row.campaign_id].append(row.slug)
    return found


def tag_slugs(connection: Connection, ids: Sequence[int]) -> tuple[str, ...]:
    """The slugs by which these articles are of a topic, as in `tags_of`, sorted."""
    return tuple(sorted(set().union(*tags_of(connection, ids).values())))


def tags_of(connection: Connection, ids: Collection[int]) -> dict[int, set[str]]:
    """The slugs of the topics of each of these articles that has any: of its tags, of all that these are a part of,
    and those that they had before they were renamed or merged."""
    tagged, alias, lines = tables.article_tags.c, tables.tag_aliases.c, tags.lineages()
    rows = connection.execute(
        select(tagged.article_id, lines.c.ancestor, alias.slug.label("older"))
        .join(lines, lines.c.slug == tagged.tag_slug)
        .outerjoin(tables.tag_aliases, alias.tag_slug == lines.c.ancestor)
        .where(tagged.article_id.in_(ids))
    )
    found: dict[int, set[str]] = defaultdict(set)
    for row in rows:
        found[row.article_id].update(slug for slug in (row.ancestor, row.older) if slug is not None)
    return found


def latest(
    connection: Connection, *, limit: int, state: ArticleState | None = None, before_id: int | None = None
) -> list[StoredArticle]:
    """The articles added last, for the team; if given only of one state, or older than `before_id`."""
    query = _CURRENT.order_by(tables.articles.c.id.desc()).limit(limit)
    if state is not None:
        query = query.where(tables.articles.c.state == state)
    if before_id is not None:
        query = query.where(tables.articles.c.id < before_id)
    return [_stored(row) for row in connection.execute(query)]


def find_titled(connection: Connection, words: str, *, limit: int) -> list[StoredArticle]:
    """The articles that can be sent whose title holds all of these words, those added last first."""
    query = _CURRENT.where(tables.articles.c.state != ArticleState.WITHDRAWN).order_by(tables.articles.c.id.desc())
    title = tables.article_revisions.c.title
    for word in words.split()[:_MOST_WORDS]:
        query = query.where(title.icontains(word, autoescape=True))
    return [_stored(row) for row in connection.execute(query.limit(limit))]


def lock_ingestion(connection: Connection) -> None:
    """Lock ingestion until the transaction ends: two scans may find the same new file."""
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended('ingestion', 0))"))


def is_slug_taken(connection: Connection, slug: str) -> bool:
    """Whether an article has this slug."""
    return connection.execute(select(tables.articles.c.id).where(tables.articles.c.slug == slug)).first() is not None


def known_hashes(connection: Connection, source: str) -> dict[str, str]:
    """The content hash of the version of each article that its source had last, except those it has no more.

    By `source_ref`.
    """
    article = tables.articles.c
    seen = connection.execute(
        select(article.source_ref, article.source_hash).where(article.source == source, article.missing_since.is_(None))
    )
    return {row.source_ref: row.source_hash or "" for row in seen}


def hold_update(connection: Connection, article_id: int, manuscript: Manuscript, *, content_hash: str) -> None:
    """Keep a newer version of its source beside an article, whose text stays."""
    connection.execute(
        update(tables.articles)
        .where(tables.articles.c.id == article_id)
        .values(source_hash=content_hash, held_update=manuscript_to_json(manuscript))
    )


def slugs(connection: Connection, source: str) -> dict[str, str]:
    """The slug of each article of a source by `source_ref`."""
    found = connection.execute(
        select(tables.articles.c.source_ref, tables.articles.c.slug).where(tables.articles.c.source == source)
    )
    return {row.source_ref: row.slug for row in found}


def set_missing(connection: Connection, article_id: int, since: datetime | None) -> None:
    """The file of an article is missing since then; None: it is there."""
    connection.execute(update(tables.articles).where(tables.articles.c.id == article_id).values(missing_since=since))


def missing(connection: Connection) -> list[StoredArticle]:
    """The articles whose file is missing and that are not withdrawn, by slug."""
    article = tables.articles.c
    rows = connection.execute(
        _CURRENT.where(article.missing_since.is_not(None), article.state != ArticleState.WITHDRAWN).order_by(
            article.slug
        )
    )
    return [_stored(row) for row in rows]


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
    status: ArticleStatus | None = None,
    actor: str = "",
    source_text: str | None = None,
) -> int:
    """A new article with its first revision, by default a draft; returns its id."""
    status = status or ArticleStatus()
    dated = manuscript.updated_at or manuscript.published_at
    article_id: int = connection.execute(
        insert(tables.articles)
        .values(
            guid=guid,
            slug=slug,
            source=source,
            source_ref=source_ref,
            revision=1,
            updated_at=min(dated, now) if dated else now,
            source_hash=content_hash if source_text is None else None,
            **_columns(status),
        )
        .returning(tables.articles.c.id)
    ).scalar_one()
    _write_revision(connection, article_id, 1, manuscript, content_hash=content_hash, source_text=source_text, now=now)
    _record(connection, [(article_id, actor, "")], ArticleAction.ADDED, now=now)
    _after_change(connection, now=now)
    return article_id


def revise(
    connection: Connection,
    article_id: int,
    manuscript: Manuscript,
    *,
    content_hash: str,
    now: datetime,
    status: ArticleStatus | None = None,
    actor: str = "",
    source_text: str | None = None,
) -> int:
    """A new revision of an article, which may change the times of its status; its GUID and slug stay.

    Returns the revision's number.
    """
    _keep_public_revisions(connection, [article_id], now=now)
    changed: dict[str, object] = {"revision": tables.articles.c.revision + 1, "updated_at": now}
    if source_text is None:
        # It is the version of the source, and nothing newer waits.
        changed |= {"source_hash": content_hash, "held_update": None}
    number: int = connection.execute(
        update(tables.articles)
        .where(tables.articles.c.id == article_id)
        .values(changed | (_columns(status) if status else {}))
        .returning(tables.articles.c.revision)
    ).scalar_one()
    _write_revision(
        connection, article_id, number, manuscript, content_hash=content_hash, source_text=source_text, now=now
    )
    _record(connection, [(article_id, actor, "")], ArticleAction.REVISED, now=now)
    _after_change(connection, now=now)
    return number


def change_status(
    connection: Connection,
    article_id: int,
    status: ArticleStatus,
    action: ArticleAction,
    *,
    now: datetime,
    actor: str,
    note: str = "",
) -> None:
    """Give an article this status, and write who did it into its history."""
    change = StatusChange(article_id=article_id, status=status, actor=actor, note=note)
    change_statuses(connection, [change], action, now=now)


def change_statuses(
    connection: Connection, changes: Sequence[StatusChange], action: ArticleAction, *, now: datetime
) -> None:
    """The same for several articles, each once."""
    if not changes:
        return
    _keep_public_revisions(connection, [change.article_id for change in changes], now=now)
    connection.execute(
        update(tables.articles)
        .where(tables.articles.c.id == bindparam("article_id"))
        .values({name: bindparam(f"new_{name}") for name in _columns(changes[0].status)}),
        [
            {"article_id": one.article_id, **{f"new_{name}": value for name, value in _columns(one.status).items()}}
            for one in changes
        ],
    )
    _record(connection, [(one.article_id, one.actor, one.note) for one in changes], action, now=now)
    _after_change(connection, now=now)


def history(connection: Connection, article_id: int) -> list[ArticleEvent]:
    """What happened to an article, the first event first."""
    entry = tables.article_history
    rows = connection.execute(select(entry).where(entry.c.article_id == article_id).order_by(entry.c.id))
    return [
        ArticleEvent(
            action=ArticleAction(row.action),
            actor=row.actor,
            note=row.note,
            revision=row.revision,
            state=ArticleState(row.state),
            publish_at=row.publish_at,
            created_at=row.created_at,
        )
        for row in rows
    ]


def find_revision(connection: Connection, article_id: int, number: int) -> Manuscript:
    """One revision of an article. Raises NotFoundError."""
    revision = tables.article_revisions.c
    content = connection.execute(
        select(revision.content).where(revision.article_id == article_id, revision.number == number)
    ).scalar_one_or_none()
    if content is None:
        raise NotFoundError("revision", number, hint="`distributor article history` lists them")
    return manuscript_from_json(content)


def source_text_of(connection: Connection, article_id: int, number: int) -> str | None:
    """The body of a revision in Markdown, if it was written in the app."""
    revision = tables.article_revisions.c
    found: str | None = connection.execute(
        select(revision.source_text).where(revision.article_id == article_id, revision.number == number)
    ).scalar_one_or_none()
    return found


def hash_of_revision(connection: Connection, article_id: int, number: int) -> str:
    """The content hash of a revision. Raises NotFoundError."""
    row = tables.article_revisions.c
    found: str | None = connection.execute(
        select(row.content_hash).where(row.article_id == article_id, row.number == number)
    ).scalar_one_or_none()
    if found is None:
        raise NotFoundError("revision", number)
    return found


def keep_images(connection: Connection, slug: str, number: int) -> None:
    """A campaign sends this revision, though a newer one may be public: its images are public like those of that."""
    revision = tables.article_revisions.c
    connection.execute(
        update(tables.article_revisions)
        .where(revision.article_id == tables.articles.c.id, tables.articles.c.slug == slug, revision.number == number)
        .values(was_public=True)
    )


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
    connection: Connection,
    article_id: int,
    number: int,
    manuscript: Manuscript,
    *,
    content_hash: str,
    source_text: str | None,
    now: datetime,
) -> None:
    connection.execute(
        insert(tables.article_revisions).values(
            article_id=article_id,
            number=number,
            content_hash=content_hash,
            content=manuscript_to_json(manuscript),
            source_text=source_text,
            created_at=now,
        )
    )
    for name in _media_names(manuscript):
        connection.execute(insert(tables.article_media).values(article_id=article_id, number=number, name=name))
    tags.assign(connection, article_id, manuscript.tags)


def _media_names(manuscript: Manuscript) -> set[str]:
    images = (*images_of(manuscript.body), *([manuscript.image] if manuscript.image else []))
    sources = [image.src for image in images]
    return {src.removeprefix(MEDIA_PATH) for src in sources if src.startswith(MEDIA_PATH)}


def _keep_public_revisions(connection: Connection, article_ids: Collection[int], *, now: datetime) -> None:
    """Note of those current revisions that are public that they were, before they are replaced or withdrawn."""
    revision = tables.article_revisions.c
    connection.execute(
        update(tables.article_revisions)
        .where(
            revision.article_id.in_(article_ids),
            revision.article_id == tables.articles.c.id,
            revision.number == tables.articles.c.revision,
            public_at(now),
        )
        .values(was_public=True)
    )


def _record(
    connection: Connection, entries: Sequence[tuple[int, str, str]], action: ArticleAction, *, now: datetime
) -> None:
    """Add an entry to the history of each of these articles, with its revision and status of now.

    `entries` are the ids of the articles, who acted, and the notes.
    """
    ids, actors, notes = zip(*entries, strict=True)
    connection.execute(
        text("""
            INSERT INTO article_history (article_id, action, actor, note, revision, state, publish_at, created_at)
            SELECT a.id, :action, entry.actor, entry.note, a.revision, a.state, a.publish_at, :now
            FROM unnest(CAST(:ids AS bigint[]), CAST(:actors AS text[]), CAST(:notes AS text[]))
                 WITH ORDINALITY AS entry(id, actor, note, place)
            JOIN articles a ON a.id = entry.id ORDER BY entry.place
        """),
        {
            "ids": array_of(ids),
            "actors": array_of(actors),
            "notes": array_of(notes),
            "action": action.value,
            "now": now,
        },
    )


def _after_change(connection: Connection, *, now: datetime) -> None:
    """What depends on articles is no longer up to date."""
    document_builds.mark_stale(connection, now=now)


def _columns(status: ArticleStatus) -> dict[str, object]:
    return {
        "state": status.state,
        "publish_at": status.publish_at,
        "published_at": status.published_at,
        "withdrawn_at": status.withdrawn_at,
    }


def _stored(row: Row[tuple[object, ...]]) -> StoredArticle:
    # A revision says what it said; its article has the tags of now, under their names of now.
    manuscript = replace(manuscript_from_json(row.content), tags=tags.tags_from_json(row.tags))
    status = ArticleStatus(
        state=ArticleState(row.state),
        publish_at=row.publish_at,
        published_at=row.published_at,
        withdrawn_at=row.withdrawn_at,
    )
    published_at = status.published_at or status.publish_at or manuscript.published_at or row.updated_at
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
        canonical_url=manuscript.canonical_url,
        published_at=published_at,
        updated_at=max(row.updated_at, published_at),
    )
    return StoredArticle(
        id=row.id,
        source=row.source,
        source_ref=row.source_ref,
        content_hash=row.content_hash,
        article=article,
        status=status,
        manuscript=manuscript,
        missing_since=row.missing_since,
        source_text=row.source_text,
        source_hash=row.source_hash,
        held_update=manuscript_from_json(row.held_update) if row.held_update is not None else None,
    )
