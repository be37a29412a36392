"""Which addresses on the web a secret may be sent to."""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import urlsplit

_HOST = re.compile(r"[a-z0-9.:_-]+")


def is_secure_url(url: str) -> bool:
    """Whether it is a plain https address, or an http one of this very machine: nobody can listen in on the way."""
    try:
        parts = urlsplit(url)
        is_named = _HOST.fullmatch(parts.hostname or "") is not None and parts.port != 0
        is_plain = is_named and not parts.username and not parts.query and not parts.fragment
    except ValueError:
        return False
    return is_plain and (parts.scheme == "https" or (parts.scheme == "http" and _is_here(parts.hostname or "")))


def _is_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
