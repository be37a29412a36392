"""Render: freeze what a dispatch will say, and check it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

import httpx

from distributor.channels.contract import Channel, Discovering, RenderContext, Tracking
from distributor.domain.campaign import Campaign
from distributor.domain.errors import DistributorError, NotFoundError, ServiceError
from distributor.domain.problems import Severity
from distributor.domain.rendition import Json
from distributor.domain.subscriber import List
from distributor.flow.installation import Installation
from distributor.storage import articles, campaigns, channels, lists
from distributor.storage.channels import ChannelRecord
from distributor.storage.database import Connection

FACTS_ARE_GOOD_FOR = timedelta(days=1)


def render(installation: Installation, dispatch_id: int) -> bool:
    """Freeze the rendition of a planned dispatch. False if it cannot go out; it then says why.

    Raises ServiceError if PostgreSQL does not answer; nothing has happened then.
    """
    with installation.database.begin() as connection:
        dispatch = campaigns.find_dispatch(connection, dispatch_id)
        campaign = campaigns.find(connection, dispatch.campaign_id)
        record = channels.find_by_id(connection, dispatch.channel_id)
        stored = articles.find_many(connection, campaign.article_ids)
        list_ = _list_of(connection, campaign)
    try:
        channel = installation.open_channel(record)
        rendition = channel.render(
            [one.article for one in stored],
            RenderContext(
                site=installation.site,
                templates=installation.templates,
                list=list_,
                tracking=Tracking(opens=campaign.track_opens, clicks=campaign.track_clicks),
                facts=_facts(installation, channel, record),
            ),
        )
        problems = channel.check(rendition)
    except ServiceError:
        raise
    except DistributorError as error:
        with installation.database.begin() as connection:
            campaigns.refuse_rendition(connection, dispatch_id, str(error), ())
        return False
    blocking = [problem for problem in problems if problem.severity is Severity.BLOCK]
    with installation.database.begin() as connection:
        if blocking:
            reason = "; ".join(problem.message for problem in blocking)
            campaigns.refuse_rendition(connection, dispatch_id, reason, problems)
            return False
        return campaigns.freeze_rendition(connection, dispatch_id, rendition, problems, now=installation.clock())


def _list_of(connection: Connection, campaign: Campaign) -> List | None:
    """The list that a campaign speaks for: the first it goes to. One that is gone by now has no voice any more."""
    if not campaign.audience.lists:
        return None
    with suppress(NotFoundError):
        return lists.find(connection, campaign.audience.lists[0])
    return None


def _facts(installation: Installation, channel: Channel, record: ChannelRecord) -> Mapping[str, Json]:
    """What the other side says about its limits, asked for once a day; what it said last if it does not answer."""
    now = installation.clock()
    is_fresh = record.facts_at is not None and now - record.facts_at < FACTS_ARE_GOOD_FOR
    if is_fresh or not isinstance(channel, Discovering):
        return record.facts
    try:
        facts = asyncio.run(channel.discover())
    except (ServiceError, httpx.HTTPError, OSError):
        return record.facts
    with installation.database.begin() as connection:
        channels.learn(connection, record.id, facts, now=now)
    return facts
