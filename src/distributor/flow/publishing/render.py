"""Render: freeze the rendition of a dispatch and check it."""

from __future__ import annotations

import time

import structlog

from distributor.channels.registry import kind_of
from distributor.domain.errors import DistributorError, ServiceError
from distributor.domain.problems import Severity
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.campaign_content import render_dispatch
from distributor.storage import campaigns, dispatches

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
    kind_of(dispatch.kind)
    try:
        rendered = render_dispatch(app, campaign, dispatch)
    except ServiceError:
        raise
    except DistributorError as error:
        with app.database.begin() as connection:
            dispatches.fail_rendering(connection, dispatch_id, str(error), ())
        log.warning("dispatch.render_failed", dispatch_id=dispatch_id, reason=type(error).__name__)
        return False
    blocking = [problem for problem in rendered.problems if problem.severity is Severity.BLOCK]
    with app.database.begin() as connection:
        if blocking:
            reason = "; ".join(problem.message for problem in blocking)
            dispatches.fail_rendering(connection, dispatch_id, reason, rendered.problems)
            is_frozen = False
        else:
            is_frozen = dispatches.freeze_rendition(
                connection, dispatch_id, rendered.rendition, rendered.problems, now=app.clock()
            )
    if blocking:
        codes = ", ".join(problem.code for problem in blocking)
        log.warning("dispatch.render_failed", dispatch_id=dispatch_id, reason=codes)
    elif is_frozen:
        log.info(
            "dispatch.rendered",
            dispatch_id=dispatch_id,
            campaign_id=campaign.id,
            channel=dispatch.channel_name,
            problems=len(rendered.problems),
            seconds=round(time.monotonic() - began, 3),
        )
    return is_frozen
