"""The campaigns of articles in a list: by stage, by words of their names, the newest or the next ones first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import CTE, ColumnElement, and_, case, false, func, or_, select

from distributor.domain.campaign import CampaignPurpose, CampaignStage
from distributor.storage import tables
from distributor.storage.database import Connection

# More words than these are not asked for in a name.
_MOST_WORDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignPlace:
    """Where a page of the list ends: the last campaign on it, and when that starts next, if it does."""

    id: int
    next_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedCampaign:
    """A campaign in the list. `next_at` is when the first of its channels starts that are not released yet."""

    id: int
    name: str
    stage: CampaignStage
    next_at: datetime | None
    created_at: datetime


def listed(
    connection: Connection,
    *,
    limit: int,
    stage: CampaignStage | None = None,
    words: str = "",
    by_time: bool = False,
    after: CampaignPlace | None = None,
) -> list[ListedCampaign]:
    """The newest campaigns, or with `by_time` those that start next; after a place, if one is given."""
    staged = _staged(words)
    query = select(staged)
    if stage is not None:
        query = query.where(staged.c.stage == stage)
    if by_time:
        query = query.order_by(staged.c.next_at.asc().nulls_last(), staged.c.id.desc())
    else:
        query = query.order_by(staged.c.id.desc())
    if after is not None:
        query = query.where(_is_after(staged, after) if by_time else staged.c.id < after.id)
    return [
        ListedCampaign(
            id=row.id,
            name=row.name,
            stage=CampaignStage(row.stage),
            next_at=row.next_at,
            created_at=row.created_at,
        )
        for row in connection.execute(query.limit(limit))
    ]


def counts(connection: Connection, *, words: str = "") -> Mapping[CampaignStage, int]:
    """How many campaigns are in each stage: each campaign is in exactly one."""
    staged = _staged(words)
    rows = connection.execute(select(staged.c.stage, func.count().label("campaigns")).group_by(staged.c.stage))
    found = {row.stage: row.campaigns for row in rows}
    return {stage: found.get(stage, 0) for stage in CampaignStage}


def _is_after(staged: CTE, place: CampaignPlace) -> ColumnElement[bool]:
    next_at, number = staged.c.next_at, staged.c.id
    if place.next_at is None:
        return and_(next_at.is_(None), number < place.id)
    same_time = and_(next_at == place.next_at, number < place.id)
    return or_(next_at > place.next_at, next_at.is_(None), same_time)


def _staged(words: str) -> CTE:
    """Each campaign of articles whose name holds all of these words, with its stage."""
    campaign, dispatch = tables.campaigns.c, tables.dispatches.c
    waits_for_a_person = and_(dispatch.state == "paused", dispatch.resume_at.is_(None))
    is_to_come = and_(dispatch.released_at.is_(None), dispatch.state.in_(["draft", "scheduled", "paused"]))
    # In the order of `CampaignStage`.
    stage = case(
        (_any(waits_for_a_person), CampaignStage.ATTENTION.value),
        (_any(dispatch.state.in_(["running", "paused"])), CampaignStage.RUNNING.value),
        (_any(dispatch.state == "scheduled"), CampaignStage.SCHEDULED.value),
        (_any(dispatch.state == "draft"), CampaignStage.DRAFT.value),
        (_any(dispatch.state == "failed"), CampaignStage.FAILED.value),
        (_any(dispatch.state == "finished"), CampaignStage.FINISHED.value),
        else_=CampaignStage.CANCELLED.value,
    )
    columns: list[ColumnElement[Any]] = [
        campaign.id,
        campaign.name,
        campaign.created_at,
        stage.label("stage"),
        func.min(dispatch.scheduled_at).filter(is_to_come).label("next_at"),
    ]
    query = (
        select(*columns)
        .join(tables.dispatches, dispatch.campaign_id == campaign.id)
        .where(campaign.purpose == CampaignPurpose.ARTICLES)
        .group_by(campaign.id)
    )
    for word in words.split()[:_MOST_WORDS]:
        query = query.where(campaign.name.icontains(word, autoescape=True))
    return query.cte("staged")


def _any(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return func.coalesce(func.bool_or(condition), false())
