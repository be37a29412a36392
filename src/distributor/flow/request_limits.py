"""Request limits: how often something may be done, counted in Redis for all web processes together."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from redis import Redis, RedisError

from distributor.domain.errors import ServiceError

# The usual prefix of one customer of a provider: for IPv6 see RFC 6177 section 2.
_IPV4_PREFIX = 24
_IPV6_PREFIX = 56

# Either every count is below its limit and grows by one, or none does: a rejected request does not count.
# A window begins with its first request.
_COUNT = """
for index, key in ipairs(KEYS) do
    local count = tonumber(redis.call('GET', key) or '0')
    if count >= tonumber(ARGV[2 * index - 1]) then
        return {index, redis.call('PTTL', key)}
    end
end
for index, key in ipairs(KEYS) do
    if redis.call('INCR', key) == 1 then
        redis.call('PEXPIRE', key, ARGV[2 * index])
    end
end
return {0, 0}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestLimit:
    """At most `limit` requests in a `window` for one `subject`, such as an address; `what` is the name of the limit."""

    what: str
    subject: str
    limit: int
    window: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitExceeded:
    """The limit that is exhausted, and how long until its window ends."""

    rate: RequestLimit
    wait: timedelta


def spend(redis: Redis, rates: Sequence[RequestLimit]) -> LimitExceeded | None:
    """Count one request for all of these limits, or for none if one is exhausted; that one is returned.

    Raises ServiceError if Redis is down.
    """
    keys = [_key_of(rate) for rate in rates]
    arguments = [str(int(number)) for rate in rates for number in (rate.limit, rate.window / timedelta(milliseconds=1))]
    try:
        exceeded, remaining = cast("tuple[int, int]", redis.eval(_COUNT, len(keys), *keys, *arguments))
    except RedisError as error:
        raise ServiceError(f"Redis does not answer: {type(error).__name__}") from error
    if not exceeded:
        return None
    return LimitExceeded(rate=rates[exceeded - 1], wait=timedelta(milliseconds=max(remaining, 1)))


def network_of(address: str) -> str:
    """The network of an IP address; empty for any other text, so that all of these count as one."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return ""
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        found = found.ipv4_mapped
    prefix = _IPV6_PREFIX if isinstance(found, ipaddress.IPv6Address) else _IPV4_PREFIX
    return str(ipaddress.ip_network((found, prefix), strict=False))


def _key_of(rate: RequestLimit) -> str:
    # Only digests: Redis stores no addresses.
    return f"distributor:rate:{rate.what}:{hashlib.sha256(rate.subject.encode()).hexdigest()[:32]}"
