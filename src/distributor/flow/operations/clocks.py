"""Compares the clocks of this machine, of Redis, of the beat and of the workers with PostgreSQL's.

Times of campaigns, leases and retries are stored by one machine and compared with the clock of another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from distributor.flow.app_context import AppContext
from distributor.storage import heartbeats

# Older heartbeats may be of machines that are gone.
_RECENT = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockDifference:
    """By how much a clock is ahead of PostgreSQL's; negative if it is behind."""

    name: str
    ahead: timedelta


def compare_clocks(app: AppContext) -> list[ClockDifference]:
    """Each clock compared with PostgreSQL's. Raises ServiceError or RedisError."""
    with app.database.begin() as connection:
        seen = heartbeats.recent_heartbeats(connection, within=_RECENT)
    return [
        ClockDifference(name="this machine", ahead=_ahead(app, app.clock)),
        ClockDifference(name="Redis", ahead=_ahead(app, lambda: _redis_clock(app))),
        *(ClockDifference(name=f"the {one.role}", ahead=one.ahead) for one in seen),
    ]


def _ahead(app: AppContext, read: Callable[[], datetime]) -> timedelta:
    """At least how much the clock that is read is ahead of PostgreSQL's: the reading itself takes time."""
    before, time, after = app.database.clock(), read(), app.database.clock()
    return time - min(max(time, before), after)


def _redis_clock(app: AppContext) -> datetime:
    seconds, microseconds = app.redis.time()
    return datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=microseconds)
