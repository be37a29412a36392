"""Which addresses on the web a secret may be sent to."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit


def is_endpoint(url: str) -> bool:
    """Whether it is a plain https address, or an http one of this very machine: nobody can listen in on the way."""
    try:
        parts = urlsplit(url)
        is_plain = bool(parts.hostname) and not parts.username and not parts.query and not parts.fragment
    except ValueError:
        return False
    return is_plain and (parts.scheme == "https" or (parts.scheme == "http" and _is_here(parts.hostname or "")))


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
