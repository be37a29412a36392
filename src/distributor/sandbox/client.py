"""Reads the inbox of a running sandbox over HTTP, for a page that shows a mail that went there."""

from __future__ import annotations

import httpx

from distributor.domain.errors import ServiceError
from distributor.domain.sandbox_ports import SandboxPorts

_SECONDS = 3.0


def newest_mail(ports: SandboxPorts, recipient: str) -> bytes | None:
    """The newest mail to this address, byte for byte; None if there is none. Raises ServiceError if it does not run."""
    try:
        response = httpx.get(
            f"{ports.http_url}/export/newest.eml", params={"recipient": recipient}, timeout=_SECONDS, trust_env=False
        )
    except httpx.HTTPError as error:
        raise ServiceError(f"the sandbox at {ports.http_url} does not answer: {error}") from error
    return response.content if response.status_code == 200 else None
