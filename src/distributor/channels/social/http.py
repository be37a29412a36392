"""An HTTP client for the APIs of networks: every failure becomes a result that says whether the call may have acted."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any

import httpx

from distributor.channels.api import Json, Lease, UnlimitedLease, Verdict
from distributor.channels.social.results import Refused, Unknown

# What an API answers to a post is a few kilobytes; more is not from that API.
MAX_RESPONSE_BYTES = 4 * 1024 * 1024
# A limit that is lifted later than this is misread or concerns something else; the retry schedule decides then.
_MAX_RETRY_AFTER = timedelta(days=1, minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiResponse:
    """A complete response, whatever its status."""

    status_code: int
    headers: httpx.Headers
    content: bytes

    @property
    def is_success(self) -> bool:
        return 200 <= self.status_code < 300

    @property
    def reason_phrase(self) -> str:
        """What HTTP calls the status."""
        return HTTPStatus(self.status_code).phrase if self.status_code in set(HTTPStatus) else "unknown status"

    def retry_at(self, *header_names: str, now: datetime) -> datetime | None:
        """The time in the first of these headers that is present; without names, that of Retry-After."""
        names = header_names or ("Retry-After",)
        return parse_retry_at(next((self.headers[name] for name in names if name in self.headers), None), now=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadFile:
    """A file of a multipart body."""

    name: str
    content: bytes
    media_type: str


class HttpClient:
    """Calls one API. Closed by `close`.

    `lease` is that of the context of a send. `timeout_seconds` limits each call as a whole. Redirects are returned, not
    followed: a redirected POST would be repeated elsewhere. A response above `MAX_RESPONSE_BYTES` counts as lost.
    """

    def __init__(
        self,
        base_url: str,
        *,
        timeout_seconds: float,
        headers: Mapping[str, str] | None = None,
        lease: Lease | None = None,
    ) -> None:
        self._lease = lease or UnlimitedLease()
        self._timeout_seconds = timeout_seconds
        self._client = httpx.AsyncClient(base_url=base_url, headers=headers, timeout=timeout_seconds)

    async def call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        json: Mapping[str, Json] | None = None,
        form: Mapping[str, str] | None = None,
        files: Mapping[str, UploadFile] | None = None,
    ) -> ApiResponse | Refused | Unknown:
        """The response, whatever its status; Refused if the request was definitely not sent; Unknown if it may have.

        The body is `json`, or `form` (application/x-www-form-urlencoded), or with `files` multipart/form-data. Raises
        LeaseLostError instead of sending anything but a GET once the lease may have run out.
        """
        parts = {name: (file.name, file.content, file.media_type) for name, file in (files or {}).items()}
        request = self._client.build_request(
            method,
            path,
            params=params,
            headers=headers,
            json=json,
            data=form,
            files=parts or None,
            extensions=None if method == "GET" else checking(self._lease),
        )
        try:
            async with asyncio.timeout(self._timeout_seconds):
                return await self._send(request)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError) as error:
            host = self._client.base_url.host
            return Refused(verdict=Verdict.DEFERRED, reply=f"no connection to {host}: {error}")
        except (httpx.TransportError, httpx.DecodingError) as error:
            reply = f"the connection was lost before the response: {type(error).__name__} {error}".strip()
            return Unknown(reply=reply)
        except TimeoutError:
            return Unknown(reply=f"no response within {self._timeout_seconds:g} s")

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _send(self, request: httpx.Request) -> ApiResponse | Unknown:
        response = await self._client.send(request, stream=True)
        try:
            content = bytearray()
            async for chunk in response.aiter_bytes():
                content += chunk
                if len(content) > MAX_RESPONSE_BYTES:
                    return Unknown(
                        reply=f"the response has more than {MAX_RESPONSE_BYTES:,} bytes",
                        reply_code=response.status_code,
                    )
            return ApiResponse(status_code=response.status_code, headers=response.headers, content=bytes(content))
        finally:
            await response.aclose()


def checking(lease: Lease) -> dict[str, Any]:
    """The httpx extensions of a request that is not written any more once the lease may have run out.

    Sending it then raises LeaseLostError, also if the lease ran out while the connection was being made.
    """

    async def check(event: str, _: Mapping[str, Any]) -> None:
        if event.endswith(("send_request_headers.started", "send_request_body.started")):
            lease.check()

    return {"trace": check}


def parse_retry_at(value: str | None, *, now: datetime) -> datetime | None:
    """The time a limit is lifted, from a header: seconds from now, seconds since 1970, ISO 8601, or an HTTP date.

    None if the header is missing, cannot be parsed, or names a time that is past or more than a day away.
    """
    time = _parse_time(value.strip(), now) if value else None
    return time if time is not None and now < time <= now + _MAX_RETRY_AFTER else None


def _parse_time(value: str, now: datetime) -> datetime | None:
    try:
        if value.isdecimal():
            seconds = int(value)
            is_epoch = seconds > timedelta(days=365).total_seconds()
            return datetime.fromtimestamp(seconds, UTC) if is_epoch else now + timedelta(seconds=seconds)
        time = parsedate_to_datetime(value) if value[:1].isalpha() else datetime.fromisoformat(value)
        return time if time.tzinfo else time.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError, IndexError, TypeError):
        return None
