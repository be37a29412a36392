"""The send window: which claimed deliveries may be sent now, and which wait for quiet hours or warm-up quota."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta

from distributor.domain.delivery import Delivery
from distributor.domain.send_schedule import QuietHours, SendSchedule, WarmUp
from distributor.storage import deliveries, warm_up
from distributor.storage.database import Connection


def defer_outside_window(
    connection: Connection, channel_id: int, claimed: Sequence[Delivery], timing: SendSchedule, *, now: datetime
) -> list[Delivery]:
    """The deliveries that may be sent now, with their quota reserved; the others are deferred to their time."""
    allowed = _outside_quiet_hours(connection, claimed, timing.quiet, now=now) if timing.quiet else list(claimed)
    if timing.warm_up is None or not allowed:
        return allowed
    return _within_quota(connection, channel_id, allowed, timing.warm_up, now=now)


def return_unused_quota(
    connection: Connection, channel_id: int, timing: SendSchedule, day: date, *, count: int
) -> None:
    """Give back the reserved quota of `count` deliveries that were not sent after all."""
    if count and timing.warm_up is not None and timing.warm_up.limit_on(day) is not None:
        warm_up.release(connection, channel_id, day, count=count)


def _outside_quiet_hours(
    connection: Connection, claimed: Sequence[Delivery], quiet: QuietHours, *, now: datetime
) -> list[Delivery]:
    ends = {one.id: quiet.end_of_quiet(now, recipients_zone=one.zone) for one in claimed}
    waiting = [(one, end) for one in claimed if (end := ends[one.id]) is not None]
    deliveries.defer(
        connection,
        [one for one, _ in waiting],
        [end for _, end in waiting],
        why="waits for the end of quiet hours",
        now=now,
    )
    return [one for one in claimed if ends[one.id] is None]


def _within_quota(
    connection: Connection, channel_id: int, allowed: Sequence[Delivery], plan: WarmUp, *, now: datetime
) -> list[Delivery]:
    today = now.astimezone(UTC).date()
    limit = plan.limit_on(today)
    if limit is None:
        return list(allowed)
    granted = warm_up.reserve(connection, channel_id, today, wanted=len(allowed), limit=limit)
    waiting = allowed[granted:]
    tomorrow = datetime.combine(max(today + timedelta(days=1), plan.since), time(), tzinfo=UTC)
    deliveries.defer(
        connection, waiting, [tomorrow] * len(waiting), why=f"the warm-up plan allows {limit} mails today", now=now
    )
    return list(allowed[:granted])
