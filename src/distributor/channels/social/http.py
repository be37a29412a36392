"""Calls to an HTTP API with httpx: what never went out is refused, what was lost on the way is unanswered."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import httpx

from distributor.channels.social.answers import Refused, Unknown
from distributor.domain.delivery import Verdict
from distributor.domain.rendition import Json

_LONGEST_WAIT = timedelta(days=1, minutes=5)


async def call(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    *,
    seconds: float,
    params: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    body: Mapping[str, Json] | None = None,
) -> httpx.Response | Refused | Unknown:
    """The response, whatever its status, if there is one within `seconds`. No redirect is followed."""
    try:
        async with asyncio.timeout(seconds):
            return await client.request(method, path, params=params, headers=headers, json=body)
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        return Refused(verdict=Verdict.DEFERRED, reply=f"no connection to {client.base_url.host}: {error}")
    except (httpx.TransportError, httpx.DecodingError) as error:
        return Unknown(reply=f"the connection was lost before the answer: {type(error).__name__} {error}".strip())
    except TimeoutError:
        return Unknown(reply=f"no answer within {seconds:g} s")


def moment_of(value: str | None, *, now: datetime) -> datetime | None:
    """The time a limit is lifted, from a header: seconds from now, seconds since 1970, or ISO 8601.

    None if the header is missing, cannot be understood, or names a time that is past or more than a day away.
    """
    moment = _parse(value.strip(), now) if value else None
    return moment if moment is not None and now < moment <= now + _LONGEST_WAIT else None


def _parse(value: str, now: datetime) -> datetime | None:
    try:
        if not value.isdecimal():
            moment = datetime.fromisoformat(value)
            return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        seconds = int(value)
        is_epoch = seconds > timedelta(days=365).total_seconds()
        return datetime.fromtimestamp(seconds, UTC) if is_epoch else now + timedelta(seconds=seconds)
    except (ValueError, OverflowError, OSError):
        return None
