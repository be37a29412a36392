"""Calls to an API: what surely did not reach it, and what may have."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache

import httpx

from distributor.channels.email.providers.api import ApiUrl, Request
from distributor.mail.smtp.connection import SmtpTimeouts

# A connection that has been idle may be closed by the other side just when a call is written to it, and then nobody
# knows whether that was heard: an old one is not used again.
_LONGEST_IDLE_SECONDS = 3.0
_LARGEST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Response:
    """What the API answered, whatever its status."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Unreached:
    """No connection: surely nothing was sent."""

    why: str


@dataclass(frozen=True, slots=True)
class NoAnswer:
    """The call was written, at least in part, and no answer to it was read."""

    why: str


def open_client(*, timeouts: SmtpTimeouts, tls: ssl.SSLContext | None) -> httpx.AsyncClient:
    """A client with one connection. `tls` stands for the authorities of a test."""
    return httpx.AsyncClient(
        timeout=httpx.Timeout(timeouts.command, connect=timeouts.connect),
        limits=httpx.Limits(max_connections=1, keepalive_expiry=_LONGEST_IDLE_SECONDS),
        verify=tls or _authorities(),
        follow_redirects=False,
    )


async def call(
    client: httpx.AsyncClient, url: ApiUrl, request: Request, *, seconds: float
) -> Response | Unreached | NoAnswer:
    """What comes of the call within `seconds`. No text names the account's key."""
    try:
        async with (
            asyncio.timeout(seconds),
            client.stream(
                "POST", url.root + request.path, headers=dict(request.headers), content=request.body
            ) as response,
        ):
            return Response(response.status_code, response.headers, await _beginning_of(response))
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
        return Unreached(f"no connection to {url.root}: {error}")
    except (httpx.TransportError, httpx.DecodingError) as error:
        return NoAnswer(f"the connection was lost before the answer: {type(error).__name__} {error}".strip())
    except TimeoutError:
        return NoAnswer(f"no answer within {seconds:g} s")


async def _beginning_of(response: httpx.Response) -> bytes:
    """The body, as far as anybody needs it: an answer of a provider has a few hundred octets."""
    body = b""
    async for chunk in response.aiter_bytes():
        body += chunk
        if len(body) > _LARGEST:
            break
    return body


@cache  # reading them takes longer than a call
def _authorities() -> ssl.SSLContext:
    return httpx.create_ssl_context()
