"""Unsubscribing from a list, by one click in the mail client (RFC 8058) and by the button of the page."""

from __future__ import annotations

import socket
from dataclasses import replace
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from lxml import html
from starlette.testclient import TestClient

from distributor.domain.consent import ConsentAction
from distributor.domain.event import EventKind
from distributor.domain.subscriber import Membership
from distributor.domain.tokens import Purpose, TokenSigner
from distributor.flow.app_context import AppContext
from distributor.storage import consents, memberships
from distributor.storage.database import Database
from distributor.web.app import create_app, serving
from distributor.web.pages import masked_email

from .samples import SentMail

ONE_CLICK = {"List-Unsubscribe": "One-Click"}
BOTH_ARE_ON_IT = {"Robin <R>": Membership.SUBSCRIBED, "Sam": Membership.SUBSCRIBED}
ROBIN_HAS_LEFT = {"Robin <R>": Membership.UNSUBSCRIBED, "Sam": Membership.SUBSCRIBED}


def link(mail: SentMail) -> str:
    return f"/unsubscribe/{mail.token(Purpose.UNSUBSCRIBE)}"


def press(client: TestClient, text: str, label: str, **typed: str) -> str:
    """What a browser does when the button with this label is pressed; gives the page that comes."""
    page = html.document_fromstring(text)
    [button] = [one for one in page.xpath("//form//button") if one.text_content() == label]
    form = next(button.iterancestors("form"))
    assert form.get("method") == "post"
    own = {button.get("name"): button.get("value")} if button.get("name") else {}
    response = client.post(form.get("action"), data={**own, **typed})
    assert response.status_code == 200
    return str(response.text)


def test_to_look_at_the_page_changes_nothing_however_often(client: TestClient, sent_mail: SentMail):
    for method in ("GET", "HEAD", "GET"):
        assert client.request(method, link(sent_mail)).status_code == 200
    assert sent_mail.memberships() == BOTH_ARE_ON_IT
    assert sent_mail.events() == []


def test_one_click_takes_its_holder_off_the_list_and_no_one_else(client: TestClient, sent_mail: SentMail):
    response = client.post(link(sent_mail), data=ONE_CLICK)
    assert response.status_code == 200
    assert sent_mail.memberships() == ROBIN_HAS_LEFT


def test_one_click_over_a_socket_needs_no_cookies_and_leads_nowhere(app: AppContext, sent_mail: SentMail):
    body = urlencode(ONE_CLICK)
    with serving(app) as address:
        connection = HTTPConnection(urlsplit(address).netloc, timeout=30)
        # Exactly what section 8 of RFC 8058 shows.
        connection.putrequest("POST", link(sent_mail), skip_accept_encoding=True)
        connection.putheader("Content-Type", "application/x-www-form-urlencoded")
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body.encode())
        response = connection.getresponse()
        response.read()
        connection.close()
    assert response.status == 200
    assert response.getheader("Location") is None
    assert response.getheader("Set-Cookie") is None
    assert sent_mail.memberships() == ROBIN_HAS_LEFT


def test_one_click_may_come_as_multipart(client: TestClient, sent_mail: SentMail):
    lines = ("--edge", 'Content-Disposition: form-data; name="List-Unsubscribe"', "", "One-Click", "--edge--", "")
    headers = {"Content-Type": "multipart/form-data; boundary=edge"}
    assert client.post(link(sent_mail), content="\r\n".join(lines), headers=headers).status_code == 200
    assert sent_mail.memberships() == ROBIN_HAS_LEFT


def test_to_leave_twice_is_to_leave_once(client: TestClient, sent_mail: SentMail):
    for _ in range(2):
        assert client.post(link(sent_mail), data=ONE_CLICK).status_code == 200
    [event] = sent_mail.events()
    assert (event.kind, event.detail) == (EventKind.UNSUBSCRIBE, {"way": "one-click"})


FORM = "application/x-www-form-urlencoded"
BODIES: dict[str, dict[str, Any]] = {
    "none": {},
    "empty": {"content": b"", "headers": {"Content-Type": FORM}},
    "another form": {"data": {"List-Unsubscribe": "Two-Clicks"}},
    "another spelling": {"data": {"list-unsubscribe": "one-click"}},
    "text": {"content": b"List-Unsubscribe=One-Click", "headers": {"Content-Type": "text/plain"}},
    "no media type": {"content": b"List-Unsubscribe=One-Click"},
    "unknown media type": {"content": b"\0\1", "headers": {b"Content-Type": b"\x85/;;="}},
    "JSON": {"json": ONE_CLICK},
    "broken JSON": {"content": b"{", "headers": {"Content-Type": "application/json"}},
    "a file": {"files": {"List-Unsubscribe": ("One-Click", b"One-Click")}},
    "broken multipart": {"content": b"--x", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
    "no boundary": {"content": b"--x\r\n\r\n", "headers": {"Content-Type": "multipart/form-data"}},
    "no UTF-8": {"content": b"\xff\xfe", "headers": {"Content-Type": FORM}},
    "unsuitable charset": {"content": b"a=%ff", "headers": {"Content-Type": f"{FORM}; charset=utf-16"}},
    "unknown charset": {"content": b"a=%ff", "headers": {"Content-Type": f"{FORM}; charset=none"}},
    "very many fields": {"content": b"a&" * 30_000, "headers": {"Content-Type": FORM}},
    "too large": {"data": {**ONE_CLICK, "more": "x" * 100_000}},
    "no length": {"content": [b"x" * 1000] * 100},
}


@pytest.mark.parametrize("what", BODIES)
def test_a_post_to_the_signed_address_unsubscribes_whatever_its_body(
    client: TestClient, sent_mail: SentMail, what: str
):
    response = client.post(link(sent_mail), **BODIES[what])
    assert (response.status_code, response.headers.get("location")) == (200, None)
    assert sent_mail.memberships() == ROBIN_HAS_LEFT
    [event] = sent_mail.events()
    assert event.detail == {"way": "one-click"}


@pytest.mark.parametrize(("length", "is_open"), [(9_999_999_999, True), (100, False)], ids=["huge", "broken off"])
def test_neither_a_huge_body_nor_one_that_breaks_off_is_awaited(
    app: AppContext, sent_mail: SentMail, length: int, is_open: bool
):
    head = f"POST {link(sent_mail)} HTTP/1.1\r\nHost: a\r\nContent-Type: {FORM}\r\nContent-Length: {length}\r\n\r\n"
    with serving(app) as url, socket.create_connection(place_of(url), timeout=30) as connection:
        connection.sendall(head.encode() + b"x" * (10_000 if is_open else 10))
        if is_open:
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
        else:
            connection.shutdown(socket.SHUT_WR)
            connection.recv(1000)
    assert sent_mail.memberships() == ROBIN_HAS_LEFT


def place_of(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 0


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
def test_only_a_post_unsubscribes(client: TestClient, sent_mail: SentMail, method: str):
    client.request(method, f"{link(sent_mail)}?List-Unsubscribe=One-Click&button=unsubscribe")
    assert sent_mail.memberships() == BOTH_ARE_ON_IT


def test_the_button_of_the_page_does_what_it_says(client: TestClient, sent_mail: SentMail):
    answer = press(client, client.get(link(sent_mail)).text, "Unsubscribe")
    assert "You are unsubscribed" in answer
    assert sent_mail.memberships() == ROBIN_HAS_LEFT
    [event] = sent_mail.events()
    assert event.detail == {"way": "page"}


def test_whoever_has_left_is_offered_no_button_to_leave(client: TestClient, sent_mail: SentMail):
    client.post(link(sent_mail), data=ONE_CLICK)
    page = html.document_fromstring(client.get(link(sent_mail)).text)
    assert [button.text_content() for button in page.xpath("//button")] == ["Send", "Subscribe me again"]
    assert page.xpath("string(//h1)") == "You are unsubscribed"


def test_why_a_subscriber_left_is_kept_with_their_leaving(client: TestClient, sent_mail: SentMail):
    left = client.post(link(sent_mail), data=ONE_CLICK).text
    answer = press(client, left, "Send", reason="too_often", words="Every\nday!")
    assert "Thank you for your feedback." in answer
    [event] = sent_mail.events()
    assert event.detail == {"way": "one-click", "reason": "too_often", "words": "Every\nday!"}
    assert sent_mail.memberships() == ROBIN_HAS_LEFT


def test_no_one_has_to_say_why(client: TestClient, sent_mail: SentMail):
    left = client.post(link(sent_mail), data=ONE_CLICK).text
    assert "Thank you for your feedback." not in press(client, left, "Send")


def test_a_reason_that_is_none_of_ours_is_refused(client: TestClient, sent_mail: SentMail):
    client.post(link(sent_mail), data=ONE_CLICK)
    assert client.post(f"{link(sent_mail)}/reason", data={"reason": "spite"}).status_code == 400
    [event] = sent_mail.events()
    assert event.detail == {"way": "one-click"}


def test_who_is_still_on_the_list_has_no_reason_to_have_left(client: TestClient, sent_mail: SentMail):
    assert client.post(f"{link(sent_mail)}/reason", data={"reason": "other"}).status_code == 200
    assert sent_mail.events() == []


def test_the_way_back_puts_its_holder_on_the_list_again_with_a_consent(client: TestClient, sent_mail: SentMail):
    left = client.post(link(sent_mail), data=ONE_CLICK).text
    assert "You are subscribed again" in press(client, left, "Subscribe me again")
    assert sent_mail.memberships() == BOTH_ARE_ON_IT
    with sent_mail.app.database.begin() as connection:
        records = consents.of_subscriber(connection, 1)
    assert [record.action for record in records] == [
        ConsentAction.GRANTED,
        ConsentAction.WITHDRAWN,
        ConsentAction.GRANTED,
    ]
    assert "Was that a mistake?\nSubscribe me again" in records[-1].text


def test_the_way_back_keeps_the_topics(client: TestClient, sent_mail: SentMail):
    app = sent_mail.app
    with app.database.begin() as connection:
        memberships.set_topics(connection, 1, sent_mail.list_id, ["boats"])
    press(client, client.post(link(sent_mail), data=ONE_CLICK).text, "Subscribe me again")
    with app.database.begin() as connection:
        [place] = memberships.of_subscriber(connection, 1)
    assert (place.state, place.topics) == (Membership.SUBSCRIBED, ("boats",))


def test_the_way_back_of_who_never_left_changes_nothing(client: TestClient, sent_mail: SentMail):
    assert client.post(f"{link(sent_mail)}/resubscribe").status_code == 200
    with sent_mail.app.database.begin() as connection:
        assert len(consents.of_subscriber(connection, 1)) == 1


@pytest.mark.parametrize("step", ["reason", "resubscribe"])
def test_what_follows_leaving_is_only_posted_to(client: TestClient, sent_mail: SentMail, step: str):
    response = client.get(f"{link(sent_mail)}/{step}")
    assert response.status_code == 405
    assert client.post(f"/unsubscribe/none/{step}").status_code == 404


def test_no_page_shows_a_whole_address_or_anybody_else(client: TestClient, sent_mail: SentMail):
    pages = [client.get(link(sent_mail)).text, client.post(link(sent_mail), data=ONE_CLICK).text]
    for text in pages:
        assert "R•••@example.org" in text
        for secret in ("robin", "Sam", "elsewhere.example"):
            assert secret.lower() not in text.lower()


@pytest.mark.parametrize(
    ("address", "shown"),
    [("robin@example.org", "r•••@example.org"), ("r@example.org", "r•••@example.org"), ("@me", "•••@me")],
)
def test_a_masked_address_tells_neither_its_letters_nor_their_number(address: str, shown: str):
    assert masked_email(address) == shown


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_link_that_is_not_ours_says_so_and_changes_nothing(client: TestClient, sent_mail: SentMail, method: str):
    token = sent_mail.token(Purpose.UNSUBSCRIBE)
    forged = TokenSigner(b"the key of some other app").mint(Purpose.UNSUBSCRIBE, sent_mail.delivery_id)
    for other in (forged, token[:-1], token + "A", sent_mail.token(Purpose.PREFERENCES)):
        response = client.request(method, f"/unsubscribe/{other}", data=ONE_CLICK)
        assert response.status_code == 404
        assert "Please open it again from the mail it came in." in response.text
    assert sent_mail.memberships() == BOTH_ARE_ON_IT


def test_without_postgresql_no_success_is_shown(app: AppContext, sent_mail: SentMail):
    cut_off = replace(app, database=Database("postgresql://nobody@127.0.0.1:1/nothing"))
    with TestClient(create_app(cut_off)) as client:
        response = client.post(link(sent_mail), data=ONE_CLICK)
    assert response.status_code == 503
    assert response.headers["retry-after"] == "60"
    assert "unsubscribed" not in response.text


def test_these_pages_are_kept_and_indexed_by_no_one_and_tell_their_address_to_no_one(
    client: TestClient, sent_mail: SentMail
):
    for path in (link(sent_mail), "/unsubscribe/none"):
        headers = client.get(path).headers
        assert headers["cache-control"] == "no-store"
        assert headers["referrer-policy"] == "no-referrer"
        assert headers["x-robots-tag"] == "noindex"
        assert "set-cookie" not in headers


def test_the_link_of_a_mail_that_is_not_known_any_more_says_so_and_changes_nothing(
    client: TestClient, sent_mail: SentMail, app: AppContext
):
    """Such as of one that was sent between a backup and its restore: its number is given out to nobody else."""
    lost = app.tokens.mint(Purpose.UNSUBSCRIBE, 9_999_999)
    for response in (client.get(f"/unsubscribe/{lost}"), client.post(f"/unsubscribe/{lost}", data=ONE_CLICK)):
        assert response.status_code == 404
        assert "This link is no longer known" in response.text
    preferences = client.get(f"/preferences/{app.tokens.mint(Purpose.PREFERENCES, 9_999_999)}")
    assert "This link is no longer known" in preferences.text
    assert sent_mail.memberships() == BOTH_ARE_ON_IT
