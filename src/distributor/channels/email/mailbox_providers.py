"""Destinations: the domains of one mailbox provider, which judge a sender together."""

from __future__ import annotations

import re

# Providers whose domains share their servers and their opinion of a sender; patterns match the whole domain.
_PROVIDERS = {
    "google": r"(gmail|googlemail)\.com",
    "microsoft": r"(outlook|hotmail|live|msn)\.(com|[a-z]{2}|co\.[a-z]{2}|com\.[a-z]{2})|passport\.com",
    "yahoo": r"(yahoo|ymail|rocketmail|aol|aim|myyahoo)\.(com|[a-z]{2}|co\.[a-z]{2}|com\.[a-z]{2})",
    "apple": r"(icloud|me|mac)\.com",
    "gmx": r"(gmx\.(net|de|at|ch|com)|web\.de|mail\.com)",
    "mailru": r"(mail|inbox|list|bk|internet)\.ru",
    "tencent": r"(qq|foxmail)\.com",
    "netease": r"(163|126)\.com|yeah\.net",
}
_PATTERN = re.compile("|".join(f"(?P<{name}>(?:{domains}))" for name, domains in _PROVIDERS.items()))

PROVIDERS = frozenset(_PROVIDERS)


def destination_of(domain: str) -> str:
    """The provider's name if the domain is one of a large provider's, else the domain itself in lower case."""
    domain = domain.lower()
    found = _PATTERN.fullmatch(domain)
    return (found.lastgroup or domain) if found else domain
