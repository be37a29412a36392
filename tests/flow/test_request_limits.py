"""Rates: counted for all processes together, all or none, and forgotten with their window."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis import Redis

from distributor.domain.errors import ServiceError
from distributor.flow.app_context import AppContext
from distributor.flow.request_limits import RequestLimit, network_of, spend

HOUR = timedelta(hours=1)


def rate(
    subject: str = "ada@example.org", *, what: str = "address", limit: int = 2, window: timedelta = HOUR
) -> RequestLimit:
    return RequestLimit(what=what, subject=subject, limit=limit, window=window)


def test_what_is_below_the_limit_passes_and_what_is_above_is_told_when_it_may_come_back(app: AppContext):
    assert [spend(app.redis, [rate()]) for _ in range(2)] == [None, None]
    exceeded = spend(app.redis, [rate()])
    assert exceeded is not None
    assert exceeded.rate == rate()
    assert timedelta(minutes=59) < exceeded.wait <= HOUR


def test_others_are_counted_for_themselves(app: AppContext):
    for _ in range(2):
        spend(app.redis, [rate()])
    assert spend(app.redis, [rate("bo@example.org")]) is None
    assert spend(app.redis, [rate(what="network")]) is None


def test_who_is_refused_for_one_thing_has_used_up_nothing_of_another(app: AppContext):
    narrow, wide = rate(limit=1), rate("a list", what="list", limit=2)
    assert spend(app.redis, [narrow, wide]) is None
    for _ in range(5):
        assert spend(app.redis, [wide, narrow]) is not None
    assert spend(app.redis, [wide]) is None


def test_a_count_ends_with_its_window(app: AppContext):
    short = rate(limit=1)
    assert spend(app.redis, [short]) is None
    key = next(app.redis.scan_iter("distributor:rate:*"))
    # What Redis does by itself when the time has come.
    app.redis.pexpire(key, 0)
    assert spend(app.redis, [short]) is None


def test_to_be_refused_does_not_make_the_wait_longer(app: AppContext):
    spend(app.redis, [rate(limit=1)])
    key = next(app.redis.scan_iter("distributor:rate:*"))
    before = app.redis.pttl(key)
    for _ in range(3):
        spend(app.redis, [rate(limit=1)])
    assert app.redis.pttl(key) <= before


def test_of_many_at_once_exactly_as_many_pass_as_may(app: AppContext):
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: spend(app.redis, [rate(limit=5)]), range(40)))
    assert answers.count(None) == 5


def test_redis_learns_no_address(app: AppContext):
    spend(app.redis, [rate()])
    assert all(b"ada" not in key for key in app.redis.scan_iter())


def test_without_redis_nobody_is_let_through_unseen(gone_redis: Redis):
    with pytest.raises(ServiceError, match="Redis does not answer"):
        spend(gone_redis, [rate()])


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("192.0.2.255", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.0/24"),
        ("2001:db8:1:2ff::1", "2001:db8:1:200::/56"),
        ("2001:db8:1:2aa:9::", "2001:db8:1:200::/56"),
        ("", ""),
        ("unknown", ""),
        ("192.0.2.7, 10.0.0.1", ""),
        ("fe80::1%eth0", "fe80::/56"),
    ],
)
def test_neighbours_are_one_network(address: str, network: str):
    assert network_of(address) == network


@given(st.text(max_size=60) | st.ip_addresses().map(str))
@settings(derandomize=True, deadline=None)
def test_whatever_a_proxy_says_has_a_network(text: str):
    assert network_of(network_of(text).partition("/")[0]) == network_of(text)
