"""Opens and clicks of known machines are told from those of people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from distributor.domain.clients import ClientKind, client_of
from distributor.domain.event import EventKind

SENT = datetime(2026, 12, 1, 9, tzinfo=UTC)
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"


@pytest.mark.parametrize(
    ("kind", "user_agent", "seconds", "client"),
    [
        (EventKind.OPEN, FIREFOX, 2, ClientKind.PERSON),
        (EventKind.OPEN, GMAIL, 60, ClientKind.PERSON),
        (EventKind.OPEN, "Mozilla/5.0", 60, ClientKind.PREFETCH),
        (EventKind.CLICK, "Mozilla/5.0", 600, ClientKind.SCANNER),
        (EventKind.CLICK, FIREFOX, 9, ClientKind.SCANNER),
        (EventKind.CLICK, FIREFOX, 10, ClientKind.PERSON),
        (EventKind.CLICK, "", 600, ClientKind.SCANNER),
        (EventKind.CLICK, "python-requests/2.32", 600, ClientKind.SCANNER),
        (EventKind.CLICK, "Mozilla/5.0 (compatible; bingbot/2.0)", 600, ClientKind.SCANNER),
        (EventKind.CLICK, "Slackbot-LinkExpanding 1.0", 600, ClientKind.SCANNER),
        (EventKind.OPEN, "Mozilla/5.0 (Windows) Barracuda Sentinel (EE)", 600, ClientKind.SCANNER),
    ],
)
def test_who_it_was(kind: EventKind, user_agent: str, seconds: int, client: ClientKind):
    assert client_of(kind, user_agent, at=SENT + timedelta(seconds=seconds), sent_at=SENT) is client


def test_without_the_time_of_the_mail_only_the_name_tells():
    assert client_of(EventKind.CLICK, FIREFOX, at=SENT, sent_at=None) is ClientKind.PERSON
