"""Render: freeze the rendition of a dispatch and check it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from datetime import timedelta

import httpx
import structlog

from distributor.channels.api import Channel, DiscoveringChannel
from distributor.channels.registry import kind_of
from distributor.domain.errors import DistributorError, ServiceError
from distributor.domain.problems import Severity
from distributor.domain.rendition import Json
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.campaign_content import check_content, load_content, render_content
from distributor.storage import campaigns, channels, dispatches
from distributor.storage.channels import ChannelRecord

DISCOVERED_LIMITS_MAX_AGE = timedelta(days=1)

log = structlog.get_logger(__name__)


def render(app: AppContext, dispatch_id: int) -> bool:
    """Freeze the rendition of a planned dispatch. False if it cannot be sent; the dispatch then has the reason.

    Raises ServiceError if PostgreSQL is away, and NotFoundError if the kind of the channel is not installed; nothing
    has changed then.
    """
    began = time.monotonic()
    with app.database.begin() as connection:
        dispatch = dispatches.find(connection, dispatch_id)
        campaign = campaigns.find(connection, dispatch.campaign_id)
        record = channels.find_by_id(connection, dispatch.channel_id)
        content = load_content(connection, campaign, record.name)
    kind_of(record.kind)
    try:
        channel = app.open_channel(record)
        discovered_limits = _discovered_limits(app, channel, record)
        rendition = render_content(app, channel, campaign, content, discovered_limits=discovered_limits)
        with app.database.begin() as connection:
            problems = check_content(connection, channel, rendition, campaign, now=app.clock())
    except ServiceError:
        raise
    except DistributorError as error:
        with app.database.begin() as connection:
            dispatches.fail_rendering(connection, dispatch_id, str(error), ())
        log.warning("dispatch.render_failed", dispatch_id=dispatch_id, reason=type(error).__name__)
        return False
    blocking = [problem for problem in problems if problem.severity is Severity.BLOCK]
    with app.database.begin() as connection:
        if blocking:
            reason = "; ".join(problem.message for problem in blocking)
            dispatches.fail_rendering(connection, dispatch_id, reason, problems)
            is_frozen = False
        else:
            is_frozen = dispatches.freeze_rendition(connection, dispatch_id, rendition, problems, now=app.clock())
    if blocking:
        codes = ", ".join(problem.code for problem in blocking)
        log.warning("dispatch.render_failed", dispatch_id=dispatch_id, reason=codes)
    elif is_frozen:
        log.info(
            "dispatch.rendered",
            dispatch_id=dispatch_id,
            campaign_id=campaign.id,
            channel=record.name,
            problems=len(problems),
            seconds=round(time.monotonic() - began, 3),
        )
    return is_frozen


def _discovered_limits(app: AppContext, channel: Channel, record: ChannelRecord) -> Mapping[str, Json]:
    """The limits of the remote API, fetched once a day; if it does not answer, those of the last time."""
    now = app.clock()
    is_fresh = record.discovered_at is not None and now - record.discovered_at < DISCOVERED_LIMITS_MAX_AGE
    if is_fresh or not isinstance(channel, DiscoveringChannel):
        return record.discovered_limits
    try:
        discovered_limits = asyncio.run(channel.discover())
    except (ServiceError, httpx.HTTPError, OSError):
        return record.discovered_limits
    with app.database.begin() as connection:
        channels.save_discovered_limits(connection, record.id, discovered_limits, now=now)
    return discovered_limits
