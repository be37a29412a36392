"""Campaign control: pause, resume and cancel a campaign, and retry its failed deliveries."""

from __future__ import annotations

from collections.abc import Sequence

import structlog

from distributor.domain.campaign import (
    BY_CANCELLATION,
    OPEN_STATES,
    Campaign,
    CampaignAction,
    Dispatch,
    DispatchState,
    FailureChoice,
    RetryCount,
)
from distributor.domain.campaign_review import CampaignReview
from distributor.domain.errors import NotFoundError, StateError
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.article_control import require_sendable
from distributor.flow.publishing.life_cycle import (
    accept_review,
    require_decided,
    require_seen,
    require_unblocked,
    require_version,
)
from distributor.flow.publishing.review import review_campaign
from distributor.storage import campaigns, deliveries, dispatches, failed_deliveries, leases
from distributor.storage.database import Connection

EVERY_FAILURE = FailureChoice()

log = structlog.get_logger(__name__)


def pause(app: AppContext, campaign_id: int, reason: str = "paused by hand", *, actor: str = "") -> int:
    """Pause every scheduled or running dispatch; workers begin nothing else a second later, within a batch too.

    Returns how many; raises StateError if none.
    """
    with app.database.begin() as connection:
        campaigns.lock(connection, campaign_id)
        planned = dispatches.of_campaign(connection, campaign_id)
        count = sum([dispatches.pause(connection, one.id, reason=reason) for one in planned])
        if not count:
            raise StateError(f"no dispatch of campaign {campaign_id} can be paused")
        campaigns.record(connection, campaign_id, CampaignAction.PAUSED, actor=actor, detail=reason, now=app.clock())
    log.info("campaign.paused", campaign_id=campaign_id, dispatches=count)
    return count


def resume(
    app: AppContext,
    campaign_id: int,
    *,
    without: Sequence[str] = (),
    after_restore: bool = False,
    actor: str = "",
    version: int | None = None,
) -> CampaignReview | None:
    """Resume every dispatch that is paused: those that are released go on, the others are reviewed and scheduled.

    Returns the review of those that were not released, None if there are none. If the time of one of them has passed,
    its time is now. Those on the channels `without` are cancelled, if they are paused and not released. `version` is
    the one that the caller has seen, if it must be that one. What waits since the database was restored goes on only
    with `after_restore`: somebody has looked at what may have gone out.

    Raises BlockedError if the review finds what blocks them, and StateError if nothing is paused, an article cannot be
    sent, or they need an approval of what they are now.
    """
    with app.database.begin() as connection:
        campaign = campaigns.lock(connection, campaign_id)
        require_seen(campaign, version)
        version = campaign.version
        if not after_restore:
            require_decided(campaign, dispatches.of_campaign(connection, campaign_id))
        _leave_out(connection, dispatches.of_campaign(connection, campaign_id), without)
        planned = dispatches.of_campaign(connection, campaign_id)
    paused = [one for one in planned if one.state is DispatchState.PAUSED]
    if not paused:
        raise StateError(f"no dispatch of campaign {campaign_id} is paused")
    if all(one.released_at is not None for one in paused):
        made = None
    else:
        made = review_campaign(app, campaign_id)
        require_unblocked(made)
    with app.database.begin() as connection:
        campaign = campaigns.lock(connection, campaign_id)
        require_version(campaign, version)
        planned = dispatches.of_campaign(connection, campaign_id)
        held = [one.id for one in planned if one.is_held]
        leases.look_up_again(connection, held, now=app.clock())
        going_on = [dispatches.resume(connection, one.id) for one in planned]
        if made is not None:
            accept_review(connection, app, campaign, made, actor=actor)
        else:
            require_sendable(connection, campaign.article_ids, at=app.clock())
        detail = "after the restore of the database" if held else ""
        campaigns.record(connection, campaign_id, CampaignAction.RESUMED, actor=actor, detail=detail, now=app.clock())
    log.info("campaign.resumed", campaign_id=campaign_id, dispatches=len(paused), released=sum(going_on))
    return made


def cancel(app: AppContext, campaign_id: int, *, actor: str = "", version: int | None = None) -> int:
    """Cancel every open dispatch: waiting deliveries are suppressed, those in flight are still settled.

    Returns how many deliveries will not be sent. `version` is the one that the caller has seen, if it must be that one.
    Raises StateError if no dispatch is open, or for another version.
    """
    cancelled, unsent = 0, 0
    with app.database.begin() as connection:
        require_seen(campaigns.lock(connection, campaign_id), version)
        for one in dispatches.of_campaign(connection, campaign_id):
            if dispatches.change_state(
                connection, one.id, before=OPEN_STATES, after=DispatchState.CANCELLED, reason="cancelled by hand"
            ):
                cancelled += 1
                unsent += deliveries.suppress_unsent(connection, one.id, BY_CANCELLATION, now=app.clock())
        if not cancelled:
            raise StateError(f"no dispatch of campaign {campaign_id} is open")
        detail = f"{unsent} not sent" if unsent else ""
        campaigns.record(connection, campaign_id, CampaignAction.CANCELLED, actor=actor, detail=detail, now=app.clock())
    log.info("campaign.cancelled", campaign_id=campaign_id, dispatches=cancelled, unsent=unsent)
    return unsent


def retry_failed(
    app: AppContext, campaign_id: int, choice: FailureChoice = EVERY_FAILURE, *, actor: str = ""
) -> RetryCount:
    """Retry the failed deliveries that match `choice`.

    Raises NotFoundError, and StateError if none can be retried or an article was withdrawn.

    Recipients who got the article by another campaign meanwhile are skipped, so that no one gets it twice.
    """
    with app.database.begin() as connection:
        campaign = campaigns.lock(connection, campaign_id)
        _require_channels(connection, campaign, choice)
        require_sendable(connection, campaign.article_ids, at=app.clock())
        count = failed_deliveries.retry_failed(connection, campaign, choice, now=app.clock(), actor=actor)
        if count.retried:
            detail = _spell_retry(choice, count)
            campaigns.record(
                connection, campaign_id, CampaignAction.RETRIED, actor=actor, detail=detail, now=app.clock()
            )
    if not count.failed:
        raise StateError(f"campaign {campaign_id} has no failed deliveries")
    if not count.retried:
        raise StateError(
            f"none of the {count.failed} failed deliveries of campaign {campaign_id} can be retried: "
            f"{count.not_selected} do not match, {count.not_sendable} are for subscribers who are suppressed, paused "
            f"or unsubscribed, and {count.received_since} for recipients who got it by another campaign"
        )
    log.info("campaign.retried", campaign_id=campaign_id, deliveries=count.retried)
    return count


def was_just_retried(app: AppContext, campaign_id: int, *, actor: str) -> bool:
    """Whether a retry by the same person is the last thing that was done: a form that is sent twice acts once."""
    with app.database.begin() as connection:
        history = campaigns.history(connection, campaign_id)
    return bool(history) and (history[-1].action, history[-1].actor) == (CampaignAction.RETRIED, actor)


def count_failed(app: AppContext, campaign_id: int, choice: FailureChoice = EVERY_FAILURE) -> RetryCount:
    """What `retry_failed` would do now; changes nothing. Raises NotFoundError."""
    with app.database.begin() as connection:
        campaign = campaigns.find(connection, campaign_id)
        _require_channels(connection, campaign, choice)
        return failed_deliveries.count_failed(connection, campaign, choice, now=app.clock())


def _spell_retry(choice: FailureChoice, count: RetryCount) -> str:
    """What was retried, such as ``3 of 5 failed deliveries, on mail, for mailboxfull``."""
    parts = [f"{count.retried} of {count.failed} failed deliveries"]
    if choice.delivery_ids:
        parts.append(f"delivery {', '.join(map(str, choice.delivery_ids[:5]))}")
    if choice.channel_names:
        parts.append(f"on {', '.join(choice.channel_names)}")
    if choice.reasons:
        parts.append(f"for {', '.join(one or 'no reason given' for one in choice.reasons)}")
    return ", ".join(parts)


def _leave_out(connection: Connection, planned: Sequence[Dispatch], without: Sequence[str]) -> None:
    """Cancel what is paused before its release on these channels. Raises NotFoundError if nothing is."""
    waiting = {one.channel_name: one.id for one in planned if one.released_at is None}
    for name in without:
        if name not in waiting or not dispatches.change_state(
            connection,
            waiting[name],
            before={DispatchState.PAUSED},
            after=DispatchState.CANCELLED,
            reason="left out when the campaign was resumed",
        ):
            raise NotFoundError("channel that is paused before its release", name)


def _require_channels(connection: Connection, campaign: Campaign, choice: FailureChoice) -> None:
    known = {dispatch.channel_name for dispatch in dispatches.of_campaign(connection, campaign.id)}
    for name in choice.channel_names:
        if name not in known:
            raise NotFoundError(f"channel of campaign {campaign.id}", name, hint=f"it has {', '.join(sorted(known))}")
