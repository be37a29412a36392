"""Invitations, roles, one's own account and the audit log, as pages."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest

from distributor.domain.user import Role
from distributor.storage import channels, user_sessions

from .conftest import PASSWORD, Browser, Team

EVIL = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


def link_in(text: str) -> str:
    found = re.search(r"<code>(http[^<]+)</code>", text)
    assert found, text
    return urlsplit(found[1]).path


def accept(team: Team, link: str, password: str = PASSWORD) -> Browser:
    browser = team.browser()
    assert browser.post(link, {"password": password, "password_again": password}).status_code == 303
    return browser


def test_an_admin_invites_with_a_link_and_the_invited_can_do_what_the_role_allows(team: Team):
    team.user(Role.OWNER)
    admin = team.signed_in(team.user(Role.ADMIN))
    shown = admin.post("/app/users", {"email": "eve@example.org", "name": "Eve", "role": "editor", "send": "show"})
    assert shown.status_code == 200
    eve = accept(team, link_in(shown.text))
    assert "eve@example.org · Editor" in eve.page("/app/account").text_content()
    assert eve.get("/app/users").status_code == 403
    assert team.browser().get(link_in(shown.text)).status_code == 404
    assert [entry for entry in team.log() if "eve@example.org" in entry[2]] == [
        ("user:admin@example.org", "user created", "eve@example.org"),
        ("user:admin@example.org", "link created", "eve@example.org"),
        ("user:eve@example.org", "password set", "eve@example.org"),
        ("user:eve@example.org", "signed in", "eve@example.org"),
    ]


def test_a_new_link_takes_the_place_of_the_earlier_one(team: Team):
    owner = team.signed_in(team.user())
    invited = team.user(Role.VIEWER, has_password=False)
    first, second = (link_in(owner.post(f"/app/users/{invited.id}/link", {"send": "show"}).text) for _ in range(2))
    assert team.browser().get(first).status_code == 404
    assert team.browser().get(second).status_code == 200


def test_an_invitation_lasts_over_a_weekend(team: Team):
    owner = team.signed_in(team.user())
    invited = team.user(Role.VIEWER, has_password=False)
    link = link_in(owner.post(f"/app/users/{invited.id}/link", {"send": "show"}).text)
    team.clock.advance(days=3)
    assert team.browser().get(link).status_code == 200
    team.clock.advance(days=2)
    assert team.browser().get(link).status_code == 404


@pytest.mark.parametrize(
    ("form", "sentence"),
    [
        ({"email": "nobody", "role": "viewer"}, "is not an email address"),
        ({"email": "OWNER@example.org", "role": "viewer"}, "has an account already"),
        ({"email": "eve@example.org", "role": "king"}, "there is no role"),
        ({"email": "eve@example.org"}, "there is no role"),
        ({"email": "eve@example.org", "role": "viewer", "name": "x" * 101}, "at most 100"),
        ({"email": "eve@example.org", "role": "viewer", "name": "a\u202eb"}, "at most 100"),
        ({"email": "eve@example.org", "role": "viewer", "send": "mail"}, "no email channel"),
    ],
)
def test_an_invitation_that_makes_no_sense_is_not_made(team: Team, form: dict[str, str], sentence: str):
    owner = team.signed_in(team.user())
    response = owner.post("/app/users", form)
    assert response.status_code == 422
    assert sentence.casefold() in response.text.casefold()
    if form["email"] == "eve@example.org":
        assert 'value="eve@example.org"' in response.text
        assert len(owner.page("/app/users").xpath("//tbody/tr")) == 1


@pytest.mark.parametrize("act", ["role", "disable", "link", "end-sessions"])
def test_an_admin_changes_no_owner_and_makes_none(team: Team, act: str):
    owner = team.user()
    admin_user = team.user(Role.ADMIN)
    admin = team.signed_in(admin_user)
    response = admin.post(f"/app/users/{owner.id}/{act}", {"role": "viewer", "send": "show"})
    assert response.status_code == 403
    assert "nly an owner" in response.text
    assert team.reload(owner) == owner
    assert admin.post("/app/users", {"email": "new@example.org", "role": "owner"}).status_code == 403
    assert admin.post(f"/app/users/{admin_user.id}/role", {"role": "owner"}).status_code == 403
    assert admin.page("/app/users").xpath("//input[@name='role'][@value='owner']") == []
    assert admin.page(f"/app/users/{owner.id}").xpath("//main//form") == []


@pytest.mark.parametrize("act", ["role", "disable"])
def test_the_last_owner_who_can_sign_in_stays(team: Team, act: str):
    owner = team.user()
    team.user(Role.OWNER, "invited@example.org", has_password=False)
    browser = team.signed_in(owner)
    response = browser.post(f"/app/users/{owner.id}/{act}", {"role": "admin"})
    assert response.status_code == 409
    assert "is the last owner who can sign in" in response.text
    second = team.user(Role.OWNER, "second@example.org")
    assert browser.post(f"/app/users/{owner.id}/{act}", {"role": "admin"}).status_code == 303
    assert team.reload(owner).role is Role.ADMIN if act == "role" else team.reload(owner).disabled_at
    third = team.signed_in(second)
    assert third.post(f"/app/users/{second.id}/disable").status_code == 409


@pytest.mark.parametrize(
    ("act", "form"), [("role", {"role": "viewer"}), ("role", {"role": "admin"}), ("disable", {}), ("end-sessions", {})]
)
def test_what_is_changed_about_a_user_ends_the_users_sessions(team: Team, act: str, form: dict[str, str]):
    owner = team.signed_in(team.user())
    editor = team.user(Role.EDITOR)
    browsers = [team.signed_in(editor) for _ in range(2)]
    assert owner.post(f"/app/users/{editor.id}/{act}", form).status_code == 303
    assert [browser.get("/app").status_code for browser in browsers] == [303, 303]
    assert owner.get("/app").status_code == 200
    assert team.browser().sign_in(editor.email).status_code == (422 if act == "disable" else 303)


def test_who_is_disabled_has_no_link_and_comes_back_with_the_old_password(team: Team):
    owner = team.signed_in(team.user())
    editor = team.user(Role.EDITOR)
    link = link_in(owner.post(f"/app/users/{editor.id}/link", {"send": "show"}).text)
    owner.post(f"/app/users/{editor.id}/disable")
    assert team.browser().get(link).status_code == 404
    assert owner.post(f"/app/users/{editor.id}/link", {"send": "show"}).status_code == 409
    owner.post(f"/app/users/{editor.id}/enable")
    assert team.browser().get(link).status_code == 404
    assert team.browser().sign_in(editor.email).status_code == 303


def test_a_new_password_ends_all_sessions_and_goes_on_with_a_new_one(team: Team):
    editor = team.user(Role.EDITOR)
    browser, other = team.signed_in(editor), team.signed_in(editor)
    before = browser.token
    new = "an entirely different sentence"
    form = {"current_password": PASSWORD, "password": new, "password_again": new}
    response = browser.post("/app/account/password", form)
    assert response.headers["location"] == "/app/account?done=password"
    assert browser.token != before
    assert "All other browsers are signed out" in browser.get(response.headers["location"]).text
    assert other.get("/app").status_code == 303
    assert team.browser().sign_in(editor.email).status_code == 422
    assert team.browser().sign_in(editor.email, new).status_code == 303


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"current_password": "wrong"}, "current password is not right"),
        ({"password": "short", "password_again": "short"}, "at least 12"),
        ({"password_again": "another one entirely"}, "not the same"),
        ({"password": "editor@example.org", "password_again": "editor@example.org"}, "everyone knows"),
    ],
)
def test_a_password_is_not_changed_by_mistake(team: Team, changes: dict[str, str], sentence: str):
    browser = team.signed_in(team.user(Role.EDITOR))
    new = "an entirely different sentence"
    response = browser.post(
        "/app/account/password", {"current_password": PASSWORD, "password": new, "password_again": new, **changes}
    )
    assert response.status_code == 422
    assert sentence in response.text
    assert new not in response.text
    assert team.browser().sign_in("editor@example.org").status_code == 303


def test_the_current_password_cannot_be_guessed_by_whoever_sits_at_the_browser(team: Team):
    browser = team.signed_in(team.user(Role.EDITOR))
    new = "an entirely different sentence"
    form = {"current_password": "wrong", "password": new, "password_again": new}
    for _ in range(10):
        assert "not right" in browser.post("/app/account/password", form).text
    assert "too many attempts" in browser.post("/app/account/password", {**form, "current_password": PASSWORD}).text


def test_the_profile_changes_the_name_and_nothing_else(team: Team):
    viewer = team.user(Role.VIEWER)
    browser = team.signed_in(viewer)
    smuggled = {"role": "owner", "email": "x@example.org", "id": "1", "disabled_at": "", "password_hash": "x"}
    assert browser.post("/app/account/profile", {"name": "Vi", **smuggled}).status_code == 303
    changed = team.reload(viewer)
    assert (changed.name, changed.role, changed.email) == ("Vi", Role.VIEWER, viewer.email)


def test_sessions_are_listed_with_their_device_and_ended_one_by_one_or_all(team: Team):
    editor = team.user(Role.EDITOR)
    firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0"
    other = team.browser(headers={"User-Agent": firefox})
    other.sign_in(editor.email)
    browser = team.signed_in(editor)
    listed = browser.page("/app/account").xpath("//ul[@class='rows']/li")
    assert len(listed) == 2
    assert ["Firefox on Linux" in one.text_content() for one in listed].count(True) == 1
    (action,) = browser.page("/app/account").xpath("//ul[@class='rows']//form/@action")
    assert browser.post(action).status_code == 303
    assert other.get("/app").status_code == 303
    assert browser.post(action).status_code == 404
    third = team.signed_in(editor)
    assert browser.post("/app/account/sessions/end-others").status_code == 303
    assert third.get("/app").status_code == 303
    assert browser.get("/app").status_code == 200


def test_nobody_ends_the_session_of_someone_else_by_its_number(team: Team):
    owner, viewer = team.signed_in(team.user()), team.signed_in(team.user(Role.VIEWER))
    with team.app.database.begin() as connection:
        found = user_sessions.find(connection, owner.token, now=team.clock())
    assert found is not None
    assert viewer.post(f"/app/account/sessions/{found.id}/end").status_code == 404
    assert owner.get("/app").status_code == 200


def test_markup_in_names_and_user_agents_is_text_on_every_page(team: Team):
    owner = team.user(name="A plain name")
    browser = team.browser(headers={"User-Agent": EVIL})
    browser.sign_in(owner.email)
    assert browser.post("/app/account/profile", {"name": EVIL}).status_code == 303
    team.user(Role.VIEWER, name=EVIL)
    browser.post("/app/sign-in", {"email": f"{EVIL}@example.org", "password": EVIL, "next": EVIL})
    for path in ("/app", "/app/users", "/app/users/1", "/app/users/2", "/app/account", "/app/audit-log"):
        text = browser.get(path).text
        assert "<script>" not in text
        assert "<img" not in text
    assert EVIL in browser.page("/app").text_content()


def test_the_audit_log_is_paged_and_names_who_what_and_from_where(team: Team):
    owner = team.signed_in(team.user())
    for number in range(60):
        owner.post("/app/account/profile", {"name": f"Name {number}"})
    newest = owner.page("/app/audit-log")
    assert len(newest.xpath("//tbody/tr")) == 50
    assert "Changed the profile" in newest.xpath("string(//tbody/tr[1])")
    assert "UTC" in newest.xpath("string(//tbody/tr[1])")
    (older,) = newest.xpath("//a[contains(@href, 'before=')]/@href")
    assert 10 <= len(owner.page(older).xpath("//tbody/tr")) < 20
    assert owner.get("/app/audit-log?before=x").status_code == 404


def test_a_mistyped_address_is_not_kept_in_the_audit_log(team: Team):
    team.user()
    team.browser().sign_in("my secret password in the wrong field", "x")
    team.browser().sign_in("owner@example.org", "wrong")
    assert [entry[1:] for entry in team.log()[-2:]] == [
        ("sign-in failed", "an address without an active account"),
        ("sign-in failed", "owner@example.org"),
    ]


def test_without_an_email_channel_the_page_says_what_an_owner_can_do(team: Team):
    page = team.browser().get("/app/forgotten").text
    assert "distributor user reset-link" in page
    with team.app.database.begin() as connection:
        channels.save(connection, name="mail", kind="email", settings={}, sealed=None)
    assert "Send the link" in team.browser().get("/app/forgotten").text
