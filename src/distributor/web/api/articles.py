"""`/v1/articles`"""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import replace
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from distributor.domain.api_token import ApiToken, TokenScope
from distributor.domain.article import ArticleAction, ArticleEvent, ArticleState
from distributor.domain.article_draft import DraftText
from distributor.domain.blocks import plain_text
from distributor.domain.tag_suggestions import MOST_SUGGESTIONS
from distributor.flow.articles import ingest, revisions
from distributor.flow.articles.tag_suggestions import suggest_for
from distributor.flow.articles.writing import LONGEST_BODY, add_text, revise_text, text_of_article
from distributor.flow.publishing import article_control
from distributor.storage import articles
from distributor.storage.articles import StoredArticle
from distributor.web.api.auth import App, RequestSlot, actor_of, requires
from distributor.web.api.fields import (
    MAX_BIGINT,
    Language,
    Limit,
    Line,
    RequestBody,
    SlugInPath,
    Timestamp,
    checked_by,
    checked_text,
    idempotency_header,
)
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses

router = APIRouter(prefix="/v1/articles", tags=["articles"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS)

RevisionNumber = Annotated[int | None, Query(ge=1, le=2**31 - 1)]


class ArticleOut(BaseModel):
    """An article and its state."""

    id: int = Field(examples=[1])
    slug: str = Field(examples=["the-quiet-feed"])
    guid: str = Field(description="It never changes.")
    title: str
    summary: str
    author: str
    language: str = Field(examples=["en"])
    tags: list[str] = Field(examples=[["Local news"]])
    revision: int
    state: ArticleState
    is_public: bool = Field(description="Whether everyone may read it: it is published, and its embargo is over.")
    publish_at: datetime | None = Field(
        description="From when it is public once it is published; null for a draft without a date, and if withdrawn."
    )
    published_at: datetime | None = Field(description="Its first publication, which never changes once it has passed.")
    withdrawn_at: datetime | None
    source: str = Field(description="The source it comes from; `app` and `upload` for what people wrote or gave.")
    file_missing_since: datetime | None = Field(description="Since when its source does not have it any more.")
    has_held_update: bool = Field(
        description="Whether its source has a newer version that was not taken because the article was edited here."
    )
    updated_at: datetime = Field(description="When it was last edited or first published, whichever is later.")

    @classmethod
    def of(cls, found: StoredArticle, *, now: datetime) -> ArticleOut:
        article, status = found.article, found.status
        return cls(
            id=found.id,
            slug=article.slug,
            guid=article.guid,
            title=article.title,
            summary=article.summary,
            author=article.author,
            language=article.language,
            tags=[tag.label for tag in article.tags],
            revision=article.revision,
            state=status.state,
            is_public=status.is_public(now),
            publish_at=status.publish_at,
            published_at=status.published_at,
            withdrawn_at=status.withdrawn_at,
            source=found.source,
            file_missing_since=found.missing_since,
            has_held_update=found.held_update is not None,
            updated_at=article.updated_at,
        )


class ArticleDetailOut(ArticleOut):
    """An article with its text."""

    text: str = Field(description="Its body as plain text.")
    markdown: str = Field(description="Its body in Markdown.")
    image: str | None = Field(description="The address of its image.")
    image_alt: str | None = Field(description="What the image shows; empty if it is decorative.")
    warnings: list[str] = Field(
        description="What its author should look at in this revision, such as an image that could not be fetched."
    )

    @classmethod
    def with_text(cls, found: StoredArticle, *, now: datetime) -> ArticleDetailOut:
        image = found.manuscript.image
        return cls(
            **dict(ArticleOut.of(found, now=now)),
            text=plain_text(found.article.body),
            markdown=text_of_article(found).body,
            image=image.src if image else None,
            image_alt=image.alt if image else None,
            warnings=list(found.manuscript.warnings),
        )


class TagSuggestion(BaseModel):
    """A tag that an article may be given."""

    label: str = Field(examples=["soil"])
    is_known: bool = Field(description="Whether there is such a tag.")


class TagSuggestions(BaseModel):
    """Suggested tags, the best first."""

    items: list[TagSuggestion]


# An image has a text for those who do not see it, or an empty one if it is decorative.
ImageAddress = Annotated[str, Field(max_length=2000, examples=[""]), checked_by(checked_text)]
ImageText = Annotated[str, Field(max_length=2000, examples=[""]), checked_by(checked_text)]
Markdown = Annotated[str, Field(max_length=LONGEST_BODY, examples=["It *happened*."]), checked_by(checked_text)]
ArticleTags = Annotated[list[Line], Field(max_length=100, examples=[["Local news"]])]


class ArticleCreate(RequestBody):
    """An article to create, as a draft."""

    title: Annotated[Line, Field(min_length=1, examples=["The news"])]
    markdown: Markdown = Field(description="Its body in Markdown.")
    summary: Annotated[str, Field(max_length=2000), checked_by(checked_text)] = Field(
        "", description="Default: the beginning of the body."
    )
    author: Line = ""
    language: Language = Field("", description="Default: that of the site.")
    tags: ArticleTags = Field(default_factory=list)
    image: ImageAddress = Field("", description="The address of an image, which begins with `https`.")
    image_alt: ImageText = Field("", description="What the image shows; empty if it is decorative.")

    def text(self, *, language: str) -> DraftText:
        """The text as the editor holds it; `language` is that of one that names none."""
        return DraftText(
            title=self.title,
            summary=self.summary,
            tags=", ".join(self.tags),
            author=self.author,
            language=self.language or language,
            image=self.image,
            image_alt=self.image_alt,
            is_decorative=bool(self.image) and not self.image_alt,
            body=self.markdown,
        )


class ArticleUpdate(RequestBody):
    """The fields of an article to update; a field that is missing or null stays."""

    revision: Annotated[int, Field(ge=1, le=2**31 - 1)] = Field(
        description="The `revision` that you have read: a conflict (409, `revised`) if there is a newer one by now."
    )
    title: Annotated[Line, Field(min_length=1)] | None = None
    markdown: Markdown | None = None
    summary: Annotated[str, Field(max_length=2000), checked_by(checked_text)] | None = None
    author: Line | None = None
    language: Language | None = None
    tags: ArticleTags | None = None
    image: ImageAddress | None = None
    image_alt: ImageText | None = None

    def changed(self, before: DraftText) -> DraftText:
        """The text with these changes."""
        given: dict[str, Any] = {
            name: value
            for name in ("title", "summary", "author", "language", "image", "image_alt")
            if (value := getattr(self, name)) is not None
        }
        if self.markdown is not None:
            given["body"] = self.markdown
        if self.tags is not None:
            given["tags"] = ", ".join(self.tags)
        after = replace(before, **given)
        return replace(after, is_decorative=bool(after.image) and not after.image_alt)


class ArticlePage(BaseModel):
    """A page of articles, those added last first."""

    items: list[ArticleOut]
    next: int | None = Field(description="The value of `before` for the next page; null on the last.")


class ArticleEventOut(BaseModel):
    """An entry of the history of an article, and the revision, state and embargo that followed."""

    action: ArticleAction
    by: str = Field(description="Who or what did it.", examples=["api:shop"])
    note: str
    revision: int
    state: ArticleState
    publish_at: datetime | None
    at: datetime

    @classmethod
    def of(cls, event: ArticleEvent) -> ArticleEventOut:
        return cls(
            action=event.action,
            by=event.actor,
            note=event.note,
            revision=event.revision,
            state=event.state,
            publish_at=event.publish_at,
            at=event.created_at,
        )


class ArticleHistoryOut(BaseModel):
    """What happened to an article, the first event first."""

    items: list[ArticleEventOut]


class ArticleDiffOut(BaseModel):
    """The differences of two revisions."""

    diff: str = Field(description="A unified diff of their texts; empty if they read the same.")


class ArticlePublish(RequestBody):
    """When to publish an article."""

    at: Timestamp | None = Field(
        None, description="Until then it is under embargo; null: its date if that is in the future, else now."
    )


class WithdrawalOut(ArticleOut):
    """A withdrawn article, and the campaigns that are paused because of that."""

    paused_campaigns: list[int] = Field(examples=[[12]])


@router.get("", dependencies=[requires(TokenScope.ARTICLES_READ)])
def list_articles(
    app: App,
    state: Annotated[ArticleState | None, Query(description="Only articles in this state.")] = None,
    limit: Limit = 50,
    before: Annotated[int | None, Query(ge=1, le=MAX_BIGINT, description="`next` of the page before.")] = None,
) -> ArticlePage:
    """List the articles, those added last first."""
    with app.database.begin() as connection:
        found = articles.latest(connection, limit=limit + 1, state=state, before_id=before)
    kept = found[:limit]
    items = [ArticleOut.of(one, now=app.clock()) for one in kept]
    return ArticlePage(items=items, next=kept[-1].id if len(found) > limit else None)


@router.get("/{slug}", dependencies=[requires(TokenScope.ARTICLES_READ)], responses=problem_responses(404))
def show_article(app: App, slug: SlugInPath) -> ArticleDetailOut:
    """Get an article with its text."""
    with app.database.begin() as connection:
        found = articles.find_by_slug(connection, slug)
    return ArticleDetailOut.with_text(found, now=app.clock())


@router.get(
    "/{slug}/tag-suggestions", dependencies=[requires(TokenScope.ARTICLES_READ)], responses=problem_responses(404)
)
def suggest_tags(app: App, slug: SlugInPath, limit: Limit = MOST_SUGGESTIONS) -> TagSuggestions:
    """Suggest tags that an article does not have: those that its text names, then its key phrases."""
    found = suggest_for(app, slug, most=limit)
    return TagSuggestions(items=[TagSuggestion(label=one.label, is_known=one.is_known) for one in found])


@router.post("", status_code=201, responses=problem_responses(409))
def create_article(
    app: App,
    token: Annotated[ApiToken, requires(TokenScope.ARTICLES_WRITE)],
    body: ArticleCreate,
    idempotency_key: Annotated[
        str | None,
        idempotency_header("A unique key for each article: a request repeated with its key creates no second article."),
    ] = None,
) -> ArticleDetailOut:
    """Create an article, which is a draft: nobody sees it until it is published or a campaign sends it."""
    name = hashlib.sha256(f"{token.id}:{idempotency_key}".encode()).hexdigest() if idempotency_key else uuid.uuid4().hex
    saved = add_text(app, body.text(language=app.site.language), key=f"api:{name}", actor=actor_of(token))
    return ArticleDetailOut.with_text(saved.found, now=app.clock())


@router.patch("/{slug}", responses=problem_responses(404, 409))
def update_article(
    app: App, token: Annotated[ApiToken, requires(TokenScope.ARTICLES_WRITE)], slug: SlugInPath, body: ArticleUpdate
) -> ArticleDetailOut:
    """Make a revision of an article; its state stays, so that of a public one is public at once.

    If it was revised since, nothing is saved: the problem has what changed as `diff`, and both texts as `merged`.
    Articles of the content folder are edited there.
    """
    saved = revise_text(app, slug, body.changed, revision=body.revision, actor=actor_of(token))
    return ArticleDetailOut.with_text(saved.found, now=app.clock())


@router.get("/{slug}/history", dependencies=[requires(TokenScope.ARTICLES_READ)], responses=problem_responses(404))
def show_article_history(app: App, slug: SlugInPath) -> ArticleHistoryOut:
    """Get the history of an article: revisions and changes of its state, with who made them and when."""
    with app.database.begin() as connection:
        events = articles.history(connection, articles.find_by_slug(connection, slug).id)
    return ArticleHistoryOut(items=[ArticleEventOut.of(one) for one in events])


@router.get("/{slug}/diff", dependencies=[requires(TokenScope.ARTICLES_READ)], responses=problem_responses(404))
def compare_revisions(
    app: App,
    slug: SlugInPath,
    before: Annotated[RevisionNumber, Query(alias="from", description="Default: the one before the newer.")] = None,
    after: Annotated[RevisionNumber, Query(alias="to", description="Default: the current one.")] = None,
) -> ArticleDiffOut:
    """Compare two revisions of an article."""
    return ArticleDiffOut(diff=revisions.compare(app, slug, before=before, after=after))


@router.post("/{slug}/take-update", responses=problem_responses(404, 409))
def take_held_update(
    app: App, slug: SlugInPath, token: Annotated[ApiToken, requires(TokenScope.ARTICLES_WRITE)]
) -> ArticleOut:
    """Replace the text by the newer version that its source has; what was written here stays as a revision."""
    return ArticleOut.of(ingest.take_held_update(app, slug, actor=actor_of(token)), now=app.clock())


@router.post("/{slug}/ready", responses=problem_responses(404, 409))
def mark_article_ready(
    app: App, slug: SlugInPath, token: Annotated[ApiToken, requires(TokenScope.ARTICLES_WRITE)]
) -> ArticleOut:
    """Mark a draft as ready to be published."""
    return ArticleOut.of(article_control.mark_ready(app, slug, actor=actor_of(token)), now=app.clock())


@router.post("/{slug}/publish", responses=problem_responses(404, 409))
def publish_article(
    app: App,
    slug: SlugInPath,
    body: ArticlePublish,
    token: Annotated[ApiToken, requires(TokenScope.ARTICLES_WRITE)],
) -> ArticleOut:
    """Publish an article, now or at a time. One that is public already stays as it is."""
    return ArticleOut.of(article_control.publish(app, slug, actor=actor_of(token), at=body.at), now=app.clock())


@router.post("/{slug}/unpublish", responses=problem_responses(404, 409))
def unpublish_article(
    app: App, slug: SlugInPath, token: Annotated[ApiToken, requires(TokenScope.ARTICLES_WRITE)]
) -> ArticleOut:
    """Make an article a draft again that is ready or under embargo and was never public."""
    return ArticleOut.of(article_control.unpublish(app, slug, actor=actor_of(token)), now=app.clock())


@router.post("/{slug}/withdraw", responses=problem_responses(404, 409))
def withdraw_article(
    app: App, slug: SlugInPath, token: Annotated[ApiToken, requires(TokenScope.ARTICLES_WRITE)]
) -> WithdrawalOut:
    """Withdraw a published article: its page is gone, and campaigns with it are paused."""
    result = article_control.withdraw(app, slug, actor=actor_of(token))
    out = ArticleOut.of(result.article, now=app.clock())
    return WithdrawalOut(**out.model_dump(), paused_campaigns=list(result.paused_campaigns))
