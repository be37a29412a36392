"""Release: freeze the audience of a due dispatch and start it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from datetime import datetime

import structlog

from distributor.channels.api import Audience, PersonalizedChannel
from distributor.domain.campaign import CampaignAction, Dispatch, DispatchState
from distributor.domain.errors import StateError
from distributor.domain.merge_fields import FieldGroup, MergeFields, field_label
from distributor.domain.rendition import Rendition
from distributor.domain.schedule import TOO_LATE, format_time, spell_duration
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.article_control import publish_for_campaign, require_sendable
from distributor.flow.publishing.campaign_content import audience_query_of, count_missing_fields, without_repetition
from distributor.flow.publishing.prepare import SCHEDULER, hold_unreleased
from distributor.storage import articles, audiences, campaigns, channels, deliveries, dispatches, merge_fields
from distributor.storage.articles import StoredArticle
from distributor.storage.database import Connection

log = structlog.get_logger(__name__)

# So many deliveries more change what PostgreSQL has to know about them; a few do not.
_MANY = 1000


def release(app: AppContext, dispatch_id: int) -> bool:
    """Freeze the audience of a prepared dispatch that is due; False if there is nothing to send.

    Accounts and feeds that got one of the articles by another campaign are left out, as subscribers are, unless the
    campaign allows repeats. Releases of the same article wait for each other.

    One transaction: either every recipient has a delivery, the articles are published and the dispatch runs, or
    nothing has changed. If it is later than TOO_LATE, an article is withdrawn or under embargo, or a subscriber lacks a
    field that the mail uses without a default, every dispatch of the campaign that is not released pauses with a reason
    instead. If an article was revised since it was prepared, it is prepared again.
    """
    try:
        return _release(app, dispatch_id)
    except StateError as error:
        with app.database.begin() as connection:
            campaign_id = dispatches.find(connection, dispatch_id).campaign_id
            campaigns.lock(connection, campaign_id)
            if dispatches.lock_due(connection, dispatch_id, now=app.clock()):
                hold_unreleased(connection, app, campaign_id, str(error))
        log.warning("dispatch.paused", dispatch_id=dispatch_id, reason=str(error))
        return False


def _release(app: AppContext, dispatch_id: int) -> bool:
    began = time.monotonic()
    reason = "the audience was empty at release"
    with app.database.begin() as connection:
        # The campaign first: whoever takes it back or edits it waits, or has won.
        campaign = campaigns.lock_for_release(connection, dispatches.find(connection, dispatch_id).campaign_id)
        if not dispatches.lock_due(connection, dispatch_id, now=app.clock()):
            return False
        dispatch = dispatches.find(connection, dispatch_id)
        articles.lock(connection, campaign.article_ids)
        # After the lock, which may have waited for a release that published an article.
        now = app.clock()
        _insist_on_punctuality(dispatch, now=now)
        locked = require_sendable(connection, campaign.article_ids, at=now)
        if _is_outdated(connection, locked, dispatch):
            dispatches.prepare_again(connection, dispatch_id)
            return False
        channel = app.open_channel(channels.find_by_id(connection, dispatch.channel_id))
        rendition = dispatches.rendition_of(connection, dispatch_id)
        if channel.capabilities.audience is Audience.BROADCAST:
            # The articles are locked: no other release of them is between this question and its answer.
            recipients, received = without_repetition(connection, channel, rendition, campaign)
            reason = received or reason
            audience = deliveries.freeze_recipients(connection, dispatch_id, recipients, now=now)
        else:
            mailing = audience_query_of(connection, campaign)
            needs = channel.merge_fields_of(rendition) if isinstance(channel, PersonalizedChannel) else MergeFields()
            audience = audiences.freeze(connection, dispatch_id, mailing, now=now, fields=needs.fields)
            if isinstance(channel, PersonalizedChannel) and needs.fields:
                groups = merge_fields.groups_of_dispatch(connection, dispatch_id, needs)
                _insist_on_fields(channel, rendition, groups, audience=audience)
        dispatches.mark_released(connection, dispatch_id, audience_size=audience, now=now)
        campaigns.record(
            connection,
            campaign.id,
            CampaignAction.RELEASED,
            actor=SCHEDULER,
            detail=f"{dispatch.channel_name}: {audience:,}",
            now=now,
        )
        if audience > 0:
            start = dispatches.start_of_campaign(connection, campaign.id) or now
            publish_for_campaign(connection, locked, campaign_id=campaign.id, start=start, now=now)
        else:
            dispatches.change_state(
                connection,
                dispatch_id,
                before={DispatchState.RUNNING},
                after=DispatchState.FAILED,
                reason=reason,
            )
    if audience >= _MANY:
        with app.database.begin() as connection:
            deliveries.gather_statistics(connection)
    log.info(
        "dispatch.released",
        dispatch_id=dispatch_id,
        campaign_id=dispatch.campaign_id,
        channel=dispatch.channel_name,
        audience=audience,
        seconds=round(time.monotonic() - began, 3),
    )
    return audience > 0


def _is_outdated(connection: Connection, locked: Sequence[StoredArticle], dispatch: Dispatch) -> bool:
    """Whether one of its articles was revised since the dispatch was prepared from it."""
    prepared = dispatches.revisions_of(connection, dispatch.id)
    return any(prepared.get(one.article.slug, one.article.revision) != one.article.revision for one in locked)


def _insist_on_punctuality(dispatch: Dispatch, *, now: datetime) -> None:
    assert dispatch.local_time is not None, "only drafts have no time"  # noqa: S101
    late = now - dispatch.local_time
    if late > TOO_LATE:
        raise StateError(
            f"it was to start at {format_time(dispatch.local_time)}, {spell_duration(late)} ago, and could not; "
            "nothing was sent. Resume this campaign to send it now, or cancel it"
        )


def _insist_on_fields(
    channel: PersonalizedChannel, rendition: Rendition, groups: Iterable[FieldGroup], *, audience: int
) -> None:
    lacking = count_missing_fields(channel, rendition, groups)
    if not lacking:
        return
    counts = ", ".join(
        f"{count} of {audience} subscribers have no {field_label(key)}" for key, count in lacking.most_common()
    )
    example = field_label(next(iter(lacking)))
    raise StateError(
        f"{counts}, and the mail uses it without a default; nothing was sent. Use "
        f"{{{{ {example} | default('…') }}}} in a new campaign; or set the field for these subscribers, or exclude "
        "them by a segment, and resume this campaign"
    )
