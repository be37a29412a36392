"""Signing in and out: who gets in, what is said to others, and what a session is worth."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import lxml.html
import pytest
from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from distributor.channels.api import Site
from distributor.domain.errors import ServiceError
from distributor.domain.user import SESSION_IDLE, SESSION_LIFETIME, Role
from distributor.flow.team import accounts, passwords, sign_in
from distributor.flow.team.links import first_owner_link
from distributor.storage import user_sessions, users

from .conftest import OPERATOR, PASSWORD, MakeTeam, Team

WRONG = "The address or the password is not right"


def test_the_first_owner_is_made_by_a_link_that_works_once(team: Team):
    link = urlsplit(first_owner_link(team.app)).path
    browser = team.browser()
    assert "You are the first here" in browser.get(link).text
    form = {"email": "ada@example.org", "name": "Ada", "password": PASSWORD, "password_again": PASSWORD}
    response = browser.post(link, form)
    assert (response.status_code, response.headers["location"]) == (303, "/app/setup")
    assert "Hello, Ada" in browser.get("/app").text
    assert first_owner_link(team.app) == ""
    again = team.browser().post(link, {**form, "email": "eve@example.org"})
    assert again.status_code == 404
    assert "This link does not work" in again.text
    with team.app.database.begin() as connection:
        assert [(one.email, one.role) for one in users.all_users(connection)] == [("ada@example.org", Role.OWNER)]


def test_the_link_of_the_first_owner_lasts_a_day_and_ends_with_the_first_owner(team: Team):
    late, other = (urlsplit(first_owner_link(team.app)).path for _ in range(2))
    team.clock.advance(hours=23)
    assert team.browser().get(late).status_code == 200
    team.clock.advance(hours=2)
    assert team.browser().get(late).status_code == 404
    fresh = urlsplit(first_owner_link(team.app)).path
    assert team.browser().get(fresh).status_code == 200
    team.user(Role.OWNER)
    assert team.browser().get(fresh).status_code == 404
    assert team.browser().get(other).status_code == 404


def test_to_look_at_a_link_does_not_use_it_up(team: Team):
    link = urlsplit(first_owner_link(team.app)).path
    for _ in range(3):
        assert team.browser().get(link).status_code == 200
    assert team.browser().client.head(link).status_code == 200


@pytest.mark.parametrize(
    ("password", "again", "sentence"),
    [
        ("short", "short", "at least 12 characters"),
        ("password1234", "password1234", "among the first"),
        ("aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa", "among the first"),
        ("ada@example.org", "ada@example.org", "everyone knows"),
        ("TheTestGazette", "TheTestGazette", "everyone knows"),
        ("Ada Lovelace 12", "Ada Lovelace 12", "everyone knows"),
        (PASSWORD, PASSWORD + " ", "not the same"),
        ("x" * 201, "x" * 201, "at most 200"),
    ],
)
def test_a_weak_password_is_refused_and_the_link_still_works(team: Team, password: str, again: str, sentence: str):
    link = urlsplit(first_owner_link(team.app)).path
    form = {"email": "ada@example.org", "name": "Ada Lovelace", "password": password, "password_again": again}
    refused = team.browser().post(link, form)
    assert refused.status_code == 422
    assert sentence in refused.text
    assert password not in refused.text or password in ("short", "ada@example.org")
    good = {**form, "password": PASSWORD, "password_again": PASSWORD}
    assert team.browser().post(link, good).status_code == 303


def test_a_password_is_the_same_on_every_keyboard_and_its_blanks_count(team: Team):
    link = urlsplit(first_owner_link(team.app)).path
    composed, decomposed = " caf\u00e9 sur la place ", " cafe\u0301 sur la place "
    form = {"email": "ada@example.org", "password": composed, "password_again": composed}
    assert team.browser().post(link, form).status_code == 303
    assert team.browser().sign_in("ada@example.org", decomposed).status_code == 303
    assert team.browser().sign_in("ada@example.org", decomposed.strip()).status_code == 422


@pytest.mark.parametrize("typed", ["owner@example.org", " OWNER@Example.ORG "])
def test_an_address_is_accepted_in_any_spelling(team: Team, typed: str):
    team.user()
    assert team.browser().sign_in(typed).status_code == 303


def test_unknown_addresses_wrong_passwords_and_closed_accounts_get_one_answer_after_one_hash(
    team: Team, monkeypatch: pytest.MonkeyPatch
):
    team.user()
    team.user(Role.VIEWER, has_password=False)
    gone = team.user(Role.EDITOR)
    accounts.disable(team.app, gone.id, actor=OPERATOR)
    verified: list[str] = []
    original = passwords.verify_password

    def counted(password: str, stored: str) -> tuple[bool, str]:
        verified.append(stored)
        return original(password, stored)

    monkeypatch.setattr(sign_in, "verify_password", counted)
    answers = [
        team.browser().sign_in("nobody@example.org"),
        team.browser().sign_in("not an address"),
        team.browser().sign_in("owner@example.org", "wrong password"),
        team.browser().sign_in("viewer@example.org"),
        team.browser().sign_in(gone.email),
    ]
    assert len(verified) == len(answers)
    assert {answer.status_code for answer in answers} == {422}
    assert all(WRONG in answer.text and "set-cookie" not in answer.headers for answer in answers)
    assert len({answer.text.replace(typed, "") for answer, typed in zip(answers, TYPED, strict=True)}) == 1


TYPED = ("nobody@example.org", "not an address", "owner@example.org", "viewer@example.org", "editor@example.org")


def test_a_browser_that_was_given_a_session_before_the_sign_in_gets_another(team: Team):
    owner = team.user()
    browser = team.browser()
    browser.client.cookies.set("distributor_session", "chosen by an attacker")
    assert browser.sign_in(owner.email).status_code == 303
    first = browser.client.cookies.get("distributor_session", domain="testserver.local")
    assert first not in (None, "chosen by an attacker")
    assert browser.sign_in(owner.email).status_code == 303
    second = browser.client.cookies.get("distributor_session", domain="testserver.local")
    assert second != first
    stranger = team.browser()
    stranger.client.cookies.set("distributor_session", str(first))
    assert stranger.get("/app").status_code == 303


def test_a_token_is_stored_nowhere_and_its_cookie_is_out_of_reach_of_scripts(team: Team):
    owner = team.user()
    browser = team.browser()
    response = browser.sign_in(owner.email)
    (cookie,) = response.headers.get_list("set-cookie")
    assert cookie.startswith("distributor_session=")
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    with team.app.database.begin() as connection:
        found = user_sessions.find(connection, browser.token, now=team.clock())
        assert found is not None
        stored = connection.exec_driver_sql("SELECT * FROM user_sessions").one()
    assert browser.token not in str(stored)


def test_under_https_the_cookie_is_secure_and_bound_to_the_host(make_team: MakeTeam, app: Any):
    site = Site(name="The Gazette", public_url="https://gazette.example", postal_address="", sender="a@example.org")
    team = make_team(configured_site=site)
    owner = team.user()
    browser = team.browser(base_url="https://gazette.example")
    cookie = browser.sign_in(owner.email).headers["set-cookie"]
    assert cookie.startswith("__Host-distributor_session=")
    assert {"Secure", "HttpOnly", "Path=/"} <= set(cookie.split("; "))
    assert "Domain" not in cookie
    assert browser.get("/app").status_code == 200


def test_a_session_ends_when_it_is_not_used_and_after_a_while_in_any_case(team: Team):
    owner = team.user()
    idle, busy = team.signed_in(owner), team.signed_in(owner)
    ends = team.clock() + SESSION_LIFETIME
    while team.clock() + SESSION_IDLE / 2 < ends:
        team.clock.advance(seconds=(SESSION_IDLE / 2).total_seconds())
        assert busy.get("/app").status_code == 200
    assert idle.get("/app").status_code == 303
    team.clock.now = ends + timedelta(seconds=1)
    assert busy.get("/app").status_code == 303


def test_who_signs_out_is_out_at_once_and_the_token_is_worth_nothing(team: Team):
    browser = team.signed_in(team.user())
    token = browser.token
    response = browser.post("/app/sign-out")
    assert response.headers["location"] == "/app/sign-in"
    thief = team.browser()
    thief.client.cookies.set("distributor_session", token)
    assert thief.get("/app").status_code == 303
    assert team.log()[-1] == ("user:owner@example.org", "signed out", "owner@example.org")


def test_an_account_is_guarded_by_a_limit_that_a_right_password_does_not_pass_either(team: Team):
    owner = team.user()
    assert [team.browser().sign_in(owner.email, "wrong").status_code for _ in range(10)] == [422] * 10
    limited = team.browser().sign_in(owner.email)
    assert limited.status_code == 429
    assert "too many attempts" in limited.text
    assert int(limited.headers["retry-after"]) > 60
    assert team.browser().sign_in("someone@example.org").status_code == 422
    for key in team.app.redis.scan_iter("distributor:rate:*"):
        # What Redis does by itself when the time has come.
        team.app.redis.pexpire(key, 0)
    assert team.browser().sign_in(owner.email).status_code == 303


def test_a_network_is_limited_across_accounts(team: Team):
    tried = [team.browser().sign_in(f"user{number}@example.org", "wrong").status_code for number in range(51)]
    assert set(tried[:50]) == {422}
    assert tried[50] == 429


def test_without_redis_nobody_signs_in_and_the_page_says_so(make_team: MakeTeam, gone_redis: Any):
    team = make_team(connect_redis=lambda: gone_redis)
    owner = team.user()
    response = team.browser().sign_in(owner.email)
    assert response.status_code == 503
    assert "not possible right now" in response.text


def test_without_the_database_a_page_in_words_is_shown(team: Team, monkeypatch: pytest.MonkeyPatch):
    browser = team.signed_in(team.user())

    def unavailable(*_: object, **__: object) -> None:
        raise ServiceError("PostgreSQL does not answer")

    monkeypatch.setattr(user_sessions, "find", unavailable)
    response = browser.get("/app/users")
    assert response.status_code == 503
    assert "Not available right now" in response.text
    assert "PostgreSQL" not in response.text


def test_a_hash_with_older_parameters_is_renewed_by_the_next_sign_in(team: Team, monkeypatch: pytest.MonkeyPatch):
    # With the service's own parameters.
    monkeypatch.undo()
    owner = team.user()
    weaker = PasswordHash((Argon2Hasher(time_cost=1, memory_cost=1024, parallelism=1),))
    with team.app.database.begin() as connection:
        users.change(connection, owner.id, {"password_hash": weaker.hash(PASSWORD)})
    assert team.browser().sign_in(owner.email).status_code == 303
    with team.app.database.begin() as connection:
        assert "m=19456,t=2,p=1" in users.password_hash(connection, owner.id)
    assert team.browser().sign_in(owner.email).status_code == 303


def test_the_front_page_leads_the_signed_in_to_the_app_and_shows_others_a_quiet_link(team: Team):
    stranger = team.browser().get("/")
    assert "/app/sign-in" in stranger.text
    assert "Cookie" in stranger.headers["vary"]
    browser = team.signed_in(team.user())
    response = browser.get("/")
    assert (response.status_code, response.headers["location"]) == (303, "/app")
    assert response.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    "target",
    [
        "https://evil.example/app",
        "//evil.example/app",
        "/\\evil.example",
        "/app/../..//evil.example",
        "\t//evil.example",
        "javascript:alert(1)",
        "/app\\@evil.example",
        "/apple",
        "/subscribe",
        "http:/app",
        "/app/sign-out",
        "/app/\r\nSet-Cookie: a=b",
        "/app/" + "x" * 3000,
        "//[",
    ],
)
def test_no_address_leads_to_another_site_after_the_sign_in(team: Team, target: str):
    owner = team.user()
    page = team.browser().get("/app/sign-in", params={"next": target})
    assert 'name="next" value="/app"' in page.text
    assert team.browser().sign_in(owner.email, next=target).headers["location"] == "/app"
    assert team.signed_in(owner).get("/app/sign-in", params={"next": target}).headers["location"] == "/app"


def test_who_is_not_signed_in_comes_back_to_the_page_after_the_sign_in(team: Team):
    owner = team.user()
    browser = team.browser()
    led = browser.get("/app/audit-log?before=12")
    assert led.status_code == 303
    assert led.headers["location"] == "/app/sign-in?next=%2Fapp%2Faudit-log%3Fbefore%3D12"
    page = browser.page(led.headers["location"])
    (target,) = page.xpath("//input[@name='next']/@value")
    assert browser.sign_in(owner.email, next=target).headers["location"] == "/app/audit-log?before=12"


def test_parts_of_pages_and_programs_get_401_instead_of_a_page(team: Team):
    for headers in ({"HX-Request": "true"}, {"Accept": "application/json"}):
        response = team.browser().get("/app/users", headers=headers)
        assert response.status_code == 401
        assert response.headers["hx-redirect"] == "/app/sign-in"


def test_what_was_typed_into_a_form_survives_the_end_of_the_session(team: Team):
    owner = team.user()
    browser = team.signed_in(owner)
    team.clock.advance(days=4)
    typed = {
        "name": 'Ada "<b>&" Lovelace',
        "password": "never shown",
        "current_password": "never shown",
        "api_token": "never shown",
    }
    ended = browser.post("/app/account/profile", typed)
    assert ended.status_code == 401
    assert "never shown" not in ended.text
    assert "What you typed is kept" in ended.text
    form = dict(_hidden(ended.text))
    assert form == {"next": "/app", "resume": "/app/account/profile", "keep:name": typed["name"]}
    failed = browser.sign_in(owner.email, "wrong", **form)
    assert dict(_hidden(failed.text)) == form
    shown = browser.sign_in(owner.email, **form)
    assert shown.status_code == 200
    assert "nothing has been changed yet" in shown.text
    assert "<b>" not in shown.text
    assert team.reload(owner).name == ""
    assert dict(_hidden(shown.text)) == {"name": typed["name"]}
    assert browser.post("/app/account/profile", dict(_hidden(shown.text))).status_code == 303
    assert team.reload(owner).name == typed["name"]


@pytest.mark.parametrize("path", ["https://evil.example/", "//evil.example", "/subscribe", "/app/../subscribe"])
def test_a_kept_form_is_sent_to_our_pages_only(team: Team, path: str):
    owner = team.user()
    response = team.browser().sign_in(owner.email, resume=path, **{"keep:name": "x"})
    assert (response.status_code, response.headers["location"]) == (303, "/app")


def _hidden(text: str) -> list[tuple[str, str]]:
    page = lxml.html.fromstring(text)
    return [(field.get("name"), field.get("value")) for field in page.xpath("//input[@type='hidden']")]
