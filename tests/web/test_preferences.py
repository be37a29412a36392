"""The preference centre: every choice on one page, personal data, and unsubscribing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from lxml import html
from redis import Redis
from starlette.testclient import TestClient

from distributor.domain.subscriber import ListVisibility, Membership
from distributor.domain.suppression import SuppressionReason
from distributor.domain.tokens import Purpose, TokenSigner
from distributor.flow.app_context import AppContext
from distributor.flow.subscriptions.confirm import confirm
from distributor.storage import subscribers
from distributor.web.app import create_app
from tests.flow.subscriptions.sign_up_harness import NETWORK, SignUpHarness, make_sign_up_harness

from .sign_ups import ADA, AT_ONCE, errors_of, link, notice_of, press, title_of

SUBSCRIBED, UNSUBSCRIBED = Membership.SUBSCRIBED, Membership.UNSUBSCRIBED


@pytest.fixture
def sign_ups(app: AppContext) -> SignUpHarness:
    made = make_sign_up_harness(app)
    made.add_list("weekly", topics=("boats", "trains"))
    made.add_list("daily")
    made.add_list("secret", visibility=ListVisibility.PRIVATE)
    made.sign_up(ADA, "weekly", name="Ada")
    confirm(app, made.token(Purpose.CONFIRM, ADA), NETWORK)
    return made


@pytest.fixture
def client(sign_ups: SignUpHarness) -> Iterator[TestClient]:
    with visiting(sign_ups) as client:
        yield client


def visiting(sign_ups: SignUpHarness, **changed: Any) -> TestClient:
    app = replace(sign_ups.app, **changed)
    return TestClient(create_app(app, AT_ONCE), follow_redirects=False, raise_server_exceptions=False)


def steps(sign_ups: SignUpHarness) -> list[str]:
    base = link(sign_ups)
    return [base, f"{base}/unsubscribe", f"{base}/data", f"{base}/erase"]


def test_to_look_changes_nothing(client: TestClient, sign_ups: SignUpHarness):
    before = sign_ups.dump()
    for path in (link(sign_ups), f"{link(sign_ups)}/data", f"{link(sign_ups)}/erase"):
        for method in ("GET", "HEAD"):
            answer = client.request(method, path)
            assert answer.status_code == 200
            assert answer.headers["cache-control"] == "no-store"
            assert answer.headers["referrer-policy"] == "no-referrer"
    assert client.get(f"{link(sign_ups)}/unsubscribe").status_code == 405
    assert sign_ups.dump() == before


def test_the_form_as_it_opens_saves_what_is_there_already(client: TestClient, sign_ups: SignUpHarness):
    records, places = sign_ups.consents(ADA), sign_ups.subscriptions(ADA)
    answer = press(client, client.get(link(sign_ups)), "Save")
    assert (answer.status_code, notice_of(answer)) == (200, "Your preferences are saved.")
    assert (sign_ups.consents(ADA), sign_ups.subscriptions(ADA)) == (records, places)


def test_lists_topics_language_name_and_pause_are_saved_together(client: TestClient, sign_ups: SignUpHarness):
    changed = {
        "list": ["weekly", "daily"],
        "scope:weekly": "some",
        "topic:weekly": ["trains"],
        "name": "Ada L.",
        "language": "fr",
        "pause": "month",
    }
    answer = press(client, client.get(link(sign_ups)), "Save", **changed)
    places, person = sign_ups.subscriptions(ADA), sign_ups.person(ADA)
    assert person is not None
    assert (places["weekly"].topics, places["daily"].topics) == (("trains",), None)
    assert (person.name, person.language) == ("Ada L.", "fr")
    assert person.paused_until is not None
    page = html.document_fromstring(answer.text)
    assert page.xpath("//input[@checked]/@value") == ["daily", "weekly", "some", "trains"]
    assert page.xpath("//option[@selected]/@value") == ["fr", "keep"]
    assert page.xpath("string(//h1)") == "Vos préférences"
    assert "Vous ne recevez pas d’e-mails jusqu’au" in page.text_content()


def test_the_form_offers_what_is_kept_and_nothing_else(client: TestClient, sign_ups: SignUpHarness):
    page = html.document_fromstring(client.get(link(sign_ups)).text)
    names = {str(name).partition(":")[0] for name in page.xpath("//form//*[@name]/@name")}
    assert names == {"shown", "shown_in", "list", "scope", "topic", "name", "language", "pause"}
    for digest in ("Once a day", "Once a week", "How often"):
        assert digest not in page.text_content()


def test_to_untick_a_list_is_to_leave_it(client: TestClient, sign_ups: SignUpHarness):
    press(client, client.get(link(sign_ups)), "Save", list=None)
    assert sign_ups.places(ADA) == {"weekly": UNSUBSCRIBED}


def test_only_some_topics_and_none_of_them_is_asked_about_and_nothing_is_saved(
    client: TestClient, sign_ups: SignUpHarness
):
    before = sign_ups.dump()
    answer = press(client, client.get(link(sign_ups)), "Save", **{"scope:weekly": "some", "name": "A."})
    assert answer.status_code == 422
    assert errors_of(answer) == {"topics:weekly": "Please choose a topic, or every article."}
    assert html.document_fromstring(answer.text).xpath("//input[@name='name']/@value") == ["A."]
    assert sign_ups.dump() == before


@pytest.mark.parametrize(
    ("field", "value"), [("name", "<script>"), ("name", "x" * 300), ("language", "english please"), ("language", "%")]
)
def test_what_is_wrong_is_shown_at_its_field_and_nothing_is_saved(
    client: TestClient, sign_ups: SignUpHarness, field: str, value: str
):
    before = sign_ups.dump()
    answer = press(client, client.get(link(sign_ups)), "Save", **{field: value, "list": ["daily"]})
    assert (answer.status_code, list(errors_of(answer))) == (422, [field])
    assert sign_ups.dump() == before


def test_a_name_that_this_door_would_not_take_does_not_stand_in_the_way(client: TestClient, sign_ups: SignUpHarness):
    person = sign_ups.person(ADA)
    assert person is not None
    with sign_ups.app.database.begin() as connection:
        subscribers.change(connection, person.id, {"name": "Ada <A>"}, now=sign_ups.now())
    assert press(client, client.get(link(sign_ups)), "Save", list=["daily"]).status_code == 200
    assert sign_ups.places(ADA)["daily"] is SUBSCRIBED


def test_who_leaves_everything_is_reported_and_finds_back(client: TestClient, sign_ups: SignUpHarness):
    answer = press(client, client.get(link(sign_ups)), "Unsubscribe from everything")
    assert "You are unsubscribed from all lists" in notice_of(answer)
    assert sign_ups.places(ADA) == {"weekly": UNSUBSCRIBED}
    assert [entry.reason for entry in sign_ups.suppressions(ADA)] == [SuppressionReason.UNSUBSCRIBE]
    press(client, answer, "Save", list=["weekly"])
    assert (sign_ups.places(ADA), sign_ups.suppressions(ADA)) == ({"weekly": SUBSCRIBED}, [])


@pytest.mark.parametrize(
    ("reason", "words"),
    [(SuppressionReason.HARD_BOUNCE, "bounced"), (SuppressionReason.COMPLAINT, "Please write to us")],
)
def test_who_gets_nothing_for_another_reason_is_reported(
    client: TestClient, sign_ups: SignUpHarness, reason: SuppressionReason, words: str
):
    sign_ups.suppress(ADA, reason)
    assert words in notice_of(client.get(link(sign_ups)))


def test_no_page_shows_the_whole_address_or_anybody_else(client: TestClient, sign_ups: SignUpHarness):
    sign_ups.subscribed("bo@elsewhere.example", name="Bo Other")
    for path in steps(sign_ups):
        for method in ("GET", "POST"):
            text = client.request(method, path).text
            for secret in (ADA, "elsewhere.example", "Bo Other", "secret"):
                assert secret not in text


def test_all_that_is_known_comes_as_a_file_to_who_knows_the_address(client: TestClient, sign_ups: SignUpHarness):
    before = sign_ups.dump()
    page = client.get(f"{link(sign_ups)}/data")
    answer = press(client, page, "Download my data", email="Ada@Example.org ")
    assert answer.headers["content-disposition"] == 'attachment; filename="my-data.json"'
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "no-store"
    data = json.loads(answer.text)
    assert data["subscriber"]["name"] == "Ada"
    assert [place["list"] for place in data["lists"]] == ["weekly"]
    assert [record["action"] for record in data["consents"]] == ["requested", "confirmed"]
    assert sign_ups.dump() == before


def test_the_data_of_who_passed_a_mail_on_are_not_revealed(client: TestClient, sign_ups: SignUpHarness):
    page = client.get(f"{link(sign_ups)}/data")
    for address in ("", "bo@example.org", "ada"):
        answer = press(client, page, "Download my data", email=address)
        assert answer.status_code == 422
        assert errors_of(answer) == {"email": "This is not the address that we sent this link to."}
        assert "Ada" not in answer.text


def test_the_address_cannot_be_guessed_for_long(client: TestClient, sign_ups: SignUpHarness):
    path = f"{link(sign_ups)}/data"
    statuses = [client.post(path, data={"email": f"guess{number}@example.org"}).status_code for number in range(11)]
    assert statuses == [422] * 10 + [429]
    assert client.post(path, data={"email": ADA}).status_code == 429


def test_who_is_sure_and_knows_the_address_is_erased_and_the_link_is_dead(client: TestClient, sign_ups: SignUpHarness):
    links = steps(sign_ups)
    page = client.get(f"{link(sign_ups)}/erase")
    answer = press(client, page, "Erase my data", email=ADA, sure="yes")
    assert (answer.status_code, title_of(answer)) == (200, "Your data is erased")
    assert sign_ups.person(ADA) is None
    for path in links:
        assert client.post(path, data={"email": ADA, "sure": "yes"}).status_code == 404


@pytest.mark.parametrize("typed", [{"email": ADA}, {"sure": "yes"}, {"email": "bo@example.org", "sure": "yes"}])
def test_no_one_is_erased_by_half(client: TestClient, sign_ups: SignUpHarness, typed: dict[str, str]):
    before = sign_ups.dump()
    answer = press(client, client.get(f"{link(sign_ups)}/erase"), "Erase my data", **typed)
    assert answer.status_code == 422
    assert len(errors_of(answer)) == 1
    assert sign_ups.dump() == before


def test_without_redis_no_one_guesses(sign_ups: SignUpHarness, gone_redis: Redis):
    before = sign_ups.dump()
    with visiting(sign_ups, connect_redis=lambda: gone_redis) as client:
        assert client.post(f"{link(sign_ups)}/erase", data={"email": ADA, "sure": "yes"}).status_code == 503
    assert sign_ups.dump() == before


def test_what_is_no_form_of_ours_is_refused_and_changes_nothing(client: TestClient, sign_ups: SignUpHarness):
    before, base = sign_ups.dump(), link(sign_ups)
    urlencoded = {"Content-Type": "application/x-www-form-urlencoded"}
    bodies: list[tuple[dict[str, Any], int]] = [
        ({"content": b"name=%ff", "headers": urlencoded}, 400),
        ({"content": b"shown=weekly%00", "headers": urlencoded}, 400),
        ({"files": {"name": ("a.txt", b"x")}}, 400),
        ({"data": {"name": "x" * 100_000}}, 413),
    ]
    for body, status in bodies:
        for path in (base, f"{base}/data", f"{base}/erase"):
            assert client.post(path, **body).status_code == status
    for method in ("PUT", "DELETE"):
        assert client.request(method, base).status_code == 405
    assert sign_ups.dump() == before


def test_odd_values_are_taken_for_the_usual_ones(client: TestClient, sign_ups: SignUpHarness):
    odd = {"scope:weekly": "none", "pause": "forever"}
    assert press(client, client.get(link(sign_ups)), "Save", **odd).status_code == 200
    place, person = sign_ups.subscriptions(ADA)["weekly"], sign_ups.person(ADA)
    assert person is not None
    assert (place.topics, person.paused_until) == (None, None)


def test_a_link_that_is_not_ours_says_so_and_changes_nothing(client: TestClient, sign_ups: SignUpHarness):
    token, number = sign_ups.token(Purpose.PREFERENCES, ADA), sign_ups.asked(ADA)[-1]
    forged = TokenSigner(b"the key of some other app").mint(Purpose.PREFERENCES, number)
    before = sign_ups.dump()
    for other in (forged, token[:-1], token + "A", sign_ups.token(Purpose.UNSUBSCRIBE, ADA)):
        for step in ("", "/unsubscribe", "/data", "/erase"):
            answer = client.post(f"/preferences/{other}{step}", data={"sure": "yes", "email": ADA})
            assert (answer.status_code, title_of(answer)) == (404, "This link does not work")
    assert sign_ups.dump() == before


def test_links_work_for_as_long_as_the_mail_is_kept(sign_ups: SignUpHarness):
    with visiting(sign_ups.later(timedelta(days=3000))) as client:
        assert client.get(link(sign_ups)).status_code == 200
        assert (
            client.post(link(sign_ups, Purpose.UNSUBSCRIBE), data={"List-Unsubscribe": "One-Click"}).status_code == 200
        )
    assert sign_ups.places(ADA) == {"weekly": UNSUBSCRIBED}
