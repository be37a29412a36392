"""Who may open what: every role on every route, and requests that do not come from our pages."""

from __future__ import annotations

import re

import lxml.html
import pytest
from fastapi.routing import APIRoute
from starlette.routing import Mount, Route

from distributor.channels.api import Site
from distributor.domain.user import ROLE_PERMISSIONS, Permission, Role
from distributor.web.app import create_app
from distributor.web.config import DEFAULT_CONFIG
from distributor.web.team.access import ANYONE, TeamRoute
from distributor.web.team.app import TeamApp

from .conftest import PASSWORD, SAME_ORIGIN, Browser, MakeTeam, Team

SAFE = ("GET", "HEAD")


def declared(team: Team) -> tuple[TeamRoute, ...]:
    return TeamApp(team.app, DEFAULT_CONFIG).declared


def path_of(route: TeamRoute) -> str:
    """A path that matches, of things that are not there: whoever is let through finds nothing."""
    filled = re.sub(r"\{[^}]*\}", "999", route.path)
    return f"/app{filled}".rstrip("/") or "/app"


def send(browser: Browser, route: TeamRoute) -> int:
    headers = {} if route.method in SAFE else SAME_ORIGIN
    return int(browser.client.request(route.method, path_of(route), headers=headers).status_code)


@pytest.mark.parametrize("role", Role)
def test_a_role_opens_the_routes_that_the_table_gives_it_and_no_other(team: Team, role: Role):
    team.user(Role.OWNER, "keeper@example.org")
    user = team.user(role)
    routes = declared(team)
    assert len(routes) > 20
    for route in routes:
        # Signed in anew each time: some of the routes end the session.
        browser = team.signed_in(user)
        team.app.redis.flushall()
        status = send(browser, route)
        is_allowed = route.permission is ANYONE or route.permission in ROLE_PERMISSIONS[role]
        assert (status != 403) == is_allowed, f"{role} at {route.method} {route.path}: {status}"
        assert status < 500
        assert (team.reload(user).role, team.reload(user).disabled_at) == (role, None)


def test_without_a_session_only_the_declared_routes_answer(team: Team):
    for route in declared(team):
        browser = team.browser()
        status = send(browser, route)
        if route.permission is ANYONE:
            assert status in (200, 404, 422), (route, status)
        elif route.method in SAFE:
            assert status == 303, route
        else:
            assert status == 401, route


def test_whoever_may_do_nothing_else_is_refused_everything_that_changes_something(team: Team):
    changing = {
        route.path: route.permission
        for route in declared(team)
        if route.method not in SAFE and route.permission not in (ANYONE, Permission.ACCOUNT)
    }
    assert {"/users", "/users/{user_id}/role", "/campaigns/new"} <= changing.keys()
    assert {path for path, needed in changing.items() if needed in ROLE_PERMISSIONS[Role.VIEWER]} == set()
    assert not any(permission.value.endswith((":write", ":approve")) for permission in ROLE_PERMISSIONS[Role.VIEWER])


def test_a_route_cannot_be_made_without_a_declaration(team: Team):
    with pytest.raises(TypeError, match="permission"):
        TeamRoute("GET", "/secret", lambda _: None)  # type: ignore[call-arg,arg-type,return-value]


def test_every_route_below_the_path_of_the_app_is_a_declared_one(team: Team):
    known = {(route.method, route.path) for route in declared(team)}
    routes = [route for one in create_app(team.app).routes if isinstance(one, Mount) for route in one.routes or ()]
    served = {
        (method, route.path)
        for route in routes
        if isinstance(route, Route) and not isinstance(route, APIRoute)
        for method in route.methods or ()
        if method != "HEAD"
    }
    assert served == known


def test_who_is_denied_reads_why_and_who_can_help_and_it_is_recorded(team: Team):
    team.user(Role.OWNER, name="Ada Owner")
    viewer = team.user(Role.VIEWER)
    page = team.signed_in(viewer).get("/app/users")
    assert page.status_code == 403
    assert "Your role, Viewer, does not allow this" in page.text
    assert "Ada Owner" in page.text
    assert "owner@example.org" in page.text
    assert team.log()[-1] == ("user:viewer@example.org", "denied", "GET /users")


# A request of each kind, and whether it may come from a page of ours.
ORIGINS = [
    ({"Sec-Fetch-Site": "same-origin"}, True),
    ({"Sec-Fetch-Site": "none"}, True),
    ({"Sec-Fetch-Site": "same-site"}, False),
    ({"Sec-Fetch-Site": "cross-site"}, False),
    ({"Sec-Fetch-Site": "cross-site", "Origin": "http://gazette.example"}, False),
    ({"Sec-Fetch-Site": "odd"}, False),
    ({"Sec-Fetch-Site": ""}, False),
    ({"Origin": "http://gazette.example"}, True),
    ({"Origin": "http://testserver"}, True),
    ({"Origin": "http://evil.example"}, False),
    ({"Origin": "http://gazette.example.evil.example"}, False),
    ({"Origin": "http://gazette.example:8080"}, False),
    ({"Origin": "null"}, False),
    ({"Origin": ""}, False),
    ({"Referer": "http://gazette.example/app"}, False),
    ({}, False),
]


@pytest.mark.parametrize(("headers", "is_ours"), ORIGINS, ids=lambda value: str(value))
def test_a_change_is_made_only_if_it_comes_from_a_page_of_ours(team: Team, headers: dict[str, str], is_ours: bool):
    owner = team.user()
    browser = team.signed_in(owner)
    response = browser.post("/app/account/profile", {"name": "Changed"}, headers=headers)
    assert response.status_code == (303 if is_ours else 403)
    assert team.reload(owner).name == ("Changed" if is_ours else "")
    if not is_ours:
        assert "did not come from a page of this site" in response.text


def test_a_page_without_tls_changes_nothing_of_a_site_with_it(make_team: MakeTeam):
    site = Site(name="The Gazette", public_url="https://gazette.example", postal_address="", sender="a@example.org")
    team = make_team(configured_site=site)
    owner = team.user()
    browser = team.browser(base_url="https://gazette.example")
    form = {"email": owner.email, "password": PASSWORD}
    assert browser.post("/app/sign-in", form, headers={"Origin": "http://gazette.example"}).status_code == 403
    assert browser.post("/app/sign-in", form, headers={"Origin": "https://gazette.example"}).status_code == 303


def test_nobody_is_signed_in_or_out_by_another_site(team: Team):
    owner = team.user()
    browser = team.browser()
    evil = {"Origin": "http://evil.example"}
    form = {"email": owner.email, "password": "x"}
    assert browser.post("/app/sign-in", form, headers=evil).status_code == 403
    browser = team.signed_in(owner)
    assert browser.post("/app/sign-out", headers=evil).status_code == 403
    assert browser.get("/app").status_code == 200


@pytest.mark.parametrize(
    "path", ["/app", "/app/sign-in", "/app/users", "/app/nothing", "/app/account", "/app/audit-log"]
)
def test_every_page_is_guarded_by_its_headers(team: Team, path: str):
    response = team.signed_in(team.user()).get(path)
    policy = response.headers["content-security-policy"].split("; ")
    assert {"default-src 'none'", "style-src 'self'", "style-src-attr 'none'", "frame-ancestors 'none'"} <= set(policy)
    assert {"form-action 'self'", "base-uri 'none'", "img-src 'self' data:", "frame-src 'self'"} <= set(policy)
    assert {"script-src 'self'", "connect-src 'self'"} <= set(policy)
    assert not any("unsafe" in one for one in policy)
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "same-origin"
    assert response.headers["cache-control"] == "no-store"


def test_no_page_has_a_script_or_a_style_of_its_own(team: Team):
    browser = team.signed_in(team.user())
    for path in ("/app", "/app/users", "/app/users/1", "/app/account", "/app/audit-log", "/app/settings"):
        page = browser.page(path)
        assert page.xpath("//script[not(@src)] | //style | //@style | //@*[starts-with(name(), 'on')]") == []
        assert [one for one in page.xpath("//script/@src") if not one.startswith("/app/assets/")] == []


def test_the_style_sheet_may_be_kept_for_ever(team: Team):
    (path,) = team.browser().page("/app/sign-in").xpath("//link[@rel='stylesheet']/@href")
    sheet = team.browser().get(path)
    assert "immutable" in sheet.headers["cache-control"]
    assert "light-dark(" in sheet.text


@pytest.mark.parametrize("path", ["/app/", "/app/nothing", "/app/users/", "/app/users/0x1", "/app/users/" + "9" * 40])
def test_what_is_not_there_is_a_page_in_words(team: Team, path: str):
    response = team.signed_in(team.user()).get(path)
    if path == "/app/":
        assert response.status_code == 200
    else:
        assert response.status_code == 404
        assert "Page not found" in response.text


def test_what_an_address_cannot_do_is_said_in_words(team: Team):
    response = team.signed_in(team.user()).client.delete("/app/users")
    assert response.status_code == 405
    assert "This does not work here" in response.text


def test_a_long_text_survives_the_sign_in_and_a_form_without_one_stays_small(team: Team):
    user = team.user()
    text = "Ünïcödé, word for word. " * 20_000
    response = team.browser().sign_in(user.email, resume="/app/account/profile", **{"keep:name": text})
    assert response.status_code == 200
    assert text.strip() in lxml.html.fromstring(response.text).xpath("string(//input[@name='name']/@value)")
    assert team.signed_in(user).post("/app/account/profile", {"name": text}).status_code == 413
    assert team.browser().post("/app/sign-in", {"email": "x" * 5_000_000}).status_code == 413


def test_a_form_that_takes_no_files_refuses_them(team: Team):
    browser = team.signed_in(team.user())
    response = browser.post("/app/account/profile", {"name": "Ada"}, files={"file": ("a.txt", b"x")})
    assert response.status_code == 400
