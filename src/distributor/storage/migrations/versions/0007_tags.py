"""Tags with hashtags, synonyms, a place in a hierarchy, and addresses that outlive a new name."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain, count
from typing import Any

import sqlalchemy as sa
from alembic import op

# Keys are stored, so they have to be those that the program computes: whoever changes `tag_slug` writes a migration.
from distributor.domain.tags import slugify, tag_slug

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("tags", sa.Column("hashtag", sa.Text(), server_default="", nullable=False))
    op.add_column("tags", sa.Column("parent", sa.Text(), nullable=True))
    op.create_foreign_key("tags_parent_fkey", "tags", "tags", ["parent"], ["slug"])
    op.create_index("tags_parent_idx", "tags", ["parent"])
    op.create_table(
        "tag_names",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("tag_slug", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="tag_names_pkey"),
        sa.ForeignKeyConstraint(["tag_slug"], ["tags.slug"], name="tag_names_tag_slug_fkey"),
    )
    op.create_index("tag_names_tag_slug_idx", "tag_names", ["tag_slug"])
    op.create_table(
        "tag_aliases",
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("tag_slug", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("slug", name="tag_aliases_pkey"),
        sa.ForeignKeyConstraint(["tag_slug"], ["tags.slug"], name="tag_aliases_tag_slug_fkey"),
    )
    op.create_index("tag_aliases_tag_slug_idx", "tag_aliases", ["tag_slug"])
    _tell_apart()
    op.execute("""
        UPDATE document_builds SET changes = changes + 1, stale_since = coalesce(stale_since, now()), due_at = now()
    """)


def _tell_apart() -> None:
    """Labels that shared a slug, such as C and C++, become tags of their own.

    The tag that was there keeps its slug, so its address, feeds and followers, and the label that all of them saw.
    """
    connection = op.get_bind()
    known = connection.execute(sa.text("SELECT slug, label FROM tags ORDER BY slug")).all()
    # A tag whose slug is the key of its label goes first: two old tags may have one key now.
    known = sorted(known, key=lambda tag: tag_slug(tag.label) != tag.slug)
    names: dict[str, tuple[str, str]] = {}
    keys = {slug: tag_slug(label) or slug for slug, label in known}
    for slug, label in known:
        names.setdefault(keys[slug], (slug, label))
    taken = set(keys)
    rows = connection.execute(
        sa.text("""
            SELECT a.id, r.content -> 'tags' AS tags FROM articles a
            JOIN article_revisions r ON r.article_id = a.id AND r.number = a.revision
            WHERE jsonb_array_length(r.content -> 'tags') > 0 ORDER BY a.id
        """)
    )
    added: list[dict[str, str]] = []
    changed: dict[int, list[str]] = {}
    for article_id, tags in rows.all():
        slugs: dict[str, None] = {}
        for label in _labels(tags):
            key, before = tag_slug(label), slugify(label)
            if keys.get(before) == key:
                slugs[before] = None
                continue
            if key not in names:
                slug = next(one for one in chain([key], (f"{key}-{n}" for n in count(2))) if one not in taken)
                taken.add(slug)
                names[key] = (slug, label)
                added.append({"slug": slug, "label": label})
            slugs[names[key][0]] = None
        if list(slugs) != list(dict.fromkeys(map(slugify, _labels(tags)))):
            changed[article_id] = list(slugs)
    _insert("tags", added)
    _insert("tag_names", [{"key": key, "tag_slug": slug, "label": label} for key, (slug, label) in names.items()])
    for article_id, now_tagged in changed.items():
        connection.execute(sa.text("DELETE FROM article_tags WHERE article_id = :id"), {"id": article_id})
        _insert(
            "article_tags",
            [
                {"article_id": article_id, "tag_slug": slug, "position": position}
                for position, slug in enumerate(now_tagged)
            ],
        )


def _labels(tags: Iterable[Mapping[str, Any]]) -> list[str]:
    """The labels of an article, with those that were taken for synonyms only because they had the same slug."""
    return [
        label
        for tag in tags
        for label in (tag["label"], *(one for one in tag["synonyms"] if slugify(one) == slugify(tag["label"])))
        if tag_slug(label)
    ]


def _insert(table: str, rows: list[dict[str, Any]]) -> None:
    if rows:
        columns = sa.table(table, *(sa.column(name) for name in rows[0]))
        op.get_bind().execute(sa.insert(columns), rows)
