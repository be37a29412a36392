"""Manuscript and Article: the content of a source, and the stored article it becomes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from distributor.domain.blocks import Block, Image
from distributor.domain.tags import Tag


@dataclass(frozen=True, slots=True, kw_only=True)
class Manuscript:
    """The content of an article as its source has it, without identity.

    `slug` and `published_at` are None where the source does not say; ingestion then decides.
    `warnings` are for the author ("no line of tags found"); they never stop an ingestion.
    """

    title: str
    body: tuple[Block, ...]
    tags: tuple[Tag, ...] = ()
    summary: str = ""
    author: str = ""
    language: str = "en"
    image: Image | None = None
    slug: str | None = None
    published_at: datetime | None = None
    warnings: tuple[str, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """A manuscript with an identity. The GUID is created once and never changes; an edit makes a revision.

    `published_at` and `updated_at` are aware UTC. `language` is a BCP 47 tag.
    """

    guid: str
    slug: str
    revision: int
    title: str
    body: tuple[Block, ...]
    tags: tuple[Tag, ...]
    summary: str
    author: str
    language: str
    image: Image | None
    published_at: datetime
    updated_at: datetime
