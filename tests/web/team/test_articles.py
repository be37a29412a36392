"""The pages of articles: the list, one article and its state, revisions, and how a new one begins."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from distributor.domain.article import ArticleState
from distributor.domain.ip_networks import parse_networks
from distributor.domain.user import Role
from distributor.flow.articles.ingest import scan
from distributor.flow.articles.uploads import add_page
from distributor.storage import articles
from distributor.storage.articles import StoredArticle
from distributor.testing.scripted_server import RecordedRequest, Reply, Step, scripted_server
from tests.storage.image_fixtures import a_png

from .conftest import Browser, Team

PROBE = "\"><script>alert('x')</script><img src=x onerror=alert(1)>{{7*7}}"


def words_of(page: Any) -> str:
    return " ".join(page.xpath("string(//main)").split())


def hidden(page: Any, name: str) -> str:
    return str(page.xpath(f"string(//input[@name='{name}']/@value)"))


def the_articles(team: Team) -> list[StoredArticle]:
    with team.app.database.begin() as connection:
        return articles.latest(connection, limit=100)


def begin(browser: Browser) -> str:
    """The path of the editor of a new article."""
    page = browser.page("/app/articles/new")
    response = browser.post("/app/articles/new", {"once": hidden(page, "once")})
    assert response.status_code == 303
    return str(response.headers["location"])


def write(browser: Browser, *, title: str = "Tides", body: str = "The *sea* rises.", **fields: str) -> str:
    """The path of a new article with this text."""
    response = browser.post(begin(browser), {"title": title, "body": body, "language": "en", "version": "1", **fields})
    assert response.status_code == 303, response.text
    return str(response.headers["location"]).partition("?")[0]


@pytest.fixture
def editor(team: Team) -> Browser:
    return team.signed_in(team.user(Role.EDITOR, name="Ada Writer"))


def test_an_article_is_written_published_found_and_withdrawn(team: Team, editor: Browser):
    assert "write it here, paste it, or upload a file" in words_of(editor.page("/app/articles"))
    path = write(editor, tags="sea, Moon phases", summary="About water", author="Ada")
    page = editor.page(path)
    assert "Draft" in words_of(page)
    assert page.xpath("string(//h1)") == "Tides"
    assert editor.post(f"{path}/publish", {"revision": "1"}).headers["location"] == f"{path}?done=published"
    assert editor.get("/articles/tides").status_code == 200
    assert "Everyone can read it now." in words_of(editor.page(f"{path}?done=published"))
    listed = words_of(editor.page("/app/articles"))
    for text in ("Tides", "Public", "Moon phases, sea", "Ada Writer", "written here", "Not sent yet"):
        assert text in listed
    assert editor.post(f"{path}/withdraw", {"revision": "1"}).status_code == 303
    assert editor.get("/articles/tides").status_code == 410
    assert "Withdrawn" in words_of(editor.page("/app/articles?state=withdrawn"))
    assert "Tides" not in words_of(editor.page("/app/articles?state=draft"))


def test_publishing_at_a_time_is_in_the_zone_of_the_site(team: Team, editor: Browser):
    path = write(editor)
    assert editor.post(f"{path}/publish", {"revision": "1", "at": "2000-01-01T09:00"}).status_code == 422
    assert editor.post(f"{path}/publish", {"revision": "1", "at": "nonsense"}).status_code == 422
    assert editor.post(f"{path}/publish", {"revision": "1", "at": "2100-01-01T09:00"}).status_code == 303
    assert "Public later" in words_of(editor.page(path))
    assert editor.get("/articles/tides").status_code == 404
    assert editor.post(f"{path}/unpublish", {"revision": "1"}).status_code == 303
    assert the_articles(team)[0].status.state is ArticleState.DRAFT


def test_what_the_user_has_not_seen_is_not_published(team: Team, editor: Browser):
    path = write(editor)
    editor.post(f"{path}/edit", {"title": "Tides", "body": "Changed.", "revision": "1"})
    response = editor.post(f"{path}/publish", {"revision": "1"})
    assert response.status_code == 409
    assert "another revision" in response.text
    assert the_articles(team)[0].status.state is ArticleState.DRAFT


@pytest.mark.parametrize("act", ["ready", "publish", "unpublish", "withdraw"])
def test_an_act_done_twice_or_in_the_wrong_state_does_no_harm(team: Team, editor: Browser, act: str):
    path = write(editor)
    statuses = [editor.post(f"{path}/{act}", {"revision": "1"}).status_code for _ in range(2)]
    assert statuses in ([303, 303], [409, 409])
    with team.app.database.begin() as connection:
        events = articles.history(connection, the_articles(team)[0].id)
    assert len(events) <= 2


def test_a_viewer_and_an_approver_read_and_change_nothing(team: Team, editor: Browser):
    path = write(editor)
    for role in (Role.VIEWER, Role.APPROVER):
        browser = team.signed_in(team.user(role))
        assert "Tides" in words_of(browser.page("/app/articles"))
        page = browser.page(path)
        assert page.xpath("//main//form") == []
        assert page.xpath("//main//a[contains(@href, '/edit')]") == []
        assert browser.get(f"{path}/page/web").status_code == 200
        for tried in (f"{path}/edit", "/app/articles/new"):
            assert browser.get(tried).status_code == 403
        for tried in (f"{path}/publish", f"{path}/edit", f"{path}/edit/draft", f"{path}/copy", "/app/articles/new"):
            assert browser.post(tried, {"revision": "1", "title": "x", "body": "y"}).status_code == 403
    assert len(the_articles(team)) == 1


def test_the_list_is_paged_by_the_last_change_and_filtered(team: Team, editor: Browser):
    for number in range(32):
        team.clock.advance(seconds=1)
        write(editor, title=f"Article {number:02}", tags="even" if number % 2 == 0 else "odd")
    first = editor.page("/app/articles")
    titles = first.xpath("//ul[@class='article-list']//h2//text()")
    assert titles == [f"Article {number:02}" for number in range(31, 1, -1)]
    (older,) = first.xpath("//a[@rel='next']/@href")
    second = editor.page(older)
    assert second.xpath("//ul[@class='article-list']//h2//text()") == ["Article 01", "Article 00"]
    assert second.xpath("//a[@rel='next']") == []
    even = editor.page("/app/articles?tag=even")
    assert len(even.xpath("//ul[@class='article-list']/li")) == 16
    found = editor.page("/app/articles?q=article+07")
    assert found.xpath("//ul[@class='article-list']//h2//text()") == ["Article 07"]
    assert "No article is like that." in words_of(editor.page("/app/articles?q=%25"))
    for bad in ("after=x", "after=2026-01-01T00:00:00,1", "after=2026-01-01T00:00:00%2B00:00,x"):
        assert editor.get(f"/app/articles?{bad}").status_code == 404
    assert editor.get("/app/articles?state=nothing&tag=%00&q=%00").status_code == 200


def test_an_article_of_the_content_folder_says_where_it_comes_from_and_can_be_copied(team: Team, editor: Browser):
    team.app.content_dir.mkdir()
    (team.app.content_dir / "tides.md").write_text("# Tides\n\nText.\n\nTags: sea, moon\n")
    scan(team.app)
    path = f"/app/articles/{the_articles(team)[0].id}"
    page = editor.page(path)
    assert "comes from tides.md in the content folder" in words_of(page)
    assert page.xpath("//main//a[text()='Edit']") == []
    assert editor.get(f"{path}/edit").headers["location"] == path
    assert editor.post(f"{path}/edit", {"title": "x", "body": "y", "revision": "1"}).status_code == 409
    once = {"once": hidden(page, "once")}
    drafts = {editor.post(f"{path}/copy", once).headers["location"] for _ in range(2)}
    assert len(drafts) == 1
    copied = editor.page(drafts.pop())
    assert copied.xpath("normalize-space(//textarea[@name='title'])") == "Copy of Tides"
    assert copied.xpath("string(//textarea[@name='body'])").strip() == "Text."


def test_a_pasted_text_becomes_a_draft_once(team: Team, editor: Browser):
    page = editor.page("/app/articles/new")
    form = {
        "once": hidden(page, "once"),
        "pasted": "Tides\r\n\r\nThey include:\r\n\r\n  • ebb\r\n  • flow\r\n\r\nTags: sea, moon",
    }
    places = {editor.post("/app/articles/paste", form).headers["location"] for _ in range(2)}
    assert len(places) == 1
    draft = editor.page(places.pop())
    assert draft.xpath("normalize-space(//textarea[@name='title'])") == "Tides"
    assert draft.xpath("normalize-space(//textarea[@name='tags'])") == "sea, moon"
    assert draft.xpath("string(//textarea[@name='body'])").strip() == "They include:\n\n- ebb\n- flow"
    assert the_articles(team) == []
    empty = editor.post("/app/articles/paste", {"pasted": " "})
    assert (empty.status_code, "Nothing is pasted yet." in empty.text) == (422, True)
    bad = editor.post("/app/articles/paste", {"pasted": f"kept {'[' * 600}", "format": ".md"})
    assert (bad.status_code, "kept [[[" in bad.text, "500 brackets" in bad.text) == (422, True, True)
    assert editor.post("/app/articles/paste", {"pasted": "x" * 5_000_000}).status_code == 413


def test_pasted_formatting_is_kept_where_the_browser_sends_it(team: Team, editor: Browser):
    html = "<h1>Tides</h1><p>The <b>sea</b> and <a href='/moon'>the moon</a></p><script>alert(1)</script>"
    form = {"once": "a" * 32, "pasted": "Tides\nThe sea and the moon", "pasted_html": html}
    draft = editor.page(editor.post("/app/articles/paste", form).headers["location"])
    assert draft.xpath("normalize-space(//textarea[@name='title'])") == "Tides"
    assert draft.xpath("string(//textarea[@name='body'])").strip() == "The **sea** and [the moon](/moon)"
    plain = editor.page(
        editor.post("/app/articles/paste", {**form, "once": "b" * 32, "format": ".txt"}).headers["location"]
    )
    assert plain.xpath("string(//textarea[@name='body'])").strip() == "The sea and the moon"
    answer = editor.post("/app/articles/convert", {"html": html})
    assert answer.json() == {"markdown": "## Tides\n\nThe **sea** and [the moon](/moon)\n"}
    assert editor.post("/app/articles/convert", {"html": "<div>" * 5000}).status_code == 422
    assert editor.post("/app/articles/convert").json() == {"markdown": ""}


def test_several_files_are_uploaded_each_with_its_result(team: Team, editor: Browser):
    files = [
        ("files", ("tides.md", b"# Tides\n\nText")),
        ("files", ("<b>x.docx", b"PK\x03\x04")),
        ("files", ("page.html", b"<h1>A page</h1><p>Text</p>")),
    ]
    once = {"once": "0" * 32}
    for _ in range(2):
        response = editor.post("/app/articles/upload", once, files=files)
        assert response.status_code == 200
        assert "<b>x" not in response.text
    assert "it cannot be opened" in response.text
    assert "was uploaded before" in response.text
    assert sorted(one.article.title for one in the_articles(team)) == ["A page", "Tides"]
    alone = editor.post(
        "/app/articles/upload", {"once": "1" * 32}, files=[("files", ("a.txt", b"A title\n\nText. Tags: a"))]
    )
    assert alone.status_code in (200, 303)
    assert editor.post("/app/articles/upload", once).status_code == 422
    assert editor.post("/app/articles/upload", once, files=files[1:2]).status_code == 422
    too_much = [("files", ("a.txt", bytes(21 * 2**20)))]
    assert editor.post("/app/articles/upload", once, files=too_much).status_code == 413
    assert team.browser().post("/app/articles/upload", once, files=files[:1]).status_code == 401


def test_an_article_is_taken_from_a_web_address_once(team: Team):
    text = "The sea rises and falls twice a day. " * 9
    page = f"<html><body><article><h1>Tides</h1><p>{text}</p></article></body></html>"

    def answer(request: RecordedRequest) -> Step:
        status = 404 if request.path == "/robots.txt" else 200
        return Reply(status, page.encode(), {"Content-Type": "text/html"})

    # Addresses of this machine are not public, so the first attempt is refused.
    browser, once = team.signed_in(team.user()), {"once": "0" * 32}
    with scripted_server(route=answer) as server:
        address = f"{server.url}/tides"
        refused = browser.post("/app/articles/page", {**once, "address": address})
        assert (refused.status_code, "not a public address" in refused.text, address in refused.text) == (
            422,
            True,
            True,
        )
        assert browser.post("/app/articles/page", {**once, "address": "file:///etc/passwd"}).status_code == 422
        assert browser.post("/app/articles/page", once).status_code == 422
        app = replace(team.app, fetch_networks=parse_networks("127.0.0.1"))
        results = [add_page(app, address, key="k", actor="ada") for _ in range(2)]
    assert [one.is_new for one in results] == [True, False]
    assert [one.article.title for one in the_articles(team)] == ["Tides"]
    assert the_articles(team)[0].article.canonical_url == address


def test_two_revisions_are_compared_word_by_word(team: Team, editor: Browser):
    path = write(editor, body="One.\n\nThe sea rises in the morning.\n\nThree.\n\nFour.\n\nFive.")
    body = "One.\n\nThe sea falls in the morning.\n\nThree.\n\nFour.\n\nFive."
    editor.post(f"{path}/edit", {"title": "The tides", "body": body, "revision": "1"})
    page = editor.page(f"{path}/revisions")
    passages = {
        one.get("aria-label"): " ".join(" ".join(one.itertext()).split())
        for one in page.xpath("//section[@class='difference']")
    }
    assert passages.keys() == {"Title", "Text"}
    assert page.xpath("//section[@aria-label='Text']//del/text()") == ["rises"]
    assert page.xpath("//section[@aria-label='Text']//ins/text()") == ["falls"]
    assert "2 paragraphs are the same" in passages["Text"]
    assert "Ada Writer" in words_of(page)
    assert "These two say the same." in words_of(editor.page(f"{path}/revisions?from=1&to=1"))
    assert editor.get(f"{path}/revisions?from=99&to=x").status_code == 200
    assert "first revision" in words_of(editor.page(f"{write(editor, title='Other')}/revisions"))


def test_nothing_that_is_typed_runs_on_any_page(team: Team, editor: Browser):
    body = f"{PROBE}\n\n[x](javascript:alert(1)) ![{PROBE}](javascript:alert(1))\n\n`{PROBE}`\n\n# {PROBE}"
    fields = {
        "tags": f"{PROBE}, b",
        "summary": PROBE,
        "author": PROBE,
        "image_alt": PROBE,
        "image": "https://e.org/x.png",
    }
    path = write(editor, title=PROBE, body=body, **fields)
    editor.post(f"{path}/edit", {"title": f"{PROBE} 2", "body": f"{body} 2", "revision": "1"})
    editor.post(f"{path}/edit/draft", {"title": PROBE, "body": body, "revision": "2"})
    pages = (path, "/app/articles", f"{path}/edit", f"{path}/revisions", f"{path}/page/web", f"{path}/edit/preview/web")
    for shown in (*pages, f"{path}/edit/preview"):
        response = editor.get(shown)
        assert response.status_code == 200, shown
        assert "<script>alert" not in response.text, shown
        assert "<img src=x" not in response.text, shown
        assert "49" not in response.text or "{{7*7}}" in response.text, shown
        page = re.sub(r"<style>.*?</style>", "", response.text, flags=re.DOTALL)
        assert 'href="javascript:' not in page, shown
    for frame in (f"{path}/page/web", f"{path}/edit/preview/web"):
        policy = editor.get(frame).headers["content-security-policy"]
        assert policy.startswith("sandbox; default-src 'none'")
        assert "script-src" not in policy


def test_an_image_of_a_draft_is_seen_in_the_preview_and_by_nobody_else(team: Team, editor: Browser):
    path = begin(editor)
    png = a_png(400, 300)
    answer = editor.post(f"{path}/images", files={"file": ("x.png", png)})
    assert answer.status_code == 201
    src = answer.json()["src"]
    assert editor.get(src).status_code == 404
    editor.post(f"{path}/draft", {"title": "T", "body": f"![a wave]({src})", "version": "1"})
    frame = editor.get(f"{path}/preview/web").text
    assert 'src="data:image/png;base64,' in frame
    assert editor.post(path, {"title": "T", "body": f"Text ![a wave]({src})", "version": "2"}).status_code == 303
    article = f"/app/articles/{the_articles(team)[0].id}"
    assert 'src="data:image/png;base64,' in editor.get(f"{article}/page/web").text
    assert editor.get(src).status_code == 404
    editor.post(f"{article}/publish", {"revision": "1"})
    assert editor.get(src).content == png


@pytest.mark.parametrize(
    "path", ["/app/articles/99", "/app/articles/99/edit", "/app/articles/drafts/99", "/app/articles/x"]
)
def test_what_is_not_there_is_not_found(editor: Browser, path: str):
    assert editor.get(path).status_code == 404
