"""What two revisions of an article differ in."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from distributor.domain.article import Manuscript
from distributor.domain.blocks import plain_text
from distributor.domain.errors import InputError
from distributor.flow.app_context import AppContext
from distributor.storage import articles
from distributor.storage.articles import StoredArticle
from distributor.storage.database import Connection


def compare(app: AppContext, slug: str, *, before: int | None = None, after: int | None = None) -> str:
    """The differences of two revisions as a unified diff of their texts; by default of the last two.

    Empty if they read the same. Raises NotFoundError, and InputError for an article with a single revision.
    """
    with app.database.begin() as connection:
        found = articles.find_by_slug(connection, slug)
        newer = after or found.article.revision
        older = before or newer - 1
        if older < 1:
            raise InputError(f"article {slug} has no revision before {newer}: there is nothing to compare")
        return difference(connection, found, older=older, newer=newer)


def difference(connection: Connection, found: StoredArticle, *, older: int, newer: int) -> str:
    """The differences of two revisions of an article as a unified diff of their texts. Raises NotFoundError."""
    texts = [list(_lines(articles.find_revision(connection, found.id, number))) for number in (older, newer)]
    names = [f"{found.article.slug}, revision {number}" for number in (older, newer)]
    return "\n".join(difflib.unified_diff(texts[0], texts[1], names[0], names[1], lineterm=""))


def _lines(manuscript: Manuscript) -> Iterator[str]:
    """What a reader of the article sees, line by line."""
    yield f"title: {manuscript.title}"
    yield f"summary: {manuscript.summary}"
    yield f"author: {manuscript.author}"
    yield f"language: {manuscript.language}"
    yield f"tags: {', '.join(tag.label for tag in manuscript.tags)}"
    yield f"image: {manuscript.image.src if manuscript.image else ''}"
    yield f"date: {manuscript.published_at.isoformat() if manuscript.published_at else ''}"
    yield ""
    yield from plain_text(manuscript.body).splitlines()
