"""Steer: pause, resume, cancel a campaign, and try its failed deliveries again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from distributor.domain.campaign import OPEN_STATES, Dispatch, DispatchState
from distributor.domain.errors import StateError
from distributor.flow.installation import Installation
from distributor.storage import campaigns, deliveries
from distributor.storage.database import Connection

_T = TypeVar("_T")


def pause(installation: Installation, campaign_id: int, reason: str = "paused by hand") -> int:
    """Hold every open dispatch; workers stop at their next batch. Returns how many were held. Raises StateError."""

    def hold(connection: Connection, dispatch: Dispatch) -> bool:
        return campaigns.change_state(
            connection,
            dispatch.id,
            before=OPEN_STATES - {DispatchState.PAUSED},
            after=DispatchState.PAUSED,
            reason=reason,
        )

    return _insist(_each(installation, campaign_id, hold), "nothing of campaign {} can be paused", campaign_id)


def resume(installation: Installation, campaign_id: int) -> int:
    """Let every dispatch that is paused, or could not be rendered, go on; returns how many. Raises StateError."""

    def go_on(connection: Connection, dispatch: Dispatch) -> bool:
        return campaigns.resume(connection, dispatch.id)

    return _insist(
        _each(installation, campaign_id, go_on), "nothing of campaign {} is paused or waits to be mended", campaign_id
    )


def cancel(installation: Installation, campaign_id: int) -> int:
    """Stop every open dispatch for good: what waits is suppressed, what is in flight still settles. Raises StateError.

    Returns how many deliveries will not be sent.
    """

    def stop(connection: Connection, dispatch: Dispatch) -> tuple[bool, int]:
        stopped = campaigns.change_state(
            connection, dispatch.id, before=OPEN_STATES, after=DispatchState.CANCELLED, reason="cancelled by hand"
        )
        if not stopped:
            return False, 0
        return True, deliveries.suppress_waiting(
            connection, dispatch.id, "the campaign was cancelled", now=installation.clock()
        )

    stops = _each(installation, campaign_id, stop)
    _insist([stopped for stopped, _ in stops], "nothing of campaign {} can be cancelled any more", campaign_id)
    return sum(unsent for _, unsent in stops)


def retry_failed(installation: Installation, campaign_id: int) -> int:
    """Send the failed deliveries again; returns how many. Raises StateError if there are none."""

    def again(connection: Connection, dispatch: Dispatch) -> int:
        count = deliveries.retry_failed(connection, dispatch.id, now=installation.clock())
        if count:
            campaigns.reopen(connection, dispatch.id)
        return count

    counts = _each(installation, campaign_id, again)
    _insist([bool(count) for count in counts], "campaign {} has no failed deliveries", campaign_id)
    return sum(counts)


def _each(installation: Installation, campaign_id: int, act: Callable[[Connection, Dispatch], _T]) -> list[_T]:
    with installation.database.begin() as connection:
        campaigns.find(connection, campaign_id)
        return [act(connection, dispatch) for dispatch in campaigns.dispatches_of(connection, campaign_id)]


def _insist(done: list[bool], complaint: str, campaign_id: int) -> int:
    if not any(done):
        raise StateError(complaint.format(campaign_id))
    return sum(done)
