"""`POST /webhooks/sources/<name>`: programs post articles, signed; what is wrong is said to who signed it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from starlette.testclient import TestClient

from distributor.domain.article import ArticleState
from distributor.domain.blocks import Heading, plain_text
from distributor.domain.source import Publishing, SourceState
from distributor.flow.app_context import AppContext
from distributor.flow.articles import source_runs, sources
from distributor.storage import articles
from distributor.storage.articles import StoredArticle

SECRET = "whsec_" + base64.b64encode(b"a key of thirty-two random bytes").decode()
KEY = b"a key of thirty-two random bytes"
ITEM = {"id": "post-1", "title": "Bread", "html": "<p>Flour and water.</p>", "tags": ["Baking", "C++"]}


@pytest.fixture(autouse=True)
def source(app: AppContext) -> None:
    """A source that others post to, which was there before they did."""
    added = sources.add(app, "site", "web_hook", {"secret": SECRET}, publishing=Publishing.NEW)
    source_runs.run_source(app, added.source.id)


def post(client: TestClient, app: AppContext, said: Any, *, age: int = 0, key: bytes = KEY, name: str = "site") -> Any:
    """Post what is said with the signature of Standard Webhooks."""
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    at = str(int(app.clock().timestamp()) - age)
    signature = base64.b64encode(hmac.digest(key, f"msg_1.{at}.".encode() + body, hashlib.sha256)).decode()
    headers = {"webhook-id": "msg_1", "webhook-timestamp": at, "webhook-signature": f"v1,AAAA v1,{signature}"}
    return client.post(f"/webhooks/sources/{name}", content=body, headers=headers)


def found(app: AppContext, ref: str) -> StoredArticle:
    with app.database.begin() as connection:
        article = articles.find_by_ref(connection, "site", ref)
    assert article is not None
    return article


def test_a_signed_article_comes_in_once_and_an_edit_is_a_revision(client: TestClient, app: AppContext) -> None:
    assert post(client, app, ITEM).json()["added"] == ["bread"]
    assert post(client, app, ITEM).json()["unchanged"] == 1
    assert post(client, app, {**ITEM, "html": "<p>Flour, water, salt.</p>"}).json()["revised"] == ["bread"]
    article = found(app, "post-1")
    assert article.status.state is ArticleState.PUBLISHED
    assert (article.article.revision, plain_text(article.article.body).strip()) == (2, "Flour, water, salt.")
    assert [tag.label for tag in article.article.tags] == ["Baking", "C++"]


def test_markdown_and_plain_text_are_read_as_their_files_are(client: TestClient, app: AppContext) -> None:
    said = [
        {"id": "md", "markdown": "# Rye\n\n## Dark\n\nWith *malt*."},
        {"id": "txt", "title": "Spelt", "text": "Old grain.\n\n• nutty\n• soft"},
    ]
    assert post(client, app, {"items": said}).json()["added"] == ["rye", "spelt"]
    assert isinstance(found(app, "md").article.body[0], Heading)
    assert "nutty" in plain_text(found(app, "txt").article.body)


def test_an_article_that_is_deleted_there_is_flagged_here(client: TestClient, app: AppContext) -> None:
    post(client, app, ITEM)
    assert post(client, app, {"id": "post-1", "deleted": True}).json()["gone"] == 1
    assert found(app, "post-1").missing_since is not None


def test_a_wrong_item_stops_no_other_and_its_fault_is_named(client: TestClient, app: AppContext) -> None:
    answer = post(client, app, {"items": [{"id": "x", "title": "No text"}, ITEM, {"title": "No id", "html": "-"}]})
    assert answer.status_code == 422
    assert answer.json()["added"] == ["bread"]
    assert [reason.partition(":")[2] or reason for reason in answer.json()["problems"]] == [
        "write one of html, markdown and text",
        " is missing",
    ]


@pytest.mark.parametrize("options", [{"age": 600}, {"age": -600}, {"key": b"another"}])
def test_what_is_not_signed_or_not_now_is_refused(client: TestClient, app: AppContext, options: dict[str, Any]) -> None:
    assert post(client, app, ITEM, **options).status_code == 403
    assert client.post("/webhooks/sources/site", json=ITEM).status_code == 403
    with app.database.begin() as connection:
        assert articles.find_by_ref(connection, "site", "post-1") is None


def test_a_signature_as_github_makes_them_is_taken_too(client: TestClient, app: AppContext) -> None:
    body = json.dumps(ITEM).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    answer = client.post("/webhooks/sources/site", content=body, headers={"X-Hub-Signature-256": f"sha256={signature}"})
    assert answer.json()["added"] == ["bread"]


@pytest.mark.parametrize("body", [b"", b"no JSON", b"[]", b"3", b'{"items": {}}', b"[" * 100_000])
def test_what_is_no_article_is_refused(client: TestClient, app: AppContext, body: bytes) -> None:
    assert post(client, app, body).status_code == 400


def test_only_sources_that_take_requests_have_an_address_and_paused_ones_take_none(
    client: TestClient, app: AppContext
) -> None:
    assert post(client, app, ITEM, name="nobody").status_code == 404
    assert post(client, app, ITEM, name="folder").status_code == 404
    sources.set_state(app, "site", SourceState.PAUSED)
    assert post(client, app, ITEM).status_code == 409
