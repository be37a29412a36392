"""Mailbox providers: the domains that share servers and one reputation of a sender."""

from __future__ import annotations

import re

# Patterns match the whole domain.
_DOMAINS = {
    "google": r"(gmail|googlemail)\.com",
    "microsoft": r"(outlook|hotmail|live|msn)\.(com|[a-z]{2}|co\.[a-z]{2}|com\.[a-z]{2})|passport\.com",
    "yahoo": r"(yahoo|ymail|rocketmail|aol|aim|myyahoo)\.(com|[a-z]{2}|co\.[a-z]{2}|com\.[a-z]{2})",
    "apple": r"(icloud|me|mac)\.com",
    "gmx": r"(gmx\.(net|de|at|ch|com)|web\.de|mail\.com)",
    "mailru": r"(mail|inbox|list|bk|internet)\.ru",
    "tencent": r"(qq|foxmail)\.com",
    "netease": r"(163|126)\.com|yeah\.net",
}
_PATTERN = re.compile("|".join(f"(?P<{name}>(?:{domains}))" for name, domains in _DOMAINS.items()))

MAILBOX_PROVIDERS = frozenset(_DOMAINS)


def destination_of(domain: str) -> str:
    """The name of the mailbox provider that a domain belongs to, else the domain itself in lower case."""
    domain = domain.lower()
    found = _PATTERN.fullmatch(domain)
    return (found.lastgroup or domain) if found else domain
