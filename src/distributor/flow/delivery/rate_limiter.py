"""Token buckets in Redis, shared by all workers: they limit how fast a channel sends.

A bucket is stored as the time at which it will be full again (the generic cell rate algorithm, ITU-T I.371): one number
that needs no refilling and expires by itself. All times are of Redis' clock, so the workers' clocks may differ.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import cast

import structlog
from redis import Redis, RedisError

from distributor.channels.api import RateLimit

# The share of each rate that a process takes while Redis is down: there may be other workers it cannot see.
SHARE_WITHOUT_REDIS = 1 / 8
# How long to wait after an error before the next call to Redis.
_RETRY_REDIS_SECONDS = 30.0

# Takes a token out of every bucket and returns 0, or out of none and returns how long to wait. Times are in
# microseconds; `interval` is the time per token, `burst` how many tokens may be taken at once.
_TAKE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local full, wait = {}, 0
for index, key in ipairs(KEYS) do
    local interval, burst = tonumber(ARGV[2 * index - 1]), tonumber(ARGV[2 * index])
    local at = math.max(tonumber(redis.call('GET', key) or '0'), now)
    wait = math.max(wait, at - now - (burst - 1) * interval)
    full[index] = at + interval
end
if wait > 0 then
    return math.ceil(wait)
end
for index, key in ipairs(KEYS) do
    redis.call('SET', key, string.format('%.0f', full[index]), 'PX', math.ceil((full[index] - now) / 1000) + 1)
end
return 0
"""
# Reserves the next token, which may lie in the future, and returns how long to wait for it.
_RESERVE = """
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local at = math.max(tonumber(redis.call('GET', KEYS[1]) or '0'), now) + tonumber(ARGV[1])
redis.call('SET', KEYS[1], string.format('%.0f', at), 'PX', math.ceil((at - now) / 1000) + 1)
return at - now
"""

log = structlog.get_logger(__name__)


class SharedRateLimiter:
    """The token buckets of one channel. While Redis is down, each process keeps to a share of the rates by itself."""

    def __init__(self, redis: Redis, channel_id: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._redis = redis
        self._prefix = f"distributor:bucket:{channel_id}:"
        self._clock = clock
        self._local = _LocalBuckets(clock)
        self._retry_redis_at = 0.0

    def take(self, limits: Sequence[RateLimit]) -> timedelta:
        """Take a token out of each bucket and return zero; or take none and return how long to wait before a retry."""
        keys = [self._prefix + limit.name for limit in limits]
        numbers = [number for limit in limits for number in (1e6 / limit.per_second, _burst(limit))]
        wait = self._eval(_TAKE, keys, numbers)
        return self._local.take(limits) if wait is None else timedelta(microseconds=wait)

    def reserve(self, limit: RateLimit) -> timedelta:
        """Reserve the next free token for a caller that does not wait here; returns how long until it is available.

        Each call reserves another token, so callers are spread out one interval apart.
        """
        wait = self._eval(_RESERVE, [f"{self._prefix}{limit.name}:reserved"], [1e6 / limit.per_second])
        return self._local.reserve(limit) if wait is None else timedelta(microseconds=wait)

    def _eval(self, script: str, keys: Sequence[str], numbers: Sequence[float]) -> int | None:
        """The result of the script, or None while Redis is down."""
        if self._clock() < self._retry_redis_at:
            return None
        try:
            return cast("int", self._redis.eval(script, len(keys), *keys, *(str(number) for number in numbers)))
        except RedisError as error:
            self._retry_redis_at = self._clock() + _RETRY_REDIS_SECONDS
            log.warning("rate_limiter.without_redis", reason=type(error).__name__, share=SHARE_WITHOUT_REDIS)
            return None


class _LocalBuckets:
    """The same buckets in this process alone, at its share of each rate."""

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

    def reserve(self, limit: RateLimit) -> timedelta:
        now = self._clock()
        name = f"{limit.name}:reserved"
        self._full_at[name] = max(self._full_at.get(name, 0), now) + 1 / (limit.per_second * SHARE_WITHOUT_REDIS)
        return timedelta(seconds=self._full_at[name] - now)


def _burst(limit: RateLimit) -> int:
    return max(1, int(limit.per_second))
