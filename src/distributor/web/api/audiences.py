"""The audience of a campaign in requests and responses, and `/v1/campaigns/audience`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter
from pydantic import BaseModel, Field, StrictBool

from distributor.domain.api_token import ApiToken, TokenScope
from distributor.domain.audience import AudiencePlan
from distributor.domain.segments.condition import depends_on_addresses
from distributor.flow.publishing.audience import preview_audience
from distributor.storage import segments
from distributor.storage.database import Connection
from distributor.web.api.auth import App, RequestSlot, requires, shows_addresses
from distributor.web.api.fields import MAX_BIGINT, RequestBody, ShortText
from distributor.web.api.problems import COMMON_PROBLEMS, problem_responses
from distributor.web.api.subscriber_schemas import ListSlugs, SubscriberOut

router = APIRouter(prefix="/v1/campaigns", tags=["campaigns"], dependencies=[RequestSlot], responses=COMMON_PROBLEMS)

CampaignIds = Annotated[list[Annotated[int, Field(ge=1, le=MAX_BIGINT)]], Field(max_length=100)]
ArticleSlugs = Annotated[list[ShortText], Field(max_length=100, examples=[["the-quiet-feed"]])]


class AudienceIn(RequestBody):
    """The audience of a campaign: lists, topics and segments by slug, campaigns by id.

    It holds the subscribers of any of the lists who follow any of the topics and are in any of the segments, where some
    are given; without those in one of the `except_…` and, unless `repeats`, those who already received one of the
    articles. `repeats` is also for the accounts and feeds that got one of them.
    """

    lists: ListSlugs = Field(default_factory=list, description="Empty: all lists.")
    topics: ListSlugs = Field(default_factory=list)
    segments: ListSlugs = Field(default_factory=list)
    except_lists: ListSlugs = Field(default_factory=list)
    except_topics: ListSlugs = Field(default_factory=list)
    except_segments: ListSlugs = Field(default_factory=list)
    repeats: StrictBool = False
    failed_of: CampaignIds = Field(
        default_factory=list,
        description="Only recipients whose delivery of one of these campaigns has failed, for the same list.",
    )
    unknown_of: CampaignIds = Field(
        default_factory=list,
        description="Only, or also, recipients whose delivery of one of these is unknown: some get it a second time.",
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


class AudienceOut(BaseModel):
    """The audience a campaign was created with, as in `AudienceIn`."""

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
    def of(cls, plan: AudiencePlan) -> AudienceOut:
        return cls.model_validate(plan, from_attributes=True)


def shows_counts(connection: Connection, plan: AudiencePlan, token: ApiToken) -> bool:
    """Whether responses to this token may say how many subscribers an audience has.

    The numbers of a segment that depends on addresses would tell them letter by letter.
    """
    if shows_addresses(token):
        return True
    known = {one.slug: one.condition for one in segments.listed(connection)}
    named = [known[slug] for slug in (*plan.segments, *plan.except_segments) if slug in known]
    return not any(depends_on_addresses(segments.written_out(connection, one)) for one in named)


class AudiencePreviewRequest(RequestBody):
    """The audience and articles of a possible campaign."""

    audience: AudienceIn
    articles: ArticleSlugs = Field(default_factory=list, description="The slugs of its articles.")
    sample: int = Field(10, ge=0, le=50, description="How many of the subscribers to return.")


class AudiencePreviewOut(BaseModel):
    """Whom the campaign would reach if it started now."""

    count: int
    sample: list[SubscriberOut]


@router.post(
    "/audience",
    dependencies=[requires(TokenScope.CAMPAIGNS_READ, TokenScope.SUBSCRIBERS_READ)],
    responses=problem_responses(404),
)
def count_audience(app: App, body: AudiencePreviewRequest) -> AudiencePreviewOut:
    """Count the subscribers a campaign would reach, by the query that freezes its audience, and return some of them."""
    found = preview_audience(app, body.audience.plan(), body.articles, sample=body.sample)
    return AudiencePreviewOut(count=found.count, sample=[SubscriberOut.of(one) for one in found.sample])
