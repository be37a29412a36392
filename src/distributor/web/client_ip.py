"""Where a request comes from: the client's IP address and the site whose page posted a form."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import urlsplit

from starlette.requests import Request

# RFC 6454 section 6.2, of the schemes that pages have.
_ORIGIN = re.compile(r"https?://(?P<host>[a-z0-9.:\[\]-]{1,200})")


def client_ip(request: Request) -> str:
    """The IP address of the client, or empty if a proxy gives none that is valid.

    The server has taken it from X-Forwarded-For only if the proxy is trusted (DISTRIBUTOR_TRUSTED_PROXIES).
    """
    host = request.client.host if request.client else ""
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return ""


def foreign_origin(request: Request, public_url: str) -> str:
    """The Origin header if it is another site than ours, else empty."""
    found = _ORIGIN.fullmatch(request.headers.get("origin", "").lower())
    if found is None:
        return ""
    ours = {urlsplit(public_url).netloc.lower(), request.headers.get("host", "").lower()}
    return "" if found["host"] in ours else found[0]
