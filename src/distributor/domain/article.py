"""Manuscript, Article and Media: the content of a source, the stored article it becomes, and its image files."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from distributor.domain.blocks import Block, Image, walk
from distributor.domain.tags import Tag

MEDIA_PATH = "/media/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Media:
    """A stored image file of an article. `name` is made from its content, so it never changes."""

    name: str
    media_type: str
    body: bytes

    @property
    def src(self) -> str:
        """The path at which articles refer to it and the web serves it."""
        return f"{MEDIA_PATH}{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Manuscript:
    """The content of an article as its source has it, without identity.

    `slug` and `published_at` are None if the source has none; ingestion then sets them.
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

    @property
    def body_images(self) -> tuple[Image, ...]:
        """The images of the body in reading order, those inside lists and quotes too."""
        return tuple(block for block in walk(self.body) if isinstance(block, Image))

    @property
    def images(self) -> tuple[Image, ...]:
        """Every image: that of the article itself, if there is one, and those of its body."""
        return (*([self.image] if self.image else []), *self.body_images)

    @property
    def lead_image(self) -> Image | None:
        """The image that stands for the article: its own, else the first of its body."""
        return next(iter(self.images), None)

    @property
    def illustrated_body(self) -> tuple[Block, ...]:
        """The body, with the image of the article first unless the body contains it already."""
        if self.image is None or any(image.src == self.image.src for image in self.body_images):
            return self.body
        return (self.image, *self.body)
