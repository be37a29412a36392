"""`/v1/campaigns/{campaign_id}/comments`"""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from distributor.domain.api_token import ApiToken, TokenScope
from distributor.domain.campaign_comment import LONGEST_COMMENT, CampaignComment, CommentAuthor, CommentKind
from distributor.flow.team.discussion import MOST_TOLD, AskedComment, comment, comments_on, users_called
from distributor.web.api.auth import App, RequestSlot, actor_of, require_scope, requires, text_for
from distributor.web.api.fields import MAX_BIGINT, Address, IdInPath, Limit, LongText, RequestBody, idempotency_header
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses

router = APIRouter(prefix="/v1/campaigns", tags=["campaigns"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS)


class CommentOut(BaseModel):
    """What somebody said about a campaign."""

    id: int
    kind: CommentKind = Field(
        description="`comment`: it only says something. `asked`: it asks for an approval, `approved` gives it, "
        "`sent_back` declines it."
    )
    by: str = Field(examples=["Ada Lovelace", "api:shop"])
    text: str
    told: list[str] = Field(description="The names of those who got it by mail.")
    version: int = Field(description="The version of the campaign when it was written.")
    at: datetime

    @classmethod
    def of(cls, found: CampaignComment, token: ApiToken) -> CommentOut:
        return cls(
            id=found.id,
            kind=found.kind,
            by=text_for(token, found.author),
            text=text_for(token, found.text),
            told=[text_for(token, name) for name in found.told],
            version=found.version,
            at=found.created_at,
        )


class CommentPage(BaseModel):
    """A page of comments, newest first."""

    items: list[CommentOut]
    next: int | None = Field(description="The value of `before` for the next page; null on the last.")


class CommentRequest(RequestBody):
    """What to say about a campaign. Users who are mentioned in it as `@name` get it by mail."""

    text: Annotated[LongText, Field(max_length=LONGEST_COMMENT, examples=["The date in the second part is wrong."])]
    kind: Literal[CommentKind.COMMENT, CommentKind.ASKED, CommentKind.SENT_BACK] = Field(
        CommentKind.COMMENT,
        description="`asked` asks the users in `tell` for an approval; `sent_back` declines it, which needs "
        "`campaigns:approve` as well.",
    )
    tell: Annotated[list[Address], Field(max_length=MOST_TOLD)] = Field(
        default_factory=list, description="The addresses of users who get it by mail besides those.", examples=[[]]
    )


class CommentedOut(BaseModel):
    """Who was told."""

    told: list[str] = Field(description="The names of those who get it by mail; nobody for a repeated request.")


@router.get("/{campaign_id}/comments", responses=problem_responses(404))
def list_comments(
    app: App,
    token: Annotated[ApiToken, requires(TokenScope.CAMPAIGNS_READ)],
    campaign_id: IdInPath,
    limit: Limit = 50,
    before: Annotated[int | None, Query(ge=1, le=MAX_BIGINT, description="`next` of the page before.")] = None,
) -> CommentPage:
    """List what the team said about a campaign, newest first."""
    found = comments_on(app, campaign_id, limit=limit + 1, before_id=before)
    kept = found[:limit]
    return CommentPage(
        items=[CommentOut.of(one, token) for one in kept], next=kept[-1].id if len(found) > limit else None
    )


@router.post("/{campaign_id}/comments", status_code=201, responses=problem_responses(404, 409))
def comment_on_campaign(
    app: App,
    token: Annotated[ApiToken, requires(TokenScope.CAMPAIGNS_WRITE)],
    campaign_id: IdInPath,
    body: CommentRequest,
    idempotency_key: Annotated[
        str | None,
        idempotency_header("A unique key for each comment: a request repeated with its key adds and mails nothing."),
    ] = None,
) -> CommentedOut:
    """Comment on a campaign, ask for its approval, or send it back; whom it concerns gets a mail."""
    if body.kind is CommentKind.SENT_BACK:
        require_scope(token, TokenScope.CAMPAIGNS_APPROVE)
    asked = AskedComment(
        text=body.text,
        key=f"api:{token.id}:{idempotency_key or uuid.uuid4().hex}",
        kind=body.kind,
        user_ids=users_called(app, body.tell),
    )
    told = comment(app, campaign_id, asked, author=CommentAuthor(name=actor_of(token)))
    return CommentedOut(told=[text_for(token, one.display_name) for one in told])
