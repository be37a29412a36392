"""Articles in Chromium: what is typed is kept and seen at once, everything works without script, for everyone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from playwright.sync_api import Dialog, Page, Route, expect

from distributor.domain.article_draft import DraftBase, DraftText
from distributor.domain.blocks import plain_text
from distributor.domain.user import Actor, Role
from distributor.flow.app_context import AppContext
from distributor.flow.articles.writing import SavedArticle, WritingPlace, add_image, save, start
from distributor.flow.publishing import article_control
from distributor.flow.team import accounts
from distributor.flow.team.passwords import hash_password
from distributor.storage import article_drafts, articles, channels, user_sessions, users
from distributor.storage.articles import StoredArticle
from distributor.web.assets import AssetFiles
from tests.conftest import needs_scripts
from tests.storage.image_fixtures import a_png
from tests.web.browser import LOOKS, PHONE, Visitor, faults, visiting

from .conftest import PASSWORD

pytestmark = pytest.mark.browser

WIDE = 1440
TEXT = DraftText(
    title="Composting in a small yard",
    tags="garden, compost",
    author="Jonas Berg",
    language="en",
    body="A heap needs *three* things.\n\n## What goes in\n\n- peelings\n- leaves\n\n> Turn it.\n\n[This](/guide).\n",
)

DROP = """(field, bytes) => {
  const data = new DataTransfer();
  data.items.add(new File([new Uint8Array(bytes)], "wave.png", { type: "image/png" }));
  field.dispatchEvent(new DragEvent("drop", { dataTransfer: data, bubbles: true, cancelable: true }));
}"""
PASTE = """(field, [html, text]) => {
  const data = new DataTransfer();
  data.setData("text/html", html);
  data.setData("text/plain", text);
  field.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
}"""


@pytest.fixture
def visitor(app: AppContext) -> Iterator[Visitor]:
    for number, (role, name) in enumerate([(Role.MARKETER, "Ada Winter"), (Role.EDITOR, "Jonas Berg")], 1):
        user, _ = accounts.create_user(
            app, email=f"{role}@example.org", name=name, role=role, actor=Actor(name="cli:test")
        )
        with app.database.begin() as connection:
            user_sessions.add(
                connection,
                f"token {number}",
                user_id=user.id,
                ip_address="::1",
                user_agent="",
                now=app.clock(),
            )
    with visiting(app) as visitor:
        yield visitor


@contextmanager
def signed_in(visitor: Visitor, path: str, *, user: int = 1, **options: object) -> Iterator[Page]:
    with visitor.at("/app/sign-in", **options) as page:  # type: ignore[arg-type]
        page.context.add_cookies(
            [{"name": "distributor_session", "value": f"token {user}", "url": visitor.public_url, "httpOnly": True}]
        )
        page.goto(visitor.public_url + path)
        yield page


def saved(app: AppContext, text: DraftText, key: str = "k", user: int = 1) -> StoredArticle:
    draft = start(app, key=key, user_id=user)
    place, base = WritingPlace(draft_id=draft.id), DraftBase(version=draft.version)
    result = save(app, place, text, base, user_id=user, actor="user:marketer@example.org")
    assert isinstance(result, SavedArticle)
    return result.found


def with_scripts(app: AppContext) -> None:
    if AssetFiles(app.clock).script_url("editor") is None:
        needs_scripts()


def test_an_article_is_written_seen_saved_and_published_without_script(app: AppContext, visitor: Visitor):
    with signed_in(visitor, "/app/articles", with_scripts=False) as page:
        page.get_by_role("link", name="Begin the first article").click()
        page.get_by_role("button", name="Start writing").click()
        page.get_by_label("Title", exact=True).fill("Tides")
        page.get_by_label("Text", exact=True).fill("The *sea* rises.")
        page.get_by_role("button", name="Preview").click()
        frame = page.frame_locator("iframe[title='Preview: Web page']")
        expect(frame.get_by_role("heading", level=1)).to_have_text("Tides")
        expect(frame.locator("em")).to_have_text("sea")
        page.get_by_role("button", name="Save").last.click()
        expect(page.get_by_text("Saved as revision 1.")).to_be_visible()
        page.get_by_text("Publish…").click()
        page.get_by_role("button", name="Publish").click()
        expect(page.get_by_text("Everyone can read it now.")).to_be_visible()
        page.get_by_role("link", name="Public page").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Tides")


def test_w5_what_is_typed_is_kept_and_the_preview_follows_without_losing_a_letter(app: AppContext, visitor: Visitor):
    with_scripts(app)
    with signed_in(visitor, "/app/articles/new") as page:
        page.get_by_role("button", name="Start writing").click()
        page.get_by_label("Title", exact=True).fill("Tides")
        text = page.get_by_label("Text", exact=True)
        words = " ".join(f"word{number}" for number in range(40))
        text.press_sequentially(words, delay=15)
        expect(page.get_by_text("What you typed is kept. Only Save makes it a revision.")).to_be_visible()
        frame = page.frame_locator("iframe[title='Preview: Web page']")
        expect(frame.get_by_text("word39")).to_be_visible()
        expect(text).to_have_value(words)
        expect(text).to_be_focused()
        text.press("Backspace")
        expect(frame.get_by_text("word39")).not_to_be_visible()
        assert "/app/articles/drafts/" in page.url
        with app.database.begin() as connection:
            assert articles.latest(connection, limit=1) == []
        page.reload()
        expect(page.get_by_label("Text", exact=True)).to_have_value(words[:-1])


def test_w5_on_a_slow_connection_no_letter_is_lost_and_leaving_warns_only_if_something_is_unsaved(
    app: AppContext, visitor: Visitor
):
    with_scripts(app)
    with signed_in(visitor, "/app/articles/new") as page:
        page.get_by_role("button", name="Start writing").click()
        waiting: list[Route] = []
        is_slow = [True]
        page.route("**/draft", lambda route: waiting.append(route) if is_slow[0] else route.continue_())
        text = page.get_by_label("Text", exact=True)
        text.press_sequentially("one two three ", delay=30)
        expect(page.get_by_text("Keeping…")).to_be_visible()
        text.press_sequentially("four five", delay=30)
        text.press("Backspace")
        expect(text).to_have_value("one two three four fiv")
        expect(text).to_be_focused()
        asked: list[str] = []

        def stay(dialog: Dialog) -> None:
            asked.append(dialog.type)
            dialog.dismiss()

        page.on("dialog", stay)
        page.get_by_role("link", name="Overview").click()
        expect(text).to_have_value("one two three four fiv")
        assert asked == ["beforeunload"]
        is_slow[0] = False
        for route in waiting:
            route.continue_()
        expect(page.get_by_text("What you typed is kept. Only Save makes it a revision.")).to_be_visible()
        page.get_by_role("link", name="Overview").click()
        expect(page.get_by_role("heading", level=1)).to_contain_text("Hello")
        assert asked == ["beforeunload"]
        page.go_back()
        expect(page.get_by_label("Text", exact=True)).to_have_value("one two three four fiv")


def test_w10_a_session_that_ends_while_somebody_writes_is_begun_again_there_and_the_text_is_saved_once(
    app: AppContext, visitor: Visitor
):
    with app.database.begin() as connection:
        users.change(connection, 1, {"password_hash": hash_password(PASSWORD)})
    with signed_in(visitor, "/app/articles/new") as page:
        page.get_by_role("button", name="Start writing").click()
        page.get_by_label("Title", exact=True).fill("Two hours of work")
        page.get_by_label("Text", exact=True).fill("Word for word.")
        with app.database.begin() as connection:
            user_sessions.end_all(connection, 1)
        page.get_by_role("button", name="Save").last.click()
        expect(page.get_by_text("What you typed is kept")).to_be_visible()
        assert "token" not in page.locator("main").inner_text().lower()
        page.get_by_label("Email address").fill("marketer@example.org")
        page.get_by_label("Password").fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.get_by_role("button", name="Send it now").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Two hours of work")
        with app.database.begin() as connection:
            (found,) = articles.latest(connection, limit=10)
        assert plain_text(found.article.body) == "Word for word."
        assert found.article.revision == 1


def test_w26_a_picture_dropped_into_a_new_draft_loses_nothing_and_makes_no_second_draft(
    app: AppContext, visitor: Visitor
):
    with_scripts(app)
    with signed_in(visitor, "/app/articles/new") as page:
        page.get_by_role("button", name="Start writing").click()
        page.get_by_label("Title", exact=True).fill("Tides")
        text = page.get_by_label("Text", exact=True)
        text.press_sequentially("Before.")
        text.evaluate(DROP, list(a_png(30, 20)))
        text.press_sequentially("After.")
        expect(text).to_have_value(re.compile(r"Before\.\n!\[Describe this picture\]\(/media/\w+\.png\)\nAfter\."))
        expect(page.get_by_text("What you typed is kept. Only Save makes it a revision.")).to_be_visible()
        expect(page.get_by_label("Title", exact=True)).to_have_value("Tides")
        with app.database.begin() as connection:
            drafts = article_drafts.never_saved(connection, 1, limit=10)
        assert [one.text.title for one in drafts if one.text] == ["Tides"]


def test_a_tab_of_the_preview_leaves_the_text_and_the_caret_where_they_are(app: AppContext, visitor: Visitor):
    with_scripts(app)
    with app.database.begin() as connection:
        channels.save(connection, name="short", kind="x", settings={}, sealed=None)
    found = saved(app, TEXT)
    with signed_in(visitor, f"/app/articles/{found.id}/edit") as page:
        page.get_by_label("Title", exact=True).fill("Another title")
        page.get_by_role("button", name="short").click()
        frame = page.frame_locator("iframe[title='Preview: short']")
        expect(frame.get_by_text("Another title").first).to_be_visible()
        expect(page.get_by_label("Title", exact=True)).to_have_value("Another title")


def test_what_is_pasted_into_the_text_keeps_its_formatting(app: AppContext, visitor: Visitor):
    with_scripts(app)
    with signed_in(visitor, "/app/articles/new") as page:
        page.get_by_role("button", name="Start writing").click()
        text = page.get_by_label("Text", exact=True)
        text.fill("Before ")
        text.evaluate(PASTE, ["<b>important</b>", "important"])
        expect(text).to_have_value("Before **important**")
        text.evaluate(PASTE, ["<h2>Part</h2><ul><li>one</li><li>two</li></ul>", "Part one two"])
        expect(text).to_have_value("Before **important**\n\n## Part\n\n- one\n- two\n")


def test_w7_two_editors_meet_and_neither_loses_anything_after_a_reload(app: AppContext, visitor: Visitor):
    found = saved(app, TEXT)
    path = f"/app/articles/{found.id}/edit"
    with signed_in(visitor, path) as ada, signed_in(visitor, path, user=2) as jonas:
        for page, words in ((ada, "Written by Ada."), (jonas, "Written by Jonas.")):
            page.get_by_label("Text", exact=True).fill(f"{TEXT.body}\n{words}")
            page.get_by_role("button", name="Save").first.click()
        expect(ada.get_by_text("Saved as revision 2.")).to_be_visible()
        expect(jonas.get_by_role("heading", level=1)).to_have_text("Two people, two texts")
        jonas.reload()
        expect(jonas.get_by_text("Ada Winter has saved this article")).to_be_visible()
        jonas.get_by_role("button", name="Put both into one").click()
        both = jonas.get_by_label("Text", exact=True).input_value()
        assert "Written by Ada." in both
        assert "Written by Jonas." in both


@LOOKS
def test_everyone_can_read_and_use_every_page_of_articles(app: AppContext, visitor: Visitor, scheme: str, width: int):
    with app.database.begin() as connection:
        for name, kind, settings in (("letter", "email", {"smtp_url": "smtp://127.0.0.1:1"}), ("short", "x", {})):
            channels.save(connection, name=name, kind=kind, settings=settings, sealed=None)
    found = saved(app, TEXT)
    article_control.publish(app, found.article.slug, actor="user:marketer@example.org")
    picture = add_image(app, a_png(600, 300))
    longer = replace(
        TEXT, title="Wort" * 30, body=f"{TEXT.body}\n![leaves]({picture.src})", image=picture.src, is_decorative=True
    )
    place = WritingPlace(article_id=found.id)
    save(app, place, longer, DraftBase(revision=1), user_id=2, actor="user:editor@example.org")
    save(app, place, replace(TEXT, body="Mine."), DraftBase(revision=1), user_id=1, actor="user:marketer@example.org")
    draft = start(app, key="n", user_id=1, text=DraftText(title="Begun", body="•  one\n•  two"))
    paths = {
        "list": "/app/articles",
        "nothing": "/app/articles?q=nothing",
        "new": "/app/articles/new",
        "article": "/app/articles/1",
        "mail": "/app/articles/1?on=1",
        "draft": f"/app/articles/drafts/{draft.id}",
        "edit": "/app/articles/1/edit",
        "compare": "/app/articles/1/edit/compare",
        "revisions": "/app/articles/1/revisions",
    }
    problems: list[str] = []
    errors: list[str] = []
    with signed_in(visitor, "/app/articles", scheme=scheme, width=width) as page:
        page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
        for name, path in paths.items():
            page.goto(visitor.public_url + path)
            problems += [f"{name}: {one}" for one in faults(page)]
    assert problems == []
    assert errors == []


def test_on_a_phone_one_is_shown_at_a_time_the_text_or_its_preview_without_script(app: AppContext, visitor: Visitor):
    found = saved(app, TEXT)
    path = f"/app/articles/{found.id}/edit"
    with signed_in(visitor, path, width=PHONE, with_scripts=False) as page:
        expect(page.locator("#preview")).to_be_hidden()
        page.get_by_label("Text", exact=True).fill("The *sea* rises.")
        page.get_by_role("link", name="Preview").click()
        expect(page.get_by_label("Text", exact=True)).to_be_hidden()
        expect(page.locator("#preview iframe")).to_be_in_viewport()
        page.get_by_role("button", name="Web page").click()
        expect(page.frame_locator("#preview iframe").locator("em")).to_have_text("sea")
        page.get_by_role("link", name="Write").click()
        expect(page.get_by_label("Text", exact=True)).to_have_value("The *sea* rises.")
        expect(page.locator("#preview")).to_be_hidden()
    with signed_in(visitor, path, width=WIDE) as page:
        expect(page.get_by_role("link", name="Write")).to_be_hidden()
        expect(page.locator("#preview")).to_be_visible()


@pytest.mark.parametrize("keys", ["Control+s", "Meta+s"])
def test_control_s_presses_save_in_the_editor_and_in_the_composer(app: AppContext, visitor: Visitor, keys: str):
    with_scripts(app)
    found = saved(app, TEXT)
    with signed_in(visitor, f"/app/articles/{found.id}/edit") as page:
        page.get_by_label("Title", exact=True).fill("Tides")
        page.get_by_label("Title", exact=True).press(keys)
        expect(page.get_by_text("Saved as revision 2.")).to_be_visible()
        page.goto(f"{visitor.public_url}/app/campaigns/new")
        page.get_by_label("Name of the campaign").fill("By keyboard")
        page.keyboard.press(keys)
        # It is saved, as the button would: a campaign without an article is refused.
        expect(page.get_by_text("Nothing is saved yet.")).to_be_visible()
        expect(page.get_by_label("Name of the campaign")).to_have_value("By keyboard")
