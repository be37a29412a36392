"""A test of a campaign arrives as everyone's mail will, says what it is, and counts nowhere."""

from __future__ import annotations

import email.policy
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest
from lxml import html
from sqlalchemy import text
from starlette.testclient import TestClient

from distributor.cli.sandbox import configure_sandbox_channels
from distributor.domain.article import Media
from distributor.domain.blocks import Image
from distributor.domain.campaign import CampaignAction, CampaignPurpose
from distributor.domain.errors import AddressError, InputError, NotFoundError, StateError
from distributor.domain.event import EventKind
from distributor.domain.feedback import Feedback, FeedbackKind, MatchedBy
from distributor.domain.message_options import MessageOptions
from distributor.domain.sandbox_ports import SandboxPorts
from distributor.domain.suppression import SuppressionReason, parse_target
from distributor.domain.tokens import Purpose
from distributor.flow.feedback import tracking
from distributor.flow.feedback.apply_feedback import apply_feedback
from distributor.flow.operations.audit import audit
from distributor.flow.operations.channel_settings import configure
from distributor.flow.people.privacy import erase
from distributor.flow.publishing.review import review_campaign
from distributor.flow.publishing.send_test import MAX_ADDRESSES, AskedTest, send_test
from distributor.sandbox.registry import emulators
from distributor.sandbox.service import Sandbox, running_sandbox
from distributor.sandbox.smtp_server import email_channel_settings
from distributor.storage import articles, campaigns, subscribers, suppressions
from distributor.web.app import create_app
from tests.flow.campaign_harness import CampaignHarness

ME = "me@team.example"
_LATER = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Office:
    """A harness whose channels lead to a sandbox, and what arrives there."""

    harness: CampaignHarness
    sandbox: Sandbox
    folder: Path

    def test(self, campaign_id: int, *to: str, **asked: Any) -> int:
        """Send a test and let it arrive; gives its number."""
        asked = {"addresses": to, **asked}
        test_id = send_test(self.harness.app, campaign_id, AskedTest(**asked), actor="a test")
        self.harness.run()
        return test_id

    @property
    def mails(self) -> list[EmailMessage]:
        files = sorted((self.folder / "inbox").glob("*.eml"))
        return [email.message_from_bytes(file.read_bytes(), policy=email.policy.default) for file in files]

    def posts(self, network: str) -> int:
        return len(self.sandbox.state.emulators[network].posts())

    def settings(self, kind: str) -> dict[str, Any]:
        """The settings of another channel of this kind into the sandbox."""
        if kind == "email":
            return email_channel_settings(f"smtp://127.0.0.1:{self.sandbox.smtp_port}")
        return emulators()[kind].channel_settings(f"http://127.0.0.1:{self.sandbox.http_port}/{kind}")

    def link(self, test_id: int, purpose: Purpose) -> str:
        return self.harness.app.tokens.mint(purpose, self.harness.only_delivery(test_id).id)

    def everything_but_tests(self) -> dict[str, Any]:
        """What campaigns and people have in the ledger, tests left out."""
        with self.harness.app.database.begin() as connection:
            return {
                name: connection.execute(text(query)).all()
                for name, query in {
                    "deliveries": "SELECT d.id, d.state FROM deliveries d JOIN dispatches x ON x.id = d.dispatch_id "
                    "JOIN campaigns c ON c.id = x.campaign_id WHERE c.purpose <> 'test' ORDER BY 1",
                    "events": "SELECT id, kind FROM events WHERE subscriber_id IS NOT NULL",
                    "memberships": "SELECT list_id, subscriber_id, state FROM memberships ORDER BY 1, 2",
                    "suppressions": "SELECT id FROM suppressions",
                }.items()
            }


@pytest.fixture
def office(harness: CampaignHarness, tmp_path: Path) -> Iterator[Office]:
    with running_sandbox(tmp_path / "sandbox") as sandbox:
        configure_sandbox_channels(harness.app, SandboxPorts(http=sandbox.http_port, smtp=sandbox.smtp_port))
        yield Office(harness=harness, sandbox=sandbox, folder=tmp_path / "sandbox")


def _greeting(source: str) -> MessageOptions:
    return MessageOptions(greeting=source)


@pytest.fixture
def client(office: Office) -> Iterator[TestClient]:
    with TestClient(create_app(office.harness.app), follow_redirects=False) as client:
        yield client


def parts(mail: EmailMessage) -> tuple[str, str]:
    """The text and the HTML of a mail."""
    plain, markup = mail.get_body(("plain",)), mail.get_body(("html",))
    assert plain is not None
    assert markup is not None
    return plain.get_content(), markup.get_content()


def test_a_test_mail_says_that_it_is_one_and_what_it_shows(office: Office) -> None:
    draft = office.harness.draft("email")
    office.test(draft, ME)
    (mail,) = office.mails
    assert (mail["To"], mail["Subject"]) == (ME, "[Test] Hello")
    for part in parts(mail):
        assert f"This is a test of campaign {draft}. It shows what {ME} would get." in " ".join(part.split())
        assert "A first paragraph." in part
    assert mail["List-Unsubscribe"]


def test_a_test_shows_the_mail_of_a_subscriber(office: Office) -> None:
    campaign_id = office.harness.draft("email", message_options=_greeting("Dear {{ subscriber.name }}"))
    office.test(campaign_id, ME, "other@team.example", seen_by="ada@example.org")
    assert [mail["To"] for mail in office.mails] == [ME, "other@team.example"]
    for mail in office.mails:
        plain, _ = parts(mail)
        assert "Dear ada" in plain
        assert "It shows what ada@example.org would get." in " ".join(plain.split())


def test_a_field_without_a_default_needs_a_subscriber_who_has_it(office: Office) -> None:
    campaign_id = office.harness.draft("email", message_options=_greeting("Dear {{ subscriber.name }}"))
    with pytest.raises(InputError, match=r"subscriber\.name without a default, and me@team\.example has none"):
        office.test(campaign_id, ME)
    assert office.mails == []


@pytest.mark.parametrize("state", ["draft", "scheduled", "finished"])
def test_a_campaign_can_be_tested_in_any_state_and_stays_as_it_is(office: Office, state: str) -> None:
    make = {
        "draft": lambda: office.harness.draft("email"),
        "scheduled": lambda: office.harness.plan("email", after=_LATER),
        "finished": lambda: office.harness.plan_and_run("email"),
    }
    campaign_id = make[state]()
    before = office.harness.report(campaign_id)
    office.test(campaign_id, ME)
    after = office.harness.report(campaign_id)
    assert before.state.value == state
    assert (after.state, after.totals, after.events) == (before.state, before.totals, before.events)
    assert office.mails[-1]["Subject"] == "[Test] Hello"


def test_who_and_what_is_in_the_test_campaign_alone(office: Office) -> None:
    campaign_id = office.harness.draft("email")
    test_id = office.test(campaign_id, ME)
    assert office.harness.counts(test_id) == {"audience": 1, "sent": 1}
    with office.harness.app.database.begin() as connection:
        listed = {
            purpose: [one.id for one in campaigns.latest(connection, limit=10, purposes=[purpose])]
            for purpose in (CampaignPurpose.ARTICLES, CampaignPurpose.TEST)
        }
        (entry,) = [one for one in campaigns.history(connection, campaign_id) if one.action is CampaignAction.TESTED]
        assert campaigns.find(connection, test_id).test_of == campaign_id
    assert listed == {CampaignPurpose.ARTICLES: [campaign_id], CampaignPurpose.TEST: [test_id]}
    assert (entry.actor, entry.detail) == ("a test", f"campaign {test_id}, over email to 1")
    assert not audit(office.harness.app, test_id, ()).differences


def test_a_subscriber_who_got_a_test_gets_the_campaign(office: Office) -> None:
    campaign_id = office.harness.draft("email", repeats=False)
    office.test(campaign_id, "ada@example.org", seen_by="ada@example.org")
    (dispatch,) = review_campaign(office.harness.app, campaign_id).dispatches
    assert dispatch.recipients == 3


def test_opens_clicks_and_bounces_of_a_test_count_for_no_one(office: Office, client: TestClient) -> None:
    campaign_id = office.harness.plan_and_run("email")
    before = office.everything_but_tests()
    report = office.harness.report(campaign_id)
    test_id = office.test(campaign_id, "ada@example.org", seen_by="ada@example.org")
    assert client.get(f"/o/{office.link(test_id, Purpose.OPEN)}.gif").status_code == 200
    _, markup = parts(office.mails[-1])
    click = next(href for href in html.document_fromstring(markup).xpath("//a/@href") if "/c/" in href)
    assert client.get(click[click.index("/c/") :]).status_code == 302
    tracking.write_events(office.harness.app)
    bounce = Feedback(
        kind=FeedbackKind.BOUNCE,
        key="bounce",
        match=MatchedBy.RETURN_PATH,
        delivery_id=office.harness.only_delivery(test_id).id,
        address="ada@example.org",
        is_hard=True,
    )
    apply_feedback(office.harness.app, bounce, source="a-test")
    assert set(office.harness.report(test_id).events) >= {EventKind.OPEN, EventKind.CLICK, EventKind.BOUNCE}
    assert office.everything_but_tests() == before
    assert office.harness.report(campaign_id).events == report.events


@pytest.mark.parametrize(
    ("purpose", "path", "form"),
    [
        (Purpose.UNSUBSCRIBE, "/unsubscribe/{}", {"List-Unsubscribe": "One-Click"}),
        (Purpose.UNSUBSCRIBE, "/unsubscribe/{}", {"button": "unsubscribe"}),
        (Purpose.UNSUBSCRIBE, "/unsubscribe/{}/reason", {"reason": "other"}),
        (Purpose.UNSUBSCRIBE, "/unsubscribe/{}/resubscribe", {}),
        (Purpose.PREFERENCES, "/preferences/{}", {"name": "x"}),
        (Purpose.PREFERENCES, "/preferences/{}/unsubscribe", {}),
        (Purpose.PREFERENCES, "/preferences/{}/erase", {"email": "ada@example.org", "confirm": "yes"}),
    ],
)
def test_the_links_of_a_test_act_on_no_one_and_say_so(
    office: Office, client: TestClient, purpose: Purpose, path: str, form: dict[str, str]
) -> None:
    test_id = office.test(office.harness.draft("email"), "ada@example.org", seen_by="ada@example.org")
    before = office.everything_but_tests()
    link = path.format(office.link(test_id, purpose))
    answers = [client.post(link, data=form)]
    if path.count("/") == 2:
        answers.append(client.get(link))
    for answer in answers:
        assert answer.status_code == 200
        assert "It came in a test mail: it belongs to no subscriber, changes nothing" in answer.text
    assert office.everything_but_tests() == before


def test_a_suppressed_address_is_refused_with_the_reason(office: Office) -> None:
    with office.harness.app.database.begin() as connection:
        suppressions.add(connection, [parse_target(ME)], SuppressionReason.HARD_BOUNCE, now=office.harness.app.clock())
    with pytest.raises(StateError, match=r"me@team\.example is suppressed \(hard_bounce\)"):
        office.test(office.harness.draft("email"), "fine@team.example", ME)
    assert office.mails == []


@pytest.mark.parametrize("target", [ME, "@team.example"])
def test_an_address_that_is_suppressed_before_its_test_is_sent_gets_none(office: Office, target: str) -> None:
    app = office.harness.app
    asked = AskedTest(addresses=(ME.title(), "fine@other.example"))
    test_id = send_test(app, office.harness.draft("email"), asked, actor="a test")
    with app.database.begin() as connection:
        suppressions.add(connection, [parse_target(target)], SuppressionReason.MANUAL, now=app.clock())
    office.harness.run()
    assert office.harness.counts(test_id) == {"audience": 2, "sent": 1, "suppressed": 1}
    assert [mail["To"] for mail in office.mails] == ["fine@other.example"]


def test_tests_are_in_no_metric(office: Office, client: TestClient) -> None:
    office.test(office.harness.draft("email"), ME)
    lines = client.get("/metrics").text.splitlines()
    counted = [line for line in lines if line.startswith(("distributor_dispatches{", "distributor_deliveries{"))]
    assert counted == ['distributor_dispatches{kind="email",state="draft"} 1.0']


def test_twenty_addresses_are_the_limit_and_each_gets_one_mail(office: Office) -> None:
    draft = office.harness.draft("email")
    many = [f"p{number}@team.example" for number in range(MAX_ADDRESSES)]
    with pytest.raises(InputError, match="20 addresses at most"):
        office.test(draft, *many, ME)
    assert office.harness.counts(office.test(draft, ME, ME.upper())) == {"audience": 1, "sent": 1}


def test_the_images_of_a_draft_are_in_its_test(office: Office) -> None:
    with office.harness.app.database.begin() as connection:
        picture = Media(name="0123.png", media_type="image/png", body=b"\x89PNG\r\n\x1a\n")
        articles.add_media(connection, [picture])
    office.harness.article("pictured", body=(Image("/media/0123.png", "A picture"),))
    draft = office.harness.draft("email", slugs=("pictured",))
    office.test(draft, ME)
    (mail,) = office.mails
    _, markup = parts(mail)
    (source,) = html.document_fromstring(markup).xpath("//img[starts-with(@src, 'cid:')]/@src")
    assert [part["Content-ID"] for part in mail.walk() if part["Content-ID"]] == [f"<{source[4:]}>"]


def test_the_web_version_of_a_test_shows_no_draft(office: Office, client: TestClient) -> None:
    link = f"/view/{office.link(office.test(office.harness.draft('email'), ME), Purpose.VIEW)}"
    before = client.get(link).text
    office.harness.plan_and_run("email")
    after = client.get(link).text
    assert ("A first paragraph." in before, "shows nothing that is not public yet" in before) == (False, True)
    assert "A first paragraph." in after
    assert "This is a test of campaign" in after


def test_a_post_is_tested_on_another_account(office: Office) -> None:
    configure(office.harness.app, "mastodon-test", "mastodon", {**office.settings("mastodon"), "handle": "trial"})
    campaign_id = office.harness.draft("mastodon", repeats=False)
    test_id = office.test(campaign_id, via="mastodon-test")
    assert office.harness.counts(test_id) == {"audience": 1, "sent": 1}
    assert office.harness.only_delivery(test_id).recipient.startswith("@trial@")
    assert office.posts("mastodon") == 1
    assert not review_campaign(office.harness.app, campaign_id).blockers


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({}, "name the channel to test"),
        ({"channel_name": "email"}, "name at least one address"),
        ({"channel_name": "mastodon"}, "is the account that the campaign posts to"),
        ({"channel_name": "mastodon", "addresses": (ME,)}, "posts to an account, not to addresses"),
        ({"channel_name": "mastodon", "via": "x"}, "x is a channel of kind x, and mastodon is of kind mastodon"),
        ({"channel_name": "feed"}, "publishes for everyone"),
    ],
)
def test_a_request_that_does_not_fit_is_refused(office: Office, asked: dict[str, Any], reason: str) -> None:
    configure(office.harness.app, "other", "email", office.settings("email"))
    campaign_id = office.harness.draft("email", "other", "mastodon", "feed")
    with pytest.raises(InputError, match=re.escape(reason)):
        office.test(campaign_id, **asked)
    assert (office.mails, office.posts("mastodon")) == ([], 0)


def test_unknown_names_and_broken_addresses_are_named(office: Office) -> None:
    draft = office.harness.draft("email")
    with pytest.raises(NotFoundError):
        office.test(draft, ME, channel_name="x")
    with pytest.raises(NotFoundError):
        office.test(draft, ME, seen_by="nobody@example.org")
    with pytest.raises(AddressError):
        office.test(draft, "nonsense")
    with pytest.raises(StateError, match="only campaigns with articles"):
        office.test(office.test(draft, ME), ME)


def test_a_person_who_is_erased_is_in_no_test_any_more(office: Office) -> None:
    draft = office.harness.draft("email")
    office.test(draft, "ada@example.org")
    office.test(draft, ME, seen_by="ada@example.org")
    with office.harness.app.database.begin() as connection:
        person = subscribers.find(connection, "ada@example.org").id
    assert erase(office.harness.app, person, requested_by="person").is_complete
    with office.harness.app.database.begin() as connection:
        recipients = connection.execute(text("SELECT recipient FROM deliveries ORDER BY id")).scalars().all()
    assert recipients == ["erased:1", ME]
