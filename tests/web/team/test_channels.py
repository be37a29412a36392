"""Channels in the team's app: forms from the settings of each kind, secrets that never come back, trials, removal."""

from __future__ import annotations

from typing import Any

import lxml.html
import pytest
from sqlalchemy import text

from distributor.channels.registry import kinds
from distributor.cli.sandbox import configure_sandbox_channels
from distributor.domain.sandbox_ports import SandboxPorts
from distributor.domain.user import Role
from distributor.flow.app_context import AppContext
from distributor.flow.operations.channel_settings import configure
from distributor.storage import channels, paused_routes
from distributor.storage.channels import ChannelRecord, SecretBox

from .conftest import Browser, MakeTeam, Team
from .test_access import declared

CANARY = "canary-4711-secret"
PROBE = "<script>alert('x')</script>\"'"
SMTP = {
    "kind": "email",
    "way": "smtp",
    "name": "letter",
    "answer:host": "smtp.harbour.example",
    "answer:port": "587",
    "answer:encryption": "starttls",
    "answer:user": "news@harbour.example",
    "secret:password": CANARY,
    "setting:sender": "The Letter <news@harbour.example>",
}


@pytest.fixture
def owner(team: Team) -> Browser:
    return team.signed_in(team.user(Role.OWNER))


def record(app: AppContext, name: str) -> ChannelRecord:
    with app.database.begin() as connection:
        return channels.find(connection, name)


def secrets(app: AppContext, name: str) -> dict[str, str]:
    sealed = record(app, name).sealed
    return app.vault.open(sealed) if sealed else {}


def errors(response: Any) -> dict[str, str]:
    """The text at each field that is marked."""
    page = lxml.html.fromstring(response.text)
    return {
        one.get("id").removesuffix("-error"): one.text_content() for one in page.xpath("//*[@class='setting-error']")
    }


def shown(browser: Browser, path: str) -> dict[str, str]:
    """The values of the form of settings as they are shown."""
    form = browser.page(path).xpath("//form[@aria-labelledby='settings']")[0]
    return {name: value or "" for name, value in form.form_values()}


def test_without_channels_the_page_says_what_to_do(team: Team, owner: Browser):
    assert owner.page("/app/channels").xpath("//a[@href='/app/channels/new']")
    viewer = team.signed_in(team.user(Role.VIEWER)).page("/app/channels")
    assert "owner or admin" in viewer.text_content()
    assert viewer.xpath("//a[@href='/app/channels/new']") == []


def test_every_kind_can_be_chosen_and_has_a_form(owner: Browser):
    page = owner.page("/app/channels/new")
    links = page.xpath("//a[contains(@class,'choice-card')]/@href")
    assert len(links) == len(kinds())
    for link in links:
        assert owner.page(link).xpath("//main//a[contains(@class,'choice-card')] | //main//form")
    assert owner.get("/app/channels/new?kind=nothing").status_code == 404


def test_a_mail_server_is_connected_by_answers(team: Team, owner: Browser):
    response = owner.post("/app/channels/new", SMTP)
    assert response.headers["location"] == "/app/channels/letter?done=created"
    assert secrets(team.app, "letter") == {
        "smtp_url": f"smtp://news%40harbour.example:{CANARY}@smtp.harbour.example:587?tls=verify"
    }
    page = owner.page("/app/channels/letter")
    assert "smtp.harbour.example:587" in page.text_content()
    assert ("user:owner@example.org", "channel created", "letter") in team.log()
    assert owner.post("/app/channels/new", SMTP).status_code == 409


@pytest.mark.parametrize(
    ("way", "answers", "url"),
    [
        ("postmark", {"secret:key": "TOKEN"}, "postmark://TOKEN@api.postmarkapp.com?stream=broadcast"),
        ("ses", {"answer:key": "ID", "secret:secret": "S/+"}, "ses://ID:S%2F%2B@eu-central-1"),
        ("mailgun", {"secret:key": "K", "answer:path": "mg.x.org"}, "mailgun://K@api.eu.mailgun.net/mg.x.org"),
        ("resend", {"secret:key": "K"}, "resend://K@api.resend.com"),
        ("sendgrid", {"secret:key": "K"}, "sendgrid://K@api.sendgrid.com"),
    ],
)
def test_a_provider_is_connected_by_its_key(team: Team, owner: Browser, way: str, answers: dict[str, str], url: str):
    sent = {"kind": "email", "way": way, "name": "letter", **answers}
    assert owner.post("/app/channels/new", sent).status_code == 303
    assert secrets(team.app, "letter")["smtp_url"] == url


def test_what_is_wrong_is_told_at_its_field_and_what_was_typed_stays(owner: Browser):
    wrong = {"answer:host": "", "answer:port": "many", "setting:sender": "nobody", "secret:password": CANARY}
    response = owner.post("/app/channels/new", {**SMTP, **wrong})
    assert response.status_code == 422
    assert errors(response) == {"answer:host": "This is needed."}
    assert 'value="The Letter' not in response.text
    assert 'value="nobody"' in response.text
    assert CANARY not in response.text
    response = owner.post("/app/channels/new", {**SMTP, "answer:port": "many"})
    assert errors(response) == {"answer:port": "A port is a number from 1 to 65535."}
    response = owner.post("/app/channels/new", {**SMTP, "setting:sender": "nobody"})
    assert list(errors(response)) == ["setting:sender"]
    response = owner.post("/app/channels/new", {"kind": "mastodon", "name": "toots"})
    assert list(errors(response)) == ["setting:instance_url", "secret:access_token"]
    response = owner.post("/app/channels/new", {**SMTP, "name": "a b/c"})
    assert response.status_code == 422


def test_secrets_never_come_back_in_any_page(team: Team, owner: Browser):
    for number, kind in enumerate(kinds()):
        values = {"handle": "@gazette", "instance_url": "https://social.example"}
        names = list(kinds()[kind].settings_model.model_fields)
        given: dict[str, str] = {name: value for name, value in values.items() if name in names}
        keys = ("app_password", "access_token", "bot_token", "consumer_key", "consumer_secret", "access_token_secret")
        given |= {name: CANARY for name in keys if name in names}
        if "smtp_url" in names:
            given |= {"smtp_url": f"smtp://u:{CANARY}@smtp.example:587", "events_secret": CANARY}
        configure(team.app, f"channel-{number}", kind, given)
    names_ = [f"channel-{number}" for number in range(len(kinds()))]
    pages = ["/app", "/app/channels", "/app/settings", "/app/audit-log"]
    for name in names_:
        pages += [f"/app/channels/{name}{part}" for part in ("", "/remove", "/connection", "/connection?way=smtp")]
    pages += [f"/app{route.path}" for route in declared(team) if route.method == "GET" and "{" not in route.path]
    texts = [owner.get(path).text for path in pages]
    texts += [owner.post(f"/app/channels/{name}", {"version": "x", "setting:sender": "wrong"}).text for name in names_]
    assert all(CANARY not in text for text in texts)
    assert sum("It is set, and never shown." in text for text in texts) >= 4


def test_an_empty_secret_stays_another_replaces_it_and_one_can_be_deleted(team: Team, owner: Browser):
    configure(team.app, "letter", "email", {"smtp_url": "smtp://relay.example", "events_secret": "old"})
    path = "/app/channels/letter"
    assert owner.post(path, {**shown(owner, path), "setting:list_name": "The Letter"}).status_code == 303
    assert secrets(team.app, "letter") == {"smtp_url": "smtp://relay.example", "events_secret": "old"}
    assert "It is set, and never shown." in owner.get(path).text
    owner.post(path, {**shown(owner, path), "secret:events_secret": "new"})
    assert secrets(team.app, "letter")["events_secret"] == "new"
    assert f"Set on {team.clock():%-d %b}" in owner.page(path).text_content()
    assert record(team.app, "letter").settings == {"list_name": "The Letter"}
    owner.post(path, {**shown(owner, path), "clear-secret:events_secret": "on", "setting:list_name": ""})
    assert secrets(team.app, "letter") == {"smtp_url": "smtp://relay.example"}
    assert record(team.app, "letter").settings == {}


def test_settings_of_every_form_are_saved_and_shown(team: Team, owner: Browser):
    configure(
        team.app,
        "toots",
        "mastodon",
        {"instance_url": "https://social.example", "access_token": "x", "visibility": "unlisted"},
    )
    path = "/app/channels/toots"
    assert shown(owner, path)["setting:visibility"] == "unlisted"
    owner.post(path, {**shown(owner, path), "setting:visibility": "private", "setting:hashtags": "2"})
    assert record(team.app, "toots").settings["visibility"] == "private"
    assert shown(owner, path)["setting:hashtags"] == "2"
    response = owner.post(path, {**shown(owner, path), "setting:hashtags": "99"})
    assert list(errors(response)) == ["setting:hashtags"]
    configure(team.app, "letter", "email", {"smtp_url": "smtp://relay.example"})
    path = "/app/channels/letter"
    owner.post(path, {**shown(owner, path), "setting:inline_images": "on"})
    assert record(team.app, "letter").settings == {"inline_images": True}
    without = {name: value for name, value in shown(owner, path).items() if name != "setting:inline_images"}
    owner.post(path, without)
    assert record(team.app, "letter").settings == {}


def test_the_second_of_two_who_edit_is_told_and_loses_nothing(team: Team, owner: Browser):
    configure(team.app, "letter", "email", {"smtp_url": "smtp://relay.example"})
    path = "/app/channels/letter"
    form = shown(owner, path)
    assert owner.post(path, {**form, "setting:list_name": "First"}).status_code == 303
    response = owner.post(path, {**form, "setting:list_name": "Second"})
    assert response.status_code == 409
    assert 'value="Second"' in response.text
    assert record(team.app, "letter").settings == {"list_name": "First"}


def test_the_connection_is_replaced_by_another_way(team: Team, owner: Browser):
    configure(team.app, "letter", "email", {"smtp_url": "smtp://relay.example", "sender": "a@example.org"})
    sent = {"way": "postmark", "secret:key": "TOKEN"}
    assert owner.post("/app/channels/letter/connection", sent).status_code == 303
    assert secrets(team.app, "letter")["smtp_url"].startswith("postmark://TOKEN@")
    assert record(team.app, "letter").settings == {"sender": "a@example.org"}
    assert owner.get("/app/channels/letter/connection?way=nothing").status_code == 200
    assert owner.post("/app/channels/letter/connection", {"way": "postmark"}).status_code == 422


def test_a_trial_tells_the_words_of_the_other_side(team: Team, owner: Browser):
    configure(team.app, "letter", "email", {"smtp_url": "smtp://127.0.0.1:1", "sender": "a@gazette.example"})
    response = owner.post("/app/channels/letter/test", {"to": ""})
    assert response.status_code == 200
    assert "127.0.0.1" in response.text
    assert "Nothing was sent." in response.text
    assert owner.post("/app/channels/letter/test", {"to": "nobody"}).status_code == 422


def test_what_leads_to_the_sandbox_says_so(team: Team, owner: Browser):
    configure_sandbox_channels(team.app, SandboxPorts(http=18025, smtp=12525))
    configure(team.app, "letter", "email", {"smtp_url": "smtp://u:p@relay.example:587"})
    rows = {row.xpath("string(.//a)"): row.text_content() for row in owner.page("/app/channels").xpath("//tbody/tr")}
    assert all("Sandbox" in rows[name] for name in ("email", "mastodon", "x", "bluesky", "telegram"))
    assert "Real" in rows["letter"]
    assert "Real" in rows["feed"]


def test_a_channel_is_removed_after_its_consequence_is_told(team: Team, owner: Browser):
    configure(team.app, "letter", "email", {"smtp_url": "smtp://relay.example"})
    page = owner.page("/app/channels/letter/remove")
    assert "Deleted for good: smtp_url." in page.text_content()
    assert owner.post("/app/channels/letter/remove").headers["location"] == "/app/channels?done=removed"
    assert owner.post("/app/channels/letter/remove").status_code == 404
    assert owner.get("/app/channels/letter").status_code == 404
    assert ("user:owner@example.org", "channel removed", "letter") in team.log()


def test_no_text_of_a_channel_becomes_markup(team: Team, owner: Browser):
    configure(team.app, "letter", "email", {"smtp_url": "smtp://relay.example", "greeting": PROBE, "list_name": PROBE})
    for path in ("/app/channels", "/app/channels/letter"):
        assert "<script>alert" not in owner.get(path).text
    assert "<script>alert" not in owner.get("/app/channels/%3Cscript%3Ealert").text
    response = owner.post("/app/channels/new", {**SMTP, "name": PROBE, "answer:host": PROBE})
    assert "<script>alert" not in response.text


@pytest.mark.parametrize("role", [Role.EDITOR, Role.MARKETER, Role.APPROVER, Role.VIEWER])
def test_others_see_channels_and_change_none(team: Team, role: Role):
    configure(team.app, "letter", "email", {"smtp_url": "smtp://relay.example"})
    browser = team.signed_in(team.user(role))
    page = browser.page("/app/channels/letter")
    assert page.xpath("//main//form") == []
    for path in ("", "/connection", "/test", "/remove", "/resume-routes"):
        assert browser.post(f"/app/channels/letter{path}").status_code == 403
    assert browser.post("/app/channels/new", SMTP).status_code == 403


def test_a_channel_whose_kind_is_gone_is_shown_and_said_to_be_so(team: Team, owner: Browser):
    configure(team.app, "old", "feed", {})
    with team.app.database.begin() as connection:
        connection.execute(text("UPDATE channels SET kind = 'gone'"))
    row = owner.page("/app/channels").xpath("//tbody/tr")[0].text_content()
    assert "Cannot send" in row
    page = owner.page("/app/channels/old")
    assert "gone" in page.xpath("string(//div[@role='alert'])")


def test_secrets_under_another_key_are_said_to_be_unreadable_and_can_be_given_anew(make_team: MakeTeam):
    team = make_team()
    configure(team.app, "letter", "email", {"smtp_url": "smtp://relay.example"})
    other = make_team(vault=SecretBox(b"another key"))
    browser = other.signed_in(other.user(Role.OWNER))
    assert "DISTRIBUTOR_SECRET_KEY" in browser.page("/app/channels/letter").text_content()
    assert "Cannot send" in browser.get("/app/channels").text
    assert browser.post("/app/channels/letter/test", {"to": ""}).status_code == 422


def test_routes_in_backoff_are_shown_and_tried_again_at_once(team: Team, owner: Browser):
    configure(team.app, "letter", "email", {"smtp_url": "smtp://relay.example"})
    with team.app.database.begin() as connection:
        number = channels.find(connection, "letter").id
        paused_routes.pause(connection, number, "relay", "harbour.example", reason="421 too many", now=team.clock())
    assert "Waiting" in owner.page("/app/channels").xpath("//tbody/tr")[0].text_content()
    page = owner.page("/app/channels/letter")
    assert "421 too many" in page.text_content()
    assert owner.post("/app/channels/letter/resume-routes").status_code == 303
    assert "421 too many" not in owner.get("/app/channels/letter").text
