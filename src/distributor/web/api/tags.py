"""`/v1/tags`"""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from distributor.domain.api_token import ApiToken, TokenScope
from distributor.domain.hashtags import hashtag_of_tag
from distributor.flow.articles import tags as tag_changes
from distributor.flow.articles.tags import TagChanges
from distributor.storage import tags
from distributor.storage.tags import StoredTag
from distributor.web.api.auth import App, RequestSlot, acting, requires
from distributor.web.api.fields import Limit, Line, RequestBody, ShortText, SlugInPath
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses

router = APIRouter(prefix="/v1/tags", tags=["articles"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS)

AfterSlug = Annotated[ShortText, Query(description="`next` of the previous page.")]
Synonyms = Annotated[list[Line], Field(max_length=100, examples=[["JS"]])]


class TagOut(BaseModel):
    """A tag of articles."""

    slug: str = Field(description="Of its page and feeds; it follows from the label.", examples=["c-plus-plus"])
    label: str = Field(examples=["C++"])
    hashtag: str | None = Field(description='Without "#"; null if it can have none.', examples=["Cpp"])
    is_hashtag_chosen: bool = Field(description="Whether the hashtag was chosen and does not follow from the label.")
    parent: str | None = Field(description="The slug of the tag that it is a part of.")
    synonyms: list[str] = Field(description="Labels that mean this tag too.")
    aliases: list[str] = Field(description="Slugs that it had before, which lead to it.")
    articles: int = Field(description="How many articles have it themselves.")

    @classmethod
    def of(cls, found: StoredTag) -> TagOut:
        return cls(
            slug=found.slug,
            label=found.label,
            hashtag=hashtag_of_tag(found.tag),
            is_hashtag_chosen=bool(found.hashtag),
            parent=found.parent or None,
            synonyms=list(found.synonyms),
            aliases=list(found.aliases),
            articles=found.articles,
        )


class TagUsesOut(BaseModel):
    """What a rename or a merge of a tag touches."""

    articles: int
    feeds: int = Field(description="Documents of feeds, one for each format.")
    subscribers: int = Field(description="Who chose it as a topic.")
    lists: int = Field(description="Which offer it as a topic.")
    campaigns: int = Field(description="Whose audience names it.")


class TagDetailOut(TagOut):
    """A tag and what has to do with it."""

    uses: TagUsesOut


class TagPage(BaseModel):
    """A page of tags, by ascending slug."""

    items: list[TagOut]
    next: str | None = Field(description="The value of `after` for the next page; null on the last.")


class TagUpdate(RequestBody):
    """The fields to update; a field that is missing or null stays. With a new label the slug changes."""

    label: Line | None = None
    hashtag: Line | None = Field(None, description="Empty: the one that follows from the label.")
    parent: ShortText | None = Field(None, description="The slug of the tag that it is a part of; empty for none.")
    add_synonyms: Synonyms = Field(default_factory=list)
    remove_synonyms: Synonyms = Field(default_factory=list)


class TagMerge(RequestBody):
    """The tag that another one becomes."""

    into: ShortText = Field(description="Its slug.", examples=["javascript"])


@router.get("", dependencies=[requires(TokenScope.ARTICLES_READ)])
def list_tags(app: App, limit: Limit = 50, after: AfterSlug = "") -> TagPage:
    """List the tags."""
    with app.database.begin() as connection:
        found = sorted(tags.listed(connection), key=lambda tag: tag.slug)
    rest = [tag for tag in found if tag.slug > after]
    shown = rest[:limit]
    return TagPage(items=[TagOut.of(tag) for tag in shown], next=shown[-1].slug if len(rest) > limit else None)


@router.get("/{slug}", dependencies=[requires(TokenScope.ARTICLES_READ)], responses=problem_responses(404))
def show_tag(app: App, slug: SlugInPath) -> TagDetailOut:
    """Get a tag, by its slug or one that it had before, and what a rename or a merge of it would touch."""
    with app.database.begin() as connection:
        found = tags.find(connection, slug)
        uses = tags.uses(connection, found.slug)
    return TagDetailOut(**TagOut.of(found).model_dump(), uses=TagUsesOut(**asdict(uses)))


@router.patch("/{slug}", responses=problem_responses(404, 409))
def update_tag(
    app: App,
    request: Request,
    slug: SlugInPath,
    body: TagUpdate,
    token: Annotated[ApiToken, requires(TokenScope.ARTICLES_WRITE)],
) -> TagOut:
    """Update a tag. Its old names, pages and feeds lead to the new ones, and who follows it still does."""
    changes = TagChanges(
        label=body.label,
        hashtag=body.hashtag,
        parent=body.parent,
        add_synonyms=tuple(body.add_synonyms),
        remove_synonyms=tuple(body.remove_synonyms),
    )
    return TagOut.of(tag_changes.change(app, slug, changes, actor=acting(request, token)))


@router.post("/{slug}/merge", responses=problem_responses(404))
def merge_tags(
    app: App,
    request: Request,
    slug: SlugInPath,
    body: TagMerge,
    token: Annotated[ApiToken, requires(TokenScope.ARTICLES_WRITE)],
) -> TagOut:
    """Let a tag become another, which is returned. It cannot be undone."""
    return TagOut.of(tag_changes.merge(app, slug, body.into, actor=acting(request, token)))
