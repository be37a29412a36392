"""The brand of the site as the team sets it, and where it is seen afterwards."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import lxml.html
import pytest
from starlette.testclient import TestClient

from distributor.domain.site_settings import SiteSetting
from distributor.domain.user import Role
from distributor.flow.app_context import AppContext
from distributor.flow.operations.channel_settings import configure
from distributor.flow.publications import build_documents, document_jobs
from distributor.flow.publishing.sample_mail import sample_mail
from distributor.storage import channels, user_sessions
from distributor.web.app import create_app
from tests.domain.test_image_file import png

from .conftest import SAME_ORIGIN, Browser, MakeTeam, Team

PATH = "/app/settings/brand"
PROBE = "<script>alert('x')</script>\"'"


@pytest.fixture
def owner(team: Team) -> Browser:
    return team.signed_in(team.user(Role.OWNER))


def typed(browser: Browser, **changed: str) -> dict[str, str]:
    """The form as it is shown, with some fields typed over."""
    form = browser.page(PATH).xpath("//form[@id='brand-form']")[0]
    shown = {name: value or "" for name, value in form.form_values() if name not in ("logo", "no_logo")}
    return {**shown, **changed}


def save(browser: Browser, *, logo: bytes = b"", **changed: str) -> Any:
    files = {"logo": ("logo.png", logo, "image/png")} if logo else None
    return browser.client.post(PATH, data=typed(browser, **changed), files=files, headers=SAME_ORIGIN)


def test_a_change_is_in_the_next_mail_and_on_all_pages(team: Team, owner: Browser):
    response = save(owner, site_name="The Tideline Letter", postal_address="1 Quay", accent_colour="#8a1f4b")
    assert response.headers["location"] == f"{PATH}?done=saved"
    assert "Saved." in owner.get(f"{PATH}?done=saved").text
    worker = replace(team.app)
    mail = sample_mail(worker, worker.site)
    assert "The Tideline Letter" in mail
    assert "1 Quay" in mail
    assert "#8a1f4b" in mail
    front = team.browser().get("/")
    assert "The Tideline Letter" in front.text
    style = lxml.html.fromstring(front.text).xpath("//link[@rel='stylesheet']/@href")[0]
    assert "#8a1f4b" in owner.get(style).text
    assert "The Tideline Letter" in owner.get("/app").text
    assert team.log()[-1][1] == "site changed"


def test_the_feeds_are_built_again_with_a_new_name(team: Team, owner: Browser):
    configure(team.app, "feed", "feed", {})
    with team.app.database.begin() as connection:
        record = channels.find(connection, "feed")
        document_jobs(team.app, connection)
    team.clock.advance(seconds=60)
    build_documents(team.app, record.id)
    with team.app.database.begin() as connection:
        assert document_jobs(team.app, connection) == []
    save(owner, site_name="The Tideline Letter")
    team.clock.advance(seconds=60)
    with team.app.database.begin() as connection:
        document_jobs(team.app, connection)
    team.clock.advance(seconds=60)
    with team.app.database.begin() as connection:
        assert document_jobs(team.app, connection) != []


def test_a_logo_is_shown_and_served_and_stays_for_mails_that_were_sent(owner: Browser):
    assert save(owner, logo=png(480, 96)).status_code == 303
    (first,) = owner.page(PATH).xpath("//form//img/@src")
    served = owner.get(first)
    assert served.content == png(480, 96)
    assert served.headers["content-type"] == "image/png"
    assert "sandbox" in served.headers["content-security-policy"]
    assert save(owner, logo=png(100, 100)).status_code == 303
    assert owner.get(first).content == png(480, 96)
    assert owner.get("/assets/logo-0123456789abcdef.png").status_code == 404
    assert save(owner, no_logo="on").status_code == 303
    assert owner.page(PATH).xpath("//form//img") == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><script>x</script></svg>", "neither SVG"),
        (b"<!doctype html><script>x</script>", "not a PNG, JPEG or GIF"),
        (b"\x89PNG\r\n\x1a\n<script>", "not a PNG, JPEG or GIF"),
        (png(10, 10) + b"\0" * 600_000, "over 500 KB"),
        (b"", ""),
    ],
)
def test_a_logo_is_judged_by_its_content(owner: Browser, body: bytes, words: str):
    response = save(owner, logo=body, site_name="Typed")
    assert response.status_code == (422 if words else 303)
    assert words in response.text
    if words:
        page = lxml.html.fromstring(response.text)
        assert page.xpath("//input[@id='site_name']/@value") == ["Typed"]


def test_a_file_that_is_far_too_large_is_refused_before_it_is_read(owner: Browser):
    files = {"logo": ("logo.png", b"\0" * 2_000_000, "image/png")}
    response = owner.client.post(PATH, data=typed(owner), files=files, headers=SAME_ORIGIN)
    assert response.status_code == 413


def test_what_is_wrong_is_told_at_its_field_and_what_was_typed_stays(owner: Browser):
    response = save(owner, accent_colour="reddish", footer_links="Imprint", site_name="Typed")
    page = lxml.html.fromstring(response.text)
    assert response.status_code == 422
    assert page.xpath("//*[@aria-invalid]/@name") == ["accent_colour", "footer_links"]
    assert "is no colour" in page.xpath("string(//*[@id='accent_colour-error'])")
    assert page.xpath("//input[@id='site_name']/@value") == ["Typed"]


def test_times_are_shown_in_the_zone_that_was_chosen(owner: Browser):
    assert save(owner, time_zone="Asia/Tokyo").status_code == 303
    assert "JST" in owner.get("/app/audit-log").text


def test_a_form_sent_twice_is_saved_once_and_no_conflict(team: Team, owner: Browser):
    form = typed(owner, site_name="The Tideline Letter")
    assert [owner.post(PATH, form).status_code for _ in range(2)] == [303, 303]
    assert [action for _actor, action, _subject in team.log()].count("site changed") == 1


def test_the_second_of_two_who_edit_is_told_and_loses_nothing(team: Team, owner: Browser):
    other = team.signed_in(team.user(Role.ADMIN))
    form = typed(other, site_name="Theirs")
    save(owner, site_name="Mine")
    response = other.post(PATH, form)
    assert response.status_code == 409
    assert "changed by owner@example.org" in response.text
    page = lxml.html.fromstring(response.text)
    assert page.xpath("//input[@id='site_name']/@value") == ["Theirs"]
    again = {**form, "version": page.xpath("//input[@name='version']/@value")[0]}
    assert other.post(PATH, again).status_code == 303
    assert team.app.site.name == "Theirs"


def test_what_the_environment_sets_is_shown_with_its_variable_and_not_changed(make_team: MakeTeam):
    team = make_team(fixed_site_settings=frozenset({SiteSetting.NAME}))
    owner = team.signed_in(team.user(Role.OWNER))
    page = owner.page(PATH)
    assert page.xpath("//input[@name='site_name']") == []
    assert "DISTRIBUTOR_SITE_NAME" in page.text_content()
    assert owner.post(PATH, {**typed(owner), "site_name": "Changed"}).status_code == 303
    assert team.app.site.name == "The Test Gazette"


def test_the_preview_shows_what_is_typed_and_saves_nothing(team: Team, owner: Browser):
    changed = typed(owner, site_name="Only proposed", accent_colour="#123456")
    files = {"logo": ("x", png(48, 48), "image/png")}
    response = owner.client.post(f"{PATH}/preview", data=changed, files=files, headers=SAME_ORIGIN)
    assert response.status_code == 200
    assert "Only proposed" in response.text
    assert "data:image/png;base64," in response.text
    assert response.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert team.app.site.name == "The Test Gazette"
    assert owner.get(f"{PATH}/preview").status_code == 200


def test_no_text_of_the_brand_becomes_markup(owner: Browser):
    assert save(owner, site_name=PROBE, postal_address=PROBE, footer_links="Imprint=/imprint").status_code == 303
    for path in (PATH, f"{PATH}/preview", "/app", "/"):
        assert "<script>alert" not in owner.get(path).text


@pytest.mark.parametrize("role", [Role.EDITOR, Role.MARKETER, Role.APPROVER, Role.VIEWER])
def test_only_owners_and_admins_change_the_brand(team: Team, role: Role):
    browser = team.signed_in(team.user(role))
    assert browser.get(PATH).status_code == 403
    assert browser.post(PATH, {"site_name": "X"}).status_code == 403
    assert team.app.site.name == "The Test Gazette"


def test_every_process_has_the_change_without_a_restart(app: AppContext, team: Team, owner: Browser):
    assert app.site.name == "The Test Gazette"
    save(owner, site_name="The Tideline Letter")
    assert app.current_site.look_again().name == "The Tideline Letter"


def test_the_contrast_of_a_colour_is_shown_while_it_is_chosen(owner: Browser):
    light = owner.get(f"{PATH}/shades?accent_colour=%23ffee88")
    assert "as #" in light.text
    assert 'fill="#ffee88"' in light.text
    assert owner.get(f"{PATH}/shades?accent_colour=reddish").status_code == 200
    assert owner.page(PATH).xpath("//*[@hx-get='/app/settings/brand/shades']//ul[@class='brand-shades']/li")


def test_another_web_process_has_the_style_that_a_page_names(team: Team, owner: Browser):
    with TestClient(create_app(replace(team.app))) as other:
        before = other.get("/").text
        save(owner, accent_colour="#8a1f4b")
        (style,) = lxml.html.fromstring(team.browser().get("/").text).xpath("//link[@rel='stylesheet']/@href")
        assert style not in before
        assert "#8a1f4b" in other.get(style).text
        (former,) = lxml.html.fromstring(before).xpath("//link[@rel='stylesheet']/@href")
        assert owner.get(former).status_code == 200
        assert other.get("/assets/site-0123456789abcdef.css").status_code == 404


def test_what_was_typed_when_the_session_ended_is_kept(team: Team, owner: Browser):
    form = typed(owner, site_name="Typed for an hour")
    with team.app.database.begin() as connection:
        user_sessions.end_all(connection, 1)
    response = owner.post(PATH, form)
    assert response.status_code == 401
    assert "Typed for an hour" in response.text
    assert team.app.site.name == "The Test Gazette"
