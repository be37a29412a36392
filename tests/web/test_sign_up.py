"""The sign-up form: with or without JavaScript, on our pages and on others, and against abuse."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import altcha
import httpx
import pytest
from lxml import html
from redis import Redis
from starlette.testclient import TestClient

from distributor.domain.consent import CONFIRMATIONS_APART, CONFIRMATIONS_PER_DAY, ConsentAction
from distributor.domain.subscriber import ListVisibility, Membership, OptIn
from distributor.domain.suppression import SuppressionReason
from distributor.flow import consent_texts
from distributor.flow.app_context import AppContext
from distributor.storage import lists
from distributor.storage.database import Database
from distributor.web.app import create_app, serving
from distributor.web.config import WebConfig
from tests.flow.subscriptions.sign_up_harness import SignUpHarness, make_sign_up_harness

from .sign_ups import ADA, AT_ONCE, errors_of, notice_of, press, title_of

PENDING, SUBSCRIBED = Membership.PENDING, Membership.SUBSCRIBED
FORMS = ["/subscribe", "/subscribe/weekly", "/subscribe/weekly/embed"]


@pytest.fixture
def sign_ups(app: AppContext) -> SignUpHarness:
    made = make_sign_up_harness(app)
    made.add_list("weekly", topics=("boats", "trains"), description="The best of the week.")
    made.add_list("daily")
    made.add_list("secret", visibility=ListVisibility.PRIVATE)
    return made


@pytest.fixture
def client(sign_ups: SignUpHarness) -> Iterator[TestClient]:
    with visiting(sign_ups) as client:
        yield client


def visiting(sign_ups: SignUpHarness, rules: WebConfig = AT_ONCE, **changed: Any) -> TestClient:
    app = replace(sign_ups.app, **changed)
    return TestClient(create_app(app, rules), follow_redirects=False, raise_server_exceptions=False)


def post(client: TestClient, address: str = ADA, path: str = "/subscribe", **fields: object) -> httpx.Response:
    response: httpx.Response = client.post(path, data={"list": "weekly", "email": address, **fields})
    return response


def test_the_form_shows_every_public_list_and_no_other(client: TestClient):
    page = html.document_fromstring(client.get("/subscribe").text)
    assert page.xpath("//input[@name='list']/@value") == ["daily", "weekly"]
    assert "secret" not in page.text_content()


def test_who_fills_it_in_is_asked_by_mail(client: TestClient, sign_ups: SignUpHarness):
    page = client.get("/subscribe")
    answer = press(client, page, "Subscribe", list=["weekly"], email="  Ada@example.org ", name="Ada", language="de")
    assert (answer.status_code, title_of(answer)) == (200, "Please check your mailbox")
    person = sign_ups.person(ADA)
    assert person is not None
    assert (person.email, person.name, person.language) == ("Ada@example.org", "Ada", "de")
    assert sign_ups.places(ADA) == {"weekly": PENDING}
    assert len(sign_ups.asked()) == 1


def test_topics_are_chosen_with_the_list(client: TestClient, sign_ups: SignUpHarness):
    press(client, client.get("/subscribe/weekly"), "Subscribe", email=ADA, **{"topic:weekly": ["trains", "planes"]})
    assert sign_ups.subscriptions(ADA)["weekly"].topics == ("trains",)


def test_what_is_kept_as_evidence_is_what_the_page_says(client: TestClient, sign_ups: SignUpHarness):
    page = client.get("/subscribe")
    press(client, page, "Subscribe", list=["weekly"], email=ADA)
    [record] = sign_ups.consents(ADA)
    label, _, promise = record.text.partition("\n\n")
    text = " ".join(html.document_fromstring(page.text).text_content().split())
    assert promise in text
    assert all(part in text for part in label.split(": "))
    assert promise == consent_texts.sign_up_statement(sign_ups.app.templates.words_in("en"), sign_ups.app.site)


def test_the_page_says_when_and_how_often_the_mail_comes_again(client: TestClient):
    minutes = CONFIRMATIONS_APART // timedelta(minutes=1)
    text = " ".join(html.document_fromstring(post(client).text).text_content().split())
    assert (
        f"{minutes} minutes after the last mail we send another one, up to {CONFIRMATIONS_PER_DAY} in 24 hours" in text
    )
    assert "check your spam folder" in text
    # The words of some languages fit these numbers only.
    assert {minutes, CONFIRMATIONS_PER_DAY} <= set(range(3, 11))


@pytest.mark.parametrize("path", FORMS)
def test_one_list_has_a_form_of_its_own(client: TestClient, sign_ups: SignUpHarness, path: str):
    answer = press(client, client.get(path), "Subscribe", email=ADA, list=["weekly"])
    assert title_of(answer) == "Please check your mailbox"
    assert sign_ups.places(ADA) == {"weekly": PENDING}


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("path", ["/subscribe/{}", "/subscribe/{}/embed"])
def test_a_private_list_has_a_form_no_more_than_one_that_there_is_not(client: TestClient, method: str, path: str):
    private, unknown = (client.request(method, path.format(slug), data={"email": ADA}) for slug in ("secret", "none"))
    assert (private.status_code, unknown.status_code) == (404, 404)
    assert private.text == unknown.text


@pytest.mark.parametrize("slug", ["secret", "none", "weekly secret", "x" * 5000])
def test_a_private_list_cannot_be_posted_to_either(client: TestClient, sign_ups: SignUpHarness, slug: str):
    before = sign_ups.dump()
    answer = post(client, list=["weekly", slug])
    assert answer.status_code == 422
    assert errors_of(answer) == {"list": "One of the lists is not open to subscribers any more. Please choose again."}
    assert sign_ups.dump() == before


def test_no_list_to_subscribe_to_is_shown(client: TestClient, sign_ups: SignUpHarness, app: AppContext):
    with app.database.begin() as connection:
        for slug in ("weekly", "daily"):
            lists.change(connection, slug, {"visibility": ListVisibility.PRIVATE})
    assert "There are no lists to subscribe to right now." in client.get("/subscribe").text
    assert post(client).status_code == 422


def test_only_the_embedded_form_may_be_framed(client: TestClient):
    for path in FORMS:
        for answer in (client.get(path), client.post(path), post(client, path=path)):
            policy = answer.headers["content-security-policy"]
            ancestors = "*" if path.endswith("/embed") else "'none'"
            assert f"frame-ancestors {ancestors}" in policy.split("; ")
            assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in client.get("/").headers["content-security-policy"]


def known_people(sign_ups: SignUpHarness) -> list[str]:
    """One address of each kind of acquaintance."""
    sign_ups.subscribed("subscribed@example.org", name="Sue Subscribed", language="fr")
    sign_ups.sign_up("pending@example.org", "weekly", "daily")
    sign_ups.subscribed("elsewhere@example.org", "daily")
    sign_ups.subscribed("complained@example.org", "daily")
    sign_ups.suppress("complained@example.org", SuppressionReason.COMPLAINT)
    sign_ups.suppress("bounced@example.org", SuppressionReason.HARD_BOUNCE)
    sign_ups.suppress("imported@example.org", SuppressionReason.IMPORTED)
    sign_ups.suppress("erased@example.org", SuppressionReason.ERASED)
    sign_ups.suppress("@blocked.example", SuppressionReason.MANUAL)
    names = ("subscribed", "pending", "elsewhere", "complained", "bounced", "imported", "erased", "unknown")
    return [*(f"{name}@example.org" for name in names), "somebody@blocked.example"]


@pytest.mark.parametrize("opt_in", OptIn)
def test_everyone_gets_the_same_answer(client: TestClient, sign_ups: SignUpHarness, opt_in: OptIn):
    sign_ups.add_list("other", opt_in=opt_in)
    answers = set()
    for address in known_people(sign_ups):
        for chosen in (["weekly"], ["other"], ["weekly", "other"]):
            answer = post(client, address, list=chosen)
            headers = tuple(sorted(answer.headers.items()))
            body = re.sub(r"[a-z]+@[a-z.]+", "ADDRESS", answer.text)
            headers = tuple(pair for pair in headers if pair[0] != "content-length")
            answers.add((tuple(chosen), answer.status_code, headers, body))
    assert len(answers) == 3
    assert {status for _, status, _, _ in answers} == {200}


def test_no_answer_leaves_early(sign_ups: SignUpHarness):
    """By the clock an answer that needs little work looks like one that needs much: none leaves before its time."""
    floor = timedelta(milliseconds=300)
    people = known_people(sign_ups)
    with visiting(sign_ups, WebConfig(answer_after=floor)) as client:
        for address in people:
            assert post(client, address).elapsed >= floor


@pytest.mark.parametrize(
    ("fields", "field", "sentence"),
    [
        ({"email": ""}, "email", "Please enter your email address."),
        ({"email": "nobody"}, "email", "This is not an email address: there is no @ in it."),
        ({"email": "a@b@example.org"}, "email", "This is not an email address such as"),
        ({"email": "a b@example.org"}, "email", "This is not an email address: there is a space"),
        ({"email": "a@example.org\r\nBcc: b@example.org"}, "email", "This is not an email address"),
        ({"email": "x" * 3000}, "email", "This is not an email address: there is no @"),
        ({"name": "<b>Ada</b>"}, "name", "Please write the name without the characters < and >"),
        ({"name": "x" * 201}, "name", "Please shorten the name: it may have up to 200 characters."),
        (
            {"name": "Ada\u202eevil"},
            "name",
            "Please write the name without the characters < and > and without invisible ones.",
        ),
        ({"language": "xx"}, "language", "Please choose one of the languages."),
        ({"list": ""}, "list", "Please choose at least one list."),
    ],
)
def test_what_is_wrong_is_shown_at_its_field_and_nothing_is_kept(
    client: TestClient, sign_ups: SignUpHarness, fields: dict[str, str], field: str, sentence: str
):
    before = sign_ups.dump()
    answer = post(client, **{"name": "Ada", **fields})
    assert answer.status_code == 422
    [(found, message)] = errors_of(answer).items()
    assert found == field
    assert message.startswith(sentence)
    assert sign_ups.dump() == before


def test_what_was_typed_is_still_there(client: TestClient):
    answer = post(client, "nobody", name='"Ada" & co', language="it", **{"topic:weekly": "trains"})
    page = html.document_fromstring(answer.text)
    assert page.xpath("//input[@name='email']/@value") == ["nobody"]
    assert page.xpath("//input[@name='name']/@value") == ['"Ada" & co']
    assert page.xpath("//select[@name='language']/option[@selected]/@value") == ["it"]
    assert page.xpath("//input[@checked]/@value") == ["weekly", "trains"]
    assert page.xpath("//input[@name='email']/@aria-describedby") == ["email-error"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"data": {}}, 422),
        ({"json": {"email": ADA}}, 422),
        (
            {
                "content": b"list=weekly&email=%ff%fe%40example.org",
                "headers": {"Content-Type": "application/x-www-form-urlencoded"},
            },
            400,
        ),
        (
            {
                "content": b"list=weekly%00&email=a@example.org",
                "headers": {"Content-Type": "application/x-www-form-urlencoded"},
            },
            400,
        ),
        ({"content": b"--x", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 422),
        ({"content": b"junk", "headers": {"Content-Type": "multipart/form-data"}}, 400),
        ({"files": {"email": ("a.txt", b"a@example.org")}}, 400),
        ({"data": {f"field{number}": "x" for number in range(1001)}}, 400),
        ({"data": {"email": ADA, "list": "weekly", "more": "x" * 100_000}}, 413),
    ],
)
def test_what_is_no_form_of_ours_is_refused_and_changes_nothing(
    client: TestClient, sign_ups: SignUpHarness, body: dict[str, object], status: int
):
    before = sign_ups.dump()
    for path in FORMS:
        answer = client.post(path, **body)
        assert answer.status_code == status
        assert "Traceback" not in answer.text
    assert sign_ups.dump() == before


def test_other_methods_are_refused(client: TestClient):
    for path in FORMS:
        assert [client.request(method, path).status_code for method in ("PUT", "DELETE", "PATCH")] == [405] * 3


def test_to_look_at_the_form_changes_nothing(client: TestClient, sign_ups: SignUpHarness):
    before = sign_ups.dump()
    for path in FORMS:
        for method in ("GET", "HEAD", "GET"):
            answer = client.request(method, f"{path}?email={ADA}&list=weekly")
            assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
            assert "set-cookie" not in answer.headers
    assert sign_ups.dump() == before


def test_a_form_on_another_site_may_post_here_and_is_noted(client: TestClient, sign_ups: SignUpHarness):
    origin = {"Origin": "https://blog.example"}
    answer = client.post("/subscribe", data={"list": "weekly", "email": ADA}, headers=origin)
    assert answer.status_code == 200
    [record] = sign_ups.consents(ADA)
    assert record.detail == {"page": "https://blog.example"}


@pytest.mark.parametrize(
    "origin", ["null", "http://gazette.example", "http://testserver", "javascript:x", "http://a b"]
)
def test_our_own_pages_and_nonsense_are_not_noted(client: TestClient, sign_ups: SignUpHarness, origin: str):
    client.post("/subscribe", data={"list": "weekly", "email": ADA}, headers={"Origin": origin})
    [record] = sign_ups.consents(ADA)
    assert record.detail == {}


def test_a_program_that_fills_in_what_no_one_sees_is_thanked_and_forgotten(client: TestClient, sign_ups: SignUpHarness):
    before = sign_ups.dump()
    honest, trapped = post(client, "bo@example.org"), post(client, website="http://pills.example")
    assert trapped.text == honest.text.replace("bo@example.org", ADA)
    assert sign_ups.dump() != before
    assert sign_ups.person(ADA) is None


def test_of_mass_sign_ups_from_one_network_only_the_first_pass(sign_ups: SignUpHarness):
    with visiting(sign_ups, replace(AT_ONCE, sign_ups_per_network=5)) as client, ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda number: post(client, f"victim{number}@example.org"), range(20)))
    refused = [answer for answer in answers if answer.status_code == 429]
    assert [answer.status_code for answer in answers].count(200) == 5
    assert len(refused) == 15
    assert len(sign_ups.asked()) == 5
    assert sum(sign_ups.person(f"victim{number}@example.org") is not None for number in range(20)) == 5
    for answer in refused:
        assert 0 < int(answer.headers["retry-after"]) <= 3601
        assert "There were too many sign-ups from your network. Please try again in " in notice_of(answer)


def test_sign_ups_for_one_address_come_to_an_end_known_or_not(sign_ups: SignUpHarness):
    sign_ups.subscribed(ADA, "daily")
    with visiting(sign_ups, replace(AT_ONCE, sign_ups_per_address=2)) as client:
        for address in (ADA, "bo@example.org"):
            spellings = (address, address.upper(), address, address)
            assert [post(client, spelling).status_code for spelling in spellings] == [200, 200, 429, 429]
    assert len(sign_ups.asked()) == 2


def test_one_list_takes_only_so_many_in_an_hour(sign_ups: SignUpHarness):
    with visiting(sign_ups, replace(AT_ONCE, sign_ups_per_list=2)) as client:
        statuses = [post(client, f"a{number}@example.org").status_code for number in range(3)]
        other = post(client, "b@example.org", list="daily").status_code
    assert (statuses, other) == ([200, 200, 429], 200)


def test_a_faulty_form_counts_for_nothing(sign_ups: SignUpHarness):
    with visiting(sign_ups, replace(AT_ONCE, sign_ups_per_network=1)) as client:
        for _ in range(3):
            assert post(client, "nobody").status_code == 422
        assert post(client).status_code == 200


def test_a_stranger_is_no_proxy(sign_ups: SignUpHarness):
    """Anyone who writes X-Forwarded-For and is not trusted is counted as who they are."""
    rules = replace(AT_ONCE, sign_ups_per_network=2, trusted_proxies="203.0.113.1")
    assert statuses_behind(sign_ups, rules) == [200, 200, 429]


def test_behind_a_trusted_proxy_everyone_is_counted_for_themselves(sign_ups: SignUpHarness):
    rules = replace(AT_ONCE, sign_ups_per_network=2, trusted_proxies="127.0.0.1")
    assert statuses_behind(sign_ups, rules) == [200, 200, 200]
    assert [record.ip_address for record in sign_ups.consents("a1@example.org")] == ["198.51.1.7"]


def statuses_behind(sign_ups: SignUpHarness, rules: WebConfig) -> list[int]:
    with serving(sign_ups.app, rules) as address:
        return [
            httpx.post(
                f"{address}/subscribe",
                data={"list": "weekly", "email": f"a{number}@example.org"},
                headers={"X-Forwarded-For": f"198.51.{number}.7"},
            ).status_code
            for number in range(3)
        ]


def test_without_redis_nothing_is_done_and_that_is_reported(sign_ups: SignUpHarness, gone_redis: Redis):
    before = sign_ups.dump()
    with visiting(sign_ups, connect_redis=lambda: gone_redis) as client:
        answer = post(client)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "60")
    assert "Please try again in a minute." in answer.text
    assert sign_ups.dump() == before


def test_without_postgresql_that_is_reported(sign_ups: SignUpHarness):
    with visiting(sign_ups, database=Database("postgresql://nobody@127.0.0.1:1/nothing")) as client:
        assert (client.get("/subscribe").status_code, post(client).status_code) == (503, 503)


def test_without_a_channel_that_can_ask_no_one_is_promised_a_mail(app: AppContext):
    sign_ups = SignUpHarness(app)
    sign_ups.add_list("weekly")
    before = sign_ups.dump()
    with visiting(sign_ups) as client:
        assert post(client).status_code == 503
    assert sign_ups.dump() == before


COSTLY = replace(AT_ONCE, challenge_cost=10)


def solution_of(page: httpx.Response) -> str:
    [challenge_json] = html.document_fromstring(page.text).xpath("//form/@data-challenge")
    challenge = altcha.Challenge.from_dict(json.loads(challenge_json))
    solution = altcha.solve_challenge(challenge)
    assert solution is not None
    return altcha.Payload(challenge, solution).to_base64()


def test_with_a_challenge_who_has_solved_it_may_sign_up_once(sign_ups: SignUpHarness):
    with visiting(sign_ups, COSTLY) as client:
        page = client.get("/subscribe/weekly")
        solution = solution_of(page)
        assert press(client, page, "Subscribe", email=ADA, altcha=solution).status_code == 200
        again = press(client, page, "Subscribe", email="bo@example.org", altcha=solution)
    assert again.status_code == 422
    assert sign_ups.actions(ADA) == [ConsentAction.REQUESTED]
    assert sign_ups.person("bo@example.org") is None


@pytest.mark.parametrize("solution", ["", "x", "e30=", "x" * 10_000])
def test_who_has_not_solved_it_is_given_another_one_and_keeps_what_they_typed(sign_ups: SignUpHarness, solution: str):
    before = sign_ups.dump()
    with visiting(sign_ups, COSTLY) as client:
        answer = post(client, altcha=solution)
        assert answer.status_code == 422
        assert "could not check that you are not a robot" in notice_of(answer)
        assert sign_ups.dump() == before
        assert press(client, answer, "Subscribe", altcha=solution_of(answer)).status_code == 200


def test_a_form_that_is_wrong_uses_no_solution_up(sign_ups: SignUpHarness):
    with visiting(sign_ups, COSTLY) as client:
        solution = solution_of(client.get("/subscribe"))
        assert post(client, "nobody", altcha=solution).status_code == 422
        assert post(client, altcha=solution).status_code == 200


def test_the_solver_is_ours_and_runs_only_where_it_is_needed(sign_ups: SignUpHarness, client: TestClient):
    assert "script" not in client.get("/subscribe").text
    assert "script-src" not in client.get("/subscribe").headers["content-security-policy"]
    with visiting(sign_ups, COSTLY) as careful:
        page = careful.get("/subscribe")
        [source] = html.document_fromstring(page.text).xpath("//script/@src")
        script = careful.get(source)
    assert "script-src 'self'" in page.headers["content-security-policy"]
    assert page.text.count("<script") == 1
    assert "<noscript>" in page.text
    assert (script.status_code, script.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
    assert "immutable" in script.headers["cache-control"]
