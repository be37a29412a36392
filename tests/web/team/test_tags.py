"""The tags in the app: listed with their articles, changed, and merged once it is said what that touches."""

from __future__ import annotations

import pytest

from distributor.domain.user import Role
from distributor.storage import audit_log, lists, memberships, tags
from tests.storage.list_fixtures import on_list

from .conftest import Browser, Team
from .test_articles import words_of, write

NAMES = {"label": "JS", "hashtag": "JS", "synonyms": "", "parent": ""}


@pytest.fixture
def editor(team: Team) -> Browser:
    return team.signed_in(team.user(Role.EDITOR, name="Ada Writer"))


def found(team: Team, slug: str) -> tags.StoredTag:
    with team.app.database.begin() as connection:
        return tags.find(connection, slug)


def test_tags_are_listed_with_their_articles(team: Team, editor: Browser):
    assert "There is no tag yet" in words_of(editor.page("/app/tags"))
    write(editor, tags="C++, JS")
    write(editor, title="Other", tags="JS, <b>bold</b>")
    with team.app.database.begin() as connection:
        tags.change(connection, "js", parent="c-plus-plus", add_synonyms=["ECMAScript"], now=team.clock())
    page = editor.page("/app/tags")
    shown = words_of(page)
    for text in ("<b>bold</b>", "C++ 1 article · #Cpp", "JS 2 articles · #JS · part of C++ · also ECMAScript"):
        assert text in shown
    assert "/app/articles?tag=js" in page.xpath("//main//a/@href")
    assert "/app/tags" in editor.page("/app/articles").xpath("//main//a/@href")


def test_a_tag_gets_another_label_a_hashtag_synonyms_and_a_parent(team: Team, editor: Browser):
    write(editor, tags="JS, Web")
    changed = {"label": "JavaScript", "hashtag": "JS", "synonyms": "JS, ECMAScript, es6", "parent": "web"}
    answer = editor.post("/app/tags/js", changed)
    assert answer.headers["location"] == "/app/tags/javascript?done=changed"
    tag = found(team, "js")
    assert (tag.slug, tag.parent, tag.synonyms) == ("javascript", "web", ("ECMAScript", "JS", "es6"))
    assert tag.hashtag == "", "what stood there followed from the old label"
    editor.post("/app/tags/javascript", {**changed, "hashtag": "#ES", "synonyms": "JS, ES"})
    assert (found(team, "js").hashtag, found(team, "js").synonyms) == ("ES", ("ES", "JS"))
    page = editor.page("/app/tags/javascript?done=changed")
    assert "The tag is saved." in words_of(page)
    assert "/tags/js" in words_of(page)
    assert page.xpath("string(//input[@name='hashtag']/@value)") == "ES"


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"label": "web"}, "already"),
        ({"label": ""}, "nothing that can be seen"),
        ({"hashtag": "C#"}, "is no hashtag"),
        ({"parent": "js"}, "cannot be a part"),
        ({"parent": "gone"}, "gone"),
        ({"synonyms": "Web"}, "merge that into"),
    ],
)
def test_what_cannot_be_saved_says_why_and_keeps_what_was_typed(
    team: Team, editor: Browser, typed: dict[str, str], words: str
):
    write(editor, tags="JS, Web")
    before = found(team, "js")
    answer = editor.post("/app/tags/js", {**NAMES, "synonyms": "kept", **typed})
    assert answer.status_code == 422
    assert words in answer.text
    assert "synonyms" in typed or "kept</textarea>" in answer.text
    assert found(team, "js") == before


def test_a_merge_is_confirmed_with_what_it_touches_and_is_in_the_audit_log(team: Team, editor: Browser):
    write(editor, tags="JS, JavaScript")
    write(editor, title="Other", tags="JS")
    with team.app.database.begin() as connection:
        people = on_list(connection, "news", "ada", "bo")
        news = lists.change(connection, "news", {"topics": ["js"]})
        memberships.set_topics(connection, people["bo"], news.id, ["js"])
    shown = words_of(editor.page("/app/tags/js/merge?into=javascript"))
    for text in (
        "JS becomes JavaScript. This cannot be undone.",
        "2 articles have the other tag then.",
        "1 subscriber who chose it follows the other tag.",
        "1 list offers the other tag in its place.",
    ):
        assert text in shown
    assert found(team, "js").slug == "js", "nothing is done yet"
    answer = editor.post("/app/tags/js/merge", {"into": "javascript"})
    assert answer.headers["location"] == "/app/tags/javascript?done=merged"
    assert (found(team, "js").slug, found(team, "js").articles) == ("javascript", 2)
    with team.app.database.begin() as connection:
        assert memberships.of_subscriber(connection, people["bo"])[0].topics == ("javascript",)
        entry = next(one for one in audit_log.latest(connection, limit=5) if one.action == "tag merged")
    assert (entry.subject, entry.detail) == ("JS", "JavaScript")
    assert entry.actor.startswith("user:")


@pytest.mark.parametrize("into", ["", "js", "gone"])
def test_a_tag_is_not_merged_into_itself_or_into_none(team: Team, editor: Browser, into: str):
    write(editor, tags="JS, Web")
    assert "Choose the tag that it becomes" in editor.get(f"/app/tags/js/merge?into={into}").text
    assert editor.post("/app/tags/js/merge", {"into": into}).status_code in (404, 422)
    assert found(team, "js").slug == "js"


def test_who_only_reads_sees_the_tags_and_cannot_change_them(team: Team, editor: Browser):
    write(editor, tags="JS, Web")
    viewer = team.signed_in(team.user(Role.VIEWER, "viewer@example.org"))
    assert viewer.page("/app/tags/js").xpath("//main//form") == []
    assert viewer.post("/app/tags/js", NAMES).status_code == 403
    assert viewer.get("/app/tags/nothing").status_code == 404
