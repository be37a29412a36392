"""Tags by the API: listed with their articles, renamed, merged, and given hashtags, synonyms and parents."""

from __future__ import annotations

from typing import Any

import pytest

from distributor.domain.api_token import TokenScope
from distributor.domain.tags import Tag
from distributor.flow.app_context import AppContext
from distributor.storage import audit_log
from tests.web.samples import WriteArticle

from .conftest import Program


@pytest.fixture(autouse=True)
def tagged(write_article: WriteArticle) -> None:
    write_article("one", tags=(Tag("C++"), Tag("JS")))
    write_article("two", tags=(Tag("JavaScript"), Tag("JS")))


def test_tags_are_listed_by_pages_with_their_articles_and_hashtags(api: Any):
    first = api.get("/tags", params={"limit": 2}).json()
    assert [(one["slug"], one["label"], one["articles"]) for one in first["items"]] == [
        ("c-plus-plus", "C++", 1),
        ("javascript", "JavaScript", 1),
    ]
    second = api.get("/tags", params={"limit": 2, "after": first["next"]}).json()
    assert [(one["slug"], one["hashtag"]) for one in second["items"]] == [("js", "JS")]
    assert second["next"] is None


def test_a_renamed_tag_is_found_by_its_old_slug_and_articles_that_name_it_get_it(api: Any):
    renamed = api.patch("/tags/js", json={"label": "ECMAScript", "hashtag": "#ES", "parent": "javascript"}).json()
    assert (renamed["slug"], renamed["aliases"], renamed["synonyms"]) == ("ecmascript", ["js"], ["JS"])
    assert (renamed["hashtag"], renamed["is_hashtag_chosen"], renamed["parent"]) == ("ES", True, "javascript")
    shown = api.get("/tags/js").json()
    assert (shown["slug"], shown["uses"]["articles"]) == ("ecmascript", 2)
    created = api.post("/articles", json={"title": "A", "markdown": "A.", "tags": ["js", "c ++", "new"]}).json()
    assert created["tags"] == ["ECMAScript", "C++", "new"]
    assert api.patch("/tags/js", json={"hashtag": "", "parent": ""}).json()["hashtag"] == "ECMAScript"


def test_a_merge_returns_the_tag_that_is_left_and_is_in_the_audit_log(api: Any, app: AppContext):
    merged = api.post("/tags/js/merge", json={"into": "javascript"}).json()
    assert (merged["slug"], merged["articles"], merged["synonyms"]) == ("javascript", 2, ["JS"])
    assert api.get("/articles/two").json()["tags"] == ["JavaScript"]
    with app.database.begin() as connection:
        (entry,) = [one for one in audit_log.latest(connection, limit=5) if one.action == "tag merged"]
    assert (entry.subject, entry.detail) == ("JS", "JavaScript")
    assert entry.actor.startswith("api:")


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        ({"label": "javascript"}, 409, "merge"),
        ({"label": "\u200d"}, 422, "nothing that can be seen"),
        ({"label": "new name", "hashtag": "C#"}, 422, "is no hashtag"),
        ({"hashtag": "two words"}, 422, "one hashtag"),
        ({"parent": "js"}, 422, "cannot be a part"),
        ({"parent": "nothing"}, 404, "nothing"),
        ({"add_synonyms": ["C++"]}, 409, "merge that into"),
        ({"remove_synonyms": ["C"]}, 422, "is no synonym"),
    ],
)
def test_what_cannot_be_changed_says_why_and_changes_nothing(api: Any, change: dict[str, Any], status: int, words: str):
    before = api.get("/tags/js").json()
    response = api.patch("/tags/js", json=change)
    assert response.status_code == status
    assert words in response.text
    assert api.get("/tags/js").json() == before


def test_tags_need_the_scopes_of_articles(program: Program):
    reading = program(TokenScope.ARTICLES_READ)
    assert reading.get("/tags").status_code == 200
    assert reading.patch("/tags/js", json={"label": "X"}).status_code == 403
    assert reading.post("/tags/js/merge", json={"into": "javascript"}).status_code == 403
    assert program(TokenScope.LISTS_READ).get("/tags/js").status_code == 403


def test_tags_are_suggested_that_the_article_does_not_have(api: Any):
    body = "We write C++ and JS. The garden soil, our garden soil, is garden soil."
    created = api.post("/articles", json={"title": "A", "markdown": body, "tags": ["JS"]}).json()
    assert api.get(f"/articles/{created['slug']}/tag-suggestions").json() == {
        "items": [{"label": "C++", "is_known": True}, {"label": "garden soil", "is_known": False}]
    }
    assert len(api.get(f"/articles/{created['slug']}/tag-suggestions", params={"limit": 1}).json()["items"]) == 1
    assert api.get("/articles/nothing/tag-suggestions").status_code == 404
