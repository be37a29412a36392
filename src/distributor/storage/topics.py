"""Topics: the tags that a list offers to its subscribers, with their labels."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select

from distributor.storage import tables, tags
from distributor.storage.database import Connection


def labels(connection: Connection, slugs: Iterable[str]) -> dict[str, str]:
    """The label of each slug, in their order. A tag without an article is labelled by the words of its slug.

    Slugs from before a tag was renamed or merged are those of now.
    """
    wanted = tags.current_slugs(connection, slugs)
    rows = connection.execute(select(tables.tags).where(tables.tags.c.slug.in_(wanted)))
    known = {row.slug: row.label for row in rows}
    return {slug: known.get(slug, slug.replace("-", " ")) for slug in wanted}
