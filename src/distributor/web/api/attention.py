"""`/v1/attention`"""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field

from distributor.domain.api_token import ApiToken, TokenScope
from distributor.flow.operations.attention import AttentionItem, Concern, needs_attention
from distributor.web.api.auth import App, RequestSlot, requires, text_for
from distributor.web.api.problems import COMMON_PROBLEMS

router = APIRouter(prefix="/v1/attention", tags=["service"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS)


class AttentionItemOut(BaseModel):
    """One thing that a person has to look at."""

    concern: Concern
    about: str = Field(description="Its name.", examples=["Spring"])
    sentence: str = Field(examples=["It is paused on mail, and nobody has it yet."])
    count: int = Field(description="How many things the sentence is about, such as deliveries.")
    campaign: int | None = Field(description="The campaign's id, if it is about one.")
    article: int | None = Field(description="The article's id, if it is about one.")
    channel: str | None = Field(description="The channel's name, if it is about one.")

    @classmethod
    def of(cls, item: AttentionItem, token: ApiToken) -> AttentionItemOut:
        return cls(
            concern=item.concern,
            about=text_for(token, item.about),
            sentence=text_for(token, item.sentence),
            count=item.count,
            campaign=item.campaign_id,
            article=item.article_id,
            channel=item.channel or None,
        )


class AttentionOut(BaseModel):
    """What needs a person, the most urgent first."""

    items: list[AttentionItemOut]
    more: dict[Concern, int] = Field(
        description="Of concerns with many things, how many are not among the items.", examples=[{"failed": 3}]
    )


@router.get("")
def show_attention(app: App, token: Annotated[ApiToken, requires(TokenScope.SERVICE_READ)]) -> AttentionOut:
    """Get what needs a person now, as the overview of the team's app shows it."""
    found = needs_attention(app)
    return AttentionOut(items=[AttentionItemOut.of(one, token) for one in found.items], more=dict(found.more))
