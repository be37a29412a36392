"""What is fetched from Amazon SNS: its certificates, and the address that confirms a subscription."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import httpx

from distributor.domain.errors import ServiceError, SignatureError

# A call names the address itself, so nothing but hosts of SNS may be asked, and no redirect is followed.
_HOST = re.compile(r"sns\.[a-z0-9-]{3,40}\.amazonaws\.com(\.cn)?")
_SECONDS = 10.0
_LARGEST = 64 * 1024


def fetch_from_sns(url: str) -> bytes:
    """The body at an address of SNS. Raises SignatureError for any other address, and ServiceError."""
    try:
        parts = urlsplit(url)
        is_theirs = (
            parts.scheme == "https"
            and _HOST.fullmatch(parts.hostname or "") is not None
            and parts.port in (None, 443)
            and parts.username is None
        )
    except ValueError:
        is_theirs = False
    if not is_theirs:
        raise SignatureError("the call names an address that is not one of Amazon SNS")
    try:
        with (
            httpx.Client(timeout=_SECONDS, follow_redirects=False, trust_env=False) as client,
            client.stream("GET", url) as response,
        ):
            response.raise_for_status()
            body = b""
            for chunk in response.iter_bytes():
                body += chunk
                if len(body) > _LARGEST:
                    raise ServiceError("Amazon SNS answers with more than a certificate")
            return body
    except httpx.HTTPError as error:
        raise ServiceError(f"Amazon SNS does not answer: {error}") from error
