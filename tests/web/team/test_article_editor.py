"""The editor: what is kept while somebody types, two who write at once, sessions that end, pictures and previews."""

from __future__ import annotations

from typing import Any

import lxml.html
import pytest

from distributor.domain.article import ArticleState
from distributor.domain.blocks import plain_text
from distributor.domain.ip_networks import parse_networks
from distributor.domain.user import Role
from distributor.storage import articles, channels, tags, user_sessions
from distributor.testing.scripted_server import closed_port
from tests.storage.image_fixtures import a_png

from .conftest import Browser, MakeTeam, Team
from .test_articles import PROBE, begin, hidden, the_articles, words_of, write

TEXT = {"title": "Tides", "body": "The *sea* rises.", "language": "en"}


@pytest.fixture
def editor(team: Team) -> Browser:
    return team.signed_in(team.user(Role.EDITOR, name="Ada Writer"))


@pytest.fixture
def other(team: Team) -> Browser:
    return team.signed_in(team.user(Role.MARKETER, name="Jonas Berg"))


def typed(page: Any) -> dict[str, str]:
    """What the fields of the editor hold, with what the text was read from."""
    return {
        "title": str(page.xpath("normalize-space(//textarea[@name='title'])")),
        "tags": str(page.xpath("normalize-space(//textarea[@name='tags'])")),
        "body": str(page.xpath("string(//textarea[@name='body'])")).removeprefix("\n"),
        "language": str(page.xpath("string(//select[@name='language']/option[@selected]/@value)")),
        "revision": hidden(page, "revision"),
        "version": hidden(page, "version"),
    }


def revisions(team: Team) -> list[tuple[str, str]]:
    """State and text of every revision of the only article."""
    (found,) = the_articles(team)
    with team.app.database.begin() as connection:
        numbers = range(1, found.article.revision + 1)
        return [
            (found.status.state, plain_text(articles.find_revision(connection, found.id, one).body)) for one in numbers
        ]


def test_what_is_typed_is_kept_and_neither_saved_nor_published(team: Team, editor: Browser):
    path = begin(editor)
    version = 1
    for number in range(4):
        answer = editor.post(f"{path}/draft", {**TEXT, "body": f"text {number}", "version": str(version)})
        assert answer.status_code == 200
        version = answer.json()["version"]
    assert the_articles(team) == []
    assert typed(editor.page(path))["body"] == "text 3"
    assert "Tides" in words_of(editor.page("/app/articles"))
    saved = editor.post(path, {**TEXT, "version": str(version)}).headers["location"]
    article = saved.partition("?")[0]
    editor.post(f"{article}/publish", {"revision": "1"})
    editor.post(f"{article}/edit/draft", {**TEXT, "body": "not yet", "revision": "1", "version": "0"})
    assert revisions(team) == [(ArticleState.PUBLISHED, "The sea rises.")]
    assert "not yet" not in editor.get("/articles/tides").text
    assert "Save and update the public page" in words_of(editor.page(f"{article}/edit"))
    assert "not saved it yet" in words_of(editor.page(article))
    editor.post(f"{article}/edit", typed(editor.page(f"{article}/edit")))
    assert "not yet" in editor.get("/articles/tides").text
    assert len(revisions(team)) == 2


def test_save_pressed_twice_makes_one_article_and_one_revision(team: Team, editor: Browser):
    path = begin(editor)
    places = {editor.post(path, {**TEXT, "version": "1"}).headers["location"].partition("?")[0] for _ in range(2)}
    assert len(places) == 1
    article = places.pop()
    for _ in range(2):
        assert editor.post(f"{article}/edit", {**TEXT, "body": "Two.", "revision": "1"}).status_code == 303
    assert [text for _, text in revisions(team)] == ["The sea rises.", "Two."]
    assert editor.get(path).headers["location"] == f"{article}/edit"


def test_w7_of_two_who_edit_one_article_the_second_sees_both_texts_and_loses_neither(
    team: Team, editor: Browser, other: Browser
):
    article = write(editor, body="One.\n\nTwo.\n\nThree.")
    mine, theirs = typed(editor.page(f"{article}/edit")), typed(other.page(f"{article}/edit"))
    other.post(f"{article}/edit", {**theirs, "body": "One by Jonas.\n\nTwo.\n\nThree."})
    answer = editor.post(f"{article}/edit", {**mine, "body": "One.\n\nTwo.\n\nThree by Ada."})
    assert answer.headers["location"] == f"{article}/edit/compare"
    for _ in range(2):
        page = editor.page(f"{article}/edit/compare")
        shown = words_of(page)
        assert "Jonas Berg has saved this article" in shown
        assert " by Jonas" in "".join(page.xpath("//del/text()"))
        assert " by Ada" in "".join(page.xpath("//ins/text()"))
        assert "Three by Ada." in shown
        assert "One by Jonas." in shown
    assert len(revisions(team)) == 2
    assert "See both" in words_of(editor.page(f"{article}/edit"))
    answer = editor.post(f"{article}/edit/compare", {"choice": "merge"})
    assert answer.headers["location"] == f"{article}/edit?done=merged"
    merged = typed(editor.page(f"{article}/edit"))
    assert merged["body"] == "One by Jonas.\n\nTwo.\n\nThree by Ada."
    assert editor.post(f"{article}/edit", merged).status_code == 303
    assert [text for _, text in revisions(team)] == [
        "One.\nTwo.\nThree.",
        "One by Jonas.\nTwo.\nThree.",
        "One by Jonas.\nTwo.\nThree by Ada.",
    ]


@pytest.mark.parametrize(("choice", "text"), [("mine", "Ada's."), ("theirs", "Jonas's.")])
def test_w7_the_second_may_keep_the_own_text_or_take_the_other(
    team: Team, editor: Browser, other: Browser, choice: str, text: str
):
    article = write(editor)
    mine, theirs = typed(editor.page(f"{article}/edit")), typed(other.page(f"{article}/edit"))
    other.post(f"{article}/edit", {**theirs, "body": "Jonas's."})
    editor.post(f"{article}/edit", {**mine, "body": "Ada's."})
    page = editor.page(f"{article}/edit/compare")
    for _ in range(2):
        answer = editor.post(f"{article}/edit/compare", {"choice": choice, "revision": hidden(page, "revision")})
        assert answer.status_code == 303
    assert revisions(team)[-1][1] == text
    assert ("draft", "Jonas's.") in revisions(team)
    assert typed(editor.page(f"{article}/edit"))["body"].strip() == text


def test_of_two_windows_the_older_one_shows_both_texts(team: Team, editor: Browser):
    path = begin(editor)
    editor.post(f"{path}/draft", {**TEXT, "body": "in the newer window", "version": "1"})
    answer = editor.post(f"{path}/draft", {**TEXT, "body": "in the older window", "version": "1"})
    assert answer.status_code == 409
    assert "another window" in answer.json()["error"]
    answer = editor.post(path, {**TEXT, "body": "in the older window", "version": "1"})
    assert answer.status_code == 409
    assert "newer" in answer.text
    assert "older" in answer.text
    assert the_articles(team) == []
    assert typed(editor.page(path))["body"] == "in the newer window"
    again = {**TEXT, "body": "in the older window", "version": "2", "do": "keep"}
    assert editor.post(path, again).status_code == 303
    assert typed(editor.page(path))["body"] == "in the older window"


def test_w8_a_tag_added_on_a_page_whose_text_has_not_arrived_leaves_the_text_as_it_is(team: Team, editor: Browser):
    article = write(editor, tags="sea")
    assert editor.post(f"{article}/edit", {"tags": "sea, moon", "revision": "1"}).status_code == 303
    (found,) = the_articles(team)
    assert [tag.label for tag in found.article.tags] == ["sea", "moon"]
    assert (found.article.title, plain_text(found.article.body)) == ("Tides", "The sea rises.")
    assert [shown for _, shown in revisions(team)] == ["The sea rises."] * 2


def test_w10_a_session_that_ends_while_somebody_writes_keeps_the_text_and_it_is_saved_once(team: Team):
    user = team.user(Role.EDITOR, name="Ada Writer")
    browser = team.signed_in(user)
    path = begin(browser)
    with team.app.database.begin() as connection:
        user_sessions.end_all(connection, user.id)
    body = "Word for word. " * 8000
    form = {**TEXT, "body": body, "version": "1"}
    kept = browser.post(f"{path}/draft", form, headers={"Sec-Fetch-Site": "same-origin", "Accept": "application/json"})
    assert kept.status_code == 401
    answer = browser.post(path, form)
    assert answer.status_code == 401
    assert "What you typed is kept" in answer.text
    assert "token" not in answer.text.lower().replace("text/", "")
    page = lxml_of(answer)
    fields = {one.get("name"): one.get("value", "") for one in page.xpath("//form//input[@name]")}
    again = browser.post("/app/sign-in", {**fields, "email": user.email, "password": "a sentence that only tests know"})
    assert again.status_code == 200
    resumed = lxml_of(again)
    fields = {one.get("name"): one.get("value", "") for one in resumed.xpath("//form//input[@name]")}
    assert resumed.xpath("string(//form/@action)") == path
    for _ in range(2):
        assert browser.post(path, fields).status_code == 303
    (found,) = the_articles(team)
    assert plain_text(found.article.body) == body.strip()
    assert found.article.revision == 1


def lxml_of(response: Any) -> Any:
    return lxml.html.fromstring(response.text)


def test_w26_a_picture_in_a_new_draft_loses_nothing_that_is_typed_and_makes_no_second_draft(
    team: Team, editor: Browser
):
    path = begin(editor)
    form = {**TEXT, "tags": "sea", "version": "1", "do": "image"}
    without = editor.post(path, {**form, "picture_alt": "a wave"})
    assert without.status_code == 422
    assert typed(lxml_of(without))["body"] == TEXT["body"]
    undescribed = editor.post(path, form, files={"picture": ("x.png", a_png(9, 9))})
    assert (undescribed.status_code, "mark it as decorative" in undescribed.text) == (422, True)
    added = editor.post(path, {**form, "picture_alt": "a [big] wave"}, files={"picture": ("x.png", a_png(9, 9))})
    assert added.status_code == 303
    now = typed(editor.page(path))
    assert now["body"].startswith("The *sea* rises.\n\n![a \\[big\\] wave](/media/")
    assert (now["title"], now["tags"]) == ("Tides", "sea")
    hero = editor.post(
        path,
        {**now, "do": "image", "picture_place": "image", "picture_decorative": "on"},
        files={"picture": ("y.png", a_png(20, 9))},
    )
    assert hero.status_code == 303
    page = editor.page(path)
    assert str(page.xpath("string(//input[@name='image']/@value)")).startswith("/media/")
    assert page.xpath("//input[@name='is_decorative']/@checked")
    assert len(editor.page("/app/articles").xpath("//section[contains(@class, 'unsaved')]//li")) == 1


@pytest.mark.parametrize(
    ("name", "body", "said"),
    [
        ("x.svg", b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "SVG"),
        ("x.png", b"<html><script>alert(1)</script>", "no image"),
        ("x.gif", b"GIF89a=1/*" + bytes(20), "damaged"),
        ("x.webp", b"RIFF\0\0\0\0WEBPVP8 " + bytes(20), "WebP"),
    ],
)
def test_a_file_that_is_no_picture_is_refused_in_words(editor: Browser, name: str, body: bytes, said: str):
    path = begin(editor)
    answer = editor.post(f"{path}/images", files={"file": (name, body, "image/png")})
    assert answer.status_code == 422
    assert said in answer.json()["error"]
    form = {**TEXT, "version": "1", "do": "image", "picture_alt": "x"}
    page = editor.post(path, form, files={"picture": (name, body, "image/png")})
    assert page.status_code == 422
    assert said in page.text
    assert typed(lxml_of(page))["body"] == TEXT["body"]
    assert editor.post(f"{path}/images").status_code == 422


def test_a_dropped_picture_must_be_described_or_marked_as_decorative_before_it_is_saved(team: Team, editor: Browser):
    path = begin(editor)
    markdown = editor.post(f"{path}/images", files={"file": ("x.png", a_png(9, 9))}).json()["markdown"]
    refused = editor.post(path, {**TEXT, "body": markdown, "version": "1"})
    assert refused.status_code == 422
    assert "no description yet" in refused.text
    decorative = markdown.replace("Describe this picture", "")
    assert editor.post(path, {**TEXT, "body": f"Text\n\n{decorative}", "version": "1"}).status_code == 303
    assert the_articles(team)[0].article.body_images[0].alt == ""


def test_a_form_that_is_wrong_comes_back_with_all_that_was_typed(team: Team, editor: Browser):
    path = begin(editor)
    form = {"title": "", "summary": PROBE, "tags": PROBE, "body": PROBE, "language": "Klingon!", "version": "1"}
    answer = editor.post(path, {**form, "image": "https://example.org/x.png", "image_alt": ""})
    assert answer.status_code == 422
    page = lxml_of(answer)
    assert typed(page)["body"] == PROBE
    assert page.xpath("string(//textarea[@name='summary'])").strip() == PROBE
    assert set(page.xpath("//*[@aria-invalid='true']/@name")) == {"title", "language", "image_alt"}
    for told in page.xpath("//*[@aria-invalid='true']/@aria-describedby"):
        assert page.xpath(f"//*[@id='{str(told).split()[0]}']")
    assert "<script>alert" not in answer.text
    assert the_articles(team) == []


def test_an_image_elsewhere_that_cannot_be_had_is_named_on_the_page_of_the_saved_article(make_team: MakeTeam):
    team = make_team(content_fetch_images=True, fetch_networks=parse_networks("127.0.0.1"))
    editor = team.signed_in(team.user(Role.EDITOR))
    with closed_port() as url:
        path = write(editor, body=f"The sea.\n\n![A boat]({url}/boat.png)")
        said = words_of(editor.page(path))
    assert f"the image {url}/boat.png was not fetched and stays there: no connection" in said


def test_a_draft_is_not_there_for_others(team: Team, editor: Browser, other: Browser):
    path = begin(editor)
    editor.post(f"{path}/draft", {**TEXT, "version": "1"})
    for tried in (path, f"{path}/preview", f"{path}/preview/web", f"{path}/compare"):
        assert other.get(tried).status_code == 404, tried
    for tried in (path, f"{path}/draft", f"{path}/discard", f"{path}/compare", f"{path}/images"):
        assert other.post(tried, {**TEXT, "version": "2"}).status_code == 404, tried
    assert typed(editor.page(path))["body"] == TEXT["body"]
    assert editor.post(f"{path}/discard").headers["location"] == "/app/articles"
    assert editor.get(path).status_code == 404


def test_what_is_not_saved_can_be_discarded_and_the_article_stays(team: Team, editor: Browser, other: Browser):
    article = write(editor)
    editor.post(f"{article}/edit/draft", {**TEXT, "body": "Other.", "revision": "1", "version": "0"})
    assert "is changing this article too" in words_of(other.page(f"{article}/edit"))
    assert "is changing it, and has not saved" in words_of(other.page(article))
    assert editor.post(f"{article}/edit/discard").status_code == 303
    assert typed(editor.page(f"{article}/edit"))["body"] == "The *sea* rises."
    assert "is changing it" not in words_of(other.page(article))


def test_the_preview_shows_what_is_kept_on_the_page_and_on_each_channel(team: Team, editor: Browser):
    with team.app.database.begin() as connection:
        for name, kind, settings in (
            ("letter", "email", {"smtp_url": "smtp://127.0.0.1:1"}),
            ("short", "x", {}),
            ("readers", "feed", {}),
        ):
            channels.save(connection, name=name, kind=kind, settings=settings, sealed=None)
    path = begin(editor)
    kept = editor.post(path, {**TEXT, "body": "Kept *words*.", "version": "1", "do": "show:web"})
    assert kept.headers["location"] == f"{path}?show=web#seen"
    tabs = editor.page(path).xpath("//div[@id='preview']//button")
    assert [" ".join(one.text_content().split()) for one in tabs] == ["Web page", "letter", "readers", "short"]
    for tab in tabs:
        name = tab.get("value").removeprefix("show:")
        frame = editor.get(f"{path}/preview/{name}")
        assert frame.status_code == 200
        assert "Tides" in frame.text, name
        assert frame.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
        assert editor.get(f"{path}/preview?show={name}").status_code == 200
    assert "Kept <em>words</em>" in editor.get(f"{path}/preview/web").text
    assert editor.get(f"{path}/preview/999").status_code == 404
    assert editor.get(f"{path}/preview/nothing").status_code == 404
    empty = begin(editor)
    assert "Nothing is written yet." in editor.get(f"{empty}/preview/web").text


def test_pasted_text_in_the_editor_is_read_as_an_article(team: Team, editor: Browser):
    path = begin(editor)
    body = "Tides\n\nThey include:\n\n  • ebb\n  • flow\n\nTags: sea, moon"
    editor.post(f"{path}/draft", {"body": body, "version": "1"})
    page = editor.page(path)
    assert "looks like pasted text" in words_of(page)
    answer = editor.post(path, {**typed(page), "do": "convert"})
    assert answer.status_code == 303
    now = typed(editor.page(path))
    assert (now["title"], now["tags"], now["body"].strip()) == ("Tides", "sea, moon", "They include:\n\n- ebb\n- flow")


def test_tags_that_were_used_before_are_ticked_and_come_once(team: Team, editor: Browser):
    write(editor, tags="sea, Moon phases")
    path = begin(editor)
    page = editor.page(path)
    assert set(page.xpath("//input[@name='tag']/@value")) == {"sea", "Moon phases"}
    form = {**TEXT, "tags": "Sea, wind", "tag": ["sea", "Moon phases"], "version": "1"}
    version = editor.post(f"{path}/draft", form).json()["version"]
    assert editor.post(f"{path}/draft", {**form, "version": str(version)}).json()["version"] == version
    assert typed(editor.page(path))["tags"] == "Sea, wind, Moon phases"
    assert editor.page(path).xpath("//input[@name='tag']/@value") == []


def test_a_draft_that_is_still_empty_is_not_listed(team: Team, editor: Browser):
    first, second = begin(editor), begin(editor)
    assert first != second
    assert "You began" not in words_of(editor.page("/app/articles"))


def test_tags_that_the_text_suggests_are_offered_until_there_are_enough(team: Team, editor: Browser):
    write(editor, title="Other", body="Words.", tags="JavaScript")
    body = "The garden soil feeds JavaScript. Our garden soil is garden soil."
    article = write(editor, title="Soil", body=body, tags="peat")
    offered = editor.page(f"{article}/edit").xpath("//summary[contains(., 'the text suggests')]/..//input/@value")
    assert offered == ["JavaScript", "garden soil"]
    before = typed(editor.page(f"{article}/edit"))
    editor.post(f"{article}/edit", {**before, "tag": "garden soil"})
    assert typed(editor.page(f"{article}/edit"))["tags"] == "peat, garden soil"
    editor.post(f"{article}/edit", {**typed(editor.page(f"{article}/edit")), "tags": "peat, a, b"})
    assert not editor.page(f"{article}/edit").xpath("//summary[contains(., 'the text suggests')]")


def test_an_article_whose_tag_was_renamed_is_edited_under_the_new_name(team: Team, editor: Browser):
    article = write(editor, tags="peat, C++")
    with team.app.database.begin() as connection:
        tags.rename(connection, "peat", "Turf", now=team.app.clock())
    before = typed(editor.page(f"{article}/edit"))
    assert before["tags"] == "Turf, C++"
    editor.post(f"{article}/edit", before)
    assert len(revisions(team)) == 1
    editor.post(f"{article}/edit", {**before, "tags": "peat, C++, new"})
    assert typed(editor.page(f"{article}/edit"))["tags"] == "Turf, C++, new"
