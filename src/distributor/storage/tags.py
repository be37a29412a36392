"""Tags: what labels mean them, their hashtags and hierarchy, and the addresses that they had.

A label that an article brings is found by its key among the names of all tags; a new one becomes a tag. Whoever gives a
slug may give one from before a tag was renamed or merged.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain, count
from typing import Any

from sqlalchemy import ARRAY, CTE, ScalarSelect, Text, cast, delete, func, literal, or_, select, text, union_all, update
from sqlalchemy.dialects.postgresql import aggregate_order_by, insert

from distributor.domain.errors import InputError, NotFoundError, StateError
from distributor.domain.stored_text import is_storable
from distributor.domain.tags import Tag
from distributor.storage import document_builds, tables
from distributor.storage.database import Connection
from distributor.storage.json_codec import audience_from_json, audience_to_json

# In characters.
LONGEST_LABEL = 200
# Deeper than this nobody finds anything.
DEEPEST = 8

_tag, _name, _alias, _tagged = tables.tags.c, tables.tag_names.c, tables.tag_aliases.c, tables.article_tags.c


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredTag:
    """A tag with what is known of it.

    `hashtag` is the chosen one, or empty; `parent` the slug of the tag that it is a part of, or empty; `aliases` are
    the slugs that it had before, which lead to it. `articles` have it themselves, in any state.
    """

    slug: str
    label: str
    hashtag: str
    parent: str
    synonyms: tuple[str, ...]
    aliases: tuple[str, ...]
    articles: int

    @property
    def tag(self) -> Tag:
        return Tag(self.label, self.synonyms, stored_slug=self.slug, stored_hashtag=self.hashtag)


@dataclass(frozen=True, slots=True, kw_only=True)
class TagUses:
    """What a rename or a merge of a tag touches: articles, feeds, subscribers who chose it, lists that offer it, and
    campaigns whose audience names it."""

    articles: int
    feeds: int
    subscribers: int
    lists: int
    campaigns: int


def listed(connection: Connection) -> list[StoredTag]:
    """All tags by label."""
    return sorted(_read(connection), key=lambda tag: (tag.label.casefold(), tag.slug))


def find(connection: Connection, slug: str) -> StoredTag:
    """The tag with this slug, now or before it was renamed or merged. Raises NotFoundError."""
    current = current_slug(connection, slug)
    found = _read(connection, current) if current is not None else []
    if not found:
        raise NotFoundError("tag", slug, hint="`distributor tag list` lists them")
    return found[0]


def current_slug(connection: Connection, slug: str) -> str | None:
    """The slug of the tag that this one leads to: by its slug, a slug that it had before, or a name; None if none."""
    return _current(connection, [slug]).get(slug)


def current_slugs(connection: Connection, slugs: Iterable[str]) -> list[str]:
    """The slugs of the tags that these lead to, each once; one that no tag has stays, for a topic may come first."""
    return list(dict.fromkeys(current_by_slug(connection, slugs).values()))


def current_by_slug(connection: Connection, slugs: Iterable[str]) -> dict[str, str]:
    """The same, by the slug that was given."""
    wanted = list(slugs)
    found = _current(connection, wanted) if wanted else {}
    return {slug: found.get(slug, slug) for slug in wanted}


def with_aliases(connection: Connection, slugs: Iterable[str]) -> tuple[str, ...]:
    """The slugs that these tags have and had, for a comparison with what may have been stored before a rename."""
    current = current_slugs(connection, slugs)
    older = connection.execute(select(_alias.slug).where(_alias.tag_slug.in_(current)).order_by(_alias.slug)).scalars()
    return tuple(dict.fromkeys([*current, *older]))


def lineages() -> CTE:
    """Each tag (`slug`) with itself and all that it is a part of (`ancestor`)."""
    line = select(_tag.slug, _tag.slug.label("ancestor"), literal(0).label("depth")).cte("lineages", recursive=True)
    above = tables.tags.alias("above")
    return line.union_all(
        select(line.c.slug, above.c.parent, line.c.depth + 1)
        .join(above, above.c.slug == line.c.ancestor)
        .where(above.c.parent.is_not(None), line.c.depth < DEEPEST)
    )


def articles_of(slug: str) -> Any:
    """The ids of the articles of a tag and of those that are parts of it, as a query."""
    lines = lineages()
    return select(_tagged.article_id).join(lines, lines.c.slug == _tagged.tag_slug).where(lines.c.ancestor == slug)


def of_article() -> ScalarSelect[Any]:
    """The current tags of an article of `articles`, as JSON for `tags_from_json`."""
    synonyms = (
        select(func.json_agg(aggregate_order_by(_name.label, _name.label)))
        .where(_name.tag_slug == _tag.slug, _name.label != _tag.label)
        .correlate(tables.tags)
        .scalar_subquery()
    )
    row = func.json_build_array(_tag.label, _tag.slug, _tag.hashtag, synonyms)
    return (
        select(func.json_agg(aggregate_order_by(row, _tagged.position)))
        .join(tables.tags, _tag.slug == _tagged.tag_slug)
        .where(_tagged.article_id == tables.articles.c.id)
        .correlate(tables.articles)
        .scalar_subquery()
    )


def of_articles(connection: Connection, ids: Collection[int]) -> dict[int, tuple[Tag, ...]]:
    """The current tags of each of these articles, in their order."""
    article = tables.articles.c
    rows = connection.execute(select(article.id, of_article().label("tags")).where(article.id.in_(ids)))
    return {row.id: tags_from_json(row.tags) for row in rows}


def tags_from_json(rows: Sequence[Any] | None) -> tuple[Tag, ...]:
    """The tags from the result of `of_article`."""
    return tuple(
        Tag(label, tuple(synonyms or ()), stored_slug=slug, stored_hashtag=hashtag)
        for label, slug, hashtag, synonyms in rows or ()
    )


def recognized(connection: Connection, tags: Iterable[Tag]) -> tuple[Tag, ...]:
    """These tags as they would be stored, each once: known labels and synonyms are their tags, others stay."""
    read = [tag for tag in tags if tag.key]
    slugs = _by_keys(connection, [tag.key for tag in read])
    known = {one.slug: one.tag for one in _read(connection, *set(slugs.values()))} if slugs else {}
    return tuple({slugs.get(tag.key, tag.key): known.get(slugs.get(tag.key, ""), tag) for tag in read}.values())


def assign(connection: Connection, article_id: int, tags: Iterable[Tag]) -> None:
    """These are the tags of an article now. Labels that no tag has become tags, synonyms that none has are added."""
    # A merge that is running would otherwise miss what this adds, or bring back what it removes.
    _lock(connection, shared=True)
    wanted = {tag.key: tag for tag in tags if tag.key}
    known = _by_keys(connection, wanted)
    # In one order, so that two articles with the same new tags do not wait for each other.
    for key in sorted(wanted.keys() - known.keys()):
        known[key] = _add(connection, key, wanted[key].label)
    for key, tag in sorted(wanted.items()):
        _add_names(connection, known[key], tag.synonyms)
    connection.execute(delete(tables.article_tags).where(_tagged.article_id == article_id))
    slugs = list(dict.fromkeys(known[key] for key in wanted))
    if slugs:
        connection.execute(
            insert(tables.article_tags),
            [{"article_id": article_id, "tag_slug": slug, "position": position} for position, slug in enumerate(slugs)],
        )


def uses(connection: Connection, slug: str) -> TagUses:
    """What a rename or a merge of this tag touches. Raises NotFoundError."""
    found = find(connection, slug)
    lists, memberships, documents = tables.lists.c, tables.memberships.c, tables.documents.c

    def number(query: Any) -> int:
        return int(connection.execute(query).scalar_one())

    return TagUses(
        articles=found.articles,
        feeds=number(select(func.count()).select_from(tables.documents).where(documents.tag_slug == found.slug)),
        subscribers=number(
            select(func.count(memberships.subscriber_id.distinct())).where(memberships.topics.contains([found.slug]))
        ),
        lists=number(select(func.count()).select_from(tables.lists).where(lists.topics.contains([found.slug]))),
        campaigns=len(_campaigns_naming(connection, found.slug)),
    )


def rename(connection: Connection, slug: str, label: str, *, now: datetime) -> StoredTag:
    """Give a tag another label, and the slug that follows from it; the old ones lead to it from now on.

    Raises NotFoundError, InputError for a label that cannot be one, and StateError if another tag has this label.
    """
    _lock(connection)
    found = find(connection, slug)
    renamed = Tag(checked_label(label))
    owner = _by_keys(connection, [renamed.key]).get(renamed.key, found.slug)
    if owner != found.slug:
        raise StateError(
            f"{label!r} is the tag {owner!r} already: merge {found.slug!r} into it, or choose another label"
        )
    _put_name(connection, found.slug, renamed)
    is_other = renamed.key != found.tag.key
    target = _free_slug(connection, renamed.key, owner=found.slug) if is_other else found.slug
    if target == found.slug:
        connection.execute(update(tables.tags).where(_tag.slug == found.slug).values(label=renamed.label))
    else:
        connection.execute(delete(tables.tag_aliases).where(_alias.slug == target))
        connection.execute(
            insert(tables.tags).values(
                slug=target, label=renamed.label, hashtag=found.hashtag, parent=found.parent or None
            )
        )
        _move(connection, found.slug, target)
    document_builds.mark_stale(connection, now=now)
    return find(connection, target)


def merge(connection: Connection, slug: str, into: str, *, now: datetime) -> StoredTag:
    """Let one tag become another: its articles, followers, synonyms and parts are that one's, its label is a synonym.

    Raises NotFoundError, and InputError for a tag with itself.
    """
    _lock(connection)
    merged, kept = find(connection, slug), find(connection, into)
    if merged.slug == kept.slug:
        raise InputError(f"{slug!r} and {into!r} are the same tag")
    if merged.slug in _ancestors(connection, kept.slug):
        # It would be a part of itself.
        connection.execute(update(tables.tags).where(_tag.slug == kept.slug).values(parent=merged.parent or None))
    _move(connection, merged.slug, kept.slug)
    document_builds.mark_stale(connection, now=now)
    return find(connection, kept.slug)


def change(
    connection: Connection,
    slug: str,
    *,
    hashtag: str | None = None,
    parent: str | None = None,
    add_synonyms: Sequence[str] = (),
    remove_synonyms: Sequence[str] = (),
    now: datetime,
) -> StoredTag:
    """Change what is given: an empty `hashtag` or `parent` removes it.

    Raises NotFoundError, InputError for a parent that is a part of the tag or a label that cannot be one, and
    StateError for a synonym that is another tag.
    """
    _lock(connection)
    found = find(connection, slug)
    if hashtag is not None:
        connection.execute(update(tables.tags).where(_tag.slug == found.slug).values(hashtag=hashtag))
    if parent is not None:
        _set_parent(connection, found.slug, parent)
    for label in remove_synonyms:
        _remove_synonym(connection, found, label)
    for label in add_synonyms:
        synonym = Tag(checked_label(label))
        owner = _by_keys(connection, [synonym.key]).get(synonym.key, found.slug)
        if owner != found.slug:
            raise StateError(f"{label!r} is the tag {owner!r} itself: merge that into {found.slug!r}")
        _add_names(connection, found.slug, [synonym.label])
    document_builds.mark_stale(connection, now=now)
    return find(connection, found.slug)


def checked_label(label: str) -> str:
    """The label without blanks around it and a hash sign before it. Raises InputError for one that is none."""
    line = " ".join(label.split()).lstrip("#＃").strip()
    if not is_storable(line) or not Tag(line).key:
        raise InputError(f"{label[:40]!r} has nothing that can be seen, so it is no tag")
    if len(line) > LONGEST_LABEL:
        raise InputError(f"a tag has at most {LONGEST_LABEL} characters, and this one has {len(line)}")
    return line


def _read(connection: Connection, *slugs: str) -> list[StoredTag]:
    """These tags, or all."""
    names = _gathered(_name.label, tables.tag_names, _name.tag_slug)
    aliases = _gathered(_alias.slug, tables.tag_aliases, _alias.tag_slug)
    articles = select(func.count()).where(_tagged.tag_slug == _tag.slug).correlate(tables.tags).scalar_subquery()
    query = select(tables.tags, names.label("names"), aliases.label("aliases"), articles.label("articles"))
    if slugs:
        query = query.where(_tag.slug.in_(slugs))
    return [
        StoredTag(
            slug=row.slug,
            label=row.label,
            hashtag=row.hashtag,
            parent=row.parent or "",
            synonyms=tuple(name for name in row.names or () if name != row.label),
            aliases=tuple(row.aliases or ()),
            articles=row.articles,
        )
        for row in connection.execute(query)
    ]


def _gathered(column: Any, table: Any, owner: Any) -> ScalarSelect[Any]:
    """All values of a column for a tag, sorted."""
    return (
        select(func.array_agg(aggregate_order_by(column, column)))
        .select_from(table)
        .where(owner == _tag.slug)
        .correlate(tables.tags)
        .scalar_subquery()
    )


def _lock(connection: Connection, *, shared: bool = False) -> None:
    """Until the transaction ends no name changes its tag; with `shared`, other articles may be written meanwhile."""
    kind = "_shared" if shared else ""
    connection.execute(text(f"SELECT pg_advisory_xact_lock{kind}(hashtextextended('tags', 0))"))


def _current(connection: Connection, slugs: Sequence[str]) -> dict[str, str]:
    """The tags that these slugs lead to: a slug counts before one of the past, and that before a name."""
    wanted = cast(list(slugs), ARRAY(Text))
    rows = connection.execute(
        union_all(
            select(_name.key.label("slug"), _name.tag_slug.label("current"), literal(2).label("place")).where(
                _name.key == func.any(wanted)
            ),
            select(_alias.slug, _alias.tag_slug, literal(1)).where(_alias.slug == func.any(wanted)),
            select(_tag.slug, _tag.slug, literal(0)).where(_tag.slug == func.any(wanted)),
        )
    ).all()
    return {row.slug: row.current for row in sorted(rows, key=lambda row: -row.place)}


def _by_keys(connection: Connection, keys: Iterable[str]) -> dict[str, str]:
    """The slugs of the tags that labels with these keys mean: by a name, else by a slug that a tag had before."""
    wanted = cast(list(keys), ARRAY(Text))
    older = connection.execute(select(_alias.slug, _alias.tag_slug).where(_alias.slug == func.any(wanted)))
    found = {row.slug: row.tag_slug for row in older}
    names = connection.execute(select(_name.key, _name.tag_slug).where(_name.key == func.any(wanted)))
    return found | {row.key: row.tag_slug for row in names}


def _add(connection: Connection, key: str, label: str) -> str:
    """A new tag, or the one that another transaction has added meanwhile; returns its slug."""
    for slug in _numbered(key):
        if slug != key and _is_alias(connection, slug):
            continue
        added = insert(tables.tags).values(slug=slug, label=label).on_conflict_do_nothing().returning(_tag.slug)
        if connection.execute(added).first() is not None:
            connection.execute(insert(tables.tag_names).values(key=key, tag_slug=slug, label=label))
            return slug
        if (found := _by_keys(connection, [key]).get(key)) is not None:
            return found
    raise AssertionError("numbers do not end")


def _free_slug(connection: Connection, key: str, *, owner: str) -> str:
    """The slug of a tag that is renamed: one that it had before is its own."""
    taken = select(_tag.slug).where(_tag.slug != owner).union(select(_alias.slug).where(_alias.tag_slug != owner))
    found = taken.subquery().c.slug
    return next(
        slug for slug in _numbered(key) if connection.execute(select(found).where(found == slug)).first() is None
    )


def _numbered(key: str) -> Iterable[str]:
    return chain([key], (f"{key}-{number}" for number in count(2)))


def _is_alias(connection: Connection, slug: str) -> bool:
    return connection.execute(select(_alias.slug).where(_alias.slug == slug)).first() is not None


def _put_name(connection: Connection, slug: str, tag: Tag) -> None:
    """The label of a tag, as it is spelled now."""
    values = {"tag_slug": slug, "label": tag.label}
    connection.execute(
        insert(tables.tag_names)
        .values(key=tag.key, **values)
        .on_conflict_do_update(index_elements=["key"], set_=values)
    )


def _add_names(connection: Connection, slug: str, labels: Iterable[str]) -> None:
    """Synonyms of a tag; those that mean a tag already keep their meaning."""
    keyed = {key: label for label in labels if (key := Tag(label).key)}
    if not keyed:
        return
    known = _by_keys(connection, keyed)
    for key in sorted(keyed.keys() - known.keys()):
        connection.execute(
            insert(tables.tag_names).values(key=key, tag_slug=slug, label=keyed[key]).on_conflict_do_nothing()
        )


def _remove_synonym(connection: Connection, found: StoredTag, label: str) -> None:
    """Raises InputError for what is no synonym, and for an earlier label, whose address leads to the tag."""
    key = Tag(label).key
    if key == found.tag.key:
        raise InputError(f"{label!r} is the label of {found.slug!r} itself")
    if key in found.aliases:
        raise InputError(
            f"{label!r} was the label of {found.slug!r}, whose address still leads to it; it stays a synonym"
        )
    removed = connection.execute(
        delete(tables.tag_names).where(_name.key == key, _name.tag_slug == found.slug).returning(_name.key)
    ).first()
    if removed is None:
        raise InputError(f"{label!r} is no synonym of {found.slug!r}: {', '.join(found.synonyms) or 'it has none'}")


def _set_parent(connection: Connection, slug: str, parent: str) -> None:
    """Raises NotFoundError and InputError."""
    above = find(connection, parent).slug if parent else None
    if above is not None:
        line = _ancestors(connection, above)
        if slug in line:
            raise InputError(f"{above!r} is {slug!r} or a part of it, so {slug!r} cannot be a part of {above!r}")
        below = _depth_below(connection, slug)
        if len(line) + below > DEEPEST:
            raise InputError(f"tags are at most {DEEPEST} deep, and {slug!r} would be deeper under {above!r}")
    connection.execute(update(tables.tags).where(_tag.slug == slug).values(parent=above))


def _ancestors(connection: Connection, slug: str) -> list[str]:
    """The tag and all that it is a part of."""
    lines = lineages()
    return list(connection.execute(select(lines.c.ancestor).where(lines.c.slug == slug)).scalars())


def _depth_below(connection: Connection, slug: str) -> int:
    """How many tags the longest line down from this one has, with it."""
    lines = lineages()
    deepest = connection.execute(select(func.max(lines.c.depth)).where(lines.c.ancestor == slug)).scalar_one()
    return int(deepest or 0) + 1


def _move(connection: Connection, old: str, new: str) -> None:
    """All that the tag `old` has is of `new` now, and its slug leads there."""
    connection.execute(
        insert(tables.article_tags)
        .from_select(
            ["article_id", "tag_slug", "position"],
            select(_tagged.article_id, literal(new), _tagged.position).where(_tagged.tag_slug == old),
        )
        .on_conflict_do_nothing()
    )
    connection.execute(delete(tables.article_tags).where(_tagged.tag_slug == old))
    for column in (_name.tag_slug, _alias.tag_slug):
        connection.execute(update(column.table).where(column == old).values(tag_slug=new))
    connection.execute(update(tables.tags).where(_tag.parent == old).values(parent=new))
    for table in ("lists", "memberships"):
        connection.execute(_replaced_topic(table), {"old": old, "new": new})
    for campaign_id, audience in _campaigns_naming(connection, old).items():
        connection.execute(
            update(tables.campaigns)
            .where(tables.campaigns.c.id == campaign_id)
            .values(audience=_with_topic(audience, old, new))
        )
    connection.execute(delete(tables.tags).where(_tag.slug == old))
    connection.execute(insert(tables.tag_aliases).values(slug=old, tag_slug=new))


def _replaced_topic(table: str) -> Any:
    """One topic in place of another, where both were chosen once, in the order that there was."""
    # The name of the table is one of two, above.
    return text(f"""
        UPDATE {table} SET topics = (
            SELECT array_agg(slug ORDER BY place) FROM (
                SELECT slug, min(place) AS place
                FROM unnest(array_replace(topics, :old, :new)) WITH ORDINALITY AS chosen(slug, place) GROUP BY slug
            ) AS once
        ) WHERE topics @> ARRAY[CAST(:old AS text)]
    """)  # noqa: S608


def _campaigns_naming(connection: Connection, slug: str) -> Mapping[int, Any]:
    """The audiences of the campaigns that name a topic, by the ids of these."""
    campaign = tables.campaigns.c
    is_named = or_(*(campaign.audience[name].has_key(slug) for name in ("topics", "except_topics")))
    rows = connection.execute(select(campaign.id, campaign.audience).where(is_named))
    return {row.id: row.audience for row in rows}


def _with_topic(audience: Any, old: str, new: str) -> dict[str, Any]:
    plain = audience_to_json(audience_from_json(audience))
    return plain | {
        name: list(dict.fromkeys(new if slug == old else slug for slug in plain[name]))
        for name in ("topics", "except_topics")
    }
