"""The pages show what a reader would see, and nothing that could do harm."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage

import httpx
import pytest
from lxml import html

from distributor.sandbox.faults import FaultKind, InjectedFault
from distributor.sandbox.registry import emulators
from distributor.sandbox.service import Sandbox
from tests.web.browser import browsing

from .clients import TID, BlueskyClient, png, post_record

HOSTILE = "<script>alert(1)</script>"


def _send(sandbox: Sandbox, message: EmailMessage) -> None:
    with smtplib.SMTP("127.0.0.1", sandbox.smtp_port) as client:
        client.send_message(message, from_addr="b@a.example", to_addrs=["reader@b.example"])


def _newsletter(**headers: str) -> EmailMessage:
    message = EmailMessage()
    message["From"] = "Gazette <news@a.example>"
    message["To"] = "Reader <reader@b.example>"
    message["Subject"] = f"Grüße & {HOSTILE}"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content("Plain words\n")
    message.add_alternative(
        f'<html><head><title>No</title></head><body><div style="display:none">The preheader</div>'
        f'<p>Hello</p><img src="cid:logo@a"><img src="https://a.example/b.png">{HOSTILE}</body></html>',
        subtype="html",
    )
    body = message.get_body(("html",))
    assert isinstance(body, EmailMessage)
    body.add_related(png(), "image", "png", cid="<logo@a>")
    return message


def _page(http: httpx.Client, path: str) -> html.HtmlElement:
    answer = http.get(path)
    assert answer.status_code == 200, answer.text
    assert "script" not in answer.headers["content-security-policy"]
    return html.fromstring(answer.text)


def _select(element: html.HtmlElement, path: str) -> list[html.HtmlElement]:
    """What is found by class names and tags, each inside the one before: `.mails li`."""
    found = [element]
    for step in path.split():
        if step.startswith("."):
            found = [inner for outer in found for inner in outer.find_class(step[1:])]
        else:
            found = [inner for outer in found for inner in outer.iterdescendants(step)]
    return found


def test_the_empty_front_page_says_what_to_do(http: httpx.Client) -> None:
    page = _page(http, "/")
    assert "No mail yet" in page.text_content()
    assert page.text_content().count("Nothing posted yet.") == len(emulators())


def test_a_mail_is_listed_as_mail_programs_do(http: httpx.Client, sandbox: Sandbox) -> None:
    _send(sandbox, _newsletter())
    for path in ("/", "/inbox"):
        [mail] = _select(_page(http, path), ".mails li")
        shown = {
            name: " ".join(_select(mail, f".{name}")[0].text_content().split())
            for name in ("from", "subject", "preheader", "to")
        }
        assert shown == {
            "from": "Gazette",
            "subject": f"Grüße & {HOSTILE}",
            "preheader": "The preheader Hello",
            "to": "to reader@b.example",
        }


def test_a_mail_shows_its_text_and_its_html_in_a_sandboxed_frame(http: httpx.Client, sandbox: Sandbox) -> None:
    _send(sandbox, _newsletter())
    page = _page(http, "/inbox/1")
    [frame] = _select(page, "iframe")
    assert frame.get("sandbox") == "allow-popups allow-popups-to-escape-sandbox"
    assert _select(page, "pre")[0].text_content() == "Plain words\n"
    assert not _select(page, "script")
    body = http.get(frame.get("src"))
    policy = body.headers["content-security-policy"]
    assert policy.startswith("sandbox allow-popups")
    assert "default-src 'none'" in policy
    assert 'src="/inbox/1/parts/0"' in body.text
    assert 'src="https://a.example/b.png"' in body.text


def test_a_picture_inside_a_mail_is_shown(http: httpx.Client, sandbox: Sandbox) -> None:
    _send(sandbox, _newsletter())
    answer = http.get("/inbox/1/parts/0")
    assert (answer.headers["content-type"], answer.content) == ("image/png", png())
    assert http.get("/inbox/1/parts/1").status_code == 404


def test_the_source_is_shown_as_text(http: httpx.Client, sandbox: Sandbox) -> None:
    _send(sandbox, _newsletter())
    answer = http.get("/inbox/1/raw")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.text == sandbox.state.inbox.content(1).decode()


def test_one_click_unsubscribe_is_offered_as_a_form(http: httpx.Client, sandbox: Sandbox) -> None:
    url = "https://a.example/unsubscribe/abc?d=1&e=2"
    _send(
        sandbox,
        _newsletter(
            List_Unsubscribe=f"<{url}>, <mailto:out@a.example>", List_Unsubscribe_Post="List-Unsubscribe=One-Click"
        ),
    )
    _send(sandbox, _newsletter(List_Unsubscribe=f"<{url}>"))
    [form] = _select(_page(http, "/inbox/1"), "form")
    assert (form.get("method"), form.get("action")) == ("post", url)
    assert dict(form.form_values()) == {"List-Unsubscribe": "One-Click"}
    assert not _select(_page(http, "/inbox/2"), "form")


def test_older_mails_are_a_page_further(http: httpx.Client, sandbox: Sandbox) -> None:
    for number in range(102):
        sandbox.state.inbox.store(
            b"Subject: %d\r\n\r\nx\r\n" % number, sender="", recipients=["a@b.example"], now=sandbox.state.clock()
        )
    assert "All 102 mails" in _page(http, "/").text_content()
    first = _page(http, "/inbox")
    [older] = _select(first, ".more a")
    second = _page(http, older.get("href"))
    assert [len(_select(page, ".mails li")) for page in (first, second)] == [100, 2]
    assert not _select(second, ".more a")


def test_a_thread_is_shown_together_with_links_and_a_card(http: httpx.Client, x: httpx.Client) -> None:
    text = f"First {HOSTILE} #News https://www.example.com/a/rather/long/path/to/an/article"
    first = x.post("/2/tweets", json={"text": text}).json()["data"]["id"]
    x.post("/2/tweets", json={"text": "Second", "reply": {"in_reply_to_tweet_id": first}})
    for path in ("/", "/x-timeline"):
        page = _page(http, path)
        [thread] = _select(page, ".x .thread")
        assert [_select(post, ".text")[0].text_content() for post in _select(thread, ".post")] == [
            f"First {HOSTILE} #News example.com/a/rather/long/…",
            "Second",
        ]
        assert [link.get("href") for link in _select(thread, ".text a")] == [
            "https://x.com/hashtag/News",
            "https://www.example.com/a/rather/long/path/to/an/article",
        ]
        assert _select(thread, ".card .host")[0].text_content() == "www.example.com"
        assert "1 of 2" in _select(thread, ".facts")[0].text_content()
        assert not _select(page, "script")


def test_bluesky_shows_links_where_facets_say_and_the_given_card(http: httpx.Client, bluesky: BlueskyClient) -> None:
    blob = bluesky.upload(png(), "image/png").json()["blob"]
    external = {"uri": "https://example.com/", "title": "Title", "description": "Words", "thumb": blob}
    link = {"$type": "app.bsky.richtext.facet#link", "uri": "https://example.com/x"}
    record = post_record(
        "Grüße an #alle https://example.com",
        facets=[{"index": {"byteStart": 0, "byteEnd": 7}, "features": [link]}],
        embed={"$type": "app.bsky.embed.external", "external": external},
    )
    assert bluesky.put(record, rkey=TID).status_code == 200
    page = _page(http, "/bluesky-timeline")
    assert [(one.text_content(), one.get("href")) for one in _select(page, ".text a")] == [
        ("Grüße", "https://example.com/x")
    ]
    [card] = _select(page, ".card")
    assert _select(card, ".card-title")[0].text_content() == "Title"
    picture = http.get(_select(card, "img")[0].get("src"))
    assert (picture.headers["content-type"], picture.content) == ("image/png", png())


def test_permalinks_lead_to_the_post_on_the_page(
    http: httpx.Client, x: httpx.Client, mastodon: httpx.Client, bluesky: BlueskyClient
) -> None:
    tweet = x.post("/2/tweets", json={"text": "a"}).json()["data"]["id"]
    status = mastodon.post("/api/v1/statuses", json={"status": "a"}).json()["id"]
    record = bluesky.put(post_record("a"), rkey=TID).json()["uri"]
    for path, key in (
        (f"/x/distributor/status/{tweet}", tweet),
        (f"/x/i/web/status/{tweet}", tweet),
        (f"/mastodon/@distributor/{status}", status),
        (f"/bluesky/profile/distributor.test/post/{TID}", record),
    ):
        answer = http.get(path, follow_redirects=True)
        anchor = f"post-{key}"
        assert str(answer.url).endswith(f"#{anchor}")
        assert anchor in [one.get("id") for one in html.fromstring(answer.text).iter("article")]


def test_an_image_without_alternative_text_is_marked(http: httpx.Client, mastodon: httpx.Client) -> None:
    for description in ("One pixel", ""):
        files = {"file": ("a.png", png(), "image/png")}
        key = mastodon.post("/api/v2/media", files=files, data={"description": description}).json()["id"]
        mastodon.post("/api/v1/statuses", json={"status": "a", "media_ids": [key], "spoiler_text": "Careful"})
    page = _page(http, "/mastodon-timeline")
    assert [" ".join(one.text_content().split()) for one in _select(page, "figcaption")] == [
        "no alternative text",
        "ALT",
    ]
    assert _select(page, ".warning")[0].text_content() == "Careful"


@pytest.mark.browser
def test_a_post_stays_within_its_column(sandbox: Sandbox, x: httpx.Client, mastodon: httpx.Client) -> None:
    x.post("/2/tweets", json={"text": "a"})
    mastodon.post("/api/v1/statuses", json={"status": "a"})
    with browsing() as browser:
        page = browser.new_page(viewport={"width": 1200, "height": 800})
        page.goto(sandbox.http_url)
        overhangs = page.locator(".author").evaluate_all("all => all.map(one => one.scrollWidth - one.clientWidth)")
    assert overhangs == [0, 0]


def test_active_faults_are_announced(http: httpx.Client, sandbox: Sandbox) -> None:
    assert not _select(_page(http, "/"), ".banner")
    sandbox.state.switches.set("x", InjectedFault(kind=FaultKind.DROP))
    assert "x: drop on post" in _select(_page(http, "/"), ".banner")[0].text_content()


def test_an_unknown_page_is_not_found(http: httpx.Client) -> None:
    for path in (
        "/inbox/1",
        "/inbox/1/body",
        "/inbox/1/raw",
        "/inbox/1/parts/0",
        "/media/x/12",
        "/media/fax/12",
        "/fax-timeline",
    ):
        answer = http.get(path)
        assert (answer.status_code, "Not found" in answer.text) == (404, True)


def test_the_style_sheet_comes_from_here(http: httpx.Client) -> None:
    icon, link = _select(_page(http, "/"), "link")
    assert icon.get("href") == "data:,"
    answer = http.get(link.get("href"))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/css; charset=utf-8")
    assert "url(" not in answer.text


@pytest.mark.parametrize("digits", ["9" * 19, "9" * 5000, "-1", "1x"])
@pytest.mark.parametrize(
    "path", ["/inbox/{}", "/inbox/{}/body", "/inbox/{}/raw", "/inbox/{}/parts/1", "/inbox/1/parts/{}"]
)
def test_a_number_of_any_length_is_a_mail_that_is_not_there(
    sandbox: Sandbox, http: httpx.Client, path: str, digits: str
):
    _send(sandbox, _newsletter())
    assert http.get(path.format(digits)).status_code == 404
    assert http.get("/inbox", params={"before": digits}).status_code == 200
