"""What goes on: campaigns that are being sent, that start in the next days, and that have ended last."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from distributor.domain.campaign import Totals
from distributor.flow.app_context import AppContext
from distributor.storage import articles, campaigns, channels, delivery_totals, dispatch_overviews, lists
from distributor.storage.database import Connection
from distributor.storage.dispatch_overviews import DispatchOverview

_AHEAD = timedelta(days=7)
_MOST_RUNNING = 200
MOST_STARTING = 60
_MOST_FINISHED = 30
_CAMPAIGNS_FINISHED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignOverview:
    """A campaign, some of its channels, and the totals on them. `at` is when they were released or finished."""

    campaign_id: int
    name: str
    channels: Sequence[str]
    totals: Totals
    at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignStart:
    """Channels of a campaign that start at the same time, which is in the zone of the site."""

    campaign_id: int
    name: str
    channels: Sequence[str]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class FirstSteps:
    """What there is already of what a first campaign needs."""

    has_channel: bool
    has_list: bool
    has_article: bool
    has_campaign: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOverview:
    """What goes on. `starting` are the starts of the next seven days by their day; `has_more_starts`: not all."""

    running: Sequence[CampaignOverview]
    starting: Mapping[date, Sequence[CampaignStart]]
    has_more_starts: bool
    finished: Sequence[CampaignOverview]
    first_steps: FirstSteps


def read_overview(app: AppContext) -> ServiceOverview:
    """What goes on now, read in one transaction."""
    with app.database.begin() as connection:
        running = dispatch_overviews.running(connection, limit=_MOST_RUNNING)
        starting = dispatch_overviews.starting(connection, before=app.clock() + _AHEAD, limit=MOST_STARTING + 1)
        finished = dispatch_overviews.finished(connection, limit=_MOST_FINISHED)
        totals = delivery_totals.of_dispatches(connection, [one.id for one in (*running, *finished)])
        sending = _campaigns(running, totals)
        unfinished = {one.campaign_id for one in sending}
        ended = [one for one in _campaigns(finished, totals) if one.campaign_id not in unfinished]
        return ServiceOverview(
            running=sending,
            starting=_by_day(app, starting[:MOST_STARTING]),
            has_more_starts=len(starting) > MOST_STARTING,
            finished=ended[:_CAMPAIGNS_FINISHED],
            first_steps=_first_steps(connection),
        )


def _campaigns(found: Iterable[DispatchOverview], totals: Mapping[int, Totals]) -> list[CampaignOverview]:
    grouped: dict[int, list[DispatchOverview]] = {}
    for one in found:
        grouped.setdefault(one.campaign_id, []).append(one)
    return [
        CampaignOverview(
            campaign_id=campaign_id,
            name=these[0].campaign_name,
            channels=sorted(one.channel_name for one in these),
            totals=Totals.sum_of(totals[one.id] for one in these),
            at=these[0].finished_at or these[0].released_at,
        )
        for campaign_id, these in grouped.items()
    ]


def _by_day(app: AppContext, found: Iterable[DispatchOverview]) -> dict[date, list[CampaignStart]]:
    grouped: dict[tuple[datetime, int], list[DispatchOverview]] = {}
    for one in found:
        assert one.scheduled_at is not None, "only drafts have no time"  # noqa: S101
        grouped.setdefault((one.scheduled_at, one.campaign_id), []).append(one)
    days: dict[date, list[CampaignStart]] = {}
    for (time, campaign_id), these in grouped.items():
        local = time.astimezone(app.site.zone)
        start = CampaignStart(
            campaign_id=campaign_id,
            name=these[0].campaign_name,
            channels=sorted(one.channel_name for one in these),
            at=local,
        )
        days.setdefault(local.date(), []).append(start)
    return days


def _first_steps(connection: Connection) -> FirstSteps:
    return FirstSteps(
        has_channel=bool(channels.all_channels(connection)),
        has_list=bool(lists.listed(connection)),
        has_article=bool(articles.latest(connection, limit=1)),
        has_campaign=campaigns.has_any(connection),
    )
