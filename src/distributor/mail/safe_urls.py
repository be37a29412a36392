"""URLs that secrets may be sent to."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

_HOST = re.compile(r"[a-z0-9.:_-]+")


def is_secure_url(url: str) -> bool:
    """Whether a URL is https, or http on the loopback interface, without credentials, query or fragment."""
    try:
        parts = urlsplit(url)
        has_host = _HOST.fullmatch(parts.hostname or "") is not None and parts.port != 0
        is_plain = has_host and not parts.username and not parts.query and not parts.fragment
    except ValueError:
        return False
    return is_plain and (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(parts.hostname or "")))


def is_loopback(host: str) -> bool:
    """Whether a host, in lower case, is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
