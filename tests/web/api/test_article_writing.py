"""Articles written by the API: drafts, revisions, and what happens if somebody else revised them meanwhile."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from distributor.domain.api_token import TokenScope
from distributor.domain.article_merge import MARKER
from distributor.flow.app_context import AppContext
from distributor.flow.articles.ingest import scan
from distributor.storage import articles

from .conftest import Program

MARKDOWN = "It *happened*.\n\nIn Graz.\n\nIt rained.\n\nLast night."
ARTICLE = {
    "title": "The news",
    "markdown": MARKDOWN,
    "summary": "What happened.",
    "author": "Ada Reporter",
    "language": "de",
    "tags": ["Local news", "Graz"],
}


@pytest.fixture
def written(api: Any) -> Any:
    answer = api.post("/articles", json=ARTICLE)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_an_article_is_a_draft_with_what_was_written(api: Any, written: Any):
    assert (written["slug"], written["state"], written["revision"]) == ("the-news", "draft", 1)
    assert {name: written[name] for name in ARTICLE} == ARTICLE
    assert written["text"].startswith("It happened.")
    assert api.get("/articles/the-news").json() == written
    (event,) = api.get("/articles/the-news/history").json()["items"]
    assert (event["action"], event["by"]) == ("added", "api:test")
    assert api.post("/articles/the-news/publish", json={}).json()["is_public"]


def test_what_its_author_should_look_at_comes_with_the_article(api: Any, written: Any):
    assert written["warnings"] == []
    (warning,) = api.post("/articles", json={**ARTICLE, "tags": []}).json()["warnings"]
    assert warning.startswith("there are no tags")


def test_it_is_made_once_under_one_key(api: Any, program: Program):
    key = {"Idempotency-Key": "from the newsroom, 1"}
    first, second = (api.post("/articles", json=ARTICLE, headers=key) for _ in range(2))
    assert (first.status_code, second.json()) == (201, first.json())
    other = api.post("/articles", json={**ARTICLE, "title": "Other news"}, headers=key)
    assert (other.status_code, "another key" in other.json()["detail"]) == (409, True)
    elsewhere = program(TokenScope.ARTICLES_WRITE).post("/articles", json=ARTICLE, headers=key)
    assert elsewhere.json()["slug"] != first.json()["slug"]


def test_a_revision_changes_what_is_named_and_nothing_else(api: Any, written: Any):
    change = {"revision": 1, "title": "The news today", "tags": ["Graz"]}
    revised = api.patch("/articles/the-news", json=change).json()
    assert (revised["revision"], revised["title"], revised["tags"]) == (2, "The news today", ["Graz"])
    assert (revised["markdown"], revised["guid"]) == (written["markdown"], written["guid"])
    again = api.patch("/articles/the-news", json={**change, "revision": 2}).json()
    assert again["revision"] == 2, "the same text changes nothing"


def test_who_revises_an_older_revision_is_told_what_changed_and_gets_both_texts(api: Any, written: Any):
    theirs = {"revision": 1, "markdown": MARKDOWN.replace("In Graz.", "In Linz.")}
    assert api.patch("/articles/the-news", json=theirs).json()["revision"] == 2
    mine = {"revision": 1, "title": "My title", "markdown": MARKDOWN.replace("Last night.", "At noon.")}
    refused = api.patch("/articles/the-news", json=mine)
    assert (refused.status_code, refused.headers["content-type"]) == (409, "application/problem+json")
    problem = refused.json()
    assert (problem["type"], problem["revision"]) == ("urn:distributor:problem:revised", 2)
    assert "-In Graz." in problem["diff"]
    assert "+In Linz." in problem["diff"]
    merged = problem["merged"]
    assert (merged["title"], merged["markdown"]) == ("My title", "It *happened*.\n\nIn Linz.\n\nIt rained.\n\nAt noon.")
    assert api.get("/articles/the-news").json()["title"] == "The news", "nothing was saved"
    saved = api.patch("/articles/the-news", json={**merged, "revision": problem["revision"]})
    assert (saved.json()["revision"], saved.json()["markdown"]) == (3, merged["markdown"])
    late = api.patch("/articles/the-news", json=mine)
    assert late.status_code == 200, "it has all of that already"
    assert late.json()["revision"] == 3


def test_a_passage_that_both_changed_stands_twice_and_is_marked(api: Any, written: Any):
    for place, status in (("In Linz.", 200), ("In Wels.", 409)):
        body = {"revision": 1, "markdown": MARKDOWN.replace("In Graz.", place)}
        answer = api.patch("/articles/the-news", json=body)
        assert answer.status_code == status
    merged = answer.json()["merged"]["markdown"]
    assert f"{MARKER}\n\nIn Linz.\n\nIn Wels." in merged


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"markdown": "![Describe this picture](https://x.example/a.png)"}, "#/markdown"),
        ({"image": "file:///etc/passwd"}, "#/image"),
        ({"language": "klingon!"}, "#/language"),
        ({"title": " "}, "#/title"),
        ({"markdown": "a\x00b"}, "#/markdown"),
    ],
)
def test_what_is_wrong_is_said_with_its_field(api: Any, change: dict[str, str], pointer: str):
    refused = api.post("/articles", json={**ARTICLE, **change})
    assert refused.status_code == 422
    assert [one["pointer"] for one in refused.json()["errors"]] == [pointer]
    assert api.get("/articles").json()["items"] == []


def test_articles_of_the_content_folder_are_edited_there(api: Any, app: AppContext):
    app.content_dir.mkdir()
    (app.content_dir / "first.md").write_text("---\ntitle: From a file\n---\n\nWords.\n")
    scan(app)
    refused = api.patch("/articles/first", json={"revision": 1, "title": "Mine"})
    assert (refused.status_code, "content folder" in refused.json()["detail"]) == (409, True)


def test_a_revision_that_never_was_is_not_found(api: Any, written: Any):
    assert api.patch("/articles/the-news", json={"revision": 7, "title": "x"}).status_code == 404
    assert api.patch("/articles/nothing", json={"revision": 1, "title": "x"}).status_code == 404
    assert api.patch("/articles/the-news", json={"title": "x"}).status_code == 422


def test_who_only_reads_writes_nothing(program: Program, app: AppContext, tmp_path: Path):
    reader = program(TokenScope.ARTICLES_READ)
    assert reader.post("/articles", json=ARTICLE).status_code == 403
    assert reader.patch("/articles/the-news", json={"revision": 1}).status_code == 403
    with app.database.begin() as connection:
        assert articles.latest(connection, limit=1) == []
