"""Manuscript, Article and Media: the content of a source, the stored article it becomes, and its image files.

An article is draft → ready → published → withdrawn; `ARTICLE_TRANSITIONS` says which changes are allowed. Only a
published article whose embargo is over is public.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from distributor.domain.blocks import Block, Image, images_of
from distributor.domain.errors import StateError
from distributor.domain.tags import Tag

MEDIA_PATH = "/media/"


class ArticleState(StrEnum):
    """DRAFT and READY are for the team only; PUBLISHED is public from its time on; WITHDRAWN was taken back."""

    DRAFT = "draft"
    READY = "ready"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


# The allowed next states of each state. What was public never becomes a draft again: it is withdrawn.
ARTICLE_TRANSITIONS: Mapping[ArticleState, frozenset[ArticleState]] = {
    ArticleState.DRAFT: frozenset({ArticleState.READY, ArticleState.PUBLISHED}),
    ArticleState.READY: frozenset({ArticleState.DRAFT, ArticleState.PUBLISHED}),
    ArticleState.PUBLISHED: frozenset({ArticleState.DRAFT, ArticleState.WITHDRAWN}),
    ArticleState.WITHDRAWN: frozenset({ArticleState.PUBLISHED}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleStatus:
    """The state of an article and its times; changes return a new status, or raise StateError.

    `publish_at` is when a published article becomes public: a time to come is an embargo. A draft may have one from
    its source, which holds once it is published. `published_at` is the date of the first publication, None for an
    article that is not published; it never changes once it has passed. All times are aware UTC.
    """

    state: ArticleState = ArticleState.DRAFT
    publish_at: datetime | None = None
    published_at: datetime | None = None
    withdrawn_at: datetime | None = None

    def is_public(self, now: datetime) -> bool:
        """Whether everyone may read it."""
        return self.state is ArticleState.PUBLISHED and self.publish_at is not None and self.publish_at <= now

    def has_been_public(self, now: datetime) -> bool:
        """Whether everyone may read it, or could."""
        return self.published_at is not None and self.published_at <= now

    def embargo(self, now: datetime) -> datetime | None:
        """Until when it is not public even if it is published, or None."""
        return self.publish_at if self.publish_at is not None and self.publish_at > now else None

    def published(self, now: datetime, *, at: datetime | None = None, dated: datetime | None = None) -> ArticleStatus:
        """Published at `at`, by default at the end of its embargo, or `now` without one.

        `dated` is the date its source gives: the date of a first publication that takes place now. An article that is
        public stays as it is.
        """
        if self.is_public(now):
            if at is not None and at > now:
                raise StateError("it is public already: withdraw it before you publish it at a later time")
            return self
        if self.state is not ArticleState.PUBLISHED:
            self._require(ArticleState.PUBLISHED)
        public_from = max(now, at or self.publish_at or now)
        first = dated if dated is not None and dated <= now and public_from == now else public_from
        return ArticleStatus(
            state=ArticleState.PUBLISHED,
            publish_at=public_from,
            published_at=self.published_at if self.has_been_public(now) else first,
        )

    def withdrawn(self, now: datetime) -> ArticleStatus:
        """No longer public. The date of its first publication stays, for when it is published again."""
        if self.state is ArticleState.WITHDRAWN:
            return self
        self._require(ArticleState.WITHDRAWN)
        return ArticleStatus(
            state=ArticleState.WITHDRAWN,
            published_at=self.published_at if self.has_been_public(now) else None,
            withdrawn_at=now,
        )

    def ready(self) -> ArticleStatus:
        """Written and checked, to be published."""
        if self.state is ArticleState.READY:
            return self
        self._require(ArticleState.READY)
        return replace(self, state=ArticleState.READY)

    def unpublished(self, now: datetime) -> ArticleStatus:
        """A draft again, which only an article can be that was never public."""
        if self.state is ArticleState.DRAFT:
            return self
        if self.has_been_public(now):
            raise StateError("it has been public, so it cannot be a draft again: withdraw it")
        self._require(ArticleState.DRAFT)
        return ArticleStatus(publish_at=self.publish_at)

    def redated(self, before: datetime | None, after: datetime | None, now: datetime) -> ArticleStatus:
        """Its source changed its date from `before` to `after`: an embargo that came from the source follows.

        Nothing that has been public changes, and neither does an embargo that was set elsewhere, or one whose date was
        only deleted.
        """
        if before == after or after is None or self.has_been_public(now) or self.state is ArticleState.WITHDRAWN:
            return self
        if self.state is not ArticleState.PUBLISHED:
            return replace(self, publish_at=after if after > now else None)
        if self.publish_at != before:
            return self
        return replace(self, publish_at=max(after, now), published_at=after)

    def _require(self, after: ArticleState) -> None:
        if after not in ARTICLE_TRANSITIONS[self.state]:
            raise StateError(f"it is {self.state.value}, and cannot become {after.value}")


class ArticleAction(StrEnum):
    """What happened to an article in an entry of its history."""

    ADDED = "added"
    REVISED = "revised"
    READY = "ready"
    UNPUBLISHED = "unpublished"
    PUBLISHED = "published"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class ArticleEvent:
    """An entry of the history: what was done, by whom and when, and the revision, state and embargo that followed."""

    action: ArticleAction
    actor: str
    note: str
    revision: int
    state: ArticleState
    publish_at: datetime | None
    created_at: datetime


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

    `slug` and `published_at` are None if the source has none; ingestion then sets them. `updated_at` is when its source
    says that it was last edited, `canonical_url` where it was first published; both None if it says nothing. `publish`
    is whether its author wants it published; None if the author left that to the settings.
    `unused_keys` are keys of its front matter without a meaning here.
    `warnings` are for the author ("no line of tags found"); they never stop an ingestion. `media` are images that came
    inside its file, to which its images refer already; they are stored beside the article and not with its revision.
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
    updated_at: datetime | None = None
    canonical_url: str | None = None
    publish: bool | None = None
    unused_keys: tuple[str, ...] = field(default=(), compare=False)
    warnings: tuple[str, ...] = field(default=(), compare=False)
    media: tuple[Media, ...] = field(default=(), compare=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Article:
    """A manuscript with an identity. The GUID is created once and never changes; an edit makes a revision.

    `published_at` and `updated_at` are aware UTC. `published_at` is the date of the first publication; of an article
    that was never published, the date it would have. `language` is a BCP 47 tag. `canonical_url` is where it was first
    published (RFC 6596), None if that is here.
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
    canonical_url: str | None = None

    @property
    def body_images(self) -> tuple[Image, ...]:
        """The images of the body in reading order, those inside lists and quotes and among text too."""
        return tuple(images_of(self.body))

    @property
    def images(self) -> tuple[Image, ...]:
        """Every image: that of the article itself, if there is one, and those of its body."""
        return (*([self.image] if self.image else []), *self.body_images)

    @property
    def lead_image(self) -> Image | None:
        """The image that stands for the article: its own, else the first of its body that is no badge or icon."""
        return self.image or next((image for image in self.body_images if not image.is_small), None)

    @property
    def hero(self) -> Image | None:
        """The image above the title: its own, unless the body shows it further down."""
        if self.image is None:
            return None
        if self._begins_with_its_image:
            return next(iter(self.body_images))
        return None if any(image.src == self.image.src for image in self.body_images) else self.image

    @property
    def body_below_hero(self) -> tuple[Block, ...]:
        """The body without what stands above the title already."""
        return self.body[1:] if self._begins_with_its_image else self.body

    @property
    def illustrated_body(self) -> tuple[Block, ...]:
        """The body, with the image of the article first unless the body contains it already."""
        if self.image is None or any(image.src == self.image.src for image in self.body_images):
            return self.body
        return (self.image, *self.body)

    @property
    def _begins_with_its_image(self) -> bool:
        first = next(iter(self.body), None)
        return self.image is not None and isinstance(first, Image) and first.src == self.image.src
