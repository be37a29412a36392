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
    return "" if found["host"] in _own_hosts(request, public_url) else found[0]


def is_cross_site(request: Request, public_url: str) -> bool:
    """Whether a request may come from a page of another site, so that it must change nothing (CSRF).

    Browsers say so themselves in Sec-Fetch-Site (W3C Fetch Metadata), older ones and those on plain HTTP by Origin. A
    request with neither, or with an opaque origin, is not known to come from our pages.
    """
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site not in ("same-origin", "none")
    found = _ORIGIN.fullmatch(request.headers.get("origin", "").lower())
    if found is None or found["host"] not in _own_hosts(request, public_url):
        return True
    # A page of our own host without TLS may be of whoever is in between.
    return public_url.lower().startswith("https://") and found[0] == f"http://{urlsplit(public_url).netloc.lower()}"


def _own_hosts(request: Request, public_url: str) -> set[str]:
    return {urlsplit(public_url).netloc.lower(), request.headers.get("host", "").lower()}
