"""Campaign control: pause, resume and cancel a campaign, and retry its failed deliveries."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import structlog

from distributor.domain.campaign import (
    OPEN_STATES,
    Campaign,
    Dispatch,
    DispatchState,
    FailureChoice,
    RetryCount,
)
from distributor.domain.errors import NotFoundError, StateError
from distributor.flow.app_context import AppContext
from distributor.flow.publishing.article_control import require_sendable
from distributor.storage import campaigns, deliveries, dispatches, failed_deliveries
from distributor.storage.database import Connection

_T = TypeVar("_T")

EVERY_FAILURE = FailureChoice()

log = structlog.get_logger(__name__)


def pause(app: AppContext, campaign_id: int, reason: str = "paused by hand") -> int:
    """Pause every open dispatch; workers stop at their next batch. Returns how many; raises StateError if none."""

    def pause_one(connection: Connection, dispatch: Dispatch) -> bool:
        return dispatches.pause(connection, dispatch.id, reason=reason)

    count = _require_any(_each(app, campaign_id, pause_one), "no dispatch of campaign {} can be paused", campaign_id)
    log.info("campaign.paused", campaign_id=campaign_id, dispatches=count)
    return count


def resume(app: AppContext, campaign_id: int) -> int:
    """Resume every dispatch that is paused or could not be rendered; returns how many.

    Raises StateError if none is, or if an article cannot be sent: it was withdrawn, or is under embargo.
    """
    now = app.clock()

    def resume_one(connection: Connection, dispatch: Dispatch) -> bool:
        is_resumed = dispatches.resume(connection, dispatch.id, now=now)
        if is_resumed:
            article_ids = campaigns.find(connection, campaign_id).article_ids
            require_sendable(connection, article_ids, at=max(now, dispatch.scheduled_at))
        return is_resumed

    count = _require_any(
        _each(app, campaign_id, resume_one), "no dispatch of campaign {} is paused or failed to render", campaign_id
    )
    log.info("campaign.resumed", campaign_id=campaign_id, dispatches=count)
    return count


def cancel(app: AppContext, campaign_id: int) -> int:
    """Cancel every open dispatch: waiting deliveries are suppressed, those in flight are still settled.

    Returns how many deliveries will not be sent. Raises StateError if no dispatch is open.
    """

    def cancel_one(connection: Connection, dispatch: Dispatch) -> tuple[bool, int]:
        is_cancelled = dispatches.change_state(
            connection, dispatch.id, before=OPEN_STATES, after=DispatchState.CANCELLED, reason="cancelled by hand"
        )
        if not is_cancelled:
            return False, 0
        return True, deliveries.suppress_unsent(connection, dispatch.id, "the campaign was cancelled", now=app.clock())

    results = _each(app, campaign_id, cancel_one)
    count = _require_any(
        [is_cancelled for is_cancelled, _ in results], "no dispatch of campaign {} is open", campaign_id
    )
    unsent = sum(suppressed for _, suppressed in results)
    log.info("campaign.cancelled", campaign_id=campaign_id, dispatches=count, unsent=unsent)
    return unsent


def retry_failed(app: AppContext, campaign_id: int, choice: FailureChoice = EVERY_FAILURE) -> RetryCount:
    """Retry the failed deliveries that match `choice`.

    Raises NotFoundError, and StateError if none can be retried or an article was withdrawn.

    Recipients who got the article by another campaign meanwhile are skipped, so that no one gets it twice.
    """
    with app.database.begin() as connection:
        campaign = campaigns.find(connection, campaign_id)
        _require_channels(connection, campaign, choice)
        require_sendable(connection, campaign.article_ids, at=app.clock())
        count = failed_deliveries.retry_failed(connection, campaign, choice, now=app.clock())
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


def count_failed(app: AppContext, campaign_id: int, choice: FailureChoice = EVERY_FAILURE) -> RetryCount:
    """What `retry_failed` would do now; changes nothing. Raises NotFoundError."""
    with app.database.begin() as connection:
        campaign = campaigns.find(connection, campaign_id)
        _require_channels(connection, campaign, choice)
        return failed_deliveries.count_failed(connection, campaign, choice, now=app.clock())


def _require_channels(connection: Connection, campaign: Campaign, choice: FailureChoice) -> None:
    known = {dispatch.channel_name for dispatch in dispatches.of_campaign(connection, campaign.id)}
    for name in choice.channel_names:
        if name not in known:
            raise NotFoundError(f"channel of campaign {campaign.id}", name, hint=f"it has {', '.join(sorted(known))}")


def _each(app: AppContext, campaign_id: int, act: Callable[[Connection, Dispatch], _T]) -> list[_T]:
    with app.database.begin() as connection:
        campaigns.find(connection, campaign_id)
        return [act(connection, dispatch) for dispatch in dispatches.of_campaign(connection, campaign_id)]


def _require_any(done: list[bool], message: str, campaign_id: int) -> int:
    """How many are done. Raises StateError with the message if none is."""
    if not any(done):
        raise StateError(message.format(campaign_id))
    return sum(done)
