"""Prepare: shortly before its time, make the rendition of a dispatch again and compare it with the reviewed one."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import structlog

from distributor.channels.registry import kind_of
from distributor.domain.campaign import Campaign, CampaignAction, ChangePolicy, Dispatch, DispatchState
from distributor.domain.campaign_review import joined
from distributor.domain.errors import DistributorError, ServiceError
from distributor.domain.problems import Problem, Severity
from distributor.domain.rendition import Rendition
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.campaign_content import (
    MISSING_FIELD,
    RenderedDispatch,
    check_content,
    render_dispatch,
)
from distributor.storage import articles, campaign_reviews, campaigns, channels, dispatches
from distributor.storage.database import Connection

# Who pauses and releases campaigns at their times, in their history.
SCHEDULER = "scheduler"

log = structlog.get_logger(__name__)


def prepare(app: AppContext, dispatch_id: int) -> bool:
    """Make what a scheduled dispatch sends, and hold the campaign if that must not go out as it is.

    If it differs from what was reviewed, the campaign's change policy says what follows. A problem that blocks it, or a
    change that waits for a person, pauses every dispatch of the campaign that is not released. True if it is ready.

    Raises ServiceError if PostgreSQL is away, and NotFoundError if the kind of the channel is not installed; nothing
    has changed then.
    """
    began = time.monotonic()
    with app.database.begin() as connection:
        dispatch = dispatches.find(connection, dispatch_id)
        campaign = campaigns.find(connection, dispatch.campaign_id)
        reviewed = dispatches.rendition_of(connection, dispatch_id) if dispatch.rendition_id else None
    if dispatch.state is not DispatchState.SCHEDULED or dispatch.prepared_at is not None:
        return False
    kind_of(dispatch.kind)
    keeps = campaign.on_change is ChangePolicy.KEEP and reviewed is not None
    try:
        made = _as_reviewed(app, campaign, dispatch, reviewed) if keeps and reviewed else None
        made = made or render_dispatch(app, campaign, dispatch)
    except ServiceError:
        raise
    except DistributorError as error:
        return _hold(app, campaign, dispatch, f"{dispatch.channel_name}: {error}", codes=type(error).__name__)
    blocking = [one for one in made.problems if _blocks(one)]
    if blocking:
        reason = "; ".join(f"{dispatch.channel_name}: {one.message}" for one in blocking)
        return _hold(app, campaign, dispatch, reason, codes=", ".join(one.code for one in blocking))
    if reviewed is not None and made.rendition.digest != reviewed.digest and campaign.on_change is ChangePolicy.WAIT:
        return _hold(app, campaign, dispatch, _describe_changes(app, campaign, dispatch, made), codes="changed")
    with app.database.begin() as connection:
        is_prepared = _is_unchanged(connection, campaign, dispatch) and dispatches.freeze_rendition(
            connection, dispatch_id, made.rendition, made.problems, revisions=made.revisions, now=app.clock()
        )
        if is_prepared and keeps:
            _keep_images(connection, campaign)
    if is_prepared:
        log.info(
            "dispatch.prepared",
            dispatch_id=dispatch_id,
            campaign_id=campaign.id,
            channel=dispatch.channel_name,
            problems=len(made.problems),
            seconds=round(time.monotonic() - began, 3),
        )
    return is_prepared


def hold_unreleased(connection: Connection, app: AppContext, campaign_id: int, reason: str) -> int:
    """Pause what is not released of a campaign, which the caller has locked; returns how many dispatches."""
    count = dispatches.pause_unreleased(connection, campaign_id, reason=reason)
    if count:
        campaigns.record(
            connection, campaign_id, CampaignAction.PAUSED, actor=SCHEDULER, detail=reason, now=app.clock()
        )
    return count


def spell_changes(before: Mapping[str, int], after: Mapping[str, int], channel_names: Sequence[str]) -> str:
    """What changed since a review, from the revisions of the articles by slug then and now."""
    revised = spell_revisions(before, after)
    named = joined(sorted(channel_names))
    differ = f"{named} differ{'s' if len(channel_names) == 1 else ''}"
    causes = joined(revised) if revised else "settings, templates or the state of an article changed since the review"
    return f"{causes}; {differ}"


def spell_revisions(before: Mapping[str, int], after: Mapping[str, int]) -> list[str]:
    """Which articles were revised since a review, and how often, from their revisions by slug then and now."""
    return [
        f"article {slug} was revised {_spell_times(number - before[slug])} since the review"
        for slug, number in sorted(after.items())
        if number > before.get(slug, number)
    ]


def _as_reviewed(app: AppContext, campaign: Campaign, dispatch: Dispatch, reviewed: Rendition) -> RenderedDispatch:
    """The reviewed rendition, checked again."""
    with app.database.begin() as connection:
        channel = app.open_channel(channels.find_by_id(connection, dispatch.channel_id))
        checked = check_content(connection, channel, reviewed, campaign, now=app.clock())
    return RenderedDispatch(channel=channel, rendition=reviewed, revisions={}, checked=checked)


def _blocks(problem: Problem) -> bool:
    """Whether it keeps the dispatch from being sent now. A missing field does: no one would get the mail."""
    return problem.severity is Severity.BLOCK or problem.code == MISSING_FIELD


def _is_unchanged(connection: Connection, campaign: Campaign, dispatch: Dispatch) -> bool:
    """Lock the campaign; whether it was neither edited nor scheduled anew since it was read."""
    now = campaigns.lock(connection, campaign.id)
    found = dispatches.find(connection, dispatch.id)
    return (now.version, found.state, found.scheduled_at, found.rendition_id, found.prepared_at) == (
        campaign.version,
        dispatch.state,
        dispatch.scheduled_at,
        dispatch.rendition_id,
        dispatch.prepared_at,
    )


def _hold(app: AppContext, campaign: Campaign, dispatch: Dispatch, reason: str, *, codes: str) -> bool:
    with app.database.begin() as connection:
        if not _is_unchanged(connection, campaign, dispatch):
            return False
        hold_unreleased(connection, app, campaign.id, reason)
    log.warning("campaign.held", campaign_id=campaign.id, dispatch_id=dispatch.id, reason=codes)
    return False


def _describe_changes(app: AppContext, campaign: Campaign, dispatch: Dispatch, made: RenderedDispatch) -> str:
    with app.database.begin() as connection:
        review = campaign_reviews.newest_accepted(connection, campaign.id)
        others = [
            one
            for one in dispatches.of_campaign(connection, campaign.id)
            if one.state is DispatchState.SCHEDULED and one.id != dispatch.id
        ]
    changed = [dispatch.channel_name, *(one.channel_name for one in others if _differs(app, campaign, one))]
    what = spell_changes(review.revisions if review else {}, made.revisions, changed)
    return (
        f"{what}. `distributor campaign review {campaign.id}` shows it as it is now, and "
        f"`distributor campaign resume {campaign.id}` sends it so"
    )


def _differs(app: AppContext, campaign: Campaign, dispatch: Dispatch) -> bool:
    """Whether it would go out other than it was reviewed."""
    if dispatch.rendition_id is None:
        return False
    with app.database.begin() as connection:
        reviewed = dispatches.rendition_of(connection, dispatch.id)
    try:
        return render_dispatch(app, campaign, dispatch).rendition.digest != reviewed.digest
    except ServiceError:
        raise
    except DistributorError:
        return True


def _keep_images(connection: Connection, campaign: Campaign) -> None:
    """What goes out as it was reviewed still shows the images of the revisions that were reviewed."""
    review = campaign_reviews.newest_accepted(connection, campaign.id)
    for slug, number in review.revisions.items() if review else ():
        articles.keep_images(connection, slug, number)


def _spell_times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
