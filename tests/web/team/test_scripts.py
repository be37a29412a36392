"""The scripts of the team's app in Chromium, on pages made for them: what each attribute of a page does."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs

import pytest
from playwright.sync_api import Browser, Dialog, Page, Route, expect

from tests.conftest import needs_scripts
from tests.paths import ROOT
from tests.web.browser import browsing

pytestmark = pytest.mark.browser

BUNDLES = ROOT / "src" / "distributor" / "web" / "bundles"
SITE = "http://app.test"
# As strict as that of the pages of the app.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; style-src-attr 'none'; connect-src 'self'; "
    "img-src 'self' data:; form-action 'self'; base-uri 'none'"
)
Answer = Callable[[Route], None]


@dataclass
class Site:
    """A site of which a test says the pages and the answers, and which keeps what was sent to it."""

    browser: Browser
    answers: dict[str, Answer] = field(default_factory=dict)
    received: list[tuple[str, str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def open(self, body: str, *scripts: str, **options: object) -> Page:
        page = self.browser.new_context(**options).new_page()  # type: ignore[arg-type]
        page.on("console", lambda message: self.problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: self.problems.append(str(error)))
        tags = "".join(f'<script type="module" src="/{name}.js"></script>' for name in ("team", *scripts))
        html = f'<!doctype html><html lang="en"><meta charset="utf-8"><title>x</title><body>{body}{tags}</body></html>'
        self.answers["/"] = lambda route: route.fulfill(
            body=html, content_type="text/html", headers={"Content-Security-Policy": POLICY}
        )
        page.route("**/*", self._answer)
        page.goto(f"{SITE}/")
        return page

    def posts(self, path: str) -> list[dict[str, list[str]]]:
        return [parse_qs(body) for method, where, body in self.received if (method, where) == ("POST", path)]

    def _answer(self, route: Route) -> None:
        request = route.request
        path = request.url.removeprefix(SITE).split("?")[0]
        self.received.append(
            (
                request.method,
                path,
                request.post_data_buffer.decode(errors="replace") if request.post_data_buffer else "",
            )
        )
        if path in self.answers:
            self.answers[path](route)
        elif path.endswith(".js"):
            route.fulfill(path=bundle(path.strip("/")), content_type="text/javascript")
        else:
            route.fulfill(body=f"<!doctype html><title>{path}</title>", content_type="text/html")


def bundle(name: str) -> Path:
    try:
        manifest = json.loads((BUNDLES / "manifest.json").read_text(encoding="utf-8"))
        return BUNDLES / str(manifest["files"][name])
    except FileNotFoundError:
        needs_scripts()


@pytest.fixture
def browser() -> Iterator[Browser]:
    bundle("team.js")
    with browsing() as browser:
        yield browser


@pytest.fixture
def site(browser: Browser) -> Iterator[Site]:
    made = Site(browser)
    yield made
    assert [one for one in made.problems if "404" not in one and "409" not in one and "ERR_" not in one] == []


FORM = '<form method="post" action="/send"><input name="a" value="1"><button name="act" value="go">Send</button></form>'


def test_a_form_that_is_being_sent_is_not_sent_again(site: Site):
    site.answers["/send"] = lambda route: None  # it never answers
    page = site.open(FORM)
    state = page.evaluate(
        """() => {
            const button = document.querySelector('button');
            for (let i = 0; i < 5; i++) button.click();
            return button.getAttribute('aria-disabled');
        }"""
    )
    assert state == "true"
    page.wait_for_timeout(200)
    # What the button says is sent with it.
    assert site.posts("/send") == [{"a": ["1"], "act": ["go"]}]


def test_after_going_back_a_form_can_be_sent_again(site: Site):
    page = site.open(FORM)
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/send")
    page.go_back()
    expect(page.get_by_role("button", name="Send")).not_to_have_attribute("aria-disabled", "true")
    page.get_by_role("button", name="Send").click()
    page.wait_for_url("**/send")
    assert len(site.posts("/send")) == 2


def test_a_form_that_searches_may_be_sent_as_often_as_one_likes(site: Site):
    page = site.open('<form action="/find"><input name="q"><button>Find</button></form>')
    page.evaluate("document.querySelector('form').addEventListener('submit', (event) => event.preventDefault())")
    page.get_by_role("button").click()
    expect(page.get_by_role("button")).not_to_have_attribute("aria-disabled", "true")


GUARDED = (
    '<form data-warn-unsaved method="post" action="/send"><input name="a"><button>Save</button></form>'
    '<a href="/b">b</a>'
)


def accept(dialog: Dialog, asked: list[str]) -> None:
    asked.append(dialog.type)
    dialog.accept()


def test_leaving_asks_only_if_something_is_unsaved(site: Site):
    asked: list[str] = []
    page = site.open(GUARDED)
    page.on("dialog", lambda dialog: accept(dialog, asked))
    page.get_by_role("link").click()
    page.wait_for_url("**/b")
    assert asked == []
    page.go_back()
    page.get_by_role("textbox").fill("changed")
    page.get_by_role("link").click()
    page.wait_for_url("**/b")
    assert asked == ["beforeunload"]


def test_saving_is_not_leaving_and_what_is_changed_back_is_not_unsaved(site: Site):
    asked: list[str] = []
    page = site.open(GUARDED)
    page.on("dialog", lambda dialog: accept(dialog, asked))
    page.get_by_role("textbox").fill("changed")
    page.get_by_role("textbox").fill("")
    page.get_by_role("link").click()
    page.wait_for_url("**/b")
    page.go_back()
    page.get_by_role("textbox").fill("changed")
    page.get_by_role("button").click()
    page.wait_for_url("**/send")
    assert asked == []


def test_a_countdown_goes_by_the_clock_of_the_server(site: Site):
    page = site.open(
        '<span data-countdown-until="2001-01-01T00:01:05Z" data-countdown-now="2001-01-01T00:00:00Z">at 00:01</span>'
    )
    expect(page.get_by_role("timer")).to_have_text("1:04")
    page = site.open(
        '<span data-countdown-until="2001-01-01T00:00:02Z" data-countdown-now="2001-01-01T00:00:00Z"'
        ' data-countdown-ending="%s seconds left" data-countdown-then="reload">soon</span>'
    )
    expect(page.get_by_role("status")).to_have_text("2 seconds left")
    page.wait_for_event("load")


def test_a_copy_button_copies_and_says_so(site: Site):
    page = site.open(
        '<code id="link">http://app.test/x</code>'
        '<button type="button" hidden data-copy="#link" data-copied="Copied">Copy</button>',
        permissions=["clipboard-read", "clipboard-write"],
    )
    page.evaluate(
        "navigator.clipboard || Object.defineProperty(navigator, 'clipboard', "
        "{value: {writeText: async (text) => { window.copied = text; }}})"
    )
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button")).to_have_text("Copied")
    assert page.evaluate("window.copied") == "http://app.test/x"
    expect(page.get_by_role("status")).to_have_text("Copied")


def test_the_tooltip_of_a_time_is_in_the_zone_of_whoever_reads_it(site: Site):
    page = site.open(
        '<time datetime="2026-12-01T09:00:00+01:00">1 Dec 2026, 09:00 CET</time>'
        '<time datetime="2026-12-01">1 Dec</time>',
        timezone_id="America/New_York",
    )
    page.locator("time").first.hover()
    assert "03:00:00 EST" in (page.locator("time").first.get_attribute("title") or "")
    page.locator("time").last.hover()
    assert page.locator("time").last.get_attribute("title") is None


LIVE = '<div data-live="/live"><div data-live-target="count"><input aria-label="x"><b>0</b></div></div>'


def events(*pairs: tuple[str, str]) -> Answer:
    body = "".join(f"event: {name}\ndata: {data}\n\n" for name, data in pairs)
    return lambda route: route.fulfill(body=body, content_type="text/event-stream")


def test_live_parts_follow_the_events_and_keep_the_focus(site: Site):
    site.answers["/live"] = events(("count", '<input aria-label="x"><b data-announce="7 of 9 sent">7</b>'), ("end", ""))
    page = site.open(LIVE)
    expect(page.locator("b")).to_have_text("7")
    expect(page.get_by_role("status")).to_have_text("7 of 9 sent")
    # After its end the stream is not asked for again.
    page.wait_for_timeout(500)
    assert [one for one in site.received if one[1] == "/live"] == [("GET", "/live", "")]


def test_a_replaced_part_keeps_what_somebody_is_typing_in_it(site: Site):
    site.answers["/live"] = lambda route: None
    page = site.open(LIVE)
    page.get_by_label("x").fill("typed")
    page.evaluate(
        "htmx.swap({sourceElement: document.body, target: document.querySelector('[data-live-target]'),"
        " text: '<input aria-label=\"x\"><b>9</b>', swap: 'innerMorph'})"
    )
    expect(page.locator("b")).to_have_text("9")
    expect(page.get_by_label("x")).to_be_focused()
    expect(page.get_by_label("x")).to_have_value("typed")


def test_without_a_stream_the_parts_are_asked_for_again_and_again(site: Site):
    def answer(route: Route) -> None:
        if "HX-Request".lower() not in route.request.headers:
            route.fulfill(status=404)
            return
        times = len([one for one in site.received if one[1] == "/live"])
        if times > 3:
            route.fulfill(status=204)
        else:
            route.fulfill(body=f'<p data-live-target="count"><b>{times}</b></p>', content_type="text/html")

    site.answers["/live"] = answer
    page = site.open(LIVE)
    expect(page.locator("b")).to_have_text("3", timeout=20_000)


def test_control_k_leads_to_the_search_unless_shortcuts_are_turned_off(site: Site):
    page = site.open(
        '<input type="search" data-search aria-label="Search">'
        '<label><input type="checkbox" data-shortcuts>Shortcuts</label>'
    )
    page.keyboard.press("Control+k")
    expect(page.get_by_label("Search")).to_be_focused()
    page.get_by_label("Shortcuts").uncheck()
    page.keyboard.press("Control+k")
    expect(page.get_by_label("Shortcuts")).to_be_focused()


def test_htmx_fetches_a_part_of_the_page(site: Site):
    site.answers["/part"] = lambda route: route.fulfill(body="<p>arrived</p>", content_type="text/html")
    page = site.open('<button hx-get="/part" hx-target="#here">Fetch</button><div id="here"></div>')
    page.get_by_role("button").click()
    expect(page.locator("#here")).to_have_text("arrived")


EDITOR = """
<form method="post" action="/save" data-autosave="/draft" data-warn-unsaved>
  <input type="hidden" name="version" value="1">
  <label for="text">Text</label>
  <textarea id="text" name="text" data-editor data-upload="/images" rows="5">First *words*</textarea>
  <p data-autosave-status data-saving="Saving" data-saved="Saved" data-unsaved="Unsaved" data-failed="Failed"></p>
  <p data-autosave-kept hidden><button type="button">Put back</button></p>
  <div data-upload-problems role="alert" hidden></div>
  <button>Save</button>
</form>
"""


def test_the_editor_is_the_field_of_the_form(site: Site):
    site.answers["/draft"] = lambda route: route.fulfill(json={"version": 2})
    page = site.open(EDITOR, "editor")
    expect(page.get_by_role("toolbar")).to_be_visible()
    text = page.get_by_label("Text")
    expect(text).to_have_value("First *words*")
    text.press("End")
    text.press_sequentially(" and more")
    text.press("Control+a")
    page.get_by_role("button", name="Bold").click()
    expect(text).to_have_value("**First *words* and more**")
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_url("**/save")
    (sent,) = site.posts("/save")
    assert sent["text"] == ["**First *words* and more**"]


def test_typing_without_a_pause_loses_nothing_while_saving_is_slow(site: Site):
    waiting: list[Route] = []
    site.answers["/draft"] = waiting.append
    page = site.open(EDITOR, "editor")
    text = page.get_by_label("Text")
    text.fill("")
    expect(text).to_be_focused()
    for number in range(60):
        text.press_sequentially(f"{number} ", delay=20)
        text.press("Backspace")
        text.press_sequentially(" ")
    page.wait_for_timeout(1500)
    expected = "".join(f"{number} " for number in range(60))
    expect(text).to_have_value(expected)
    expect(text).to_be_focused()
    # One request at a time, however slow it is.
    assert len(waiting) == 1
    waiting.pop().fulfill(json={"version": 2})
    page.wait_for_timeout(1500)
    assert len(waiting) == 1
    waiting.pop().fulfill(json={"version": 3})
    expect(page.locator("[data-autosave-status]")).to_have_text("Saved")
    last = site.posts("/draft")[-1]
    assert last["text"] == [expected]
    assert last["version"] == ["2"]
    expect(page.locator("[name=version]")).to_have_value("3")
    expect(text).to_have_value(expected)


def test_a_form_that_is_sent_waits_for_the_saving_under_way(site: Site):
    waiting: list[Route] = []
    site.answers["/draft"] = waiting.append
    page = site.open(EDITOR, "editor")
    page.get_by_label("Text").fill("new")
    page.wait_for_timeout(1300)
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_timeout(200)
    assert site.posts("/save") == []
    waiting.pop().fulfill(json={"version": 5})
    page.wait_for_url("**/save")
    (sent,) = site.posts("/save")
    assert (sent["version"], sent["text"]) == (["5"], ["new"])


def test_somebody_elses_saving_ends_our_own_and_keeps_the_text(site: Site):
    site.answers["/draft"] = lambda route: route.fulfill(status=409, json={"error": "Bo saved another text."})
    page = site.open(EDITOR, "editor")
    page.get_by_label("Text").fill("mine")
    expect(page.locator("[data-autosave-status]")).to_have_text("Bo saved another text.")
    expect(page.get_by_label("Text")).to_have_value("mine")
    page.get_by_label("Text").fill("mine still")
    page.wait_for_timeout(1500)
    assert len(site.posts("/draft")) == 1


def test_what_could_not_be_saved_is_kept_by_the_browser_and_offered(site: Site):
    site.answers["/draft"] = lambda route: route.abort()
    page = site.open(EDITOR, "editor")
    page.on("dialog", lambda dialog: dialog.accept())
    page.get_by_label("Text").fill("precious")
    expect(page.locator("[data-autosave-status]")).to_have_text("Failed")
    page.reload()
    expect(page.get_by_label("Text")).to_have_value("First *words*")
    page.get_by_role("button", name="Put back").click()
    expect(page.get_by_label("Text")).to_have_value("precious")


def drop(page: Page, name: str, content: str = "x") -> None:
    page.evaluate(
        """([name, content]) => {
            const transfer = new DataTransfer();
            transfer.items.add(new File([content], name, {type: 'image/png'}));
            document.querySelector('#text').dispatchEvent(
                new DragEvent('drop', {dataTransfer: transfer, bubbles: true, cancelable: true}));
        }""",
        [name, content],
    )


def test_a_picture_that_is_dropped_is_uploaded_while_one_goes_on_writing(site: Site):
    site.answers["/draft"] = lambda route: route.fulfill(json={})
    waiting: list[Route] = []
    site.answers["/images"] = waiting.append
    page = site.open(EDITOR, "editor")
    text = page.get_by_label("Text")
    text.fill("Before ")
    drop(page, "a [1].png")
    text.press_sequentially("after")
    waiting.pop().fulfill(json={"markdown": "![](/media/1.png)"})
    expect(text).to_have_value("Before \n![](/media/1.png)\nafter")
    expect(text).to_be_focused()
    text.press_sequentially(" it")
    expect(text).to_have_value("Before \n![](/media/1.png)\nafter it")
    drop(page, "b.png")
    page.wait_for_timeout(100)
    waiting.pop().fulfill(status=409, json={"error": "this is no picture"})
    expect(page.get_by_role("alert")).to_have_text("b.png: this is no picture")
    expect(text).not_to_have_value("b.png")


def test_a_preview_is_fetched_when_typing_pauses(site: Site):
    site.answers["/draft"] = lambda route: route.fulfill(json={})
    site.answers["/preview"] = lambda route: route.fulfill(body="<p>new preview</p>", content_type="text/html")
    page = site.open(
        EDITOR.replace(
            "data-warn-unsaved>",
            "data-warn-unsaved><div id='preview' hx-post='/preview' hx-trigger='settled from:\"closest form\"'></div>",
        ),
        "editor",
    )
    page.get_by_label("Text").press_sequentially("x")
    expect(page.locator("#preview")).to_have_text("new preview")
    assert "text" in site.posts("/preview")[0]
