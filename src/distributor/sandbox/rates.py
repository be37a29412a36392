"""Rate limits: a fixed window that opens with the first call."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """What is left of a limit after a call; `granted` says whether the call was still within it."""

    limit: int
    remaining: int
    reset_at: datetime
    granted: bool


class RateWindow:
    """Counts points within a window of time. It is forgotten when the sandbox stops."""

    def __init__(self) -> None:
        self._spent = 0
        self._ends = datetime.min.replace(tzinfo=UTC)

    def spend(self, points: int, now: datetime, *, limit: int, seconds: int) -> Allowance:
        """Take `points` out of `limit` per `seconds`, or nothing if that is more than what is left."""
        if now >= self._ends:
            self._spent, self._ends = 0, now + timedelta(seconds=seconds)
        granted = self._spent + points <= limit
        if granted:
            self._spent += points
        return Allowance(limit=limit, remaining=max(limit - self._spent, 0), reset_at=self._ends, granted=granted)
