"""Token buckets in Redis: shared, all or none, and a share for each process where Redis is gone."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis import Redis

from distributor.channels.api import RateLimit
from distributor.flow.app_context import AppContext
from distributor.flow.delivery.rate_limiter import SHARE_WITHOUT_REDIS, SharedRateLimiter

# So slow that no token flows in while a test runs.
SLOW = RateLimit(name="slow", per_second=0.001)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


def test_a_bucket_gives_its_tokens_and_then_says_how_long_to_wait(app: AppContext) -> None:
    buckets = SharedRateLimiter(app.redis, 1)
    assert buckets.take([SLOW]) == timedelta()
    assert timedelta(seconds=990) < buckets.take([SLOW]) <= timedelta(seconds=1000)


def test_a_seconds_worth_of_tokens_may_be_taken_at_once(app: AppContext) -> None:
    five = RateLimit(name="five", per_second=5)
    buckets = SharedRateLimiter(app.redis, 1)
    assert [buckets.take([five]) for _ in range(5)] == [timedelta()] * 5
    waits = [buckets.take([five]) for _ in range(20)]
    assert any(waits)
    assert all(wait <= timedelta(seconds=0.2) for wait in waits)


def test_all_workers_draw_from_one_bucket_and_every_channel_from_its_own(app: AppContext) -> None:
    assert SharedRateLimiter(app.redis, 1).take([SLOW]) == timedelta()
    assert SharedRateLimiter(app.redis, 1).take([SLOW]) > timedelta()
    assert SharedRateLimiter(app.redis, 2).take([SLOW]) == timedelta()


def test_a_token_is_taken_out_of_all_buckets_or_of_none(app: AppContext) -> None:
    buckets = SharedRateLimiter(app.redis, 1)
    two = RateLimit(name="two", per_second=2)
    assert buckets.take([SLOW]) == timedelta()
    for _ in range(10):
        assert buckets.take([two, SLOW]) > timedelta()
    assert [buckets.take([two]) for _ in range(2)] == [timedelta()] * 2


def test_reserved_tokens_are_one_interval_apart(app: AppContext) -> None:
    buckets = SharedRateLimiter(app.redis, 1)
    turns = [buckets.reserve(SLOW) / timedelta(seconds=1) for _ in range(4)]
    assert turns == pytest.approx([1000, 2000, 3000, 4000], abs=10)


def test_a_bucket_expires_when_it_is_full(app: AppContext) -> None:
    SharedRateLimiter(app.redis, 1).take([SLOW])
    (key,) = app.redis.scan_iter("distributor:bucket:*")
    # It expires when the bucket is full: after the 1000 seconds that one token takes.
    assert 0 < app.redis.pttl(key) <= 1_000_001


@given(st.lists(st.floats(0.0, 3.0), max_size=60), st.floats(0.5, 50))
@settings(deadline=None, derandomize=True, max_examples=30)
def test_without_redis_a_process_keeps_to_its_share(gone_redis: Redis, steps: list[float], per_second: float) -> None:
    clock = Clock()
    buckets = SharedRateLimiter(gone_redis, 1, clock=clock)
    started, taken = clock.seconds, 0
    for step in steps:
        clock.seconds += step
        taken += buckets.take([RateLimit(name="a", per_second=per_second)]) == timedelta()
    assert taken <= 1 + (clock.seconds - started) * per_second * SHARE_WITHOUT_REDIS + 1e-6


def test_redis_is_asked_again_after_a_while(app: AppContext, gone_redis: Redis) -> None:
    clock = Clock()
    buckets = SharedRateLimiter(gone_redis, 1, clock=clock)
    assert buckets.take([SLOW]) == timedelta()
    assert buckets.take([SLOW]) > timedelta()
    buckets._redis = app.redis
    assert buckets.take([SLOW]) > timedelta()
    clock.seconds += 31
    assert buckets.take([SLOW]) == timedelta()
    assert app.redis.exists("distributor:bucket:1:slow")
