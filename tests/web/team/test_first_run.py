"""The first run through requests: four steps that can be left and resumed, up to a mail that is opened on the page."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import lxml.html
import pytest

from distributor.channels.api import Site
from distributor.cli.sandbox import configure_sandbox_channels
from distributor.domain.campaign import DispatchState
from distributor.domain.sandbox_ports import SandboxPorts
from distributor.domain.user import Role
from distributor.flow.app_context import AppContext
from distributor.flow.operations import attention
from distributor.flow.operations.site import MADE_UP_ADDRESS
from distributor.flow.team import accounts
from distributor.flow.team.links import first_owner_link
from distributor.sandbox.service import Sandbox, running_sandbox
from distributor.storage import articles, channels, consents, dispatches, lists, memberships
from tests.domain.test_image_file import png
from tests.flow.campaign_harness import CampaignHarness
from tests.sources.documents.office_files import archive
from tests.web.samples import WriteArticle

from .conftest import OPERATOR, PASSWORD, SAME_ORIGIN, Browser, MakeTeam, Team

ADDRESS = "ada@example.org"
STEPS = ["/app/account", "/app/setup/brand", "/app/setup/mail", "/app/setup/content"]
PROBE = "<script>alert('x')</script>"


@dataclass
class Newcomer:
    """The first owner of a service that was started for the first time, and its sandbox."""

    team: Team
    browser: Browser
    sandbox: Sandbox
    harness: CampaignHarness

    def done(self) -> list[bool]:
        """Which steps the page says are done."""
        page = self.browser.page("/app/setup")
        return ["done" in mark.get("class") for mark in page.xpath("//span[contains(@class,'setup-mark')]")]

    def form(self, path: str, action: str = "") -> dict[str, str]:
        """The form of a page as it is shown."""
        return fields(self.browser.page(path), action or path)

    def save_brand(self, **changed: str) -> Any:
        form = {name: value for name, value in self.form("/app/setup/brand").items() if name != "logo"}
        return self.browser.post("/app/setup/brand", {**form, **changed})

    def add_content(self, **changed: str) -> Any:
        return self.browser.post("/app/setup/content", {"list_name": "The Letter", "add_me": "on", **changed})

    def send(self, **changed: str) -> Any:
        form = self.form("/app/setup/first-mail")
        return self.browser.post("/app/setup/first-mail", {**form, **changed})


def fields(page: Any, action: str) -> dict[str, str]:
    (form,) = page.xpath("//form[@action=$action and @method='post']", action=action)
    return {name: value or "" for name, value in form.form_values()}


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path / "sandbox") as running:
        yield running


@pytest.fixture
def newcomer(
    make_team: MakeTeam, app: AppContext, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Newcomer:
    # The clock of a team stands still, and on a slow machine the owner would be told of that by mail.
    monkeypatch.setattr(attention, "compare_clocks", lambda _: [])
    unnamed = Site(
        name="Distributor",
        public_url=app.site.public_url,
        postal_address="",
        sender="news@localhost.localdomain",
    )
    team = make_team(configured_site=unnamed)
    configure_sandbox_channels(team.app, SandboxPorts(http=sandbox.http_port, smtp=sandbox.smtp_port))
    browser = team.browser()
    sent = {"email": ADDRESS, "name": "Ada", "password": PASSWORD, "password_again": PASSWORD}
    response = browser.post(urlsplit(first_owner_link(team.app)).path, sent)
    assert response.headers["location"] == "/app/setup"
    return Newcomer(team, browser, sandbox, CampaignHarness(team.app, tmp_path))


def test_from_the_link_to_the_mail_opened_on_the_page(newcomer: Newcomer):
    browser = newcomer.browser
    assert newcomer.done() == [True, False, True, False]
    response = newcomer.save_brand(site_name="The Tideline Letter", postal_address="1 Quay\n12345 Harbour")
    assert response.headers["location"] == "/app/setup/mail"
    assert "nobody gets them" in browser.get("/app/setup/mail").text
    response = newcomer.add_content(source="sample")
    assert response.headers["location"].startswith("/app/setup/first-mail?article=")
    page = browser.page(response.headers["location"])
    assert page.xpath("//select[@name='article']/option[@selected]")
    assert "Nobody else" in page.text_content() or "nobody else" in page.text_content()
    sent = browser.post("/app/setup/first-mail", fields(page, "/app/setup/first-mail"))
    assert sent.headers["location"] == "/app/setup/first-mail?sent=yes"
    assert "The mail is on its way" in browser.get("/app/setup/first-mail").text
    assert "hx-trigger" in browser.get("/app/setup/first-mail/state").text
    newcomer.harness.run()
    page = browser.page("/app/setup/first-mail")
    assert "The first mail has arrived" in page.text_content()
    assert ADDRESS in page.text_content()
    (frame,) = page.xpath("//iframe[@sandbox='']/@src")
    mail = browser.get(frame)
    assert mail.headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert "The Tideline Letter" in mail.text
    assert "1 Quay, 12345 Harbour" in mail.text
    assert newcomer.done() == [True, True, True, True]
    assert "The first mail was sent, too." in browser.get("/app/setup").text


def test_it_can_be_left_at_every_step_and_goes_on_there(newcomer: Newcomer):
    other_day = newcomer.team.signed_in(newcomer.team.reload(newcomer.team.user(Role.ADMIN)))

    def next_step() -> str:
        (link,) = other_day.page("/app/setup").xpath("//div[@class='setup-work']//a[contains(@class,'button')]/@href")
        return str(link)

    assert next_step() == "/app/setup/brand"
    newcomer.save_brand(site_name="The Letter")
    assert next_step() == "/app/setup/brand"
    newcomer.save_brand(postal_address="1 Quay")
    assert next_step() == "/app/setup/content"
    newcomer.add_content(source="sample")
    assert next_step() == "/app/setup/first-mail"
    assert other_day.page("/app/setup").xpath("//a/@href") != []


def test_the_steps_look_at_what_there_is_and_not_at_what_was_clicked(newcomer: Newcomer, write_article: WriteArticle):
    with newcomer.team.app.database.begin() as connection:
        lists.add(connection, slug="readers", name="Readers")
    write_article()
    assert newcomer.done() == [True, False, True, True]
    page = newcomer.browser.page("/app/setup/content")
    assert page.xpath("//input[@name='list_name']") == []
    assert "There is the list Readers." in page.text_content()


def test_the_made_up_address_of_the_sandbox_gives_way_to_that_of_the_brand(newcomer: Newcomer):
    def own() -> object:
        with newcomer.team.app.database.begin() as connection:
            return channels.find(connection, "email").settings.get("postal_address")

    assert own() == MADE_UP_ADDRESS
    newcomer.save_brand(postal_address="1 Quay")
    assert own() is None


def test_a_mail_server_is_connected_and_tried_on_the_spot_and_back_to_the_sandbox(newcomer: Newcomer):
    browser, sandbox = newcomer.browser, newcomer.sandbox
    answers = {"answer:host": "127.0.0.1", "answer:port": str(sandbox.smtp_port), "answer:encryption": "plain"}
    form = {"way": "smtp", **answers, "setting:sender": "The Letter <ada@harbour.example>"}
    response = browser.post("/app/setup/mail", form)
    assert response.headers["location"] == "/app/setup/mail?check=now"
    page = browser.page("/app/setup/mail?check=now")
    assert page.xpath("string(//section[@role='status']/h2)") == "It works"
    assert "ada@harbour.example" in page.text_content()
    wrong = browser.post("/app/setup/mail", {**form, "answer:port": "1"})
    assert wrong.status_code == 303
    page = browser.page("/app/setup/mail?check=now")
    assert page.xpath("string(//section[@role='status']/h2)") == "It does not work yet"
    assert "`distributor" not in page.text_content()
    assert browser.post("/app/setup/mail/sandbox").headers["location"] == "/app/setup/content"
    assert "nobody gets them" in browser.get("/app/setup/mail").text


def test_wrong_answers_are_told_at_their_fields(newcomer: Newcomer):
    form = {"way": "smtp", "answer:host": "", "answer:port": "587", "secret:password": "canary-secret"}
    response = newcomer.browser.post("/app/setup/mail", form)
    assert response.status_code == 422
    page = lxml.html.fromstring(response.text)
    assert page.xpath("//*[@aria-invalid]/@name") == ["answer:host"]
    assert "canary-secret" not in response.text
    assert newcomer.browser.post("/app/setup/mail", {"way": "nothing"}).status_code == 404


def test_an_article_is_pasted_or_uploaded(newcomer: Newcomer):
    response = newcomer.add_content(source="paste", text="A title\n\nSome text of the article.\n\nMore of it.")
    assert response.headers["location"] == "/app/setup/first-mail?article=a-title"
    assert newcomer.add_content(source="paste", text="A title\n\nOther text.", key="x").status_code == 303
    files = {"file": ("note.md", b"---\ntitle: From a file\n---\n\nSome *text*.\n", "text/markdown")}
    data = {"source": "upload"}
    response = newcomer.browser.client.post("/app/setup/content", data=data, files=files, headers=SAME_ORIGIN)
    assert response.headers["location"] == "/app/setup/first-mail?article=note"
    files = {
        "file": ("issue.zip", archive({"a.md": "---\ntitle: [\n---\n", "b.md": "# Ben\n\nText."}), "application/zip")
    }
    response = newcomer.browser.client.post("/app/setup/content", data=data, files=files, headers=SAME_ORIGIN)
    assert response.headers["location"] == "/app/setup/first-mail?article=ben"
    with newcomer.team.app.database.begin() as connection:
        assert {one.article.title for one in articles.latest(connection, limit=5)} >= {"A title", "From a file", "Ben"}


def test_a_form_that_is_sent_twice_makes_one_article(newcomer: Newcomer):
    form = {"source": "paste", "text": "A title\n\nSome text of the article.", "key": "once"}
    assert len({newcomer.add_content(**form).headers["location"] for _ in range(2)}) == 1
    with newcomer.team.app.database.begin() as connection:
        assert len(articles.latest(connection, limit=5)) == 1


@pytest.mark.parametrize(
    ("body", "words"), [(b"%PDF-1.7", "PDF"), (png(20, 20), "image"), (b"\x00\x01\x02\x03" * 99, "")]
)
def test_a_file_that_is_no_article_is_refused_in_words(newcomer: Newcomer, body: bytes, words: str):
    files = {"file": ("article.md", body, "text/markdown")}
    response = newcomer.browser.client.post(
        "/app/setup/content", data={"source": "upload"}, files=files, headers=SAME_ORIGIN
    )
    assert response.status_code == 422
    assert words in lxml.html.fromstring(response.text).xpath("string(//*[@id='article-error'])")


@pytest.mark.parametrize(
    ("source", "body"), [("paste", ""), ("paste", " \n "), ("upload", "")], ids=["nothing", "blanks", "no file"]
)
def test_without_an_article_the_step_is_shown_again(newcomer: Newcomer, source: str, body: str):
    response = newcomer.add_content(source=source, text=body, list_name="Kept")
    assert response.status_code == 422
    assert 'value="Kept"' in response.text
    with newcomer.team.app.database.begin() as connection:
        assert lists.listed(connection) == []


def test_oneself_is_on_the_list_by_an_own_act_that_is_on_record(newcomer: Newcomer):
    newcomer.add_content(source="sample")
    newcomer.add_content(source="sample")
    with newcomer.team.app.database.begin() as connection:
        (made,) = lists.listed(connection)
        (member,) = memberships.members(connection, made.id, limit=5)
        (record,) = consents.of_subscriber(connection, member[0].id)
    assert (made.name, member[0].email) == ("The Letter", ADDRESS)
    assert record.method == "person"
    assert "own address" in record.text


def test_nobody_is_put_on_the_list_who_does_not_wish_it(newcomer: Newcomer):
    newcomer.browser.post("/app/setup/content", {"list_name": "The Letter", "source": "sample"})
    with newcomer.team.app.database.begin() as connection:
        (made,) = lists.listed(connection)
        assert memberships.members(connection, made.id, limit=5) == []


def test_a_double_click_sends_one_mail_and_the_draft_goes_to_nobody(newcomer: Newcomer):
    newcomer.save_brand(postal_address="1 Quay")
    newcomer.add_content(source="sample")
    form = newcomer.form("/app/setup/first-mail")
    for _ in range(2):
        assert newcomer.browser.post("/app/setup/first-mail", form).status_code == 303
    newcomer.harness.run()
    assert len(newcomer.sandbox.state.inbox) == 1
    (envelope,) = newcomer.sandbox.state.inbox.envelopes()
    assert envelope.recipients == (ADDRESS,)
    with newcomer.team.app.database.begin() as connection:
        (planned,) = dispatches.of_campaign(connection, 1)
    assert planned.state is DispatchState.DRAFT


def test_what_blocks_the_mail_is_told_on_the_page(newcomer: Newcomer):
    newcomer.add_content(source="sample")
    form = {**newcomer.form("/app/setup/first-mail"), "article": "no-such-article"}
    response = newcomer.browser.post("/app/setup/first-mail", form)
    assert response.status_code == 422
    assert "no-such-article" in response.text


def test_a_sandbox_that_is_away_is_told_in_words(newcomer: Newcomer, tmp_path: Path):
    newcomer.save_brand(postal_address="1 Quay")
    newcomer.add_content(source="sample")
    newcomer.send()
    newcomer.harness.run()
    with newcomer.team.app.database.begin() as connection:
        from distributor.storage import site_settings

        site_settings.remember_sandbox(
            connection, SandboxPorts(http=1, smtp=newcomer.sandbox.smtp_port), now=newcomer.team.clock()
        )
    text = newcomer.browser.get("/app/setup/first-mail").text
    assert "does not answer" in text


def test_no_text_becomes_markup(newcomer: Newcomer):
    newcomer.save_brand(site_name=PROBE, postal_address=PROBE)
    newcomer.add_content(source="paste", text=f"{PROBE}\n\nText {PROBE}\n", list_name=f"L {PROBE}")
    newcomer.send()
    newcomer.harness.run()
    for path in ("/app/setup", *STEPS, "/app/setup/first-mail", "/app/setup/first-mail/document"):
        assert "<script>alert" not in newcomer.browser.get(path).text


@pytest.mark.parametrize("role", [Role.EDITOR, Role.MARKETER, Role.APPROVER, Role.VIEWER])
def test_only_owners_and_admins_set_up(team: Team, role: Role):
    browser = team.signed_in(team.user(role))
    for path in ("/app/setup", "/app/setup/brand", "/app/setup/mail", "/app/setup/content"):
        assert browser.get(path).status_code == 403
    for path in ("/app/setup/brand", "/app/setup/mail", "/app/setup/mail/sandbox", "/app/setup/content"):
        assert browser.post(path).status_code == 403


def test_someone_who_is_invited_to_a_site_that_is_set_up_comes_to_the_overview(newcomer: Newcomer):
    newcomer.save_brand(site_name="The Letter", postal_address="1 Quay")
    newcomer.add_content(source="sample")
    for role, target in ((Role.ADMIN, "/app"), (Role.VIEWER, "/app")):
        _user, link = accounts.create_user(
            newcomer.team.app, email=f"{role}@x.example", name="", role=role, actor=OPERATOR
        )
        sent = {"password": PASSWORD, "password_again": PASSWORD}
        response = newcomer.team.browser().post(urlsplit(link).path, sent)
        assert response.headers["location"] == target


def test_a_service_without_a_sandbox_gets_its_channel_of_mails_here(
    make_team: MakeTeam, sandbox: Sandbox, write_article: WriteArticle, tmp_path: Path
):
    team = make_team()
    owner = team.signed_in(team.user(Role.OWNER))
    page = owner.page("/app/setup/mail")
    assert "Nothing can be mailed yet" in page.text_content()
    assert page.xpath("//form[contains(@action,'sandbox')]") == []
    assert owner.post("/app/setup/mail/sandbox").status_code == 404
    write_article()
    assert "no channel for mails" in owner.get("/app/setup/first-mail").text
    answers = {"answer:host": "127.0.0.1", "answer:port": str(sandbox.smtp_port), "answer:encryption": "plain"}
    assert owner.post("/app/setup/mail", {"way": "smtp", **answers}).status_code == 303
    page = owner.page("/app/setup/mail?check=now")
    assert page.xpath("string(//section[@role='status']/h2)") == "It works"
    assert "There is no list yet" in owner.get("/app/setup/first-mail").text
    with team.app.database.begin() as connection:
        lists.add(connection, slug="readers", name="Readers")
    page = owner.page("/app/setup/first-mail")
    assert "over 127.0.0.1" in page.text_content()
    sent = owner.post("/app/setup/first-mail", fields(page, "/app/setup/first-mail"))
    assert sent.status_code == 303, lxml.html.fromstring(sent.text).xpath("string(//*[@role='alert'])")
    CampaignHarness(team.app, tmp_path).run()
    page = owner.page("/app/setup/first-mail")
    assert "Open the inbox of owner@example.org" in page.text_content()
    assert page.xpath("//a[starts-with(@href,'/app/deliveries/')]")
    assert page.xpath("//iframe") == []
    assert len(sandbox.state.inbox) == 1
