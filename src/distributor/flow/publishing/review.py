"""Review: what a campaign would send now on all of its channels and what is wrong, before anything is public."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import structlog

from distributor.channels.api import Audience, Capabilities, PublishingChannel
from distributor.channels.registry import kinds
from distributor.domain.campaign import Campaign, CampaignPurpose, Dispatch, DispatchState
from distributor.domain.campaign_review import CampaignReview, DispatchReview, Reach
from distributor.domain.errors import DistributorError, ServiceError, StateError
from distributor.domain.problems import Problem, Severity
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.campaign_content import RenderedDispatch, audience_query_of, render_dispatch
from distributor.storage import articles, audiences, campaigns, dispatches
from distributor.storage.articles import StoredArticle

_ENDED = frozenset({DispatchState.FINISHED, DispatchState.CANCELLED})

log = structlog.get_logger(__name__)


def review_campaign(app: AppContext, campaign_id: int) -> CampaignReview:
    """Render and check a campaign on every channel that is not released yet; the campaign stays as it is.

    What cannot be rendered on one channel is a blocking problem of that channel. Raises NotFoundError, StateError if
    nothing is left to review, and ServiceError if PostgreSQL is away.
    """
    now = app.clock()
    with app.database.begin() as connection:
        campaign = campaigns.find(connection, campaign_id)
        waiting = [
            one
            for one in dispatches.of_campaign(connection, campaign_id)
            if one.released_at is None and one.state not in _ENDED
        ]
        found = articles.find_many(connection, campaign.article_ids)
        hidden = articles.hidden_of_campaign(connection, campaign_id, now=now)
    if campaign.purpose is not CampaignPurpose.ARTICLES or not waiting:
        raise StateError(f"campaign {campaign_id} has no channel that is still to be released, so nothing to review")
    return _review(app, campaign, waiting, found, hidden, now=now)


def _review(
    app: AppContext,
    campaign: Campaign,
    waiting: Sequence[Dispatch],
    found: Sequence[StoredArticle],
    hidden: Sequence[str],
    *,
    now: datetime,
) -> CampaignReview:
    return CampaignReview(
        campaign_id=campaign.id,
        made_at=now,
        titles=tuple(one.article.title for one in found),
        revisions={one.article.slug: one.article.revision for one in found},
        dispatches=tuple(_review_dispatch(app, campaign, one) for one in waiting),
        to_publish=tuple(hidden),
    )


def _review_dispatch(app: AppContext, campaign: Campaign, dispatch: Dispatch) -> DispatchReview:
    rendered: RenderedDispatch | None = None
    recipients = 0
    problems: tuple[Problem, ...]
    try:
        rendered = render_dispatch(app, campaign, dispatch)
        problems = rendered.problems
        recipients = _count_recipients(app, campaign, rendered)
    except ServiceError:
        raise
    except DistributorError as error:
        problems = (Problem(Severity.BLOCK, "render-failed", str(error)),)
    except Exception as error:
        log.warning("dispatch.review_failed", dispatch_id=dispatch.id, reason=type(error).__name__, exc_info=error)
        fault = f"it cannot be rendered, because of a fault in the channel: {type(error).__name__}: {error}"
        problems = (Problem(Severity.BLOCK, "render-failed", fault),)
    return DispatchReview(
        dispatch_id=dispatch.id,
        channel_name=dispatch.channel_name,
        kind=dispatch.kind,
        reach=_reach_of(dispatch.kind),
        scheduled_at=dispatch.scheduled_at,
        zone=dispatch.zone,
        rendition=rendered.rendition if rendered else None,
        problems=problems,
        recipients=recipients,
    )


def _count_recipients(app: AppContext, campaign: Campaign, rendered: RenderedDispatch) -> int:
    channel = rendered.channel
    if channel.capabilities.audience is Audience.BROADCAST:
        return len(channel.recipients(rendered.rendition))
    with app.database.begin() as connection:
        return audiences.count(connection, audience_query_of(connection, campaign), now=app.clock())


def _reach_of(kind_name: str) -> Reach:
    kind = kinds().get(kind_name)
    if kind is None:
        return Reach.POSTED
    capabilities: Capabilities = kind.capabilities
    if capabilities.audience is Audience.SUBSCRIBERS:
        return Reach.MAILED
    return Reach.PUBLISHED if issubclass(kind, PublishingChannel) else Reach.POSTED
