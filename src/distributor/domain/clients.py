"""Who fetched a pixel or followed a link: a person, as far as that can be seen, or one of the machines that are known.

Machines are only told from people by what they say of themselves, and by how soon after the mail they come. What looks
like a person may be a machine that hides: opens are therefore never more than an indication.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from enum import StrEnum

from distributor.domain.event import EventKind


class ClientKind(StrEnum):
    """PERSON: by all appearances. PREFETCH: a mail provider fetched images ahead, whether or not anybody read the mail.
    SCANNER: a filter, a preview or a program looked at the links.
    """

    PERSON = "person"
    PREFETCH = "prefetch"
    SCANNER = "scanner"


# A person needs longer to read a mail and to choose a link than a filter does, which follows links before it delivers.
TOO_SOON = timedelta(seconds=10)
# The privacy proxy of Apple Mail says exactly this, and browsers say more.
_APPLE_PREFETCH = "Mozilla/5.0"
_SCANNERS = re.compile(
    r"""
    bot\b|crawler|spider|scanner|preview|prefetch|monitor|headless|phantomjs|python|curl|wget|java/|okhttp|go-http-client
    |libwww|httpclient|http-client|axios|node-fetch|guzzle|ruby|perl|apache-httpclient|postman|barracuda|proofpoint
    |mimecast|symantec|fireeye|trendmicro|sophos|forcepoint|messagelabs|ironport|cloudmark|safelinks|office\s+existence
    |microsoft\s+office\s+protocol|google-safety|virustotal|urlscan|facebookexternalhit|slackbot|twitterbot
    |whatsapp|telegrambot|skypeuripreview|linkpreview
    """,
    re.IGNORECASE | re.VERBOSE,
)


def client_of(kind: EventKind, user_agent: str, *, at: datetime, sent_at: datetime | None) -> ClientKind:
    """Who caused an open or a click of a mail that was sent at `sent_at`, if that is known."""
    said = user_agent.strip()
    if kind is EventKind.OPEN and said == _APPLE_PREFETCH:
        return ClientKind.PREFETCH
    if not said or said == _APPLE_PREFETCH or _SCANNERS.search(said):
        return ClientKind.SCANNER
    if kind is EventKind.CLICK and sent_at is not None and at - sent_at < TOO_SOON:
        return ClientKind.SCANNER
    return ClientKind.PERSON
