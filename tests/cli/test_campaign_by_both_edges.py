"""A campaign that lives by the command line and one that lives by the API are the same in the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from distributor.bootstrap import open_app
from distributor.cli.console import ACTOR
from distributor.domain.api_token import TokenScope, secret_of
from distributor.flow.app_context import AppContext
from distributor.settings import load_settings
from distributor.storage import api_tokens
from distributor.web.app import create_app

from .conftest import Run

LIFE = ("create", "edit", "schedule", "edit_again", "reschedule", "undo")
COMMANDS: dict[str, tuple[str, ...]] = {
    "create": (
        *("create", "--article", "a-first-article", "--channel", "mail", "--list", "weekly-letter", "--no-links"),
        *("--name", "Spring", "--subject", "Hello", "--greeting", "Dear all", "--zone", "Europe/Berlin"),
        *("--on-change", "keep"),
    ),
    "edit": (
        *("edit", "1", "--channel", "mail", "--channel", "feeds", "--subject", "Good morning"),
        *("--closing", "mail=Yours", "--cut-after", "mail=3", "--no-track-opens", "--again"),
    ),
    "schedule": (
        *(
            "schedule",
            "1",
            "--at",
            "2099-03-01 09:00",
            "--zone",
            "Europe/Berlin",
            "--channel-at",
            "feeds=+2h after mail",
        ),
        "--no-links",
    ),
    "edit_again": ("edit", "1", "--name", "Summer", "--cut-after", "2"),
    "reschedule": ("reschedule", "1", "--at", "2099-07-01 09:00", "--zone", "Europe/Berlin"),
    "undo": ("undo", "1"),
}
AUDIENCE = {"lists": ["weekly-letter"]}
REQUESTS: dict[str, tuple[str, str, Any]] = {
    "create": (
        "POST",
        "",
        {
            "articles": ["a-first-article"],
            "channels": ["mail"],
            "audience": AUDIENCE,
            "name": "Spring",
            "subject": "Hello",
            "greeting": "Dear all",
            "zone": "Europe/Berlin",
            "on_change": "keep",
        },
    ),
    "edit": (
        "PATCH",
        "/1",
        {
            "channels": ["mail", "feeds"],
            "subject": "Good morning",
            "channel_options": {"mail": {"closing": "Yours", "cut_after": 3}},
            "track_opens": False,
            "audience": AUDIENCE | {"repeats": True},
        },
    ),
    "schedule": ("POST", "/1/schedule", {"at": "2099-03-01 09:00", "times": {"feeds": "+2h after mail"}}),
    "edit_again": ("PATCH", "/1", {"name": "Summer", "cut_after": 2}),
    "reschedule": ("POST", "/1/reschedule", {"at": "2099-07-01 09:00"}),
    "undo": ("POST", "/1/undo", None),
}
TOKEN = ("--set", "access_token=x")
# The words of posts: written, changed, and given back to the article.
POST_COMMANDS: dict[str, tuple[str, ...]] = {
    "posts": (
        *("create", "--article", "a-first-article", "--channel", "toots", "--no-links", "--text", "toots=One"),
        *("--thread", "toots=Two", "--thread", "toots=Three", "--hashtags", "toots=#Rye #Bread", "--hashtags", "none"),
    ),
    "posts_edited": ("edit", "1", "--thread", "toots=Only two", "--hashtags", "toots=Bread Rye"),
    "posts_cleared": ("edit", "1", "--text", "toots=", "--thread", "toots=", "--hashtags", "toots=", "--hashtags", ""),
}
POST_REQUESTS: dict[str, tuple[str, str, Any]] = {
    "posts": (
        "POST",
        "",
        {
            "articles": ["a-first-article"],
            "channels": ["toots"],
            "hashtags": [],
            "channel_options": {"toots": {"text": "One", "thread": ["Two", "Three"], "hashtags": ["#Rye", "Bread"]}},
        },
    ),
    "posts_edited": (
        "PATCH",
        "/1",
        {"channel_options": {"toots": {"text": "One", "thread": ["Only two"], "hashtags": ["Bread", "Rye"]}}},
    ),
    "posts_cleared": ("PATCH", "/1", {"channel_options": {}, "default_hashtags": True}),
}
SPRING, SUMMER = datetime(2099, 3, 1, 8, tzinfo=UTC), datetime(2099, 7, 1, 7, tzinfo=UTC)
CAMPAIGN = """
    SELECT name, version, subject, greeting, closing, cut_after, text, channel_options, audience, track_opens,
        track_clicks, unknown_policy, needs_approval, on_change, purpose
    FROM campaigns
"""
DISPATCHES = """
    SELECT channels.name, dispatches.state, dispatches.scheduled_at, dispatches.zone
    FROM dispatches JOIN channels ON channels.id = dispatches.channel_id ORDER BY channels.name
"""
# The command line shows a review more than the API where it asks for a confirmation.
HISTORY = "SELECT action, detail, version, actor FROM campaign_history WHERE action != 'reviewed' ORDER BY id"
REVIEWS = "SELECT DISTINCT version, blockers, sentence FROM campaign_reviews WHERE accepted_at IS NOT NULL ORDER BY 1"


@pytest.fixture
def app(run: Run, article: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[AppContext]:
    """An app with an article, a list with a subscriber, and two channels."""
    for command in (
        ("article", "add", str(article)),
        ("list", "create", "Weekly letter"),
        ("channel", "set", "mail", "--kind", "email", "--set", "smtp_url=smtp://127.0.0.1:1"),
        ("channel", "set", "feeds", "--kind", "feed"),
        ("channel", "set", "toots", "--kind", "mastodon", "--set", "instance_url=https://social.example", *TOKEN),
    ):
        assert run(*command).code == 0, command
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    load_settings.cache_clear()
    with open_app() as opened:
        yield opened


def by_command_line(run: Run, app: AppContext, name: str) -> None:
    result = run("campaign", *(COMMANDS | POST_COMMANDS)[name])
    assert result.code == 0, result


def by_api(run: Run, app: AppContext, name: str) -> None:
    method, path, body = (REQUESTS | POST_REQUESTS)[name]
    secret = secret_of(name.ljust(32).encode())
    with app.database.begin() as connection:
        api_tokens.add(
            connection, secret, name="shop", scopes={TokenScope.EVERYTHING}, expires_at=None, now=app.clock()
        )
    with TestClient(create_app(app), headers={"Authorization": f"Bearer {secret}"}) as client:
        answer = client.request(method, f"/api/v1/campaigns{path}", json=body)
    assert answer.status_code in (200, 201), answer.text


def rows(app: AppContext, query: str) -> list[dict[str, Any]]:
    with app.database.begin() as connection:
        return [dict(row) for row in connection.execute(text(query)).mappings()]


@pytest.mark.parametrize(("act", "actor"), [(by_command_line, ACTOR), (by_api, "api:shop")])
def test_the_same_life_by_either_edge_gives_the_same_rows(
    run: Run, app: AppContext, act: Callable[[Run, AppContext, str], None], actor: str
) -> None:
    starts = []
    for name in LIFE:
        act(run, app, name)
        starts.append({row["name"]: (row["state"], row["scheduled_at"]) for row in rows(app, DISPATCHES)})
    later, summer_later = SPRING.replace(hour=10), SUMMER.replace(hour=9)
    assert starts == [
        {"mail": ("draft", None)},
        {"mail": ("draft", None), "feeds": ("draft", None)},
        {"mail": ("scheduled", SPRING), "feeds": ("scheduled", later)},
        {"mail": ("scheduled", SPRING), "feeds": ("scheduled", later)},
        {"mail": ("scheduled", SUMMER), "feeds": ("scheduled", summer_later)},
        {"mail": ("draft", SUMMER), "feeds": ("draft", summer_later)},
    ]
    assert {row["zone"] for row in rows(app, DISPATCHES)} == {"Europe/Berlin"}
    (campaign,) = rows(app, CAMPAIGN)
    own = campaign.pop("channel_options")
    assert {name: (one["closing"], one["cut_after"]) for name, one in own.items()} == {"mail": ("Yours", 3)}
    audience = campaign.pop("audience")
    assert (audience["lists"], audience["repeats"]) == (["weekly-letter"], True)
    assert campaign == {
        "name": "Summer",
        "version": 4,
        "subject": "Good morning",
        "greeting": "Dear all",
        "closing": "",
        "cut_after": 2,
        "text": "",
        "track_opens": False,
        "track_clicks": True,
        "unknown_policy": "assume_sent",
        "needs_approval": False,
        "on_change": "keep",
        "purpose": "articles",
    }
    history = rows(app, HISTORY)
    assert {row["actor"] for row in history} == {actor}
    assert [(row["action"], row["version"]) for row in history] == [
        *(("created", 1), ("edited", 2), ("scheduled", 2), ("edited", 3), ("scheduled", 3)),
        *(("rescheduled", 4), ("scheduled", 4), ("undone", 4)),
    ]
    assert history[1]["detail"] == "channel, audience, track opens, message options, channel options"
    accepted = rows(app, REVIEWS)
    assert [(row["version"], row["blockers"]) for row in accepted] == [(2, 0), (3, 0), (4, 0)]
    assert "over mail to no subscribers of Weekly letter" in accepted[0]["sentence"]


@pytest.mark.parametrize("act", [by_command_line, by_api])
def test_the_words_of_posts_are_the_same_by_either_edge(
    run: Run, app: AppContext, act: Callable[[Run, AppContext, str], None]
) -> None:
    query, kept = "SELECT hashtags, channel_options FROM campaigns", []
    for name in POST_COMMANDS:
        act(run, app, name)
        kept += [(row["hashtags"], row["channel_options"]) for row in rows(app, query)]
    assert kept == [
        ([], {"toots": {"text": "One", "thread": ["Two", "Three"], "hashtags": ["Rye", "Bread"]}}),
        ([], {"toots": {"text": "One", "thread": ["Only two"], "hashtags": ["Bread", "Rye"]}}),
        (None, {}),
    ]


def test_words_that_do_not_fit_are_refused_by_either_edge_in_the_same_words(run: Run, app: AppContext) -> None:
    part = "y" * 501
    refused = run("campaign", "create", "--article", "a-first-article", "--channel", "toots", "--thread", part)
    assert refused.code == 2
    reason = "on toots: post 2 of the thread has 501 characters, and 500 are allowed: shorten it by 1"
    assert reason in " ".join(refused.err.split())
    secret = secret_of(b"words".ljust(32))
    with app.database.begin() as connection:
        api_tokens.add(
            connection, secret, name="shop", scopes={TokenScope.EVERYTHING}, expires_at=None, now=app.clock()
        )
    body = {"articles": ["a-first-article"], "channels": ["toots"], "thread": [part]}
    with TestClient(create_app(app), headers={"Authorization": f"Bearer {secret}"}) as client:
        answer = client.post("/api/v1/campaigns", json=body)
        wrong = client.post("/api/v1/campaigns", json=body | {"thread": [], "hashtags": ["stem-cell"]})
    assert (answer.status_code, reason in answer.text) == (422, True)
    assert (wrong.status_code, "write #StemCell" in wrong.text) == (422, True)
    assert rows(app, "SELECT id FROM campaigns") == []
