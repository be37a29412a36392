"""Confirming a sign-up: the page shows a button, the button confirms, and invalid links are explained."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from lxml import html
from starlette.testclient import TestClient

from distributor.domain.consent import ConsentAction
from distributor.domain.subscriber import Membership
from distributor.domain.tokens import Purpose, TokenSigner
from distributor.flow.app_context import AppContext
from distributor.flow.people import privacy
from distributor.web.app import create_app
from tests.flow.subscriptions.sign_up_harness import SignUpHarness, make_sign_up_harness

from .sign_ups import ADA, AT_ONCE, link, press, title_of

BUTTON = {"button": "confirm"}


@pytest.fixture
def sign_ups(app: AppContext) -> SignUpHarness:
    made = make_sign_up_harness(app)
    made.add_list("weekly", description="The best of the week.")
    made.add_list("daily")
    made.sign_up(ADA, "weekly", "daily", name="Ada")
    return made


@pytest.fixture
def client(sign_ups: SignUpHarness) -> Iterator[TestClient]:
    with visiting(sign_ups) as client:
        yield client


def visiting(sign_ups: SignUpHarness) -> TestClient:
    return TestClient(create_app(sign_ups.app, AT_ONCE), follow_redirects=False, raise_server_exceptions=False)


def confirming(sign_ups: SignUpHarness) -> str:
    return link(sign_ups, Purpose.CONFIRM)


def test_a_program_that_follows_the_link_confirms_nothing(client: TestClient, sign_ups: SignUpHarness):
    before = sign_ups.dump()
    for method in ("GET", "HEAD", "GET"):
        assert client.request(method, confirming(sign_ups)).status_code == 200
    assert sign_ups.dump() == before


def test_the_page_names_every_list_that_is_waited_for(client: TestClient, sign_ups: SignUpHarness):
    page = client.get(confirming(sign_ups))
    assert title_of(page) == "Confirm your subscription"
    items = [item.text_content() for item in html.document_fromstring(page.text).xpath("//main//li")]
    assert items == ["The daily letter", "The weekly letter: The best of the week."]


def test_the_button_confirms_them_all_at_once_and_for_good(client: TestClient, sign_ups: SignUpHarness):
    answer = press(client, client.get(confirming(sign_ups)), "Yes, subscribe me")
    assert (answer.status_code, title_of(answer)) == (200, "You are subscribed")
    assert sign_ups.places(ADA) == {"daily": Membership.SUBSCRIBED, "weekly": Membership.SUBSCRIBED}
    before = sign_ups.dump()
    again = client.post(confirming(sign_ups), data=BUTTON)
    assert (again.status_code, title_of(again)) == (200, "You are subscribed")
    assert sign_ups.dump() == before


def test_what_is_kept_as_evidence_is_what_the_page_says(client: TestClient, sign_ups: SignUpHarness):
    page = client.get(confirming(sign_ups))
    press(client, page, "Yes, subscribe me")
    seen = " ".join(html.document_fromstring(page.text).text_content().split())
    record = sign_ups.consents(ADA)[-1]
    assert record.action is ConsentAction.CONFIRMED
    for line in record.text.splitlines()[1:]:
        assert line in seen


def test_the_next_step_leads_to_the_choices(client: TestClient, sign_ups: SignUpHarness):
    answer = client.post(confirming(sign_ups), data=BUTTON)
    paths = html.document_fromstring(answer.text).xpath("//main//a/@href")
    assert [title_of(client.get(path)) for path in paths] == [
        "Your preferences",
        "Unsubscribe from The daily letter?",
        "Erase my data",
    ]


def test_a_post_that_does_not_come_from_the_button_changes_nothing(client: TestClient, sign_ups: SignUpHarness):
    before = sign_ups.dump()
    bodies: list[dict[str, Any]] = [
        {"data": {}},
        {"data": {"button": "yes"}},
        {"json": BUTTON},
        {"files": {"button": ("a", b"confirm")}},
    ]
    for body in [*bodies, {"content": b"button=confirm%00"}, {"data": {"button": "confirm", "x": "\ufffd"}}]:
        assert client.post(confirming(sign_ups), **body).status_code == 400
    assert client.post(confirming(sign_ups), data={**BUTTON, "x": "x" * 100_000}).status_code == 413
    assert client.put(confirming(sign_ups)).status_code == 405
    assert sign_ups.dump() == before


def test_a_link_that_is_not_ours_says_so_and_changes_nothing(client: TestClient, sign_ups: SignUpHarness):
    token, number = sign_ups.token(Purpose.CONFIRM, ADA), sign_ups.asked(ADA)[-1]
    forged = TokenSigner(b"the key of some other app").mint(Purpose.CONFIRM, number)
    gone = sign_ups.app.tokens.mint(Purpose.CONFIRM, 4711)
    before = sign_ups.dump()
    for other in (forged, gone, token[:-1], token + "A", sign_ups.token(Purpose.UNSUBSCRIBE, ADA), "%ff%fe"):
        for method in ("GET", "POST"):
            answer = client.request(method, f"/confirm/{other}", data=BUTTON)
            title = "This link is no longer known" if other == gone else "This link does not work"
            assert (answer.status_code, title_of(answer)) == (404, title)
    assert sign_ups.dump() == before


def test_a_link_that_is_too_old_leads_to_the_form(sign_ups: SignUpHarness):
    before = sign_ups.dump()
    with visiting(sign_ups.later(timedelta(days=31))) as client:
        for answer in (client.get(confirming(sign_ups)), client.post(confirming(sign_ups), data=BUTTON)):
            assert (answer.status_code, title_of(answer)) == (200, "This link is too old")
            assert html.document_fromstring(answer.text).xpath("//main//a/@href") == ["/subscribe"]
    assert sign_ups.dump() == before


def test_the_link_of_who_was_erased_is_dead(client: TestClient, sign_ups: SignUpHarness):
    path, person = confirming(sign_ups), sign_ups.person(ADA)
    assert person is not None
    privacy.erase(sign_ups.app, person.id, requested_by="person")
    assert client.post(path, data=BUTTON).status_code == 404
    assert sign_ups.person(ADA) is None


def test_no_page_shows_the_whole_address_and_no_one_keeps_it(client: TestClient, sign_ups: SignUpHarness):
    for answer in (client.get(confirming(sign_ups)), client.post(confirming(sign_ups), data=BUTTON)):
        assert "a•••@example.org" in answer.text
        assert ADA not in answer.text
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert "set-cookie" not in answer.headers
