"""The retention of deliveries: those of campaigns that ended long ago become past ones, and what they had is removed.

What stays of each is to whom it went and how it ended, under its id: links in old mails go on working, nobody gets an
article twice, and totals and results do not change.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TypeAlias

from distributor.domain.campaign import CampaignAction
from distributor.domain.delivery import SETTLED
from distributor.domain.retention import DELIVERY_RETENTION
from distributor.flow.app_context import AppContext
from distributor.flow.failpoints import Failpoint
from distributor.flow.quarantine import ItemGuard
from distributor.storage import campaigns, past_deliveries, renditions

# Whether the time of a purge is up.
IsOver: TypeAlias = Callable[[], bool]

_DELIVERIES_AT_ONCE = 2000
_RENDITIONS_AT_ONCE = 100
# A review or a preparation that stores a rendition refers to it in the same transaction, or soon.
_UNUSED_FOR = timedelta(days=30)
_BY_ITSELF = "retention"


def move_past_deliveries(app: AppContext, guard: ItemGuard, is_over: IsOver) -> int:
    """Make the deliveries of campaigns that ended before the retention time past ones; returns how many.

    A batch is one transaction: what a killed worker had not committed is moved by the next purge.
    """
    if app.delivery_retention is None:
        return 0
    before = app.clock() - app.delivery_retention
    with app.database.begin() as connection:
        found = past_deliveries.dispatches_to_move(connection, before=before)
    moved = 0
    for dispatch_id in found:
        if is_over():
            break
        with guard.item(f"deliveries of dispatch {dispatch_id}"):
            moved += _move_dispatch(app, dispatch_id, before=before, is_over=is_over)
    return moved


def _move_dispatch(app: AppContext, dispatch_id: int, *, before: datetime, is_over: IsOver) -> int:
    moved = 0
    for state in sorted(SETTLED):
        after_id: int | None = 0
        while after_id is not None:
            if is_over():
                return moved
            with app.database.begin() as connection:
                number, after_id = past_deliveries.move(
                    connection,
                    dispatch_id,
                    state,
                    before=before,
                    bounces_since=app.clock() - app.bounce_policy.lapses_after,
                    after_id=after_id,
                    limit=_DELIVERIES_AT_ONCE,
                    now=app.clock(),
                )
                app.failpoint(Failpoint.BEFORE_REMOVAL)
            app.failpoint(Failpoint.AFTER_REMOVAL)
            moved += number
    return moved


def remove_past_attachments(app: AppContext, guard: ItemGuard, _is_over: IsOver) -> int:
    """Remove the attachments of campaigns that ended before the retention time; returns of how many campaigns."""
    if app.delivery_retention is None:
        return 0
    before, removed = app.clock() - app.delivery_retention, 0
    with app.database.begin() as connection:
        found = past_deliveries.past_campaigns_with_files(connection, before=before)
    for campaign_id in found:
        with guard.item(f"attachments of campaign {campaign_id}"), app.database.begin() as connection:
            campaigns.lock(connection, campaign_id)
            names = past_deliveries.remove_files(connection, campaign_id, before=before)
            if names:
                detail = f"attachments: {', '.join(names)} ({DELIVERY_RETENTION})"
                action = CampaignAction.DETAILS_REMOVED
                campaigns.record(connection, campaign_id, action, actor=_BY_ITSELF, now=app.clock(), detail=detail)
                removed += 1
    return removed


def remove_past_renditions(app: AppContext, _: ItemGuard, is_over: IsOver) -> int:
    """Remove renditions that nothing refers to, and those of campaigns that ended before the retention time.

    Returns how many.
    """
    now, removed = app.clock(), 0
    while not is_over():
        with app.database.begin() as connection:
            number = renditions.delete_unused(connection, created_before=now - _UNUSED_FOR, limit=_RENDITIONS_AT_ONCE)
            if app.delivery_retention is not None:
                number += renditions.remove_past(
                    connection, ended_before=now - app.delivery_retention, limit=_RENDITIONS_AT_ONCE, now=now
                )
            app.failpoint(Failpoint.BEFORE_REMOVAL)
        app.failpoint(Failpoint.AFTER_REMOVAL)
        removed += number
        if not number:
            break
    return removed
