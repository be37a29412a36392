"""When to try again after a temporary failure."""

from __future__ import annotations

from datetime import datetime, timedelta

FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=4)
GIVE_UP_AFTER = timedelta(days=3)


def next_attempt(
    *, attempt: int, since: datetime, now: datetime, asked: datetime | None, spread: float
) -> datetime | None:
    """The time of the next attempt, or None when it is time to give up.

    `attempt` is the number of the one that just failed, counted from 1; waits double up to LONGEST_WAIT. `since` is
    when the delivery was created; nothing is tried later than GIVE_UP_AFTER from it. A time the other side `asked`
    for is obeyed. `spread` in [0, 1) stretches the wait by up to a quarter, so that many failures do not return at once.
    """
    wait = min(FIRST_WAIT * 2 ** min(attempt - 1, 16), LONGEST_WAIT) * (1 + spread / 4)
    moment = max(now + wait, asked) if asked else now + wait
    return moment if moment <= since + GIVE_UP_AFTER else None
