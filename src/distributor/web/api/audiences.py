"""Whom a campaign goes to, as the API takes and shows it, and `/v1/campaigns/audience`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field, StrictBool

from distributor.domain.api_token import TokenScope
from distributor.domain.audience import AudiencePlan
from distributor.flow.publishing.audience import preview_audience
from distributor.web.api.auth import App, Turn, needs
from distributor.web.api.fields import BIGGEST, Body, Words
from distributor.web.api.people import NamedLists, ShownSubscriber
from distributor.web.api.problems import ANYWHERE, may_answer

router = APIRouter(prefix="/v1/campaigns", tags=["campaigns"], dependencies=[Turn], responses=ANYWHERE)

NamedCampaigns = Annotated[list[Annotated[int, Field(ge=1, le=BIGGEST)]], Field(max_length=100)]
NamedArticles = Annotated[list[Words], Field(max_length=100, examples=[["the-quiet-feed"]])]


class StatedAudience(Body):
    """Who is to get something: lists, topics and segments by their slugs, campaigns by their numbers.

    Gets it who is on any of the lists, follows any of the topics if some are named, and is in any of the segments if
    some are named; except who is in one of the `except_…`, and, unless `repeats`, who already got one of the articles.
    """

    lists: NamedLists = Field(default_factory=list, description="None: any list at all.")
    topics: NamedLists = Field(default_factory=list)
    segments: NamedLists = Field(default_factory=list)
    except_lists: NamedLists = Field(default_factory=list)
    except_topics: NamedLists = Field(default_factory=list)
    except_segments: NamedLists = Field(default_factory=list)
    repeats: StrictBool = False
    failed_of: NamedCampaigns = Field(
        default_factory=list,
        description="Only to whom one of these campaigns has failed by then, on behalf of the same list.",
    )
    unknown_of: NamedCampaigns = Field(
        default_factory=list,
        description="Also, or only, to who may or may not have got one of these: some get it a second time.",
    )

    def plan(self) -> AudiencePlan:
        return AudiencePlan(
            lists=tuple(self.lists),
            topics=tuple(self.topics),
            segments=tuple(self.segments),
            except_lists=tuple(self.except_lists),
            except_topics=tuple(self.except_topics),
            except_segments=tuple(self.except_segments),
            repeats=self.repeats,
            failed_of=tuple(self.failed_of),
            unknown_of=tuple(self.unknown_of),
        )


class ShownPlan(BaseModel):
    """Whom a campaign was planned for, in the words of `StatedAudience`."""

    lists: tuple[str, ...] = Field(examples=[["weekly-letter"]])
    topics: tuple[str, ...]
    segments: tuple[str, ...]
    except_lists: tuple[str, ...]
    except_topics: tuple[str, ...]
    except_segments: tuple[str, ...]
    repeats: bool
    failed_of: tuple[int, ...]
    unknown_of: tuple[int, ...]

    @classmethod
    def of(cls, plan: AudiencePlan) -> ShownPlan:
        return cls.model_validate(plan, from_attributes=True)


class AudienceQuestion(Body):
    """A campaign that is thought of."""

    audience: StatedAudience
    articles: NamedArticles = Field(default_factory=list, description="The slugs of its articles.")
    sample: int = Field(10, ge=0, le=50, description="How many people to show.")


class ShownAudience(BaseModel):
    """Whom the campaign would reach if it were released now."""

    count: int
    sample: list[ShownSubscriber]


@router.post(
    "/audience", dependencies=[needs(TokenScope.CAMPAIGNS_READ, TokenScope.SUBSCRIBERS_READ)], responses=may_answer(404)
)
def count_audience(app: App, body: AudienceQuestion) -> ShownAudience:
    """How many people a campaign would reach, counted by the query that freezes its audience, and some of them."""
    found = preview_audience(app, body.audience.plan(), body.articles, sample=body.sample)
    return ShownAudience(count=found.count, sample=[ShownSubscriber.of(one) for one in found.sample])
