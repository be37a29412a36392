"""Articles by the API: listed with their states, published, withdrawn, with their history and differences."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from starlette.testclient import TestClient

from distributor.domain.api_token import TokenScope
from distributor.domain.article import ArticleStatus, Manuscript
from distributor.domain.blocks import Paragraph, Run
from distributor.flow.app_context import AppContext
from distributor.storage import articles, channels
from tests.web.samples import WriteArticle

from .conftest import Program


@pytest.fixture
def draft(write_article: WriteArticle) -> str:
    """The slug of a draft without a date."""
    return write_article(status=ArticleStatus(), published_at=None)


def test_articles_are_listed_by_pages_and_by_state(api: Any, write_article: WriteArticle, draft: str):
    write_article("public")
    first = api.get("/articles", params={"limit": 1}).json()
    assert [(one["slug"], one["state"], one["is_public"]) for one in first["items"]] == [("public", "published", True)]
    second = api.get("/articles", params={"limit": 1, "before": first["next"]}).json()
    assert [(one["slug"], one["state"], one["is_public"]) for one in second["items"]] == [(draft, "draft", False)]
    assert second["next"] is None
    assert [one["slug"] for one in api.get("/articles", params={"state": "draft"}).json()["items"]] == [draft]


def test_an_article_is_shown_with_its_text(api: Any, draft: str):
    shown = api.get(f"/articles/{draft}").json()
    assert (shown["text"], shown["tags"], shown["published_at"]) == ("It happened.", ["Local news"], None)
    assert api.get("/articles/nothing").status_code == 404


def test_an_article_is_published_withdrawn_and_published_again(api: Any, client: TestClient, draft: str):
    page = f"/articles/{draft}"
    assert client.get(page).status_code == 404
    assert api.post(f"/articles/{draft}/ready").json()["state"] == "ready"
    published = api.post(f"/articles/{draft}/publish", json={}).json()
    assert published["is_public"]
    assert client.get(page).status_code == 200
    assert api.post(f"/articles/{draft}/publish", json={}).json() == published, "repeating it changes nothing"
    withdrawn = api.post(f"/articles/{draft}/withdraw").json()
    assert (withdrawn["state"], withdrawn["paused_campaigns"]) == ("withdrawn", [])
    assert client.get(page).status_code == 410
    again = api.post(f"/articles/{draft}/publish", json={}).json()
    assert (again["guid"], again["published_at"]) == (published["guid"], published["published_at"])
    assert client.get(page).status_code == 200


def test_an_embargo_is_set_and_taken_back(api: Any, client: TestClient, draft: str):
    tomorrow = datetime.now(UTC).replace(microsecond=0) + timedelta(days=1)
    published = api.post(f"/articles/{draft}/publish", json={"at": tomorrow.isoformat()}).json()
    assert (published["state"], published["is_public"]) == ("published", False)
    assert datetime.fromisoformat(published["publish_at"]) == tomorrow
    assert client.get(f"/articles/{draft}").status_code == 404
    assert api.post(f"/articles/{draft}/unpublish").json()["state"] == "draft"


@pytest.mark.parametrize("change", ["withdraw", "ready", "unpublish"])
def test_a_change_that_is_not_possible_is_a_conflict(api: Any, write_article: WriteArticle, draft: str, change: str):
    slug = draft if change == "withdraw" else write_article("public")
    answer = api.post(f"/articles/{slug}/{change}")
    assert answer.status_code == 409
    assert answer.json()["detail"].startswith(f"article {slug}: it ")


def test_the_history_names_the_token(api: Any, draft: str):
    api.post(f"/articles/{draft}/publish", json={})
    items = api.get(f"/articles/{draft}/history").json()["items"]
    assert [(one["action"], one["by"]) for one in items] == [("added", ""), ("published", "api:test")]


def test_two_revisions_are_compared(api: Any, app: AppContext, draft: str):
    assert api.get(f"/articles/{draft}/diff").status_code == 422
    with app.database.begin() as connection:
        found = articles.find_by_slug(connection, draft)
        edited = Manuscript(title="The news", body=(Paragraph((Run("It did not."),)),))
        articles.revise(connection, found.id, edited, content_hash="2", now=app.clock())
    lines = api.get(f"/articles/{draft}/diff").json()["diff"].splitlines()
    assert {"-It happened.", "+It did not."} <= set(lines)
    assert api.get(f"/articles/{draft}/diff", params={"from": 2, "to": 2}).json()["diff"] == ""
    assert api.get(f"/articles/{draft}/diff", params={"from": 1, "to": 9}).status_code == 404


def test_reading_and_writing_need_their_scopes(program: Program, draft: str):
    reader, stranger = program(TokenScope.ARTICLES_READ), program()
    assert reader.get(f"/articles/{draft}").status_code == 200
    for change in ("ready", "publish", "unpublish", "withdraw"):
        assert reader.post(f"/articles/{draft}/{change}", json={}).status_code == 403
        assert stranger.post(f"/articles/{draft}/{change}", json={}).status_code == 401
    for path in ("", f"/{draft}", f"/{draft}/history", f"/{draft}/diff"):
        answer = stranger.get(f"/articles{path}")
        assert answer.status_code == 401
        assert "The news" not in answer.text


def test_a_campaign_names_the_drafts_that_its_release_publishes(api: Any, draft: str, app: AppContext):
    api.post("/lists", json={"name": "News"})
    consent = {"text": "On paper."}
    api.post("/subscribers", json={"email": "ada@example.org", "lists": ["news"], "consent": consent})
    with app.database.begin() as connection:
        channels.save(connection, name="mail", kind="email", settings={}, sealed=None)
    body = {"articles": [draft], "channels": ["mail"], "audience": {"lists": ["news"]}}
    assert api.post("/campaigns", json=body).json()["to_publish"] == [draft]
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    api.post(f"/articles/{draft}/publish", json={"at": tomorrow.isoformat()})
    assert api.post("/campaigns", json=body).status_code == 201, "a draft may wait for it"
    refused = api.post("/campaigns", json=body | {"at": "+1h"})
    assert refused.status_code == 409
    assert "under embargo" in refused.json()["detail"]
