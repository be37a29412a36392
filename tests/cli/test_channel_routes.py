"""`distributor channel routes`: routes in backoff are listed and resumed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from distributor.domain.audience import AudiencePlan
from distributor.domain.errors import NotFoundError
from distributor.embedded import Services
from distributor.storage import audiences, channels, paused_routes
from distributor.storage.audiences import AudienceQuery
from distributor.storage.database import Database

from .conftest import Run

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.fixture
def mail(run: Run, fresh_services: Services) -> Run:
    """A command line with an email channel of which two routes are in backoff."""
    assert run("channel", "set", "mail", "--kind", "email", "--set", "smtp_url=smtp://127.0.0.1:1").code == 0
    database = Database(fresh_services.database_url)
    with database.begin() as connection:
        channel_id = channels.find(connection, "mail").id
        for destination in ("google", "example.net"):
            paused_routes.pause(connection, channel_id, "relay", destination, reason="blocked: 550 5.7.1 no", now=NOW)
    database.close()
    return run


def listed(run: Run) -> list[str]:
    return [row["route"] for row in json.loads(run("channel", "routes", "list", "mail", "--json").out)]


def test_routes_in_backoff_are_listed_with_their_reason(mail: Run) -> None:
    assert "relay/google" in mail("channel", "routes", "list", "mail").out
    paused = json.loads(mail("channel", "routes", "list", "mail", "--json").out)
    assert {one["route"]: one["reason"] for one in paused} == {
        "relay/example.net": "blocked: 550 5.7.1 no",
        "relay/google": "blocked: 550 5.7.1 no",
    }


def test_a_campaign_shows_what_waits_for_which_route(mail: Run, fresh_services: Services, article: Path) -> None:
    mail("list", "create", "News")
    mail("subscriber", "add", "ada@example.net", "--list", "news")
    mail("article", "add", str(article))
    mail("campaign", "create", "--article", "a-first-article", "--channel", "mail", "--list", "news")
    database = Database(fresh_services.database_url)
    with database.begin() as connection:
        plan = AudiencePlan(lists=("news",))
        audiences.freeze(
            connection, 1, AudienceQuery(plan=plan, article_ids=(1,), tag_slugs=(), campaign_id=1), now=NOW
        )
        connection.execute(text("UPDATE dispatches SET state = 'running', audience_size = 1, released_at = now()"))
        connection.execute(
            text("""
                UPDATE deliveries SET state = 'deferred', next_at = '2026-11-22 12:30Z',
                       detail = '{"reason": "held", "route": "relay/example.net"}'
            """)
        )
    database.close()
    assert (
        "mail: 1 wait for route relay/example.net, in backoff since 2026-11-22 12:00:00 UTC; the next probe is sent at "
        "2026-11-22 12:15:00 UTC: blocked: 550 5.7.1 no "
        "mail: the next deferred delivery is retried at 2026-11-22 12:30:00 UTC"
    ) in mail("campaign", "show", "1").message
    (shown,) = json.loads(mail("campaign", "show", "1", "--json").out)["dispatches"]
    assert shown["next_attempt_at"] == "2026-11-22T12:30:00+00:00"
    assert [(one["route"], one["deliveries"]) for one in shown["waits"]] == [("relay/example.net", 1)]
    rows = json.loads(mail("channel", "routes", "list", "mail", "--json").out)
    assert {row["route"]: row["waiting"] for row in rows} == {"relay/example.net": 1, "relay/google": 0}


def test_one_route_or_all_are_resumed(mail: Run) -> None:
    assert mail("channel", "routes", "resume", "mail", "relay/google").code == 0
    assert listed(mail) == ["relay/example.net"]
    assert "1 routes are resumed" in mail("channel", "routes", "resume", "mail").err
    assert listed(mail) == []


def test_a_route_that_is_not_in_backoff_is_not_found(mail: Run) -> None:
    result = mail("channel", "routes", "resume", "mail", "relay/yahoo")
    assert result.code == NotFoundError.exit_code
    assert "routes list mail" in result.err
