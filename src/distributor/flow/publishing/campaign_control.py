"""Steer: pause, resume, cancel a campaign, and try its failed deliveries again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

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
from distributor.storage import campaigns, deliveries, dispatches, failed_deliveries
from distributor.storage.database import Connection

_T = TypeVar("_T")

EVERY_FAILURE = FailureChoice()


def pause(app: AppContext, campaign_id: int, reason: str = "paused by hand") -> int:
    """Hold every open dispatch; workers stop at their next batch. Returns how many were held. Raises StateError."""

    def hold(connection: Connection, dispatch: Dispatch) -> bool:
        return dispatches.change_state(
            connection,
            dispatch.id,
            before=OPEN_STATES - {DispatchState.PAUSED},
            after=DispatchState.PAUSED,
            reason=reason,
        )

    return _insist(_each(app, campaign_id, hold), "nothing of campaign {} can be paused", campaign_id)


def resume(app: AppContext, campaign_id: int) -> int:
    """Let every dispatch that is paused, or could not be rendered, go on; returns how many. Raises StateError."""

    def go_on(connection: Connection, dispatch: Dispatch) -> bool:
        return dispatches.resume(connection, dispatch.id)

    return _insist(
        _each(app, campaign_id, go_on), "nothing of campaign {} is paused or waits to be mended", campaign_id
    )


def cancel(app: AppContext, campaign_id: int) -> int:
    """Stop every open dispatch for good: what waits is suppressed, what is in flight still settles. Raises StateError.

    Returns how many deliveries will not be sent.
    """

    def stop(connection: Connection, dispatch: Dispatch) -> tuple[bool, int]:
        stopped = dispatches.change_state(
            connection, dispatch.id, before=OPEN_STATES, after=DispatchState.CANCELLED, reason="cancelled by hand"
        )
        if not stopped:
            return False, 0
        return True, deliveries.suppress_unsent(connection, dispatch.id, "the campaign was cancelled", now=app.clock())

    stops = _each(app, campaign_id, stop)
    _insist([stopped for stopped, _ in stops], "nothing of campaign {} can be cancelled any more", campaign_id)
    return sum(unsent for _, unsent in stops)


def retry_failed(app: AppContext, campaign_id: int, choice: FailureChoice = EVERY_FAILURE) -> RetryCount:
    """Send the failed deliveries that are chosen again. Raises StateError if there are none, NotFoundError.

    Nobody gets an article twice by it: who was given it by another campaign meanwhile is passed over.
    """
    with app.database.begin() as connection:
        campaign = campaigns.find(connection, campaign_id)
        _insist_on_channels(connection, campaign, choice)
        count = failed_deliveries.retry_failed(connection, campaign, choice, now=app.clock())
    if not count.failed:
        raise StateError(f"campaign {campaign_id} has no failed deliveries")
    if not count.again:
        raise StateError(
            f"none of the {count.failed} failed deliveries of campaign {campaign_id} can be sent again: "
            f"{count.not_meant} are not meant, {count.held_back} go to people who may not be written to any more or "
            f"not now, and {count.got_since} to people who got it by another campaign"
        )
    return count


def count_failed(app: AppContext, campaign_id: int, choice: FailureChoice = EVERY_FAILURE) -> RetryCount:
    """What `retry_failed` would do now. Changes nothing. Raises NotFoundError."""
    with app.database.begin() as connection:
        campaign = campaigns.find(connection, campaign_id)
        _insist_on_channels(connection, campaign, choice)
        return failed_deliveries.count_failed(connection, campaign, choice, now=app.clock())


def _insist_on_channels(connection: Connection, campaign: Campaign, choice: FailureChoice) -> None:
    there = {dispatch.channel_name for dispatch in dispatches.of_campaign(connection, campaign.id)}
    for name in choice.channel_names:
        if name not in there:
            raise NotFoundError(f"channel of campaign {campaign.id}", name, hint=f"it has {', '.join(sorted(there))}")


def _each(app: AppContext, campaign_id: int, act: Callable[[Connection, Dispatch], _T]) -> list[_T]:
    with app.database.begin() as connection:
        campaigns.find(connection, campaign_id)
        return [act(connection, dispatch) for dispatch in dispatches.of_campaign(connection, campaign_id)]


def _insist(done: list[bool], complaint: str, campaign_id: int) -> int:
    if not any(done):
        raise StateError(complaint.format(campaign_id))
    return sum(done)
