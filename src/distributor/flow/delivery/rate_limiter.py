"""Token buckets in Redis, one for all workers: how fast a channel may send.

A bucket is kept as the moment at which it will be full again (the generic cell rate algorithm, ITU-T I.371): one number
that needs no refilling and goes away by itself. The clock is that of Redis, so workers need not agree about the time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import cast

import structlog
from redis import Redis, RedisError

from distributor.channels.api import RateLimit

# Without Redis a process gives itself this share: there may be as many workers that do not know of one another.
SHARE_WITHOUT_REDIS = 1 / 8
# How long Redis is not asked again after it has not answered.
_ASK_AGAIN_SECONDS = 30.0

# Either a token is taken out of every bucket, or out of none, and then the answer is how long that will take. Times are
# microseconds; `interval` is what one token is worth, `burst` how many of them may be taken at once.
_TAKE = """
local told = redis.call('TIME')
local now = told[1] * 1000000 + told[2]
local full, wait = {}, 0
for place, key in ipairs(KEYS) do
    local interval, burst = tonumber(ARGV[2 * place - 1]), tonumber(ARGV[2 * place])
    local at = math.max(tonumber(redis.call('GET', key) or '0'), now)
    wait = math.max(wait, at - now - (burst - 1) * interval)
    full[place] = at + interval
end
if wait > 0 then
    return math.ceil(wait)
end
for place, key in ipairs(KEYS) do
    redis.call('SET', key, string.format('%.0f', full[place]), 'PX', math.ceil((full[place] - now) / 1000) + 1)
end
return 0
"""
# A turn is a token that is taken before it is there; the answer is how long until it is.
_QUEUE = """
local told = redis.call('TIME')
local now = told[1] * 1000000 + told[2]
local turn = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now) + tonumber(ARGV[1])
redis.call('SET', KEYS[1], string.format('%.0f', turn), 'PX', math.ceil((turn - now) / 1000) + 1)
return turn - now
"""

log = structlog.get_logger("buckets")


class SharedRateLimiter:
    """The buckets of one channel. Where Redis is gone, each process keeps to a share of the rates by itself."""

    def __init__(self, redis: Redis, channel_id: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._prefix = f"distributor:bucket:{channel_id}:"
        self._clock = clock
        self._alone = _OwnBuckets(clock)
        self._ask_again_at = 0.0

    def take(self, limits: Sequence[RateLimit]) -> timedelta:
        """Take a token out of each bucket and return zero; or take none, and return how long until that may succeed."""
        keys = [self._prefix + limit.name for limit in limits]
        numbers = [number for limit in limits for number in (1e6 / limit.per_second, _burst(limit))]
        waited = self._ask(_TAKE, keys, numbers)
        return self._alone.take(limits) if waited is None else timedelta(microseconds=waited)

    def queue(self, limit: RateLimit) -> timedelta:
        """How long until it is the turn of one more who cannot wait here; those who ask get one turn after another."""
        waited = self._ask(_QUEUE, [f"{self._prefix}{limit.name}:turns"], [1e6 / limit.per_second])
        return self._alone.queue(limit) if waited is None else timedelta(microseconds=waited)

    def _ask(self, script: str, keys: Sequence[str], numbers: Sequence[float]) -> int | None:
        """The answer of Redis, or None where there is none."""
        if self._clock() < self._ask_again_at:
            return None
        try:
            return cast("int", self._redis.eval(script, len(keys), *keys, *(str(number) for number in numbers)))
        except RedisError as error:
            self._ask_again_at = self._clock() + _ASK_AGAIN_SECONDS
            log.warning("rates are kept without Redis, at a share for each process", reason=type(error).__name__)
            return None


class _OwnBuckets:
    """The same, known to this process alone and at its share of each rate."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._full_at: dict[str, float] = {}

    def take(self, limits: Sequence[RateLimit]) -> timedelta:
        now = self._clock()
        wait = max((self._full_at.get(limit.name, 0) - now for limit in limits), default=0)
        if wait > 0:
            return timedelta(seconds=wait)
        for limit in limits:
            self._full_at[limit.name] = now + 1 / (limit.per_second * SHARE_WITHOUT_REDIS)
        return timedelta()

    def queue(self, limit: RateLimit) -> timedelta:
        now = self._clock()
        name = f"{limit.name}:turns"
        self._full_at[name] = max(self._full_at.get(name, 0), now) + 1 / (limit.per_second * SHARE_WITHOUT_REDIS)
        return timedelta(seconds=self._full_at[name] - now)


def _burst(limit: RateLimit) -> int:
    return max(1, int(limit.per_second))
