"""The rates that a batch has to keep, and how long it waits for them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta

from distributor.channels.api import RateLimit, RateLimiter

# How many seconds a batch may hold its worker up for want of tokens; then the rest goes back into the ledger.
PATIENCE = 5.0


class RateView:
    """The channel's buckets as one batch uses them: an empty one is not asked again before it can have a token."""

    def __init__(self, rates: RateLimiter, *, patience: float = PATIENCE) -> None:
        self._rates = rates
        self._loop = asyncio.get_running_loop()
        self._deadline = self._loop.time() + patience
        self._empty_until: dict[RateLimit, float] = {}

    def take(self, limits: Sequence[RateLimit]) -> float:
        """A token out of each bucket, and 0; or none, and how many seconds to wait for a better moment."""
        now = self._loop.time()
        wait = max((self._empty_until.get(limit, 0) - now for limit in limits), default=0)
        if wait > 0 or not limits:
            return max(wait, 0)
        wait = self._rates.take(limits) / timedelta(seconds=1)
        if wait > 0:
            # Whichever it was: the slowest is by far the likeliest, and asking again costs little.
            self._empty_until[min(limits, key=lambda limit: limit.per_second)] = now + wait
        return wait

    def is_too_long(self, wait: float) -> bool:
        """Whether the batch should not wait so long any more."""
        return self._loop.time() + wait > self._deadline

    def turn(self, limits: Sequence[RateLimit]) -> timedelta:
        """When one that cannot wait here has its turn at the slowest of these."""
        return self._rates.queue(min(limits, key=lambda limit: limit.per_second))
